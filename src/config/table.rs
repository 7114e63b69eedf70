//! Reads a table of `policy.toml` key by key, so that each part of the policy reads as the list of
//! its keys. What is wrong goes to [`Faults`], and reading goes on.

use std::collections::{BTreeSet, HashSet};
use std::ops::RangeInclusive;

use toml_edit::{Array, Item, TableLike, Value};

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
pub(super) const CONTACT: Shape = Shape::new(grammar::CONTACT, grammar::is_contact);
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
    /// Name of the table, as its header has it.
    name: String,
    /// Where a fault of the whole table is shown.
    at: usize,
    /// The keys that were asked for; any other is unknown.
    known: Vec<&'static str>,
    faults: &'t Faults<'t>,
}

impl<'t> Table<'t> {
    /// The table that the whole file is.
    pub(super) fn root(like: &'t dyn TableLike, faults: &'t Faults<'t>) -> Table<'t> {
        Table { like, name: String::new(), at: 0, known: Vec::new(), faults }
    }

    /// Offset in the file at which the table begins, in bytes.
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

    /// An integer within the range, or the default if the key is absent.
    pub(super) fn integer_or(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u64>,
        default: u64,
    ) -> u64 {
        if self.like.contains_key(key) {
            return self.integer(key, range);
        }
        self.known.push(key);
        default
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
        if (shape.holds)(text) {
            return text.into();
        }
        self.fault(at, format!("`{key}` has another form: {write}"));
        short(text).into()
    }

    /// A required text of this shape, with the place where it stands.
    pub(super) fn text_spot(&mut self, key: &'static str, shape: Shape) -> Spot<Word> {
        Spot { at: self.spot(key).unwrap_or(self.at), value: self.text(key, shape, None) }
    }

    /// True or false, or the default if the key is absent.
    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        let Some((item, at)) = self.optional(key) else { return default };
        item.as_bool().unwrap_or_else(|| {
            self.wrong_type(key, item, at, &format!("write `{key} = true` or `{key} = false`"));
            default
        })
    }

    /// Where a key stands, if it does.
    pub(super) fn spot(&self, key: &str) -> Option<usize> {
        self.like.get(key).map(|item| self.place(key, item))
    }

    /// A text of a shape that need not be there.
    pub(super) fn optional_text(&mut self, key: &'static str, shape: Shape) -> Option<Word> {
        if !self.like.contains_key(key) {
            self.known.push(key);
            return None;
        }
        Some(self.text(key, shape, None))
    }

    /// A list of texts of a shape, each once; empty only if it need not be there.
    pub(super) fn list(&mut self, key: &'static str, shape: Shape, need: bool) -> Vec<Spot<Word>> {
        let found = if need {
            self.required(key, &format!("write `{key} = [...]`, each of them {}", shape.must_be))
        } else {
            self.optional(key)
        };
        match found {
            Some((item, _)) if !need && item.as_array().is_some_and(Array::is_empty) => Vec::new(),
            Some((item, at)) => self.texts(key, Spot { value: item, at }, shape),
            None => Vec::new(),
        }
    }

