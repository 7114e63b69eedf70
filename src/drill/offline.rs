//! A gateway without sockets: the registrar and the judge over a real ledger, at a time that the drill
//! tells. What the door refuses is refused here too, as far as it depends on the ledger.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;

use futures_util::future::join_all;
use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::task::coop::unconstrained;

use super::DrillError;
use super::traffic::{Ask, AskMethod, Event, EventKind, Found};
use crate::anomaly::AnomalyJudge;
use crate::files;
use crate::format::entry::{
    Act, Alert, Budgets, Deed, Detectors, Entry, Facts, Flag, JobTerms, Method, Millis, Nonce,
    Outcome, Payload, ProviderRules, Read, Ruling, SearchKey, Signature, SignedAct, Statement, Tag,
    Whom, Word, sha256,
};
use crate::format::personal::PersonalKey;
use crate::format::signer::Signer;
use crate::format::tag::Tagger;
use crate::registrar::clock::{ClockSettings, Clocks, Readings};
use crate::registrar::recorder::{Recorder, Step};
use crate::registrar::rules::Rules;
use crate::registrar::start::{LedgerSettings, create};
use crate::registrar::{Commits, Draft, Ledger, bind};
use crate::state::memory::Reach;

const ORIGIN: &str = "drill.example/reads";
const DATASET: &str = "cir";
const ADMINS: [&str; 2] = ["admin-1", "admin-2"];
const HOUR: Millis = 3_600_000;
/// What a row weighs, of basic fields and of all of them.
const BASIC: u64 = 24;
const FULL: u64 = 200;

/// What became of a read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// These persons went out.
    Released(Vec<Found>),
    /// None did.
    Withheld,
}

/// The gateway.
pub(crate) struct Offline {
    runtime: Runtime,
    /// None between two lives.
    running: Option<(Recorder, Ledger)>,
    settings: LedgerSettings,
    signer: Signer,
    rules: Rules,
    time: Arc<Mutex<Readings>>,
    /// How far the wall clock was set ahead, in milliseconds.
    ahead: Millis,
    tagger: Tagger,
    nonces: u64,
    /// Entries of declared jobs, by provider and job.
    jobs: HashMap<(u32, u32), u64>,
    /// The last alert that was told.
    told: u64,
    _folder: TempDir,
}

/// The id of a provider.
pub(crate) fn provider_id(number: u32) -> Word {
    format!("provider-{number:03}").into()
}

fn signer() -> Signer {
    Signer::new(ORIGIN, &[1; 32]).expect("a name that notes can carry")
}

fn personal(n: usize) -> PersonalKey {
    PersonalKey::new(&[2 + n as u8; 32])
}

