//! What comes with an error, and when: `wrong_calls.rs` has the table of calls, codes and reasons.

use std::time::Duration;

use greffier::proto::{Context, GetRecordRequest, ListRecordsRequest};
use prost::Message as _;
use toml_edit::value;
use tonic::Code;

use crate::instance::{CIR, Instance, context};
use crate::told::{Told, told};
use crate::wire::{Wire, framed};

const MALFORMED: (Code, &str) = (Code::InvalidArgument, "REQUEST_MALFORMED");
const LIST: &str = "/greffier.v1.Records/ListRecords";

fn with(change: impl FnOnce(&mut Context)) -> Context {
    let mut context = context();
    change(&mut context);
    context
}

#[tokio::test]
async fn a_malformed_request_is_told_every_field_at_once() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-02").await;
    let all_wrong = Context {
        purpose: "Marketing!".to_owned(),
        case_reference: "two words".to_owned(),
        view: 99,
        off_roster_reason: "Some Reason".to_owned(),
        request_id: "1".to_owned(),
    };
    let request = ListRecordsRequest {
        parent: "datasets/CIR".to_owned(),
        context: Some(all_wrong.clone()),
        page_size: 501,
        page_token: String::new(),
    };
    let mut fields = vec![
        "context.case_reference",
        "context.off_roster_reason",
        "context.purpose",
        "context.request_id",
        "context.view",
        "page_size",
        "parent",
    ];
    let listed = told(caller.0.records.list_records(request.clone()).await);
    assert_eq!(listed.what(), MALFORMED);
    assert_eq!(listed.fields, fields);
    let without_parent = ListRecordsRequest { parent: String::new(), ..request };
    let listed = told(caller.0.records.list_records(without_parent).await);
    assert_eq!(listed.what(), MALFORMED);
    assert_eq!(listed.fields, fields);

    fields.retain(|field| *field != "page_size" && *field != "parent");
    fields.push("name");
    let got = told(caller.get("cir/1", all_wrong).await);
    assert_eq!(got.what(), MALFORMED);
    assert_eq!(got.fields, fields);
    let nothing = told(caller.0.records.get_record(GetRecordRequest::default()).await);
    let missing = ["context.case_reference", "context.purpose", "name"];
    assert_eq!(nothing.what(), MALFORMED);
    assert_eq!(nothing.fields, missing);
}

#[tokio::test]
async fn a_page_holds_1_to_500_and_10_if_nothing_is_said() {
    let instance = Instance::new();
    instance.widen();
    let roster = instance.roster("provider-02").len();
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-02").await;
    for (size, rows) in [(0, 10), (1, 1), (500, roster.min(500))] {
        let page = caller.list(size, "", context()).await.unwrap();
        assert_eq!(page.records.len(), rows);
    }
}

#[tokio::test]
async fn calls_over_the_rate_are_told_when_to_come_again() {
    let instance = Instance::new();
    instance.policy(|policy| {
        policy["provider"]["provider-03"]["requests_per_second"] = value(1);
        policy["provider"]["provider-03"]["burst"] = value(1);
    });
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-03").await;
    let mut limited = None;
    for _ in 0..100 {
        if let Err(status) = caller.list(1, "", context()).await {
            limited = Some(Told::of(&status));
            break;
        }
    }
    let limited = limited.expect("a hundred calls take less than a hundred seconds");
    assert_eq!(limited.what(), (Code::ResourceExhausted, "RATE_LIMITED"));
    assert_eq!(limited.quotas, ["rate"]);
    let retry = limited.retry.expect("RetryInfo");
    assert!(retry > Duration::ZERO && retry <= Duration::from_secs(1), "{retry:?}");
    // Another provider has its own rate.
    daemon.client("provider-02").await.list(1, "", context()).await.unwrap();
}

#[tokio::test]
async fn a_message_that_is_too_large_or_no_message_is_an_invalid_argument() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-02").await;
    let large = with(|c| c.case_reference = "x".repeat(70 << 10));
    let large = told(caller.list(1, "", large).await);
    assert_eq!(large.what(), (Code::InvalidArgument, "REQUEST_TOO_LARGE"));
    let just_under = with(|c| c.case_reference = "x".repeat(63 << 10));
    assert_eq!(told(caller.list(1, "", just_under).await).what(), MALFORMED);

    let wire = Wire::open(&daemon, &instance.layout.client("provider-02")).await;
    let mut good = Vec::new();
    let parent = CIR.to_owned();
    let message = ListRecordsRequest { parent, context: Some(context()), ..Default::default() };
    message.encode(&mut good).unwrap();
    let mut bodies = vec![
        framed(0, b"\xff\xff\xff\xff"),
        framed(0, b"\x0a\x7fshort"),
        framed(0, b"\x0a\x02\xff\xfe"),
        framed(1, &good),
        framed(2, &good),
        framed(0, &good)[..9].to_vec(),
        b"\x00\x00".to_vec(),
        b"\x00\xff\xff\xff\xff".to_vec(),
        Vec::new(),
    ];
    // A fixed walk over all bytes, from a seed that needs no printing.
    let mut state = 0x2026_0001_u32;
    for length in 1..64 {
        let next = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        bodies.push(framed(0, &(0..length).map(next).collect::<Vec<u8>>()));
    }
    let bearer = instance.bearer("provider-02");
    let carried = [("authorization", &*bearer)];
    for body in bodies {
        let garbage = Told::of(&wire.call(LIST, &carried, &body).await);
        let known = ["REQUEST_MALFORMED", "REQUEST_TOO_LARGE"].contains(&&*garbage.reason);
        assert!(known && garbage.code == Code::InvalidArgument, "{body:02x?}: {garbage:?}");
    }
    let fine = wire.call(LIST, &carried, &framed(0, &good)).await;
    assert_eq!(fine.code(), Code::Ok);
}