    /// The texts, at least one and each once, in the list under a key.
    pub(super) fn texts(&self, key: &str, item: Spot<&Item>, shape: Shape) -> Vec<Spot<Word>> {
        let write = format!("write `{key} = [\"...\"]`, each of them {}", shape.must_be);
        let Some(array) = item.value.as_array() else {
            self.wrong_type(key, item.value, item.at, &write);
            return Vec::new();
        };
        if array.is_empty() {
            self.fault(item.at, format!("`{key}` is empty: {write}"));
        }
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
                    let text = short(text);
                    self.fault(at, format!("`{text}` in `{key}` has another form: {write}"));
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

    /// An inner table that may be absent.
    pub(super) fn optional_table(&mut self, key: &'static str) -> Option<Table<'t>> {
        let (item, at) = self.optional(key)?;
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

    /// Every entry of a table whose keys are names of the operator's choice. One of another form is
    /// returned all the same, so that the faults inside it are told too.
    pub(super) fn entries(&self, shape: Shape) -> Vec<(Word, Spot<&'t Item>)> {
        let mut found = Vec::new();
        for (key, item) in self.like.iter() {
            let at = self.place(key, item);
            if !(shape.holds)(key) {
                let (key, name, must) = (short(key), &self.name, shape.must_be);
                let what = format!("`{key}` in [{name}] has another form: name it with {must}");
                self.fault(at, what);
            }
            found.push((short(key).into(), Spot { value: item, at }));
        }
        found
    }

    /// Notes each name that is not among the known ones.
    pub(super) fn check_known(&self, names: &[Spot<Word>], known: &[&str], what: &str) {
        let set: HashSet<&str> = known.iter().copied().collect();
        for name in names.iter().filter(|name| !set.contains(&*name.value)) {
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
            self.fault(at, format!("`{}` is no key {place}: {instead}", short(key)));
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
        self.fault(at, format!("`{key}` is {}: {write}", article(kind)));
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
    let n = known.len();
    match nearest(word, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None if n == 0 => "leave it out".into(),
        None if n > 16 => format!("write one of the {n} that are declared"),
        None => format!("write one of {}", known.join(", ")),
    }
}

fn article(kind: &str) -> String {
    let an = kind.starts_with(['a', 'i']);
    format!("{} {kind}", if an { "an" } else { "a" })
}

/// A text of the file as a message can hold it: one line of bounded length, with nothing that a
/// terminal acts on. A text of a good shape stays as it is.
fn short(text: &str) -> String {
    text.escape_debug().take(64).collect()
}

/// The values that stand at these spots.
pub(super) fn values(spots: Vec<Spot<Word>>) -> Vec<Word> {
    spots.into_iter().map(|spot| spot.value).collect()
}

#[cfg(test)]
mod tests {
    use super::super::policy::tests::{changed, faults, one_fault};

    #[test]
    fn an_unknown_key_is_a_fault_and_the_nearest_is_named() {
        let extra = |at: &str, line: &str| changed(at, &format!("{at}\n{line}"));
        for (text, place, says) in [
            (changed("revoked = []", "revokd = []"), "revokd", "`revoked`"),
            (extra("[staff]", "securty = []"), "securty", "`security`"),
            (extra("[staff]", "provider = []"), "provider =", "write one of"),
            (extra("table = \"dossiers\"", "tabel = \"x\""), "tabel", "`table`"),
            (extra("burst = 40", "brust = 1"), "brust", "`burst`"),
            (extra("agent_day = 120", "agent_days = 1"), "agent_days", "`agent_day`"),
            (extra("scope = \"roster\"", "scop = \"open\""), "scop =", "`scope`"),
        ] {
            one_fault(&text, place, &[says]);
        }
    }

    #[test]
    fn a_missing_key_is_a_fault_at_its_table() {
        for (from, place, says) in [
            ("\ntable = \"dossiers\"", "cir]\n", "`table` is missing in [dataset.cir]"),
            ("\nid_column = \"id\"", "cir]\n", "`id_column` is missing"),
            ("\nroster_table = \"roster\"", "cir]\n", "`roster_table` is missing"),
            ("\nrequests_per_second = 20", "langues-nord]\n", "`requests_per_second` is missing"),
            ("\nburst = 40", "langues-nord]\n", "`burst = N` with an integer N from 1 to 100000"),
            ("\nscope = \"roster\"", "cir]\npurposes", "roster or open"),
        ] {
            let text = changed(from, "");
            let found = faults(&text);
            let fault = found
                .iter()
                .find(|f| f.what.contains(says))
                .unwrap_or_else(|| panic!("{found:#?}"));
            let line = text[..text.find(place).unwrap()].matches('\n').count() + 1;
            assert_eq!(fault.line, line, "{fault}");
        }
    }

    #[test]
    fn a_value_of_another_type_is_a_fault() {
        for (from, to, place, says) in [
            ("burst = 40", "burst = \"40\"", "burst", "is a string: write `burst = N`"),
            ("burst = 40", "burst = 40.0", "burst", "is a float"),
            ("agent_hour = 60", "agent_hour = []", "agent_hour", "is an array"),
            ("table = \"dossiers\"", "table = 1", "table = 1", "is an integer"),
            ("auditor = [\"audit-1\"]", "auditor = \"audit-1\"", "auditor", "write `auditor = ["),
            ("auditor = [\"audit-1\"]", "auditor = [1]", "1]\nadmin", "holds an integer"),
            ("case_number = [\"id\"]", "case_number = \"id\"", "case_number", "is a string"),
            (
                "course_delivery = [\"BASIC\", \"CONTACT\"]",
                "course_delivery = {}",
                "course_delivery = {",
                "`views` is missing in [dataset.cir.purposes.course_delivery]",
            ),
        ] {
            let text = changed(from, to);
            let found = faults(&text);
            let line = text[..text.find(place).unwrap()].matches('\n').count() + 1;
            assert!(
                found.iter().any(|f| f.line == line && f.what.contains(says)),
                "{says}: {found:#?}"
            );
        }
        let found = faults("staff = 1\ndataset = []\nprovider = { alpha = 1 }");
        for (line, says) in
            [(1, "write [staff]"), (2, "write [dataset]"), (3, "write [provider.alpha]")]
        {
            assert!(found.iter().any(|f| f.line == line && f.what.contains(says)), "{found:#?}");
        }
    }

    #[test]
    fn a_message_is_one_short_line_whatever_the_file_holds() {
        let long = format!("a\\n\\u001b[31m{}", "x".repeat(1_000));
        let found = faults(&format!(
            "\"{long}\" = 1\n[staff]\nadmin = [\"{long}\"]\n\
             [provider.\"{long}\"]\nburst = \"x\"\n\
             [dataset.\"{long}\"]\nid_column = \"{long}\"\nfields = {{ \"{long}\" = 1 }}\n\
             views = {{ \"{long}\" = 1 }}\nsearches = {{ \"{long}\" = [\"y\"] }}",
        ));
        assert!(found.len() > 10);
        for fault in found {
            assert!(fault.what.len() < 500 && !fault.what.contains(char::is_control), "{fault}");
        }
    }
}
