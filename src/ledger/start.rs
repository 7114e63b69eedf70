//! How a ledger begins and how a daemon takes it up: one path for the first start, for the one after
//! a crash and for the one after a failed commit. Everything in memory is folded from the file.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Judge;
use super::acts::{Approved, BadAct};
use super::checkpoint::Checkpoint;
use super::clock::{self, Clock, ClockRefused};
use super::entry::{
    Act, Detectors, Entry, Genesis, Hash, Head, Malformed, Moment, Policy, ProviderRules, Section,
    StaffRules, What,
};
use super::fold::Fold;
use super::growth::Exhausted;
use super::jobs::Jobs;
use super::merkle::{self, Frontier};
use super::signer::Signer;
use super::store::{FORMAT, Store, Unreadable};
use super::verify::{Failure, Fault, Trust, Unsound, scan};
use super::writer::{Commit, Edge, Unwritable, Writer, room};
use crate::files;

/// Where the ledger lies and how it is fed.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The segment's file.
    pub path: PathBuf,
    /// The high-water file.
    pub high_water: PathBuf,
    /// Most drafts that wait.
    pub queue: usize,
    /// Most of them of one provider.
    pub share: usize,
    /// How time is told.
    pub clock: clock::Settings,
}

/// The rules that the judge is to rule by, and the digest of the file they are from.
#[derive(Debug, Clone)]
pub struct Rules {
    /// What the detectors go by.
    pub detectors: Detectors,
    /// What holds for each member of staff, if anything does.
    pub staff: Option<StaffRules>,
    /// One for each provider.
    pub providers: Vec<ProviderRules>,
    /// SHA-256 of `policy.toml`.
    pub digest: Hash,
    /// Digest of a policy that this one was compared with and loosens in nothing, whether or not that
    /// shows in these rules.
    pub loosens_not: Option<Hash>,
}

/// Makes judges with a fresh state.
pub type Factory = dyn Fn() -> Box<dyn Judge> + Send;

/// Why a ledger cannot be taken up.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It does not hold.
    #[error(
        "the ledger does not hold: {0}. Keep the file with its -wal as they are, and verify a copy; \
         docs/operating.md says how to go on"
    )]
    Unsound(String),
    /// It is not the one that its high-water file saw last.
    #[error(
        "the ledger does not go on from its high-water file {}: {detail}. It was edited, or an older \
         copy or another ledger was put in its place: put the newest one back", path.display()
    )]
    Behind {
        /// The high-water file.
        path: PathBuf,
        /// How it differs.
        detail: String,
    },
    /// The clock is not one to write by.
    #[error(transparent)]
    Clock(#[from] ClockRefused),
    /// It cannot be written.
    #[error("the ledger cannot be written: {0}")]
    Unwritable(#[from] Unwritable),
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The high-water file is not there.
    #[error(
        "the high-water file {} cannot be read ({error}): put the newest checkpoint there that you \
         trust (from a mirror, an anchor or a reply) and start again", path.display()
    )]
    HighWater {
        /// Its path.
        path: PathBuf,
        /// The system's word.
        error: io::Error,
    },
    /// The policy gives somebody more than the one in force.
    #[error(
        "the policy is looser than the one in force, or cannot be compared with it, and two \
         administrators have not approved it: put the one in force back (a copy of it lies beside the \
         ledger, as LEDGER.policy.toml), start, and have this one approved with \
         `greffier act propose loosen --policy FILE`"
    )]
    Unapproved,
    /// The system gives no thread.
    #[error("no thread for the ledger: {0}")]
    Thread(io::Error),
    /// A founding enrolment that a verifier would not pass.
    #[error("a founding key cannot be enrolled: {0}")]
    Founding(#[from] BadAct),
    /// A name in the policy or configuration that no entry can hold.
    #[error("the policy cannot be recorded: {0}")]
    Malformed(#[from] Malformed),
}

impl StartError {
    /// Whether it may pass by itself: the disk fills and empties, a ledger that does not hold stays
    /// so.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            StartError::Unwritable(Unwritable::Missing(_) | Unwritable::Exists(_)) => false,
            StartError::Unwritable(_) => true,
            StartError::Unreadable(Unreadable::Sqlite(_) | Unreadable::Copy(_)) => true,
            _ => false,
        }
    }
}

