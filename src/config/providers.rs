//! `[provider.<id>]`, `[staff]` and `revoked`: who is known, what they may do and how much.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::table::values;
use super::table::{CONTACT, FINGERPRINT, ID, Shape, Spot, Table, WORD};
use super::{habits, issuers};
use crate::admission::{
    AgentAuth, Dataset, Grant, Issuer, Provider, Rate, Role, Scope, Word, zone,
};
use crate::format::entry::{Budgets, Contract, ProviderRules, StaffRules};

/// Most providers in a policy: each is an entry of the ledger.
const MOST: usize = 10_000;
/// Largest budget that a policy may give, in persons.
const LARGEST_BUDGET: u64 = 10_000_000;
/// Highest rate and burst, in calls a second and calls at once.
const HIGHEST_RATE: u64 = 100_000;
/// By how much a roster may grow in 30 days unasked, in percent: at most, and unless the policy
/// says.
const MOST_GROWTH: u64 = 1_000;
const GROWTH: u64 = 50;
/// Ledger entries a day: at most, and unless the policy says, of a provider and of a member of
/// staff. An entry of a read has about a kilobyte.
const MOST_ENTRIES: u64 = 100_000_000;
const ENTRIES: u64 = 50_000;
const STAFF_ENTRIES: u64 = 10_000;

const DAY: Shape = Shape::new("a day of the calendar from 1970 on, as in 2026-01-31", |text| {
    text.len() == 10 && text >= "1970-01-02" && text.parse::<Date>().is_ok()
});
const SCOPE: Shape = Shape::new("roster or open", |text| Scope::WORDS.contains(&text));

/// What the policy says of the providers, to the door and to the judge.
#[derive(Default)]
pub(super) struct Providers {
    pub(super) terms: BTreeMap<Word, Provider>,
    pub(super) rules: Vec<ProviderRules>,
}

pub(super) fn read(
    root: &mut Table<'_>,
    datasets: &BTreeMap<Word, Dataset>,
    issuers: &BTreeMap<Word, Issuer>,
) -> Providers {
    let (mut found, mut named) = (Providers::default(), Vec::new());
    let Some(all) = root.table("provider") else { return found };
    let entries = all.entries(ID);
    if entries.len() > MOST {
        let n = entries.len();
        all.fault(all.at(), format!("there are {n} providers: keep to at most {MOST}"));
        return found;
    }
    for (id, item) in entries {
        if let Some(table) = all.as_table(&id, item) {
            let (provider, rules, issuer) = provider(id.clone(), table, (datasets, issuers));
            named.extend(issuer);
            found.rules.push(rules);
            found.terms.insert(id, provider);
        }
    }
    issuers::check_own(&all, issuers, &named);
    if found.terms.is_empty() {
        all.fault(all.at(), "there is no provider: write at least one [provider.<id>]");
    }
    // The order of the ids, not that of the file: the entries of one policy are always the same.
    found.rules.sort_by(|a, b| a.provider.cmp(&b.provider));
    found
}

fn provider(
    id: Word,
    mut table: Table<'_>,
    (datasets, issuers): (&BTreeMap<Word, Dataset>, &BTreeMap<Word, Issuer>),
) -> (Provider, ProviderRules, Option<Spot<Word>>) {
    let rate = rate(&mut table);
    let agent = table.table("agent").map(|table| agent(table, issuers));
    let (agent_rate, voucher, issuer) = match agent {
        Some((rate, (voucher, issuer))) => (rate, voucher, Some(issuer)),
        // Its absence was noted, and then no policy comes of this.
        None => (None, AgentAuth::Certificate, None),
    };
    let contact = table.optional_text("contact", CONTACT);
    let habits = table.optional_table("habits").and_then(habits::read);
    let zone = zone(habits.as_ref());
    let contract = table.optional_table("contract").and_then(|table| contract(table, zone));
    let budgets = table.table("budgets").map(budgets).unwrap_or(NOTHING);
    let roster_growth = table.integer_or("roster_growth", 0..=MOST_GROWTH, GROWTH);
    let entries_day = Some(table.integer_or("entries_per_day", 1..=MOST_ENTRIES, ENTRIES));
    let grants = table.table("dataset").map(|t| grants(&t, datasets)).unwrap_or_default();
    table.close();
    let rules =
        ProviderRules { provider: id.clone(), budgets, roster_growth, entries_day, contract };
    let provider = Provider { id, datasets: grants, rate, agent_rate, voucher, contact, habits };
    (provider, rules, issuer)
}

