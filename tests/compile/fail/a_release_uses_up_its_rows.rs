use greffier::registrar::Recorded;
use greffier::source::{Release, WithheldRows};

fn open(withheld: WithheldRows, one: Recorded, two: Recorded) -> Option<Release> {
    let _ = withheld.release(one);
    withheld.release(two).ok()
}

fn main() {
    let _ = open;
}
