//! A thief in a recorded past: beside the work that it has, agents of it read persons whom nobody there has met,
//! at a multiple of their own pace, until the first high alert.

use std::collections::{BTreeMap, BTreeSet};

use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::events::{Past, PastRead};
use super::{Bench, Counting, Filler, PastOutcome, Terms, tag, tally};
use crate::drill::rates::Own;
use crate::format::entry::{Alert, Level, Millis, Moment, Ruling, Tag, day};

const HOUR: Millis = 3_600_000;
const DAY: Millis = 24 * HOUR;
/// Over how many agents, and how many times their own pace.
pub(crate) const AGENTS: [usize; 3] = [1, 5, 20];
pub(crate) const TIMES: [u64; 4] = [1, 10, 100, 1_000];
/// How long an agent's own day lasts, over which a thief spreads what he takes of one.
const OFFICE: Millis = 8 * HOUR;
/// How long a theft goes on, if nothing ends it.
const LASTS: Millis = 30 * DAY;
/// An agent that may be used was at work on so many days, and lately.
const DAYS_MIN: usize = 3;
const LATELY: u64 = 14;
/// Whoever is refused so often in a row comes back on the next day.
const REFUSED: u64 = 100;
/// How many moments are drawn until there are agents enough.
const DRAWS: usize = 200;

/// What a thief comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Got {
    /// Persons before the first high or critical alert about an agent that he uses or about their provider, or
    /// until the past ends.
    pub(crate) persons: u64,
    /// How long that took.
    pub(crate) took: Option<Millis>,
}

/// A theft, as it is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Theft {
    provider: u32,
    begins: Millis,
    /// Agents, and how many persons each asks for on a day.
    agents: Vec<(u32, u64)>,
}

impl Theft {
    /// Beginning at a moment of work in the second half of the past; none if no provider has agents enough then.
    fn draw(past: &Past, agents: usize, times: u64, chance: &mut ChaCha8Rng) -> Option<Theft> {
        let (first, last) = (past.reads.first()?.at, past.reads.last()?.at);
        let half = past.reads.partition_point(|read| read.at < first.midpoint(last));
        for _ in 0..DRAWS {
            let at = past.reads[chance.random_range(half..past.reads.len())];
            let mut able = able(past, at.provider, at.at);
            if able.len() >= agents {
                let (drawn, _) = able.partial_shuffle(chance, agents);
                let agents = drawn.iter().map(|(agent, own)| (*agent, own.times(times))).collect();
                return Some(Theft { provider: at.provider, begins: at.at, agents });
            }
        }
        None
    }
}

/// The agents that a thief may use at a moment, and what each did itself on the days before.
fn able(past: &Past, provider: u32, at: Millis) -> Vec<(u32, Own)> {
    let mut own: BTreeMap<u32, (Own, BTreeSet<u64>)> = BTreeMap::new();
    for read in past.reads.iter().take_while(|read| day(read.at) < day(at)) {
        if read.provider != provider {
            continue;
        }
        let (own, days) = own.entry(read.agent).or_default();
        if days.insert(day(read.at)) {
            own.day_ends();
        }
        own.given(read.subject);
    }
    let lately = day(at).saturating_sub(LATELY);
    let able = own.into_iter().filter(|(_, (_, days))| {
        days.len() >= DAYS_MIN && days.last().is_some_and(|last| *last >= lately)
    });
    able.map(|(agent, (mut own, _))| {
        own.day_ends();
        (agent, own)
    })
    .collect()
}

/// When a thief asks next by each of his agents: evenly, in hours in which somebody there is at work, and on a
/// day no more than he means to.
struct Turns<'a> {
    theft: &'a Theft,
    open: BTreeSet<u64>,
    /// By agent: the moment, and how many were asked for on its day; none if there is no hour left.
    next: Vec<Option<(Millis, u64)>>,
}

