//! Ledgers that somebody wrote who has the log's key: chained and signed as they should be, and
//! with exports that no job allows, or jobs that two persons are not behind.

use greffier::format::entry::{
    Act, Counts, Deed, JobTerms, Method, Outcome, Payload, Read, Rule, Ruling, Statement,
};
use greffier::verify::LedgerFault;

use crate::segment::{
    Forge, Place, WIDE, people, read, rules, signed_by, statement, unsound, verified,
};
use crate::signed::HOUR;

const ALPHA: &str = "alpha-langues";
const BETA: &str = "beta-emploi";
const AT: u64 = 1_700_000_000_000;
/// Entry number of the first declaration.
const JOB: u64 = 8;

fn of(deed: Deed) -> Statement {
    Statement { expires: AT + HOUR, ..statement(deed) }
}

fn declared() -> JobTerms {
    let (purpose, view) = ("enrolment".into(), "BASIC".into());
    JobTerms { purpose, view, rows: 5, from: AT, until: AT + 2 * HOUR }
}

fn declaration(job: JobTerms) -> Payload {
    let (provider, dataset) = (ALPHA.into(), "cir".into());
    signed(Deed::DeclareJob { provider, dataset, job }, &["admin-1"])
}

fn signed(deed: Deed, admins: &[&str]) -> Payload {
    Payload::Act(Act::Signed(signed_by(of(deed), admins)))
}

fn approval(declared: u64, admins: &[&str]) -> Payload {
    signed(Deed::ApproveJob { declared }, admins)
}

fn withdrawal(admins: &[&str]) -> Payload {
    signed(Deed::WithdrawJob { declared: JOB }, admins)
}

/// A page that went out, of persons never met before.
fn page(provider: &str, job: Option<u64>, persons: std::ops::Range<u32>) -> Read {
    let on = people(provider, persons);
    let mut page = read(provider, "a1", &on, &[]);
    let n = page.rows;
    (page.facts.could, page.facts.could_never) = (n, n);
    page.facts.all = Counts { agent_day: n, provider_day: n, provider_30_days: n, never: n };
    (page.method, page.job, page.ruling) = (Method::Export, job, Ruling::RELEASED);
    page
}

/// What a verifier says of a ledger with these entries behind the first policy.
fn verdict(whats: Vec<Payload>) -> Option<(LedgerFault, u64, String)> {
    let mut forge = Forge::begun(AT, &rules(&[(ALPHA, WIDE), (BETA, WIDE)]));
    for what in whats {
        forge.add(what);
    }
    forge.commit();
    let place = Place::new();
    forge.write(&place.settings);
    let verdict = verified(&place.settings.path, &[]);
    verdict.is_err().then(|| {
        let fault = unsound(verdict);
        (fault.fault, fault.first_wrong.expect("an entry is named"), fault.detail)
    })
}

fn opened() -> Vec<Payload> {
    vec![declaration(declared()), approval(JOB, &["admin-2"])]
}

fn behind(mut before: Vec<Payload>, read: Read) -> Vec<Payload> {
    before.push(Payload::Read(Box::new(read)));
    before
}

