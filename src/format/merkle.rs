//! The tree of RFC 6962 section 2.1: roots, and proofs that an entry is in it and that it only
//! grew. It knows nothing of what the leaves are.

use super::entry::{Hash, sha256};

/// Hash of a leaf: SHA-256 of the byte 0x00 and the body (RFC 6962 section 2.1).
pub fn leaf(body: &[u8]) -> Hash {
    sha256(&[&[0], body])
}

/// Hash of an inner node: SHA-256 of the byte 0x01 and both subtrees' hashes, left one first.
pub fn node(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[1], &left.0, &right.0])
}

/// The right edge of a growing tree: all that is needed to add leaves and to name the root.
#[derive(Clone, Debug, Default)]
pub struct Frontier {
    size: u64,
    /// Roots of the perfect subtrees that the size is the sum of, largest first.
    roots: Vec<Hash>,
}

impl Frontier {
    /// How many leaves the tree has so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds the hash of the next leaf at the right edge.
    pub fn push(&mut self, mut hash: Hash) {
        // Two subtrees of one height become one of the next, as in binary addition.
        for _ in 0..self.size.trailing_ones() {
            let left = self.roots.pop().expect("one root for every bit set in the size");
            hash = node(&left, &hash);
        }
        self.roots.push(hash);
        self.size += 1;
    }

    /// The root; that of no leaves is SHA-256 of nothing.
    pub fn root(&self) -> Hash {
        let mut roots = self.roots.iter().rev();
        let Some(&last) = roots.next() else { return sha256(&[]) };
        roots.fold(last, |right, left| node(left, &right))
    }
}

/// Where proofs take interior hashes from: the hash of the perfect subtree of 2^level leaves that
/// begins at leaf n * 2^level.
pub trait Hashes {
    /// Why one could not be had.
    type Error;
    /// # Errors
    /// As the source of the hashes has them.
    fn hash(&self, level: u32, n: u64) -> Result<Hash, Self::Error>;
}

/// Largest power of two below `n`, for n > 1.
fn split(n: u64) -> u64 {
    1 << (63 - (n - 1).leading_zeros())
}

/// Root over the leaves `from..to`, which is not an empty range.
fn subtree<H: Hashes>(from: u64, to: u64, hashes: &H) -> Result<Hash, H::Error> {
    let n = to - from;
    if n.is_power_of_two() && from.is_multiple_of(n) {
        let level = n.trailing_zeros();
        return hashes.hash(level, from >> level);
    }
    let middle = from + split(n);
    Ok(node(&subtree(from, middle, hashes)?, &subtree(middle, to, hashes)?))
}

/// The path that proves leaf `index` in the tree of `size` leaves, lowest level first.
///
/// # Errors
/// As `hashes` has them. `index` must be below `size`.
pub fn inclusion<H: Hashes>(index: u64, size: u64, hashes: &H) -> Result<Vec<Hash>, H::Error> {
    let (mut from, mut to) = (0, size);
    let mut path = Vec::new();
    while to - from > 1 {
        let middle = from + split(to - from);
        if index < middle {
            path.push(subtree(middle, to, hashes)?);
            to = middle;
        } else {
            path.push(subtree(from, middle, hashes)?);
            from = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The root that `path` leads to from leaf `index` in a tree of `size`; none if the path has the
/// wrong length or the index is outside.
pub fn root_of_inclusion(index: u64, size: u64, leaf: Hash, path: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    let (mut n, mut last) = (index, size - 1);
    let mut hash = leaf;
    for sibling in path {
        if last == 0 {
            return None;
        }
        if n & 1 == 1 || n == last {
            hash = node(sibling, &hash);
            // Levels where the right edge has no sibling add nothing to the path.
            let skip = if n & 1 == 1 { 0 } else { n.trailing_zeros() };
            n >>= skip;
            last >>= skip;
        } else {
            hash = node(&hash, sibling);
        }
        n >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(hash)
}

/// The proof that the tree of `old` leaves is the beginning of the tree of `new`.
///
/// # Errors
/// As `hashes` has them. `old` must be above 0 and at most `new`.
pub fn consistency<H: Hashes>(old: u64, new: u64, hashes: &H) -> Result<Vec<Hash>, H::Error> {
    let (mut from, mut to) = (0, new);
    let mut path = Vec::new();
    while old != to {
        let middle = from + split(to - from);
        if old <= middle {
            path.push(subtree(middle, to, hashes)?);
            to = middle;
        } else {
            path.push(subtree(from, middle, hashes)?);
            from = middle;
        }
    }
    if from != 0 {
        path.push(subtree(from, to, hashes)?);
    }
    path.reverse();
    Ok(path)
}

/// Whether `path` proves that the tree of `old` leaves and root is the beginning of the tree of
/// `new` leaves and root (RFC 9162 section 2.1.4.2).
pub fn is_consistent(old: u64, old_root: Hash, new: u64, new_root: Hash, path: &[Hash]) -> bool {
    if old == 0 || old > new {
        return false;
    }
    if old == new {
        return path.is_empty() && old_root == new_root;
    }
    let mut path = path.iter();
    let skip = old.trailing_zeros();
    let (mut n, mut last) = ((old >> skip) - 1, (new - 1) >> skip);
    // A power of two is a subtree of the new tree by itself; else the proof begins with one.
    let first = if old.is_power_of_two() { Some(&old_root) } else { path.next() };
    let Some(&first) = first else { return false };
    let skip = n.trailing_ones();
    n >>= skip;
    last >>= skip;
    let (mut old_hash, mut new_hash) = (first, first);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if n & 1 == 1 || n == last {
            old_hash = node(sibling, &old_hash);
            new_hash = node(sibling, &new_hash);
            let skip = if n & 1 == 1 { 0 } else { n.trailing_zeros() };
            n >>= skip;
            last >>= skip;
        } else {
            new_hash = node(&new_hash, sibling);
        }
        n >>= 1;
        last >>= 1;
    }
    last == 0 && old_hash == old_root && new_hash == new_root
}
