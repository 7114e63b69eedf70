//! Request ids: which read of a day was the first of its id. A fold over the entries, so a verifier
//! finds the same as the registrar; what was asked is in no entry and known to the latter alone.

use std::collections::{HashMap, VecDeque};

use crate::format::entry::{Entry, Hash, Millis, Payload, Read, Tag, Word, day};

/// Ids that are remembered of one provider, the latest of a UTC day: a provider that sends more
/// makes its own forgotten, and nobody else's.
const MOST: usize = 4_096;

/// The id of a request: one agent's with one certificate. The same text of anybody else is another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct RequestId {
    provider: Word,
    certificate: Hash,
    agent: Tag,
    request: String,
}

impl RequestId {
    /// The request id of a read; none if the caller gave none.
    pub(super) fn of(read: &Read) -> Option<RequestId> {
        let request = read.request.clone()?;
        let Read { certificate, agent, .. } = *read;
        Some(RequestId { provider: read.provider.clone(), certificate, agent, request })
    }
}

/// The request ids that one provider used today.
#[derive(Debug, Default)]
struct Ids {
    first: HashMap<RequestId, First>,
    /// The ids in the order of their first use, oldest first.
    order: VecDeque<RequestId>,
}

#[derive(Clone, Copy, Debug)]
struct First {
    seq: u64,
    /// What was asked; none if that was before a start.
    asked: Option<Hash>,
}

/// Something else was asked with the same id.
#[derive(Debug, PartialEq, Eq)]
pub struct OtherArguments;

/// The request ids that every provider used today.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    today: u64,
    providers: HashMap<Word, Ids>,
}

impl Repeats {
    /// Entry number of the first read of an id; none if there was none, or there is no id.
    pub(super) fn first(
        &self,
        id: Option<&RequestId>,
        at: Millis,
        asked: Option<Hash>,
    ) -> Result<Option<u64>, OtherArguments> {
        if day(at) != self.today {
            return Ok(None);
        }
        let ids = id.zip(id.and_then(|id| self.providers.get(&id.provider)));
        let Some(first) = ids.and_then(|(id, ids)| ids.first.get(id)) else { return Ok(None) };
        match first.asked.zip(asked) {
            Some((before, now)) if before != now => Err(OtherArguments),
            _ => Ok(Some(first.seq)),
        }
    }

    /// Remembers an entry as the first read of its id, unless there was one before it, and what was
    /// asked with it, where that is known.
    pub(super) fn apply(&mut self, entry: &Entry, asked: Option<Hash>) {
        self.turn(entry.now.at);
        let Payload::Read(read) = &entry.payload else { return };
        if let Some(id) = RequestId::of(read) {
            self.keep(id, entry.seq, asked);
        }
    }

    fn keep(&mut self, id: RequestId, seq: u64, asked: Option<Hash>) {
        let ids = self.providers.entry(id.provider.clone()).or_default();
        if ids.first.contains_key(&id) {
            return;
        }
        if ids.order.len() == MOST
            && let Some(oldest) = ids.order.pop_front()
        {
            ids.first.remove(&oldest);
        }
        ids.order.push_back(id.clone());
        ids.first.insert(id, First { seq, asked });
    }

    /// Another day begins with no ids.
    fn turn(&mut self, at: Millis) {
        let today = day(at);
        if today != self.today {
            self.today = today;
            self.providers.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::entry::sha256;

    fn id(provider: &str, n: usize) -> RequestId {
        let (certificate, agent) = (Hash([1; 32]), Tag([2; 16]));
        RequestId { provider: provider.into(), certificate, agent, request: n.to_string() }
    }

    fn first(repeats: &Repeats, id: &RequestId) -> Option<u64> {
        repeats.first(Some(id), 0, None).unwrap()
    }

    #[test]
    fn one_more_id_than_the_most_makes_the_oldest_forgotten_and_nobody_elses() {
        let mut repeats = Repeats::default();
        repeats.keep(id("beta", 0), 1, None);
        for n in 0..MOST {
            repeats.keep(id("alpha", n), 10 + n as u64, None);
        }
        // A repeat makes nothing younger.
        repeats.keep(id("alpha", 0), 9_999, None);
        assert_eq!(first(&repeats, &id("alpha", 0)), Some(10));
        repeats.keep(id("alpha", MOST), 10_000, None);
        assert_eq!(first(&repeats, &id("alpha", 0)), None);
        assert_eq!(first(&repeats, &id("alpha", 1)), Some(11));
        assert_eq!(first(&repeats, &id("alpha", MOST)), Some(10_000));
        assert_eq!(first(&repeats, &id("beta", 0)), Some(1));
    }

    #[test]
    fn an_id_is_that_of_its_certificate_agent_and_day() {
        let mut repeats = Repeats::default();
        let one = id("alpha", 1);
        repeats.turn(86_399_999);
        repeats.keep(one.clone(), 7, None);
        let first = |repeats: &Repeats, id: &RequestId, at| repeats.first(Some(id), at, None);
        assert_eq!(first(&repeats, &one, 86_399_999), Ok(Some(7)));
        let other = RequestId { certificate: Hash([3; 32]), ..one.clone() };
        assert_eq!(first(&repeats, &other, 86_399_999), Ok(None));
        let other = RequestId { agent: Tag([3; 16]), ..one.clone() };
        assert_eq!(first(&repeats, &other, 86_399_999), Ok(None));
        assert_eq!(first(&repeats, &one, 86_400_000), Ok(None));
    }

    #[test]
    fn other_arguments_are_a_conflict_unless_one_side_is_not_known() {
        let mut repeats = Repeats::default();
        let (this, that) = (Some(sha256(&[b"this"])), Some(sha256(&[b"that"])));
        let (one, two) = (id("alpha", 1), id("alpha", 2));
        repeats.keep(one.clone(), 7, this);
        repeats.keep(two.clone(), 8, None);
        assert_eq!(repeats.first(Some(&one), 0, this), Ok(Some(7)));
        assert_eq!(repeats.first(Some(&one), 0, that), Err(OtherArguments));
        assert_eq!(repeats.first(Some(&one), 0, None), Ok(Some(7)));
        assert_eq!(repeats.first(Some(&two), 0, that), Ok(Some(8)));
        assert_eq!(repeats.first(None, 0, this), Ok(None));
        // What a repeat asks changes nothing of the first.
        repeats.keep(one.clone(), 9, that);
        assert_eq!(repeats.first(Some(&one), 0, this), Ok(Some(7)));
    }
}
