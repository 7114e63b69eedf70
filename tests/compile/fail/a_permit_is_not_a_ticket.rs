use greffier::admission::Permit;
use greffier::registrar::QueuedDraft;
use greffier::source::{Query, Source, WithheldRows};

async fn fetch(source: &Source, permit: Permit, query: &Query) -> Option<(WithheldRows, QueuedDraft)> {
    source.fetch(permit, query).await.ok()
}

fn main() {
    let _ = fetch;
}
