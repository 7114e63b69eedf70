//! Whether time tells an absent record from one off the roster. Both are asked for in turn, over
//! one connection, against a daemon whose rate and budgets nothing reaches: by handle and by a
//! search, with the file in memory and without; besides them a handle that does not open, and as a
//! yardstick a record that is there. AUC is the chance that an absent one takes longer than one off
//! the roster: one half, if time tells nothing.
//!
//! `cargo bench --bench timing`

#![expect(clippy::print_stdout, reason = "a report is all that it makes")]

use std::fs::File;
use std::time::{Duration, Instant};

use instance::{Caller, Instance, context};
use pki::Authority;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rusqlite::{Connection, params};

#[path = "../tests/greffier/instance.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod instance;
#[path = "../tests/greffier/pki.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod pki;

/// Calls of each kind, warm and cold.
const CALLS: [usize; 2] = [10_000, 1_000];
/// Of the order in which kinds and persons are asked for.
const SEED: u64 = 1;
/// Different persons of each kind.
const PERSONS: usize = 80;
const KINDS: [&str; 4] = ["off the roster", "absent", "does not open", "on the roster"];
const PROVIDER: &str = "provider-02";

/// Whom a call looks for.
#[derive(Clone)]
enum Whom {
    Handle(String),
    /// Family name, given name, date of birth.
    Name([String; 3]),
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let instance = Instance::of(20_000, 3);
    instance.widen();
    let source = instance.source();
    source.execute_batch("CREATE TABLE written(n); INSERT INTO written VALUES (0)").expect("SQL");
    let handles = names(&instance).await.map(|of| of.into_iter().map(Whom::Handle).collect());
    let searched = searched(&source);
    let daemon = instance.serve();
    // Nothing else reads the file from then on.
    daemon.until_said("the records were looked at as a whole").await;
    // Another agent than the one that was given these persons when they were on the roster.
    let authority = Authority::of(&instance.layout);
    let mut caller = daemon.client_with(authority.client("provider", PROVIDER)).await;
    for (what, whom) in [("get", &handles), ("search", &searched)] {
        for cold in [false, true] {
            let times = measure(&mut caller, whom, cold.then_some((&instance, &source))).await;
            println!("\n{what}, {}", if cold { "nothing of the file in memory" } else { "warm" });
            report(&times);
        }
    }
    daemon.stop().await;
    instance.assert_sound();
}

/// How long each kind takes, those of one round together.
async fn measure(
    caller: &mut Caller,
    whom: &[Vec<Whom>; KINDS.len()],
    cold: Option<(&Instance, &Connection)>,
) -> [Vec<Duration>; KINDS.len()] {
    let mut times: [Vec<Duration>; KINDS.len()] = Default::default();
    let mut chance = ChaCha8Rng::seed_from_u64(SEED);
    let mut order: Vec<usize> = (0..KINDS.len()).filter(|kind| !whom[*kind].is_empty()).collect();
    let calls = CALLS[usize::from(cold.is_some())];
    for n in 0..calls + calls / 10 {
        // At random, so that no kind comes after another one more often than after the rest.
        order.shuffle(&mut chance);
        for &kind in &order {
            if let Some((instance, source)) = cold {
                forget(instance, source);
            }
            let whom = &whom[kind][chance.random_range(0..whom[kind].len())];
            let took = ask(caller, whom, kind == 3).await;
            // The first tenth warms up.
            if n >= calls / 10 {
                times[kind].push(took);
            }
        }
    }
    times
}

/// Has SQLite and the system forget what they remember of the records: somebody writes to the file,
/// and the system is told that nobody needs it.
fn forget(instance: &Instance, source: &Connection) {
    source.execute("UPDATE written SET n = n + 1", []).expect("SQL");
    let file = File::open(instance.layout.source()).expect("the records");
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).expect("advice");
}

