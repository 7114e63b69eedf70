//! Reads a table of `policy.toml` key by key, so that each part of the policy reads as the list of
//! its keys. What is wrong goes to [`Faults`], and reading goes on.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use toml_edit::{Item, TableLike, Value};

use super::faults::{Faults, nearest};
use crate::admission::{Word, grammar};

/// The shape of a text, and how to say it.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    must_be: &'static str,
    holds: fn(&str) -> bool,
}

impl Shape {
    pub(super) const fn new(must_be: &'static str, holds: fn(&str) -> bool) -> Shape {
        Shape { must_be, holds }
    }
}

pub(super) const WORD: Shape = Shape::new(grammar::WORD, grammar::is_word);
pub(super) const ID: Shape = Shape::new(grammar::ID, grammar::is_id);
pub(super) const VIEW: Shape =
    Shape::new("BASIC, CONTACT or FULL", |text| grammar::VIEWS.contains(&text));
pub(super) const FINGERPRINT: Shape =
    Shape::new("64 hexadecimal digits, the SHA-256 of a certificate in DER", |text| {
        text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
    });

/// Something read, and the byte where it stands.
#[derive(Clone, Copy)]
pub(super) struct Spot<T> {
    pub(super) value: T,
    pub(super) at: usize,
}

/// A table that is being read.
pub(super) struct Table<'t> {
    like: &'t dyn TableLike,
    /// As its header has it.
    name: String,
    /// Where a fault of the whole table is shown.
    at: usize,
    /// The keys that were asked for; any other is unknown.
    known: Vec<&'static str>,
    faults: &'t Faults<'t>,
}

