//! Declared bulk operations: what an act declares.

use serde::{Deserialize, Serialize};

use crate::format::entry::{Millis, Word};

/// What a declared job may take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the format page has the table, and the reason of each field")]
pub struct JobTerms {
    pub purpose: Word,
    pub view: Word,
    pub rows: u64,
    pub from: Millis,
    pub until: Millis,
}
