use greffier::registrar::Recorded;
use greffier::source::{Release, Withheld};

fn open(one: Withheld, two: Withheld, recorded: Recorded) -> Option<Release> {
    let _ = one.release(recorded);
    two.release(recorded).ok()
}

fn main() {
    let _ = open;
}
