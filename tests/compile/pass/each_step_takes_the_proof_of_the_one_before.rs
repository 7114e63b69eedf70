use std::sync::Arc;
use std::time::SystemTime;

use greffier::admission::{Ask, Caller, Peer, Permit, PresentedToken, Terms, Tokens};
use greffier::registrar::{QueuedDraft, Ledger, Recorded};
use greffier::quota::{CallCharge, Quota, Ticket};
use greffier::source::{Query, Source, WithheldRows};

fn admit(
    (peer, shown): (&Peer, &PresentedToken<'_>),
    terms: &Arc<Terms>,
    tokens: &Tokens,
    ask: &Ask,
    now: SystemTime,
) -> Option<Permit> {
    let caller = Caller::admit(peer, shown, terms, tokens, now).ok()?;
    Permit::grant(caller, ask).ok()
}

fn limit(quota: &Quota, permit: Permit) -> Option<Ticket> {
    quota.take(permit, &mut CallCharge::default()).ok()
}

async fn fetch(source: &Source, ticket: Ticket, query: &Query) -> Option<(WithheldRows, QueuedDraft)> {
    source.fetch(ticket, query).await.ok()
}

async fn record(ledger: &Ledger, bound: QueuedDraft) -> Option<Recorded> {
    ledger.record(bound).await.ok()
}

fn main() {
    let _ = (admit, limit, fetch, record);
}