impl From<rusqlite::Error> for StartError {
    fn from(error: rusqlite::Error) -> StartError {
        StartError::Unwritable(error.into())
    }
}

/// Makes a new ledger: the genesis of its first segment, the enrolments of the keys that it begins
/// with and its first policy, in one commit, and the high-water file.
///
/// # Errors
/// If a file is there already, or cannot be written.
pub fn create(
    settings: &Settings,
    signer: &Signer,
    rules: &Rules,
    founding: &[Act],
    judge: Box<dyn Judge>,
) -> Result<(), StartError> {
    let version = judge.version();
    let writer = Writer::create(&settings.path)?;
    let mut state = State {
        writer,
        edge: Frontier::default(),
        tiles: Edge::default(),
        leaf: Hash::default(),
        clock: Clock::found(&settings.clock.clocks)?,
        fold: Fold::new(judge),
    };
    let now = state.now();
    let mut batch = state.begin();
    let genesis = Genesis {
        format: FORMAT.unsigned_abs(),
        origin: signer.key().name().to_owned(),
        key: signer.key().public_text(),
        previous: None,
        state: None,
    };
    state.add(&mut batch, now, What::Genesis(genesis))?;
    for act in founding {
        state.stands(act, now)?;
        state.add(&mut batch, now, What::Act(act.clone()))?;
    }
    for what in policy(rules, version) {
        state.add(&mut batch, now, what)?;
    }
    let note = state.commit(&batch, signer)?;
    files::replace(&settings.high_water, &note)
        .map_err(|error| StartError::HighWater { path: settings.high_water.clone(), error })
}

/// The origin that a segment's genesis names. It is only read here: the start checks it.
///
/// # Errors
/// If there is no ledger, or it is not one of `name`.
pub fn origin(path: &Path, name: &str) -> Result<String, StartError> {
    let body = match Store::in_place(path).and_then(|store| store.body(0)) {
        Ok(body) => body,
        Err(Unreadable::Missing(path)) => return Err(Unwritable::Missing(path).into()),
        Err(other) => {
            // SQLite writes beside what it reads, and hides why it cannot.
            room(path)?;
            return Err(other.into());
        }
    };
    match Entry::parse(&body).map(|entry| entry.what) {
        Ok(What::Genesis(genesis)) if genesis.origin.starts_with(&format!("{name}/")) => {
            Ok(genesis.origin)
        }
        Ok(What::Genesis(genesis)) => Err(StartError::Unsound(format!(
            "it is of `{}`, and the configuration says `{name}`",
            genesis.origin
        ))),
        _ => Err(StartError::Unsound("entry 0 is no genesis".to_owned())),
    }
}

/// The entries of a policy: its sections, then its head.
fn policy(rules: &Rules, judge: u64) -> Vec<What> {
    let section = |section| What::Policy(Policy { section });
    let detectors = [Section::Detectors(rules.detectors)];
    let staff = rules.staff.map(Section::Staff);
    let providers = rules.providers.iter().cloned().map(Section::Provider);
    let mut sections: Vec<_> = detectors.into_iter().chain(staff).chain(providers).collect();
    let head = Head { digest: rules.digest, sections: sections.len() as u64, judge };
    sections.push(Section::Head(head));
    sections.into_iter().map(section).collect()
}

/// Everything the registrar owns that a failed commit makes worthless.
pub(super) struct State {
    writer: Writer,
    edge: Frontier,
    tiles: Edge,
    leaf: Hash,
    clock: Clock,
    pub(super) fold: Fold,
}

