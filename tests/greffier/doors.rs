//! Who comes in, and how far: `wrong_calls.rs` has the table of those who do not.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use greffier::format::entry::Payload;
use greffier::proto::GetCheckpointRequest;
use tonic::Code;

use crate::instance::{Instance, context};
use crate::pki::Authority;
use crate::told::{Told, told};
use crate::wire::Wire;

const REJECTED: (Code, &str) = (Code::Unauthenticated, "CERTIFICATE_REJECTED");

fn assert_no_reads(instance: &Instance) {
    assert!(!instance.entries().iter().any(|entry| matches!(entry.payload, Payload::Read(_))));
}

/// A TLS 1.2 ClientHello, by hand: the suites and groups of any modern client, and no word of 1.3.
fn hello_of_tls_1_2() -> Vec<u8> {
    let name = b"\x00\x00\x00\x0e\x00\x0c\x00\x00\x09localhost";
    let groups = b"\x00\x0a\x00\x06\x00\x04\x00\x1d\x00\x17";
    let points = b"\x00\x0b\x00\x02\x01\x00";
    let signatures = b"\x00\x0d\x00\x08\x00\x06\x04\x03\x08\x04\x04\x01";
    let master_secret = b"\x00\x17\x00\x00";
    let extensions = [&name[..], groups, points, signatures, master_secret].concat();
    let mut hello = vec![3, 3];
    hello.extend([7; 32]);
    hello.push(0);
    // ECDHE with AES-128-GCM and with ChaCha20, for ECDSA and RSA.
    hello.extend(b"\x00\x08\xc0\x2b\xc0\x2f\xcc\xa9\xcc\xa8");
    hello.extend(b"\x01\x00");
    hello.extend((extensions.len() as u16).to_be_bytes());
    hello.extend(extensions);
    let handshake = [&[1, 0][..], &(hello.len() as u16).to_be_bytes(), &hello].concat();
    [&[22, 3, 1][..], &(handshake.len() as u16).to_be_bytes(), &handshake].concat()
}

#[test]
fn a_client_of_tls_1_2_is_told_so_and_nothing_else() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let mut stream = TcpStream::connect(&daemon.address).unwrap();
    stream.write_all(&hello_of_tls_1_2()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    // One record: an alert, fatal, protocol_version.
    assert_eq!((answer[0], &answer[3..]), (21, &[0, 2, 2, 70][..]), "{answer:02x?}");
}

#[test]
fn a_client_that_says_nothing_is_dropped_in_time() {
    let instance = Instance::new();
    instance.config(|config| config["tls"]["handshake_timeout_ms"] = toml_edit::value(200));
    let daemon = instance.serve();
    let mut stream = TcpStream::connect(&daemon.address).unwrap();
    let mut answer = Vec::new();
    assert_eq!(stream.read_to_end(&mut answer).unwrap_or(0), 0);
}

#[tokio::test]
async fn a_checkpoint_is_for_everybody_who_may_hold_one() {
    let instance = Instance::new();
    let daemon = instance.serve();
    for reader in ["auditor-1", "security-soc", "provider-02", "admin-1"] {
        let mut caller = daemon.client(reader).await;
        caller.0.ledger.get_checkpoint(GetCheckpointRequest {}).await.unwrap();
    }
}

#[tokio::test]
async fn a_refused_caller_is_not_told_what_it_asked_for_wrongly() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let ours = Authority::of(&instance.layout);
    let unknown = ours.client("provider", "provider-99");
    let mut caller = daemon.client_with(unknown.clone()).await;
    let mut wrong = context();
    wrong.purpose = "Not A Word".to_owned();
    let page = told(caller.list(-1, "garbage", wrong).await);
    assert_eq!((page.what(), page.fields.len()), (REJECTED, 0));
    assert_eq!(told(caller.get("no name", context()).await).what(), REJECTED);
    let wire = Wire::open(&daemon, &unknown).await;
    let malformed = Told::of(&wire.call("/greffier.v1.Records/ListRecords", &[], b"junk").await);
    assert!(!malformed.metadata.contains_key("entry"));
    assert_no_reads(&instance);
}
