//! Jobs at the registrar, where what the door saw may be a moment old: races are withheld and alarm
//! nobody, breaches are contained with that very read.

use greffier::format::entry::{
    Act, Deed, JobTerms, Method, Millis, Outcome, Payload, Read, Rule, Ruling, Severity,
};
use greffier::registrar::{Ledger, Unrecorded, wall};

use crate::segment::{Place, WIDE, page, people, read, rules, signed_by, statement, verified};
use crate::signed::HOUR;

const ALPHA: &str = "alpha-langues";

/// A job of the reads of these tests.
fn terms(rows: u64, until: Millis) -> JobTerms {
    let (purpose, view) = ("enrolment".into(), "BASIC".into());
    JobTerms { purpose, view, rows, from: until.saturating_sub(HOUR), until }
}

fn declaration(provider: &str, job: JobTerms) -> Act {
    let (provider, dataset) = (provider.into(), "cir".into());
    signed(Deed::DeclareJob { provider, dataset, job }, "admin-1")
}

fn signed(deed: Deed, admin: &str) -> Act {
    Act::Signed(signed_by(statement(deed), &[admin]))
}

fn withdrawal(declared: u64) -> Act {
    signed(Deed::WithdrawJob { declared }, "admin-1")
}

async fn opened(ledger: &Ledger, provider: &str, rows: u64) -> u64 {
    let job = terms(rows, wall() + HOUR / 2);
    let job = ledger.act(declaration(provider, job)).await.expect("a declaration");
    ledger.act(signed(Deed::ApproveJob { declared: job }, "admin-2")).await.expect("an approval");
    job
}

/// A page of an export, not yet judged.
fn export(job: u64, agent: &str, persons: std::ops::Range<u32>) -> Read {
    let on = people(ALPHA, persons);
    Read { method: Method::Export, job: Some(job), ..read(ALPHA, agent, &on, &[]) }
}

fn alerts(place: &Place) -> Vec<(Rule, Severity)> {
    let alert = |entry: greffier::format::entry::Entry| match entry.payload {
        Payload::Alert(alert) => Some((alert.rule, alert.severity)),
        _ => None,
    };
    place.entries().into_iter().filter_map(alert).collect()
}

fn beyond(left: u64) -> Ruling {
    Ruling {
        outcome: Outcome::Withheld,
        rule: Some(Rule::Job),
        remaining: Some(left),
        fits_at: None,
    }
}

#[test]
fn a_page_that_lost_a_race_is_withheld_and_alarms_nobody() {
    let rules = rules(&[(ALPHA, WIDE)]);
    let place = Place::created(&rules);
    place.run(&rules, async |ledger| {
        let job = opened(&ledger, ALPHA, 10).await;
        assert_eq!(page(&ledger, export(job, "a1", 0..7)).await.0, Ruling::RELEASED);
        assert_eq!(page(&ledger, export(job, "a2", 7..11)).await.0, beyond(3));
        assert_eq!(page(&ledger, export(job, "a2", 7..10)).await.0, Ruling::RELEASED);
        assert_eq!(page(&ledger, export(job, "a2", 10..11)).await.0, beyond(0));
        let job = opened(&ledger, ALPHA, 10).await;
        // Rows asked for and not found are not charged.
        let few = Read { asked: 10, ..export(job, "a1", 0..2) };
        assert_eq!(page(&ledger, few).await.0, Ruling::RELEASED);
        assert_eq!(page(&ledger, export(job, "a1", 0..9)).await.0, beyond(8));
        ledger.act(withdrawal(job)).await.expect("a withdrawal");
        assert_eq!(page(&ledger, export(job, "a1", 0..1)).await.0, beyond(0));
        let job = ledger.act(declaration(ALPHA, terms(5, wall() + HOUR / 2))).await.expect("one");
        assert_eq!(page(&ledger, export(job, "a1", 0..1)).await.0, beyond(0), "not approved");
    });
    assert_eq!(alerts(&place), []);
    verified(&place.settings.path, &[]).expect("a sound ledger");
}

#[test]
fn a_breach_is_contained_with_that_very_read_and_again_after_a_lift() {
    let rules = rules(&[(ALPHA, WIDE)]);
    let wrong: [fn(&mut Read); 3] = [
        |read| read.view = "CONTACT".into(),
        |read| read.purpose = "attendance".into(),
        |read| read.dataset = "other".into(),
    ];
    for change in wrong {
        let place = Place::created(&rules);
        place.run(&rules, async |ledger| {
            let job = opened(&ledger, ALPHA, 10).await;
            let breach = || {
                let mut read = export(job, "a1", 0..1);
                change(&mut read);
                read
            };
            let agent = breach().agent;
            assert_eq!(page(&ledger, breach()).await.0, Ruling::contained(None));
            assert_eq!(page(&ledger, export(job, "a1", 0..1)).await.0, Ruling::contained(None));
            for of in [None, Some(agent)] {
                let both = ["admin-1", "admin-2"];
                ledger.act(crate::segment::lift(ALPHA, of, &both)).await.expect("a lift");
            }
            assert_eq!(page(&ledger, export(job, "a1", 0..1)).await.0, Ruling::RELEASED);
            assert_eq!(page(&ledger, breach()).await.0, Ruling::contained(None));
        });
        assert_eq!(alerts(&place), [(Rule::Job, Severity::Critical); 2]);
        verified(&place.settings.path, &[]).expect("a sound ledger");
    }
}

#[test]
fn what_no_verifier_would_pass_is_not_written() {
    let rules = rules(&[(ALPHA, WIDE), ("beta-emploi", WIDE)]);
    let place = Place::created(&rules);
    place.run(&rules, async |ledger| {
        let job = opened(&ledger, "beta-emploi", 10).await;
        let own = opened(&ledger, ALPHA, 10).await;
        let unfit = [
            export(job, "a1", 0..1),
            export(0, "a1", 0..1),
            export(own + 1, "a1", 0..1),
            Read { job: None, ..export(own, "a1", 0..1) },
            Read { method: Method::List, ..export(own, "a1", 0..2) },
            Read { reason: Some("transfer".into()), ..export(own, "a1", 0..2) },
        ];
        let before = ledger.act(withdrawal(job)).await.expect("an act");
        for read in unfit {
            let reach = greffier::state::memory::Reach::Page(read.asked);
            let draft = greffier::registrar::Draft {
                read: Box::new(read),
                reach,
                asked: None,
                enrolled: false,
            };
            let (bound, _) = greffier::registrar::bind(draft);
            assert!(matches!(ledger.record(bound).await, Err(Unrecorded::Unfit)));
        }
        let next = ledger.act(withdrawal(own)).await.expect("an act");
        assert_eq!(next, before + 1, "nothing stands between");
    });
    verified(&place.settings.path, &[]).expect("a sound ledger");
}

#[test]
fn how_far_a_job_has_come_is_folded_again_at_a_start() {
    let rules = rules(&[(ALPHA, WIDE)]);
    let place = Place::created(&rules);
    let job = place.run(&rules, async |ledger| opened(&ledger, ALPHA, 10).await);
    for n in 0..5 {
        let persons = 2 * n..2 * n + 2;
        let (ruling, _) =
            place.run(&rules, async |ledger| page(&ledger, export(job, "a1", persons)).await);
        assert_eq!(ruling, Ruling::RELEASED);
    }
    let (ruling, _) =
        place.run(&rules, async |ledger| page(&ledger, export(job, "a1", 0..1)).await);
    assert_eq!(ruling, beyond(0));
    verified(&place.settings.path, &[]).expect("a sound ledger");
}
