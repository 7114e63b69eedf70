//! `[dataset.<name>.searches]`: the only ways to search, and what each of them compares.

use toml_edit::Item;

use super::table::values;
use super::table::{Spot, Table, WORD};
use crate::admission::{Field, Search, SearchKey, Word};

pub(super) fn read(dataset: &mut Table<'_>, fields: &[Field], id_column: &str) -> Vec<Search> {
    let Some(all) = dataset.table("searches") else { return Vec::new() };
    let names = fields.iter().map(|field| &*field.name);
    let names: Vec<&str> = names.chain([id_column]).filter(|name| !name.is_empty()).collect();
    let search = |(name, item): (Word, Spot<&Item>)| {
        let keys = match item.value.is_table_like() {
            true => all.as_table(&name, item).map(|table| keys(table, fields, &names)),
            false => None,
        };
        let keys = keys.unwrap_or_else(|| {
            let exact = all.texts(&name, item, WORD);
            all.check_known(&exact, &names, UNKNOWN);
            values(exact).into_iter().map(SearchKey::Exact).collect()
        });
        Search { name, keys }
    };
    all.entries(WORD).into_iter().map(search).collect()
}

const UNKNOWN: &str = "a field of this dataset nor its id column";

/// `name = { of = [...], column = "..." }`, `dates = [...]`, `exact = [...]`.
fn keys(mut search: Table<'_>, fields: &[Field], names: &[&str]) -> Vec<SearchKey> {
    let mut keys = Vec::new();
    let mut used: Vec<Spot<Word>> = Vec::new();
    if let Some(mut name) = search.optional_table("name") {
        let of = name.list("of", WORD, true);
        let column = name.text("column", WORD, None);
        // Else the key would be shown, or one word of the ledger would stand for two things.
        let field = fields.iter().any(|field| column == field.column || column == field.name);
        if field || names.last() == Some(&&*column) {
            let what = "names a field or the id: write the column that holds the key alone";
            name.fault(name.at(), format!("`column` {what}"));
        }
        name.close();
        used.extend(of.iter().cloned());
        keys.push(SearchKey::Name { of: values(of), column });
    }
    let dates = search.list("dates", WORD, false);
    let exact = search.list("exact", WORD, false);
    search.check_known(&used, names, UNKNOWN);
    search.check_known(&dates, names, UNKNOWN);
    search.check_known(&exact, names, UNKNOWN);
    used.extend(dates.iter().chain(&exact).cloned());
    for (n, field) in used.iter().enumerate() {
        if used[..n].iter().any(|other| other.value == field.value) {
            let what = format!("`{}` is in this search twice: leave one out", field.value);
            search.fault(field.at, what);
        }
    }
    keys.extend(values(dates).into_iter().map(SearchKey::Date));
    keys.extend(values(exact).into_iter().map(SearchKey::Exact));
    if keys.is_empty() {
        let write = "write at least one of `name`, `dates` and `exact`";
        search.fault(search.at(), format!("this search compares nothing: {write}"));
    }
    search.close();
    keys
}

#[cfg(test)]
mod tests {
    use super::super::policy::parse;
    use super::super::policy::tests::{SHIPPED, changed, faults, one_fault};
    use super::*;

    const HEADER: &str = "[dataset.cir.searches.name_and_birth_date]\n";

    /// The shipped policy with this search alone in place of its search by name.
    fn with(search: &str) -> String {
        let start = SHIPPED.find(HEADER).unwrap() + HEADER.len();
        let end = start + SHIPPED[start..].find("\n\n").unwrap();
        format!("{}{search}{}", &SHIPPED[..start], &SHIPPED[end..])
    }

    #[test]
    fn a_search_compares_names_dates_and_exact_values() {
        let words = |list: &[&str]| list.iter().map(|word| (*word).into()).collect();
        let name = SearchKey::Name {
            of: words(&["family_name", "given_name"]),
            column: "name_key".into(),
        };
        let date = SearchKey::Date("birth_date".into());
        let keys = |text: &str| {
            let policy = parse(text).unwrap_or_else(|faults| panic!("{faults:#?}"));
            policy.datasets["cir"].search("name_and_birth_date").unwrap().keys.clone()
        };
        assert_eq!(keys(SHIPPED), [name.clone(), date.clone()]);
        let exact = SearchKey::Exact("email".into());
        let text = "exact = [\"email\"]\ndates = [\"birth_date\"]\n\
                    name = { of = [\"family_name\", \"given_name\"], column = \"name_key\" }";
        assert_eq!(keys(&with(text)), [name, date.clone(), exact]);
        assert_eq!(keys(&with("dates = [\"birth_date\"]")), [date]);
    }

    #[test]
    fn a_search_uses_declared_fields_and_at_least_one() {
        let text = changed("dates = [\"birth_date\"]", "dates = [\"birthdate\"]");
        one_fault(&text, "\"birthdate\"", &["did you mean `birth_date`?"]);
        let text = changed("case_number = [\"id\"]", "case_number = []");
        one_fault(&text, "case_number", &["`case_number` is empty"]);
        let text = changed("case_number = [\"id\"]", "case_number = [\"number\"]");
        one_fault(&text, "\"number\"", &["not a field"]);
        for nothing in ["", "exact = []"] {
            let found = faults(&with(nothing));
            assert!(found.len() == 1 && found[0].what.contains("compares nothing"), "{found:#?}");
        }
    }

    #[test]
    fn a_field_is_in_a_search_once() {
        let text = with("dates = [\"birth_date\"]\nexact = [\"email\", \"birth_date\"]");
        one_fault(&text, "\"birth_date\"]\n\n", &["`birth_date` is in this search twice"]);
    }

    #[test]
    fn a_key_has_a_column_that_is_no_field() {
        for column in ["family_name", "id", "email"] {
            let text = changed("column = \"name_key\"", &format!("column = \"{column}\""));
            let found = faults(&text);
            assert!(found[0].what.contains("the column that holds the key alone"), "{found:#?}");
            assert_eq!(found.len(), 1);
        }
        let text = changed(", column = \"name_key\"", "");
        assert!(faults(&text)[0].what.contains("`column` is missing"));
        let text = changed("column = \"name_key\"", "column = \"name key\"");
        assert!(faults(&text)[0].what.contains("`column` has another form"));
        let text = changed("name = { of", "nam = { of");
        assert!(faults(&text)[0].what.contains("did you mean `name`?"));
    }
}
