//! Ledgers to test on: one that the registrar writes, and one whose entries, times and commits the
//! test chooses.

use std::path::{Path, PathBuf};

use greffier::anomaly::AnomalyJudge;
use greffier::format::checkpoint::VerifierKey;
use greffier::format::entry::{
    Access, Acknowledgement, Act, Budgets, CertificateRefusals, Deed, Detectors, Entry, Facts,
    Genesis, Given, Hash, Head, Method, Millis, Moment, Payload, Policy, ProviderRules, Read,
    RefusalCount, Refusals, Ruling, Section, SecurityDeed, SignedAct, Statement, Tag, Whom, sha256,
};
use greffier::format::merkle;
use greffier::format::merkle::Frontier;
use greffier::format::personal::PersonalKey;
use greffier::format::signer::Signer;
use greffier::format::tag::Tagger;
use greffier::registrar::clock;
use greffier::registrar::rules::Rules;
use greffier::registrar::start::{JudgeFactory, LedgerSettings, StartError, create};
use greffier::registrar::{Commits, Registrar};
use greffier::registrar::{Draft, Ledger, Unrecorded, bind, wall};
use greffier::state::memory::Reach;
use greffier::verify::store::{APPLICATION_ID, FORMAT, SCHEMA, Store};
use greffier::verify::{Failure, Sound, Trust, Unsound, scan};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::signed::{self, HOUR};

/// Name of the ledger that the tests write.
pub(crate) const ORIGIN: &str = "registry.example/reads";

/// Its signer.
pub(crate) fn signer() -> Signer {
    Signer::new(ORIGIN, &[7; 32]).expect("a name that notes can carry")
}

/// What an auditor of it brings.
pub(crate) fn key() -> VerifierKey {
    signer().key().clone()
}

/// The tag of a person.
pub(crate) fn person(provider: &str, n: u32) -> Tag {
    Tagger::new(&[9; 32]).subject(provider, "cir", &format!("CIR-{n:06}"))
}

/// Many persons, by their numbers.
pub(crate) fn people(provider: &str, numbers: std::ops::Range<u32>) -> Vec<Tag> {
    numbers.map(|n| person(provider, n)).collect()
}

/// Budgets that nothing here exhausts.
pub(crate) const WIDE: Budgets = Budgets {
    agent_minute: 1_000,
    agent_hour: 10_000,
    agent_day: 100_000,
    provider_day: 100_000,
    provider_30_days: 1_000_000,
    off_roster_day: 1_000,
    off_roster_30_days: 10_000,
};

/// Entry number of the first policy's head: behind the genesis, two keys and four sections.
pub(crate) const HEAD: u64 = 7;

/// Rules for some providers, and for others until there are three.
pub(crate) fn rules(budgets: &[(&str, Budgets)]) -> Rules {
    let others = ["other-one", "other-two"].map(|id| (id, WIDE));
    let section = |&(id, budgets): &(&str, Budgets)| ProviderRules {
        provider: id.into(),
        budgets,
        roster_growth: 50,
        entries_day: None,
        contract: None,
    };
    let mut providers: Vec<_> = budgets.iter().chain(&others).take(3).map(section).collect();
    providers.sort_by(|a, b| a.provider.cmp(&b.provider));
    Rules {
        detectors: Detectors::default(),
        staff: None,
        providers,
        digest: sha256(&[b"policy"]),
        loosens_not: None,
    }
}

/// A read of some persons, not yet counted or judged.
pub(crate) fn read(provider: &str, agent: &str, on: &[Tag], off: &[Tag]) -> Read {
    let tagger = Tagger::new(&[9; 32]);
    let rows = (on.len() + off.len()) as u64;
    Read {
        policy: HEAD,
        request: None,
        replay_of: None,
        provider: provider.into(),
        certificate: sha256(&[provider.as_bytes(), agent.as_bytes()]),
        agent: tagger.agent(provider, agent),
        issuer: None,
        methods: Vec::new(),
        auth_age: None,
        token: None,
        network: "192.0.2.0/24".into(),
        dataset: "cir".into(),
        purpose: "enrolment".into(),
        case: tagger.case(provider, "case"),
        reason: (!off.is_empty()).then(|| "transfer".into()),
        method: if rows == 1 { Method::Get } else { Method::List },
        view: "BASIC".into(),
        job: None,
        keys: Vec::new(),
        asked: rows,
        misses: 0,
        rows,
        on: on.to_vec(),
        off: off.to_vec(),
        facts: Facts::default(),
        context: Vec::new(),
        decoys: 0,
        weight: rows,
        ruling: Ruling::PENDING,
        reply: Some(sha256(&[b"reply"])),
    }
}

