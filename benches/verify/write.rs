//! Writes the ledger: drafts as the source makes them, through the registrar, under budgets that
//! refuse nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use greffier::anomaly::AnomalyJudge;
use greffier::format::checkpoint::VerifierKey;
use greffier::format::entry::{
    Budgets, Detectors, Facts, Hash, Method, ProviderRules, Read, Ruling, Tag, Word, sha256,
};
use greffier::format::signer::{Signer, random};
use greffier::format::tag::Tagger;
use greffier::registrar::Registrar;
use greffier::registrar::rules::Rules;
use greffier::registrar::start::{LedgerSettings, create};
use greffier::registrar::{Draft, Ledger, bind};
use greffier::state::memory::Reach;
use rusqlite::{Connection, OpenFlags};
use tokio::task::JoinSet;

use crate::gauge::{Failed, cpu};

/// Providers, agents of each, and persons on the roster of each: some 12 reads of each person.
const PROVIDERS: usize = 40;
const AGENTS: usize = 8;
const ROSTER: usize = 2_000;
/// A budget that is never reached.
const ENOUGH: u64 = 10_000_000;

/// A written ledger.
pub(crate) struct Written {
    pub(crate) path: PathBuf,
    pub(crate) key: VerifierKey,
    pub(crate) entries: u64,
    pub(crate) checkpoints: u64,
    pub(crate) file_bytes: u64,
    /// Mean length of a body.
    pub(crate) body_bytes: f64,
    /// Entries written in a second.
    pub(crate) rate: f64,
    /// CPU time of drafting, judging, writing and waking for one entry, microseconds.
    pub(crate) cpu: f64,
}

