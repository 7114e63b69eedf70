//! Who is assigned to whom: rosters of lognormal size, as `drill` draws its traffic from.

use rand::SeedableRng as _;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, LogNormal};

use crate::format::entry::Word;

/// Median size of a roster, in persons.
const MEDIAN: f64 = 250.0;
/// Spread of the sizes: standard deviation of their logarithm.
const SIGMA: f64 = 1.0;
/// How many persons a roster has at most.
const LARGEST: u64 = 6_000;
/// The stream of the seed's generator that rosters come from. Persons have another, so that a
/// stock is the same for any number of providers.
const STREAM: u64 = 2;

/// The roster of one provider, as it was drawn.
pub(super) struct MadeRoster {
    /// Id of the provider whose roster it is.
    pub(super) provider: Word,
    /// Numbers of the persons, counted from 0, ascending and distinct.
    pub(super) members: Vec<u64>,
}

/// Draws the rosters of `providers` from a stock of `persons`. No person is on two, unless there
/// are fewer persons than places.
pub(super) fn draw(seed: u64, persons: u64, providers: &[Word]) -> Vec<MadeRoster> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(STREAM);
    let law = LogNormal::new(MEDIAN.ln(), SIGMA).expect("a positive spread");
    let most = LARGEST.min(persons);
    let sizes: Vec<usize> = providers
        .iter()
        .map(|_| (law.sample(&mut rng).round() as u64).clamp(1, most) as usize)
        .collect();

    let persons = persons as usize;
    let places: usize = sizes.iter().sum();
    let mut chosen = index::sample(&mut rng, persons, places.min(persons)).into_iter();
    let apart = places <= persons;
    let mut members = |size| -> Vec<u64> {
        let mut members: Vec<u64> = if apart {
            chosen.by_ref().take(size).map(|n| n as u64).collect()
        } else {
            index::sample(&mut rng, persons, size).into_iter().map(|n| n as u64).collect()
        };
        members.sort_unstable();
        members
    };
    let rosters = providers.iter().zip(sizes);
    rosters.map(|(p, size)| MadeRoster { provider: p.clone(), members: members(size) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rosters_are_lognormal_with_median_250() {
        let providers: Vec<Word> = (0..999).map(|n| n.to_string().into()).collect();
        let rosters = draw(1, 2_000_000, &providers);
        let mut sizes: Vec<usize> = rosters.iter().map(|r| r.members.len()).collect();
        sizes.sort_unstable();
        assert!((220..280).contains(&sizes[499]), "median {}", sizes[499]);
        assert!(*sizes.last().unwrap() <= 6_000);
        for roster in rosters {
            assert!(roster.members.is_sorted_by(|a, b| a < b));
        }
    }
}
