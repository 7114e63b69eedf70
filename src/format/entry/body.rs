//! The bytes of an entry: one allowed form, written and read strictly.

use std::fmt;

use serde::de::{
    self, DeserializeOwned, IgnoredAny, MapAccess, Visitor, value::MapAccessDeserializer,
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::format::entry::{
    Access, Alert, Entry, Genesis, Moment, Payload, Policy, Read, Refusals, Roster,
};

/// Largest size of a body, in bytes.
pub const BODY_MAX: usize = 65_535;
/// Longest text in a body, in characters.
pub const TEXT_MAX: usize = 256;
/// Longest name in a body: a hash has as many.
pub const NAME_MAX: usize = 64;
/// Integers are below this: every JSON reader holds them exactly.
pub const INTEGER_END: u64 = 1 << 53;

/// Why bytes are not an entry.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Malformed {
    /// The body has more bytes than are allowed; holds its size and the most allowed, in bytes.
    #[error("it has {0} bytes; at most {1} are allowed")]
    TooLong(usize, usize),
    /// The bytes are not the JSON of an entry; holds what the parser says.
    #[error("{0}")]
    Json(String),
    /// It says what it should, but in other bytes than the one form allowed; holds the offset of
    /// the first that differs.
    #[error("it is not in its one allowed form, from byte {0}")]
    Form(usize),
    /// A string or a number is outside the limits of the format.
    #[error("{what} at byte {at}")]
    Limit {
        /// What is wrong with it, in words.
        what: &'static str,
        /// Offset of the place, in bytes from the start.
        at: usize,
    },
}

impl Entry {
    /// The bytes of the body: stored, hashed and proven as they are.
    ///
    /// # Errors
    /// If they are more than [`BODY_MAX`], or a string or number is outside the limits: what a
    /// reader would refuse is never written.
    pub fn encode(&self) -> Result<String, Malformed> {
        let Moment { at, tick } = self.now;
        let mut out = Vec::with_capacity(1_024);
        {
            use std::io::Write as _;
            let (seq, prev, kind) = (self.seq, self.prev, self.payload.kind());
            // Writing to a Vec cannot fail.
            let _ = write!(
                out,
                r#"{{"seq":{seq},"prev":"{prev}","at":{at},"tick":{tick},"kind":"{kind}""#
            );
        }
        let rest = out.len();
        let written = match &self.payload {
            Payload::Genesis(x) => serde_json::to_writer(&mut out, x),
            Payload::Policy(x) => serde_json::to_writer(&mut out, x),
            Payload::Roster(x) => serde_json::to_writer(&mut out, x),
            Payload::Read(x) => serde_json::to_writer(&mut out, x),
            Payload::Refusals(x) => serde_json::to_writer(&mut out, x),
            Payload::Alert(x) => serde_json::to_writer(&mut out, x),
            Payload::Warning(x) => serde_json::to_writer(&mut out, x),
            Payload::Act(x) => x.write(&mut out),
            Payload::Access(x) => serde_json::to_writer(&mut out, x),
        };
        written.expect("derived Serialize of plain structs into memory does not fail");
        // The object that serde opened goes on in the one opened above.
        out[rest] = b',';
        if out.len() > BODY_MAX {
            return Err(Malformed::TooLong(out.len(), BODY_MAX));
        }
        let act = matches!(self.payload, Payload::Act(_));
        limits(&out, |key| match key {
            b"origin" | b"key" | b"network" | b"signature" => StringForm::Text,
            b"reason" if act => StringForm::Text,
            _ => StringForm::Name,
        })?;
        Ok(String::from_utf8(out).expect("serde_json writes UTF-8"))
    }

    /// Reads a body, strictly: it must be, byte for byte, what [`Entry::encode`] makes of it.
    ///
    /// # Errors
    /// [`Malformed`] says what is wrong and where.
    pub fn parse(body: &str) -> Result<Entry, Malformed> {
        if body.len() > BODY_MAX {
            return Err(Malformed::TooLong(body.len(), BODY_MAX));
        }
        let entry: Entry =
            serde_json::from_str(body).map_err(|e| Malformed::Json(e.to_string()))?;
        let again = entry.encode()?;
        same(&again, body)?;
        Ok(entry)
    }
}

/// Holds text to the one form that it has when it is written again.
pub(super) fn same(again: &str, text: &str) -> Result<(), Malformed> {
    if again == text {
        return Ok(());
    }
    let at = again.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count();
    Err(Malformed::Form(at))
}

/// What a string is held to, besides having 256 characters at most and no control character.
pub(super) enum StringForm {
    /// Letters, digits, `_` and `-`: a name, a word of a list, a tag, hexadecimal digits.
    Name,
    /// Any characters that the format allows, at least one of them.
    Text,
    /// Any characters that the limits allow, or none at all.
    Any,
}

