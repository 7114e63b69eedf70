//! Frames that no client has need of, sent by hand over real TLS: the connection that sends them is
//! closed, and another provider's calls go on meanwhile. Which of these the HTTP/2 library bounds
//! by itself and which the gateway does is said at each.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf, split};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::instance::{Daemon, Instance, context};
use crate::pki::Shown;
use crate::wire::shake;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const CANCEL: [u8; 4] = [0, 0, 0, 8];
/// RFC 9113, 7: what a peer is told that is thought to be up to no good.
const ENHANCE_YOUR_CALM: u32 = 11;
const REFUSED_STREAM: u32 = 7;
const NO_ERROR: u32 = 0;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// One header, as a literal of this kind (RFC 7541, 6.2).
fn header(literal: u8, name: &str, value: &str) -> Vec<u8> {
    assert!(name.len() < 127 && value.len() < 127);
    [&[literal, name.len() as u8], name.as_bytes(), &[value.len() as u8], value.as_bytes()].concat()
}

/// The headers of a call, which every method has.
fn call_headers() -> impl Iterator<Item = (&'static str, &'static str)> {
    [
        (":method", "POST"),
        (":scheme", "https"),
        (":authority", "localhost"),
        (":path", "/greffier.v1.Records/ListRecords"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ]
    .into_iter()
}

/// The same as literals that are not indexed.
fn call() -> Vec<u8> {
    call_headers().flat_map(|(name, value)| header(0, name, value)).collect()
}

fn open(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, &call())
}

/// A frame from the gateway.
#[derive(Debug)]
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl Frame {
    /// The last four bytes, where RST_STREAM has its reason; of GOAWAY the second four.
    fn reason(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

struct Reader(ReadHalf<TlsStream<TcpStream>>);

impl Reader {
    /// The next frame, unless the connection is closed.
    async fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.ok()?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        self.0.read_exact(&mut payload).await.ok()?;
        Some(Frame { kind, flags, stream: u32::from_be_bytes(stream), payload })
    }

    /// Reads on to the answer of the PING with these bytes, or to the end.
    async fn pong(&mut self, bytes: [u8; 8]) -> bool {
        while let Some(frame) = self.next().await {
            if frame.kind == PING && frame.flags == ACK && frame.payload == bytes {
                return true;
            }
        }
        false
    }

    /// Reads to the end of the connection; the reason of a goodbye, if one was said.
    async fn closed(mut self) -> Option<u32> {
        let mut reason = None;
        while let Some(frame) = self.next().await {
            if frame.kind == GOAWAY {
                reason = Some(frame.reason());
            }
        }
        reason
    }
}

type Writer = WriteHalf<TlsStream<TcpStream>>;

async fn connect(daemon: &Daemon, shown: &Shown) -> (Reader, Writer) {
    let stream = shake(daemon, Some(shown)).await.unwrap();
    let (reader, mut writer) = split(stream);
    writer.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    writer.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
    writer.flush().await.unwrap();
    (Reader(reader), writer)
}

/// Sends the bytes until the gateway takes no more, while another provider calls; why the gateway
/// closed the connection, if it said so.
async fn flood(daemon: &Daemon, instance: &Instance, bytes: Vec<u8>, repeat: usize) -> Option<u32> {
    let shown = instance.layout.client("provider-02");
    let (reader, mut writer) = connect(daemon, &shown).await;
    let flooding = tokio::spawn(async move {
        for _ in 0..repeat {
            if writer.write_all(&bytes).await.is_err() || writer.flush().await.is_err() {
                break;
            }
        }
        writer
    });
    let closed = tokio::spawn(reader.closed());
    let mut other = daemon.client("provider-03").await;
    // With the one after, four floods of them are within an agent's burst of 40.
    for _ in 0..8 {
        assert_eq!(other.list(1, "", context()).await.unwrap().records.len(), 1);
    }
    let reason = closed.await.unwrap();
    drop(flooding.await.unwrap());
    assert_eq!(other.list(1, "", context()).await.unwrap().records.len(), 1);
    reason
}

/// As many of these as a client may send at once, and whether the connection is still there.
async fn within(daemon: &Daemon, instance: &Instance, bytes: &[u8], count: usize) -> bool {
    let shown = instance.layout.client("provider-02");
    let (mut reader, mut writer) = connect(daemon, &shown).await;
    let sent = tokio::spawn({
        let bytes = bytes.repeat(count);
        async move {
            writer.write_all(&bytes).await.unwrap();
            writer.write_all(&frame(PING, 0, 0, b"the last")).await.unwrap();
            writer.flush().await.unwrap();
            writer
        }
    });
    let there = reader.pong(*b"the last").await;
    drop(sent.await.unwrap());
    there
}

/// The gateway's own bound: the library answers each, for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_frames_without_calls_is_cut_off_and_counted() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let floods = [
        ("PING", frame(PING, 0, 0, &[7; 8])),
        ("SETTINGS", frame(SETTINGS, 0, 0, &[])),
        ("WINDOW_UPDATE", frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1])),
        ("an unknown type", frame(99, 0, 0, b"what?")),
    ];
    for (_, bytes) in &floods {
        assert!(within(&daemon, &instance, bytes, 1_000).await);
    }
    for (_, bytes) in &floods {
        flood(&daemon, &instance, bytes.clone(), 1_000_000).await;
    }
    daemon.stop().await;
    assert_eq!(counted(&instance, "FLOOD"), floods.len() as u64);
    instance.assert_sound();
}

