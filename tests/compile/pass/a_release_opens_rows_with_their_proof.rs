use greffier::registrar::Recorded;
use greffier::source::{Release, WithheldRows};

fn open(withheld: WithheldRows, recorded: Recorded) -> Option<Release> {
    withheld.release(recorded).ok()
}

fn main() {
    let _ = open;
}
