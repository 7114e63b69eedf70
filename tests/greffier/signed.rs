//! Acts as administrators sign them, with the personal keys of a development instance or a test's
//! own.

use greffier::client::Client;
use greffier::format::entry::{
    Deed, Millis, Nonce, Signature, SignedAct, Statement, Whom, Word, sha256,
};
use greffier::format::personal::PersonalKey;
use greffier::format::signer::random;
use greffier::instance::Layout;
use greffier::proto;
use greffier::registrar::wall;
use tonic::Status;

/// How long a statement of the tests is good.
pub(crate) const HOUR: Millis = 3_600_000;

/// One that was never used.
pub(crate) fn nonce() -> Nonce {
    Nonce(random().expect("randomness"))
}

/// A statement that was never made, good for an hour.
pub(crate) fn statement(deed: Deed, reason: &str) -> Statement {
    Statement { deed, reason: reason.to_owned(), nonce: nonce(), expires: wall() + HOUR }
}

/// A provider, or the agent of it that has this tag, if it is not empty.
pub(crate) fn whom(provider: &str, agent: &str) -> Whom {
    let agent = (!agent.is_empty()).then(|| agent.parse().expect("a tag"));
    Whom { provider: provider.into(), agent }
}

/// The text of a statement, which may be one that is refused, and signatures over it.
pub(crate) fn signatures(
    origin: &str,
    statement: &Statement,
    signers: &[(&str, &PersonalKey)],
) -> (String, Vec<Signature>) {
    let said = serde_json::to_string(statement).expect("any statement is JSON");
    let text = format!("{{\"origin\":\"{origin}\",{}", &said[1..]);
    let sign = |(admin, key): &(&str, &PersonalKey)| key.sign(&Word::from(*admin), &text);
    let signatures = signers.iter().map(sign).collect();
    (text, signatures)
}

/// The act of a statement, submitted by the first of those who sign it.
pub(crate) fn act(
    origin: &str,
    statement: Statement,
    signers: &[(&str, &PersonalKey)],
) -> SignedAct {
    let (_, signatures) = signatures(origin, &statement, signers);
    let (id, certificate) = (signers[0].0.into(), Some(sha256(&[b"admin"])));
    SignedAct { id, certificate, statement, signatures }
}

/// The personal key of an administrator of an instance.
pub(crate) fn personal(layout: &Layout, admin: &str) -> PersonalKey {
    PersonalKey::read(&layout.personal_key(admin)).expect("a personal key")
}

/// Submits what is signed by these administrators of an instance.
pub(crate) async fn submit(
    client: &mut Client,
    layout: &Layout,
    deed: Deed,
    reason: &str,
    admins: &[&str],
) -> Result<proto::Act, Status> {
    let origin = client.origin().await?;
    let statement = statement(deed, reason);
    let keys: Vec<_> = admins.iter().map(|admin| (*admin, personal(layout, admin))).collect();
    let signers: Vec<_> = keys.iter().map(|(admin, key)| (*admin, key)).collect();
    let (text, signatures) = signatures(&origin, &statement, &signers);
    client.submit(text, &signatures).await
}
