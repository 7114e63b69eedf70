//! `[dataset.<name>]`: where records lie, and which fields, views, searches and purposes there are.

use std::collections::BTreeMap;

use toml_edit::Item;

use super::searches;
use super::table::{Shape, Spot, Table, VIEW, WORD, values};
use crate::admission::{CaseForm, Dataset, Field, FieldClass, Purpose, Word, grammar};

const CLASS: Shape =
    Shape::new("identity, contact, status or sensitive", |text| FieldClass::WORDS.contains(&text));

const CASE_FORM: Shape = Shape::new(CaseForm::MUST_BE, CaseForm::is_form);

pub(super) fn read(root: &mut Table<'_>) -> BTreeMap<Word, Dataset> {
    let mut found = BTreeMap::new();
    let Some(all) = root.table("dataset") else { return found };
    for (name, item) in all.entries(WORD) {
        if let Some(table) = all.as_table(&name, item) {
            found.insert(name, dataset(table));
        }
    }
    if found.is_empty() {
        all.fault(all.at(), "there is no dataset: write at least one [dataset.<name>]");
    }
    found
}

fn dataset(mut table: Table<'_>) -> Dataset {
    let (source, id_column) =
        (table.text("table", WORD, None), table.text("id_column", WORD, None));
    let roster_table = table.text("roster_table", WORD, None);
    let off_roster_reasons = values(table.list("off_roster_reasons", WORD, false));
    let fields = fields(&mut table, &id_column);
    let names: Vec<&str> = fields.iter().map(|field| &*field.name).collect();
    let views = views(&mut table, &names);
    let searches = searches::read(&mut table, &fields, &id_column);
    let purposes = purposes(&mut table, &views);
    table.close();
    Dataset {
        table: source,
        id_column,
        roster_table,
        fields,
        views,
        searches,
        purposes,
        off_roster_reasons,
    }
}

/// `name = "class"`, or `name = { column = "...", class = "..." }`.
fn fields(dataset: &mut Table<'_>, id_column: &str) -> Vec<Field> {
    let Some(all) = dataset.table("fields") else { return Vec::new() };
    let mut fields = Vec::new();
    for (name, item) in all.entries(WORD) {
        let field = field(&all, name, item);
        if &*field.column == id_column || &*field.name == id_column {
            let what = "is the id, which leaves only as a handle: take it out of the fields";
            all.fault(item.at, format!("`{}` {what}", field.name));
        }
        fields.push(field);
    }
    if fields.is_empty() {
        all.fault(all.at(), "there is no field: write at least one `name = \"class\"`");
    }
    fields
}

fn field(all: &Table<'_>, name: Word, item: Spot<&Item>) -> Field {
    let (column, class) = match item.value.as_str() {
        Some(class) => {
            if class.parse::<FieldClass>().is_err() {
                let write =
                    format!("write `{name} = \"...\"` with {}", FieldClass::WORDS.join(", "));
                all.fault(item.at, format!("`{name}` has no known class: {write}"));
            }
            (name.clone(), class.into())
        }
        None => match all.as_table(&name, item) {
            Some(mut table) => {
                let column = table.text("column", WORD, Some(&name));
                let class = table.text("class", CLASS, None);
                table.close();
                (column, class)
            }
            None => (name.clone(), Word::from("")),
        },
    };
    // A class that is none was noted above, and then no policy comes of this.
    Field { name, column, class: class.parse().unwrap_or(FieldClass::Sensitive) }
}

fn views(dataset: &mut Table<'_>, fields: &[&str]) -> BTreeMap<Word, Vec<Word>> {
    let mut views = BTreeMap::new();
    let Some(all) = dataset.table("views") else { return views };
    for (name, item) in all.entries(VIEW) {
        let names = all.texts(&name, item, WORD);
        all.check_known(&names, fields, "a field of this dataset");
        if grammar::VIEWS.contains(&&*name) {
            views.insert(name, values(names));
        }
    }
    let basic = grammar::VIEWS[0];
    if !views.contains_key(basic) {
        let what = "is missing: it is what a request gets that names no view. Write";
        all.fault(all.at(), format!("the view {basic} {what} `{basic} = [\"...\"]`"));
    }
    views
}

/// `name = ["VIEW", ...]`, or `name = { views = ["VIEW", ...], case_reference = "..." }`.
fn purposes(dataset: &mut Table<'_>, views: &BTreeMap<Word, Vec<Word>>) -> BTreeMap<Word, Purpose> {
    let mut purposes = BTreeMap::new();
    let Some(all) = dataset.table("purposes") else { return purposes };
    // That BASIC is missing was noted once, at the views.
    let declared: Vec<&str> = views.keys().map(|v| &**v).chain([grammar::VIEWS[0]]).collect();
    for (name, item) in all.entries(WORD) {
        let (names, case_reference) = match item.value.as_table_like() {
            None => (all.texts(&name, item, VIEW), None),
            Some(_) => all.as_table(&name, item).map(purpose).unwrap_or_default(),
        };
        all.check_known(&names, &declared, "a view of this dataset");
        purposes.insert(name, Purpose { views: values(names), case_reference });
    }
    if purposes.is_empty() {
        let write = "write at least one `name = [\"BASIC\"]`";
        all.fault(all.at(), format!("there is no purpose, so nobody may read: {write}"));
    }
    purposes
}

