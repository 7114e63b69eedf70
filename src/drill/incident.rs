//! Incidents: what whoever holds a stolen credential asks, day after day, beside honest work.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::honest::calendar::{HOUR, in_paris};
use super::traffic::{Ask, AskMethod, Event, EventKind, Found, PersonNumber};

/// What is asked for.
#[derive(Clone, Copy, Debug)]
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
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hands {
    /// The first agent of each of so many providers.
    OneOf(u32),
    /// So many agents of one provider.
    Agents(u32),
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
    /// For so many days, so many attempts on each, one every so many milliseconds, from this hour on.
    pub(crate) days: u64,
    pub(crate) a_day: u64,
    pub(crate) every: u64,
    pub(crate) from_hour: u64,
    /// Whether all fields are asked for.
    pub(crate) full: bool,
    /// Whether the gateway is ended and started again behind each released attempt.
    pub(crate) restarts: bool,
}

const BASE: Incident = Incident {
    name: "",
    about: "",
    hands: Hands::OneOf(1),
    loot: Loot::Strangers,
    days: 1,
    a_day: 3_000,
    every: 1_000,
    from_hour: 10,
    full: false,
    restarts: false,
};

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
        restarts: true,
        a_day: 200,
        ..BASE
    },
    Incident {
        name: "roster",
        about: "the provider's own roster at once",
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
        name: "patient-agents",
        about: "... two a day by each of twelve agents",
        hands: Hands::Agents(12),
        days: 90,
        a_day: 24,
        every: 600_000,
        ..BASE
    },
];

/// The first number of agents whom nobody has seen before.
const NEW: u32 = 900;

/// Whoever does it, on one run.
pub(crate) struct Attacker {
    incident: Incident,
    chance: ChaCha8Rng,
    persons: PersonNumber,
    asked: u64,
    /// Where in the roster of each provider it is.
    place: usize,
}

impl Attacker {
    pub(crate) fn new(incident: Incident, seed: u64, persons: PersonNumber) -> Attacker {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        chance.set_stream(0);
        Attacker { incident, chance, persons, asked: 0, place: 0 }
    }

    /// The providers that it has a hand at.
    pub(crate) fn providers(&self) -> u32 {
        match self.incident.hands {
            Hands::OneOf(providers) => providers,
            Hands::Agents(_) | Hands::NewAgents(_) => 1,
        }
    }

    /// Whom it calls as: providers and agents.
    pub(crate) fn hands(&self) -> Vec<(u32, u32)> {
        match self.incident.hands {
            Hands::OneOf(providers) => (0..providers).map(|provider| (provider, 0)).collect(),
            Hands::Agents(agents) => (0..agents).map(|agent| (0, agent)).collect(),
            Hands::NewAgents(agents) => (0..agents).map(|agent| (0, NEW + agent)).collect(),
        }
    }

    /// What it asks on a day, where `rosters` are those of its providers.
    pub(crate) fn day(&mut self, day: u64, rosters: &[Vec<PersonNumber>]) -> Vec<Event> {
        let Incident { a_day, every, from_hour, .. } = self.incident;
        let begin = in_paris(day, from_hour * HOUR);
        (0..a_day).map(|n| self.attempt(begin + n * every, rosters)).collect()
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

    fn attempt(&mut self, at: u64, rosters: &[Vec<PersonNumber>]) -> Event {
        self.asked += 1;
        let (provider, agent) = match self.incident.hands {
            Hands::OneOf(providers) => ((self.asked % u64::from(providers)) as u32, 0),
            Hands::Agents(agents) => (0, (self.asked % u64::from(agents)) as u32),
            Hands::NewAgents(agents) => (0, NEW + (self.asked % u64::from(agents)) as u32),
        };
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
                let person = roster[self.place % roster.len()];
                let found = Some(Found { person, on_roster: true });
                AskMethod::Search { sought: u64::from(person), found }
            }
            Loot::Pages(page) => AskMethod::List { page, found: self.strangers(page) },
            Loot::Nobody => AskMethod::Search { sought: (1 << 41) + asked, found: None },
            Loot::Export => {
                AskMethod::Export { job: u32::MAX, page: 500, found: self.strangers(500) }
            }
            Loot::Strangers | Loot::Among(_) | Loot::Roster => {
                let found = self.stranger();
                AskMethod::Search { sought: u64::from(found.person), found: Some(found) }
            }
        };
        let reason = !of_roster && !matches!(loot, Loot::Nobody | Loot::Export);
        let ask = Ask {
            agent,
            case: 1,
            reason,
            full: self.incident.full,
            network: 9,
            off_hours: self.incident.from_hour < 6,
            method,
        };
        Event { at, provider, kind: EventKind::Ask(ask) }
    }
}
