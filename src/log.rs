//! The log's way to standard error. Whoever logs waits for nothing and nobody: lines wait in a
//! queue of bounded size, errors in one of their own, and a thread writes them. A line for which
//! there is no room, or that cannot be written, is lost and counted, and the log says so when it
//! can be written again. (Of the libraries for this, the one that tracing has prints to standard
//! output when its queue is full, which panics where nobody reads that either.)

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd as _;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// Bytes that wait in each of the two queues, at most.
const BYTES: usize = 256 << 10;
/// Least time between two lines that say how many others were lost.
const GAP: Duration = Duration::from_secs(1);

/// Takes lines to log from any thread, and never waits.
#[derive(Clone)]
pub struct Log(Arc<Shared>);

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    /// Rings when there is a line to write, and when there is none left.
    news: Condvar,
    lost: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    errors: Queue,
    others: Queue,
    /// Whether a line is being written.
    writing: bool,
    /// Lines lost since the log last said so.
    lost: u64,
    /// Whether the last line could be written.
    works: bool,
    /// When the log last said that lines were lost.
    said: Option<Instant>,
}

#[derive(Default)]
struct Queue {
    lines: VecDeque<Box<[u8]>>,
    bytes: usize,
}

impl Queue {
    fn push(&mut self, line: &[u8]) -> bool {
        let fits = self.bytes + line.len() <= BYTES;
        if fits {
            self.bytes += line.len();
            self.lines.push_back(line.into());
        }
        fits
    }

    fn pop(&mut self) -> Option<Box<[u8]>> {
        let line = self.lines.pop_front()?;
        self.bytes -= line.len();
        Some(line)
    }
}

/// What the writing thread does next.
enum Next {
    Write(Box<[u8]>),
    /// Says that so many lines were lost.
    Say(u64),
}

impl Waiting {
    fn next(&mut self) -> Option<Next> {
        let due = self.said.is_none_or(|said| said.elapsed() >= GAP);
        if self.lost > 0 && self.works && due {
            self.said = Some(Instant::now());
            return Some(Next::Say(std::mem::take(&mut self.lost)));
        }
        let line = self.errors.pop().or_else(|| self.others.pop())?;
        self.writing = true;
        Some(Next::Write(line))
    }

    fn is_done(&self) -> bool {
        !self.writing && self.errors.lines.is_empty() && self.others.lines.is_empty()
    }
}

impl Log {
    /// A log on standard error, and the thread that writes it.
    ///
    /// # Errors
    /// The system's, if it gives no thread or no other handle to standard error.
    pub fn start() -> io::Result<Log> {
        // A handle of its own: whoever else writes to standard error may wait there, holding the
        // lock.
        Log::to(File::from(io::stderr().as_fd().try_clone_to_owned()?))
    }

    fn to(mut out: impl Write + Send + 'static) -> io::Result<Log> {
        let log = Log(Arc::default());
        let shared = log.0.clone();
        let thread = thread::Builder::new().name("log".to_owned());
        thread.spawn(move || {
            // Nothing in it panics; if something does, the log goes on.
            while catch_unwind(AssertUnwindSafe(|| shared.write(&mut out))).is_err() {}
        })?;
        Ok(log)
    }

    /// Lines that were lost since the start.
    pub fn lost(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }

    /// Takes a line, which ends in a line feed.
    pub fn line(&self, level: Level, line: &[u8]) {
        let mut waiting = self.0.waiting.lock();
        let queue = if level == Level::ERROR { &mut waiting.errors } else { &mut waiting.others };
        if queue.push(line) {
            self.0.news.notify_all();
        } else {
            self.0.lose(&mut waiting);
        }
    }

    /// Waits until everything is written, and no longer than this.
    pub fn flush(&self, patience: Duration) {
        let mut waiting = self.0.waiting.lock();
        self.0.news.wait_while_for(&mut waiting, |waiting| !waiting.is_done(), patience);
    }

    /// Has whatever panics say so here, and no longer on standard error, where it might have to
    /// wait. The log is told where, and not what: a message may quote what the code had in hand.
    pub fn take_panics() {
        std::panic::set_hook(Box::new(panicked));
    }
}

fn panicked(panic: &PanicHookInfo<'_>) {
    let thread = thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    let at = panic.location().map(ToString::to_string).unwrap_or_default();
    // Text that stands in the program quotes nothing.
    let what = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or_default();
    tracing::error!(thread, at, what, "a fault of this program: something panicked");
}

impl Shared {
    fn lose(&self, waiting: &mut Waiting) {
        waiting.lost += 1;
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    /// Writes lines to `out` as they come, for ever.
    fn write(&self, out: &mut impl Write) {
        loop {
            match self.next() {
                Next::Write(line) => {
                    let written = out.write_all(&line);
                    let mut waiting = self.waiting.lock();
                    (waiting.writing, waiting.works) = (false, written.is_ok());
                    if written.is_err() {
                        self.lose(&mut waiting);
                    }
                    if waiting.is_done() {
                        self.news.notify_all();
                    }
                }
                Next::Say(lines) => {
                    let since_start = self.lost.load(Ordering::Relaxed);
                    tracing::error!(
                        lines,
                        since_start,
                        "lines of this log were lost: it could not be written, or not as fast as \
                         they came"
                    );
                }
            }
        }
    }

    /// Waits until there is something to write or to say.
    fn next(&self) -> Next {
        let mut waiting = self.waiting.lock();
        loop {
            if let Some(next) = waiting.next() {
                return next;
            }
            if waiting.lost > 0 && waiting.works {
                // Nothing may come that would have it said.
                self.news.wait_for(&mut waiting, GAP);
            } else {
                self.news.wait(&mut waiting);
            }
        }
    }
}

/// Takes one line of one level.
pub struct LogLine<'a> {
    log: &'a Log,
    level: Level,
}

impl Write for LogLine<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.log.line(self.level, line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = LogLine<'a>;

    fn make_writer(&'a self) -> LogLine<'a> {
        LogLine { log: self, level: Level::INFO }
    }

    fn make_writer_for(&'a self, of: &Metadata<'_>) -> LogLine<'a> {
        LogLine { log: self, level: *of.level() }
    }
}

#[cfg(test)]
mod tests;
