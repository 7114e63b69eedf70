//! Hostile and wrong calls about jobs, each with its answer and what it left.

use greffier::format::entry::Payload;
use greffier::proto::{ExportRecordsRequest, View};
use tonic::Code;

use super::{Office, PROVIDER, exported, request, rows_out, terms, timed, with};
use crate::instance::{Instance, context};

/// What a call leaves in the ledger.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Left {
    /// Its reason in a digest of refused calls, and nothing else.
    Digest,
    /// A read that was withheld, and an alert.
    Breach,
}
use Left::{Breach, Digest};

const MALFORMED: (Code, &str) = (Code::InvalidArgument, "REQUEST_MALFORMED");
const CLOSED: (Code, &str) = (Code::PermissionDenied, "JOB_NOT_OPEN");
const PURPOSE: (Code, &str) = (Code::PermissionDenied, "PURPOSE_NOT_ALLOWED");
const CONTAINED: (Code, &str) = (Code::PermissionDenied, "ACCESS_CONTAINED");

type Case = (&'static str, &'static str, ExportRecordsRequest, (Code, &'static str), Left);

#[tokio::test]
async fn no_call_outside_of_an_open_job_is_given_a_row() {
    let instance = Instance::new();
    instance.widen();
    let mut office = Office::of(&instance).await;
    let declared = office.one.declare(PROVIDER, terms(100)).await.unwrap();
    let later = office.job(timed(100, 1_000_000, 2_000_000)).await;
    let withdrawn = office.job(terms(100)).await;
    office.one.withdraw(withdrawn).await.unwrap();
    let spent = office.job(terms(3)).await;
    let (job, other) = (office.job(terms(100)).await, office.job(terms(100)).await);
    let theirs = office.one.declare("provider-01", terms(100)).await.unwrap();
    office.two.approve(theirs).await.unwrap();
    let mut provider = office.daemon.client(PROVIDER).await;
    assert_eq!(exported(&mut provider, request(spent, 3, "")).await.rows, 3);
    let walked = office.job(terms(4)).await;
    let mut stream = provider.0.export(request(walked, 2, "")).await.unwrap();
    let of_walked = stream.message().await.unwrap().unwrap().next_page_token;
    // To its end: a page that is fetched ahead would be counted below.
    while let Ok(Some(_)) = stream.message().await {}
    let of_list = provider.list(2, "", context()).await.unwrap().next_page_token;
    let asked = |change: &dyn Fn(&mut ExportRecordsRequest)| {
        let mut request = request(job, 2, "");
        change(&mut request);
        request
    };
    let said = |context| asked(&|r| r.context = Some(Clone::clone(&context)));
    let id = "6f1c2a9e-0b7d-4c11-9a55-2d3f0c8b7e10".to_owned();
    let cases: Vec<Case> = vec![
        ("a job that is not approved", PROVIDER, request(declared, 2, ""), CLOSED, Digest),
        ("a job of later", PROVIDER, request(later, 2, ""), CLOSED, Digest),
        ("a withdrawn job", PROVIDER, request(withdrawn, 2, ""), CLOSED, Digest),
        ("another provider's job", PROVIDER, request(theirs, 2, ""), CLOSED, Digest),
        ("one's job, by another", "provider-01", request(job, 2, ""), CLOSED, Digest),
        ("no job", PROVIDER, request(0, 2, ""), CLOSED, Digest),
        ("the act that approved it", PROVIDER, request(job + 1, 2, ""), CLOSED, Digest),
        ("no entry yet", PROVIDER, request(u64::MAX, 2, ""), CLOSED, Digest),
        (
            "a job that is used up",
            PROVIDER,
            request(spent, 2, ""),
            (Code::ResourceExhausted, "JOB_EXHAUSTED"),
            Digest,
        ),
        ("a page too large", PROVIDER, request(job, 501, ""), MALFORMED, Digest),
        ("a page too large for what is left", PROVIDER, request(other, 501, ""), MALFORMED, Digest),
        ("a page of less than nothing", PROVIDER, request(job, -1, ""), MALFORMED, Digest),
        ("another job's token", PROVIDER, request(job, 2, &of_walked), MALFORMED, Digest),
        ("a list's token", PROVIDER, request(job, 2, &of_list), MALFORMED, Digest),
        ("a token of nobody's", PROVIDER, request(job, 2, "AAAA"), MALFORMED, Digest),
        (
            "an off-roster reason",
            "provider-01",
            said(with(|c| c.off_roster_reason = "walk_in".to_owned())),
            MALFORMED,
            Digest,
        ),
        ("a request id", PROVIDER, said(with(|c| c.request_id = id.clone())), MALFORMED, Digest),
        ("no context", PROVIDER, asked(&|r| r.context = None), MALFORMED, Digest),
        ("no dataset", PROVIDER, asked(&|r| r.parent = String::new()), MALFORMED, Digest),
        ("another dataset", PROVIDER, asked(&|r| r.parent = "datasets/x".into()), PURPOSE, Digest),
        (
            "a view that its purpose has not",
            PROVIDER,
            said(with(|c| c.view = View::Full.into())),
            PURPOSE,
            Digest,
        ),
        (
            "other fields than the job's",
            PROVIDER,
            said(with(|c| c.view = View::Contact.into())),
            CONTAINED,
            Breach,
        ),
        ("the job itself, after that", PROVIDER, request(job, 2, ""), CONTAINED, Digest),
    ];
    let rows = rows_out(&instance);
    for (case, provider, request, what, left) in cases {
        let mut caller = office.daemon.client(provider).await;
        let before = instance.entries().len();
        let got = exported(&mut caller, request).await;
        assert_eq!(got.rows, 0, "{case}");
        let told = got.told();
        assert_eq!(told.what(), what, "{case}");
        assert_eq!(told.metadata.contains_key("entry"), left == Breach, "{case}");
        let entries = instance.entries().split_off(before);
        let of =
            |is: fn(&Payload) -> bool| entries.iter().filter(|entry| is(&entry.payload)).count();
        let reads = of(|what| matches!(what, Payload::Read(_)));
        let alerts = of(|what| matches!(what, Payload::Alert(_)));
        assert_eq!((reads, alerts), if left == Breach { (1, 1) } else { (0, 0) }, "{case}");
    }
    // A list's page is no export's either.
    let mut caller = office.daemon.client("provider-03").await;
    let foreign = crate::told::told(caller.list(2, &of_walked, context()).await);
    assert_eq!(foreign.what(), MALFORMED);
    office.daemon.stop().await;
    assert_eq!(rows_out(&instance), rows, "no row left");
    // The digests have them all by the time it has stopped.
    let counted = |reason: &str| -> u64 {
        let refusals = instance.refusals();
        let certificates = refusals.iter().flat_map(|refusals| &refusals.certificates);
        let counts = certificates.flat_map(|one| &one.counts);
        counts.filter(|count| &*count.reason == reason).map(|count| count.count).sum()
    };
    assert_eq!(counted("JOB_NOT_OPEN"), 8);
    assert_eq!(counted("JOB_EXHAUSTED"), 3, "and the exports that used theirs up");
    assert_eq!(counted("PURPOSE_NOT_ALLOWED"), 2);
    assert_eq!(counted("REQUEST_MALFORMED"), 11);
    assert_eq!(counted("ACCESS_CONTAINED"), 1);
    instance.assert_sound();
}
