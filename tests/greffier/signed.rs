//! Acts as administrators sign them, with the personal keys of a development instance or a test's own.

use greffier::client::Client;
use greffier::format::entry::{Act, Deed, Millis, Nonce, Signature, Statement, Word};
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

/// A statement about nobody yet, good for an hour.
pub(crate) fn statement(origin: &str, deed: Deed, reason: &str) -> Statement {
    Statement::new(origin, deed, reason, nonce(), wall() + HOUR)
}

/// The text of a statement, which may be one that is refused, and signatures over it.
pub(crate) fn signatures(
    statement: &Statement,
    signers: &[(&str, &PersonalKey)],
) -> (String, Vec<Signature>) {
    let text = serde_json::to_string(statement).expect("any statement is JSON");
    let sign = |(admin, key): &(&str, &PersonalKey)| key.sign(&Word::from(*admin), &text);
    let signatures = signers.iter().map(sign).collect();
    (text, signatures)
}

/// The act of a statement, submitted by the first of those who sign it.
pub(crate) fn act(statement: Statement, signers: &[(&str, &PersonalKey)]) -> Act {
    let (_, signatures) = signatures(&statement, signers);
    let (id, _) = signers[0];
    statement.act(&id.into(), Some(greffier::format::entry::sha256(&[b"admin"])), signatures)
}

/// The personal key of an administrator of an instance.
pub(crate) fn personal(layout: &Layout, admin: &str) -> PersonalKey {
    PersonalKey::read(&layout.personal_key(admin)).expect("a personal key")
}

/// What `greffier suspend` and its kin do, signed by these administrators of an instance.
pub(crate) async fn submit(
    client: &mut Client,
    layout: &Layout,
    (deed, provider, agent): (Deed, &str, &str),
    reason: &str,
    admins: &[&str],
) -> Result<proto::Act, Status> {
    let origin = client.origin().await?;
    let statement = Statement {
        provider: Some(provider.into()),
        agent: (!agent.is_empty()).then(|| agent.parse().expect("a tag")),
        ..statement(&origin, deed, reason)
    };
    let keys: Vec<_> = admins.iter().map(|admin| (*admin, personal(layout, admin))).collect();
    let signers: Vec<_> = keys.iter().map(|(admin, key)| (*admin, key)).collect();
    let (text, signatures) = signatures(&statement, &signers);
    client.submit(text, &signatures).await
}