/// Names of each kind: of persons off the roster, the same on a day on which nobody was born, and
/// of persons on it.
fn searched(source: &Connection) -> [Vec<Whom>; KINDS.len()] {
    let rows = |of: &str| -> Vec<[String; 3]> {
        let sql = format!(
            "SELECT family_name, given_name, birth_date FROM dossiers WHERE id {of}
             (SELECT id FROM roster WHERE provider = ?1) ORDER BY random() LIMIT ?2"
        );
        let mut rows = source.prepare(&sql).expect("SQL");
        let rows = rows.query_map(params![PROVIDER, PERSONS], |row| {
            Ok([row.get(0)?, row.get(1)?, row.get(2)?])
        });
        rows.expect("rows").collect::<Result<_, _>>().expect("persons")
    };
    let (off, on) = (rows("NOT IN"), rows("IN"));
    let absent = off.iter().cloned().map(|[a, b, _]| Whom::Name([a, b, "1899-01-01".to_owned()]));
    let absent = absent.collect();
    let all = |of: Vec<[String; 3]>| of.into_iter().map(Whom::Name).collect();
    [all(off), absent, Vec::new(), all(on)]
}

/// Handles of each kind: all given when their persons were on the roster, and some changed.
async fn names(instance: &Instance) -> [Vec<String>; KINDS.len()] {
    let daemon = instance.serve();
    let page =
        daemon.client(PROVIDER).await.list((PERSONS * KINDS.len()) as i32, "", context()).await;
    let all: Vec<String> = page.expect("a page").records.into_iter().map(|r| r.name).collect();
    daemon.stop().await;
    let roster = instance.roster(PROVIDER);
    let mut source = instance.source();
    let leave = source.transaction().expect("a transaction");
    for (n, id) in roster.iter().enumerate().take(PERSONS * KINDS.len()) {
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

async fn ask(caller: &mut Caller, whom: &Whom, there: bool) -> Duration {
    let began = Instant::now();
    let found = match whom {
        Whom::Handle(name) => caller.get(name, context()).await.is_ok(),
        Whom::Name([family, given, born]) => {
            let values =
                [("family_name", &**family), ("given_name", &**given), ("birth_date", &**born)];
            let found = caller.search("name_and_birth_date", &values, 1, context()).await;
            !found.expect("a reply").records.is_empty()
        }
    };
    let took = began.elapsed();
    assert_eq!(found, there);
    took
}

fn report(times: &[Vec<Duration>; KINDS.len()]) {
    println!("{} calls of each kind in turn, one in flight; microseconds", times[0].len());
    println!("{:16} {:>8} {:>8} {:>8} {:>8} {:>8}", "", "p5", "p25", "median", "p75", "p95");
    for (kind, times) in KINDS.iter().zip(times).filter(|(_, times)| !times.is_empty()) {
        let mut sorted = times.clone();
        sorted.sort_unstable();
        let at = |percent: usize| sorted[sorted.len() * percent / 100].as_secs_f64() * 1e6;
        let [a, b, c, d, e] = [5, 25, 50, 75, 95].map(at);
        println!("{kind:16} {a:8.1} {b:8.1} {c:8.1} {d:8.1} {e:8.1}");
    }
    for (kind, others) in KINDS.iter().zip(times).skip(1).filter(|(_, times)| !times.is_empty()) {
        let (auc, noise) = auc(&times[0], others);
        println!("AUC of {kind} against {}: {auc:.3} (0.5 ± {noise:.3} tells nothing)", KINDS[0]);
    }
}

/// The chance that one of the second takes longer than one of the first, and how far it strays from
/// one half in 95 of 100 runs if there is no difference (Mann and Whitney).
fn auc(first: &[Duration], second: &[Duration]) -> (f64, f64) {
    let mut sorted = first.to_vec();
    sorted.sort_unstable();
    let below = |time: &Duration| {
        let (less, most) =
            (sorted.partition_point(|t| t < time), sorted.partition_point(|t| t <= time));
        (less + most) as f64 / 2.0
    };
    let (m, n) = (first.len() as f64, second.len() as f64);
    let auc = second.iter().map(below).sum::<f64>() / (m * n);
    (auc, 1.96 * ((m + n + 1.0) / (12.0 * m * n)).sqrt())
}