/// A digest of refused calls.
pub(crate) fn refusals(since: Millis) -> Refusals {
    let refusal = |reason: &str, count| RefusalCount { reason: reason.into(), count };
    Refusals {
        since,
        certificates: vec![CertificateRefusals {
            certificate: sha256(&[b"refused"]),
            provider: Some("alpha-langues".into()),
            counts: vec![refusal("PURPOSE_NOT_ALLOWED", 2), refusal("RATE_LIMITED", 31)],
        }],
        others: vec![refusal("HANDSHAKE", 4)],
    }
}

/// Somebody was given a receipt.
pub(crate) fn access(entry: u64) -> Access {
    Access {
        role: "auditor".into(),
        id: "cnil".into(),
        certificate: sha256(&[b"auditor"]),
        what: Given::Receipt,
        entry,
    }
}

/// The administrators that the ledger begins with.
pub(crate) const ADMINS: [&str; 2] = ["admin-1", "admin-2"];

/// Their personal keys.
pub(crate) fn personal(admin: &str) -> PersonalKey {
    let n = ADMINS.iter().position(|id| *id == admin).expect("an administrator");
    PersonalKey::new(&[11 + n as u8; 32])
}

/// The enrolments that a ledger begins with, which expire then.
pub(crate) fn founding(expires: Millis) -> Vec<Act> {
    let act = |admin: &str| {
        let key = personal(admin);
        key.founding(ORIGIN, &admin.into(), signed::nonce(), expires).expect("a name")
    };
    ADMINS.into_iter().map(act).collect()
}

/// A statement for this ledger, good for an hour.
pub(crate) fn statement(deed: Deed) -> Statement {
    signed::statement(deed, "an exercise")
}

/// The act of a statement, submitted by the first of these administrators, who all sign it.
pub(crate) fn signed_by(statement: Statement, admins: &[&str]) -> SignedAct {
    let keys: Vec<_> = admins.iter().map(|admin| (*admin, personal(admin))).collect();
    let signers: Vec<_> = keys.iter().map(|(admin, key)| (*admin, key)).collect();
    signed::act(ORIGIN, statement, &signers)
}

/// A provider is suspended.
pub(crate) fn suspension(provider: &str) -> Act {
    let deed = Deed::Suspend(signed::whom(provider, ""));
    Act::Signed(signed_by(statement(deed), &["admin-1"]))
}

/// ... and no longer.
pub(crate) fn reinstatement(provider: &str) -> Act {
    let deed = Deed::Reinstate(signed::whom(provider, ""));
    Act::Signed(signed_by(statement(deed), &["admin-1"]))
}

/// What alerts took from a provider, or from one agent of it, is given back.
pub(crate) fn lift(provider: &str, agent: Option<Tag>, admins: &[&str]) -> Act {
    let deed = Deed::Lift(Whom { provider: provider.into(), agent });
    Act::Signed(signed_by(statement(deed), admins))
}

/// Somebody has seen the first alert, if there is one.
pub(crate) fn acknowledgement(ledger: &Ledger) -> Acknowledgement {
    let notices = ledger.notices().after(0, usize::MAX);
    let alert = notices.iter().find(|notice| matches!(notice.payload, Payload::Alert(_)));
    let deed = SecurityDeed::Acknowledge { alert: alert.map_or(0, |alert| alert.seq) };
    let (certificate, reason) = (sha256(&[b"security"]), "an exercise".to_owned());
    Acknowledgement { id: "soc-1".into(), certificate, deed, reason }
}

/// A runtime of a test's own.
pub(crate) fn runtime() -> Runtime {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().expect("a runtime")
}

/// A folder with a ledger in it.
pub(crate) struct Place {
    pub(crate) settings: LedgerSettings,
    /// Where copies may go.
    pub(crate) folder: TempDir,
}

impl Place {
    /// An empty folder.
    pub(crate) fn new() -> Place {
        let folder = TempDir::new().expect("a temporary folder");
        let path = folder.path().join("ledger.sqlite");
        let high_water = folder.path().join("high-water");
        let (clock, commits) = (clock::ClockSettings::default(), Commits::default());
        let settings =
            LedgerSettings { path, high_water, queue: 1_024, share: 1_024, clock, commits };
        Place { settings, folder }
    }

