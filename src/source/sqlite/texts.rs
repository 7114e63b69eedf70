//! The SQL of a dataset, made of the policy's own names when it is opened; nothing that a caller
//! says becomes SQL. Every comparison of ids names the class and the collation, and a `+` before
//! one side takes away its affinity: with them, SQLite compares the values as they are stored.

use std::collections::HashMap;
use std::sync::Arc;

use super::id::IdClass;
use crate::admission::{Dataset, SearchKey, Word};

/// The statements of one dataset for ids of one class.
#[derive(Debug)]
pub(super) struct Texts {
    /// The statements of each view, by its name.
    pub(super) views: HashMap<Word, Arc<View>>,
    /// By search. None for the search by the id alone, which is a look at its record.
    pub(super) candidates: HashMap<Word, Option<Arc<str>>>,
}

/// The statements of one view, each of them on the roster, and in the whole dataset. Their first
/// two columns are the id, and whether it is on the roster.
#[derive(Debug)]
pub(super) struct View {
    /// ?1 the provider, ?2 the id.
    pub(super) get: [String; 2],
    /// ?1 the provider, ?2 the id before, ?3 how many.
    pub(super) list: [String; 2],
    /// Names of the fields, which follow the first two columns in this order.
    pub(super) fields: Vec<Word>,
}

impl Texts {
    pub(super) fn of(dataset: &Dataset, class: IdClass) -> Texts {
        let views = dataset.views.iter();
        let views = views.map(|(name, fields)| (name.clone(), view(dataset, fields, class).into()));
        let searches = dataset.searches.iter();
        let candidates = searches.map(|s| (s.name.clone(), candidates(dataset, &s.keys, class)));
        Texts { views: views.collect(), candidates: candidates.collect() }
    }

    /// Every statement that reads of the dataset can need.
    pub(super) fn all(&self) -> Vec<&str> {
        let views = self.views.values().flat_map(|view| view.get.iter().chain(&view.list));
        let candidates = self.candidates.values().flatten().map(|sql| &**sql);
        views.map(|sql| &**sql).chain(candidates).collect()
    }
}

/// Whether a search compares the id and nothing else.
pub(super) fn by_id_alone(dataset: &Dataset, keys: &[SearchKey]) -> bool {
    matches!(keys, [key] if compared(dataset, key) == dataset.id_column)
}

/// The column that a key of a search is compared with.
pub(super) fn compared(dataset: &Dataset, key: &SearchKey) -> Word {
    match key {
        SearchKey::Exact(field) | SearchKey::Date(field) => {
            dataset.column(field).unwrap_or(field).clone()
        }
        SearchKey::Name { column, .. } => column.clone(),
    }
}

/// That a row of the roster is of the provider ?1, and its id one that a record can have.
fn of_provider(class: IdClass) -> String {
    let class = class.name();
    format!(
        "r.provider = ?1 COLLATE BINARY AND typeof(r.provider) = 'text' AND typeof(r.id) = '{class}'"
    )
}

/// The ids on the roster of a provider, ?1.
pub(crate) fn members(dataset: &Dataset) -> String {
    let roster = &dataset.roster_table;
    format!(
        r#"SELECT r.id FROM "{roster}" r
           WHERE r.provider = ?1 COLLATE BINARY AND typeof(r.provider) = 'text'"#
    )
}

fn view(dataset: &Dataset, fields: &[Word], class: IdClass) -> View {
    let (table, id, roster) = (&dataset.table, &dataset.id_column, &dataset.roster_table);
    let column = |name: &Word| dataset.column(name).unwrap_or(name).clone();
    let columns: String = fields.iter().map(|f| format!(r#", t."{}""#, column(f))).collect();
    let (of_provider, name) = (of_provider(class), class.name());
    let select = format!(r#"SELECT t."{id}", r.id IS NOT NULL{columns}"#);
    // The roster is asked first and alone decides: whether there is such a person at all makes no
    // difference to what is done, and so none to the time it takes. CROSS JOIN keeps the order.
    let inner = format!(
        r#"{select} FROM "{roster}" r CROSS JOIN "{table}" t
           ON t."{id}" = +r.id COLLATE BINARY AND typeof(t."{id}") = '{name}'
           WHERE {of_provider}"#
    );
    let outer = format!(
        r#"{select} FROM "{table}" t LEFT JOIN "{roster}" r
           ON {of_provider} AND r.id = +t."{id}" COLLATE BINARY
           WHERE typeof(t."{id}") = '{name}'"#
    );
    let order = |id: &str| format!("ORDER BY {id} COLLATE BINARY LIMIT ?3");
    let of = format!(r#"t."{id}""#);
    View {
        get: [
            format!("{inner} AND r.id = ?2 COLLATE BINARY"),
            format!("{outer} AND {of} = ?2 COLLATE BINARY"),
        ],
        list: [
            format!("{inner} AND r.id > ?2 COLLATE BINARY {}", order("r.id")),
            format!("{outer} AND {of} > ?2 COLLATE BINARY {}", order(&of)),
        ],
        fields: fields.to_vec(),
    }
}

/// The ids of the records that a search may mean, read from the index alone: the roster decides
/// before any record is fetched. ?1 is the id before; the values follow.
fn candidates(dataset: &Dataset, keys: &[SearchKey], class: IdClass) -> Option<Arc<str>> {
    if by_id_alone(dataset, keys) {
        return None;
    }
    let (table, id, name) = (&dataset.table, &dataset.id_column, class.name());
    let compare = |(n, key): (usize, &SearchKey)| {
        let column = compared(dataset, key);
        let exactly = if column == *id { " COLLATE BINARY" } else { "" };
        format!(r#"i."{column}" = ?{}{exactly}"#, n + 2)
    };
    let keys: Vec<String> = keys.iter().enumerate().map(compare).collect();
    // With the `+` the place is no reason to go by another index.
    let sql = format!(
        r#"SELECT i."{id}" FROM "{table}" i WHERE {} AND typeof(i."{id}") = '{name}'
           AND +i."{id}" > ?1 COLLATE BINARY ORDER BY i."{id}" COLLATE BINARY"#,
        keys.join(" AND ")
    );
    Some(sql.into())
}
