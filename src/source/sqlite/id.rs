//! Ids of records. All of a dataset are of one storage class, and two are one person only if their
//! text is the same: 7 and '07' are not. SQLite compares by affinity and collation, which would
//! make one person of two, so every statement names class and collation.

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};

use crate::admission::ID_MAX;

/// The storage class of a dataset's ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdClass {
    /// The ids are of storage class TEXT.
    Text,
    /// The ids are of storage class INTEGER; the text of one is its decimal digits.
    Integer,
}

/// The integer that is no id, so that what is no integer can be looked up all the same.
const NOBODY: i64 = i64::MIN;

impl IdClass {
    /// Both classes that ids may be of.
    pub(super) const ALL: [IdClass; 2] = [IdClass::Text, IdClass::Integer];

    /// The word that SQLite's `typeof` has for the class.
    pub(super) fn name(self) -> &'static str {
        match self {
            IdClass::Text => "text",
            IdClass::Integer => "integer",
        }
    }

    /// The value of an id, for statements to compare with. An id that no record of this class can
    /// have becomes a value that none has.
    pub(super) fn value(self, id: String) -> RecordId {
        match self {
            IdClass::Text => RecordId::Text(id.into_bytes()),
            IdClass::Integer => {
                let number = id.parse().ok().filter(|n: &i64| n.to_string() == id);
                RecordId::Integer(number.unwrap_or(NOBODY))
            }
        }
    }

    /// The value before that of every id.
    pub(super) fn first(self) -> RecordId {
        match self {
            IdClass::Text => RecordId::Text(Vec::new()),
            IdClass::Integer => RecordId::Integer(NOBODY),
        }
    }
}

/// A value of an id column, as it is stored.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub(crate) enum RecordId {
    /// The bytes of a text, whether they are UTF-8 or not.
    Text(Vec<u8>),
    Integer(i64),
    /// A value that is no id, but that a column may hold.
    Real(f64),
    /// A value that is no id, but that a column may hold.
    Blob(Vec<u8>),
    Null,
}

/// Why a value is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub(crate) enum BadId {
    /// It is of another storage class than the ids of its dataset.
    #[error("is {0}")]
    Class(&'static str),
    #[error("is not UTF-8")]
    Encoding,
    #[error("is empty")]
    Empty,
    /// It is longer than [`ID_MAX`] bytes.
    #[error("is longer than {ID_MAX} bytes")]
    Long,
    #[error("has a control character")]
    Control,
    #[error("is out of range")]
    Range,
    /// Another row of the dataset has the same id.
    #[error("stands in more than one row")]
    Twice,
}

impl RecordId {
    pub(crate) fn of(value: ValueRef<'_>) -> RecordId {
        match value {
            ValueRef::Null => RecordId::Null,
            ValueRef::Integer(n) => RecordId::Integer(n),
            ValueRef::Real(x) => RecordId::Real(x),
            ValueRef::Text(bytes) => RecordId::Text(bytes.to_vec()),
            ValueRef::Blob(bytes) => RecordId::Blob(bytes.to_vec()),
        }
    }

    /// The class of the value; if ids have no such class, what `typeof` says of it.
    pub(super) fn class(&self) -> Result<IdClass, &'static str> {
        match self {
            RecordId::Text(_) => Ok(IdClass::Text),
            RecordId::Integer(_) => Ok(IdClass::Integer),
            RecordId::Real(_) => Err("real"),
            RecordId::Blob(_) => Err("blob"),
            RecordId::Null => Err("null"),
        }
    }

    /// The text of the id, if the value is one of this class.
    pub(crate) fn text(&self, class: IdClass) -> Result<String, BadId> {
        match self {
            RecordId::Text(bytes) if class == IdClass::Text => {
                let text = std::str::from_utf8(bytes).map_err(|_| BadId::Encoding)?;
                match text.len() {
                    0 => Err(BadId::Empty),
                    1..=ID_MAX if text.contains(char::is_control) => Err(BadId::Control),
                    1..=ID_MAX => Ok(text.to_owned()),
                    _ => Err(BadId::Long),
                }
            }
            RecordId::Integer(NOBODY) if class == IdClass::Integer => Err(BadId::Range),
            RecordId::Integer(n) if class == IdClass::Integer => Ok(n.to_string()),
            other => Err(BadId::Class(other.class().map_or_else(|name| name, IdClass::name))),
        }
    }

    /// A value close behind this one that is no id: whoever looks for it goes where this one is.
    pub(super) fn beside(&self) -> RecordId {
        match self {
            RecordId::Text(bytes) => RecordId::Text([bytes, &b"\x01"[..]].concat()),
            // Beyond 2^52 there are no halves, and no agency has so many records.
            RecordId::Integer(n) if n.unsigned_abs() < 1 << 52 => RecordId::Real(*n as f64 + 0.5),
            _ => RecordId::Integer(NOBODY),
        }
    }
}

impl ToSql for RecordId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            RecordId::Text(bytes) => ValueRef::Text(bytes),
            RecordId::Integer(n) => ValueRef::Integer(*n),
            RecordId::Real(x) => ValueRef::Real(*x),
            RecordId::Blob(bytes) => ValueRef::Blob(bytes),
            RecordId::Null => ValueRef::Null,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> RecordId {
        RecordId::Text(bytes.to_vec())
    }

    #[test]
    fn an_id_is_text_of_its_class_within_its_length() {
        let longest = "é".repeat(ID_MAX / 2);
        assert_eq!(text(longest.as_bytes()).text(IdClass::Text).as_deref(), Ok(&*longest));
        let longer = format!("{longest}a");
        for (value, class, why) in [
            (text(longer.as_bytes()), IdClass::Text, BadId::Long),
            (text(b""), IdClass::Text, BadId::Empty),
            (text(b"7\x01"), IdClass::Text, BadId::Control),
            (text(b"7\0"), IdClass::Text, BadId::Control),
            (text(b"\xff"), IdClass::Text, BadId::Encoding),
            (RecordId::Integer(7), IdClass::Text, BadId::Class("integer")),
            (text(b"7"), IdClass::Integer, BadId::Class("text")),
            (RecordId::Real(7.0), IdClass::Integer, BadId::Class("real")),
            (RecordId::Blob(b"7".to_vec()), IdClass::Text, BadId::Class("blob")),
            (RecordId::Null, IdClass::Text, BadId::Class("null")),
            (RecordId::Integer(i64::MIN), IdClass::Integer, BadId::Range),
        ] {
            assert_eq!(value.text(class), Err(why), "{value:?}");
        }
        for n in [0, 7, -7, i64::MAX, i64::MIN + 1] {
            assert_eq!(RecordId::Integer(n).text(IdClass::Integer), Ok(n.to_string()));
        }
    }

    #[test]
    fn only_the_very_text_of_an_integer_finds_it() {
        let value = |id: &str| IdClass::Integer.value(id.to_owned());
        assert_eq!(value("7"), RecordId::Integer(7));
        assert_eq!(value("-7"), RecordId::Integer(-7));
        for other in ["07", "+7", " 7", "7.0", "7e0", "", "-0", "9223372036854775808", "\u{1}"] {
            assert_eq!(value(other), RecordId::Integer(NOBODY), "{other}");
        }
        assert_eq!(IdClass::Text.value("07".to_owned()), text(b"07"));
    }
}
