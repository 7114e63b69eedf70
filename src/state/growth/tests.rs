//! The fold of budgets of entries.

use crate::format::entry::{
    Budgets, Given, Hash as Digest, Head, Moment, Nonce, OwnedKey, ProviderAgent, PublicKey,
    SecurityDeed, StaffRules, Whom,
};
use crate::state::growth::*;

const ALPHA: &str = "alpha-langues";
const NOTHING: Budgets = Budgets {
    agent_minute: 0,
    agent_hour: 0,
    agent_day: 0,
    provider_day: 0,
    provider_30_days: 0,
    off_roster_day: 0,
    off_roster_30_days: 0,
};

/// A ledger that writes what is admitted, and what is to be told behind it.
struct Book {
    growth: EntryAccounts,
    tick: Millis,
    told: Vec<Warning>,
}

impl Book {
    /// A provider may have so many entries a day, and so may each member of staff.
    fn of(day: u64) -> Book {
        let mut book = Book { growth: EntryAccounts::default(), tick: 0, told: Vec::new() };
        book.rules(Some(day));
        book
    }

    fn rules(&mut self, entries_day: Option<u64>) {
        let provider = ProviderRules {
            provider: ALPHA.into(),
            budgets: NOTHING,
            roster_growth: 0,
            entries_day,
            contract: None,
        };
        let staff = entries_day.map(|entries_day| Section::Staff(StaffRules { entries_day }));
        let head = Head { digest: Digest::default(), sections: 0, judge: 0 };
        let sections = staff.into_iter().chain([Section::Provider(provider), Section::Head(head)]);
        sections.for_each(|section| self.fold(Payload::Policy(Policy { section })));
    }

    fn fold(&mut self, what: Payload) {
        let now = Moment { at: self.tick, tick: self.tick };
        self.growth.apply(&Entry { seq: 0, prev: Digest::default(), now, payload: what });
    }

    fn put(&mut self, what: Payload) -> Result<(), UsedUp> {
        self.growth.admits(&what, self.tick)?;
        self.fold(what);
        for warning in self.growth.due() {
            self.fold(Payload::Warning(warning.clone()));
            self.told.push(warning);
        }
        Ok(())
    }

    /// How many of these are written until there is no room.
    fn fill(&mut self, what: &Payload) -> u64 {
        (0..).take_while(|_| self.put(what.clone()).is_ok()).count() as u64
    }
}

fn read(agent: u8) -> Payload {
    let body = include_str!("../../../docs/vectors/bodies.jsonl").lines().nth(6).expect("a read");
    let Payload::Read(mut read) = Entry::parse(body).expect("a body").payload else {
        panic!("{body}")
    };
    (read.provider, read.agent) = (ALPHA.into(), Tag([agent; 16]));
    Payload::Read(read)
}

fn receipt(role: &str, id: &str) -> Payload {
    let (role, id, certificate) = (role.into(), id.into(), Digest::default());
    Payload::Access(Access { role, id, certificate, what: Given::Receipt, entry: 0 })
}

fn acknowledgement(id: &str) -> Payload {
    let (id, certificate, reason) = (id.into(), Digest::default(), "seen".to_owned());
    let deed = SecurityDeed::Acknowledge { alert: 1 };
    Payload::Act(Act::Acknowledged(Acknowledgement { id, certificate, deed, reason }))
}

fn act(deed: Deed, id: &str) -> Payload {
    let (reason, nonce) = ("an exercise".to_owned(), Nonce([0; 16]));
    let statement = Statement { deed, reason, nonce, expires: 0 };
    let (certificate, signatures) = (Some(Digest::default()), Vec::new());
    Payload::Act(Act::Signed(SignedAct { id: id.into(), certificate, statement, signatures }))
}

fn alpha() -> Whom {
    Whom { provider: ALPHA.into(), agent: None }
}

#[test]
fn one_agent_has_a_quarter_and_all_together_the_whole() {
    let mut book = Book::of(100);
    assert_eq!(book.fill(&read(1)), 25);
    assert_eq!(book.fill(&read(1)), 0);
    // A certificate without a person is one of them.
    assert_eq!(book.fill(&receipt("provider", ALPHA)), 25);
    assert_eq!((book.fill(&read(2)), book.fill(&read(3)), book.fill(&read(4))), (25, 25, 0));
}

#[test]
fn a_budget_refills_over_a_day_of_ticks_and_says_how_long_until_the_next() {
    let mut book = Book::of(100);
    book.fill(&read(1));
    let next = DAY / 25;
    assert_eq!(book.put(read(1)), Err(UsedUp { wait: next }));
    book.tick = next - 1;
    assert_eq!(book.put(read(1)), Err(UsedUp { wait: 1 }));
    book.tick = next;
    assert_eq!(book.put(read(1)), Ok(()));
    book.tick += DAY;
    assert_eq!(book.fill(&read(1)), 25);
}

#[test]
fn what_a_read_brought_about_is_charged_and_never_in_its_way() {
    let mut book = Book::of(100);
    let body = include_str!("../../../docs/vectors/bodies.jsonl").lines().nth(9).expect("an alert");
    let Payload::Alert(mut alert) = Entry::parse(body).expect("a body").payload else {
        panic!("{body}")
    };
    (alert.provider, alert.agent) = (ALPHA.into(), Tag([1; 16]));
    (0..3).for_each(|_| book.put(Payload::Alert(alert.clone())).unwrap());
    assert_eq!(book.fill(&read(1)), 22);
    assert_eq!(book.put(Payload::Alert(alert)), Ok(()));
}