impl Offline {
    /// A new ledger with these budgets, by provider, that begins at this moment.
    pub(crate) fn open(
        budgets: &[Budgets],
        detectors: Detectors,
        begin: Millis,
    ) -> Result<Offline, DrillError> {
        // Nothing of it is worth a disk, where there is a place in memory.
        let folder = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new())?;
        let time = Arc::new(Mutex::new(Readings { wall: begin, monotonic: 1_000, boot: 1_000 }));
        let read = time.clone();
        let clocks = Clocks::new(0, move || *read.lock());
        let path = folder.path().join("ledger.sqlite");
        let settings = LedgerSettings {
            high_water: path.with_extension("high-water"),
            path,
            queue: 4_096,
            share: 4_096,
            clock: ClockSettings { clocks, confirmed: None },
            commits: Commits::default(),
        };
        let rules = (0..).zip(budgets).map(|(number, budgets)| ProviderRules {
            provider: provider_id(number),
            budgets: *budgets,
            roster_growth: 50,
            entries_day: None,
            contract: None,
        });
        let rules = Rules {
            detectors,
            staff: None,
            providers: rules.collect(),
            digest: sha256(&[b"drill"]),
            loosens_not: None,
        };
        let mut offline = Offline {
            runtime: Builder::new_current_thread().build()?,
            running: None,
            settings,
            signer: signer(),
            rules,
            time,
            ahead: 0,
            tagger: Tagger::new(&[3; 32]),
            nonces: 0,
            jobs: HashMap::new(),
            told: 0,
            _folder: folder,
        };
        let founding = (0..ADMINS.len()).map(|n| {
            let nonce = offline.nonce();
            personal(n).founding(ORIGIN, &ADMINS[n].into(), nonce, begin + HOUR)
        });
        let founding = founding.collect::<Result<Vec<_>, _>>().map_err(DrillError::gateway)?;
        let (settings, rules) = (&offline.settings, &offline.rules);
        create(settings, &offline.signer, rules, &founding, AnomalyJudge::fresh())
            .map_err(DrillError::gateway)?;
        offline.start()?;
        Ok(offline)
    }

    fn start(&mut self) -> Result<(), DrillError> {
        let _inside = self.runtime.enter();
        let judges = Box::new(AnomalyJudge::fresh);
        let (settings, rules) = (self.settings.clone(), self.rules.clone());
        let opened = Recorder::open(settings, signer(), rules, judges);
        self.running = Some(opened.map_err(DrillError::gateway)?);
        Ok(())
    }

    /// Ends the registrar and starts it again, which folds the whole ledger anew, with its wall clock set
    /// ahead by so much. The high-water file is brought up to date first, as its keeper does.
    pub(crate) fn restart(&mut self, ahead: Millis) -> Result<(), DrillError> {
        if let Some((_, ledger)) = self.running.take() {
            files::replace(&self.settings.high_water, &ledger.newest())?;
        }
        self.ahead += ahead;
        self.time.lock().wall += ahead;
        self.start()
    }

    /// The ledger.
    #[cfg(test)]
    pub(crate) fn path(&self) -> std::path::PathBuf {
        self.settings.path.clone()
    }

    /// Whether the door would refuse whatever an agent asks.
    #[cfg(test)]
    pub(crate) fn is_suspended(&self, provider: u32, agent: u32) -> bool {
        let id = provider_id(provider);
        let tag = || self.tagger.agent(&id, &format!("agent-{agent}"));
        let contained = self.running.as_ref().map(|(_, ledger)| ledger.contained());
        contained.is_some_and(|contained| contained.refuses(&id, tag, false, false))
    }

    /// Lets time pass until then; it never goes back.
    fn pass_to(&self, at: Millis) {
        let mut now = self.time.lock();
        let passed = (at + self.ahead).saturating_sub(now.wall);
        now.wall += passed;
        now.monotonic += passed;
        now.boot += passed;
    }

    fn nonce(&mut self) -> Nonce {
        self.nonces += 1;
        let digest = sha256(&[&self.nonces.to_be_bytes()]).0;
        Nonce(std::array::from_fn(|i| digest[i]))
    }

    /// Has everything of `asked` brought to the registrar at once, and waits for the answers.
    fn done<F: Future>(&mut self, asked: impl FnOnce(&Ledger) -> Vec<F>) -> Vec<F::Output> {
        let (recorder, ledger) = self.running.as_mut().expect("it was started");
        let mut asked = Box::pin(unconstrained(join_all(asked(ledger))));
        self.runtime.block_on(poll_fn(|context| {
            if let Poll::Ready(answers) = asked.as_mut().poll(context) {
                return Poll::Ready(answers);
            }
            while recorder.step() == Step::Done {}
            asked.as_mut().poll(context)
        }))
    }

    /// Asks what happens within one moment, in this order; the answers of what are reads.
    pub(crate) fn ask(&mut self, events: &[Event]) -> Result<Vec<Option<Answer>>, DrillError> {
        let Some(first) = events.first() else { return Ok(Vec::new()) };
        self.pass_to(first.at);
        let mut asked = Vec::with_capacity(events.len());
        for event in events {
            match &event.kind {
                EventKind::Ask(ask) => asked.push(Some((ask, self.draft(event.provider, ask)))),
                EventKind::Approve { job, rows } => {
                    self.approve(event.provider, *job, *rows)?;
                    asked.push(None);
                }
            }
        }
        let recorded = self.done(|ledger| {
            let record = |asked: Option<(&Ask, Option<Draft>)>| {
                let ledger = ledger.clone();
                let asked = asked.map(|(ask, draft)| (found(&ask.method), draft));
                async move {
                    let Some((found, draft)) = asked else { return Ok(None) };
                    let Some(draft) = draft else { return Ok(Some(Answer::Withheld)) };
                    let (bound, claim) = bind(draft);
                    let recorded = ledger.record(bound).await.map_err(DrillError::gateway)?;
                    let (ruling, ..) = claim.redeem(recorded).map_err(DrillError::gateway)?;
                    Ok(Some(match ruling.outcome {
                        Outcome::Released => Answer::Released(found),
                        Outcome::Withheld => Answer::Withheld,
                    }))
                }
            };
            asked.into_iter().map(record).collect()
        });
        recorded.into_iter().collect()
    }

    /// The draft of a read; none of an export that the path of a read refuses, by the same question to the
    /// jobs of the ledger. An export under no job of the drill names entry 0, as somebody may who guesses.
    fn draft(&self, provider: u32, ask: &Ask) -> Option<Draft> {
        let id = provider_id(provider);
        let (_, ledger) = self.running.as_ref().expect("it was started");
        let head = self.running.as_ref().and_then(|(recorder, _)| recorder.head());
        let tag =
            |found: &Found| self.tagger.subject(&id, DATASET, &format!("{:08}", found.person));
        let found = found(&ask.method);
        let (method, reach, asked, job) = match &ask.method {
            AskMethod::Get(one) => (Method::Get, Reach::One(tag(one)), 1, None),
            AskMethod::Search { .. } => (Method::Search, Reach::Page(1), 1, None),
            AskMethod::List { page, .. } => (Method::List, Reach::Page(*page), *page, None),
            AskMethod::Export { job, page, .. } => {
                let job = self.jobs.get(&(provider, *job)).copied().unwrap_or(0);
                ledger.jobs().left(job, &id, DATASET, ledger.now().at).filter(|left| *left > 0)?;
                (Method::Export, Reach::Page(*page), *page, Some(job))
            }
        };
        let tags = |on| found.iter().filter(move |found| found.on_roster == on).map(tag).collect();
        let (on, off): (Vec<Tag>, Vec<Tag>) = (tags(true), tags(false));
        let rows = (on.len() + off.len()) as u64;
        let key = |sought: &u64| SearchKey {
            name: "names".into(),
            tag: self.tagger.key(&id, DATASET, "names", &sought.to_string()),
        };
        let keys = match &ask.method {
            AskMethod::Search { sought, .. } => vec![key(sought)],
            _ => Vec::new(),
        };
        let purpose = if job.is_some() { "attendance_report" } else { "course_delivery" };
        let read = Read {
            policy: head.unwrap_or_default(),
            request: None,
            replay_of: None,
            provider: id.clone(),
            certificate: sha256(&[id.as_bytes()]),
            agent: self.agent(provider, ask.agent),
            issuer: None,
            methods: Vec::new(),
            auth_age: None,
            token: None,
            network: format!("10.{}.{}.0/24", provider % 256, ask.network % 256).into(),
            dataset: DATASET.into(),
            purpose: purpose.into(),
            case: self.tagger.case(&id, &ask.case.to_string()),
            reason: ask.reason.then(|| "transfer".into()),
            method,
            view: if ask.full { "FULL" } else { "BASIC" }.into(),
            job,
            keys,
            asked,
            misses: u64::from(rows == 0 && matches!(method, Method::Get | Method::Search)),
            rows,
            on,
            off,
            facts: Facts::default(),
            context: ask.off_hours.then_some(Flag::OffHours).into_iter().collect(),
            decoys: 0,
            weight: rows * if ask.full { FULL } else { BASIC },
            ruling: Ruling::PENDING,
            reply: Some(sha256(&[&ledger.now().at.to_be_bytes()])),
        };
        Some(Draft { read: Box::new(read), reach, asked: None, enrolled: false })
    }

    /// The tag of an agent.
    pub(crate) fn agent(&self, provider: u32, agent: u32) -> Tag {
        self.tagger.agent(&provider_id(provider), &format!("agent-{agent}"))
    }

    fn act(&mut self, deed: Deed, signers: &[usize]) -> Result<u64, DrillError> {
        let expires = self.time.lock().wall + HOUR;
        let (reason, nonce) = ("an exercise".to_owned(), self.nonce());
        let statement = Statement { deed, reason, nonce, expires };
        let text = statement.encode(ORIGIN).map_err(DrillError::gateway)?;
        let sign = |n: &usize| -> Signature { personal(*n).sign(&ADMINS[*n].into(), &text) };
        let signatures = signers.iter().map(sign).collect();
        let (id, certificate) = (ADMINS[signers[0]].into(), Some(sha256(&[b"admin"])));
        let act = Act::Signed(SignedAct { id, certificate, statement, signatures });
        let mut answers = self.done(|ledger| {
            let ledger = ledger.clone();
            vec![async move { ledger.act(act).await }]
        });
        let answer = answers.pop().expect("one act, one answer");
        answer.map_err(DrillError::gateway)
    }

    /// One administrator declares a job, and another approves it.
    fn approve(&mut self, provider: u32, job: u32, rows: u64) -> Result<(), DrillError> {
        let now = self.time.lock().wall;
        let (purpose, view) = ("attendance_report".into(), "BASIC".into());
        let terms = JobTerms { purpose, view, rows, from: now, until: now + 24 * HOUR };
        let (provider_id, dataset) = (provider_id(provider), DATASET.into());
        let deed = Deed::DeclareJob { provider: provider_id, dataset, job: terms };
        let declared = self.act(deed, &[0])?;
        self.act(Deed::ApproveJob { declared }, &[1])?;
        self.jobs.insert((provider, job), declared);
        Ok(())
    }

    /// Gives back what an alert took, as a duty officer does who found nothing wrong.
    pub(crate) fn lift(&mut self, alert: &Alert, at: Millis) -> Result<(), DrillError> {
        self.pass_to(at);
        for agent in [Some(alert.agent), None] {
            let whom = Whom { provider: alert.provider.clone(), agent };
            self.act(Deed::Lift(whom), &[0, 1])?;
        }
        Ok(())
    }

    /// The alerts since this was last called, each with its moment.
    pub(crate) fn alerts(&mut self) -> Vec<(Millis, Alert)> {
        let Some((_, ledger)) = &self.running else { return Vec::new() };
        let new = ledger.notices().after(self.told, usize::MAX);
        self.told = new.last().map_or(self.told, |entry| entry.seq);
        let alert = |entry: &Arc<Entry>| match &entry.payload {
            Payload::Alert(alert) => Some((entry.now.at.saturating_sub(self.ahead), alert.clone())),
            _ => None,
        };
        new.iter().filter_map(alert).collect()
    }
}

/// Who would be given.
fn found(method: &AskMethod) -> Vec<Found> {
    match method {
        AskMethod::Get(found) => vec![*found],
        AskMethod::Search { found, .. } => found.iter().copied().collect(),
        AskMethod::List { found, .. } | AskMethod::Export { found, .. } => found.clone(),
    }
}