/// `[provider.<id>.contract]`: days, the last one included, by the clocks where the provider works
/// or else those of Paris, and persons. None where something is wrong, which was noted.
fn contract(mut table: Table<'_>, zone: Option<TimeZone>) -> Option<Contract> {
    let (first, last) = (table.text("begins", DAY, None), table.text("ends", DAY, None));
    let mut persons = |key| table.integer(key, 0..=LARGEST_BUDGET);
    let (persons, off_persons) = (persons("persons"), persons("off_persons"));
    let midnight = |day: Date| {
        let moment = day.to_zoned(zone.clone()?).ok()?.timestamp().as_millisecond();
        u64::try_from(moment).ok()
    };
    let (first, last): (Date, Date) = (first.parse().ok()?, last.parse().ok()?);
    if last < first {
        let wrong = "the contract ends before it begins: write a later day in `ends`";
        table.fault(table.at(), wrong);
    }
    let days = midnight(first).zip(last.tomorrow().ok().and_then(midnight));
    if days.is_none() {
        let wrong =
            "no clock can name these days: without an end in sight, write `ends = \"9998-12-31\"`";
        table.fault(table.at(), wrong);
    }
    table.close();
    let (begins, ends) = days?;
    Some(Contract { begins, ends, persons, off_persons })
}

fn rate(table: &mut Table<'_>) -> Rate {
    let mut rate = |key| u32::try_from(table.integer(key, 1..=HIGHEST_RATE)).unwrap_or(1);
    Rate { requests_per_second: rate("requests_per_second"), burst: rate("burst") }
}

/// `[provider.<id>.agent]`: who says which person calls, and how often one may; a rate has both of
/// its keys or none.
fn agent(
    mut table: Table<'_>,
    issuers: &BTreeMap<Word, Issuer>,
) -> (Option<Rate>, (AgentAuth, Spot<Word>)) {
    let voucher = issuers::voucher(&mut table, issuers);
    let either = ["requests_per_second", "burst"].iter().any(|key| table.spot(key).is_some());
    let rate = either.then(|| rate(&mut table));
    table.close();
    (rate, voucher)
}

/// Stands in while faults are gathered.
const NOTHING: Budgets = Budgets {
    agent_minute: 0,
    agent_hour: 0,
    agent_day: 0,
    provider_day: 0,
    provider_30_days: 0,
    off_roster_day: 0,
    off_roster_30_days: 0,
};

fn budgets(mut table: Table<'_>) -> Budgets {
    let mut persons = |key| table.integer(key, 0..=LARGEST_BUDGET);
    let budgets = Budgets {
        agent_minute: persons("agent_minute"),
        agent_hour: persons("agent_hour"),
        agent_day: persons("agent_day"),
        provider_day: persons("provider_day"),
        provider_30_days: persons("provider_30_days"),
        off_roster_day: persons("off_roster_day"),
        off_roster_30_days: persons("off_roster_30_days"),
    };
    table.close();
    budgets
}

/// Reads `[provider.<id>.dataset.<name>]`: what the provider may read of each dataset.
fn grants(all: &Table<'_>, datasets: &BTreeMap<Word, Dataset>) -> BTreeMap<Word, Grant> {
    let declared: Vec<&str> = datasets.keys().map(|name| &**name).collect();
    let mut found = BTreeMap::new();
    for (name, item) in all.entries(WORD) {
        let spot = Spot { value: name.clone(), at: item.at };
        all.check_known(&[spot], &declared, "a dataset of this policy");
        let Some(mut table) = all.as_table(&name, item) else { continue };
        // A scope that is none was noted, and then no policy comes of this.
        let scope = table.text("scope", SCOPE, None).parse().unwrap_or(Scope::Roster);
        let purposes = table.list("purposes", WORD, true);
        if let Some(dataset) = datasets.get(&name) {
            let declared: Vec<&str> = dataset.purposes.keys().map(|purpose| &**purpose).collect();
            table.check_known(&purposes, &declared, "a purpose of this dataset");
        }
        table.close();
        found.insert(name, Grant { scope, purposes: values(purposes) });
    }
    found
}

