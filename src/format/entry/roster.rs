//! The rosters that scopes rest on, as they are found and as they change.

use serde::{Deserialize, Serialize};

use crate::format::entry::{Hash, Word};

/// The roster of one provider, as it was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the format page has the table, and the reason of each field")]
pub struct Roster {
    pub provider: Word,
    pub dataset: Word,
    #[serde(default, skip_serializing_if = "super::is_zero")]
    pub persons: u64,
    pub digest: Hash,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<u64>,
}