    /// With a new ledger.
    pub(crate) fn created(rules: &Rules) -> Place {
        let place = Place::new();
        let founding = founding(wall() + HOUR);
        let made = create(&place.settings, &signer(), rules, &founding, AnomalyJudge::fresh());
        made.expect("a new ledger");
        place
    }

    /// Starts the registrar with a fresh judge, inside a runtime.
    pub(crate) fn start(&self, rules: &Rules) -> Result<Registrar, StartError> {
        self.start_judged(rules, Box::new(AnomalyJudge::fresh))
    }

    /// The same with another judge.
    pub(crate) fn start_judged(
        &self,
        rules: &Rules,
        judge: Box<JudgeFactory>,
    ) -> Result<Registrar, StartError> {
        Registrar::start(self.settings.clone(), signer(), rules.clone(), judge)
    }

    /// Starts the registrar, has some calls made, and waits until it has ended.
    pub(crate) fn run<T, F: Future<Output = T>>(
        &self,
        rules: &Rules,
        calls: impl FnOnce(Ledger) -> F,
    ) -> T {
        let runtime = runtime();
        let _inside = runtime.enter();
        let registrar = self.start(rules).expect("a ledger that can be taken up");
        let out = runtime.block_on(calls(registrar.ledger.clone()));
        registrar.finish();
        out
    }

    /// Starts the registrar, which must refuse.
    pub(crate) fn refused(&self, rules: &Rules) -> StartError {
        let runtime = runtime();
        let _inside = runtime.enter();
        self.start(rules).err().expect("a ledger that cannot be taken up")
    }

    /// The file as a reader sees it.
    pub(crate) fn store(&self) -> Store {
        Store::open(&self.settings.path).expect("a ledger that can be read")
    }

    /// A file of this folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A whole copy that is no longer a WAL.
    pub(crate) fn copy(&self, name: &str) -> PathBuf {
        let to = self.file(name);
        let from = Connection::open(&self.settings.path).expect("the ledger");
        from.execute("VACUUM INTO ?1", [to.to_str()]).expect("a copy");
        to
    }

    /// All entries, parsed.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        bodies(&self.settings.path)
            .iter()
            .map(|body| Entry::parse(body).expect("an entry"))
            .collect()
    }
}

/// All bodies of a file.
pub(crate) fn bodies(path: &Path) -> Vec<String> {
    let file = Connection::open(path).expect("a ledger file");
    let mut rows = file.prepare("SELECT body FROM entries ORDER BY seq").expect("our schema");
    let rows = rows.query_map([], |row| row.get(0)).expect("rows");
    rows.collect::<Result<_, _>>().expect("bodies")
}

/// All checkpoints of a file.
pub(crate) fn notes(path: &Path) -> Vec<(u64, String)> {
    let file = Connection::open(path).expect("a ledger file");
    let mut rows = file.prepare("SELECT size, note FROM checkpoints ORDER BY 1").expect("schema");
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    rows.collect::<Result<_, _>>().expect("notes")
}

/// Opens a copy to tamper with: its triggers do not fire, and nothing waits for the disk.
pub(crate) fn tampering(path: &Path) -> Connection {
    let file = Connection::open(path).expect("a ledger file");
    file.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false).expect("no triggers");
    file.execute_batch("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF").expect("pragmas");
    file
}

/// Scans a store with every check.
pub(crate) fn scanned(store: &Store, anchors: &[String]) -> Result<Sound, Failure> {
    let trust = Trust { key: &key(), anchors, all_signatures: true };
    scan(store, &trust, &mut |_, _| (), &mut |_, _, _| ())
}

/// Opens and scans a file with every check.
pub(crate) fn verified(path: &Path, anchors: &[String]) -> Result<Sound, Failure> {
    scanned(&Store::open(path)?, anchors)
}

/// The fault of a file that must not be sound.
pub(crate) fn unsound(result: Result<Sound, Failure>) -> Unsound {
    match result {
        Err(Failure::Unsound(unsound)) => unsound,
        other => panic!("not a fault of the ledger: {other:?}"),
    }
}

/// Has a page of persons judged and recorded; returns the ruling and the entry's number.
pub(crate) async fn page(ledger: &Ledger, read: Read) -> (Ruling, u64) {
    let reach = Reach::Page(read.asked);
    reach_of(ledger, read, reach).await.expect("a ledger that takes it")
}

/// Has the record of one person judged and recorded.
pub(crate) async fn get(ledger: &Ledger, provider: &str, agent: &str, n: u32) -> (Ruling, u64) {
    let tag = person(provider, n);
    let reach = Reach::One(tag);
    let read = read(provider, agent, &[tag], &[]);
    reach_of(ledger, read, reach).await.expect("a ledger that takes it")
}

