//! The log, whatever becomes of standard error: the gateway serves, keeps watch over its files, and
//! ends as it is told.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, PipeReader};
use std::time::{Duration, Instant};

use greffier::format::entry::{Entry, MatterName, Payload};
use http::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::Code;

use crate::figures::figure;
use crate::instance::{Daemon, Instance};
use crate::issuer::{Issuer, PROVIDER, REJECTED, instance, list, write};
use crate::told::Told;
use crate::wire::Wire;

/// Bytes that a pipe of Linux holds.
const PIPE: usize = 64 << 10;

async fn lost(instance: &Instance, daemon: &Daemon) -> u64 {
    let soc = Wire::open(daemon, &instance.layout.client("security-soc")).await;
    let (_, _, text) = soc.ask(Method::GET, "/metrics").await;
    figure(&text, "greffier_log_lines_lost_total").expect("a figure")
}

/// A read is served, and a key that is taken out of the set is soon good for nothing.
async fn assert_serves(instance: &Instance, issuer: &Issuer, daemon: &Daemon) {
    let wire = Wire::open(daemon, &instance.layout.client(PROVIDER)).await;
    let token = format!("Bearer {}", issuer.token(&issuer.claims()));
    assert_eq!(list(&wire, &[&token]).await.code(), Code::Ok);
    write(&instance.layout.agents_jwks(), &issuer.keys()[1..]);
    let began = Instant::now();
    loop {
        let answer = list(&wire, &[&token]).await;
        if answer.code() != Code::Ok {
            assert_eq!(Told::of(&answer).what(), REJECTED);
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "the key is good still");
    }
}

/// Makes the gateway log a line: a handshake that fails is one, at the level of these tests.
async fn a_line(daemon: &Daemon) {
    let mut stream = TcpStream::connect(&daemon.address).await.expect("a connection");
    // It may be closed while this is sent.
    let _ = stream.write_all(b"no handshake").await;
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_the_log_that_goes_away_stops_nothing() {
    let (instance, issuer) = instance();
    instance.widen();
    let (reader, stderr) = std::io::pipe().expect("a pipe");
    let daemon = instance.serve_saying(stderr, "debug");
    drop(reader);
    a_line(&daemon).await;
    assert_serves(&instance, &issuer, &daemon).await;
    assert!(lost(&instance, &daemon).await >= 1);
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_on_a_full_disk_stops_nothing() {
    let (instance, issuer) = instance();
    instance.widen();
    let full = OpenOptions::new().write(true).open("/dev/full").expect("a full device");
    let daemon = instance.serve_saying(full, "debug");
    a_line(&daemon).await;
    assert_serves(&instance, &issuer, &daemon).await;
    assert!(lost(&instance, &daemon).await >= 1);
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_shut_stops_nothing() {
    let (instance, issuer) = instance();
    instance.widen();
    let shut = File::open("/dev/null").expect("a device, to read only");
    let daemon = instance.serve_saying(shut, "debug");
    assert_serves(&instance, &issuer, &daemon).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standard_output_that_takes_nothing_stops_nothing() {
    let (instance, issuer) = instance();
    instance.widen();
    let daemon = instance.serve_unheard().await;
    daemon.until_said("standard output cannot be written").await;
    assert_serves(&instance, &issuer, &daemon).await;
    daemon.stop().await;
}

/// Reads what was said, until it is this.
fn read_until(reader: &mut BufReader<PipeReader>, words: &str) -> Vec<String> {
    let mut said = Vec::new();
    loop {
        let mut line = String::new();
        assert!(reader.read_line(&mut line).expect("text") > 0, "not said: {words}: {said:?}");
        let found = line.contains(words);
        said.push(line);
        if found {
            return said;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_the_log_that_does_not_read_slows_nobody_and_is_told_of_the_gap() {
    let (instance, issuer) = instance();
    instance.widen();
    let (reader, stderr) = std::io::pipe().expect("a pipe");
    let daemon = instance.serve_saying(stderr, "debug");
    while lost(&instance, &daemon).await == 0 {
        for _ in 0..200 {
            a_line(&daemon).await;
        }
    }
    assert_serves(&instance, &issuer, &daemon).await;
    // An error, of which the ledger tells when it is logged.
    std::fs::write(instance.layout.policy(), "nonsense").expect("a file");
    let told = |entry: &Entry| matches!(&entry.payload, Payload::Warning(w) if w.matter.name() == MatterName::Policy);
    while !instance.entries().iter().any(told) {
        tokio::task::yield_now().await;
    }
    let mut reader = BufReader::new(reader);
    let reading = tokio::task::spawn_blocking(move || {
        let before = read_until(&mut reader, "the policy was not put into force");
        if !before.iter().any(|line| line.contains("lines of this log were lost")) {
            read_until(&mut reader, "lines of this log were lost");
        }
        (before, reader)
    });
    let (before, reader) = reading.await.expect("it reads on");
    // What the pipe held comes first, and nothing of what waited.
    let bytes: usize = before.iter().map(String::len).sum();
    assert!(bytes < PIPE + 4_096, "{bytes} bytes before the error");
    // Once it reads, nothing more is lost.
    let before = lost(&instance, &daemon).await;
    drop(tokio::task::spawn_blocking(move || reader.lines().count()));
    a_line(&daemon).await;
    assert_eq!(lost(&instance, &daemon).await, before);
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_does_not_read_does_not_keep_the_gateway_from_ending() {
    let (instance, _) = instance();
    let (_reader, stderr) = std::io::pipe().expect("a pipe");
    let daemon = instance.serve_saying(stderr, "debug");
    while lost(&instance, &daemon).await == 0 {
        for _ in 0..200 {
            a_line(&daemon).await;
        }
    }
    daemon.stop().await;
    instance.assert_sound();
}
