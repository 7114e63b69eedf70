//! `kill -9` at random moments under load, again and again on one instance.

use std::fs;
use std::time::Instant;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tonic::Status;
use tonic_types::StatusExt as _;

use crate::given::{Chance, Given, assert_proven, assert_receipts, copied, newest};
use crate::instance::{Caller, Daemon, Instance, context};
use greffier::client::{Client, ClientSettings};

const KILLS: u64 = 20;
const CLIENTS: u64 = 16;
/// A kill comes after fewer replies than this.
const REPLIES: u64 = 180;

/// Reads one thing after another until the gateway is gone; a refusal of the gateway is a failure.
async fn read_on(
    settings: ClientSettings,
    provider: String,
    seed: u64,
    replies: mpsc::Sender<Given>,
) {
    let Ok(client) = Client::connect(&settings).await else { return };
    let mut caller = Caller(client);
    let mut chance = Chance(seed);
    let mut names: Vec<String> = Vec::new();
    loop {
        let given = if names.is_empty() || chance.below(4) == 0 {
            let size = 1 + chance.below(20) as i32;
            let page = caller.list(size, "", context()).await;
            page.map(|reply| Given::page(&provider, reply))
        } else {
            let name = &names[chance.below(names.len() as u64) as usize];
            let one = caller.get(name, context()).await;
            one.map(|reply| Given::one(&provider, reply))
        };
        match given {
            Ok(given) => {
                names = given.names();
                // The other end counts and keeps for as long as anyone reads.
                replies.send(given).await.expect("somebody counts");
            }
            Err(status) if is_ours(&status) => panic!("refused: {status:?}"),
            Err(_) => return,
        }
    }
}

/// Whether the gateway said it, and not the transport.
fn is_ours(status: &Status) -> bool {
    status.get_error_details().error_info().is_some()
}

/// Loads the gateway from all clients at once and kills it when they have so many replies; returns
/// whatever they received.
async fn killed_under_load(daemon: Daemon, replies: u64, seed: u64) -> Vec<Given> {
    let (kept, mut counted) = mpsc::channel(64);
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let provider = format!("provider-0{}", 1 + client % 3);
        let settings = daemon.settings(&provider);
        clients.spawn(read_on(settings, provider, seed.wrapping_add(client), kept.clone()));
    }
    drop(kept);
    let mut given = Vec::new();
    while (given.len() as u64) < replies {
        match counted.recv().await {
            Some(reply) => given.push(reply),
            None => break,
        }
    }
    daemon.kill();
    while let Some(reply) = counted.recv().await {
        given.push(reply);
    }
    while let Some(ended) = clients.join_next().await {
        ended.expect("a client that was not refused");
    }
    assert!(given.len() as u64 >= replies, "the gateway ended before it was killed");
    given
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_killed_under_load_starts_again_and_every_reply_has_its_entry() {
    let seed = std::env::var("GREFFIER_SEED").map_or(20_260_701, |s| s.parse().expect("a number"));
    eprintln!("GREFFIER_SEED={seed}");
    let began = Instant::now();
    let mut chance = Chance(seed);
    let instance = Instance::new();
    instance.widen();
    let key = instance.key();
    let mut all = Vec::new();
    let mut daemon = instance.serve();
    for kill in 1..=KILLS {
        let replies = chance.below(REPLIES);
        let given = killed_under_load(daemon, replies, chance.below(u64::MAX)).await;
        // As the kill left it: the start that follows has to mend it by itself.
        let left = copied(&instance.layout.ledger());
        daemon = instance.serve();
        let sound = assert_proven(&left.ledger, &key, &given);
        eprintln!("kill {kill}: {} replies, {} entries", given.len(), sound.checkpoint.size);
        all.extend(given);
    }
    daemon.stop().await;
    assert_proven(&instance.layout.ledger(), &key, &all);
    assert_receipts(&instance.layout.ledger(), &key, &all);
    let anchor = instance.layout.root().join("anchor");
    fs::write(&anchor, newest(&all).expect("there were replies")).expect("a file");
    instance.assert_anchored(&anchor);
    eprintln!("{} replies proven, {:.1} s", all.len(), began.elapsed().as_secs_f64());
}
