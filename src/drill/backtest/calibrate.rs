//! Sizes of budgets that a provider's own past bears out: the smallest under which honest work like it brings
//! about no more high alerts than are wanted. Work like it is its own days, drawn again in blocks, so that what
//! follows a busy day is what followed one; the alerts are those of the judge.
//!
//! No drawing makes more of a past than is in it: a day that never came is in no month that is made of it.

use std::collections::HashSet;
use std::ops::Range;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::events::{Past, PastProvider, PastRead};
use super::{Terms, judge};
use crate::format::entry::{
    Budgets, Detectors, Hash, Millis, ProviderRules, Rule, Severity, Word, day, word,
};
use crate::registrar::rules::Rules;

const DAY: Millis = 86_400_000;
/// Days of a month.
const MONTH: u64 = 30;
/// Days that are drawn together.
pub(crate) const BLOCK: u64 = 7;
/// Fewest days of a past that are worth drawing from.
pub(crate) const DAYS_MIN: u64 = 2 * BLOCK;
/// The largest size that a policy may have.
const SIZE_MAX: u64 = 10_000_000;
/// How long it takes to give back what a false alert took.
const LIFTED_AFTER: Millis = 7_200_000;

/// The budgets that are sized, in the order of the sizes.
pub(crate) const SIZED: [Rule; 3] = [Rule::AgentHour, Rule::AgentDay, Rule::ProviderDay];

/// What is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// High alerts a month that each budget may bring about.
    pub(crate) rate: f64,
    /// Months that are drawn.
    pub(crate) months: u64,
    pub(crate) seed: u64,
}

/// What is proposed for one provider.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Proposal {
    pub(crate) provider: Word,
    /// Days from its first read to its last.
    pub(crate) days: u64,
    /// In the order of [`SIZED`]; none of a past that is too short.
    pub(crate) sizes: Option<[u64; 3]>,
    /// High alerts of these three in the past as it was, under these sizes.
    pub(crate) seen: u64,
}

/// One provider's reads that could charge a budget, by day: at which time of it, and who read whom.
struct Days(Vec<Vec<(Millis, u32, u32)>>);

impl Days {
    fn of(past: &Past, provider: u32) -> Days {
        let mut days: Vec<Vec<(Millis, u32, u32)>> = Vec::new();
        let mut first = None;
        let mut today = HashSet::new();
        for read in past.reads.iter().filter(|read| read.provider == provider) {
            let number = day(read.at) - *first.get_or_insert(day(read.at));
            while days.len() as u64 <= number {
                days.push(Vec::new());
                today.clear();
            }
            // Whoever is read again on the same day costs nothing.
            if let Some(one) = days.last_mut()
                && today.insert((read.agent, read.subject))
            {
                one.push((read.at % DAY, read.agent, read.subject));
            }
        }
        Days(days)
    }

    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// A month of days drawn in blocks; behind the last day comes the first.
    fn draw(&self, rng: &mut ChaCha8Rng) -> Vec<u64> {
        let mut drawn = Vec::new();
        while (drawn.len() as u64) < MONTH {
            let begin = rng.random_range(0..self.len());
            drawn.extend((begin..begin + BLOCK).map(|day| day % self.len()));
        }
        drawn.truncate(MONTH as usize);
        drawn
    }

    /// A past of these days, of one provider.
    fn past(&self, id: &Word, agents: usize, drawn: impl IntoIterator<Item = u64>) -> Past {
        let mut reads = Vec::new();
        for (begin, day) in (1_u64..).zip(drawn) {
            for &(time, agent, subject) in &self.0[day as usize] {
                let at = begin * DAY + time;
                let (line, provider, in_roster) = (0, 0, true);
                reads.push(PastRead { line, at, provider, agent, subject, in_roster });
            }
        }
        let agents = vec!["".into(); agents];
        let provider = PastProvider { id: id.clone(), agents, subjects: 0 };
        Past { rosters: false, providers: vec![provider], reads }
    }
}

/// Budgets that hold nobody back, but for those sized.
fn budgets([agent_hour, agent_day, provider_day]: [u64; 3]) -> Budgets {
    Budgets {
        agent_minute: SIZE_MAX,
        agent_hour,
        agent_day,
        provider_day,
        provider_30_days: SIZE_MAX,
        off_roster_day: SIZE_MAX,
        off_roster_30_days: SIZE_MAX,
    }
}

/// High alerts of the sized budgets in a past of one provider.
fn alerts(past: &Past, sizes: [u64; 3]) -> u64 {
    let rules = ProviderRules {
        provider: past.providers[0].id.clone(),
        budgets: budgets(sizes),
        roster_growth: 50,
        entries_day: None,
        contract: None,
    };
    let rules = Rules {
        detectors: Detectors::default(),
        staff: None,
        providers: vec![rules],
        digest: Hash::default(),
        loosens_not: None,
    };
    let terms = Terms { rules, open: HashSet::new() };
    let whole = judge(past, &terms, Some(LIFTED_AFTER), &mut |_| (), &mut |_| ()).whole();
    let high = |rule: &Rule| whole.alerts.get(&(word(rule), Severity::High)).copied();
    SIZED.iter().filter_map(high).sum()
}

