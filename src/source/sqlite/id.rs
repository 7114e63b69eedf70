//! Ids of records. All of a dataset are of one storage class, and two are one person only if their
//! text is the same: 7 and '07' are not. SQLite compares by affinity and collation, which would make
//! one person of two, so every statement names class and collation.

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};

use crate::admission::ID_MAX;

/// The storage class of a dataset's ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// TEXT.
    Text,
    /// INTEGER; the text of an id is its decimal digits.
    Integer,
}

/// The integer that is no id, so that what is no integer can be looked up all the same.
const NOBODY: i64 = i64::MIN;

impl Class {
    /// Both.
    pub(super) const ALL: [Class; 2] = [Class::Text, Class::Integer];

    /// What `typeof` calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Class::Text => "text",
            Class::Integer => "integer",
        }
    }

    /// The value of an id, for statements to compare with. An id that no record of this class can have
    /// becomes a value that none has.
    pub(super) fn value(self, id: String) -> Id {
        match self {
            Class::Text => Id::Text(id.into_bytes()),
            Class::Integer => {
                let number = id.parse().ok().filter(|n: &i64| n.to_string() == id);
                Id::Integer(number.unwrap_or(NOBODY))
            }
        }
    }

    /// The value before that of every id.
    pub(super) fn first(self) -> Id {
        match self {
            Class::Text => Id::Text(Vec::new()),
            Class::Integer => Id::Integer(NOBODY),
        }
    }
}

/// A value of an id column, as it is stored.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub(crate) enum Id {
    /// As it is, UTF-8 or not.
    Text(Vec<u8>),
    Integer(i64),
    /// No id, but a column may hold it.
    Real(f64),
    /// No id, but a column may hold it.
    Blob(Vec<u8>),
    Null,
}

/// Why a value is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub(crate) enum BadId {
    /// Of another storage class than the ids of its dataset.
    #[error("is {0}")]
    Class(&'static str),
    #[error("is not UTF-8")]
    Encoding,
    #[error("is empty")]
    Empty,
    /// Over [`ID_MAX`].
    #[error("is longer than {ID_MAX} bytes")]
    Long,
    #[error("has a control character")]
    Control,
    #[error("is out of range")]
    Range,
    /// Another row has the same.
    #[error("stands in more than one row")]
    Twice,
}

impl Id {
    pub(crate) fn of(value: ValueRef<'_>) -> Id {
        match value {
            ValueRef::Null => Id::Null,
            ValueRef::Integer(n) => Id::Integer(n),
            ValueRef::Real(x) => Id::Real(x),
            ValueRef::Text(bytes) => Id::Text(bytes.to_vec()),
            ValueRef::Blob(bytes) => Id::Blob(bytes.to_vec()),
        }
    }

    /// Its class; what `typeof` says of it if it has none.
    pub(super) fn class(&self) -> Result<Class, &'static str> {
        match self {
            Id::Text(_) => Ok(Class::Text),
            Id::Integer(_) => Ok(Class::Integer),
            Id::Real(_) => Err("real"),
            Id::Blob(_) => Err("blob"),
            Id::Null => Err("null"),
        }
    }

    /// Its text, if it is an id of this class.
    pub(crate) fn text(&self, class: Class) -> Result<String, BadId> {
        match self {
            Id::Text(bytes) if class == Class::Text => {
                let text = std::str::from_utf8(bytes).map_err(|_| BadId::Encoding)?;
                match text.len() {
                    0 => Err(BadId::Empty),
                    1..=ID_MAX if text.contains(char::is_control) => Err(BadId::Control),
                    1..=ID_MAX => Ok(text.to_owned()),
                    _ => Err(BadId::Long),
                }
            }
            Id::Integer(NOBODY) if class == Class::Integer => Err(BadId::Range),
            Id::Integer(n) if class == Class::Integer => Ok(n.to_string()),
            other => Err(BadId::Class(other.class().map_or_else(|name| name, Class::name))),
        }
    }

    /// A value close behind this one that is no id: whoever looks for it goes where this one is.
    pub(super) fn beside(&self) -> Id {
        match self {
            Id::Text(bytes) => Id::Text([bytes, &b"\x01"[..]].concat()),
            // Beyond 2^52 there are no halves, and no agency has so many records.
            Id::Integer(n) if n.unsigned_abs() < 1 << 52 => Id::Real(*n as f64 + 0.5),
            _ => Id::Integer(NOBODY),
        }
    }
}

impl ToSql for Id {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Id::Text(bytes) => ValueRef::Text(bytes),
            Id::Integer(n) => ValueRef::Integer(*n),
            Id::Real(x) => ValueRef::Real(*x),
            Id::Blob(bytes) => ValueRef::Blob(bytes),
            Id::Null => ValueRef::Null,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> Id {
        Id::Text(bytes.to_vec())
    }

    #[test]
    fn an_id_is_text_of_its_class_within_its_length() {
        let longest = "é".repeat(ID_MAX / 2);
        assert_eq!(text(longest.as_bytes()).text(Class::Text).as_deref(), Ok(&*longest));
        let longer = format!("{longest}a");
        for (value, class, why) in [
            (text(longer.as_bytes()), Class::Text, BadId::Long),
            (text(b""), Class::Text, BadId::Empty),
            (text(b"7\x01"), Class::Text, BadId::Control),
            (text(b"7\0"), Class::Text, BadId::Control),
            (text(b"\xff"), Class::Text, BadId::Encoding),
            (Id::Integer(7), Class::Text, BadId::Class("integer")),
            (text(b"7"), Class::Integer, BadId::Class("text")),
            (Id::Real(7.0), Class::Integer, BadId::Class("real")),
            (Id::Blob(b"7".to_vec()), Class::Text, BadId::Class("blob")),
            (Id::Null, Class::Text, BadId::Class("null")),
            (Id::Integer(i64::MIN), Class::Integer, BadId::Range),
        ] {
            assert_eq!(value.text(class), Err(why), "{value:?}");
        }
        for n in [0, 7, -7, i64::MAX, i64::MIN + 1] {
            assert_eq!(Id::Integer(n).text(Class::Integer), Ok(n.to_string()));
        }
    }

    #[test]
    fn only_the_very_text_of_an_integer_finds_it() {
        let value = |id: &str| Class::Integer.value(id.to_owned());
        assert_eq!(value("7"), Id::Integer(7));
        assert_eq!(value("-7"), Id::Integer(-7));
        for other in ["07", "+7", " 7", "7.0", "7e0", "", "-0", "9223372036854775808", "\u{1}"] {
            assert_eq!(value(other), Id::Integer(NOBODY), "{other}");
        }
        assert_eq!(Class::Text.value("07".to_owned()), text(b"07"));
    }
}
