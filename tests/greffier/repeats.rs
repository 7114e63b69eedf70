//! Request ids: a repeat takes the whole path again and says whose repeat it is; another request of
//! the same id is refused.

use std::time::{SystemTime, UNIX_EPOCH};

use greffier::format::entry::{
    Budgets, Counts, Facts, Hash, Outcome, Payload, Read, Rule, Ruling, sha256,
};
use greffier::proto::Context;
use greffier::registrar::{Draft, Ledger, Unrecorded, bind};
use greffier::state::memory::Reach;
use greffier::verify::LedgerFault;
use tonic::Code;

use crate::instance::{Instance, context};
use crate::pki::Authority;
use crate::segment::{Forge, Place, WIDE, people, read, rules, unsound, verified};
use crate::told::told;

const ALPHA: &str = "alpha-langues";
const ID: &str = "6f1c2a9e-0b7d-4c11-9a55-2d3f0c8b7e10";

/// A read of some persons by an agent, with a request id.
fn with_id(agent: &str, persons: u32) -> Read {
    Read { request: Some(ID.to_owned()), ..read(ALPHA, agent, &people(ALPHA, 0..persons), &[]) }
}

/// Has a page judged and recorded; returns the ruling and the number of its entry.
async fn page(
    ledger: &Ledger,
    read: Read,
    asked: Option<Hash>,
) -> Result<(Ruling, u64), Unrecorded> {
    let reach = Reach::Page(read.asked);
    let (bound, claim) = bind(Draft { read: Box::new(read), reach, asked, enrolled: false });
    let (ruling, seq, _) = claim.redeem(ledger.record(bound).await?).expect("its own proof");
    Ok((ruling, seq))
}

/// What the reads of a ledger say that they repeat.
fn said(place: &Place) -> Vec<(u64, Option<u64>)> {
    let of = |entry: greffier::format::entry::Entry| match entry.payload {
        Payload::Read(read) => Some((entry.seq, read.replay_of)),
        _ => None,
    };
    place.entries().into_iter().filter_map(of).collect()
}

#[test]
fn a_repeat_names_the_first_read_of_its_id_and_other_arguments_leave_no_entry() {
    let rules = rules(&[(ALPHA, WIDE)]);
    let place = Place::created(&rules);
    let (this, that) = (Some(sha256(&[b"this"])), Some(sha256(&[b"that"])));
    let (first, again, third, colleague) = place.run(&rules, async |ledger| {
        let first = page(&ledger, with_id("a1", 2), this).await.unwrap().1;
        let other = page(&ledger, with_id("a1", 2), that).await;
        assert_eq!(other.err(), Some(Unrecorded::OtherArguments));
        let again = page(&ledger, with_id("a1", 2), this).await.unwrap().1;
        let third = page(&ledger, with_id("a1", 2), this).await.unwrap().1;
        // The same text of somebody else is another id.
        let colleague = page(&ledger, with_id("a2", 2), that).await.unwrap().1;
        (first, again, third, colleague)
    });
    let expected = [(first, None), (again, Some(first)), (third, Some(first)), (colleague, None)];
    assert_eq!(said(&place), expected);
    verified(&place.settings.path, &[]).expect("a sound ledger");
}

#[test]
fn of_repeats_at_once_one_is_the_first_and_every_other_names_it() {
    let rules = rules(&[(ALPHA, WIDE)]);
    let place = Place::created(&rules);
    place.run(&rules, async |ledger| {
        let calls = (0..40_u8).map(|n| {
            // Two requests share the id; whichever comes first, the other is refused throughout.
            let (ledger, asked) = (ledger.clone(), Some(sha256(&[&[n % 2]])));
            tokio::spawn(async move { page(&ledger, with_id("a1", 2), asked).await })
        });
        let calls: Vec<_> = calls.collect();
        let mut taken = [0, 0];
        for (n, call) in calls.into_iter().enumerate() {
            match call.await.unwrap() {
                Ok(_) => taken[n % 2] += 1,
                Err(why) => assert_eq!(why, Unrecorded::OtherArguments),
            }
        }
        taken.sort_unstable();
        assert_eq!(taken, [0, 20]);
    });
    let said = said(&place);
    let first = said[0].0;
    assert_eq!((said.len(), said[0].1), (20, None));
    assert!(said[1..].iter().all(|(_, of)| *of == Some(first)), "{said:?}");
    verified(&place.settings.path, &[]).expect("a sound ledger");
}

#[test]
fn after_a_start_an_id_of_the_same_day_is_a_repeat_whatever_it_asks() {
    let rules = rules(&[(ALPHA, WIDE)]);
    let place = Place::created(&rules);
    let this = Some(sha256(&[b"this"]));
    let first = place.run(&rules, async |ledger| page(&ledger, with_id("a1", 2), this).await);
    let first = first.unwrap().1;
    let that = Some(sha256(&[b"that"]));
    let again = place.run(&rules, async |ledger| page(&ledger, with_id("a1", 2), that).await);
    // Unless a day began between the two.
    let day = |seq: u64| place.entries()[seq as usize].now.at / 86_400_000;
    let again = again.unwrap().1;
    let expected = (day(first) == day(again)).then_some(first);
    assert_eq!(said(&place), [(first, None), (again, expected)]);
    verified(&place.settings.path, &[]).expect("a sound ledger");
}