impl State {
    /// Takes up the ledger: checks it whole, folds it, and records the rules if they are new. Time is
    /// taken up with it, or goes on by `clock` where a run that has one recovers.
    pub(super) fn start(
        settings: &Settings,
        signer: &Signer,
        rules: &Rules,
        factory: &Factory,
        clock: Option<&Clock>,
    ) -> Result<(State, String), StartError> {
        let writer = Writer::open(&settings.path)?;
        let high_water = read_high_water(&settings.high_water)?;
        let store = Store::in_place(&settings.path)?;
        let (mut tiles, mut full, mut tiles_hold) = (Edge::default(), Vec::new(), true);
        let mut fold = Fold::new(factory());
        let anchors = [high_water];
        let trust = Trust { key: signer.key(), anchors: &anchors, all_signatures: false };
        let mut visit = |entry: &Entry, leaf: Hash| {
            fold.apply(entry, None);
            tiles.push(leaf, &mut full);
            // Tiles that are full are stored already, and must be what the entries give.
            for tile in full.drain(..) {
                let stored = store.tile(tile.level, tile.n).ok().flatten();
                tiles_hold &= stored.is_some_and(|hashes| hashes == tile.hashes);
            }
        };
        let sound = scan(&store, &trust, &mut |_, _| (), &mut visit);
        let sound = sound.map_err(|failure| unsound(failure, settings, &anchors[0]))?;
        if !tiles_hold {
            return Err(Unreadable::Tiles.into());
        }
        let last = sound.edge.size().saturating_sub(1);
        let clock = match clock {
            Some(clock) => clock.going_on_from(sound.last),
            None => Clock::resume(&settings.clock, last, sound.last)?,
        };
        let mut state = State { writer, edge: sound.edge, tiles, leaf: sound.leaf, clock, fold };
        let enacted = state.enact(rules, signer)?;
        let told = state.tell_time(signer)?;
        Ok((state, told.or(enacted).unwrap_or(sound.note)))
    }

    /// Whether entries can hold these rules. Nothing is kept of the trial.
    pub(super) fn holds(&self, rules: &Rules, now: Moment) -> bool {
        let (seq, prev) = (self.edge.size(), self.leaf);
        let entry = |what| Entry { seq, prev, now, what };
        policy(rules, self.fold.judge.version())
            .into_iter()
            .all(|what| entry(what).encode().is_ok())
    }

    /// Whether rules may come into force: they loosen nothing, or two administrators approved them.
    pub(super) fn may(&self, rules: &Rules) -> bool {
        let Some((_, head)) = &self.fold.head else { return true };
        let approved = self.fold.acts.approved();
        let compared = head.digest == rules.digest || rules.loosens_not == Some(head.digest);
        let mut next = self.fold.rules.clone();
        let stands = |what| {
            let now = Moment::default();
            let entry = Entry { seq: self.edge.size(), prev: self.leaf, now, what };
            let stands = next.admits(&entry, &approved);
            next.apply(&entry);
            stands
        };
        (compared || approved.policy(&rules.digest))
            && policy(rules, self.fold.judge.version()).into_iter().all(stands)
    }

    /// Records the rules, unless they are those in force.
    pub(super) fn enact(
        &mut self,
        rules: &Rules,
        signer: &Signer,
    ) -> Result<Option<String>, StartError> {
        let version = self.fold.judge.version();
        let same = |head: &Head| head.digest == rules.digest && head.judge == version;
        if self.fold.head.as_ref().is_some_and(|(_, head)| same(head)) {
            return Ok(None);
        }
        if !self.may(rules) {
            return Err(StartError::Unapproved);
        }
        let mut batch = self.begin();
        let now = self.clock.now();
        for what in policy(rules, version) {
            self.add(&mut batch, now, what)?;
        }
        Ok(Some(self.commit(&batch, signer)?))
    }

    /// Records what is to be told of the clocks.
    fn tell_time(&mut self, signer: &Signer) -> Result<Option<String>, StartError> {
        let mut note = None;
        while let Some(warning) = self.clock.news() {
            let mut batch = self.begin();
            let now = self.clock.now();
            self.add(&mut batch, now, What::Warning(warning.clone()))?;
            note = Some(self.commit(&batch, signer)?);
            self.clock.told(&warning);
        }
        Ok(note)
    }

    /// The clock that its entries are written by.
    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Entry number of the policy head in force.
    pub(super) fn head(&self) -> u64 {
        self.fold.head.as_ref().expect("a start records a policy if there is none").0
    }