/// Makes a ledger of about this many entries.
pub(crate) fn ledger(folder: &Path, entries: usize, in_flight: usize) -> Result<Written, Failed> {
    let signer = Signer::new("greffier.example/reads", &random()?)?;
    let key = signer.key().clone();
    let settings = LedgerSettings {
        path: folder.join("ledger.sqlite"),
        high_water: folder.join("high-water"),
        queue: in_flight,
        share: in_flight,
        clock: greffier::registrar::clock::ClockSettings::default(),
        commits: greffier::registrar::Commits::default(),
    };
    let stock = Arc::new(Stock::new()?);
    let rules = Rules {
        loosens_not: None,
        detectors: Detectors::default(),
        staff: None,
        providers: stock.rules(),
        digest: sha256(&[b"benchmark"]),
    };
    create(&settings, &signer, &rules, &[], AnomalyJudge::fresh())?;

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let _inside = runtime.enter();
    let path = settings.path.clone();
    let registrar = Registrar::start(settings, signer, rules, Box::new(AnomalyJudge::fresh))?;
    let (began, cpu_before) = (Instant::now(), cpu(std::process::id())?);
    let next = Arc::new(AtomicUsize::new(0));
    let mut callers = JoinSet::new();
    for _ in 0..in_flight {
        let (ledger, head) = (registrar.ledger.clone(), registrar.head);
        callers.spawn(reads(ledger, stock.clone(), head, next.clone(), entries));
    }
    for ended in runtime.block_on(callers.join_all()) {
        ended?;
    }
    let (seconds, cpu) = (began.elapsed().as_secs_f64(), cpu(std::process::id())? - cpu_before);
    registrar.finish();

    let ledger = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let sql = "SELECT count(*), avg(octet_length(body)), (SELECT count(*) FROM checkpoints)
               FROM entries";
    let row = ledger.query_row(sql, (), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    let (all, body_bytes, checkpoints) = row?;
    let file_bytes = std::fs::metadata(&path)?.len();
    let rate = entries as f64 / seconds;
    let cpu = cpu.as_secs_f64() * 1e6 / entries as f64;
    Ok(Written { path, key, entries: all, checkpoints, file_bytes, body_bytes, rate, cpu })
}

/// One of the callers: a read, its entry, the next read.
async fn reads(
    ledger: Ledger,
    stock: Arc<Stock>,
    head: u64,
    next: Arc<AtomicUsize>,
    entries: usize,
) -> Result<(), Failed> {
    loop {
        let n = next.fetch_add(1, Ordering::Relaxed);
        if n >= entries {
            return Ok(());
        }
        let (bound, claim) = bind(stock.draft(n, head));
        let (ruling, ..) = claim.redeem(ledger.record(bound).await?)?;
        if ruling != Ruling::RELEASED {
            return Err("a read was withheld".into());
        }
    }
}

/// Who reads whom.
struct Stock {
    providers: Vec<Organisation>,
    words: Words,
}

/// One provider.
struct Organisation {
    id: Word,
    certificate: Hash,
    agents: Vec<Tag>,
    persons: Vec<Tag>,
    case: Tag,
}

/// What every draft says alike.
struct Words {
    network: Word,
    dataset: Word,
    purpose: Word,
    view: Word,
}

impl Stock {
    fn new() -> Result<Stock, Failed> {
        let tagger = Tagger::new(&random()?);
        let organisation = |n: usize| {
            let id: Word = format!("provider-{n:02}").into();
            let person = |p| tagger.subject(&id, "cir", &format!("CIR-{:07}", n * ROSTER + p));
            Organisation {
                certificate: sha256(&[id.as_bytes()]),
                agents: (0..AGENTS).map(|a| tagger.agent(&id, &format!("agent {a}"))).collect(),
                persons: (0..ROSTER).map(person).collect(),
                case: tagger.case(&id, "CIR/2026-00417"),
                id,
            }
        };
        let words = Words {
            network: "192.0.2.0/24".into(),
            dataset: "cir".into(),
            purpose: "course_delivery".into(),
            view: "BASIC".into(),
        };
        Ok(Stock { providers: (0..PROVIDERS).map(organisation).collect(), words })
    }

    fn rules(&self) -> Vec<ProviderRules> {
        let budgets = Budgets {
            agent_minute: ENOUGH,
            agent_hour: ENOUGH,
            agent_day: ENOUGH,
            provider_day: ENOUGH,
            provider_30_days: ENOUGH,
            off_roster_day: ENOUGH,
            off_roster_30_days: ENOUGH,
        };
        let rules = |o: &Organisation| ProviderRules {
            provider: o.id.clone(),
            budgets,
            roster_growth: 50,
            entries_day: None,
            contract: None,
        };
        self.providers.iter().map(rules).collect()
    }

    /// The n-th read: one record, of a person somewhere on the roster.
    fn draft(&self, n: usize, policy: u64) -> Draft {
        // A stride prime to the numbers of everything visits all of it in no visible order.
        let turn = n.wrapping_mul(2_654_435_761);
        let organisation = &self.providers[turn % PROVIDERS];
        let agent = organisation.agents[turn / PROVIDERS % AGENTS];
        let person = organisation.persons[turn / (PROVIDERS * AGENTS) % ROSTER];
        let words = &self.words;
        let read = Read {
            policy,
            request: None,
            replay_of: None,
            provider: organisation.id.clone(),
            certificate: organisation.certificate,
            agent,
            issuer: None,
            methods: Vec::new(),
            auth_age: None,
            token: None,
            network: words.network.clone(),
            dataset: words.dataset.clone(),
            purpose: words.purpose.clone(),
            case: organisation.case,
            reason: None,
            method: Method::Get,
            view: words.view.clone(),
            job: None,
            keys: Vec::new(),
            asked: 1,
            misses: 0,
            rows: 1,
            on: vec![person],
            off: Vec::new(),
            facts: Facts::default(),
            context: Vec::new(),
            decoys: 0,
            weight: 8,
            ruling: Ruling::PENDING,
            reply: Some(sha256(&[&n.to_be_bytes()])),
        };
        Draft { read: Box::new(read), reach: Reach::One(person), asked: None, enrolled: false }
    }
}