#[test]
fn a_repeat_is_judged_as_any_read() {
    let rules = rules(&[(ALPHA, Budgets { agent_minute: 3, ..WIDE })]);
    let place = Place::created(&rules);
    let this = Some(sha256(&[b"this"]));
    place.run(&rules, async |ledger| {
        let (ruling, first) = page(&ledger, with_id("a1", 2), this).await.unwrap();
        assert_eq!(ruling.outcome, Outcome::Released);
        // It could hold two new persons, and one is left.
        let (ruling, again) = page(&ledger, with_id("a1", 2), this).await.unwrap();
        assert_eq!((ruling.outcome, ruling.rule), (Outcome::Withheld, Some(Rule::AgentMinute)));
        assert_eq!(said(&place)[1], (again, Some(first)));
    });
}

/// Two reads of one id, signed with the real key, the second of which says that it repeats `of`.
fn forged(of: impl Fn(u64) -> Option<u64>, change: impl Fn(&mut Read, &mut Forge)) -> Place {
    let rules = rules(&[(ALPHA, WIDE)]);
    let place = Place::new();
    let noon = {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
        now as u64 / 86_400_000 * 86_400_000 - 43_200_000
    };
    let mut forge = Forge::begun(noon, &rules);
    let released = |n: u32, facts: u64| {
        let all =
            Counts { agent_day: facts, provider_day: facts, provider_30_days: facts, never: facts };
        let facts =
            Facts { could: u64::from(n), could_never: u64::from(n), all, ..Facts::default() };
        Read { facts, ruling: Ruling::RELEASED, ..with_id("a1", n) }
    };
    let first = forge.add(Payload::Read(Box::new(released(2, 2))));
    let mut again = Read { replay_of: of(first), ..released(2, 0) };
    change(&mut again, &mut forge);
    forge.add(Payload::Read(Box::new(again)));
    forge.commit();
    forge.write(&place.settings);
    place
}

#[test]
fn a_repeat_that_says_otherwise_is_found() {
    let as_it_is = |_: &mut Read, _: &mut Forge| ();
    verified(&forged(Some, as_it_is).settings.path, &[]).expect("a sound ledger");
    let colleague = |read: &mut Read, _: &mut Forge| {
        read.agent = crate::segment::person(ALPHA, 9);
        read.facts.all.agent_day = 2;
    };
    verified(&forged(|_| None, colleague).settings.path, &[]).expect("a sound ledger");
    let tomorrow = |_: &mut Read, forge: &mut Forge| forge.pass(43_200_000);
    for (case, place) in [
        ("not said", forged(|_| None, as_it_is)),
        ("an entry that is no read", forged(|_| Some(0), as_it_is)),
        ("itself", forged(|first| Some(first + 1), as_it_is)),
        ("a later one", forged(|first| Some(first + 2), as_it_is)),
        ("another agent's", forged(Some, colleague)),
        ("without an id", forged(Some, |read, _| read.request = None)),
        ("another id", forged(Some, |read, _| read.request = Some("another".to_owned()))),
        ("another certificate", forged(Some, |read, _| read.certificate = sha256(&[b"other"]))),
        (
            "of the day before",
            forged(Some, |read, forge| {
                tomorrow(read, forge);
                read.facts.all.agent_day = 2;
                read.facts.all.provider_day = 2;
            }),
        ),
    ] {
        let fault = unsound(verified(&place.settings.path, &[]));
        assert_eq!(fault.fault, LedgerFault::Facts, "{case}: {fault:?}");
        assert!(fault.detail.contains("request id"), "{case}: {fault:?}");
    }
}

#[tokio::test]
async fn the_same_id_with_other_arguments_is_told_and_counted_and_leaves_no_read() {
    let instance = Instance::new();
    instance.widen();
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-02").await;
    let ask = Context { request_id: ID.to_owned(), ..context() };
    let first = caller.list(2, "", ask.clone()).await.unwrap();
    let entry = first.proof.unwrap().entry;
    for other in [
        caller.list(3, "", ask.clone()).await.map(drop),
        caller.list(2, &first.next_page_token, ask.clone()).await.map(drop),
        caller.get(&first.records[0].name, ask.clone()).await.map(drop),
        caller.search("case_number", &[("id", "1")], 2, ask.clone()).await.map(drop),
        caller
            .list(2, "", Context { case_reference: "CASE/2".to_owned(), ..ask.clone() })
            .await
            .map(drop),
    ] {
        let told = told(other);
        assert_eq!(told.what(), (Code::InvalidArgument, "REQUEST_MALFORMED"));
        assert_eq!((told.fields, told.retry), (vec!["context.request_id".to_owned()], None));
    }
    let capitals = Context { request_id: ID.to_uppercase(), ..context() };
    let again = caller.list(2, "", capitals).await.unwrap();
    let repeat = instance.read(again.proof.unwrap().entry);
    assert_eq!((repeat.replay_of, repeat.request.as_deref()), (Some(entry), Some(ID)));
    assert_eq!((again.records, repeat.facts.all.agent_day), (first.records, 0));
    let authority = Authority::of(&instance.layout);
    let colleague = authority.client("provider", "provider-02");
    let mut colleague = daemon.client_with(colleague).await;
    let own = colleague.list(3, "", ask).await.unwrap();
    assert_eq!(instance.read(own.proof.unwrap().entry).replay_of, None);
    daemon.stop().await;
    let reads = instance.entries().into_iter().filter(|e| matches!(e.payload, Payload::Read(_)));
    assert_eq!(reads.count(), 3);
    let counts = instance.refusals().into_iter().flat_map(|digest| digest.certificates);
    let counts: Vec<_> = counts.flat_map(|certificate| certificate.counts).collect();
    assert!(counts.iter().all(|count| &*count.reason == "REQUEST_MALFORMED"));
    assert_eq!(counts.iter().map(|count| count.count).sum::<u64>(), 5);
    instance.assert_sound();
}
