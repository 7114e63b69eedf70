//! Incidents: what whoever holds a stolen credential asks, day after day, beside honest work.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::honest::calendar::{HOUR, in_paris, is_working_day};
use super::traffic::{Ask, AskMethod, Event, EventKind, Found, PersonNumber};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loot {
    /// Persons off the roster, one by one, with a stated reason.
    Strangers,
    /// The same, with so many persons of the roster before each.
    Among(u64),
    /// The provider's own roster, one by one.
    Roster,
    /// Pages of so many persons off the roster.
    Pages(u64),
    /// Names that nobody has.
    Nobody,
    /// An export that nobody approved.
    Export,
    /// An approved export, run with all fields, and once more when it is done.
    Widened,
    /// Three pages of an export that nobody approved, then persons of another provider's roster.
    Middleman,
    /// Persons whom somebody put on the roster, ten thousand of them.
    Inflated,
    /// Persons of the stock and names that nobody has, in turn: who of them is known there?
    Existence,
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hands {
    /// The first agent of each of so many providers.
    OneOf(u32),
    /// So many agents of one provider.
    Agents(u32),
    /// So many agents of one provider, whichever the seed says, in offices and in courses.
    Drawn(u32),
    /// So many agents whom nobody has seen before.
    NewAgents(u32),
}

/// One incident.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Incident {
    /// Its word on the command line.
    pub(crate) name: &'static str,
    /// What it stands for.
    pub(crate) about: &'static str,
    pub(crate) hands: Hands,
    pub(crate) loot: Loot,
    /// Behind so many days of honest work alone.
    pub(crate) warm_up: u64,
    /// For so many days, so many attempts on each, one every so many milliseconds, from this hour on.
    pub(crate) days: u64,
    pub(crate) a_day: u64,
    pub(crate) every: u64,
    pub(crate) from_hour: u64,
    /// Instead: so many times what each agent itself is given on a day of its own, evenly over the office hours
    /// of working days, until the day of the first high alert is over, or nobody is left on the roster.
    pub(crate) times: Option<u64>,
    /// Whether all fields are asked for.
    pub(crate) full: bool,
    /// The network it calls from: 0 is the provider's own, and nobody else uses 9.
    pub(crate) network: u32,
    /// Of a thousand attempts of a day, so many more in each week than in that before.
    pub(crate) grows: u64,
    /// Whether the gateway is ended and started again behind each released attempt, and by how much its
    /// wall clock is set ahead before that, in milliseconds.
    pub(crate) restarts: Option<u64>,
}

const BASE: Incident = Incident {
    name: "",
    about: "",
    hands: Hands::OneOf(1),
    loot: Loot::Strangers,
    warm_up: 28,
    days: 1,
    a_day: 3_000,
    every: 1_000,
    from_hour: 10,
    times: None,
    full: false,
    network: 9,
    grows: 0,
    restarts: None,
};

/// An attacker at a multiple of the agents' own pace.
pub(super) const RATE: Incident = Incident { days: 30, from_hour: 9, ..BASE };
/// How long office hours are.
pub(super) const OFFICE: u64 = 8 * HOUR;

