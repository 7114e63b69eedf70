use greffier::registrar::{Bound, Ledger};

async fn twice(ledger: &Ledger, bound: Bound) {
    let _ = ledger.record(bound).await;
    let _ = ledger.record(bound).await;
}

fn main() {
    let _ = twice;
}
