//! What a query says, read before the records are: the place where a page begins, the values of a
//! search as they are compared, and the digest that tells one request from another.

use std::borrow::Cow;

use super::{Query, SourceError};
use crate::admission::{Permit, SearchKey, Violation, Word, grammar};
use crate::format::entry::{Hash, sha256};
use crate::names;

/// Longest value of a field in a search, in bytes.
const VALUE_MAX: usize = 200;

fn wrong(field: &'static str, description: String) -> SourceError {
    SourceError::Malformed(vec![Violation { field, description }])
}

/// The id behind which a page begins. `of`: what else it is a page of, as [`search_digest`] says it
/// of a search; empty for a list.
pub(super) fn page_after(permit: &Permit, of: &str, token: &str) -> Result<String, SourceError> {
    if token.is_empty() {
        return Ok(String::new());
    }
    permit.open_page(of, token).ok_or_else(|| {
        let what = "must be empty, or the next_page_token that the same agent was given for the same \
                    dataset, purpose, case reference, view, reason, search and values";
        wrong("page_token", what.to_owned())
    })
}

/// The values of a search, one for each of its keys, under the names that the ledger has for them.
pub(super) fn search_values<'q>(
    permit: &Permit,
    search: &str,
    values: &'q [(String, String)],
) -> Result<Vec<(Word, Cow<'q, str>)>, SourceError> {
    let dataset = permit.dataset();
    let Some(declared) = dataset.search(search) else {
        let names: Vec<&str> = dataset.searches.iter().map(|s| &*s.name).collect();
        return Err(wrong("search", format!("must be one of: {}", names.join(", "))));
    };
    let found: Option<Vec<_>> =
        declared.keys.iter().map(|key| Some((key.name().clone(), value(key, values)?))).collect();
    found.filter(|_| declared.fields().count() == values.len()).ok_or_else(|| {
        let form = |(field, key): (&Word, &SearchKey)| match key {
            SearchKey::Exact(_) => format!("{field}, exactly as recorded"),
            SearchKey::Date(_) => format!("{field}, {}", grammar::DATE),
            SearchKey::Name { .. } => format!("{field}, a name in any spelling"),
        };
        let forms: Vec<_> = declared.fields().map(form).collect();
        let forms = forms.join("; ");
        wrong("values", format!("must have, each of 1 to {VALUE_MAX} bytes, exactly {forms}"))
    })
}

/// What tells one search from another: SHA-256 over its name and what is compared, in hex. It is
/// sealed into page tokens under the provider's key, and goes nowhere else.
pub(super) fn search_digest(search: &str, values: &[(Word, Cow<'_, str>)]) -> String {
    let values = values.iter().flat_map(|(name, value)| [&**name, &**value]);
    digest_of([search].into_iter().chain(values)).to_string()
}

/// What a key is compared with; none if a value is missing or has another form.
fn value<'q>(key: &SearchKey, values: &'q [(String, String)]) -> Option<Cow<'q, str>> {
    let given = |field: &Word| {
        let (_, value) = values.iter().find(|(name, _)| **name == **field)?;
        let fits = !value.is_empty() && value.len() <= VALUE_MAX && !value.contains('\0');
        fits.then_some(value.as_str())
    };
    match key {
        SearchKey::Exact(field) => given(field).map(Cow::from),
        SearchKey::Date(field) => given(field).filter(|text| grammar::is_date(text)).map(Cow::from),
        SearchKey::Name { of, .. } => {
            // Each of them says something: a name that is left out is not a name of any spelling.
            let each = of.iter().map(|field| names::key(given(field)?));
            names::key(&each.collect::<Option<Vec<_>>>()?.join(" ")).map(Cow::from)
        }
    }
}

