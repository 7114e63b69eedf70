//! What the registrar holds that a commit in doubt makes worthless: the file, the chain, what its
//! entries say, and the judge. Nothing goes into a commit that its own start would refuse.

use std::sync::Arc;

use super::clock::Clock;
use super::rules::Rules;
use super::writer::{Commit, Edge, Writer};
use crate::format::entry::{
    Entry, Hash, Head, Moment, Outcome, Payload, Read, Roster, Ruling, Warning,
};
use crate::format::merkle;
use crate::format::merkle::Frontier;
use crate::format::signer::Signer;
use crate::state::containment::Contained;
use crate::state::judge::{Decision, Judge};
use crate::state::judge_input::JudgeInput;
use crate::state::memory::Reach;
use crate::state::policies::BadPolicy;
use crate::state::{CountedFacts, Inadmissible, State};

/// Everything that is made again from the file when a commit is in doubt.
pub(super) struct OpenLedger {
    pub(super) writer: Writer,
    pub(super) edge: Frontier,
    pub(super) tiles: Edge,
    pub(super) leaf: Hash,
    pub(super) clock: Clock,
    pub(super) state: State,
    pub(super) judge: Box<dyn Judge>,
    /// Alerts, warnings and acts that nobody has taken yet.
    pub(super) notices: Vec<Arc<Entry>>,
}

/// Why something was not recorded, by what is to be done about it.
#[derive(Debug)]
pub(super) enum RecordError {
    /// It may not stand. Nothing of it was written.
    Inadmissible(Inadmissible),
    /// It could not be written: all of this is worthless.
    Unwritten(rusqlite::Error),
}

impl From<Inadmissible> for RecordError {
    fn from(why: Inadmissible) -> RecordError {
        RecordError::Inadmissible(why)
    }
}

impl From<rusqlite::Error> for RecordError {
    fn from(error: rusqlite::Error) -> RecordError {
        RecordError::Unwritten(error)
    }
}

/// Entries that were admitted together, with their bytes and leaves.
struct Group {
    entries: Vec<Entry>,
    bodies: Vec<String>,
    leaves: Vec<Hash>,
}

/// What goes out to whoever has to be told of an entry: alerts, warnings and acts.
pub(super) fn notice(entry: &Entry) -> Option<Arc<Entry>> {
    let told = matches!(entry.payload, Payload::Alert(_) | Payload::Warning(_) | Payload::Act(_));
    told.then(|| Arc::new(entry.clone()))
}

impl OpenLedger {
    /// An empty commit behind the last entry.
    pub(super) fn begin(&self) -> Commit {
        Commit { first: self.edge.size(), ..Commit::default() }
    }

    /// The time of the next entries.
    pub(super) fn now(&self) -> Moment {
        self.clock.now()
    }

    /// Entry number of the policy head in force.
    pub(super) fn head(&self) -> u64 {
        self.state.head().expect("a start records a policy if there is none").0
    }

    /// Adds entries that stand or fall together, and what is to be told of the budgets that they
    /// were charged to; returns the number of the first. What may not stand leaves no trace.
    ///
    /// # Errors
    /// [`Inadmissible`].
    pub(super) fn add(
        &mut self,
        batch: &mut Commit,
        now: Moment,
        group: Vec<Payload>,
    ) -> Result<u64, Inadmissible> {
        let group = self.group(now, group)?;
        self.state.admits(&group.entries, None)?;
        Ok(self.put(batch, now, group, None))
    }

    /// Counts and judges a read; adds it with the alerts that come of it. `asked` is the digest of
    /// what a read asked that came with a request id.
    ///
    /// # Errors
    /// [`Inadmissible`].
    pub(super) fn add_read(
        &mut self,
        batch: &mut Commit,
        now: Moment,
        mut read: Box<Read>,
        reach: Reach,
        asked: Option<Hash>,
    ) -> Result<(u64, Ruling), Inadmissible> {
        let counted: CountedFacts = self.state.count(&read, reach, now);
        read.facts = counted.facts();
        let Decision { ruling, alerts } = self.judge.decide(
            &JudgeInput::of(self.state.next(), &read),
            self.state.standing(),
            now,
        );
        read.ruling = ruling;
        if ruling.outcome == Outcome::Withheld {
            read.on.clear();
            read.off.clear();
            read.rows = 0;
            read.reply = None;
        }
        let mut whats = Vec::with_capacity(1 + alerts.len());
        whats.push(Payload::Read(read));
        whats.extend(alerts.into_iter().map(Payload::Alert));
        let group = self.group(now, whats)?;
        self.state.admits(&group.entries, Some(&counted))?;
        Ok((self.put(batch, now, group, asked), ruling))
    }

