use greffier::quota::Ticket;
use greffier::source::{Query, Source};

fn twice(source: &Source, ticket: Ticket, query: &Query) {
    let _ = source.fetch(ticket, query);
    let _ = source.fetch(ticket, query);
}

fn main() {
    let _ = twice;
}
