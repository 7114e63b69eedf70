//! Questions asked of a ledger, answered from its entries in order and from nothing else: no view,
//! no index, no SQL. Whoever asks hands in each entry of the verified scan and keeps the answer only
//! if that scan ended well. It knows no file and no key, and says numbers, not words.

pub mod exposure;
pub mod period;

use serde::Serialize;

/// The word that an entry has for a value of a closed list.
pub fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(error) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::word;
    use crate::ledger::entry::{Method, Rule};

    #[test]
    fn words_are_those_of_the_entries() {
        assert_eq!(word(&Rule::OffRoster30Days), "off_roster_30_days");
        assert_eq!(word(&Method::Get), "get");
    }
}
