use greffier::admission::Permit;
use greffier::registrar::Bound;
use greffier::source::{Query, Source, Withheld};

async fn fetch(source: &Source, permit: Permit, query: &Query) -> Option<(Withheld, Bound)> {
    source.fetch(permit, query).await.ok()
}

fn main() {
    let _ = fetch;
}
