use greffier::ledger::entry::Ruling;

fn main() {
    let _ = Ruling::RELEASED;
}
