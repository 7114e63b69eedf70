//! One history: lives of a registrar, one after the other, each ended by a crash.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt as _;
use greffier::anomaly::AnomalyJudge;
use greffier::anomaly::replay::Replay;
use greffier::format::entry::{Act, Deed, Entry, Millis, Payload, Section};
use greffier::registrar::clock::{self, Clocks, Readings};
use greffier::registrar::recorder::{Recorder, Step};
use greffier::registrar::rules::Rules;
use greffier::registrar::start::{LedgerSettings, StartError, create};
use greffier::registrar::{Ledger, Status, Unrecorded};
use greffier::verify::store::Store;
use greffier::verify::{Trust, scan};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;
use tokio::task::coop::unconstrained;

use super::count::Count;
use super::disk::{Disk, Fault, Files, lost_power};
use super::office::{Asked, Office, Says, Told, first_rules, note};
use super::{ENTRIES, Tally};
use crate::segment::{ADMINS, ORIGIN, bodies, key, personal, signer};

const MINUTE: Millis = 60_000;
const HOUR: Millis = 60 * MINUTE;
/// When a history begins.
const BEGIN: Millis = 1_700_000_000_000;
/// Rounds after which one ends that writes little.
const ROUNDS: u64 = 3_000;

/// The clocks of a machine that stands still until it is told otherwise.
#[derive(Clone)]
struct Time(Arc<Mutex<Readings>>);

impl Time {
    fn new() -> Time {
        Time(Arc::new(Mutex::new(Readings { wall: BEGIN, monotonic: 1_000, boot: 1_000 })))
    }

    fn clocks(&self) -> Clocks {
        let time = self.clone();
        Clocks::new(0, move || *time.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, change: impl FnOnce(&mut Readings)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn pass(&self, ms: Millis) {
        self.change(|now| {
            now.wall += ms;
            now.monotonic += ms;
            now.boot += ms;
        });
    }
}

/// How a life ends.
enum End {
    /// The process is killed between two steps.
    Killed,
    /// The machine lost power in the middle of a commit.
    Torn(Files, Files),
    /// The history is long enough.
    Over,
}

pub(crate) struct World {
    chance: ChaCha8Rng,
    office: Office,
    time: Time,
    disk: Disk,
    folder: TempDir,
    lives: u64,
    path: PathBuf,
    rules: Rules,
    /// A policy that is to come into force, and may have.
    wanted: Option<Rules>,
    /// What the high-water file says.
    high_water: String,
    told: Vec<Told>,
    /// Entries that were counted, at the last look.
    looked: usize,
    count: Count,
    tally: Tally,
    rounds: u64,
}

/// Where nothing waits for a disk, if there is such a place.
fn folder() -> TempDir {
    TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).expect("a temporary folder")
}

impl World {
    pub(crate) fn new(seed: u64) -> World {
        let chance = |stream| {
            let mut chance = ChaCha8Rng::seed_from_u64(seed);
            chance.set_stream(stream);
            chance
        };
        let folder = folder();
        let path = folder.path().join("0.sqlite");
        World {
            chance: chance(0),
            office: Office::new(chance(1)),
            time: Time::new(),
            disk: Disk::default(),
            folder,
            lives: 0,
            path,
            rules: first_rules(),
            wanted: None,
            high_water: String::new(),
            told: Vec::new(),
            looked: 0,
            count: Count::default(),
            tally: Tally::new(),
            rounds: 0,
        }
    }

    fn note(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    fn settings(&self) -> LedgerSettings {
        LedgerSettings {
            path: self.path.clone(),
            high_water: self.path.with_extension("high-water"),
            queue: 1_024,
            share: 700,
            clock: clock::ClockSettings { clocks: self.time.clocks(), confirmed: None },
            commits: self.disk.commits(&self.path),
        }
    }

    pub(crate) fn run(mut self) -> Tally {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            self.found();
            while !self.live().await {}
        });
        self.end()
    }

    fn found(&mut self) {
        let nonces = ADMINS.map(|_| self.office.nonce());
        let founding = ADMINS.into_iter().zip(nonces).map(|(admin, nonce)| {
            let key = personal(admin);
            key.founding(ORIGIN, &admin.into(), nonce, BEGIN + HOUR).expect("a name")
        });
        let (settings, founding) = (self.settings(), founding.collect::<Vec<_>>());
        create(&settings, &signer(), &self.rules, &founding, AnomalyJudge::fresh())
            .expect("a ledger");
        self.high_water = std::fs::read_to_string(&settings.high_water).expect("a high-water file");
    }

