//! What a client sends behind its handshake, byte for byte: HTTP/2 frames, and calls in them. The
//! gateway runs in this process, as its program starts it.

#![no_main]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use std::{fs, panic, process, thread};

use clap::Parser as _;
use greffier::cli::Cli;
use greffier_fuzz::instance::{CERTIFIED, Instance};
use libfuzzer_sys::fuzz_target;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

struct Gateway {
    instance: Instance,
    /// One of the staff, and a provider whose certificate stands in for its agent.
    clients: [Arc<ClientConfig>; 2],
}

static GATEWAY: LazyLock<Gateway> = LazyLock::new(|| {
    let instance = Instance::new();
    let config = instance.layout.config();
    thread::spawn(move || {
        let arguments = ["greffier".as_ref(), "serve".as_ref(), "--config".as_ref()];
        Cli::parse_from(arguments.into_iter().chain([config.as_os_str()])).run()
    });
    while TcpStream::connect(&instance.address).is_err() {
        thread::sleep(Duration::from_millis(10));
    }
    // The gateway outlives a panic of one call, and this process must not.
    let log = panic::take_hook();
    panic::set_hook(Box::new(move |panicked| {
        eprintln!("{panicked}");
        log(panicked);
        process::abort();
    }));
    let clients = ["auditor-1", CERTIFIED].map(|name| client(&instance, name));
    Gateway { instance, clients }
});

fn client(instance: &Instance, name: &str) -> Arc<ClientConfig> {
    let layout = &instance.layout;
    let (certificate, key) = layout.client(name);
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(&fs::read(layout.ca()).expect("a file"));
    roots.add(authority.expect("a certificate")).expect("an authority");
    let provider = rustls::crypto::ring::default_provider();
    let config = ClientConfig::builder_with_provider(provider.into());
    let config = config.with_protocol_versions(&[&rustls::version::TLS13]).expect("TLS 1.3");
    let chain = vec![CertificateDer::from_pem_file(certificate).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_file(key).expect("a key");
    let config = config.with_root_certificates(roots).with_client_auth_cert(chain, key);
    let mut config = config.expect("a certificate with its key");
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.into()
}

fuzz_target!(|bytes: &[u8]| {
    let gateway = &*GATEWAY;
    // The first byte says who calls.
    let Some((who, bytes)) = bytes.split_first() else { return };
    let client = gateway.clients[usize::from(*who) % 2].clone();
    let socket = TcpStream::connect(&gateway.instance.address).expect("the gateway listens");
    socket.set_read_timeout(Some(Duration::from_millis(20))).expect("a socket");
    socket.set_write_timeout(Some(Duration::from_millis(100))).expect("a socket");
    socket.set_nodelay(true).expect("a socket");
    let name = ServerName::try_from("localhost").expect("a name");
    let tls = ClientConnection::new(client, name).expect("a client");
    let mut stream = StreamOwned::new(tls, socket);
    if stream.write_all(&[PREFACE, bytes].concat()).is_err() || stream.flush().is_err() {
        return;
    }
    stream.conn.send_close_notify();
    let _ = stream.flush();
    // Until the gateway has nothing more to say to this.
    let mut said = [0; 4_096];
    while matches!(stream.read(&mut said), Ok(1..)) {}
});