/// All of them.
pub(crate) const INCIDENTS: &[Incident] = &[
    Incident { name: "ofii", about: "CIR operator, Jan 2026: full speed, one agent", ..BASE },
    Incident {
        name: "ofii-page",
        about: "... one query for as many as a page holds",
        loot: Loot::Pages(500),
        a_day: 1,
        ..BASE
    },
    Incident {
        name: "ofii-pages",
        about: "... page after page of 20",
        loot: Loot::Pages(20),
        ..BASE
    },
    Incident { name: "ofii-agents", about: "... over 20 agents", hands: Hands::Agents(20), ..BASE },
    Incident {
        name: "gael",
        about: "GAEL, Jan 2026: two providers at once",
        hands: Hands::OneOf(2),
        ..BASE
    },
    Incident {
        name: "missions-locales",
        about: "I-Milo, 2024 and 2025: an export at night, no job",
        loot: Loot::Export,
        from_hour: 2,
        a_day: 50,
        ..BASE
    },
    Incident {
        name: "new-accounts",
        about: "I-Milo, Dec 2025: two accounts made for it",
        hands: Hands::NewAgents(2),
        from_hour: 2,
        ..BASE
    },
    Incident {
        name: "france-visas",
        about: "France-Visas, Aug 2021: all fields, a short burst",
        a_day: 8_700,
        every: 200,
        full: true,
        ..BASE
    },
    Incident {
        name: "taj-fpr",
        about: "TAJ and FPR, Dec 2025: single look-ups in two hours",
        a_day: 60,
        every: 120_000,
        full: true,
        ..BASE
    },
    Incident {
        name: "enumeration",
        about: "names tried one after another",
        loot: Loot::Nobody,
        ..BASE
    },
    Incident {
        name: "restarts",
        about: "the gateway restarted behind every person",
        restarts: Some(0),
        a_day: 200,
        ..BASE
    },
    Incident {
        name: "clocks",
        about: "... and its wall clock set a day ahead each time",
        restarts: Some(24 * HOUR),
        a_day: 200,
        ..BASE
    },
    Incident {
        name: "widened-export",
        about: "an approved export, with all fields, and once more",
        loot: Loot::Widened,
        a_day: 50,
        ..BASE
    },
    Incident {
        name: "middleman",
        about: "one more portal: a wide export, then others' persons",
        loot: Loot::Middleman,
        ..BASE
    },
    Incident {
        name: "insider",
        about: "thirty files of persons without a case, in a day",
        a_day: 30,
        every: 900_000,
        full: true,
        ..BASE
    },
    Incident {
        name: "existence",
        about: "who is known there, with the budgets spent",
        loot: Loot::Existence,
        ..BASE
    },
    Incident {
        name: "boiling-frog",
        about: "ten a day, one of them a stranger, +5 % a week",
        loot: Loot::Among(9),
        days: 182,
        a_day: 10,
        every: 1_800_000,
        from_hour: 9,
        grows: 50,
        ..BASE
    },
    Incident {
        name: "roster",
        about: "the provider's own roster at once",
        loot: Loot::Roster,
        ..BASE
    },
    Incident {
        name: "roster-inside",
        about: "... from the provider's own network",
        loot: Loot::Roster,
        network: 0,
        ..BASE
    },
    Incident {
        name: "roster-inflated",
        about: "ten thousand persons put on it, at once",
        loot: Loot::Inflated,
        ..BASE
    },
    Incident {
        name: "inflated-agents",
        about: "... by 20 agents, at a provider of months",
        hands: Hands::Agents(20),
        loot: Loot::Inflated,
        warm_up: 75,
        ..BASE
    },
    Incident {
        name: "roster-agents",
        about: "its own roster at once, by 20 agents",
        hands: Hands::Agents(20),
        loot: Loot::Roster,
        ..BASE
    },
    Incident {
        name: "roster-weeks",
        about: "... 30 a day for 30 days",
        loot: Loot::Roster,
        a_day: 30,
        every: 600_000,
        days: 30,
        ..BASE
    },
    Incident {
        name: "patient-1",
        about: "the patient thief: one stranger a day, 90 days",
        days: 90,
        a_day: 1,
        ..BASE
    },
    Incident {
        name: "patient-late",
        about: "... begun in month seven, when all is known of the agent",
        warm_up: 180,
        days: 90,
        a_day: 1,
        ..BASE
    },
    Incident {
        name: "patient-2",
        about: "... two a day",
        days: 90,
        a_day: 2,
        every: 900_000,
        ..BASE
    },
    Incident {
        name: "patient-5",
        about: "... five a day",
        days: 90,
        a_day: 5,
        every: 900_000,
        ..BASE
    },
    Incident {
        name: "patient-11",
        about: "... eleven a day, at noon",
        days: 90,
        a_day: 11,
        every: 300_000,
        ..BASE
    },
    Incident {
        name: "patient-among",
        about: "... each among five of the roster, 478 in a day",
        loot: Loot::Among(5),
        days: 30,
        a_day: 478,
        every: 60_000,
        ..BASE
    },
    Incident {
        name: "among-inside",
        about: "... from the provider's own network",
        loot: Loot::Among(5),
        network: 0,
        days: 30,
        a_day: 478,
        every: 60_000,
        ..BASE
    },
    Incident {
        name: "patient-agents",
        about: "... two a day by each of twelve agents",
        hands: Hands::Agents(12),
        days: 90,
        a_day: 24,
        every: 600_000,
        ..BASE
    },
];