/// Reads `[staff]`: the ids that are known in each role.
pub(super) fn staff(root: &mut Table<'_>) -> BTreeMap<Role, BTreeSet<Word>> {
    let Some(mut table) = root.table("staff") else { return BTreeMap::new() };
    let roles = Role::ALL.into_iter().filter(|role| *role != Role::Provider);
    let staff =
        roles.map(|role| (role, values(table.list(role.word(), ID, false)).into_iter().collect()));
    let staff = staff.collect();
    table.close();
    staff
}

/// Reads `staff_entries_per_day`, the budget of entries of each member of staff.
pub(super) fn staff_rules(root: &mut Table<'_>) -> StaffRules {
    let range = 1..=MOST_ENTRIES;
    StaffRules { entries_day: root.integer_or("staff_entries_per_day", range, STAFF_ENTRIES) }
}

/// Fingerprints of certificates that are good no more.
pub(super) fn revoked(root: &mut Table<'_>) -> HashSet<[u8; 32]> {
    let list = root.list("revoked", FINGERPRINT, false);
    list.iter().map(|spot| bytes(&spot.value)).collect()
}

/// The bytes of 64 hexadecimal digits.
fn bytes(hex: &str) -> [u8; 32] {
    let mut out = [0; 32];
    for (byte, pair) in out.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
        *byte = digit(pair[0]).unwrap_or(0) << 4 | digit(pair[1]).unwrap_or(0);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::policy::parse;
    use super::super::policy::tests::{SHIPPED, changed, faults, one_fault};
    use super::*;

    #[test]
    fn a_fingerprint_is_read_in_either_case() {
        let hex = "0123456789abcdefABCDEF".repeat(3)[..64].to_owned();
        let text = changed("revoked = []", &format!("revoked = [\"{hex}\"]"));
        let revoked = parse(&text).unwrap().revoked;
        let first = revoked.iter().next().unwrap();
        assert_eq!(first[..4], [0x01, 0x23, 0x45, 0x67]);
        let text = changed("revoked = []", "revoked = [\"01:23\"]");
        one_fault(&text, "\"01:23\"", &["`01:23`", "64 hexadecimal digits"]);
    }

    #[test]
    fn each_of_the_seven_budgets_is_required() {
        for key in [
            "agent_minute",
            "agent_hour",
            "agent_day",
            "provider_day",
            "provider_30_days",
            "off_roster_day",
            "off_roster_30_days",
        ] {
            let line = SHIPPED.lines().find(|line| line.starts_with(key)).unwrap();
            let text = changed(&format!("\n{line}"), "");
            one_fault(&text, "budgets]", &[key, "is missing in [provider.langues-nord.budgets]"]);
        }
    }

    #[test]
    fn an_agent_may_come_as_often_as_its_provider_unless_a_table_says_how_often() {
        let provider = |text: &str| parse(text).unwrap().providers["langues-nord"].clone();
        let rate = |requests_per_second, burst| Rate { requests_per_second, burst };
        assert_eq!(provider(SHIPPED).rate, rate(20, 40));
        assert_eq!(provider(SHIPPED).agent_rate, Some(rate(10, 20)));
        let table = "requests_per_second = 10\nburst = 20\n";
        assert_eq!(provider(&changed(table, "")).agent_rate, None);
        one_fault(&changed("burst = 20\n", ""), "agent]", &["`burst` is missing"]);
    }

    #[test]
    fn a_number_out_of_range_is_a_fault() {
        for (from, key, bad) in [
            ("requests_per_second = 20", "requests_per_second", ["0", "100001", "-1"]),
            ("burst = 40", "burst", ["0", "100001", "-9223372036854775808"]),
            ("agent_minute = 30", "agent_minute", ["-1", "10000001", "9223372036854775807"]),
        ] {
            for value in bad {
                let line = format!("{key} = {value}");
                one_fault(
                    &changed(from, &line),
                    &line,
                    &["out of range", "with an integer N from"],
                );
            }
        }
        for (from, good) in [
            ("agent_minute = 30", "agent_minute = 0"),
            ("agent_minute = 30", "agent_minute = 10_000_000"),
            ("burst = 40", "burst = 100000"),
            ("burst = 40", "burst = 1"),
        ] {
            assert!(faults(&changed(from, good)).is_empty(), "{good}");
        }
    }

    /// The shipped policy with this contract of its first provider.
    fn with_contract(lines: &str) -> String {
        let header = "[provider.langues-nord.budgets]";
        changed(header, &format!("[provider.langues-nord.contract]\n{lines}\n{header}"))
    }

    #[test]
    fn a_contract_is_of_days_in_paris_the_last_one_included() {
        let lines =
            "begins = \"2026-03-29\"\nends = \"2026-10-24\"\npersons = 4000\noff_persons = 0\n";
        let policy = parse(&with_contract(lines)).unwrap();
        let rules = policy.rules.iter().find(|rules| &*rules.provider == "langues-nord").unwrap();
        let at = |time: &str| time.parse::<jiff::Timestamp>().unwrap().as_millisecond() as u64;
        // Summer begins in the first night and ends behind the last.
        let (begins, ends) = (at("2026-03-28T23:00:00Z"), at("2026-10-24T22:00:00Z"));
        let contract = Contract { begins, ends, persons: 4_000, off_persons: 0 };
        assert_eq!(rules.contract, Some(contract));
        assert!(parse(SHIPPED).unwrap().rules.iter().all(|rules| rules.contract.is_none()));
    }

    #[test]
    fn a_contract_of_another_form_is_a_fault() {
        let good = "begins = \"2026-01-05\"\nends = \"2026-01-05\"\npersons = 1\noff_persons = 1\n";
        assert!(faults(&with_contract(good)).is_empty());
        for (from, to, says) in [
            ("ends = \"2026-01-05\"", "ends = \"2026-01-04\"", "ends before it begins"),
            ("ends = \"2026-01-05\"", "ends = \"2026-02-30\"", "a day of the calendar"),
            ("ends = \"2026-01-05\"", "ends = \"5.1.2026\"", "a day of the calendar"),
            ("persons = 1\n", "", "`persons` is missing"),
            ("off_persons = 1", "off_persons = -1", "out of range"),
        ] {
            let found = faults(&with_contract(&good.replacen(from, to, 1)));
            assert!(found.iter().any(|fault| fault.what.contains(says)), "{says}: {found:#?}");
        }
    }

    #[test]
    fn an_id_of_another_form_is_a_fault() {
        let text = changed("\"soc-1\"", "\"SOC 1\"");
        one_fault(&text, "\"SOC 1\"", &["`SOC 1`", "hyphens"]);
        let text = SHIPPED.replace("[provider.langues-nord", "[provider.Langues_Nord");
        one_fault(&text, "Langues_Nord", &["`Langues_Nord` in [provider]"]);
    }

    #[test]
    fn a_grant_names_declared_datasets_and_purposes() {
        let text =
            changed("[provider.langues-nord.dataset.cir]", "[provider.langues-nord.dataset.cri]");
        one_fault(&text, "cri]", &["`cri` is not a dataset", "write one of cir"]);
        let text = changed("\"attendance_report\"]\n\n[provider", "\"attendance\"]\n\n[provider");
        one_fault(&text, "\"attendance\"]", &["not a purpose of this dataset"]);
        let text = changed("scope = \"open\"\n", "scope = \"all\"\n");
        one_fault(&text, "scope = \"all\"", &["roster or open"]);
        let text = changed(
            "\"placement_test\", \"civic_training\", \"exam",
            "\"civic_training\", \"civic_training\", \"exam",
        );
        one_fault(&text, "\"civic_training\", \"exam", &["twice"]);
    }

    #[test]
    fn there_are_at_most_ten_thousand_providers() {
        let many = |n: usize| -> String {
            (0..n).map(|i| format!("[provider.p{i}]\n")).collect::<String>()
                + "[staff]\n[dataset]\n"
        };
        let says = "keep to at most 10000";
        assert!(faults(&many(10_001)).iter().any(|f| f.what.contains(says)));
        assert!(!faults(&many(10_000)).iter().any(|f| f.what.contains(says)));
    }
}