fn counted(instance: &Instance, reason: &str) -> u64 {
    let digests = instance.refusals();
    let named = digests.iter().flat_map(|d| d.certificates.iter().flat_map(|c| &c.counts));
    named.filter(|refusal| &*refusal.reason == reason).map(|refusal| refusal.count).sum()
}

/// Opens and resets so many streams from this number on, in so few bytes that they come at once.
fn taken_back(first: u32, count: u32) -> Vec<u8> {
    // The headers of a call, put into the table that compresses headers (RFC 7541, 6.2.1), and
    let fill = call_headers().flat_map(|(name, value)| header(0x40, name, value)).collect();
    // ... from there on named by where they are in it (6.1): the last is the first, behind 61.
    let named: Vec<u8> = (62..68).rev().map(|at| 0x80 | at).collect();
    let stream = |n| {
        let headers: &Vec<u8> = if n == 0 { &fill } else { &named };
        let number = first + 2 * n;
        let opened = frame(HEADERS, END_HEADERS, number, headers);
        [opened, frame(RST_STREAM, 0, number, &CANCEL)].concat()
    };
    (0..count).flat_map(stream).collect()
}

/// CVE-2023-44487. The library's bound: it counts streams that are reset before it has handed them
/// on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_are_opened_and_reset_at_once_end_the_connection() {
    let instance = Instance::new();
    let daemon = instance.serve();
    // In one record of TLS, and so in one look.
    let burst = taken_back(1, 300);
    assert!(burst.len() < 16 << 10);
    let reason = flood(&daemon, &instance, burst, 1).await;
    assert!(reason.is_none() || reason == Some(ENHANCE_YOUR_CALM), "{reason:?}");
    let reason = flood(&daemon, &instance, taken_back(1, 100_000), 1).await;
    assert!(reason.is_none() || reason == Some(ENHANCE_YOUR_CALM), "{reason:?}");
    assert!(!daemon.log().contains("reset"), "whoever floods must not fill the log");
    daemon.stop().await;
    assert_eq!(counted(&instance, "FLOOD"), 2);
}

