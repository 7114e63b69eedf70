//! The bytes under HTTP/2, watched: which frames a client sends, and whether they are about as many
//! as its calls have need of. PING, SETTINGS and their kin are answered by the HTTP/2 library for
//! ever, and streams that are opened to be reset cost work without ever being a call that is
//! answered; neither is bounded there. It sees types and lengths of frames and no content.
//!
//! It takes no vectored writes: offered them, the HTTP/2 library ends a write at every piece of a
//! message of 256 bytes or more; without, at 1,024, and shorter ones are laid together.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use parking_lot::{Mutex, MutexGuard};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// What a client says before its first frame: `PRI * HTTP/2.0` and so on.
const PREFACE: usize = 24;
/// Length (3), type, flags, stream (4).
const HEADER: usize = 9;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;

/// Frames that carry nothing of a call: at once, and in the long run each second.
const CHATTER: FrameBudget = FrameBudget { burst: 1_024.0, a_second: 64.0 };
/// Each call may bring so many of them: its window updates and pings.
const A_CALL: f64 = 8.0;
/// One more may come for each of so many bytes that the client is sent, which it must acknowledge.
/// An answer to a PING is 17 bytes: a flood does not feed itself.
const BYTES: f64 = 64.0;
/// Calls at once on one connection.
pub(in crate::service) const STREAMS: u32 = 256;
/// Calls that are taken back: as many as can be open, twice, and then some each second.
const RESETS: FrameBudget = FrameBudget { burst: 2.0 * STREAMS as f64, a_second: 32.0 };

#[derive(Clone, Copy)]
struct FrameBudget {
    burst: f64,
    a_second: f64,
}

/// What is left of a budget.
struct Left {
    budget: FrameBudget,
    left: f64,
    at: Instant,
}

impl Left {
    fn new(budget: FrameBudget) -> Left {
        Left { budget, left: budget.burst, at: Instant::now() }
    }

    fn earn(&mut self, much: f64) {
        self.left = (self.left + much).min(self.budget.burst);
    }

    /// Takes one from the budget, and says whether there was one left.
    fn spend(&mut self) -> bool {
        if self.left < 1.0 {
            let now = Instant::now();
            let since = now.duration_since(self.at).as_secs_f64();
            self.at = now;
            self.earn(since * self.budget.a_second);
        }
        self.left -= 1.0;
        self.left >= 0.0
    }
}

/// The head of one HTTP/2 frame (RFC 9113 section 4.1), without its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    length: usize,
    kind: u8,
    flags: u8,
}

/// Finds the heads of frames in a stream of bytes, however it is cut.
struct Scan {
    head: [u8; HEADER],
    have: usize,
    skip: usize,
}

impl Scan {
    fn new() -> Scan {
        Scan { head: [0; HEADER], have: 0, skip: PREFACE }
    }

    fn feed(&mut self, mut bytes: &[u8], mut found: impl FnMut(Head)) {
        loop {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            if bytes.is_empty() {
                return;
            }
            let taken = (HEADER - self.have).min(bytes.len());
            self.head[self.have..self.have + taken].copy_from_slice(&bytes[..taken]);
            self.have += taken;
            bytes = &bytes[taken..];
            if self.have == HEADER {
                let [a, b, c, kind, flags, ..] = self.head;
                let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
                (self.have, self.skip) = (0, length);
                found(Head { length, kind, flags });
            }
        }
    }
}

/// What is known of a connection from its bytes.
#[derive(Clone, Default)]
pub(in crate::service) struct FrameCounts(Arc<Mutex<FrameState>>);

#[derive(Default)]
struct FrameState {
    flooded: bool,
    stalled: Option<Instant>,
}

impl FrameCounts {
    /// Whether it was closed because its client sent too much of nothing.
    pub(in crate::service) fn flooded(&self) -> bool {
        self.state().flooded
    }

    /// Since when the network has taken nothing of what there is to send.
    pub(in crate::service) fn stalled(&self) -> Option<Instant> {
        self.state().stalled
    }

    fn state(&self) -> MutexGuard<'_, FrameState> {
        self.0.lock()
    }
}

/// A connection whose frames are counted. It breaks when they are too many.
pub(in crate::service) struct Frames<S> {
    stream: S,
    scan: Scan,
    chatter: Left,
    resets: Left,
    /// Whether `seen` says that it has stalled.
    stalled: bool,
    seen: FrameCounts,
}

impl<S> Frames<S> {
    pub(in crate::service) fn new(stream: S, seen: FrameCounts) -> Frames<S> {
        let (chatter, resets) = (Left::new(CHATTER), Left::new(RESETS));
        Frames { stream, scan: Scan::new(), chatter, resets, stalled: false, seen }
    }

    fn count(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Frames { scan, chatter, resets, .. } = self;
        let mut within = true;
        scan.feed(bytes, |Head { length, kind, flags }| match kind {
            HEADERS => chatter.earn(A_CALL),
            RST_STREAM => within &= resets.spend(),
            DATA if length > 0 || flags & END_STREAM != 0 => {}
            // As many as the longest list of headers allows, and the library holds them to it.
            CONTINUATION => {}
            _ => within &= chatter.spend(),
        });
        if within {
            return Ok(());
        }
        self.seen.0.lock().flooded = true;
        Err(io::Error::other("more frames than calls have need of"))
    }

