//! The fold of jobs against a ledger that is kept by hand.

use proptest::prelude::*;

use crate::format::entry::{
    Hash, Moment, Nonce, PublicKey, Signature, SignatureBytes, Statement, Whom,
};
use crate::state::jobs::*;

const END: Millis = 1_000;

fn terms(rows: u64) -> JobTerms {
    JobTerms { purpose: "p".into(), view: "BASIC".into(), rows, from: 10, until: END }
}

fn act(deed: Deed, admin: &str, signers: &[&str]) -> SignedAct {
    let signature = |admin: &&str| {
        let (key, signature) = (PublicKey([0; 32]), SignatureBytes([0; 64]));
        Signature { admin: (*admin).into(), key, signature }
    };
    let signatures = signers.iter().map(signature).collect();
    let (reason, nonce) = ("an exercise".to_owned(), Nonce([0; 16]));
    let statement = Statement { deed, reason, nonce, expires: 0 };
    SignedAct { id: admin.into(), certificate: None, statement, signatures }
}

fn declaration(job: JobTerms) -> SignedAct {
    let (provider, dataset) = ("alpha".into(), "cir".into());
    act(Deed::DeclareJob { provider, dataset, job }, "one", &["one"])
}

fn approval(admin: &str, declared: u64) -> SignedAct {
    act(Deed::ApproveJob { declared }, admin, &[admin])
}

fn withdrawal(admin: &str) -> SignedAct {
    act(Deed::WithdrawJob { declared: 8 }, admin, &[admin])
}

fn fold(jobs: &mut Jobs, seq: u64, act: SignedAct) {
    let (prev, now) = (Hash::default(), Moment::default());
    jobs.apply(&Entry { seq, prev, now, payload: Payload::Act(Act::Signed(act)) });
}

fn opened(rows: u64) -> Jobs {
    let mut jobs = Jobs::default();
    fold(&mut jobs, 8, declaration(terms(rows)));
    fold(&mut jobs, 9, approval("two", 8));
    jobs
}

#[test]
fn a_job_is_open_to_its_provider_for_its_dataset_in_its_time() {
    let jobs = opened(7);
    for at in [10, 500, END - 1] {
        assert_eq!(jobs.left(8, "alpha", "cir", at), Some(7));
    }
    for at in [0, 9, END, Millis::MAX] {
        assert_eq!(jobs.left(8, "alpha", "cir", at), None);
    }
    assert_eq!(jobs.left(8, "beta", "cir", 10), None);
    assert_eq!(jobs.left(8, "alpha", "other", 10), None);
    assert_eq!(jobs.left(9, "alpha", "cir", 10), None);
}

#[test]
fn a_declaration_has_rows_and_a_time_that_ends_within_a_month() {
    let jobs = Jobs::default();
    let admitted = |job, at| jobs.admits_act(&declaration(job), at);
    assert!(admitted(terms(1), 0) && admitted(terms(1), END - 1));
    assert!(!admitted(terms(0), 0) && !admitted(terms(1), END) && !admitted(terms(1), END + 1));
    assert!(!admitted(JobTerms { from: END, ..terms(1) }, 0));
    assert!(!admitted(JobTerms { from: END + 1, ..terms(1) }, 0));
    assert!(admitted(JobTerms { until: LASTS_MAX, ..terms(1) }, 0));
    assert!(!admitted(JobTerms { until: LASTS_MAX + 1, ..terms(1) }, 0));
    assert!(!admitted(JobTerms { until: Millis::MAX, ..terms(1) }, 0));
}

#[test]
fn a_job_is_approved_once_by_another_while_it_is_open() {
    let mut jobs = Jobs::default();
    fold(&mut jobs, 8, declaration(terms(1)));
    let by = |admin, at, jobs: &Jobs| jobs.admits_act(&approval(admin, 8), at);
    assert!(by("two", 0, &jobs) && !by("one", 0, &jobs) && !by("two", END, &jobs));
    let both = act(Deed::ApproveJob { declared: 8 }, "one", &["one", "two"]);
    assert!(!jobs.admits_act(&both, 0));
    let unsigned = act(Deed::ApproveJob { declared: 8 }, "two", &["one"]);
    assert!(!jobs.admits_act(&unsigned, 0), "who declared it is all who signed");
    assert!(!jobs.admits_act(&approval("two", 9), 0));
    assert!(!opened(1).admits_act(&approval("two", 8), 0));
    let mut withdrawn = opened(1);
    assert!(withdrawn.admits_act(&withdrawal("one"), 0));
    fold(&mut withdrawn, 10, withdrawal("one"));
    assert_eq!(withdrawn.left(8, "alpha", "cir", 10), None);
    for act in [approval("two", 8), withdrawal("two")] {
        assert!(!withdrawn.admits_act(&act, 0));
    }
    // No other act speaks of a job.
    let suspension = Deed::Suspend(Whom { provider: "alpha".into(), agent: None });
    assert!(jobs.admits_act(&act(suspension, "one", &["one"]), 0));
}

proptest! {
    #[test]
    fn no_export_that_is_within_its_job_takes_it_above_its_rows(
        rows in 1_u64..200,
        pages in prop::collection::vec((1_u64..60, 0_u64..60, 0_u8..8), 0..30),
    ) {
        let (mut jobs, mut out) = (opened(rows), 0);
        let word = |right: bool, word: &str| Word::from(if right { word } else { "other" });
        for (asked, found, wrong) in pages {
            let (dataset, purpose) = (word(wrong != 1, "cir"), word(wrong != 2, "p"));
            let view = word(wrong != 3, "BASIC");
            let (view, purpose) = (&view, &purpose);
            let export = Export { job: 8, dataset: &dataset, purpose, view, asked };
            match jobs.verdict("alpha", &export, 10) {
                JobFit::Within => {
                    // As many as were found, and no more than were asked for.
                    let known = jobs.0.get_mut(&8).unwrap();
                    known.rows += found.min(asked);
                    out += found.min(asked);
                }
                JobFit::Beyond(left) => prop_assert!(left == rows - out && asked > left),
                JobFit::Breach => prop_assert!((1..=3).contains(&wrong)),
            }
            prop_assert!(out <= rows);
            prop_assert_eq!(jobs.left(8, "alpha", "cir", 10), Some(rows - out));
        }
    }
}
