//! The registrar with judge, memory and store, in one thread under a seed: thousands of callers,
//! acts, policies, virtual time, disks that fail, and crashes between any two steps. Whatever
//! happens, the ledger verifies, an independent count comes to its figures, no budget is exceeded,
//! and nobody was told anything that is not on disk. Clock, chance and the way of a commit to the
//! disk are replaced, and nothing else.
//!
//! `cargo test` runs a few histories. `GREFFIER_SIMULATE=180` runs others for so many seconds,
//! `GREFFIER_SIMULATE=seed:7` runs one again.

mod count;
mod disk;
mod office;
mod world;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use world::World;

/// Histories that `cargo test` runs.
const FEW: u64 = 6;
/// Entries from which on a history ends.
pub(crate) const ENTRIES: u64 = 2_000;

/// What happened in histories, by name.
pub(crate) type Tally = BTreeMap<&'static str, u64>;

/// Runs one history; its seed is told if it fails.
fn history(seed: u64) -> Tally {
    let run = || World::new(seed).run();
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|why| {
        eprintln!("seed {seed} fails: run it again with GREFFIER_SIMULATE=seed:{seed}");
        resume_unwind(why)
    })
}

fn seeds() -> (Box<dyn Iterator<Item = u64>>, Duration) {
    let Ok(asked) = std::env::var("GREFFIER_SIMULATE") else {
        return (Box::new(0..FEW), Duration::MAX);
    };
    if let Some(seed) = asked.strip_prefix("seed:") {
        let seed = seed.parse().expect("GREFFIER_SIMULATE=seed:NUMBER");
        return (Box::new(std::iter::once(seed)), Duration::MAX);
    }
    let seconds = asked.parse().expect("GREFFIER_SIMULATE=SECONDS");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    (Box::new(now.as_secs() << 20..), Duration::from_secs(seconds))
}

#[test]
fn whatever_fails_the_ledger_holds_and_nobody_was_told_what_it_does_not_say() {
    let (seeds, span) = seeds();
    let (began, mut total) = (Instant::now(), Tally::new());
    for seed in seeds {
        for (what, n) in history(seed) {
            *total.entry(what).or_default() += n;
        }
        *total.entry("histories").or_default() += 1;
        if began.elapsed() >= span {
            break;
        }
    }
    for (what, n) in &total {
        println!("simulation: {n} {what}");
    }
    // What a simulation never meets it shows nothing about.
    for what in
        ["reads released", "reads withheld", "alerts", "crashes", "torn commits", "policies"]
    {
        assert!(total.get(what).is_some_and(|n| *n > 0) || total["histories"] < FEW, "no {what}");
    }
}
