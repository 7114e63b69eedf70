//! Declared bulk operations: what an act declares, and that one was finished.

use serde::{Deserialize, Serialize};

use super::{Millis, Tag, Word, is_zero};

/// What a declared job may take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the format page has the table, and the reason of each field")]
pub struct Terms {
    pub purpose: Word,
    pub view: Word,
    pub rows: u64,
    pub from: Millis,
    pub until: Millis,
}

/// What became of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Its last page was taken: nothing more goes out under it.
    Closed,
}

/// A step of an approved job that nobody signs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the format page has the table, and the reason of each field")]
pub struct Job {
    pub job: u64,
    pub step: Step,
    pub agent: Tag,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rows: u64,
}