/// What makes two requests of one id the same request: SHA-256 over all that the caller said but
/// who and where it is. It stays in memory.
pub(super) fn digest(permit: &Permit, query: &Query) -> Option<Hash> {
    permit.request_id()?;
    let size = permit.page_size().to_string();
    let reason = permit.reason().map_or("", |reason| reason);
    let (dataset, purpose, view) = (permit.dataset_name(), permit.purpose(), permit.view());
    let mut parts: Vec<&str> = vec![dataset, purpose, view, reason, permit.case_reference(), &size];
    match query {
        Query::Get { handle } => parts.extend(["get", handle]),
        Query::List { page_token } => parts.extend(["list", page_token]),
        // The door lets no request id of one pass.
        Query::Export { .. } => return None,
        Query::Search { search, values, page_token } => {
            parts.extend(["search", search, page_token]);
            let mut values: Vec<_> = values.iter().collect();
            // They come as a map, which has no order.
            values.sort_unstable();
            parts.extend(values.into_iter().flat_map(|(name, value)| [&**name, &**value]));
        }
    }
    Some(digest_of(parts))
}

/// SHA-256 over texts, each preceded by its length.
fn digest_of<'t>(parts: impl IntoIterator<Item = &'t str>) -> Hash {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    sha256(&[&bytes])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::admission::example::{ask, now, peer, terms};
    use crate::admission::{Ask, Caller, Permit, PresentedToken, Role, Terms, Tokens};

    fn permit_of(terms: Terms, ask: Ask) -> Permit {
        let (peer, terms) = (peer(Role::Provider, "beta"), Arc::new(terms));
        let (shown, tokens) = (PresentedToken::new([]), Tokens::default());
        let caller = Caller::admit(&peer, &shown, &terms, &tokens, now()).ok().unwrap();
        Permit::grant(caller, &ask).ok().unwrap()
    }

    fn pairs(values: &[(&str, &str)]) -> Vec<(String, String)> {
        values.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
    }

    fn names_of(family: &str, given: &str) -> Option<String> {
        let values = pairs(&[("family_name", family), ("given_name", given)]);
        let found = search_values(&permit_of(terms(), ask()), "name", &values).ok()?;
        assert_eq!((found.len(), &*found[0].0), (1, "name_key"));
        Some(found[0].1.clone().into_owned())
    }

    #[test]
    fn a_name_in_another_spelling_or_order_is_the_same_key() {
        let key = names_of("Lefèvre", "Anne-Marie");
        assert_eq!(key.as_deref(), Some("anne lefevre marie"));
        for (family, given) in
            [("LEFEVRE", "MARIE ANNE"), ("Anne‐Marie", "Lefèvre"), ("Marie Lefèvre", "Anne")]
        {
            assert_eq!(names_of(family, given), key);
        }
    }

    #[test]
    fn a_name_that_says_nothing_is_malformed() {
        for nothing in ["", "-", "’", " ", "\u{301}", "a\0", &"a".repeat(201)] {
            assert_eq!(names_of(nothing, "Anne"), None);
            assert_eq!(names_of("Anne", nothing), None);
        }
        assert!(names_of(&"a".repeat(200), "Anne").is_some());
    }

    #[test]
    fn a_date_of_another_form_is_malformed_and_the_form_is_told() {
        let mut terms = terms();
        let dataset = terms.datasets.get_mut("cir").unwrap();
        dataset.searches[1].keys.push(SearchKey::Date("email".into()));
        let permit = permit_of(terms, ask());
        let read = |date: &str| {
            let values = pairs(&[("id", "1"), ("email", date)]);
            search_values(&permit, "case_number", &values).map(|found| found.len())
        };
        assert_eq!(read("1980-05-31").ok(), Some(2));
        let Err(SourceError::Malformed(told)) = read("31/05/1980") else { panic!() };
        assert_eq!(told[0].field, "values");
        assert!(told[0].description.contains("email, a date of ISO 8601, as in 1980-05-31"));
    }

    #[test]
    fn a_page_token_of_a_search_is_of_its_name_and_of_what_is_compared() {
        let (one, two) = (("family_name", "Lefèvre"), ("given_name", "Anne"));
        let permit = permit_of(terms(), ask());
        let of = |values: &[(&str, &str)]| {
            let values = pairs(values);
            search_digest("name", &search_values(&permit, "name", &values).ok().unwrap())
        };
        let token = permit.seal_page(&of(&[one, two]), "0001");
        let opens = |of: &str| page_after(&permit, of, &token).ok();
        assert_eq!(opens(&of(&[one, two])).as_deref(), Some("0001"));
        assert_eq!(opens(&of(&[two, ("family_name", "LEFEVRE")])).as_deref(), Some("0001"));
        assert_eq!(opens(&of(&[one, ("given_name", "Anna")])), None);
        assert_eq!(opens(""), None, "a list's");
        let values = pairs(&[("id", "1")]);
        let number = search_values(&permit, "case_number", &values).ok().unwrap();
        assert_eq!(opens(&search_digest("case_number", &number)), None);
        // What stands in one text does not move into the next.
        let pair = |a: &'static str, b: &'static str| vec![(Word::from(a), Cow::from(b))];
        assert_ne!(search_digest("s", &pair("ab", "c")), search_digest("s", &pair("a", "bc")));
    }

    const ID: &str = "6f1c2a9e-0b7d-4c11-9a55-2d3f0c8b7e10";

    #[test]
    fn a_request_has_a_digest_of_all_its_arguments() {
        let with = |change: &dyn Fn(&mut Ask), query: &Query| {
            let mut ask = Ask { request_id: Some(ID.into()), page_size: Some(0), ..ask() };
            change(&mut ask);
            digest(&permit_of(terms(), ask), query)
        };
        let search = |name: &str, values: &[(&str, &str)]| Query::Search {
            search: name.into(),
            values: pairs(values),
            page_token: String::new(),
        };
        let behind = |token: &str| Query::Search {
            search: "name".into(),
            values: pairs(&[("a", "1"), ("b", "2")]),
            page_token: token.into(),
        };
        let list = |token: &str| Query::List { page_token: token.into() };
        let get = |handle: &str| Query::Get { handle: handle.into() };
        let same = with(&|_| (), &list(""));
        assert_eq!(with(&|a| a.request_id = None, &list("")), None);
        // What is left out is what it stands for.
        assert_eq!(with(&|a| a.page_size = Some(10), &list("")), same);
        assert_eq!(with(&|a| a.view = Some("BASIC".into()), &list("")), same);
        let (one, two) = (("a", "1"), ("b", "2"));
        let found = with(&|_| (), &search("name", &[one, two]));
        assert_eq!(with(&|_| (), &search("name", &[two, one])), found);
        let all = [
            same,
            found,
            with(&|a| a.page_size = Some(11), &list("")),
            with(&|a| a.view = Some("CONTACT".into()), &list("")),
            with(&|a| a.case_reference = "CIR/2026-2".into(), &list("")),
            with(&|a| a.off_roster_reason = Some("walk_in".into()), &list("")),
            with(&|a| a.off_roster_reason = Some("transfer".into()), &list("")),
            with(&|_| (), &list("x")),
            with(&|_| (), &get("")),
            with(&|_| (), &get("x")),
            with(&|_| (), &search("name", &[one])),
            with(&|_| (), &search("name", &[one, ("b", "3")])),
            with(&|_| (), &search("case_number", &[one, two])),
            with(&|_| (), &behind("x")),
        ];
        for (n, digest) in all.iter().enumerate() {
            assert!(digest.is_some() && !all[..n].contains(digest), "{n}");
        }
    }

    proptest! {
        #[test]
        fn no_search_makes_the_reader_panic(
            search in "name|case_number|\\PC{0,8}",
            values in prop::collection::vec(("family_name|given_name|id", any::<String>()), 0..4),
        ) {
            let permit = permit_of(terms(), ask());
            if let Ok(found) = search_values(&permit, &search, &values) {
                prop_assert_eq!(found.len(), 1);
                prop_assert!(!found[0].1.is_empty() && !found[0].1.contains('\0'));
            }
        }

        #[test]
        fn no_text_is_a_page_token_that_was_not_given(token in "[A-Za-z0-9_-]{1,80}|\\PC{1,80}") {
            prop_assert!(page_after(&permit_of(terms(), ask()), "", &token).is_err());
        }
    }
}