#[test]
fn an_export_within_its_job_is_sound_and_any_other_is_found() {
    let good = |persons| page(ALPHA, Some(JOB), persons);
    assert_eq!(verdict(behind(opened(), good(0..5))), None);
    assert_eq!(verdict(behind(behind(opened(), good(0..3)), good(3..5))), None);
    let unapproved = vec![declaration(declared())];
    let mut withdrawn = opened();
    withdrawn.push(withdrawal(&["admin-1"]));
    let over = JobTerms { until: AT + 1, ..declared() };
    let later = JobTerms { from: AT + 1, ..declared() };
    let timed = |job: JobTerms| {
        let mut acts = opened();
        acts[0] = declaration(job);
        acts
    };
    // It is not over yet, which the next millisecond is not written in.
    assert_eq!(verdict(behind(timed(over), good(0..1))), None);
    let withheld = |rule, remaining| {
        let ruling = Ruling { outcome: Outcome::Withheld, rule, remaining, fits_at: None };
        Read { ruling, rows: 0, on: Vec::new(), reply: None, ..good(0..3) }
    };
    let list = Read { method: Method::List, job: None, ..withheld(Some(Rule::Job), Some(3)) };
    let cases = [
        ("more rows than the job has", behind(opened(), good(0..6))),
        ("more in two pages", behind(behind(opened(), good(0..3)), good(3..6))),
        ("a job that nobody approved", behind(unapproved, good(0..1))),
        ("a job that was withdrawn", behind(withdrawn, good(0..1))),
        ("a job of later", behind(timed(later), good(0..1))),
        ("another provider's job", behind(opened(), page(BETA, Some(JOB), 0..1))),
        ("no job at all", behind(opened(), page(ALPHA, None, 0..1))),
        ("no such job", behind(opened(), page(ALPHA, Some(JOB + 1), 0..1))),
        ("the genesis", behind(opened(), page(ALPHA, Some(0), 0..1))),
        ("other fields", behind(opened(), Read { view: "FULL".into(), ..good(0..1) })),
        ("another purpose", behind(opened(), Read { purpose: "x".into(), ..good(0..1) })),
        ("other records", behind(opened(), Read { dataset: "x".into(), ..good(0..1) })),
        ("a list in a job", behind(opened(), Read { method: Method::List, ..good(0..2) })),
        ("a list that a job withheld", behind(opened(), list)),
    ];
    for (case, whats) in cases {
        let last = 7 + whats.len() as u64;
        let (fault, first, detail) = verdict(whats).unwrap_or_else(|| panic!("sound: {case}"));
        assert_eq!((fault, first), (LedgerFault::Facts, last), "{case}: {detail}");
        assert!(detail.contains("not what its job says"), "{case}: {detail}");
    }
    // What was withheld may be so.
    assert_eq!(verdict(behind(opened(), withheld(Some(Rule::Job), Some(2)))), None);
    assert_eq!(verdict(behind(opened(), withheld(Some(Rule::Contained), None))), None);
}

#[test]
fn a_job_that_two_persons_are_not_behind_is_found() {
    let approve = |admins: &[&str]| approval(JOB, admins);
    let both: &[&str] = &["admin-1", "admin-2"];
    let cases = [
        vec![declaration(declared()), approve(&["admin-1"])],
        vec![declaration(declared()), approve(both)],
        vec![declaration(declared()), approve(&["admin-2"]), approve(&["admin-2"])],
        vec![declaration(declared()), withdrawal(both), approve(&["admin-2"])],
        vec![approval(0, &["admin-2"])],
        vec![withdrawal(&["admin-2"])],
        vec![declaration(JobTerms { rows: 0, ..declared() })],
        vec![declaration(JobTerms { until: AT, ..declared() })],
        vec![declaration(JobTerms { from: AT + 2 * HOUR, ..declared() })],
        vec![declaration(JobTerms { until: AT + 31 * 24 * HOUR + 1, ..declared() })],
    ];
    for acts in cases {
        let last = 7 + acts.len() as u64;
        let (fault, first, detail) =
            verdict(acts.clone()).unwrap_or_else(|| panic!("sound: {acts:?}"));
        assert_eq!((fault, first), (LedgerFault::Act, last), "{detail}");
    }
    // Whatever an administrator signed is that, and no other job.
    let Payload::Act(Act::Signed(mut wider)) = declaration(declared()) else { panic!("an act") };
    let Deed::DeclareJob { job, .. } = &mut wider.statement.deed else { panic!("{wider:?}") };
    job.rows = 5_000;
    let wider = Payload::Act(Act::Signed(wider));
    let (fault, first, detail) = verdict(vec![wider]).expect("not sound");
    assert_eq!((fault, first), (LedgerFault::Act, JOB), "{detail}");
    assert!(detail.contains("the signature of `admin-1` is false"), "{detail}");
    let month = JobTerms { until: AT + 31 * 24 * HOUR, ..declared() };
    assert_eq!(verdict(vec![declaration(month)]), None);
}