    /// One life; true, if it was the last.
    async fn live(&mut self) -> bool {
        self.lives += 1;
        self.disk.set(Fault::None);
        let (mut recorder, ledger) = self.open();
        self.look();
        let end = loop {
            self.rounds += 1;
            self.let_time_pass();
            let waiting = self.ask(&recorder, &ledger);
            self.break_something();
            self.work(&mut recorder, &ledger, waiting).await;
            if let Some((before, after)) = self.disk.torn() {
                break End::Torn(before, after);
            }
            if self.looked as u64 >= ENTRIES || self.rounds >= ROUNDS {
                break End::Over;
            }
            if self.chance.random_bool(0.02) {
                break End::Killed;
            }
            if self.rounds.is_multiple_of(16) {
                self.look();
            }
        };
        let files = match end {
            End::Over => {
                drop((recorder, ledger));
                self.look();
                return true;
            }
            End::Killed => {
                self.note("crashes");
                Files::read(&self.path)
            }
            End::Torn(before, after) => {
                self.note("torn commits");
                lost_power((before, after), &mut self.chance).0
            }
        };
        drop((recorder, ledger));
        self.path = self.folder.path().join(format!("{}.sqlite", self.lives));
        files.write(&self.path);
        std::fs::write(self.settings().high_water, &self.high_water).expect("a file");
        if self.chance.random_bool(0.3) {
            // The machine starts anew.
            let down = self.chance.random_range(0..HOUR);
            self.time.change(|now| {
                (now.monotonic, now.boot) = (500, 500);
                now.wall += down;
            });
        }
        false
    }

    /// Opens the ledger with the newest policy that it takes.
    fn open(&mut self) -> (Recorder, Ledger) {
        let settings = self.settings();
        let open = |rules: &Rules| {
            Recorder::open(settings.clone(), signer(), rules.clone(), Box::new(AnomalyJudge::fresh))
        };
        if let Some(wanted) = self.wanted.take() {
            match open(&wanted) {
                Ok(opened) => {
                    self.rules = wanted;
                    return opened;
                }
                Err(StartError::Unapproved) => {}
                Err(why) => panic!("life {}: {why}", self.lives),
            }
        }
        open(&self.rules).unwrap_or_else(|why| panic!("life {}: {why}", self.lives))
    }

    fn let_time_pass(&mut self) {
        let ms = match self.chance.random_range(0..1_000) {
            0..900 => self.chance.random_range(0..400),
            900..980 => self.chance.random_range(0..5 * MINUTE),
            980..998 => self.chance.random_range(0..5 * HOUR),
            _ => self.chance.random_range(0..3 * 24 * HOUR),
        };
        self.time.pass(ms);
        *self.tally.entry("virtual minutes").or_default() += ms / MINUTE;
        match self.chance.random_range(0..300) {
            0 => {
                self.note("clock steps");
                let step = self.chance.random_range(0..4 * HOUR);
                let back = self.chance.random_bool(0.5);
                self.time.change(|now| {
                    now.wall = if back { now.wall - step } else { now.wall + step };
                });
            }
            1 => {
                let slept = self.chance.random_range(0..9 * HOUR);
                self.time.change(|now| {
                    now.wall += slept;
                    now.boot += slept;
                });
            }
            _ => {}
        }
    }

    /// What is asked before the next step.
    fn ask(&mut self, recorder: &Recorder, ledger: &Ledger) -> Vec<Asked> {
        let Some(head) = recorder.head() else { return Vec::new() };
        let many = if self.chance.random_bool(0.004) { 1_200 } else { 6 };
        let asked = self.chance.random_range(0..=many);
        let mut waiting: Vec<_> = (0..asked).map(|_| self.office.ask(ledger, head)).collect();
        if self.chance.random_bool(0.01) {
            let (rules, approval) = self.office.policy(&self.rules, ledger.now().at);
            let (to, by) = (ledger.clone(), ledger.clone());
            waiting.extend(approval.map(|act| note("act", async move { to.act(act).await })));
            let digest = rules.digest;
            self.wanted = Some(rules.clone());
            waiting.push(Box::pin(async move {
                Ok(Told { seq: by.enact(rules).await?, says: Says::Policy(digest) })
            }));
        }
        waiting
    }

    fn break_something(&mut self) {
        let fault = match self.chance.random_range(0..400) {
            0..4 => Fault::NotWritten,
            4..8 => Fault::WrittenAndFailed,
            8..12 => Fault::Full,
            12..18 => Fault::Torn,
            _ => Fault::None,
        };
        self.disk.set(fault);
        match fault {
            Fault::None | Fault::Torn => {}
            Fault::NotWritten => self.note("commits that failed"),
            Fault::WrittenAndFailed => self.note("commits that were said to have failed"),
            Fault::Full => self.note("full disks"),
        }
    }

