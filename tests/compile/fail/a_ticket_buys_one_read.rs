use greffier::quota::Ticket;
use greffier::source::{Query, Source};

async fn twice(source: &Source, ticket: Ticket, query: &Query) {
    let _ = source.fetch(ticket, query).await;
    let _ = source.fetch(ticket, query).await;
}

fn main() {
    let _ = twice;
}
