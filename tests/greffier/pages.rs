//! Page tokens: whose they are, for which list, and that they allow nothing.

use greffier::proto::{Context, View};
use tonic::Code;

use crate::instance::{Instance, context, off_roster, texts};
use crate::pki::Authority;
use crate::told::{Told, told};

fn assert_refused(told: &Told, case: &str) {
    assert_eq!(told.what(), (Code::InvalidArgument, "REQUEST_MALFORMED"), "{case}");
    assert_eq!(told.fields, ["page_token"], "{case}");
}

#[tokio::test]
async fn a_page_token_is_its_agents_and_for_the_very_list_that_it_is_of() {
    let instance = Instance::new();
    instance.widen();
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-01").await;
    let first = caller.list(2, "", off_roster()).await.unwrap();
    let token = first.next_page_token;
    assert!(token.len() < 64, "{} characters", token.len());
    let with = |change: fn(&mut Context)| {
        let mut context = off_roster();
        change(&mut context);
        context
    };
    for (case, other) in [
        ("another view", with(|c| c.view = View::Contact.into())),
        ("another purpose", with(|c| c.purpose = "attendance_report".to_owned())),
        ("another reason", with(|c| c.off_roster_reason = "transfer".to_owned())),
        ("no reason", context()),
        ("another case", with(|c| c.case_reference = "CASE/2026-2".to_owned())),
    ] {
        assert_refused(&told(caller.list(2, &token, other).await), case);
    }
    let authority = Authority::of(&instance.layout);
    let colleague = authority.client("provider", "provider-01");
    let mut colleague = daemon.client_with(colleague).await;
    assert_refused(&told(colleague.list(2, &token, off_roster()).await), "another agent");
    let mut other = daemon.client("provider-02").await;
    assert_refused(&told(other.list(2, &token, context()).await), "another provider");
    assert_refused(&told(caller.list(2, &format!("{token}A"), off_roster()).await), "longer");

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
