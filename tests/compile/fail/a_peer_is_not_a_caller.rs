use greffier::admission::{Ask, Peer, Permit};

fn grant(peer: Peer, ask: &Ask) -> Option<Permit> {
    Permit::grant(peer, ask).ok()
}

fn main() {
    let _ = grant;
}
