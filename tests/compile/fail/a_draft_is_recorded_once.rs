use greffier::registrar::{QueuedDraft, Ledger};

async fn twice(ledger: &Ledger, bound: QueuedDraft) {
    let _ = ledger.record(bound).await;
    let _ = ledger.record(bound).await;
}

fn main() {
    let _ = twice;
}