impl<'t> Table<'t> {
    /// The whole file.
    pub(super) fn root(like: &'t dyn TableLike, faults: &'t Faults<'t>) -> Table<'t> {
        Table { like, name: String::new(), at: 0, known: Vec::new(), faults }
    }

    /// Where the table begins.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Notes a fault of something in the table.
    pub(super) fn fault(&self, at: usize, what: impl Into<String>) {
        self.faults.add(at, what);
    }

    /// A required integer within the range.
    pub(super) fn integer(&mut self, key: &'static str, range: RangeInclusive<u64>) -> u64 {
        let (least, most) = (*range.start(), *range.end());
        let write = format!("write `{key} = N` with an integer N from {least} to {most}");
        let Some((item, at)) = self.required(key, &write) else { return least };
        match item.as_integer().map(u64::try_from) {
            Some(Ok(n)) if range.contains(&n) => return n,
            Some(_) => self.fault(at, format!("`{key}` is out of range: {write}")),
            None => self.wrong_type(key, item, at, &write),
        }
        least
    }

    /// A text of a shape, or the default if the key is absent and there is one.
    pub(super) fn text(&mut self, key: &'static str, shape: Shape, default: Option<&str>) -> Word {
        let write = format!("write `{key} = \"...\"` with {}", shape.must_be);
        let found = match default {
            Some(_) => self.optional(key),
            None => self.required(key, &write),
        };
        let Some((item, at)) = found else { return default.unwrap_or_default().into() };
        let Some(text) = item.as_str() else {
            self.wrong_type(key, item, at, &write);
            return "".into();
        };
        if !(shape.holds)(text) {
            self.fault(at, format!("`{key}` has another form: {write}"));
        }
        text.into()
    }

    /// A list of texts of a shape, each once; empty if the key is absent and need not be there.
    pub(super) fn list(&mut self, key: &'static str, shape: Shape, need: bool) -> Vec<Spot<Word>> {
        let found = if need {
            self.required(key, &format!("write `{key} = [...]`, each {}", shape.must_be))
        } else {
            self.optional(key)
        };
        found.map_or_else(Vec::new, |(item, at)| self.texts(key, Spot { value: item, at }, shape))
    }

    /// The texts in the list under a key; `item` is what stands there.
    pub(super) fn texts(&self, key: &str, item: Spot<&Item>, shape: Shape) -> Vec<Spot<Word>> {
        let write = format!("write `{key} = [\"...\"]`, each {}", shape.must_be);
        let Some(array) = item.value.as_array() else {
            self.wrong_type(key, item.value, item.at, &write);
            return Vec::new();
        };
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        for value in array {
            let at = value.span().map_or(item.at, |span| span.start);
            match value.as_str() {
                None => {
                    let kind = value.type_name();
                    self.fault(at, format!("`{key}` holds {}: {write}", article(kind)));
                }
                Some(text) if !(shape.holds)(text) => {
                    self.fault(at, format!("{} in `{key}` has another form: {write}", shown(text)));
                }
                Some(text) if !seen.insert(text) => {
                    self.fault(at, format!("`{text}` is twice in `{key}`: leave one out"));
                }
                Some(text) => found.push(Spot { value: text.into(), at }),
            }
        }
        found
    }

    /// A table under a key; `None`, and a fault, if it is not there.
    pub(super) fn table(&mut self, key: &'static str) -> Option<Table<'t>> {
        let name = self.inner(key);
        let (item, at) = self.required(key, &format!("write [{name}], and its keys below it"))?;
        self.as_table(key, Spot { value: item, at })
    }

    /// What stands under a key, read as a table of its own.
    pub(super) fn as_table(&self, key: &str, item: Spot<&'t Item>) -> Option<Table<'t>> {
        let name = self.inner(key);
        let Some(like) = item.value.as_table_like() else {
            let write = format!("write [{name}], and its keys below it");
            self.wrong_type(key, item.value, item.at, &write);
            return None;
        };
        Some(Table { like, name, at: item.at, known: Vec::new(), faults: self.faults })
    }

    /// Every entry of a table whose keys are names of the operator's choice.
    pub(super) fn entries(&self, shape: Shape) -> Vec<(Word, Spot<&'t Item>)> {
        let mut found = Vec::new();
        for (key, item) in self.like.iter() {
            let at = self.place(key, item);
            if !(shape.holds)(key) {
                let name = &self.name;
                let must = shape.must_be;
                self.fault(
                    at,
                    format!("{} in [{name}] has another form: name it with {must}", shown(key)),
                );
            }
            found.push((key.into(), Spot { value: item, at }));
        }
        found
    }

    /// Notes each name that is not among the known ones.
    pub(super) fn hold_known(&self, names: &[Spot<Word>], known: &[&str], what: &str) {
        for name in names.iter().filter(|name| !known.contains(&&*name.value)) {
            let (word, instead) = (&name.value, instead(&name.value, known));
            self.fault(name.at, format!("`{word}` is not {what}: {instead}"));
        }
    }

    /// Every key that nobody asked for is a fault: a limit that is misspelt must not be a limit
    /// that is missing.
    pub(super) fn close(self) {
        for (key, item) in self.like.iter().filter(|(key, _)| !self.known.contains(key)) {
            let at = self.place(key, item);
            let place = if self.name.is_empty() {
                "at the top of the file".into()
            } else {
                format!("in [{}]", self.name)
            };
            let instead = instead(key, &self.known);
            self.fault(at, format!("{} is no key {place}: {instead}", shown(key)));
        }
    }

    fn optional(&mut self, key: &'static str) -> Option<(&'t Item, usize)> {
        self.known.push(key);
        self.like.get(key).map(|item| (item, self.place(key, item)))
    }

    fn required(&mut self, key: &'static str, write: &str) -> Option<(&'t Item, usize)> {
        let found = self.optional(key);
        if found.is_none() {
            let place =
                if self.name.is_empty() { String::new() } else { format!(" in [{}]", self.name) };
            self.fault(self.at, format!("`{key}` is missing{place}: {write}"));
        }
        found
    }

    fn wrong_type(&self, key: &str, item: &Item, at: usize, write: &str) {
        let kind = item.as_value().map_or("table", Value::type_name);
        self.fault(at, format!("{} is {}: {write}", shown(key), article(kind)));
    }

    /// Where a key stands; a table made by the header of another has no place of its own.
    fn place(&self, key: &str, item: &Item) -> usize {
        let key = self.like.key(key).and_then(|key| key.span());
        key.or_else(|| item.span()).map_or(self.at, |span| span.start)
    }

    fn inner(&self, key: &str) -> String {
        if self.name.is_empty() { key.into() } else { format!("{}.{key}", self.name) }
    }
}

fn instead(word: &str, known: &[&str]) -> String {
    match nearest(word, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "leave it out".into(),
        None if known.len() > 16 => format!("write one of the {} that are declared", known.len()),
        None => format!("write one of {}", known.join(", ")),
    }
}

fn article(kind: &str) -> String {
    let an = kind.starts_with(['a', 'i']);
    format!("{} {kind}", if an { "an" } else { "a" })
}

/// A text of the file in a message: one line, of bounded length.
fn shown(text: &str) -> String {
    let short: String = text.escape_debug().take(64).collect();
    format!("`{short}`")
}