fn purpose(mut table: Table<'_>) -> (Vec<Spot<Word>>, Option<CaseForm>) {
    let views = table.list("views", VIEW, true);
    let form = table.optional_text("case_reference", CASE_FORM);
    table.close();
    // One of another form was noted.
    (views, form.and_then(|form| form.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::super::policy::parse;
    use super::super::policy::tests::{SHIPPED, changed, faults, one_fault};

    #[test]
    fn a_field_may_have_a_column_of_another_name() {
        let text = changed(
            "family_name = \"identity\"",
            "family_name = { column = \"nom\", class = \"identity\" }",
        );
        // The comment above shows the same; the first is the comment's.
        let text = text.replace(
            "\nfamily_name = \"identity\"",
            "\nfamily_name = { column = \"nom\", class = \"identity\" }",
        );
        assert_eq!(
            parse(&text).unwrap().datasets["cir"].column("family_name").map(|c| &**c),
            Some("nom")
        );
        let text = text
            .replace("\nfamily_name = { column = \"nom\", ", "\nfamily_name = { colum = \"nom\", ");
        one_fault(&text, "colum = ", &["`colum`", "did you mean `column`?"]);
    }

    #[test]
    fn a_name_that_is_no_sql_name_is_a_fault() {
        for bad in ["Dossiers", "dossiers;--", "do ssiers", "", "1d", "d\\\"d"] {
            let text = changed("\"dossiers\"", &format!("\"{bad}\""));
            one_fault(&text, "table = ", &["`table` has another form", "small letters"]);
        }
        let text = changed("\"roster\"", "\"main.roster\"");
        one_fault(&text, "roster_table =", &["another form"]);
        let text = changed(
            "\nemail = \"contact\"",
            "\nemail = { column = \"e-mail\", class = \"contact\" }",
        );
        one_fault(&text, "column = \"e-mail\"", &["`column` has another form"]);
        let text =
            changed("[dataset.cir.searches]", "[dataset.cir.searches]\n\"by name\" = [\"email\"]");
        one_fault(&text, "\"by name\"", &["`by name`", "name it with"]);
    }

    #[test]
    fn a_class_of_another_name_is_a_fault() {
        let text = changed("telephone = \"contact\"", "telephone = \"private\"");
        one_fault(&text, "telephone = \"private\"", &["identity, contact, status, sensitive"]);
        let text = changed("telephone = \"contact\"", "telephone = { class = \"private\" }");
        one_fault(&text, "class = \"private\"", &["identity, contact, status or sensitive"]);
    }

    #[test]
    fn the_id_cannot_be_a_field() {
        let add =
            |line: &str| changed("[dataset.cir.fields]", &format!("[dataset.cir.fields]\n{line}"));
        one_fault(&add("id = \"identity\""), "id = \"identity\"", &["only as a handle"]);
        let hidden = "number = { column = \"id\", class = \"status\" }";
        one_fault(&add(hidden), hidden, &["only as a handle"]);
    }

    #[test]
    fn a_view_names_declared_fields_only() {
        let text = changed("\"given_name\", \"course\",", "\"given_nme\", \"course\",");
        one_fault(&text, "\"given_nme\"", &["not a field", "did you mean `given_name`?"]);
        let text = changed("\"given_name\", \"course\",", "\"family_name\", \"course\",");
        one_fault(&text, "\"family_name\", \"course\"", &["twice in `BASIC`"]);
    }

    #[test]
    fn the_views_are_a_closed_list_with_basic_in_it() {
        let text = changed("\nCONTACT = [", "\nCONTACTS = [");
        let found = faults(&text);
        let says = "`CONTACTS` in [dataset.cir.views] has another form: name it with BASIC";
        assert!(found.iter().any(|f| f.what.contains(says)), "{found:#?}");
        // The purposes that use it are told too.
        assert!(found.iter().any(|f| f.what.contains("`CONTACT` is not a view of this dataset")));
        let start = SHIPPED.find("\nBASIC = [").unwrap();
        let end = SHIPPED.find("\nCONTACT = [").unwrap();
        let text = format!("{}{}", &SHIPPED[..start], &SHIPPED[end..]);
        let found = faults(&text);
        assert!(found.iter().any(|f| f.what.contains("the view BASIC is missing")), "{found:#?}");
    }

    #[test]
    fn a_purpose_uses_declared_views_and_at_least_one() {
        let line = "civic_training = [\"BASIC\", \"CONTACT\"]";
        let text = changed(line, "civic_training = [\"EVERYTHING\"]");
        let found = faults(&text);
        assert!(found.iter().any(|f| f.what.contains("`EVERYTHING`")), "{found:#?}");
        one_fault(
            &changed(line, "civic_training = []"),
            "civic_training",
            &["`civic_training` is empty"],
        );
    }
}
