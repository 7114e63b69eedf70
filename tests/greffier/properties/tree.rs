//! The tree against RFC 6962 as it stands in the text: recursive, over whole lists of leaves.

use std::convert::Infallible;

use greffier::format::entry::{Hash, sha256};
use greffier::format::merkle;
use greffier::format::merkle::{Frontier, Hashes};
use proptest::prelude::*;

/// Trees up to this size are tried whole.
const MOST: usize = 70;

/// A tree's leaves, and their interior hashes worked out anew each time.
pub(crate) struct Leaves(pub(crate) Vec<Hash>);

impl Hashes for Leaves {
    type Error = Infallible;

    fn hash(&self, level: u32, n: u64) -> Result<Hash, Infallible> {
        let (width, n) = (1 << level, usize::try_from(n).expect("a small tree"));
        Ok(root(&self.0[n * width..(n + 1) * width]))
    }
}

fn leaves(count: usize) -> Leaves {
    Leaves((0..count).map(|n| merkle::leaf(&n.to_be_bytes())).collect())
}

fn node(left: Hash, right: Hash) -> Hash {
    sha256(&[&[1], &left.0, &right.0])
}

fn split(n: usize) -> usize {
    (n - 1).checked_ilog2().map_or(1, |bits| 1 << bits)
}

/// MTH of RFC 6962 section 2.1.
fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => sha256(&[]),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node(root(left), root(right))
        }
    }
}

/// PATH of RFC 6962 section 2.1.1.
fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut path, other) = if index < left.len() {
        (path(index, left), right)
    } else {
        (path(index - left.len(), right), left)
    };
    path.push(root(other));
    path
}

/// SUBPROOF of RFC 6962 section 2.1.2.
fn proof(old: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if whole { Vec::new() } else { vec![root(leaves)] };
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut path, other) = if old <= left.len() {
        (proof(old, left, whole), right)
    } else {
        (proof(old - left.len(), right, false), left)
    };
    path.push(root(other));
    path
}

/// A path with one hash changed, one taken away, one put in: none of them what it was.
fn spoilt(path: &[Hash]) -> Vec<Vec<Hash>> {
    let mut all = Vec::new();
    for at in 0..path.len() {
        let mut other = path.to_vec();
        other[at].0[at % 32] ^= 1;
        all.push(other);
        let mut other = path.to_vec();
        other.remove(at);
        all.push(other);
        if at > 0 {
            let mut other = path.to_vec();
            other.swap(at - 1, at);
            all.push(other);
        }
    }
    for at in [0, path.len()] {
        let mut other = path.to_vec();
        other.insert(at, Hash([3; 32]));
        all.push(other);
    }
    all.push([path, path].concat());
    all.retain(|other| other != path);
    all
}

#[test]
fn roots_are_those_of_rfc_6962() {
    let Leaves(leaves) = leaves(300);
    let mut edge = Frontier::default();
    for (size, leaf) in leaves.iter().enumerate() {
        assert_eq!((edge.size(), edge.root()), (size as u64, root(&leaves[..size])));
        edge.push(*leaf);
    }
}

#[test]
fn every_inclusion_path_is_that_of_rfc_6962_and_leads_to_the_root() {
    let all = leaves(MOST);
    for size in 1..=MOST {
        let root = root(&all.0[..size]);
        for index in 0..size {
            let path = path(index, &all.0[..size]);
            let (i, n) = (index as u64, size as u64);
            assert_eq!(merkle::inclusion(i, n, &all), Ok(path.clone()));
            assert_eq!(merkle::root_of_inclusion(i, n, all.0[index], &path), Some(root));
        }
    }
}

#[test]
fn no_other_path_index_leaf_or_size_leads_to_the_root() {
    let all = leaves(MOST);
    let roots: Vec<Hash> = (0..=MOST + 1).map(|n| root(&all.0[..n.min(MOST)])).collect();
    for size in 1..=MOST {
        for index in 0..size {
            let path = path(index, &all.0[..size]);
            let (i, n, leaf) = (index as u64, size as u64, all.0[index]);
            let leads = |i, n: u64, leaf, path: &[Hash]| {
                merkle::root_of_inclusion(i, n, leaf, path) == Some(roots[n as usize])
            };
            for other in spoilt(&path) {
                assert!(!leads(i, n, leaf, &other), "{index} of {size}: a spoilt path leads");
            }
            for other in (0..n + 2).chain([u64::MAX]).filter(|other| *other != i) {
                assert!(!leads(other, n, leaf, &path), "{index} of {size} passes for {other}");
            }
            // Sizes that share the path's shape differ in their roots, and so in what is signed.
            for other in [n - 1, n + 1].into_iter().filter(|o| *o as usize <= MOST) {
                assert!(!leads(i, other, leaf, &path), "{index} of {size} passes in {other}");
            }
            assert!(!leads(i, n, roots[0], &path), "{index} of {size}: another leaf passes");
        }
    }
}

#[test]
fn every_consistency_proof_is_that_of_rfc_6962_and_holds() {
    let all = leaves(MOST);
    for new in 1..=MOST {
        for old in 1..=new {
            let path = proof(old, &all.0[..new], true);
            let (o, n) = (old as u64, new as u64);
            assert_eq!(merkle::consistency(o, n, &all), Ok(path.clone()));
            let (before, after) = (root(&all.0[..old]), root(&all.0[..new]));
            assert!(merkle::is_consistent(o, before, n, after, &path), "{old} to {new}");
        }
    }
}

#[test]
fn no_other_proof_root_or_size_is_consistent() {
    let all = leaves(MOST);
    let roots: Vec<Hash> = (0..=MOST).map(|n| root(&all.0[..n])).collect();
    let holds = |old: usize, new: usize, path: &[Hash]| {
        merkle::is_consistent(old as u64, roots[old], new as u64, roots[new], path)
    };
    for new in 1..=MOST {
        for old in 1..=new {
            let path = proof(old, &all.0[..new], true);
            for other in spoilt(&path) {
                assert!(!holds(old, new, &other), "{old} to {new}: a spoilt proof holds");
            }
            let (o, n) = (old as u64, new as u64);
            let (before, after, wrong) = (roots[old], roots[new], roots[0]);
            assert!(!merkle::is_consistent(o, wrong, n, after, &path), "{old} to {new}");
            assert!(!merkle::is_consistent(o, before, n, wrong, &path), "{old} to {new}");
            assert!(!holds(0, new, &path), "a tree of nothing proves nothing");
            let pairs = [(old - 1, new), (old + 1, new), (old, new - 1), (old, new + 1)];
            for (a, b) in pairs.into_iter().filter(|&(a, b)| a > 0 && a <= b && b <= MOST) {
                // Between equal sizes every proof is the empty one.
                if a < b || !path.is_empty() {
                    assert!(!holds(a, b, &path), "{old} to {new} passes for {a} to {b}");
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn sizes_from_anywhere_neither_panic_nor_pass(
        sizes in any::<[u64; 2]>(),
        path in prop::collection::vec(any::<[u8; 32]>(), 0..70),
    ) {
        let path: Vec<Hash> = path.into_iter().map(Hash).collect();
        let (a, b) = (Hash([1; 32]), Hash([2; 32]));
        prop_assert_ne!(merkle::root_of_inclusion(sizes[0], sizes[1], a, &path), Some(b));
        prop_assert!(!merkle::is_consistent(sizes[0], a, sizes[1], b, &path));
    }
}
