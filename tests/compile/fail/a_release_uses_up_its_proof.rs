use greffier::registrar::Recorded;
use greffier::source::{Release, WithheldRows};

fn open(one: WithheldRows, two: WithheldRows, recorded: Recorded) -> Option<Release> {
    let _ = one.release(recorded);
    two.release(recorded).ok()
}

fn main() {
    let _ = open;
}
