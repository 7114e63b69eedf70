//! The theft that `greffier demo` shows, taken further than it can go there: many connections, a
//! restart after every page, days that pass between two attempts. The credential is good, the scope
//! open, the budgets those of `init`; whatever is tried, the same few persons are all that go.

use std::collections::HashSet;

use greffier::format::entry::{Entry, Hash, Millis, Moment, Outcome, Payload, Read, Tag};
use greffier::format::merkle;
use greffier::format::merkle::Frontier;
use greffier::format::signer::{Signer, read_key};
use tokio::task::JoinSet;

use crate::given::{Given, assert_proven};
use crate::instance::{Caller, Daemon, Instance, context, off_roster};
use crate::pki::fingerprint;
use crate::segment::{bodies, notes, tampering};

const THIEF: &str = "provider-01";
const DAY: Millis = 86_400_000;

/// What the thief holds, and which strangers it has asked for.
struct Thief {
    instance: Instance,
    strangers: Vec<String>,
    given: Vec<Given>,
    /// Names of the records that it was given on earlier days.
    names: HashSet<String>,
}

impl Thief {
    fn new() -> Thief {
        let instance = Instance::new();
        let sql = "SELECT id FROM dossiers WHERE id NOT IN \
                   (SELECT id FROM roster WHERE provider = ?1) ORDER BY id";
        let strangers = {
            let source = instance.source();
            let mut ids = source.prepare(sql).expect("SQL");
            let ids = ids.query_map([THIEF], |row| row.get(0)).expect("rows");
            ids.collect::<Result<_, _>>().expect("ids")
        };
        Thief { instance, strangers, given: Vec::new(), names: HashSet::new() }
    }

    /// Asks for some strangers one by one, for a page of them, and for pages of its own roster.
    async fn session(&mut self, caller: &mut Caller, one_by_one: usize, pages: usize) {
        for id in self.strangers.split_off(self.strangers.len() - one_by_one) {
            let values = [("id", id.as_str())];
            let found = caller.search("case_number", &values, 1, off_roster()).await;
            self.given.extend(found.ok().map(|reply| Given::found(THIEF, reply)));
        }
        let mut token = String::new();
        for _ in 0..pages {
            let page = caller.list(10, &token, context()).await;
            token = page.as_ref().map_or(String::new(), |page| page.next_page_token.clone());
            self.given.extend(page.ok().map(|reply| Given::page(THIEF, reply)));
        }
    }

    /// Every released read of the thief's, from the ledger.
    fn released(&self) -> Vec<Read> {
        let its = fingerprint(&self.instance.layout.client(THIEF).0);
        let reads = self.instance.entries().into_iter().filter_map(|entry| match entry.payload {
            Payload::Read(read) if read.certificate == its => Some(*read),
            _ => None,
        });
        reads.filter(|read| read.ruling.outcome == Outcome::Released).collect()
    }

    /// Persons off the roster and in all; the ledger is sound and has every reply.
    fn persons(&self) -> (usize, usize) {
        assert_proven(&self.instance.layout.ledger(), &self.instance.key(), &self.given);
        let released = self.released();
        let off: HashSet<Tag> = released.iter().flat_map(|read| &read.off).copied().collect();
        let on = released.iter().flat_map(|read| &read.on).copied();
        (off.len(), off.iter().copied().chain(on).collect::<HashSet<Tag>>().len())
    }

    /// What was done is done a day earlier, and the checkpoints of its replies are of no ledger.
    fn a_day_passes(&mut self) {
        let given = std::mem::take(&mut self.given);
        self.names.extend(given.iter().flat_map(Given::names));
        earlier(&self.instance, DAY);
    }

    fn assert_bounded(&self) {
        let (off, all) = self.persons();
        eprintln!("{off} persons off the roster, {all} in all");
        assert!(off <= 20 && all <= 100, "{off} persons off the roster, {all} in all");
        let mut names = self.names.clone();
        names.extend(self.given.iter().flat_map(Given::names));
        assert!(!names.is_empty() && names.len() <= all, "{} in replies, {all}", names.len());
    }
}