    /// Adds a roster that is news, and the warning that comes of it; returns the number of the
    /// entry that says so.
    ///
    /// # Errors
    /// [`Inadmissible`].
    pub(super) fn add_roster(
        &mut self,
        batch: &mut Commit,
        now: Moment,
        found: Roster,
    ) -> Result<u64, Inadmissible> {
        match self.state.news(found, now) {
            Ok(group) => self.add(batch, now, group),
            Err(seq) => Ok(seq),
        }
    }

    /// Whether rules may come into force: they loosen nothing, or two administrators approved them.
    ///
    /// # Errors
    /// [`Inadmissible`] if no entry can hold them, or they may not.
    pub(super) fn admits(&self, rules: &Rules, now: Moment) -> Result<(), Inadmissible> {
        if self.has(rules) {
            return Ok(());
        }
        let group = self.group(now, rules.entries(self.judge.version()))?;
        self.state.admits(&group.entries, None)?;
        let Some((_, head)) = self.state.head() else { return Ok(()) };
        // What does not show in the entries was compared by whoever read the files.
        let compared = head.digest == rules.digest || rules.loosens_not == Some(head.digest);
        if compared || self.state.approved().policy(&rules.digest) {
            Ok(())
        } else {
            Err(Inadmissible::Policy(BadPolicy::Loosened))
        }
    }

    /// Whether these rules are those in force.
    pub(super) fn has(&self, rules: &Rules) -> bool {
        let same = |head: &Head| head.digest == rules.digest && head.judge == self.judge.version();
        self.state.head().is_some_and(|(_, head)| same(head))
    }

    /// Records the rules, unless they are those in force.
    pub(super) fn enact(
        &mut self,
        rules: &Rules,
        signer: &Signer,
    ) -> Result<Option<String>, RecordError> {
        if self.has(rules) {
            return Ok(None);
        }
        let now = self.clock.now();
        self.admits(rules, now)?;
        let mut batch = self.begin();
        self.add(&mut batch, now, rules.entries(self.judge.version()))?;
        Ok(Some(self.commit(&batch, signer)?))
    }

    /// Records what is to be told of the clocks.
    pub(super) fn tell_time(&mut self, signer: &Signer) -> Result<Option<String>, RecordError> {
        let mut note = None;
        while let Some(warning) = self.clock.news() {
            let mut batch = self.begin();
            let now = self.clock.now();
            self.add(&mut batch, now, vec![Payload::Warning(warning.clone())])?;
            note = Some(self.commit(&batch, signer)?);
            self.clock.told(&warning);
        }
        Ok(note)
    }

    /// Signs and writes a commit; returns its checkpoint. After an error all of this is worthless.
    pub(super) fn commit(
        &mut self,
        batch: &Commit,
        signer: &Signer,
    ) -> Result<String, rusqlite::Error> {
        let note = signer.sign(self.edge.size(), self.edge.root());
        self.writer.commit(batch, &note)?;
        Ok(note)
    }

    /// Who is contained, for the door.
    pub(super) fn contained(&self) -> &Arc<Contained> {
        self.state.contained()
    }

    /// Takes the alerts, warnings and acts that were added since it was last called.
    pub(super) fn take_notices(&mut self) -> Vec<Arc<Entry>> {
        std::mem::take(&mut self.notices)
    }

    /// The next entries, chained and encoded. Nothing changes.
    fn group(&self, now: Moment, group: Vec<Payload>) -> Result<Group, Inadmissible> {
        let (mut seq, mut prev) = (self.edge.size(), self.leaf);
        let mut bodies = Vec::with_capacity(group.len());
        let mut leaves = Vec::with_capacity(group.len());
        let mut entries = Vec::with_capacity(group.len());
        for what in group {
            let entry = Entry { seq, prev, now, payload: what };
            let body = entry.encode()?;
            prev = merkle::leaf(body.as_bytes());
            seq += 1;
            bodies.push(body);
            leaves.push(prev);
            entries.push(entry);
        }
        Ok(Group { entries, bodies, leaves })
    }

    /// Puts an admitted group into a commit, folds it, and has what is due told behind it.
    fn put(&mut self, batch: &mut Commit, now: Moment, group: Group, asked: Option<Hash>) -> u64 {
        let Group { entries, bodies, leaves } = group;
        let first = self.edge.size();
        for leaf in leaves {
            self.edge.push(leaf);
            self.tiles.push(leaf, &mut batch.tiles);
            self.leaf = leaf;
        }
        batch.bodies.extend(bodies);
        self.state.apply(&entries, asked);
        for entry in &entries {
            self.judge.apply(entry);
            self.notices.extend(notice(entry));
        }
        for warning in self.state.due() {
            self.tell(batch, now, warning);
        }
        first
    }

    /// Adds a warning of a budget. It is of the gateway's own making and of words that entries
    /// before it hold, so it stands.
    fn tell(&mut self, batch: &mut Commit, now: Moment, warning: Warning) {
        if let Err(why) = self.add(batch, now, vec![Payload::Warning(warning)]) {
            tracing::error!(%why, "a warning of a budget of entries cannot be written");
        }
    }
}
