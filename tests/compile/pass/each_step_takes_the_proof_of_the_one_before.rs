use std::sync::Arc;
use std::time::SystemTime;

use greffier::admission::{Ask, Caller, Peer, Permit, Shown, Terms, Tokens};
use greffier::registrar::{Bound, Ledger, Recorded};
use greffier::quota::{Fare, Quota, Ticket};
use greffier::source::{Query, Source, Withheld};

fn admit(
    (peer, shown): (&Peer, &Shown<'_>),
    terms: &Arc<Terms>,
    tokens: &Tokens,
    ask: &Ask,
    now: SystemTime,
) -> Option<Permit> {
    let caller = Caller::admit(peer, shown, terms, tokens, now).ok()?;
    Permit::grant(caller, ask).ok()
}

fn limit(quota: &Quota, permit: Permit) -> Option<Ticket> {
    quota.take(permit, &mut Fare::default()).ok()
}

async fn fetch(source: &Source, ticket: Ticket, query: &Query) -> Option<(Withheld, Bound)> {
    source.fetch(ticket, query).await.ok()
}

async fn record(ledger: &Ledger, bound: Bound) -> Option<Recorded> {
    ledger.record(bound).await.ok()
}

fn main() {
    let _ = (admit, limit, fetch, record);
}
