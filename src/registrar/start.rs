//! How a ledger begins and how a daemon takes it up: one path for the first start, for the one
//! after a crash and for the one after a failed commit. Everything in memory is folded from the
//! file.

use std::io;
use std::path::{Path, PathBuf};

use super::clock;
use super::clock::{Clock, ClockRefused};
use super::core;
use super::core::OpenLedger;
use super::rules::Rules;
use super::writer::{Commits, Edge, Unwritable, Writer};
use crate::files;
use crate::format::checkpoint::Checkpoint;
use crate::format::entry::{Act, Entry, Genesis, Hash, Payload};
use crate::format::merkle::Frontier;
use crate::format::signer::Signer;
use crate::state::judge::Judge;
use crate::state::policies::BadPolicy;
use crate::state::{Inadmissible, State};
use crate::verify::store::{FORMAT, Store, Unreadable};
use crate::verify::{Failure, LedgerFault, Sound, Trust, Unsound, scan};

/// Where the ledger lies and how it is fed.
#[derive(Debug, Clone)]
pub struct LedgerSettings {
    /// Path of the ledger's SQLite file.
    pub path: PathBuf,
    /// Path of the high-water file, which holds the newest checkpoint.
    pub high_water: PathBuf,
    /// How many drafts may wait in the queue at most.
    pub queue: usize,
    /// Most of them of one provider.
    pub share: usize,
    /// How time is told, and whether the clock is confirmed.
    pub clock: clock::ClockSettings,
    /// How commits reach the disk; a simulation replaces it.
    pub commits: Commits,
}

/// Makes judges with a fresh state.
pub type JudgeFactory = dyn Fn() -> Box<dyn Judge> + Send;

/// Why a ledger cannot be taken up.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The ledger does not pass verification; holds what is wrong with it.
    #[error(
        "the ledger does not hold: {0}. Keep the file with its -wal as they are, and verify a copy; \
         docs/operating.md says how to go on"
    )]
    Unsound(String),
    /// It is another one than the configuration says.
    #[error(
        "the ledger is not the one that config.toml names: {0}. `name`, `ledger.path` and \
         `ledger.signing_key` must be those of one ledger"
    )]
    Other(String),
    /// It is not the one that its high-water file saw last.
    #[error(
        "the ledger does not go on from its high-water file {}: {detail}. It was edited, or an older \
         copy or another ledger was put in its place: put the newest one back", path.display()
    )]
    Behind {
        /// Path of the high-water file, which is ahead of the ledger.
        path: PathBuf,
        /// How the ledger differs from the high-water file.
        detail: String,
    },
    /// The clock is not one to write by.
    #[error(transparent)]
    Clock(#[from] ClockRefused),
    /// The ledger file cannot be written.
    #[error("the ledger cannot be written: {0}")]
    Unwritable(#[from] Unwritable),
    /// The ledger file cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The high-water file is not there.
    #[error(
        "the high-water file {} cannot be read ({error}): put the newest checkpoint there that you \
         trust (from a mirror, an anchor or a reply) and start again", path.display()
    )]
    HighWater {
        /// Path of the high-water file that cannot be read.
        path: PathBuf,
        /// The error that the system gives.
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
    /// The ledger was ruled by a newer judge.
    #[error(
        "the policy in force was recorded by a program with a newer judge than this one, and rules do \
         not go back: start the newer program"
    )]
    Older,
    /// The system gives no thread to run the registrar on.
    #[error("no thread for the ledger: {0}")]
    Thread(io::Error),
    /// A founding enrolment, or a policy, that a verifier would not pass.
    #[error("what the ledger is to begin with, or go on with, cannot be recorded: {0}")]
    Inadmissible(Inadmissible),
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

impl From<Inadmissible> for StartError {
    fn from(why: Inadmissible) -> StartError {
        match why {
            Inadmissible::Policy(BadPolicy::Loosened) => StartError::Unapproved,
            Inadmissible::Policy(BadPolicy::Older) => StartError::Older,
            other => StartError::Inadmissible(other),
        }
    }
}

impl From<core::RecordError> for StartError {
    fn from(failed: core::RecordError) -> StartError {
        match failed {
            core::RecordError::Inadmissible(why) => why.into(),
            core::RecordError::Unwritten(error) => error.into(),
        }
    }
}

impl From<rusqlite::Error> for StartError {
    fn from(error: rusqlite::Error) -> StartError {
        StartError::Unwritable(error.into())
    }
}

