//! What is refused at the door, over minutes: what becomes an entry of it, and when.

use std::time::Duration;

use greffier::format::entry::Refusals;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Gateway, pass, until};
use crate::instance::Instance;
use crate::pki::Authority;
use crate::wire::{Wire, framed};

/// How many of a digest's refusals have this reason.
fn of(digest: &Refusals, reason: &str) -> u64 {
    let named = digest.certificates.iter().flat_map(|certificate| &certificate.counts);
    let all = named.chain(&digest.others);
    all.filter(|refusal| &*refusal.reason == reason).map(|refusal| refusal.count).sum()
}

/// Connects, says this, and waits until it is over.
async fn knock(gateway: &Gateway, says: &[u8]) {
    let mut stream = TcpStream::connect(&gateway.address).await.expect("a connection");
    stream.write_all(says).await.expect("bytes");
    stream.shutdown().await.expect("an end");
    // Whether it is answered, or reset.
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

/// Waits for a line of the figures.
async fn figure(wire: &Wire, line: &str) {
    loop {
        let (_, _, figures) = wire.ask(http::Method::GET, "/metrics").await;
        if figures.lines().any(|one| one == line) {
            return;
        }
        // As often as staff may ask.
        pass(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn noise_at_the_port_is_a_figure_or_one_entry_a_minute_and_refused_calls_keep_their_second() {
    let instance = Instance::new();
    let ours = Authority::of(&instance.layout);
    let gateway = Gateway::start(&instance).await;
    let wire = gateway.wire(&instance.layout.client("security-soc"), 65_535).await;
    // A load balancer looks whether the port is open.
    for _ in 0..5 {
        knock(&gateway, b"").await;
    }
    figure(&wire, "greffier_probes_total 5").await;
    pass(Duration::from_secs(2)).await;
    gateway.settle(&wire).await;
    let settled = |digests: &[Refusals]| digests.iter().map(|d| of(d, "HANDSHAKE")).sum::<u64>();
    assert_eq!(settled(&instance.refusals()), 0);
    // Somebody who speaks no TLS: told at once, and then with all that follow within a minute.
    knock(&gateway, b"GET / HTTP/1.1\r\n\r\n").await;
    figure(&wire, "greffier_refused_total{reason=\"HANDSHAKE\"} 1").await;
    pass(Duration::from_secs(1)).await;
    until(|| settled(&instance.refusals()) == 1).await;
    for n in 2..30 {
        knock(&gateway, b"GET / HTTP/1.1\r\n\r\n").await;
        figure(&wire, &format!("greffier_refused_total{{reason=\"HANDSHAKE\"}} {n}")).await;
        pass(Duration::from_millis(500)).await;
        assert_eq!(settled(&instance.refusals()), 1);
    }
    // A certificate of our authority, meanwhile: in its second, and nothing else with it.
    let stranger = gateway.wire(&ours.client("provider", "provider-99"), 65_535).await;
    stranger.call("/greffier.v1.Records/ListRecords", &[], &framed(0, b"")).await;
    pass(Duration::from_secs(1)).await;
    until(|| instance.refusals().iter().any(|d| of(d, "CERTIFICATE_REJECTED") == 1)).await;
    assert_eq!(settled(&instance.refusals()), 1);
    pass(Duration::from_secs(60)).await;
    until(|| settled(&instance.refusals()) == 29).await;
    let digests = instance.refusals();
    assert_eq!(digests.iter().filter(|d| of(d, "HANDSHAKE") > 0).count(), 2);
}
