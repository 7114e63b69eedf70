use std::sync::Arc;

use greffier::registrar::Recorded;
use greffier::format::entry::Ruling;

fn forge() -> Recorded {
    Recorded { number: 0, ruling: Ruling::RELEASED, seq: 0, checkpoint: Arc::from("") }
}

fn main() {
    let _ = forge;
}