/// Makes a new ledger: the genesis, the enrolments of the keys that it begins
/// with and its first policy, in one commit, and the high-water file.
///
/// # Errors
/// If a file is there already, or cannot be written.
pub fn create(
    settings: &LedgerSettings,
    signer: &Signer,
    rules: &Rules,
    founding: &[Act],
    judge: Box<dyn Judge>,
) -> Result<(), StartError> {
    let version = judge.version();
    let writer = Writer::create(&settings.path)?;
    let mut core = OpenLedger {
        writer,
        edge: Frontier::default(),
        tiles: Edge::default(),
        leaf: Hash::default(),
        clock: Clock::found(&settings.clock.clocks)?,
        state: State::default(),
        judge,
        notices: Vec::new(),
    };
    let now = core.now();
    let mut batch = core.begin();
    let genesis = Genesis {
        format: FORMAT.unsigned_abs(),
        origin: signer.key().name().to_owned(),
        key: signer.key().public_text(),
    };
    core.add(&mut batch, now, vec![Payload::Genesis(genesis)])?;
    for act in founding {
        core.add(&mut batch, now, vec![Payload::Act(act.clone())])?;
    }
    core.add(&mut batch, now, rules.entries(version))?;
    let note = core.commit(&batch, signer)?;
    files::replace(&settings.high_water, &note)
        .map_err(|error| StartError::HighWater { path: settings.high_water.clone(), error })
}

/// Takes up the ledger: checks it whole, folds it, and records the rules if they are new. Time is
/// taken up with it, or goes on by `clock` where a run that has one recovers.
pub(super) fn start(
    settings: &LedgerSettings,
    signer: &Signer,
    rules: &Rules,
    factory: &JudgeFactory,
    clock: Option<&Clock>,
) -> Result<(OpenLedger, String), StartError> {
    let writer = Writer::open(&settings.path, settings.commits.clone())?;
    let high_water = read_high_water(&settings.high_water)?;
    let store = Store::in_place(&settings.path)?;
    let (mut tiles, mut full, mut tiles_hold) = (Edge::default(), Vec::new(), true);
    let (mut judge, mut notices) = (factory(), Vec::new());
    let anchors = [high_water];
    let trust = Trust { key: signer.key(), anchors: &anchors, all_signatures: false };
    let mut visit = |entry: &Entry, leaf: Hash, _: &State| {
        judge.apply(entry);
        notices.extend(core::notice(entry));
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
    let Sound { edge, leaf, state, last, note, .. } = sound;
    let clock = match clock {
        Some(clock) => clock.going_on_from(last),
        None => Clock::resume(&settings.clock, edge.size().saturating_sub(1), last)?,
    };
    let mut core = OpenLedger { writer, edge, tiles, leaf, clock, state, judge, notices };
    let enacted = core.enact(rules, signer)?;
    let told = core.tell_time(signer)?;
    Ok((core, told.or(enacted).unwrap_or(note)))
}

fn read_high_water(path: &Path) -> Result<String, StartError> {
    files::read_text(path, files::SMALL)
        .map_err(|error| StartError::HighWater { path: path.to_owned(), error })
}

/// Why a ledger is not taken up. Its one anchor is the high-water file.
fn unsound(failure: Failure, settings: &LedgerSettings, high_water: &str) -> StartError {
    let highest = Checkpoint::parse(high_water).map_or(0, |checkpoint| checkpoint.size);
    let behind = |unsound: &Unsound| match unsound.fault {
        LedgerFault::Forked => true,
        LedgerFault::Truncated => unsound.first_wrong.is_some_and(|first| first < highest),
        _ => false,
    };
    let path = settings.high_water.clone();
    match failure {
        Failure::Unreadable(unreadable) => unreadable.into(),
        Failure::Unsound(unsound)
            if (unsound.fault, unsound.first_wrong) == (LedgerFault::Stranger, Some(0)) =>
        {
            StartError::Other(unsound.detail)
        }
        Failure::Unsound(unsound) if behind(&unsound) => {
            StartError::Behind { path, detail: unsound.detail }
        }
        Failure::Anchor { why, .. } => {
            StartError::HighWater { path, error: io::Error::new(io::ErrorKind::InvalidData, why) }
        }
        other @ Failure::Unsound(_) => StartError::Unsound(other.to_string()),
    }
}
