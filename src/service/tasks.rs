//! What the daemon does besides serving calls, each task by its name and for as long as the daemon
//! runs. A task that dies is started again; one that dies twice within a minute is given up, and
//! the daemon with it: nothing that a read rests on goes unwatched in silence. Work on what others
//! wrote is [`attempt`]ed, so that no file can bring that about.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// A task that dies again within this is given up.
const SOON: Duration = Duration::from_secs(60);

/// How long it may take to read a file before that is told.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The tasks of a daemon. They end when this is dropped.
#[derive(Default)]
pub struct Tasks(JoinSet<&'static str>);

impl Tasks {
    /// Has a task run for ever, which `task` begins, and begins again when it died. What it must
    /// not forget by that lies outside of it.
    pub fn run<F>(&mut self, name: &'static str, task: impl FnMut() -> F + Send + 'static)
    where
        F: Future<Output = Infallible> + Send + 'static,
    {
        self.0.spawn(supervise(name, task));
    }

    /// The name of the first task that is given up, if one ever is.
    pub async fn given_up(&mut self) -> &'static str {
        match self.0.join_next().await {
            Some(Ok(name)) => name,
            Some(Err(_)) => "supervision",
            None => std::future::pending().await,
        }
    }

    /// Ends them all, and waits until they have let go of what they held.
    pub async fn stop(mut self) {
        self.0.shutdown().await;
    }
}

async fn supervise<F>(name: &'static str, mut task: impl FnMut() -> F) -> &'static str
where
    F: Future<Output = Infallible>,
{
    let mut last: Option<Instant> = None;
    loop {
        let Err(Panicked) = attempt(async { task().await }).await;
        let now = Instant::now();
        if last.replace(now).is_some_and(|last| now - last < SOON) {
            tracing::error!(task = name, "a task of the gateway died again within a minute");
            return name;
        }
        tracing::error!(task = name, "a task of the gateway died, and is begun again");
    }
}

/// Work failed in a way that nobody foresaw; the log tells where.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("this program failed on it, and the log tells where; please report it")]
pub struct Panicked;

/// Does work that may panic, and goes on if it does.
///
/// # Errors
/// [`Panicked`] if it did: what it worked on is as it left it.
pub async fn attempt<T>(work: impl Future<Output = T>) -> Result<T, Panicked> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|_| Panicked)
}

/// Does work that waits for a disk, and may panic, on a thread where that keeps no call waiting.
///
/// # Errors
/// [`Panicked`] if it did.
pub async fn attempt_blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Panicked> {
    // Without a panic it ends without a result only if the runtime has.
    tokio::task::spawn_blocking(work).await.map_err(|_| Panicked)
}

/// The same of work that should end within `patience`. If it does not, the log says `what` waits,
/// and the work is waited for all the same: nobody can end it, and what comes of it must not be
/// lost.
///
/// # Errors
/// [`Panicked`] if it did.
pub async fn patiently<T: Send + 'static>(
    what: &str,
    patience: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Panicked> {
    let mut work = pin!(attempt_blocking(work));
    if let Ok(done) = timeout(patience, &mut work).await {
        return done;
    }
    let seconds = patience.as_secs();
    tracing::error!(
        what,
        seconds,
        "the disk does not answer: what is to be read there is waited for"
    );
    work.await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::Notify;

    use super::*;

    /// A task that dies whenever it is told to, and how often it was begun.
    fn mortal() -> (Tasks, Arc<Notify>, Arc<AtomicU32>) {
        let (mut tasks, die) = (Tasks::default(), Arc::new(Notify::new()));
        let begun = Arc::new(AtomicU32::new(0));
        let (told, count) = (die.clone(), begun.clone());
        tasks.run("mortal", move || {
            let told = told.clone();
            count.fetch_add(1, Ordering::Relaxed);
            async move {
                told.notified().await;
                panic!("a task that dies, as this test wants it to")
            }
        });
        (tasks, die, begun)
    }

    /// How long the daemon goes on, at most, when its task dies so many seconds apart.
    async fn given_up(apart: u64) -> bool {
        let (mut tasks, die, begun) = mortal();
        for _ in 0..2 {
            tokio::time::sleep(Duration::from_secs(apart)).await;
            die.notify_one();
        }
        let name = tokio::time::timeout(Duration::from_secs(1), tasks.given_up()).await;
        let given_up = name.is_ok();
        assert_eq!(name.unwrap_or("mortal"), "mortal");
        assert_eq!(begun.load(Ordering::Relaxed), if given_up { 2 } else { 3 });
        tasks.stop().await;
        given_up
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_dies_is_begun_again_and_given_up_if_it_dies_again_within_a_minute() {
        assert!(given_up(1).await);
        assert!(given_up(59).await);
        assert!(!given_up(60).await);
        assert!(!given_up(3_600).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_cannot_begin_is_given_up_too() {
        let mut tasks = Tasks::default();
        tasks.run("stillborn", || -> std::future::Pending<Infallible> {
            panic!("a task that cannot begin, as this test wants it to")
        });
        assert_eq!(tasks.given_up().await, "stillborn");
    }

    #[tokio::test(start_paused = true)]
    async fn tasks_that_live_are_not_given_up_and_end_with_the_daemon() {
        let held = Arc::new(());
        let mut tasks = Tasks::default();
        for name in ["one", "two"] {
            let held = held.clone();
            tasks.run(name, move || {
                let held = held.clone();
                async move {
                    let _held = held;
                    std::future::pending().await
                }
            });
        }
        let waited = tokio::time::timeout(Duration::from_secs(3_600), tasks.given_up()).await;
        assert!(waited.is_err());
        tasks.stop().await;
        assert_eq!(Arc::strong_count(&held), 1);
    }

    #[tokio::test]
    async fn work_that_outlasts_the_patience_is_waited_for_and_nothing_of_it_is_lost() {
        let (go_on, waits) = std::sync::mpsc::sync_channel(1);
        let work = patiently("a test", Duration::ZERO, move || waits.recv());
        let mut work = pin!(work);
        assert!(timeout(Duration::from_millis(1), &mut work).await.is_err());
        go_on.send(7).unwrap();
        assert_eq!(work.await, Ok(Ok(7)));
        let panics = || panic!("as this test wants it to");
        assert_eq!(patiently("a test", PATIENCE, panics).await, Err::<(), _>(Panicked));
    }

    #[tokio::test]
    async fn work_that_panics_is_told_and_stops_nothing() {
        let panics = |n: u32| if n == 0 { panic!("as this test wants it to") } else { n };
        assert_eq!(attempt(async { panics(0) }).await, Err(Panicked));
        assert_eq!(attempt(async { panics(1) }).await, Ok(1));
        assert_eq!(attempt_blocking(move || panics(0)).await, Err(Panicked));
        assert_eq!(attempt_blocking(move || panics(1)).await, Ok(1));
    }
}
