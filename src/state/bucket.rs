//! A budget that refills as time passes. Of size C over a span it lets at most 2 C go in any one
//! span: what it held at the beginning, and what it refilled.

use crate::format::entry::Millis;

/// A bucket. Levels are in pieces (persons, entries) x milliseconds of its span, so that
/// refilling by a millisecond is exact: one piece is `span`, and each millisecond adds `size`.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    /// Pieces that it holds at most.
    pub size: u64,
    level: u128,
    tick: Millis,
}

impl Bucket {
    /// One that is full at `tick`.
    pub fn full(size: u64, span: Millis, tick: Millis) -> Bucket {
        Bucket { size, level: u128::from(size) * u128::from(span), tick }
    }

    fn level_at(&self, span: Millis, tick: Millis) -> u128 {
        let passed = u128::from(tick.saturating_sub(self.tick));
        let most = u128::from(self.size) * u128::from(span);
        (self.level + passed * u128::from(self.size)).min(most)
    }

    /// Whether so many pieces are left.
    pub fn holds(&self, span: Millis, tick: Millis, pieces: u64) -> bool {
        self.level_at(span, tick) >= u128::from(pieces) * u128::from(span)
    }

    /// How many whole pieces are left in the bucket at `tick`.
    pub fn left(&self, span: Millis, tick: Millis) -> u64 {
        u64::try_from(self.level_at(span, tick) / u128::from(span)).unwrap_or(u64::MAX)
    }

    /// Ticks from `tick` until `pieces` are left; none if never.
    pub fn wait(&self, span: Millis, tick: Millis, pieces: u64) -> Option<Millis> {
        if pieces > self.size {
            return None;
        }
        let wanted = u128::from(pieces) * u128::from(span);
        self.refills(wanted.saturating_sub(self.level_at(span, tick)))
    }

    /// The same for whoever knows no more than that at least `left` are left.
    pub fn longest_wait(&self, span: Millis, left: u64, pieces: u64) -> Option<Millis> {
        if pieces > self.size {
            return None;
        }
        self.refills(u128::from(pieces.saturating_sub(left)) * u128::from(span))
    }

    /// Ticks in which a level rises by so much.
    fn refills(&self, missing: u128) -> Option<Millis> {
        u64::try_from(missing.div_ceil(u128::from(self.size).max(1))).ok()
    }

    /// Takes pieces out, down to none.
    pub fn charge(&mut self, span: Millis, tick: Millis, pieces: u64) {
        let cost = u128::from(pieces) * u128::from(span);
        self.level = self.level_at(span, tick).saturating_sub(cost);
        self.tick = tick;
    }

    /// A new size holds from now on and fills nothing up.
    pub fn resize(&mut self, span: Millis, tick: Millis, size: u64) {
        let most = u128::from(size) * u128::from(span);
        self.level = self.level_at(span, tick).min(most);
        (self.size, self.tick) = (size, tick);
    }
}