#[test]
fn staff_have_a_budget_each_and_can_contain_when_it_is_used_up() {
    let mut book = Book::of(100);
    assert_eq!(book.fill(&acknowledgement("soc-1")), 100);
    assert_eq!(book.fill(&receipt("security", "soc-1")), 0);
    assert_eq!(book.fill(&receipt("security", "soc-2")), 100);
    let person = ProviderAgent { provider: ALPHA.into(), agent: Tag([1; 16]) };
    assert_eq!(book.fill(&act(Deed::EnrolAgent(person.clone()), "admin-1")), 100);
    let contain = [
        Deed::Suspend(alpha()),
        Deed::Lift(alpha()),
        Deed::RevokeKey(OwnedKey { admin: "admin-2".into(), key: PublicKey([1; 32]) }),
        Deed::DismissAgent(person),
        Deed::WithdrawJob { declared: 1 },
    ];
    for deed in &contain {
        assert_eq!(book.put(act(deed.clone(), "admin-1")), Ok(()));
        assert!(book.put(act(Deed::Reinstate(alpha()), "admin-1")).is_err());
    }
    // That has an end too, far beyond what anybody does by hand, for that deed and administrator
    // alone.
    book.told.clear();
    let lift = act(Deed::Lift(alpha()), "admin-1");
    assert_eq!(book.fill(&lift), CONTAINING - 1);
    let whose = of_staff("admin", &"admin-1".into());
    assert_eq!(book.told, [half(whose, CONTAINING / 2, CONTAINING)]);
    for deed in contain {
        let left = book.put(act(deed.clone(), "admin-1"));
        assert_eq!(left.is_ok(), deed != Deed::Lift(alpha()), "{deed:?}");
    }
    assert_eq!(book.put(act(Deed::Lift(alpha()), "admin-2")), Ok(()));
}

fn half(of: EntryBudget, observed: u64, expected: u64) -> Warning {
    Warning { matter: Matter::Entries(of), observed, expected }
}

#[test]
fn half_of_a_budget_is_told_once_a_day_of_each() {
    let mut book = Book::of(100);
    for _ in 0..12 {
        book.put(read(1)).unwrap();
    }
    assert_eq!(book.told, []);
    book.put(read(1)).unwrap();
    let provider = || ALPHA.into();
    let of_alpha = |used, size| half(EntryBudget::Provider { provider: provider() }, used, size);
    let of_agent = |used, agent| {
        let agent = Tag([agent; 16]);
        half(EntryBudget::Agent { provider: provider(), agent }, used, 25)
    };
    assert_eq!(book.told, [of_agent(13, 1)]);
    book.fill(&read(1));
    book.fill(&read(2));
    assert_eq!(book.told, [of_agent(13, 1), of_agent(13, 2), of_alpha(50, 100)]);
    book.tick = DAY - 1;
    book.fill(&read(1));
    assert_eq!(book.told.len(), 3);
    book.tick = 2 * DAY;
    book.fill(&read(1));
    assert_eq!(book.told[3..], [of_agent(13, 1)]);
    book.fill(&receipt("auditor", "audit-1"));
    let staff = of_staff("auditor", &"audit-1".into());
    assert_eq!(book.told[4..], [half(staff, 50, 100)]);
}

#[test]
fn another_policy_resizes_and_fills_nothing_and_one_without_a_limit_has_none() {
    let mut book = Book::of(100);
    assert_eq!(book.fill(&read(1)), 25);
    book.rules(Some(1_000));
    assert_eq!(book.fill(&read(1)), 0);
    book.rules(Some(40));
    assert_eq!(book.fill(&read(2)), 10);
    book.rules(None);
    (0..1_000).for_each(|_| book.put(read(1)).unwrap());
}

#[test]
fn the_door_is_told_who_must_wait_and_until_when() {
    let mut book = Book::of(100);
    let asks = |book: &Book, agent: u8| {
        let of = || Requester::Agent(Tag([agent; 16]));
        book.growth.exhausted().caller(&ALPHA.into(), of, || book.tick)
    };
    let none = book.growth.exhausted().clone();
    (0..24).for_each(|_| book.put(read(1)).unwrap());
    assert!(Arc::ptr_eq(&none, book.growth.exhausted()));
    book.put(read(1)).unwrap();
    assert_eq!((asks(&book, 1), asks(&book, 2)), (Err(UsedUp { wait: DAY / 25 }), Ok(())));
    assert_eq!((2..5).map(|agent| book.fill(&read(agent))).sum::<u64>(), 75);
    assert_eq!(asks(&book, 5), Err(UsedUp { wait: DAY / 100 }));
    book.tick = DAY / 100;
    assert_eq!(asks(&book, 5), Ok(()));
    book.put(read(5)).unwrap();
    assert!(asks(&book, 5).is_err());
    let staff =
        |book: &Book, id: &str| book.growth.exhausted().staff("auditor", &id.into(), || book.tick);
    assert_eq!(staff(&book, "audit-1"), Ok(()));
    book.fill(&receipt("auditor", "audit-1"));
    assert_eq!(staff(&book, "audit-1"), Err(UsedUp { wait: DAY / 100 }));
    assert_eq!(staff(&book, "audit-2"), Ok(()));
}

#[test]
fn who_came_once_is_not_kept_for_ever() {
    let mut book = Book::of(1_000);
    for n in 0..200 {
        book.put(read(n)).unwrap();
        book.put(receipt("auditor", &format!("audit-{n}"))).unwrap();
        book.put(act(Deed::Suspend(alpha()), &format!("admin-{n}"))).unwrap();
    }
    book.tick = DAY;
    book.put(read(0)).unwrap();
    assert_eq!(book.growth.providers[ALPHA].callers.len(), 1);
    assert_eq!((book.growth.staff.len(), book.growth.containing.len()), (0, 0));
}