/// A job that is approved for the attacked provider, and one that is not.
const JOB: u32 = u32::MAX - 1;
const NO_JOB: u32 = u32::MAX;
/// Persons whom somebody put on a roster, from this number on.
const INFLATED: PersonNumber = 1_000_000;

/// The first number of agents whom nobody has seen before.
const NEW: u32 = 900;

/// Whoever does it, on one run.
pub(crate) struct Attacker {
    incident: Incident,
    chance: ChaCha8Rng,
    persons: PersonNumber,
    /// The first of its agents, of so many, where they are drawn.
    first: (u32, u32),
    /// How many it asks for by each hand on a day, where that follows from the hand's own pace.
    by_hand: Vec<u64>,
    asked: u64,
    /// Where in the roster of each provider it is.
    place: usize,
}

/// What whoever did it got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Leak {
    /// Different persons off the roster, and on it.
    pub(crate) off: u64,
    pub(crate) on: u64,
}

impl Incident {
    /// How many attempts there are on the nth day.
    pub(super) fn a_day_on(&self, nth: u64) -> u64 {
        let weeks = 0..nth / 7;
        weeks.fold(self.a_day * 1_000, |a_day, _| a_day * (1_000 + self.grows) / 1_000) / 1_000
    }
}

impl Hands {
    /// The providers of which it has agents.
    pub(crate) fn providers(self) -> u32 {
        match self {
            Hands::OneOf(providers) => providers,
            Hands::Agents(_) | Hands::Drawn(_) | Hands::NewAgents(_) => 1,
        }
    }

    /// The agents that a provider must have for it.
    pub(crate) fn needs(self) -> u32 {
        match self {
            Hands::Agents(agents) | Hands::Drawn(agents) => agents,
            Hands::OneOf(_) | Hands::NewAgents(_) => 0,
        }
    }
}

impl Attacker {
    /// Whoever does it where the first provider has so many agents.
    pub(crate) fn new(
        incident: Incident,
        seed: u64,
        persons: PersonNumber,
        agents: u32,
    ) -> Attacker {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        chance.set_stream(0);
        let first = ((seed % u64::from(agents.max(1))) as u32, agents.max(1));
        Attacker { incident, chance, persons, first, by_hand: Vec::new(), asked: 0, place: 0 }
    }

    /// Says how many it asks for by each of its hands on a day.
    pub(crate) fn at_pace(&mut self, by_hand: Vec<u64>) {
        self.by_hand = by_hand;
    }

    /// Whom it calls as: providers and agents.
    pub(crate) fn hands(&self) -> Vec<(u32, u32)> {
        match self.incident.hands {
            Hands::OneOf(providers) => (0..providers).map(|provider| (provider, 0)).collect(),
            Hands::Agents(agents) => (0..agents).map(|agent| (0, agent)).collect(),
            Hands::Drawn(agents) => {
                let (first, of) = self.first;
                (0..agents).map(|agent| (0, (first + agent) % of)).collect()
            }
            Hands::NewAgents(agents) => (0..agents).map(|agent| (0, NEW + agent)).collect(),
        }
    }

    /// What it asks on the nth day, where `rosters` are those of its providers.
    pub(crate) fn day(&mut self, day: u64, nth: u64, rosters: &[Vec<PersonNumber>]) -> Vec<Event> {
        let Incident { every, from_hour, .. } = self.incident;
        let begin = in_paris(day, from_hour * HOUR);
        if self.incident.times.is_some() {
            return if is_working_day(day) { self.office_day(begin, rosters) } else { Vec::new() };
        }
        let asked = (0..self.incident.a_day_on(nth)).map(|n| {
            let hand = self.next_hand();
            self.attempt(begin + n * every, hand, rosters)
        });
        let mut events: Vec<Event> = asked.collect();
        if matches!(self.incident.loot, Loot::Widened) {
            let rows = rosters[0].len() as u64;
            let kind = EventKind::Approve { job: JOB, rows };
            events.insert(0, Event { at: begin - HOUR, provider: 0, kind });
        }
        events
    }

