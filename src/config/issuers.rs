//! `[issuer.<name>]` and `[provider.<id>.agent]`: who vouches for the agents, and how well they
//! must have logged in.

use std::collections::BTreeMap;

use super::table::{ID, Shape, Spot, Table};
use crate::admission::{AgentAuth, Algorithm, Issuer, RunBy, TokenRequirements, Word};

/// Stands in place of an issuer's name where the client certificate stands in for the person.
const CERTIFICATE: &str = "certificate";
/// A log-in of the morning is good until the evening.
const AUTH_MAX_AGE: u64 = 12 * 3_600;

const URL: Shape = Shape::new(
    "what its tokens have as `iss`: https://, and up to 200 characters without spaces",
    |text| {
        text.strip_prefix("https://").is_some_and(|rest| !rest.is_empty())
            && text.len() <= 208
            && text.bytes().all(|b| b.is_ascii_graphic())
    },
);
const AUDIENCE: Shape = Shape::new(
    "what its tokens for this gateway have in `aud`: 1 to 200 characters without spaces",
    |text| (1..=200).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()),
);
const KEYS: Shape = Shape::new(
    "the file of its JWK Set, as in \"keys/issuer.jwks\"; relative to this file",
    |text| (1..=1_000).contains(&text.len()) && !text.contains(char::is_control),
);
const ALGORITHM: Shape =
    Shape::new("EdDSA, ES256 or RS256", |text| text.parse::<Algorithm>().is_ok());
const RUN_BY: Shape = Shape::new("agency or provider", |text| RunBy::WORDS.contains(&text));

/// All `[issuer.<name>]`; there need be none.
pub(super) fn read(root: &mut Table<'_>) -> BTreeMap<Word, Issuer> {
    let mut found = BTreeMap::new();
    let Some(all) = root.optional_table("issuer") else { return found };
    for (name, item) in all.entries(ID) {
        if &*name == CERTIFICATE {
            let what = "`certificate` is the word for having no issuer: name this one otherwise";
            all.fault(item.at, what);
        }
        if let Some(table) = all.as_table(&name, item) {
            found.insert(name, issuer(table));
        }
    }
    found
}

fn issuer(mut table: Table<'_>) -> Issuer {
    let url = table.text("url", URL, None);
    let audience = table.text("audience", AUDIENCE, None);
    let keys = table.text("keys", KEYS, None);
    let algorithms = table.list("algorithms", ALGORITHM, true);
    let max_lifetime = table.integer("max_lifetime_seconds", 60..=86_400);
    // A word that is none was noted, and then no policy comes of this.
    let run_by = table.text("run_by", RUN_BY, None).parse().unwrap_or(RunBy::Agency);
    table.close();
    Issuer {
        url: url.to_string(),
        audience: audience.to_string(),
        keys: keys.to_string().into(),
        algorithms: algorithms.iter().filter_map(|spot| spot.value.parse().ok()).collect(),
        max_lifetime,
        run_by,
    }
}

/// Who vouches for the agents of a provider, out of its table `agent`.
pub(super) fn voucher(
    table: &mut Table<'_>,
    issuers: &BTreeMap<Word, Issuer>,
) -> (AgentAuth, Spot<Word>) {
    let issuer = table.text_spot("issuer", ID);
    let ages = 60..=30 * 86_400;
    let demand = TokenRequirements {
        issuer: issuer.value.clone(),
        second_factor: table.flag("second_factor", true),
        auth_max_age: table.integer_or("auth_max_age_seconds", ages, AUTH_MAX_AGE),
    };
    if &*issuer.value != CERTIFICATE {
        let known: Vec<&str> = issuers.keys().map(|name| &**name).chain([CERTIFICATE]).collect();
        if !issuer.value.is_empty() {
            table.check_known(std::slice::from_ref(&issuer), &known, "an issuer of this policy");
        }
        return (AgentAuth::Token(demand), issuer);
    }
    for key in ["second_factor", "auth_max_age_seconds"] {
        if let Some(at) = table.spot(key) {
            let what =
                "says something of tokens, and there are none: leave it out, or name an issuer";
            table.fault(at, format!("`{key}` {what}"));
        }
    }
    (AgentAuth::Certificate, issuer)
}