#[tokio::test]
async fn a_deadline_that_passes_is_told_in_our_terms_and_the_entry_stands() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-02").await;
    let first = caller.list(1, "", context()).await.unwrap().proof.unwrap().entry;
    let wire = Wire::open(&daemon, &instance.layout.client("provider-02")).await;
    let mut good = Vec::new();
    let parent = CIR.to_owned();
    let message = ListRecordsRequest { parent, context: Some(context()), ..Default::default() };
    message.encode(&mut good).unwrap();

    let bearer = instance.bearer("provider-02");
    let held = instance.hold_ledger();
    let late = Told::of(
        &wire
            .call(LIST, &[("authorization", &bearer), ("grpc-timeout", "300m")], &framed(0, &good))
            .await,
    );
    assert_eq!(late.what(), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"));
    held.release();
    let next = caller.list(1, "", context()).await.unwrap().proof.unwrap().entry;
    assert_eq!(next, first + 2);
    assert_eq!((instance.read(first + 1).rows, instance.read(first + 1).asked), (10, 10));

    for timeout in ["0m", "1n", "1u"] {
        let late = wire
            .call(LIST, &[("authorization", &bearer), ("grpc-timeout", timeout)], &framed(0, &good))
            .await;
        if late.code() != Code::Ok {
            assert_eq!(Told::of(&late).what(), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"));
        }
    }
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn a_provider_whose_share_of_the_queue_is_full_may_come_again_soon() {
    let instance = Instance::new();
    instance.config(|config| config["ledger"]["share"] = value(1));
    let daemon = instance.serve();
    let (mut one, mut two) =
        (daemon.client("provider-02").await, daemon.client("provider-02").await);
    let held = instance.hold_ledger();
    let (one, two) = (one.list(1, "", context()), two.list(1, "", context()));
    let (mut one, mut two) = (std::pin::pin!(one), std::pin::pin!(two));
    let (busy, other) = tokio::select! {
        outcome = &mut one => (outcome, two),
        outcome = &mut two => (outcome, one),
    };
    let busy = told(busy);
    assert_eq!(busy.what(), (Code::Unavailable, "LEDGER_UNAVAILABLE"));
    assert_eq!(busy.retry, Some(Duration::from_millis(100)));
    held.release();
    assert_eq!(other.await.unwrap().records.len(), 1);
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn records_that_cannot_be_read_release_nothing_and_write_nothing() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-02").await;
    let before = instance.entries().len();
    let source = instance.source();
    source.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let shut = told(caller.list(1, "", context()).await);
    assert_eq!(shut.what(), (Code::Unavailable, "SOURCE_UNAVAILABLE"));
    assert_eq!(shut.retry, Some(Duration::from_secs(1)));
    source.execute_batch("ROLLBACK").unwrap();
    assert_eq!(caller.list(1, "", context()).await.unwrap().records.len(), 1);
    let reads = instance.entries().split_off(before).into_iter();
    let reads = reads.filter(|e| matches!(e.payload, greffier::format::entry::Payload::Read(_)));
    assert_eq!(reads.count(), 1);
}

#[test]
fn the_readme_has_every_reason() {
    let read = |path: &str| {
        std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    };
    let table: Vec<String> =
        read("README.md").lines().filter(|l| l.starts_with("| ")).map(str::to_owned).collect();
    // Of these nobody is told: a connection is cut, or a stream.
    let untold = ["FLOOD", "REPLY_NOT_TAKEN"];
    let mut found = 0;
    for file in ["src/service/grpc/status.rs", "src/admission.rs", "src/quota.rs"] {
        let code = read(file);
        let literals = code.lines().flat_map(|line| line.split('"').skip(1).step_by(2));
        let reason = |text: &&str| {
            text.len() > 4 && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
        };
        for reason in literals.filter(reason).filter(|reason| !untold.contains(reason)) {
            found += 1;
            let told = table.iter().any(|row| {
                row.split(|c: char| !c.is_ascii_uppercase() && c != '_').any(|word| word == reason)
            });
            assert!(told, "{reason} of {file}");
        }
    }
    assert!(found > 25, "{found}");
}
