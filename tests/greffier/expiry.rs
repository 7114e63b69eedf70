//! Certificates that run out are told of to those who watch.

use std::time::{Duration, SystemTime};

use greffier::client::tail::{Event, Tail, TailState};
use greffier::format::entry::{MatterName, Payload};
use greffier::proto::GetCheckpointRequest;

use crate::instance::Instance;
use crate::pki::{Authority, fingerprint};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_with_five_days_left_is_warned_of_once() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock");
    let end = now + Duration::from_secs(5 * 86_400 + 3_600);
    let uri = "spiffe://greffier.example/provider/provider-02";
    let authority = Authority::of(&instance.layout);
    let shown = authority.sign(&[uri], |params| {
        params.not_after = rcgen::date_time_ymd(1970, 1, 1) + end;
    });
    for _ in 0..3 {
        let mut caller = daemon.client_with(shown.clone()).await;
        caller.0.ledger.get_checkpoint(GetCheckpointRequest {}).await.expect("a checkpoint");
    }
    let settings = daemon.settings("security-soc");
    let mut tail = Tail::new(settings, instance.key(), TailState::default()).expect("no state");
    let warning = loop {
        if let Event::Warning(warning) = tail.next().await.expect("a ledger that holds") {
            break warning;
        }
    };
    assert_eq!((&*warning.matter, &*warning.role), ("certificate", "provider"));
    assert_eq!((&*warning.id, warning.observed, warning.expected), ("provider-02", 5, 7));
    assert_eq!(warning.certificate, fingerprint(&shown.0).to_string());
    let text = &warning.sentences[0].text;
    assert!(text.contains("provider-02 (provider) runs out in 5 days"), "{text}");
    daemon.stop().await;
    let about = |entry: &greffier::format::entry::Entry| match &entry.payload {
        Payload::Warning(warning) => warning.matter.name() == MatterName::Certificate,
        _ => false,
    };
    assert_eq!(instance.entries().iter().filter(|entry| about(entry)).count(), 1);
    instance.assert_sound();
}
