use crate::format::entry::{Budgets, Moment, ProviderRules, sha256};
use crate::state::rosters::*;

const DAY: u64 = 86_400_000;

/// Entries one after another, each held against the fold before it is folded.
#[derive(Default)]
struct Book {
    rosters: Rosters,
    /// The warning that must come next, if one must.
    due: Option<Warning>,
    seq: u64,
}

impl Book {
    fn with(percent: u64) -> Book {
        let mut book = Book::default();
        let budgets = Budgets {
            agent_minute: 1,
            agent_hour: 1,
            agent_day: 1,
            provider_day: 1,
            provider_30_days: 1,
            off_roster_day: 1,
            off_roster_30_days: 1,
        };
        let rules = ProviderRules {
            provider: "alpha".into(),
            budgets,
            roster_growth: percent,
            entries_day: None,
            contract: None,
        };
        assert!(book.put(0, Payload::Policy(Policy { section: Section::Provider(rules) })));
        book
    }

    fn put(&mut self, day: u64, what: Payload) -> bool {
        let now = Moment { at: day * DAY, tick: 0 };
        let entry = Entry { seq: self.seq, prev: Hash::default(), now, payload: what };
        let (admitted, due) = match (&self.due, &entry.payload) {
            (Some(due), Payload::Warning(warning)) => (due == warning, None),
            (Some(_), _) => (false, None),
            (None, Payload::Roster(roster)) => {
                let follows = self.rosters.follows(roster);
                let news = self.rosters.repeats(roster, now.at).is_none();
                (follows && news, self.rosters.due(roster, now.at))
            }
            (None, Payload::Warning(_)) => (false, None),
            (None, _) => (true, None),
        };
        if admitted {
            self.rosters.apply(&entry);
            self.seq += 1;
            self.due = due;
        }
        admitted
    }

    /// A roster that is found, and the warning that it brings about.
    fn found(&mut self, day: u64, roster: Roster) -> Option<(u64, u64)> {
        assert!(self.put(day, Payload::Roster(roster)));
        let due = self.due.clone()?;
        assert!(self.put(day, Payload::Warning(due.clone())));
        Some((due.observed, due.expected))
    }
}

/// A roster of so many persons, of which some came and some went.
fn roster(persons: u64, change: Option<(u64, u64)>, name: &str) -> Roster {
    Roster {
        provider: "alpha".into(),
        dataset: "cir".into(),
        persons,
        digest: sha256(&[name.as_bytes()]),
        added: change.map(|(added, _)| added),
        removed: change.map(|(_, removed)| removed),
    }
}

#[test]
fn growth_up_to_the_share_of_the_policy_is_no_news() {
    let mut book = Book::with(50);
    assert_eq!(book.found(1, roster(200, None, "a")), None);
    assert_eq!(book.found(2, roster(250, Some((50, 0)), "b")), None);
    assert_eq!(book.found(3, roster(300, Some((50, 0)), "c")), None);
    assert_eq!(book.found(3, roster(301, Some((1, 0)), "d")), Some((101, 100)));
    // The same again is not said again, and more is.
    assert_eq!(book.found(4, roster(301, Some((0, 0)), "d")), None);
    assert!(!book.put(4, Payload::Roster(roster(301, Some((0, 0)), "d"))), "twice on one day");
    assert_eq!(book.found(5, roster(302, Some((1, 0)), "e")), Some((102, 100)));
}

#[test]
fn a_small_roster_may_grow_by_a_class() {
    let mut book = Book::with(10);
    assert_eq!(book.found(1, roster(0, None, "a")), None);
    assert_eq!(book.found(1, roster(20, Some((20, 0)), "b")), None);
    assert_eq!(book.found(1, roster(21, Some((1, 0)), "c")), Some((21, 20)));
}