impl<'a> Turns<'a> {
    fn new(theft: &'a Theft, past: &Past) -> Turns<'a> {
        let ends = theft.begins + LASTS;
        let open = past.reads.iter().filter(|read| read.provider == theft.provider);
        let open = open.map(|read| read.at).filter(|at| (theft.begins..ends).contains(at));
        let open = open.map(|at| at / HOUR).collect();
        Turns { theft, open, next: vec![Some((theft.begins, 0)); theft.agents.len()] }
    }

    /// Which agent asks next, and when.
    fn next(&self) -> Option<(usize, Millis)> {
        let next = self.next.iter().enumerate();
        let next = next.filter_map(|(nth, next)| next.map(|(at, _)| (nth, at)));
        next.min_by_key(|(nth, at)| (*at, *nth))
    }

    /// The first moment from then on in an hour in which somebody is at work.
    fn open_from(&self, at: Millis) -> Option<Millis> {
        self.open.range(at / HOUR..).next().map(|hour| at.max(hour * HOUR))
    }

    fn asked(&mut self, nth: usize) {
        let (a_day, Some((at, count))) = (self.theft.agents[nth].1, self.next[nth]) else { return };
        let tomorrow = (day(at) + 1) * DAY;
        let then = if count + 1 < a_day { at + (OFFICE / a_day).max(1) } else { tomorrow };
        let then = self.open_from(then);
        self.next[nth] = then.map(|then| (then, if day(then) == day(at) { count + 1 } else { 0 }));
    }

    /// Nobody asks any more on this day.
    fn give_up(&mut self, at: Millis) {
        let tomorrow = self.open_from((day(at) + 1) * DAY);
        for next in &mut self.next {
            *next = (*next).and_then(|next| {
                if day(next.0) > day(at) { Some(next) } else { tomorrow.map(|at| (at, 0)) }
            });
        }
    }
}

/// Plays a theft over so many agents at so many times their own pace, where the policy has rules for all providers
/// of the past; none if no provider of it has agents enough. The same seed is the same theft.
pub(crate) fn play(
    past: &Past,
    terms: &Terms,
    lift_after: Option<Millis>,
    (agents, times): (usize, u64),
    seed: u64,
) -> Option<Got> {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    // The same moments and agents at every pace.
    chance.set_stream(agents as u64);
    let theft = Theft::draw(past, agents, times, &mut chance)?;
    Some(steal(past, terms, lift_after, &theft))
}

fn steal(past: &Past, terms: &Terms, lift_after: Option<Millis>, theft: &Theft) -> Got {
    let provider = &past.providers[theft.provider as usize];
    let is_open = terms.open.contains(&provider.id);
    let hands: Vec<Tag> =
        theft.agents.iter().map(|(agent, _)| tag(1, theft.provider, *agent)).collect();
    let catches = |at: Millis, alerts: &[Alert]| {
        let theirs = |alert: &Alert| alert.level == Level::Provider || hands.contains(&alert.agent);
        at >= theft.begins && alerts.iter().any(|alert| tally::is_grave(alert) && theirs(alert))
    };
    // Providers are judged each by itself.
    let mut honest = past.reads.iter().filter(|read| read.provider == theft.provider).peekable();
    let begin = honest.peek().map_or(theft.begins, |first| first.at);
    let mut bench = Bench::new(&terms.rules, begin, lift_after);
    let filler = Filler::new();
    let mut turns = Turns::new(theft, past);
    let (mut got, mut refused, mut subject) = (0, 0, provider.subjects);
    loop {
        let stolen = turns.next();
        let now = match (honest.peek(), stolen) {
            (Some(read), Some((_, at))) if read.at <= at => read.at,
            (_, Some((_, at))) => at,
            // Nothing is left to take: what honest work alone brings about is no catch.
            (_, None) => return Got { persons: got, took: None },
        };
        let thief = stolen.filter(|_| honest.peek().is_none_or(|read| read.at > now));
        let one = match thief {
            Some((nth, at)) => {
                turns.asked(nth);
                let (line, agent, in_roster) = (0, theft.agents[nth].0, !(past.rosters && is_open));
                subject += 1;
                PastRead { line, at, provider: theft.provider, agent, subject, in_roster }
            }
            None => *honest.next().expect("it was looked at"),
        };
        let (read, reach) = filler.get(&one, &provider.id, is_open);
        let moment = Moment { at: now, tick: now - begin };
        let (outcome, _, alerts) = bench.read(read, Counting::Anew(reach), moment);
        if thief.is_some() {
            let released = outcome == PastOutcome::Ruled(Ruling::RELEASED);
            got += u64::from(released);
            refused = if released { 0 } else { refused + 1 };
            if refused > REFUSED {
                turns.give_up(now);
                refused = 0;
            }
        }
        if catches(now, &alerts) {
            return Got { persons: got, took: Some(now - theft.begins) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::backtest::events::PastProvider;
    use crate::format::entry::{Budgets, Detectors, Hash, ProviderRules};
    use crate::registrar::rules::Rules;

    const BEGIN: u64 = 20_000;

    /// Thirty days of so many agents: each reads four persons a day between nine and eleven, each twice.
    fn past(agents: u32, rosters: bool) -> Past {
        let names = (0..agents).map(|n| n.to_string().into()).collect();
        let provider = PastProvider { id: "alpha".into(), agents: names, subjects: 40 * agents };
        let mut reads = Vec::new();
        for day in BEGIN..BEGIN + 30 {
            for n in 0..8 {
                let at = day * DAY + 9 * HOUR + n * HOUR / 4;
                for agent in 0..agents {
                    let subject = 40 * agent + (day % 10) as u32 * 4 + n as u32 / 2;
                    let (line, provider, in_roster) = (0, 0, true);
                    reads.push(PastRead { line, at, provider, agent, subject, in_roster });
                }
            }
        }
        Past { rosters, providers: vec![provider], reads }
    }

    fn terms() -> Terms {
        let budgets = Budgets {
            agent_minute: 12,
            agent_hour: 25,
            agent_day: 60,
            provider_day: 900,
            provider_30_days: 9_000,
            off_roster_day: 50,
            off_roster_30_days: 300,
        };
        let rules = ProviderRules {
            provider: "alpha".into(),
            budgets,
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
        Terms { rules, open: ["alpha".into()].into() }
    }

    fn of(past: &Past, agents: usize, times: u64, seed: u64) -> Option<Got> {
        play(past, &terms(), Some(2 * HOUR), (agents, times), seed)
    }

    #[test]
    fn a_theft_begins_at_work_in_the_second_half_by_agents_who_are_there() {
        let past = past(25, false);
        for seed in 0..20 {
            let draw = |times| {
                let mut chance = ChaCha8Rng::seed_from_u64(seed);
                Theft::draw(&past, 5, times, &mut chance).expect("a theft")
            };
            let theft = draw(10);
            assert!(past.reads.iter().any(|read| read.at == theft.begins));
            assert!(day(theft.begins) >= BEGIN + 14, "{theft:?}");
            // Four persons a day each, however often they are read.
            assert!(theft.agents.iter().all(|(_, a_day)| *a_day == 40), "{theft:?}");
            let different: BTreeSet<u32> = theft.agents.iter().map(|(agent, _)| *agent).collect();
            assert_eq!(different.len(), 5);
            assert_eq!(draw(1).begins, theft.begins);
        }
        assert_eq!(of(&past, 26, 1, 1), None);
    }

    #[test]
    fn a_thief_asks_in_hours_of_work_and_no_more_a_day_than_he_means_to() {
        let past = past(2, false);
        let theft =
            Theft { provider: 0, begins: past.reads[200].at, agents: vec![(0, 7), (1, 900)] };
        let mut turns = Turns::new(&theft, &past);
        let mut asked: BTreeMap<(usize, u64), u64> = BTreeMap::new();
        let mut last = 0;
        while let Some((nth, at)) = turns.next() {
            assert!(at >= last && (9..11).contains(&(at % DAY / HOUR)), "{at}");
            last = at;
            *asked.entry((nth, day(at))).or_default() += 1;
            turns.asked(nth);
        }
        assert!(asked.len() > 30, "{asked:?}");
        // In two of eight hours he comes to a quarter of it.
        let most = |nth| asked.iter().filter(|((of, _), _)| *of == nth).map(|(_, n)| *n).max();
        assert_eq!((most(0), most(1)), (Some(2), Some(225)));
    }

    #[test]
    fn a_fast_thief_is_held_by_the_budgets_and_a_slow_one_goes_on_to_the_end() {
        let past = past(25, false);
        for seed in 0..5 {
            let fast = of(&past, 1, 1_000, seed).expect("a theft");
            assert!(fast.took.is_some() && (1..=60).contains(&fast.persons), "{fast:?}");
            assert_eq!(of(&past, 1, 1_000, seed), Some(fast));
            let slow = of(&past, 1, 1, seed).expect("a theft");
            assert!(slow.took.is_none() && slow.persons <= 4 * 16, "{slow:?}");
        }
    }

    #[test]
    fn where_the_past_says_who_is_on_a_roster_a_thief_takes_others() {
        let (on, off) = (past(25, false), past(25, true));
        let get = |past: &Past| of(past, 20, 10, 3).expect("a theft");
        let (on, off) = (get(&on), get(&off));
        assert!(off.took.is_some() && off.persons < 20 && on.persons > 20, "{on:?} {off:?}");
        // Where nobody may meet them, persons of the roster.
        let closed = Terms { open: Default::default(), ..terms() };
        assert!(
            play(&past(25, true), &closed, None, (20, 10), 3).is_some_and(|got| got.persons > 20)
        );
    }
}
