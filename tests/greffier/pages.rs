//! Page tokens: what they are good for, and that they allow nothing.

use greffier::format::entry::{Entry, Payload};
use greffier::proto::Context;
use tonic::Code;

use crate::instance::{Instance, context, off_roster, texts};
use crate::told::{Told, told};

fn assert_refused(told: &Told, case: &str) {
    assert_eq!(told.what(), (Code::InvalidArgument, "REQUEST_MALFORMED"), "{case}");
    assert_eq!(told.fields, ["page_token"], "{case}");
}

#[tokio::test]
async fn a_page_token_goes_with_any_size_of_page_and_id_of_a_request() {
    let instance = Instance::new();
    instance.widen();
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-01").await;
    let first = caller.list(2, "", off_roster()).await.unwrap();
    let token = first.next_page_token;
    assert!(token.len() < 64, "{} characters", token.len());
    // Page sizes and request ids are each call's own.
    let id = "6f1c2a9e-0b7d-4c11-9a55-2d3f0c8b7e10".to_owned();
    let again = Context { request_id: id, ..off_roster() };
    let next = caller.list(3, &token, again).await.unwrap();
    assert_eq!(next.records.len(), 3);
    assert!(next.records.iter().all(|record| !first.records.contains(record)));
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn a_page_token_outlives_a_restart_and_allows_nothing() {
    let instance = Instance::new();
    instance.widen();
    let daemon = instance.serve();
    let token = daemon.client("provider-02").await.list(2, "", context()).await.unwrap();
    let token = token.next_page_token;
    daemon.stop().await;
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-02").await;
    assert_eq!(caller.list(2, &token, context()).await.unwrap().records.len(), 2);
    daemon.stop().await;
    // What the policy no longer grants, no token gives.
    instance.policy(|policy| {
        policy["provider"]["provider-02"]["dataset"]["cir"]["purposes"] = texts(["civic_training"]);
    });
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-02").await;
    let denied = told(caller.list(2, &token, context()).await);
    assert_eq!(denied.what(), (Code::PermissionDenied, "PURPOSE_NOT_ALLOWED"));
    let other = Context { purpose: "civic_training".to_owned(), ..context() };
    assert_refused(&told(caller.list(2, &token, other).await), "another purpose");
}

#[tokio::test]
async fn a_search_by_a_number_has_no_page_behind_it_and_whoever_reads_to_the_end_missed_nobody() {
    let instance = Instance::new();
    instance.widen();
    let ids = instance.roster("provider-02");
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-02").await;
    for id in ids.iter().take(20) {
        let (mut token, by_number) = (String::new(), ("case_number", &[("id", &**id)][..]));
        loop {
            let page = caller.search_behind(&token, by_number, 1, context()).await.unwrap();
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
    }
    daemon.stop().await;
    let entries = instance.entries();
    let told = entries.iter().filter(|entry| matches!(entry.payload, Payload::Alert(_)));
    assert_eq!(told.count(), 0);
    let missed = |entry: &Entry| matches!(&entry.payload, Payload::Read(read) if read.misses > 0);
    assert!(!entries.iter().any(missed));
    instance.assert_sound();
}
