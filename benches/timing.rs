//! Whether time tells an absent record from one off the roster. Both are asked for 10,000 times,
//! in turn, over one connection, against a daemon whose rate and budgets nothing reaches; besides
//! them a handle that does not open, and as a yardstick a record that is there.
//!
//! `cargo bench --bench timing`

#![expect(clippy::print_stdout, reason = "a report is all that it makes")]

use std::time::{Duration, Instant};

use instance::{Caller, Instance, context};
use pki::Authority;
use rusqlite::params;

#[path = "../tests/greffier/instance.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod instance;
#[path = "../tests/greffier/pki.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod pki;

const CALLS: usize = 10_000;
/// Different persons of each kind.
const PERSONS: usize = 100;
const KINDS: [&str; 4] = ["off the roster", "absent", "does not open", "on the roster"];

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let instance = Instance::new();
    instance.widen();
    let names = names(&instance).await;
    let daemon = instance.serve();
    // Another agent than the one that was given these persons when they were on the roster.
    let authority = Authority::of(&instance.layout);
    let mut caller = daemon.client_with(authority.client("provider", "provider-02")).await;
    let mut times: [Vec<Duration>; KINDS.len()] = Default::default();
    for n in 0..CALLS + CALLS / 10 {
        for turn in 0..KINDS.len() {
            // Each kind comes after each other one equally often.
            let kind = (turn * [1, 3][n % 2] + n / 2) % KINDS.len();
            let name = &names[kind][n % PERSONS];
            let took = get(&mut caller, name, kind == 3).await;
            // The first tenth warms up.
            if n >= CALLS / 10 {
                times[kind].push(took);
            }
        }
    }
    daemon.stop().await;
    instance.assert_sound();
    report(&times);
}

/// Handles of each kind: all given when their persons were on the roster, and some changed.
async fn names(instance: &Instance) -> [Vec<String>; KINDS.len()] {
    let daemon = instance.serve();
    let page = daemon.client("provider-02").await.list(400, "", context()).await;
    let all: Vec<String> = page.expect("a page").records.into_iter().map(|r| r.name).collect();
    daemon.stop().await;
    let roster = instance.roster("provider-02");
    let mut source = instance.source();
    let leave = source.transaction().expect("a transaction");
    for (n, id) in roster.iter().enumerate().take(400) {
        if n % 4 < 2 {
            let unassign = "DELETE FROM roster WHERE provider = 'provider-02' AND id = ?1";
            leave.execute(unassign, params![id]).expect("SQL");
        }
        if n % 4 == 1 {
            leave.execute("DELETE FROM dossiers WHERE id = ?1", params![id]).expect("SQL");
        }
    }
    leave.commit().expect("SQL");
    std::array::from_fn(|kind| {
        let names = all.iter().skip(kind).step_by(KINDS.len()).take(PERSONS);
        names.map(|name| if kind == 2 { shut(name) } else { name.clone() }).collect()
    })
}

/// A handle with one character changed.
fn shut(name: &str) -> String {
    let (rest, last) = name.split_at(name.len() - 2);
    format!("{rest}{}", if last == "AA" { "BA" } else { "AA" })
}

async fn get(caller: &mut Caller, name: &str, there: bool) -> Duration {
    let began = Instant::now();
    let outcome = caller.get(name, context()).await;
    let took = began.elapsed();
    assert_eq!(outcome.is_ok(), there, "{outcome:?}");
    took
}

fn report(times: &[Vec<Duration>; KINDS.len()]) {
    println!("{CALLS} calls of each kind in turn, one in flight; microseconds");
    println!("{:16} {:>8} {:>8} {:>8} {:>8} {:>8}", "", "p5", "p25", "median", "p75", "p95");
    for (kind, times) in KINDS.iter().zip(times) {
        let mut sorted = times.clone();
        sorted.sort_unstable();
        let at = |percent: usize| sorted[sorted.len() * percent / 100].as_secs_f64() * 1e6;
        let [a, b, c, d, e] = [5, 25, 50, 75, 95].map(at);
        println!("{kind:16} {a:8.1} {b:8.1} {c:8.1} {d:8.1} {e:8.1}");
    }
    for other in 1..KINDS.len() {
        let pairs = || times[0].iter().zip(&times[other]);
        let slower = pairs().filter(|(off, other)| other > off).count();
        let share = slower as f64 / CALLS as f64;
        // Of a fair coin, the share strays from one half by so much, in 95 of 100 runs.
        let noise = 1.96 * 0.5 / (CALLS as f64).sqrt();
        let mut gaps: Vec<f64> =
            pairs().map(|(off, other)| (other.as_secs_f64() - off.as_secs_f64()) * 1e6).collect();
        gaps.sort_unstable_by(f64::total_cmp);
        println!(
            "{} slower than {} in {:.2} % of pairs (50 ± {:.2} % is a fair coin), \
             median difference {:.2} us",
            KINDS[other],
            KINDS[0],
            share * 100.0,
            noise * 100.0,
            gaps[CALLS / 2],
        );
    }
}
