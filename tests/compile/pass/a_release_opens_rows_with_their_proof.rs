use greffier::registrar::Recorded;
use greffier::source::{Release, Withheld};

fn open(withheld: Withheld, recorded: Recorded) -> Option<Release> {
    withheld.release(recorded).ok()
}

fn main() {
    let _ = open;
}