    /// Has what is asked brought to the recorder, makes steps until nothing waits, and keeps the
    /// answers.
    async fn work(&mut self, recorder: &mut Recorder, ledger: &Ledger, mut waiting: Vec<Asked>) {
        let mut answers = Vec::new();
        let mut hear = |waiting: &mut Vec<Asked>| {
            waiting.retain_mut(|asked| match unconstrained(asked).now_or_never() {
                Some(answer) => {
                    answers.push(answer);
                    false
                }
                None => true,
            });
        };
        hear(&mut waiting);
        loop {
            match recorder.step() {
                Step::Done => {}
                Step::Idle => break,
                Step::InDoubt => {
                    recorder.refuse_waiting();
                    if self.disk.is_torn() {
                        break;
                    }
                    self.time.pass(1_000);
                }
                Step::Stopped => panic!("the ledger cannot be taken up again"),
            }
        }
        if !self.disk.is_torn() {
            assert_eq!(*ledger.status().borrow(), Status::Writable, "it stays refused");
        }
        // Whoever was written for is told by a task of its own.
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
        hear(&mut waiting);
        // A policy that was in the middle of a commit waits for the next life.
        let lost = waiting.len();
        assert!(lost <= usize::from(recorder.head().is_none()), "{lost} were not answered");
        if self.chance.random_bool(0.5) {
            self.high_water = ledger.newest().to_string();
        }
        for answer in answers {
            self.hear(answer);
        }
    }

    fn hear(&mut self, answer: Result<Told, Unrecorded>) {
        match answer {
            Ok(told) => {
                if let Says::Policy(_) = told.says
                    && let Some(rules) = self.wanted.take()
                {
                    self.rules = rules;
                }
                self.told.push(told);
            }
            Err(why @ (Unrecorded::Unfit | Unrecorded::Unanswered)) => panic!("answered: {why}"),
            Err(Unrecorded::Unapproved) => self.wanted = None,
            Err(Unrecorded::Unwritable) => self.note("orders refused in doubt"),
            Err(Unrecorded::Busy) => self.note("orders refused as too many"),
            Err(_) => self.note("orders refused for what they are"),
        }
    }

    /// Holds the file to what was told, and to the count.
    fn look(&mut self) {
        let bodies = bodies(&self.path);
        assert!(bodies.len() >= self.looked, "entries that were there are gone");
        for told in std::mem::take(&mut self.told) {
            let body = bodies.get(told.seq as usize);
            let body = body.unwrap_or_else(|| panic!("told of and not there: {told:?}"));
            let entry = Entry::parse(body).expect("an entry");
            assert!(is_true(&told.says, &entry), "{told:?}: {body}");
        }
        for body in &bodies[self.looked..] {
            self.count.take(body);
            self.remember_job(body);
        }
        self.looked = bodies.len();
    }

    fn remember_job(&mut self, body: &str) {
        let Ok(Entry { seq, payload: Payload::Act(Act::Signed(act)), .. }) = Entry::parse(body)
        else {
            return;
        };
        if let Deed::DeclareJob { provider, job, .. } = &act.statement.deed {
            self.office.declared(seq, provider, job.until);
        }
    }

    /// The whole history, verified with every signature and judged again.
    fn end(mut self) -> Tally {
        let store = Store::open(&self.path).expect("a ledger");
        let anchors = [self.high_water.clone()];
        let trust = Trust { key: &key(), anchors: &anchors, all_signatures: true };
        let mut replay = Replay::default();
        let sound = scan(&store, &trust, &mut |_, _| (), &mut |entry, _, state| {
            replay.apply(entry, state.standing());
        });
        let sound = sound.unwrap_or_else(|why| panic!("{why}"));
        assert_eq!(sound.checkpoint.size, self.looked as u64);
        assert_eq!((replay.difference(), replay.foreign), (None, 0));
        let counted = [
            ("reads released", self.count.released),
            ("reads withheld", self.count.withheld),
            ("alerts", self.count.alerts),
            ("policies", self.count.policies - 1),
            ("entries", self.looked as u64),
            ("lives", self.lives),
        ];
        for (what, n) in counted {
            *self.tally.entry(what).or_default() += n;
        }
        self.tally
    }
}

/// Whether an entry says what somebody was told.
fn is_true(says: &Says, entry: &Entry) -> bool {
    match (says, &entry.payload) {
        (Says::Read { agent, persons, outcome }, Payload::Read(read)) => {
            let listed = read.on.iter().chain(&read.off).copied().collect::<Vec<_>>();
            let released = *outcome == greffier::format::entry::Outcome::Released;
            (read.agent, read.ruling.outcome) == (*agent, *outcome)
                && listed == if released { persons.clone() } else { Vec::new() }
        }
        (Says::Policy(digest), Payload::Policy(policy)) => {
            matches!(&policy.section, Section::Head(head) if head.digest == *digest)
        }
        (Says::Kind(kind), what) => what.kind() == *kind,
        _ => false,
    }
}
