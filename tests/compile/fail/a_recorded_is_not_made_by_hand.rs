use std::sync::Arc;

use greffier::ledger::Recorded;
use greffier::ledger::entry::Ruling;

fn forge() -> Recorded {
    Recorded { number: 0, ruling: Ruling::RELEASED, seq: 0, checkpoint: Arc::from("") }
}

fn main() {
    let _ = forge;
}
