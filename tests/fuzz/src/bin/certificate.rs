//! Certificates of clients, of which the chain was found good.

#![no_main]

use std::net::{Ipv4Addr, SocketAddr};

use greffier::admission::{Peer, grammar};
use libfuzzer_sys::fuzz_target;

const FROM: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 40_000);

fuzz_target!(|der: &[u8]| {
    let peer = Peer::from_certificate(der, FROM, "greffier.example");
    if let Some((role, id)) = peer.name() {
        assert!(grammar::is_id(id), "{id}");
        let uri = format!("spiffe://greffier.example/{role}/{id}");
        assert!(der.windows(uri.len()).any(|bytes| bytes == uri.as_bytes()), "{uri}");
    }
});