    pub(super) fn judge(&self) -> &dyn Judge {
        &*self.fold.judge
    }

    /// Number of the next entry.
    pub(super) fn next(&self) -> u64 {
        self.edge.size()
    }

    /// Whether a verifier would pass an act that is written now.
    pub(super) fn stands(&self, act: &Act, now: Moment) -> Result<(), BadAct> {
        self.fold.acts.check(now.at, act)
    }

    /// The jobs that acts have declared.
    pub(super) fn jobs(&self) -> &Arc<Jobs> {
        self.fold.acts.jobs()
    }

    /// Who has used up a budget of entries.
    pub(super) fn exhausted(&self) -> &Arc<Exhausted> {
        self.fold.growth.exhausted()
    }

    /// What acts have approved.
    pub(super) fn approved(&self) -> Arc<Approved> {
        self.fold.acts.approved()
    }

    /// Takes the alerts, warnings and acts that were added since it was last called.
    pub(super) fn take_notices(&mut self) -> Vec<Arc<Entry>> {
        std::mem::take(&mut self.fold.notices)
    }

    /// The time of the next entries.
    pub(super) fn now(&self) -> Moment {
        self.clock.now()
    }

    /// An empty commit behind the last entry.
    pub(super) fn begin(&self) -> Commit {
        Commit { first: self.edge.size(), ..Commit::default() }
    }

    /// Adds an entry to the commit and folds it; returns its number.
    pub(super) fn add(
        &mut self,
        batch: &mut Commit,
        now: Moment,
        what: What,
    ) -> Result<u64, Malformed> {
        self.add_asked(batch, now, what, None)
    }

    /// Adds what is to be told of the budgets that the last entry was charged to.
    pub(super) fn add_due(&mut self, batch: &mut Commit, now: Moment) -> Result<(), Malformed> {
        for warning in self.fold.growth.due() {
            self.add(batch, now, What::Warning(warning))?;
        }
        Ok(())
    }

    /// The same of a read, with what was asked if it came with a request id.
    pub(super) fn add_asked(
        &mut self,
        batch: &mut Commit,
        now: Moment,
        what: What,
        asked: Option<Hash>,
    ) -> Result<u64, Malformed> {
        let entry = Entry { seq: self.edge.size(), prev: self.leaf, now, what };
        let body = entry.encode()?;
        self.leaf = merkle::leaf(body.as_bytes());
        self.edge.push(self.leaf);
        self.tiles.push(self.leaf, &mut batch.tiles);
        self.fold.apply(&entry, asked);
        batch.bodies.push(body);
        Ok(entry.seq)
    }

    /// Signs and writes a commit; returns its checkpoint. After an error the state is worthless.
    pub(super) fn commit(
        &mut self,
        batch: &Commit,
        signer: &Signer,
    ) -> Result<String, rusqlite::Error> {
        let note = signer.sign(self.edge.size(), self.edge.root());
        self.writer.commit(batch, &note)?;
        Ok(note)
    }
}

fn read_high_water(path: &Path) -> Result<String, StartError> {
    files::read_text(path, files::SMALL)
        .map_err(|error| StartError::HighWater { path: path.to_owned(), error })
}

/// Why a ledger is not taken up. Its one anchor is the high-water file.
fn unsound(failure: Failure, settings: &Settings, high_water: &str) -> StartError {
    let highest = Checkpoint::parse(high_water).map_or(0, |checkpoint| checkpoint.size);
    let behind = |unsound: &Unsound| match unsound.fault {
        Fault::Forked => true,
        Fault::Truncated => unsound.first_wrong.is_some_and(|first| first < highest),
        _ => false,
    };
    let path = settings.high_water.clone();
    match failure {
        Failure::Unreadable(unreadable) => unreadable.into(),
        Failure::Unsound(unsound) if behind(&unsound) => {
            StartError::Behind { path, detail: unsound.detail }
        }
        Failure::Anchor { why, .. } => {
            StartError::HighWater { path, error: io::Error::new(io::ErrorKind::InvalidData, why) }
        }
        other @ Failure::Unsound(_) => StartError::Unsound(other.to_string()),
    }
}