/// A client that runs out of patience with all its calls at once costs those of others on the same
/// connection nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_many_calls_as_may_be_open_are_taken_back_at_once_and_the_others_answered() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let shown = instance.layout.client("provider-02");
    for count in [40, 255] {
        let (mut reader, mut writer) = connect(&daemon, &shown).await;
        let waits = [open(1), taken_back(3, count)].concat();
        assert!(waits.len() < 16 << 10);
        let empty = frame(DATA, END_STREAM, 1, &[0; 5]);
        for bytes in [waits, empty] {
            writer.write_all(&bytes).await.unwrap();
            writer.flush().await.unwrap();
        }
        loop {
            let frame = reader.next().await.expect("the connection goes on");
            assert_ne!(frame.kind, GOAWAY, "{count}");
            if (frame.kind, frame.stream) == (HEADERS, 1) {
                break;
            }
        }
    }
    daemon.stop().await;
    assert_eq!(counted(&instance, "FLOOD"), 0);
}

/// The same, one after the other: each was handed on, and the library counts it no more. The
/// gateway's own bound.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_are_opened_looked_at_and_reset_end_the_connection_too() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let shown = instance.layout.client("provider-02");
    let (mut reader, mut writer) = connect(&daemon, &shown).await;
    let mut resets = 0_u32;
    for n in 0..5_000_u32 {
        let bytes = [open(2 * n + 1), frame(PING, 0, 0, &u64::from(n).to_be_bytes())].concat();
        let sent = writer.write_all(&bytes).await.is_ok() && writer.flush().await.is_ok();
        if !sent || !reader.pong(u64::from(n).to_be_bytes()).await {
            break;
        }
        writer.write_all(&frame(RST_STREAM, 0, 2 * n + 1, &CANCEL)).await.unwrap();
        resets += 1;
    }
    assert!((512..2_000).contains(&resets), "{resets}");
    let mut other = daemon.client("provider-03").await;
    assert_eq!(other.list(1, "", context()).await.unwrap().records.len(), 1);
    daemon.stop().await;
    assert_eq!(counted(&instance, "FLOOD"), 1);
}

/// Both have a bound of the library's, and the gateway's own comes first or later: it is closed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn empty_data_and_endless_headers_end_the_connection() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let empty = [open(1), frame(DATA, 0, 1, &[]).repeat(100_000)].concat();
    flood(&daemon, &instance, empty, 1).await;
    let endless =
        [frame(HEADERS, 0, 1, &call()), frame(CONTINUATION, 0, 1, &[]).repeat(100_000)].concat();
    let reason = flood(&daemon, &instance, endless, 1).await;
    assert!(reason.is_none() || reason == Some(ENHANCE_YOUR_CALM), "{reason:?}");
    let large = frame(CONTINUATION, 0, 1, &header(0, "x", &"y".repeat(100)).repeat(100));
    let endless = [frame(HEADERS, 0, 1, &call()), large.repeat(1_000)].concat();
    flood(&daemon, &instance, endless, 1).await;
}

/// The library's bound, of our number.
#[tokio::test]
async fn a_connection_has_256_streams_and_the_next_is_refused() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let shown = instance.layout.client("provider-02");
    let (mut reader, mut writer) = connect(&daemon, &shown).await;
    // A client must have acknowledged the limit before it is held to it.
    while reader.next().await.unwrap().kind != SETTINGS {}
    writer.write_all(&frame(SETTINGS, ACK, 0, &[])).await.unwrap();
    let streams: Vec<u8> = (0..257_u32).flat_map(|n| open(2 * n + 1)).collect();
    writer.write_all(&streams).await.unwrap();
    writer.write_all(&frame(PING, 0, 0, b"the last")).await.unwrap();
    writer.flush().await.unwrap();
    let mut refused = Vec::new();
    loop {
        let frame = reader.next().await.expect("the connection goes on");
        match frame.kind {
            // A call whose message does not come is answered after a while, on a busy machine before this is
            // over, and its stream ends without an error.
            RST_STREAM if frame.reason() == NO_ERROR => {}
            RST_STREAM => refused.push((frame.stream, frame.reason())),
            PING if frame.flags == ACK => break,
            _ => {}
        }
    }
    while refused.is_empty() {
        let frame = reader.next().await.expect("a reset");
        if frame.kind == RST_STREAM && frame.reason() != NO_ERROR {
            refused.push((frame.stream, frame.reason()));
        }
    }
    assert_eq!(refused, [(513, REFUSED_STREAM)]);
}