/// The least number of a range for which something holds that holds for all above it too; its end if for none.
fn least(mut range: Range<u64>, holds: impl Fn(u64) -> bool) -> u64 {
    while range.start < range.end {
        let middle = range.start.midpoint(range.end);
        if holds(middle) {
            range.end = middle;
        } else {
            range.start = middle + 1;
        }
    }
    range.start
}

/// Proposes sizes for a provider of the past. The same seed proposes the same.
pub(crate) fn propose(past: &Past, provider: u32, wanted: Wanted) -> Proposal {
    let known = &past.providers[provider as usize];
    let days = Days::of(past, provider);
    let (id, agents) = (&known.id, known.agents.len());
    let as_it_was = days.past(id, agents, 0..days.len());
    let mut proposal = Proposal { provider: id.clone(), days: days.len(), sizes: None, seen: 0 };
    if days.len() < DAYS_MIN {
        return proposal;
    }
    let month = |number: u64| {
        let mut rng = ChaCha8Rng::seed_from_u64(wanted.seed);
        rng.set_stream(u64::from(provider) << 32 | number);
        days.past(id, agents, days.draw(&mut rng))
    };
    let months: Vec<Past> = (0..wanted.months).into_par_iter().map(month).collect();
    let most = (wanted.rate * wanted.months as f64) as u64;
    let size = |n: usize| {
        let few = |size: u64| {
            let mut sizes = [SIZE_MAX; 3];
            sizes[n] = size;
            months.par_iter().map(|month| alerts(month, sizes)).sum::<u64>() <= most
        };
        // No day has more persons than reads, and twice a day's persons are never used up.
        let reads = days.0.iter().map(|day| day.len() as u64).max().unwrap_or_default();
        least(1..2 * reads + 2, few)
    };
    let sizes = [0, 1, 2].map(size);
    proposal.seen = alerts(&as_it_was, sizes);
    proposal.sizes = Some(sizes);
    proposal
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Twenty-one days of two agents, of whom one meets so many persons every third day, within an hour.
    fn past(persons: u32) -> Past {
        let agents = vec!["a".into(), "b".into()];
        let provider = PastProvider { id: "alpha".into(), agents, subjects: 0 };
        let mut reads = Vec::new();
        for day in 20_000_u64..20_021 {
            let many = if day % 3 == 0 { persons } else { 4 };
            for n in 0..many {
                let at = day * DAY + 9 * 3_600_000 + u64::from(n) * 60_000;
                let (line, provider, agent, in_roster) = (0, 0, u32::from(n % 4 == 3), true);
                // The second read of somebody on a day counts for nothing.
                for _ in 0..2 {
                    let subject = n + 100 * (day % 5) as u32;
                    reads.push(PastRead { line, at, provider, agent, subject, in_roster });
                }
            }
        }
        Past { rosters: false, providers: vec![provider], reads }
    }

    const WANTED: Wanted = Wanted { rate: 0.0, months: 5, seed: 7 };

    #[test]
    fn sizes_are_the_least_that_the_past_bears_out_and_the_same_each_time() {
        let past = past(40);
        let proposal = propose(&past, 0, WANTED);
        assert_eq!((proposal.days, proposal.seen), (21, 0));
        let sizes = proposal.sizes.expect("three weeks");
        let [hour, day, whole] = sizes;
        // An agent meets 30 persons within 40 minutes, the provider 40; what refills meanwhile is less.
        assert!((15..=31).contains(&hour) && hour <= day && day <= 31, "{sizes:?}");
        assert!((38..=41).contains(&whole), "{sizes:?}");
        for n in 0..3 {
            let mut less = sizes;
            less[n] /= 2;
            assert!(alerts(&past, less) > 0, "{sizes:?} and not {less:?}");
        }
        assert_eq!(propose(&past, 0, WANTED), proposal);
    }

    #[test]
    fn whoever_wants_fewer_alerts_gets_larger_budgets() {
        let many = propose(&past(40), 0, Wanted { rate: 20.0, ..WANTED }).sizes.expect("sizes");
        let none = propose(&past(40), 0, WANTED).sizes.expect("sizes");
        assert!(many.iter().zip(&none).all(|(many, none)| many < none), "{many:?} {none:?}");
    }

    #[test]
    fn a_past_of_a_few_days_proposes_nothing() {
        let mut past = past(40);
        past.reads.retain(|read| day(read.at) < 20_000 + DAYS_MIN - 1);
        let proposal = propose(&past, 0, WANTED);
        assert_eq!((proposal.days, proposal.sizes), (DAYS_MIN - 1, None));
    }

    #[test]
    fn the_least_is_found_wherever_it_is() {
        for bound in 0..9 {
            assert_eq!(least(0..8, |n| n >= bound), bound.min(8));
        }
    }
}