async fn reach_of(ledger: &Ledger, read: Read, reach: Reach) -> Result<(Ruling, u64), Unrecorded> {
    let (bound, claim) = bind(Draft { read: Box::new(read), reach, asked: None, enrolled: false });
    let recorded = ledger.record(bound).await?;
    let (ruling, seq, _) = claim.redeem(recorded).expect("the proof of this draft");
    Ok((ruling, seq))
}

/// A ledger whose every entry, time and commit the test chooses, signed with the real key.
pub(crate) struct Forge {
    pub(crate) now: Moment,
    bodies: Vec<String>,
    notes: Vec<(u64, String)>,
    leaf: Hash,
    edge: Frontier,
}

impl Forge {
    /// Begins with a genesis, the administrators' keys and a policy at a time.
    pub(crate) fn begun(at: Millis, rules: &Rules) -> Forge {
        Forge::founded(at, rules, founding(at + HOUR))
    }

    /// The same with other acts in the place of the keys.
    pub(crate) fn founded(at: Millis, rules: &Rules, acts: Vec<Act>) -> Forge {
        let now = Moment { at, tick: 0 };
        let (leaf, edge) = (Hash::default(), Frontier::default());
        let mut forge = Forge { now, bodies: Vec::new(), notes: Vec::new(), leaf, edge };
        forge.add(Payload::Genesis(Genesis {
            format: 1,
            origin: ORIGIN.into(),
            key: key().public_text(),
        }));
        for act in acts {
            forge.add(Payload::Act(act));
        }
        forge.add(Payload::Policy(Policy { section: Section::Detectors(rules.detectors) }));
        if let Some(staff) = rules.staff {
            forge.add(Payload::Policy(Policy { section: Section::Staff(staff) }));
        }
        for rules in &rules.providers {
            forge.add(Payload::Policy(Policy { section: Section::Provider(rules.clone()) }));
        }
        let sections = rules.providers.len() as u64 + 1 + u64::from(rules.staff.is_some());
        let head = Head { digest: rules.digest, sections, judge: greffier::anomaly::VERSION };
        forge.add(Payload::Policy(Policy { section: Section::Head(head) }));
        forge.commit();
        forge
    }

    /// Adds an entry.
    pub(crate) fn add(&mut self, what: Payload) -> u64 {
        let entry = Entry { seq: self.edge.size(), prev: self.leaf, now: self.now, payload: what };
        self.put(entry.encode().expect("an entry that is short enough"))
    }

    /// Adds a body as it is.
    pub(crate) fn put(&mut self, body: String) -> u64 {
        self.leaf = merkle::leaf(body.as_bytes());
        self.edge.push(self.leaf);
        self.bodies.push(body);
        self.edge.size() - 1
    }

    /// All bodies so far, and all checkpoints.
    pub(crate) fn rows(&self) -> (&[String], &[(u64, String)]) {
        (&self.bodies, &self.notes)
    }

    /// Adds a checkpoint.
    pub(crate) fn commit(&mut self) {
        let (size, root) = (self.edge.size(), self.edge.root());
        self.notes.push((size, signer().sign(size, root)));
    }

    /// Lets wall time and ticks pass alike.
    pub(crate) fn pass(&mut self, ms: Millis) {
        self.now = Moment { at: self.now.at + ms, tick: self.now.tick + ms };
    }

    /// Writes the file and its high-water mark.
    pub(crate) fn write(&self, settings: &LedgerSettings) {
        let file = Connection::open(&settings.path).expect("a new file");
        file.pragma_update(None, "application_id", APPLICATION_ID).expect("pragma");
        file.pragma_update(None, "user_version", FORMAT).expect("pragma");
        file.execute_batch("PRAGMA journal_mode = WAL; BEGIN").expect("pragma");
        file.execute_batch(SCHEMA).expect("our schema");
        for (seq, body) in self.bodies.iter().enumerate() {
            file.execute("INSERT INTO entries VALUES (?1, ?2)", (seq, body)).expect("a row");
        }
        for (size, note) in &self.notes {
            file.execute("INSERT INTO checkpoints VALUES (?1, ?2)", (size, note)).expect("a row");
        }
        file.execute_batch("COMMIT").expect("a commit");
        let (_, newest) = self.notes.last().expect("a checkpoint");
        std::fs::write(&settings.high_water, newest).expect("a high-water file");
    }
}