    fn sent(&mut self, bytes: usize) {
        self.chatter.earn(bytes as f64 / BYTES);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Frames<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, into))?;
        Poll::Ready(self.count(&into.filled()[before..]))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Frames<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let write = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(bytes)) = write {
            self.sent(bytes);
        }
        if self.stalled != write.is_pending() {
            self.stalled = write.is_pending();
            self.seen.0.lock().stalled = self.stalled.then(Instant::now);
        }
        write
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = (payload.len() as u32).to_be_bytes();
        [&length[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
    }

    fn watched() -> Frames<()> {
        let mut frames = Frames::new((), FrameCounts::default());
        frames.count(&[0x50; PREFACE]).unwrap();
        frames
    }

    /// How many of these frames pass before the connection breaks.
    fn passed(frames: &mut Frames<()>, kind: u8, flags: u8, payload: &[u8]) -> usize {
        let frame = frame(kind, flags, payload);
        (0..10_000).take_while(|_| frames.count(&frame).is_ok()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn what_carries_nothing_is_bounded_and_comes_back_with_time() {
        for (kind, payload) in [(6, &[0; 8][..]), (4, &[]), (2, &[0; 5]), (8, &[0; 4]), (99, &[1])]
        {
            let mut frames = watched();
            assert_eq!(passed(&mut frames, kind, 0, payload), 1_024, "type {kind}");
            assert!(frames.seen.flooded());
        }
        let mut frames = watched();
        assert_eq!(passed(&mut frames, DATA, 0, &[]), 1_024);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(passed(&mut frames, DATA, 0, &[]), 127);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_and_what_is_sent_allow_more_and_resets_have_a_budget_of_their_own() {
        let mut frames = watched();
        assert_eq!(passed(&mut frames, 6, 0, &[0; 8]), 1_024);
        // One was counted that was one too many.
        frames.count(&frame(HEADERS, 4, b"x")).unwrap();
        assert_eq!(passed(&mut frames, 6, 0, &[0; 8]), 7);
        frames.sent(64 * 11);
        assert_eq!(passed(&mut frames, 6, 0, &[0; 8]), 10);
        let mut frames = watched();
        assert_eq!(passed(&mut frames, RST_STREAM, 0, &[0; 4]), 512);
        assert_eq!(passed(&mut frames, 6, 0, &[0; 8]), 1_024);
    }

    #[tokio::test(start_paused = true)]
    async fn what_carries_a_call_is_not_counted() {
        let mut frames = watched();
        for (kind, flags, payload) in
            [(DATA, 0, &[7; 100][..]), (DATA, END_STREAM, &[]), (HEADERS, 5, b"x"), (9, 4, b"x")]
        {
            assert_eq!(passed(&mut frames, kind, flags, payload), 10_000, "type {kind}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_that_takes_nothing_is_noticed_until_it_takes_something() {
        let (mut near, far) = tokio::io::duplex(64);
        let seen = FrameCounts::default();
        let mut frames = Frames::new(far, seen.clone());
        frames.write_all(&[0; 64]).await.unwrap();
        assert_eq!(seen.stalled(), None);
        let began = Instant::now();
        assert!(frames.write(&[0]).now_or_never().is_none());
        tokio::time::advance(Duration::from_secs(5)).await;
        assert!(frames.write(&[0]).now_or_never().is_none());
        assert_eq!(seen.stalled(), Some(began));
        near.read_exact(&mut [0; 64]).await.unwrap();
        frames.write_all(&[0]).await.unwrap();
        assert_eq!(seen.stalled(), None);
    }

    #[test]
    fn no_vectored_writes_are_offered_whatever_lies_below() {
        let (below, _far) = tokio::io::duplex(64);
        assert!(below.is_write_vectored());
        assert!(!Frames::new(below, FrameCounts::default()).is_write_vectored());
    }

    proptest! {
        #[test]
        fn frames_are_found_however_the_bytes_are_cut(
            frames in prop::collection::vec(
                (any::<u8>(), any::<u8>(), prop::collection::vec(any::<u8>(), 0..300)), 0..20,
            ),
            cuts in prop::collection::vec(1_usize..50, 1..20),
        ) {
            let mut bytes = vec![0; PREFACE];
            for (kind, flags, payload) in &frames {
                bytes.extend(frame(*kind, *flags, payload));
            }
            let (mut scan, mut found) = (Scan::new(), Vec::new());
            let (mut rest, mut cuts) = (&bytes[..], cuts.iter().cycle());
            while !rest.is_empty() {
                let (piece, after) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
                scan.feed(piece, |head| found.push(head));
                rest = after;
            }
            let written = frames.iter().map(|(kind, flags, payload)| {
                Head { length: payload.len(), kind: *kind, flags: *flags }
            });
            prop_assert_eq!(found, written.collect::<Vec<_>>());
        }

        #[test]
        fn no_bytes_make_the_scan_panic(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
            let mut scan = Scan::new();
            scan.feed(&bytes, |head| assert!(head.length < 1 << 24));
        }
    }
}
