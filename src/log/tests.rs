use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::*;

/// Hands each line over, and waits until it is taken.
struct Slow(SyncSender<Vec<u8>>);

impl Write for Slow {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.send(line.to_vec()).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn slow() -> (Log, Receiver<Vec<u8>>) {
    let (written, reader) = sync_channel(0);
    (Log::to(Slow(written)).unwrap(), reader)
}

/// Fills the queue of all but errors; so many lines are taken.
fn fill(log: &Log) -> usize {
    let line = [b'i'; 1 << 10];
    log.line(Level::INFO, &line);
    while !log.0.waiting.lock().writing {
        thread::yield_now();
    }
    let mut taken = 1;
    while log.lost() == 0 {
        log.line(Level::INFO, &line);
        taken += 1;
    }
    taken - 1
}

#[test]
fn lines_that_nobody_reads_are_lost_and_counted_and_nobody_waits_for_them() {
    let (log, reader) = slow();
    let taken = fill(&log);
    // One of them is on its way.
    assert_eq!(taken, (BYTES >> 10) + 1);
    log.line(Level::WARN, &[b'w'; 1 << 10]);
    assert_eq!(log.lost(), 2);
    for _ in 0..taken {
        assert_eq!(reader.recv().unwrap()[0], b'i');
    }
    // There is room again.
    log.line(Level::WARN, b"again\n");
    assert_eq!((reader.recv().unwrap(), log.lost()), (b"again\n".to_vec(), 2));
}

#[test]
fn no_flood_displaces_an_error() {
    let (log, reader) = slow();
    let taken = fill(&log);
    log.line(Level::ERROR, b"an error\n");
    // Behind the line that is being written, and before all that wait.
    assert_eq!(reader.recv().unwrap()[0], b'i');
    assert_eq!(reader.recv().unwrap(), b"an error\n");
    for _ in 0..taken - 1 {
        assert_eq!(reader.recv().unwrap()[0], b'i');
    }
    assert_eq!(log.lost(), 1);
}

#[test]
fn what_cannot_be_written_is_lost_and_the_log_goes_on() {
    let (log, reader) = slow();
    drop(reader);
    for lines in 1..=10 {
        log.line(Level::ERROR, b"an error\n");
        log.flush(Duration::from_secs(60));
        assert_eq!(log.lost(), lines);
    }
}

#[test]
fn the_end_waits_for_the_last_line_and_not_for_ever() {
    let (log, reader) = slow();
    log.flush(Duration::from_secs(60));
    log.line(Level::INFO, b"last\n");
    log.flush(Duration::from_millis(1));
    assert_eq!(reader.recv().unwrap(), b"last\n");
    log.flush(Duration::from_secs(60));
    assert_eq!(log.lost(), 0);
}