#[test]
fn persons_who_take_the_place_of_others_are_growth_too() {
    let mut book = Book::with(50);
    book.found(1, roster(200, None, "a"));
    assert_eq!(book.found(2, roster(200, Some((101, 101)), "b")), Some((101, 100)));
}

#[test]
fn growth_is_forgotten_after_thirty_days() {
    let mut book = Book::with(50);
    book.found(1, roster(200, None, "a"));
    assert_eq!(book.found(1, roster(300, Some((100, 0)), "b")), None);
    assert_eq!(book.found(30, roster(301, Some((1, 0)), "c")), Some((101, 100)));
    // The hundred of the first day are gone from the window; the base is what stood before the one.
    assert_eq!(book.found(31, roster(449, Some((148, 0)), "d")), None);
    assert_eq!(book.found(31, roster(451, Some((2, 0)), "e")), Some((151, 150)));
}

#[test]
fn a_roster_that_changed_unseen_is_warned_of_whatever_its_size() {
    for persons in [200, 199, 201, 10_200, 0] {
        let mut book = Book::with(50);
        book.found(1, roster(200, None, "a"));
        let warned = book.found(2, roster(persons, None, "b")).map(|(observed, _)| observed);
        assert_eq!(warned, Some(persons));
        // A first entry, and one whose digest is the same, are no change.
        // What it grew by is told behind it.
        let grew = (persons == 10_200).then_some((10_000, 100));
        assert_eq!(book.found(3, roster(persons, None, "b")), grew);
    }
}

#[test]
fn what_a_roster_grew_by_unseen_counts_from_there_on() {
    let mut book = Book::with(50);
    book.found(1, roster(200, None, "a"));
    assert_eq!(book.found(2, roster(300, None, "b")), Some((300, 100)));
    assert_eq!(book.found(2, roster(301, Some((1, 0)), "c")), Some((101, 100)));
    // That it grew beyond its bound unseen is told behind the next entry, and once.
    assert_eq!(book.found(3, roster(351, None, "d")), Some((351, 100)));
    assert_eq!(book.found(4, roster(351, Some((0, 0)), "d")), Some((151, 100)));
    assert_eq!(book.found(5, roster(351, Some((0, 0)), "d")), None);
    assert_eq!(book.found(5, roster(350, Some((0, 1)), "e")), None);
}

#[test]
fn sizes_must_follow_from_one_another() {
    let put = |second: Roster| {
        let mut book = Book::with(50);
        assert!(book.put(1, Payload::Roster(roster(200, None, "a"))));
        book.put(2, Payload::Roster(second))
    };
    assert!(put(roster(205, Some((10, 5)), "b")));
    assert!(!put(roster(206, Some((10, 5)), "b")), "a size that does not follow");
    assert!(!put(roster(200, Some((0, 0)), "b")), "nothing changed, and yet another digest");
    assert!(!put(roster(200, Some((5, 5)), "a")), "something changed, and yet the same digest");
    assert!(!put(roster(0, Some((5, 205)), "b")), "more went than there were");
    let one = Roster { removed: None, ..roster(205, Some((5, 0)), "b") };
    assert!(!put(one), "one of the two figures alone");
    let mut book = Book::with(50);
    assert!(
        !book.put(1, Payload::Roster(roster(200, Some((200, 0)), "a"))),
        "a first one has none"
    );
}

#[test]
fn a_warning_stands_behind_its_roster_and_nowhere_else() {
    let mut book = Book::with(50);
    book.found(1, roster(200, None, "a"));
    assert!(book.put(2, Payload::Roster(roster(400, Some((200, 0)), "b"))));
    let due = book.due.clone().unwrap();
    assert!(!book.put(2, Payload::Roster(roster(400, Some((0, 0)), "b"))), "left out");
    assert!(!book.put(2, Payload::Warning(Warning { observed: 199, ..due.clone() })), "belittled");
    assert!(book.put(2, Payload::Warning(due.clone())));
    assert!(!book.put(2, Payload::Warning(due)), "once more");
}