/// Holds every string and number of canonical JSON to the limits of the format; `form` says of a
/// key what the strings under it must be.
pub(super) fn limits(body: &[u8], form: impl Fn(&[u8]) -> StringForm) -> Result<(), Malformed> {
    let (mut at, mut key): (_, &[u8]) = (0, b"");
    while let Some(&byte) = body.get(at) {
        match byte {
            b'"' => {
                let end = string_end(body, at + 1)?;
                let text = &body[at + 1..end - 1];
                if body.get(end) == Some(&b':') {
                    key = text;
                } else {
                    form(key).check(text).map_err(|what| Malformed::Limit { what, at })?;
                }
                at = end;
            }
            b'0'..=b'9' => {
                let digits = body[at..].iter().take_while(|b| b.is_ascii_digit()).count();
                let text = std::str::from_utf8(&body[at..at + digits]).unwrap_or_default();
                if !text.parse::<u64>().is_ok_and(|n| n < INTEGER_END) {
                    return Err(Malformed::Limit { what: "an integer of 2^53 or more", at });
                }
                at += digits;
            }
            _ => at += 1,
        }
    }
    Ok(())
}

impl StringForm {
    /// What is wrong with a string, if anything.
    fn check(&self, text: &[u8]) -> Result<(), &'static str> {
        // Every byte is looked at, whatever the first ones say: so several are at once.
        let sign = |b: u8| b.is_ascii_alphanumeric() | (b == b'_') | (b == b'-');
        let name = || text.iter().fold(true, |all, b| all & sign(*b)) && text.len() <= NAME_MAX;
        match self {
            StringForm::Text | StringForm::Name if text.is_empty() => Err("an empty string"),
            StringForm::Name if !name() => {
                Err("a name of other characters than letters, digits, _ and -, or of more than 64")
            }
            StringForm::Name | StringForm::Text | StringForm::Any => Ok(()),
        }
    }
}

/// The index behind the closing quote of the string that begins at `from`.
fn string_end(body: &[u8], from: usize) -> Result<usize, Malformed> {
    let control = |at| Err(Malformed::Limit { what: "a control character in a string", at });
    let mut at = from;
    // DEL and the C1 controls (U+0080 to U+009F) are raw in JSON, and a terminal acts on them.
    let special = |b: &u8| matches!(b, b'"' | b'\\' | 0x7f | 0xc2);
    while let Some(next) = body[at..].iter().position(special) {
        at += next;
        match (body[at], body.get(at + 1)) {
            (b'"', _) => break,
            (b'\\', Some(b'"' | b'\\')) | (0xc2, Some(0xa0..)) => at += 2,
            _ => return control(at),
        }
    }
    let text = &body[from..at];
    if text.len() > TEXT_MAX && characters(text) > TEXT_MAX {
        return Err(Malformed::Limit { what: "a string of more than 256 characters", at: from });
    }
    Ok(at + 1)
}

/// Characters of a string as it is written: an escape is one, a continuation byte of UTF-8 none.
fn characters(text: &[u8]) -> usize {
    let (mut count, mut escaped) = (0, false);
    for byte in text {
        escaped = !escaped && *byte == b'\\';
        count += usize::from(!escaped && !matches!(byte, 0x80..=0xbf));
    }
    count
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an entry of the ledger")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry, A::Error> {
        let seq = head(&mut map, "seq")?;
        let prev = head(&mut map, "prev")?;
        let at = head(&mut map, "at")?;
        let tick = head(&mut map, "tick")?;
        let kind: &str = head(&mut map, "kind")?;
        let rest = MapAccessDeserializer::new(&mut map);
        let what = match kind {
            "genesis" => Payload::Genesis(Genesis::deserialize(rest)?),
            "policy" => Payload::Policy(Policy::deserialize(rest)?),
            "read" => Payload::Read(Box::new(Read::deserialize(rest)?)),
            "refusals" => Payload::Refusals(Refusals::deserialize(rest)?),
            "alert" => Payload::Alert(Alert::deserialize(rest)?),
            "roster" => Payload::Roster(Roster::deserialize(rest)?),
            "warning" => Payload::Warning(exact(rest)?),
            "act" => Payload::Act(exact(rest)?),
            "access" => Payload::Access(Access::deserialize(rest)?),
            _ => return Err(de::Error::custom("a kind of entry that this version does not know")),
        };
        if map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            return Err(de::Error::custom("keys behind the end of the entry"));
        }
        Ok(Entry { seq, prev, now: Moment { at, tick }, payload: what })
    }
}

/// Reads an object of which one key says which others there are, and refuses any that it would not
/// be written with: serde cannot, where what is tagged is part of a larger object.
pub(super) fn exact<'de, T, D>(told: D) -> Result<T, D::Error>
where
    T: Serialize + DeserializeOwned,
    D: Deserializer<'de>,
{
    let told = Value::Object(Map::deserialize(told)?);
    let read = T::deserialize(&told).map_err(de::Error::custom)?;
    let again = serde_json::to_value(&read).map_err(de::Error::custom)?;
    let keys = told.as_object().into_iter().flat_map(Map::keys);
    match keys.into_iter().find(|key| again.get(key).is_none()) {
        Some(key) => Err(de::Error::custom(format_args!("`{key}` has no place in it"))),
        None => Ok(read),
    }
}

/// The next key of the map, which must be `name`, and its value.
fn head<'de, A: MapAccess<'de>, T: Deserialize<'de>>(
    map: &mut A,
    name: &'static str,
) -> Result<T, A::Error> {
    match map.next_key::<&str>()? {
        Some(key) if key == name => map.next_value(),
        _ => Err(de::Error::custom(format_args!("`{name}` is not where it belongs"))),
    }
}
