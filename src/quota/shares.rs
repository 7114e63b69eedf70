//! Shares of places: how many each of several has, and no more than so many.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;

/// What each has. There are only as many as places are taken.
#[derive(Debug)]
pub struct Shares<K> {
    most: usize,
    held: Mutex<HashMap<K, usize>>,
}

/// One place of a share; dropped, it is free.
#[derive(Debug)]
pub struct Share<K: Clone + Eq + Hash> {
    shares: Arc<Shares<K>>,
    whose: K,
}

impl<K: Clone + Eq + Hash> Shares<K> {
    /// Shares of at most so many places each.
    pub fn of(most: usize) -> Arc<Shares<K>> {
        Arc::new(Shares { most, held: Mutex::default() })
    }

    /// Takes one more place for `whose`; none if it has its share.
    pub fn take(self: &Arc<Self>, whose: K) -> Option<Share<K>> {
        let mut held = self.held.lock();
        let theirs = held.entry(whose.clone()).or_default();
        if *theirs >= self.most {
            return None;
        }
        *theirs += 1;
        Some(Share { shares: self.clone(), whose })
    }
}

impl<K: Clone + Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        let mut held = self.shares.held.lock();
        if let Some(theirs) = held.get_mut(&self.whose) {
            *theirs -= 1;
            if *theirs == 0 {
                held.remove(&self.whose);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_share_and_nobody_is_remembered_who_has_none() {
        let shares = Shares::of(2);
        let (one, two) = (shares.take('a').unwrap(), shares.take('a').unwrap());
        assert!(shares.take('a').is_none());
        let other = shares.take('b').unwrap();
        drop(one);
        let again = shares.take('a').unwrap();
        drop((two, other, again));
        assert!(shares.held.lock().is_empty());
    }
}
