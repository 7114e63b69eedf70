//! A read as it was counted: what the judge may know of it.

use super::jobs::Export;
use crate::format::entry::{Facts, Flag, Method, Read, SearchKey, Tag, Word};

/// What the judge may know of a read: what its entry says of it before the ruling, and no tags of
/// persons, since a withheld read has none to replay from.
#[derive(Debug, Clone, Copy)]
pub struct JudgeInput<'a> {
    /// Number of the entry that it becomes.
    pub seq: u64,
    /// For whom.
    pub provider: &'a Word,
    /// Who.
    pub agent: Tag,
    /// From where.
    pub network: &'a Word,
    /// What makes the judge stricter, as far as the gateway saw it.
    pub context: &'a [Flag],
    /// How it asks.
    pub method: Method,
    /// The draft's persons, counted against the memory.
    pub facts: Facts,
    /// 1 if it is a get or a search that found nobody.
    pub misses: u64,
    /// What it searches by.
    pub keys: &'a [SearchKey],
    /// How many decoys are among its persons.
    pub decoys: u64,
    /// The job that it is a page of.
    pub export: Option<Export<'a>>,
}

impl<'a> JudgeInput<'a> {
    /// The read of entry `seq`.
    pub fn of(seq: u64, read: &'a Read) -> JudgeInput<'a> {
        let export = Export::of(read);
        let &Read { ref provider, agent, ref network, ref context, method, facts, .. } = read;
        let &Read { misses, ref keys, decoys, .. } = read;
        JudgeInput {
            seq,
            provider,
            agent,
            network,
            context,
            method,
            facts,
            misses,
            keys,
            decoys,
            export,
        }
    }
}
