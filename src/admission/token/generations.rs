//! A map of bounded size: what was put or looked at lately stays, the rest goes.

use std::collections::HashMap;

/// Two generations; when the younger one is full, the older one is dropped.
pub(super) struct Generations<V> {
    young: HashMap<[u8; 32], V>,
    old: HashMap<[u8; 32], V>,
    most: usize,
}

impl<V> Generations<V> {
    /// Holds from `most` to twice as many of what came last.
    pub(super) fn new(most: usize) -> Generations<V> {
        Generations { young: HashMap::new(), old: HashMap::new(), most }
    }

    pub(super) fn put(&mut self, key: [u8; 32], value: V) {
        if self.young.len() >= self.most && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&key);
        self.young.insert(key, value);
    }

    pub(super) fn get(&mut self, key: &[u8; 32]) -> Option<&V> {
        self.get_mut(key).map(|value| &*value)
    }

    /// What is looked at grows young again.
    pub(super) fn get_mut(&mut self, key: &[u8; 32]) -> Option<&mut V> {
        if let Some(value) = self.old.remove(key) {
            self.put(*key, value);
        }
        self.young.get_mut(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: usize) -> [u8; 32] {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&n.to_be_bytes());
        key
    }

    #[test]
    fn it_never_holds_more_than_two_generations() {
        let mut map = Generations::new(10);
        for n in 0..1_000 {
            map.put(key(n), n);
            assert!(map.young.len() + map.old.len() <= 20);
            for last in n.saturating_sub(9)..=n {
                assert_eq!(map.young.get(&key(last)).or(map.old.get(&key(last))), Some(&last));
            }
        }
        assert_eq!(map.get(&key(0)), None);
    }

    #[test]
    fn what_is_used_stays() {
        let mut map = Generations::new(10);
        map.put(key(0), 0);
        for n in 1..1_000 {
            map.put(key(n), n);
            assert_eq!(map.get(&key(0)), Some(&0));
        }
    }
}
