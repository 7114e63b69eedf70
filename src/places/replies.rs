//! Replies that were made and not taken yet. They lie in memory until their clients read them, or
//! for 30 s; so whoever calls has room for so many bytes of them, and a read begins when there is
//! room for what it may come to. How much that is follows from what is asked and from what the
//! caller was given before, never from what would be found now: nobody learns by it what was not
//! released.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::source::REPLY_MAX;

/// Room is given out in pieces of so many bytes.
const UNIT: usize = 1 << 10;
/// A row counts as so many bytes until larger ones were released to the caller.
const ROW: usize = 4 << 10;
/// A reply has a proof and a page token besides its rows.
const PROOF: usize = 2 << 10;
/// How long a read waits for room. Its own slow readers keep a caller from it, and no others.
const PATIENCE: Duration = Duration::from_secs(1);

/// Put by a handler beside a reply that goes on for ever.
#[derive(Clone, Copy)]
pub(crate) struct Endless;

/// Put by a handler beside a reply of many messages, for each of which there is time again.
#[derive(Clone, Copy)]
pub(crate) struct Paced;

/// The room of one caller, over all its connections.
pub(crate) struct Replies {
    room: Arc<Semaphore>,
    /// How much room there is in all, in units.
    whole: u32,
    /// Most bytes a row that a reply to this caller had.
    row: AtomicUsize,
}

impl Replies {
    /// Room for replies of so many bytes in all.
    pub(crate) fn new(bytes: usize) -> Replies {
        let whole = units(bytes);
        let room = Arc::new(Semaphore::new(whole as usize));
        Replies { room, whole, row: AtomicUsize::new(ROW) }
    }

    /// Room for a reply of at most so many rows; none if there is none in time.
    pub(crate) async fn room_soon(self: &Arc<Self>, rows: u64) -> Option<Room> {
        timeout(PATIENCE, self.room(rows)).await.ok()
    }

    /// Room for a reply of at most so many rows, however long that takes. Whoever waits gets it in
    /// turn.
    pub(crate) async fn room(self: &Arc<Self>, rows: u64) -> Room {
        let taken = self.room.clone().acquire_many_owned(self.estimate(rows)).await;
        Room { replies: self.clone(), taken: taken.expect("nobody closes it") }
    }

    /// What a reply takes while it is made.
    fn estimate(&self, rows: u64) -> u32 {
        let row = self.row.load(Ordering::Relaxed);
        let rows = usize::try_from(rows).unwrap_or(usize::MAX).saturating_mul(row);
        units(rows.min(REPLY_MAX) + PROOF).min(self.whole)
    }
}

/// The room that one reply takes; dropped, it is free.
pub(crate) struct Room {
    replies: Arc<Replies>,
    taken: OwnedSemaphorePermit,
}

impl Room {
    /// Leaves a reply what its released rows take of it.
    pub(crate) fn keep(&mut self, rows: usize, bytes: usize) {
        let Replies { room, row, .. } = &*self.replies;
        row.fetch_max(bytes / rows.max(1), Ordering::Relaxed);
        let (wanted, has) = (units(bytes + PROOF) as usize, self.taken.num_permits());
        if let Some(spare) = has.checked_sub(wanted) {
            drop(self.taken.split(spare));
            return;
        }
        // Larger rows than ever before; from here on they are expected.
        let more = (wanted - has).min(room.available_permits());
        if let Ok(more) = room.clone().try_acquire_many_owned(u32::try_from(more).unwrap_or(0)) {
            self.taken.merge(more);
        }
    }
}

/// Put by a handler beside its reply: it takes room until it is taken.
#[derive(Clone)]
pub(crate) struct ReplyRoom(#[expect(dead_code, reason = "it is kept to be dropped")] Arc<Room>);

impl From<Room> for ReplyRoom {
    fn from(room: Room) -> ReplyRoom {
        ReplyRoom(Arc::new(room))
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn taken(room: &Room) -> usize {
        room.taken.num_permits() * UNIT
    }

    fn replies(bytes: usize) -> Arc<Replies> {
        Arc::new(Replies::new(bytes))
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_waits_for_room_and_then_is_refused() {
        let whole = replies(4 * MIB);
        let mut page = whole.room(500).await;
        page.keep(500, 2 * MIB);
        let second = whole.room(250).await;
        assert!(whole.room_soon(500).await.is_none(), "2 MiB, 1 MiB and 2 MiB are more than 4");
        drop(second);
        assert!(whole.room_soon(400).await.is_some());
        drop(page);
        assert!(whole.room_soon(500).await.is_some());
    }

    #[tokio::test]
    async fn a_read_takes_room_by_what_is_asked_and_what_was_given_before() {
        let whole = replies(64 * MIB);
        assert_eq!(taken(&whole.room(1).await), ROW + PROOF);
        assert_eq!(taken(&whole.room(500).await), 500 * ROW + PROOF);
        let mut one = whole.room(1).await;
        one.keep(1, 3 * MIB);
        assert_eq!(taken(&one), 3 * MIB + PROOF, "it takes what it has");
        assert_eq!(taken(&whole.room(1).await), 3 * MIB + PROOF);
        assert_eq!(taken(&whole.room(500).await), REPLY_MAX + PROOF, "no reply is larger");
        drop(one);
        assert_eq!(whole.room.available_permits(), 64 * MIB / UNIT);
    }

    #[tokio::test]
    async fn a_reply_keeps_no_more_room_than_its_rows_take() {
        let whole = replies(64 * MIB);
        let mut page = whole.room(500).await;
        page.keep(0, 0);
        assert_eq!(taken(&page), PROOF);
        // A reply that is larger than the whole has the whole.
        let small = replies(MIB);
        assert_eq!(taken(&small.room(500).await), MIB);
        let mut one = small.room(1).await;
        one.keep(1, 3 * MIB);
        assert_eq!(taken(&one), MIB);
    }
}