/// The whole ledger as if everything in it had happened so much earlier: a clock moved ahead, seen
/// from the other side. Ticks stay, as they do when a clock moves.
fn earlier(instance: &Instance, by: Millis) {
    let path = instance.layout.ledger();
    let seed = read_key(&instance.layout.signing_key()).expect("the signing key");
    let sizes: HashSet<u64> = notes(&path).into_iter().map(|(size, _)| size).collect();
    let (mut prev, mut edge) = (Hash::default(), Frontier::default());
    let (mut written, mut signed, mut signer) = (Vec::new(), Vec::new(), None);
    for body in bodies(&path) {
        let mut entry = Entry::parse(&body).expect("an entry");
        entry.now = Moment { at: entry.now.at - by, ..entry.now };
        match &mut entry.payload {
            Payload::Genesis(genesis) => {
                signer = Signer::new(&genesis.origin, &seed).ok();
            }
            Payload::Read(read) => read.ruling.fits_at = read.ruling.fits_at.map(|at| at - by),
            Payload::Refusals(refusals) => refusals.since -= by,
            Payload::Alert(alert) => {
                alert.since -= by;
                alert.until = alert.until.map(|at| at - by);
            }
            _ => {}
        }
        let body = Entry { prev, ..entry }.encode().expect("an entry");
        prev = merkle::leaf(body.as_bytes());
        edge.push(prev);
        written.push(body);
        if sizes.contains(&edge.size()) {
            let signer = signer.as_ref().expect("a genesis comes first");
            signed.push((edge.size(), signer.sign(edge.size(), edge.root())));
        }
    }
    let file = tampering(&path);
    file.execute_batch("BEGIN; DELETE FROM entries; DELETE FROM checkpoints").expect("no triggers");
    for (seq, body) in written.iter().enumerate() {
        file.execute("INSERT INTO entries VALUES (?1, ?2)", (seq, body)).expect("a row");
    }
    for (size, note) in &signed {
        file.execute("INSERT INTO checkpoints VALUES (?1, ?2)", (size, note)).expect("a row");
    }
    file.execute_batch("COMMIT").expect("a commit");
    let (_, newest) = signed.last().expect("a checkpoint");
    std::fs::write(instance.layout.high_water(), newest).expect("the high-water file");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_connections_at_once_get_no_more_than_one() {
    let mut thief = Thief::new();
    let daemon = thief.instance.serve();
    let mut crowd = JoinSet::new();
    for n in 0..50 {
        let mut caller = daemon.client(THIEF).await;
        let strangers = thief.strangers.split_off(thief.strangers.len() - 4);
        crowd.spawn(async move {
            let mut given = Vec::new();
            for id in strangers {
                let values = [("id", id.as_str())];
                let found = caller.search("case_number", &values, 1, off_roster()).await;
                given.extend(found.ok().map(|reply| Given::found(THIEF, reply)));
                let why = if n % 2 == 0 { context() } else { off_roster() };
                let page = caller.list(1 + n % 12, "", why).await;
                given.extend(page.ok().map(|reply| Given::page(THIEF, reply)));
            }
            given
        });
    }
    while let Some(given) = crowd.join_next().await {
        thief.given.extend(given.expect("a connection that does not panic"));
    }
    daemon.stop().await;
    thief.assert_bounded();
}

/// Ends a daemon one way or the other.
async fn end(daemon: Daemon, killed: bool) {
    if killed { daemon.kill() } else { daemon.stop().await }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_after_every_page_gives_the_thief_nothing_back() {
    let mut thief = Thief::new();
    for round in 0..16 {
        let daemon = thief.instance.serve();
        let mut caller = daemon.client(THIEF).await;
        if round % 2 == 0 {
            thief.session(&mut caller, 3, 0).await;
        } else {
            thief.session(&mut caller, 0, 1).await;
        }
        end(daemon, round % 3 == 0).await;
    }
    thief.assert_bounded();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_moved_a_day_ahead_gives_the_thief_nothing_back() {
    let mut thief = Thief::new();
    let mut got = Vec::new();
    for day in 0..4 {
        let daemon = thief.instance.serve();
        let mut caller = daemon.client(THIEF).await;
        // Careful at first: what would be contained on the first day proves nothing of the second.
        thief.session(&mut caller, if day == 0 { 11 } else { 5 }, 2).await;
        daemon.stop().await;
        got.push(thief.persons());
        thief.a_day_passes();
    }
    let (off, all) = got[0];
    assert!(
        off == 11 && (21..=31).contains(&all),
        "nothing was contained on the first day: {got:?}"
    );
    eprintln!("persons off the roster and in all, day by day: {got:?}");
    thief.assert_bounded();
}