    /// Each hand at its own pace.
    fn office_day(&mut self, begin: u64, rosters: &[Vec<PersonNumber>]) -> Vec<Event> {
        let mut turns = Vec::new();
        for (hand, a_day) in self.hands().into_iter().zip(self.by_hand.clone()) {
            turns.extend((0..a_day).map(|n| (begin + n * OFFICE / a_day, hand)));
        }
        turns.sort_unstable();
        turns.into_iter().map(|(at, hand)| self.attempt(at, hand, rosters)).collect()
    }

    /// Its hands take turns.
    fn next_hand(&self) -> (u32, u32) {
        let turn = self.asked + 1;
        match self.incident.hands {
            Hands::OneOf(providers) => ((turn % u64::from(providers)) as u32, 0),
            Hands::Agents(agents) => (0, (turn % u64::from(agents)) as u32),
            Hands::Drawn(agents) => {
                let (first, of) = self.first;
                (0, (first + (turn % u64::from(agents)) as u32) % of)
            }
            Hands::NewAgents(agents) => (0, NEW + (turn % u64::from(agents)) as u32),
        }
    }

    fn stranger(&mut self) -> Found {
        Found { person: self.chance.random_range(0..self.persons), on_roster: false }
    }

    /// Different ones.
    fn strangers(&mut self, n: u64) -> Vec<Found> {
        let mut found: Vec<Found> = (0..n).map(|_| self.stranger()).collect();
        found.sort_unstable_by_key(|found| found.person);
        found.dedup();
        found
    }

    fn attempt(
        &mut self,
        at: u64,
        (provider, agent): (u32, u32),
        rosters: &[Vec<PersonNumber>],
    ) -> Event {
        self.asked += 1;
        let roster = &rosters[provider as usize];
        let (loot, asked) = (self.incident.loot, self.asked);
        let of_roster = match loot {
            Loot::Roster => true,
            Loot::Among(others) => asked % (others + 1) != 0,
            _ => false,
        };
        let method = match loot {
            _ if of_roster && !roster.is_empty() => {
                self.place += 1;
                search(known(&roster[self.place % roster.len()]))
            }
            Loot::Pages(page) => AskMethod::List { page, found: self.strangers(page) },
            Loot::Nobody => nobody(asked),
            Loot::Existence if asked.is_multiple_of(2) => nobody(asked),
            Loot::Middleman if asked > 3 => search(self.stranger()),
            Loot::Export | Loot::Middleman => {
                AskMethod::Export { job: NO_JOB, page: 500, found: self.strangers(500) }
            }
            Loot::Widened => {
                let (page, found) = (roster.len() as u64, roster.iter().map(known).collect());
                AskMethod::Export { job: JOB, page, found }
            }
            Loot::Inflated => search(known(&(INFLATED + asked as PersonNumber))),
            Loot::Strangers | Loot::Among(_) | Loot::Roster | Loot::Existence => {
                search(self.stranger())
            }
        };
        let reason = match &method {
            AskMethod::Search { found, .. } => found.is_some_and(|found| !found.on_roster),
            AskMethod::List { .. } => true,
            AskMethod::Get(_) | AskMethod::Export { .. } => false,
        };
        let full = self.incident.full || matches!(loot, Loot::Widened);
        let ask = Ask {
            agent,
            case: 1,
            reason,
            full,
            network: self.incident.network,
            off_hours: self.incident.from_hour < 6,
            follows: false,
            method,
        };
        Event { at, provider, kind: EventKind::Ask(ask) }
    }
}

/// Somebody who is on the roster.
fn known(person: &PersonNumber) -> Found {
    Found { person: *person, on_roster: true }
}

fn search(found: Found) -> AskMethod {
    AskMethod::Search { sought: u64::from(found.person), found: Some(found) }
}

/// By a name that nobody has.
fn nobody(nth: u64) -> AskMethod {
    AskMethod::Search { sought: (1 << 41) + nth, found: None }
}