/// An issuer that a provider runs vouches for its own people and for nobody else's.
pub(super) fn check_own<'p>(
    all: &Table<'_>,
    issuers: &BTreeMap<Word, Issuer>,
    named: impl IntoIterator<Item = &'p Spot<Word>>,
) {
    let mut own = std::collections::BTreeSet::new();
    for issuer in named {
        let name = &issuer.value;
        let run_by = issuers.get(name).map(|issuer| issuer.run_by);
        if run_by == Some(RunBy::Provider) && !own.insert(name.clone()) {
            let what = "is run by a provider, and another one names it: give each its own, or write \
                        `run_by = \"agency\"` if neither of them runs it";
            all.fault(issuer.at, format!("issuer `{name}` {what}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::policy::parse;
    use super::super::policy::tests::{SHIPPED, changed, faults, one_fault};
    use super::*;

    fn voucher_of(text: &str, provider: &str) -> AgentAuth {
        parse(text).unwrap_or_else(|faults| panic!("{faults:#?}")).providers[provider]
            .voucher
            .clone()
    }

    #[test]
    fn the_annotated_policy_shows_the_defaults() {
        let policy = parse(SHIPPED).unwrap();
        let issuer = &policy.issuers["agency-login"];
        assert_eq!(issuer.url, "https://login.agency.example/realms/providers");
        assert_eq!(issuer.algorithms, [Algorithm::Es256, Algorithm::Rs256]);
        assert_eq!((issuer.max_lifetime, issuer.run_by), (900, RunBy::Agency));
        let (shown, left_out) = ("langues-nord", "accueil-sud");
        assert_eq!(voucher_of(SHIPPED, shown), voucher_of(SHIPPED, left_out));
        let AgentAuth::Token(demand) = voucher_of(SHIPPED, shown) else { panic!("a token") };
        assert_eq!((demand.second_factor, demand.auth_max_age), (true, AUTH_MAX_AGE));
    }

    #[test]
    fn a_certificate_stands_in_where_the_policy_says_so() {
        let table = "[provider.accueil-sud.agent]\nissuer = ";
        let with = |rest: &str| {
            changed(&format!("{table}\"agency-login\"\n"), &format!("{table}{rest}\n"))
        };
        assert_eq!(voucher_of(&with("\"certificate\""), "accueil-sud"), AgentAuth::Certificate);
        let more = with("\"certificate\"\nsecond_factor = false");
        one_fault(&more, "second_factor = false", &["`second_factor` says something of tokens"]);
        let more = with("\"certificate\"\nauth_max_age_seconds = 60");
        one_fault(&more, "auth_max_age_seconds = 60", &["leave it out, or name an issuer"]);
        let unknown = with("\"agency-logim\"");
        one_fault(&unknown, "issuer = \"agency-logim\"", &["did you mean `agency-login`?"]);
        let other = with("\"Agency\"");
        assert!(faults(&other).iter().any(|f| f.what.contains("`issuer` has another form")));
        let none = changed("[provider.accueil-sud.agent]\nissuer = \"agency-login\"\n", "");
        let says = ["`agent` is missing", "write [provider.accueil-sud.agent]"];
        one_fault(&none, "accueil-sud]", &says);
        let empty =
            changed(&format!("{table}\"agency-login\"\n"), "[provider.accueil-sud.agent]\n");
        one_fault(&empty, "agent]\n\n[provider.accueil-sud.b", &["`issuer` is missing"]);
    }

    #[test]
    fn each_key_of_an_issuer_is_required_and_of_its_form() {
        for key in ["url", "audience", "keys", "algorithms", "max_lifetime_seconds", "run_by"] {
            let line = SHIPPED.lines().find(|line| line.starts_with(&format!("{key} = "))).unwrap();
            let text = changed(&format!("\n{line}"), "");
            one_fault(&text, "agency-login]", &[key, "is missing in [issuer.agency-login]"]);
        }
        for (from, to, says) in [
            ("url = \"https", "url = \"http", "https://"),
            ("url = \"https://", "url = \"https:// ", "without spaces"),
            ("audience = \"greffier\"", "audience = \"\"", "1 to 200 characters"),
            ("keys = \"agency-login.jwks\"", "keys = \"\"", "JWK Set"),
            ("algorithms = [\"ES256\", ", "algorithms = [\"none\", ", "EdDSA, ES256 or RS256"),
            ("algorithms = [\"ES256\", ", "algorithms = [\"HS256\", ", "EdDSA, ES256 or RS256"),
            ("algorithms = [\"ES256\", \"RS256\"]", "algorithms = []", "is empty"),
            ("max_lifetime_seconds = 900", "max_lifetime_seconds = 59", "from 60 to 86400"),
            ("max_lifetime_seconds = 900", "max_lifetime_seconds = 86401", "from 60 to 86400"),
            ("run_by = \"agency\"", "run_by = \"nobody\"", "agency or provider"),
            ("second_factor = true", "second_factor = 1", "`second_factor = true`"),
            ("auth_max_age_seconds = 43200", "auth_max_age_seconds = 59", "from 60 to 2592000"),
            ("auth_max_age_seconds = 43200", "auth_max_age_seconds = 2592001", "from 60 to"),
            ("[issuer.agency-login]", "[issuer.agency-login]\nkid = 1", "`kid` is no key"),
        ] {
            let found = faults(&changed(from, to));
            assert!(found.iter().any(|f| f.what.contains(says)), "{to}: {found:#?}");
        }
        let long = "x".repeat(190);
        let url = format!("https://{long}");
        let policy =
            parse(&changed("https://login.agency.example/realms/providers", &url)).unwrap();
        assert_eq!(policy.issuers["agency-login"].url, url, "a long text is not cut");
        let named = SHIPPED.replace("agency-login]", "certificate]");
        let says = "`certificate` is the word for having no issuer";
        assert!(faults(&named).iter().any(|f| f.what.contains(says)));
    }

    #[test]
    fn an_issuer_of_a_provider_is_named_by_one() {
        let text = changed("run_by = \"agency\"", "run_by = \"provider\"");
        one_fault(
            &text,
            "issuer = \"agency-login\"\n\n[provider.accueil-sud.budgets]",
            &["issuer `agency-login` is run by a provider"],
        );
        let one = "[provider.accueil-sud.agent]\nissuer = \"agency-login\"";
        let own = text.replace(one, "[provider.accueil-sud.agent]\nissuer = \"certificate\"");
        assert!(faults(&own).is_empty());
    }
}
