//! JSON as tokens and key sets have it, read strictly: no key twice in an object, wherever it
//! stands. Two readers of `{"sub":"a","sub":"b"}` may see two persons, so nobody reads it here.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A value, as far as tokens use it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Integer(i64),
    /// A number with a fraction or an exponent; finite.
    Fraction(f64),
    Text(String),
    List(Vec<Json>),
    Object(Object),
    /// Booleans, integers beyond 63 bits, null: no claim is one of these.
    Other,
}

/// The members of a JSON object, by key.
pub(super) type Object = BTreeMap<String, Json>;

impl Json {
    pub(super) fn text(&self) -> Option<&str> {
        if let Json::Text(text) = self { Some(text) } else { None }
    }

    pub(super) fn list(&self) -> Option<&[Json]> {
        if let Json::List(list) = self { Some(list) } else { None }
    }

    pub(super) fn object(&self) -> Option<&Object> {
        if let Json::Object(object) = self { Some(object) } else { None }
    }
}

/// The object that the bytes are, and nothing behind it.
pub(super) fn object(bytes: &[u8]) -> Option<Object> {
    match serde_json::from_slice(bytes) {
        Ok(Json::Object(object)) => Some(object),
        _ => None,
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(Strict)
    }
}

struct Strict;

impl<'de> Visitor<'de> for Strict {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_i64<E: Error>(self, n: i64) -> Result<Json, E> {
        Ok(Json::Integer(n))
    }

    fn visit_u64<E: Error>(self, n: u64) -> Result<Json, E> {
        Ok(i64::try_from(n).map_or(Json::Other, Json::Integer))
    }

    fn visit_f64<E: Error>(self, x: f64) -> Result<Json, E> {
        Ok(Json::Fraction(x))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = from.next_element()? {
            list.push(value);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Json, A::Error> {
        let mut object = Object::new();
        while let Some((key, value)) = from.next_entry::<String, Json>()? {
            if object.insert(key, value).is_some() {
                return Err(A::Error::custom("a key stands twice"));
            }
        }
        Ok(Json::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_stands_once_however_it_is_spelt_and_wherever_it_is() {
        assert!(object(br#"{"a":1,"b":{"a":1},"c":[{"a":1}]}"#).is_some());
        for twice in [
            &br#"{"a":1,"a":1}"#[..],
            br#"{"a":1,"\u0061":2}"#,
            br#"{"b":{"a":1,"a":2}}"#,
            br#"{"b":[{"a":1,"a":2}]}"#,
        ] {
            assert_eq!(object(twice), None, "{}", String::from_utf8_lossy(twice));
        }
    }

    #[test]
    fn only_one_whole_object_is_read() {
        for other in [&b""[..], b"[]", b"1", b"{}{}", b"{} x", b"{\"a\":}", b"{\"a\":\"\xff\"}"] {
            assert_eq!(object(other), None);
        }
        assert_eq!(object(b" {} ").map(|o| o.len()), Some(0));
        // Deeper than anybody writes, and no end of the stack.
        assert_eq!(object("{\"a\":".repeat(4_000).as_bytes()), None);
    }

    #[test]
    fn an_integer_is_one_that_is_written_so() {
        let one =
            |text: &str| object(format!("{{\"a\":{text}}}").as_bytes()).map(|o| o["a"].clone());
        assert_eq!(one("-7"), Some(Json::Integer(-7)));
        assert_eq!(one("1.0"), Some(Json::Fraction(1.0)));
        assert_eq!(one("1e3"), Some(Json::Fraction(1_000.0)));
        for no_integer in ["9223372036854775808", "true", "null"] {
            assert_eq!(one(no_integer), Some(Json::Other), "{no_integer}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            let _ = object(&bytes);
        }
    }
}
