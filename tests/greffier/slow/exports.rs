//! Exports that are taken slowly: there is time for each page, and not for ever for one.

use greffier::format::entry::JobTerms;
use greffier::format::personal::PersonalKey;
use greffier::proto::ExportRecordsRequest;
use greffier::registrar::wall;
use h2::RecvStream;
use prost::Message as _;

use super::*;
use crate::instance::{CIR, context, mint};
use crate::signed::HOUR;

const EXPORT: &str = "/greffier.v1.Records/ExportRecords";
const PROVIDER: &str = "provider-02";

/// An approved job of so many rows.
async fn job(gateway: &Gateway, rows: u64) -> u64 {
    let newest = Checkpoint::parse(&gateway.ledger.newest()).expect("a checkpoint");
    let signed = |deed, signer: (&str, &PersonalKey)| {
        Act::Signed(act(&newest.origin, statement(deed, "an exercise"), &[signer]))
    };
    let (one, two) = ["admin-1", "admin-2"].map(|id| personal(&gateway.layout, id)).into();
    let (now, purpose, view) = (wall(), "course_delivery".into(), "BASIC".into());
    let job = JobTerms { purpose, view, rows, from: now, until: now + HOUR };
    let (provider, dataset) = (PROVIDER.into(), "cir".into());
    let job = signed(Deed::DeclareJob { provider, dataset, job }, ("admin-1", &one));
    let declared = gateway.ledger.act(job).await.expect("an act");
    let approved = signed(Deed::ApproveJob { declared }, ("admin-2", &two));
    gateway.ledger.act(approved).await.expect("an act");
    declared
}

/// An export on a connection of its own, with room for so many bytes.
async fn export(gateway: &Gateway, page_size: i32, window: u32) -> (Wire, RecvStream) {
    let job = job(gateway, 1_000).await;
    let shown = gateway.layout.client(PROVIDER);
    let token = format!("Bearer {}", mint(&gateway.layout, &shown.0).token);
    let wire = gateway.wire(&shown, window).await;
    let (answer, mut body) = wire.begin(EXPORT, &[("authorization", &token)]).await;
    let (parent, page_token) = (CIR.to_owned(), String::new());
    let context = Some(context());
    let request = ExportRecordsRequest { parent, context, job, page_size, page_token };
    body.send_data(framed(0, &request.encode_to_vec()).into(), true).unwrap();
    let reply = answer.await.unwrap().into_body();
    (wire, reply)
}

/// Takes at least so many bytes, if there are so many; whether there were.
async fn take(reply: &mut RecvStream, most: usize) -> Result<bool, h2::Error> {
    let mut taken = 0;
    while taken < most {
        let Some(data) = reply.data().await else { return Ok(false) };
        let length = data?.len();
        reply.flow_control().release_capacity(length)?;
        taken += length;
    }
    Ok(true)
}

#[tokio::test]
async fn an_export_that_nobody_takes_is_cut() {
    let instance = Instance::new();
    let gateway = Gateway::start(&instance).await;
    let (wire, mut reply) = export(&gateway, 10, 0).await;
    gateway.settle(&wire).await;
    pass(Duration::from_secs(29)).await;
    gateway.settle(&wire).await;
    let mut next = std::pin::pin!(reply.data());
    assert!(next.as_mut().now_or_never().is_none());
    pass(Duration::from_secs(2)).await;
    let reset = next.await.expect("an end").expect_err("a reset");
    assert_eq!(reset.reason(), Some(h2::Reason::CANCEL));
}

#[tokio::test]
async fn an_export_that_goes_on_for_long_is_whole() {
    let instance = Instance::new();
    let gateway = Gateway::start(&instance).await;
    let (wire, mut reply) = export(&gateway, 1, 64).await;
    for _ in 0..5 {
        // Some pages each time.
        assert!(take(&mut reply, 2_000).await.expect("no reset"), "there is more");
        gateway.settle(&wire).await;
        pass(Duration::from_secs(20)).await;
    }
    assert!(!take(&mut reply, usize::MAX).await.expect("no reset"));
    let status = Status::from_header_map(&reply.trailers().await.unwrap().unwrap()).unwrap();
    assert_eq!(status.code(), Code::Ok, "{status:?}");
}

#[tokio::test]
async fn one_page_that_is_taken_piece_by_piece_has_one_time() {
    let instance = Instance::of(10_000, 3);
    let gateway = Gateway::start(&instance).await;
    let (wire, mut reply) = export(&gateway, 500, 64).await;
    // A piece is 16 KiB, and the page is of several.
    assert!(take(&mut reply, 17 << 10).await.expect("no reset"));
    gateway.settle(&wire).await;
    pass(Duration::from_secs(20)).await;
    assert!(take(&mut reply, 17 << 10).await.expect("no reset"), "there is more of it");
    gateway.settle(&wire).await;
    pass(Duration::from_secs(20)).await;
    let reset = take(&mut reply, usize::MAX).await.expect_err("a reset");
    assert_eq!(reset.reason(), Some(h2::Reason::CANCEL));
}
