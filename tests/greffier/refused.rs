//! Whoever is refused leaves a trace of bounded size, and every refusal is in it.

use std::time::Instant;

use greffier::format::entry::{Entry, Payload};

use crate::instance::{Instance, context};
use crate::pki::Authority;
use crate::told::told;
use crate::wire::alert;

const CALLS: u64 = 9_700;
const HANDSHAKES: u64 = 300;
/// Certificates that the calls come with: more than a digest names.
const CERTIFICATES: u64 = 20;
/// Most bytes of one digest: 16 certificates by name, each with one reason, and the rest.
const DIGEST_MAX: usize = 4_096;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_refused_attempts_leave_one_digest_a_second() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let before = instance.bodies().len();
    let ours = Authority::of(&instance.layout);
    let began = Instant::now();
    let mut callers = Vec::new();
    for n in 0..CERTIFICATES {
        let stranger = ours.client("provider", &format!("stranger-{n}"));
        let mut caller = daemon.client_with(stranger).await;
        callers.push(tokio::spawn(async move {
            for _ in 0..CALLS / CERTIFICATES {
                let refused = told(caller.list(500, "", context()).await);
                assert_eq!(refused.reason, "CERTIFICATE_REJECTED");
            }
        }));
    }
    let strangers = Authority::foreign("another authority");
    let foreign = strangers.client("provider", "provider-02");
    for n in 0..HANDSHAKES {
        alert(&daemon, (n % 2 == 0).then_some(&foreign)).await;
    }
    for caller in callers {
        caller.await.unwrap();
    }
    daemon.stop().await;
    let seconds = began.elapsed().as_secs();

    let bodies = instance.bodies().split_off(before);
    let (mut sum, mut digests) = (0, 0);
    for body in &bodies {
        let digest = match Entry::parse(body).unwrap().payload {
            Payload::Refusals(digest) => digest,
            Payload::Roster(_) => continue,
            _ => panic!("an entry of another kind: {body}"),
        };
        digests += 1;
        assert!(body.len() <= DIGEST_MAX, "{} bytes", body.len());
        assert!(digest.certificates.len() <= 16);
        let named = digest.certificates.iter().flat_map(|c| &c.counts);
        sum += named.chain(&digest.others).map(|refusal| refusal.count).sum::<u64>();
    }
    assert_eq!(sum, CALLS + HANDSHAKES);
    // One a second, and two of handshakes: of the first ones, and what there was at the end.
    assert!(digests <= seconds + 4, "{digests} digests in {seconds} s");
    instance.assert_sound();
    let bytes: usize = bodies.iter().map(String::len).sum();
    println!("{sum} refused attempts, {seconds} s: {digests} entries, {bytes} bytes of bodies");
}
