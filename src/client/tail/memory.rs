//! What a tail remembers of a ledger, and what it denounces: a ledger that is not, or no longer,
//! the one that it followed. It knows nothing of connections.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use tokio::time::Instant;

use crate::format::checkpoint::{BadNote, Checkpoint, VerifierKey};
use crate::format::entry::Hash;
use crate::format::merkle;

/// How long a gateway may owe the proof that its ledger only grew: it is busy, or it has none.
const PROOF_PATIENCE: Duration = Duration::from_secs(600);

/// First line of the text of a state.
const FORM: &str = "greffier tail 1";

/// Where a tail goes on from. As text: a line for the form, one for the entry, and the checkpoint
/// as it came, a signed note that `greffier verify --anchor` takes too once the two lines are gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TailState {
    /// The last entry that was delivered.
    pub after: u64,
    /// The newest checkpoint that was checked, a signed note.
    pub checkpoint: Option<String>,
}

/// Why text is not a state.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadState {
    /// The first line is that of another file, or of another version's state.
    #[error("its first line is not `{FORM}`")]
    Form,
    /// The second line is not `after` and an entry number.
    #[error("its second line is not `after` and an entry number")]
    After,
}

impl fmt::Display for TailState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let checkpoint = self.checkpoint.as_deref().unwrap_or_default();
        write!(f, "{FORM}\nafter {}\n{checkpoint}", self.after)
    }
}

impl FromStr for TailState {
    type Err = BadState;

    fn from_str(text: &str) -> Result<TailState, BadState> {
        let rest = text.strip_prefix(FORM).and_then(|rest| rest.strip_prefix('\n'));
        let rest = rest.ok_or(BadState::Form)?.strip_prefix("after ").ok_or(BadState::After)?;
        let (after, note) = rest.split_once('\n').ok_or(BadState::After)?;
        let after = after.parse().map_err(|_| BadState::After)?;
        let checkpoint = (!note.is_empty()).then(|| note.to_owned());
        Ok(TailState { after, checkpoint })
    }
}

/// Why a gateway or its ledger must not be believed any more.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Denounced {
    /// The gateway's checkpoint is not one of the ledger that is followed.
    #[error("the gateway's checkpoint is not one of this ledger: {0}")]
    Note(#[from] BadNote),
    /// The ledger is shorter than it was, so entries are gone.
    #[error(
        "the ledger is shorter than it was: it had {remembered} entries and has {now}: an older \
         copy was put in its place, or entries were cut off"
    )]
    Shorter {
        /// How many entries the remembered checkpoint covers.
        remembered: u64,
        /// How many entries the newest checkpoint covers.
        now: u64,
    },
    /// The ledger does not go on from the remembered checkpoint, so entries are others.
    #[error(
        "the ledger of {now} entries does not go on from the {remembered} entries that were \
         signed before: it was rewritten or forked"
    )]
    Forked {
        /// How many entries the remembered checkpoint covers.
        remembered: u64,
        /// How many entries the checkpoint covers that does not go on from it.
        now: u64,
    },
    /// It signs ever more, and does not show that it goes on from what it signed before.
    #[error(
        "for {} minutes the gateway has not proven that its ledger of {now} entries goes on from \
         the {remembered} that were signed before",
        PROOF_PATIENCE.as_secs() / 60
    )]
    Unproven {
        /// How many entries the remembered checkpoint covers.
        remembered: u64,
        /// How many entries the newest checkpoint covers.
        now: u64,
    },
    /// An entry came behind which the gateway said that it had sent everything.
    #[error("entry {entry} came after all up to entry {after} was said to have been sent")]
    OutOfOrder {
        /// Number of the entry that came late.
        entry: u64,
        /// Number of the entry up to which all was said to have been sent.
        after: u64,
    },
}

/// What there is to do about a checkpoint whose signature is good.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Advance {
    /// Nothing: it is the one that is remembered, or the first.
    Same,
    /// A proof is due that it goes on from the one of this size.
    Grown { from: u64 },
}

/// What a tail remembers of its ledger, and what it is owed.
pub(super) struct TailMemory {
    key: VerifierKey,
    state: TailState,
    remembered: Option<Checkpoint>,
    /// Up to which entry the gateway said that it had sent everything.
    claimed: u64,
    /// Since when a proof is owed.
    owed: Option<Instant>,
}

impl TailMemory {
    /// # Errors
    /// If the key did not sign the checkpoint of the state.
    pub(super) fn new(key: VerifierKey, state: TailState) -> Result<TailMemory, BadNote> {
        let remembered = state.checkpoint.as_deref();
        let remembered = remembered.map(|note| Checkpoint::open(note, &key)).transpose()?;
        Ok(TailMemory { key, state, remembered, claimed: 0, owed: None })
    }

    pub(super) fn state(&self) -> &TailState {
        &self.state
    }

    /// Takes an entry as delivered, if it comes in order.
    pub(super) fn follows(&mut self, entry: u64) -> Result<(), Denounced> {
        let after = self.state.after.max(self.claimed);
        if entry <= after {
            return Err(Denounced::OutOfOrder { entry, after });
        }
        self.state.after = entry;
        Ok(())
    }

    /// Takes the gateway at its word: nothing up to there may come any more.
    pub(super) fn claim(&mut self, up_to: u64) {
        self.claimed = self.claimed.max(up_to);
    }

    /// Checks a checkpoint; the first one is remembered.
    pub(super) fn look(&mut self, note: &str) -> Result<(Checkpoint, Advance), Denounced> {
        let checkpoint = Checkpoint::open(note, &self.key)?;
        let now = checkpoint.size;
        let after = self.state.after;
        if now <= after {
            // An entry that was delivered is not there any more, whatever else the checkpoint
            // covers.
            return Err(Denounced::Shorter { remembered: after.saturating_add(1), now });
        }
        let Some(known) = &self.remembered else {
            self.remember(note, checkpoint.clone());
            return Ok((checkpoint, Advance::Same));
        };
        let remembered = known.size;
        if now < remembered {
            return Err(Denounced::Shorter { remembered, now });
        }
        if now > remembered {
            return Ok((checkpoint, Advance::Grown { from: remembered }));
        }
        if known.root != checkpoint.root {
            return Err(Denounced::Forked { remembered, now });
        }
        Ok((checkpoint, Advance::Same))
    }

    /// Remembers a checkpoint that was looked at, if the proof holds.
    pub(super) fn grow(
        &mut self,
        note: &str,
        checkpoint: &Checkpoint,
        proof: &[Hash],
    ) -> Result<(), Denounced> {
        if let Some(Checkpoint { size, root, .. }) = self.remembered
            && !merkle::is_consistent(size, root, checkpoint.size, checkpoint.root, proof)
        {
            return Err(Denounced::Forked { remembered: size, now: checkpoint.size });
        }
        self.remember(note, checkpoint.clone());
        Ok(())
    }

    /// The gateway was away: what it owes begins again.
    pub(super) fn regained(&mut self) {
        self.owed = None;
    }

    /// Takes note that the proof for a checkpoint of this size could not be had.
    pub(super) fn owe(&mut self, now: u64, moment: Instant) -> Result<(), Denounced> {
        let since = *self.owed.get_or_insert(moment);
        match &self.remembered {
            Some(known) if moment.saturating_duration_since(since) > PROOF_PATIENCE => {
                Err(Denounced::Unproven { remembered: known.size, now })
            }
            _ => Ok(()),
        }
    }

    fn remember(&mut self, note: &str, checkpoint: Checkpoint) {
        self.owed = None;
        self.remembered = Some(checkpoint);
        self.state.checkpoint = Some(note.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::merkle::Frontier;
    use crate::format::signer::Signer;

    const NAME: &str = "greffier.example/reads";

    fn signer(seed: u8) -> Signer {
        Signer::new(NAME, &[seed; 32]).unwrap()
    }

    fn key(seed: u8) -> VerifierKey {
        VerifierKey::new(NAME, *signer(seed).key().public()).unwrap()
    }

    /// The note of a ledger of so many entries, which differ with `kind`.
    fn note(kind: u8, size: u64) -> String {
        let mut tree = Frontier::default();
        (0..size).for_each(|n| tree.push(merkle::leaf(&[kind, n as u8])));
        signer(1).sign(size, tree.root())
    }

    /// The proof from one entry to two: the second leaf.
    fn from_one_to_two(kind: u8) -> Vec<Hash> {
        vec![merkle::leaf(&[kind, 1])]
    }

    fn memory() -> TailMemory {
        TailMemory::new(key(1), TailState::default()).unwrap()
    }

    #[test]
    fn a_state_comes_back_as_it_was_written() {
        let states = [
            TailState::default(),
            TailState { after: 7, checkpoint: None },
            TailState { after: u64::MAX, checkpoint: Some(note(0, 9)) },
        ];
        for state in states {
            assert_eq!(state.to_string().parse(), Ok(state));
        }
        for (text, why) in [
            ("", BadState::Form),
            ("greffier tail 2\nafter 1\n", BadState::Form),
            ("greffier tail 1after 1\n", BadState::Form),
            ("greffier tail 1\nafter 1", BadState::After),
            ("greffier tail 1\nafter x\n", BadState::After),
            ("greffier tail 1\nbefore 1\n", BadState::After),
        ] {
            assert_eq!(text.parse::<TailState>(), Err(why), "{text:?}");
        }
    }

    #[test]
    fn a_ledger_that_grew_is_believed_with_its_proof_only() {
        let mut memory = memory();
        let (first, second) = (note(0, 1), note(0, 2));
        assert_eq!(memory.look(&first).unwrap().1, Advance::Same);
        let (checkpoint, seen) = memory.look(&second).unwrap();
        assert_eq!(seen, Advance::Grown { from: 1 });
        let forked = Err(Denounced::Forked { remembered: 1, now: 2 });
        assert_eq!(memory.grow(&second, &checkpoint, &from_one_to_two(1)), forked);
        assert_eq!(memory.grow(&second, &checkpoint, &[]), forked);
        assert_eq!(memory.state().checkpoint.as_ref(), Some(&first));
        assert_eq!(memory.grow(&second, &checkpoint, &from_one_to_two(0)), Ok(()));
        assert_eq!(memory.state().checkpoint.as_ref(), Some(&second));
        assert_eq!(memory.look(&second).unwrap().1, Advance::Same);
    }

    #[test]
    fn a_shorter_another_or_a_foreign_ledger_is_denounced() {
        let mut memory = memory();
        memory.look(&note(0, 5)).unwrap();
        let look = |memory: &mut TailMemory, note: &str| memory.look(note).err();
        let shorter = Some(Denounced::Shorter { remembered: 5, now: 4 });
        assert_eq!(look(&mut memory, &note(0, 4)), shorter);
        let forked = Some(Denounced::Forked { remembered: 5, now: 5 });
        assert_eq!(look(&mut memory, &note(1, 5)), forked);
        let name = format!("{NAME}/other");
        let other = Signer::new(&name, &[1; 32]).unwrap().sign(9, Hash([0; 32]));
        assert_eq!(look(&mut memory, &other), Some(Denounced::Note(BadNote::Foreign(name))));
        let strange = signer(2).sign(9, Hash([0; 32]));
        assert_eq!(look(&mut memory, &strange), Some(Denounced::Note(BadNote::Unsigned)));
        assert!(memory.look(&note(0, 5)).is_ok());
    }

    #[test]
    fn a_ledger_without_an_entry_that_was_delivered_is_denounced() {
        let mut memory = memory();
        memory.look(&note(0, 1)).unwrap();
        memory.follows(3).unwrap();
        // It goes on from the one that is remembered, and yet something was taken back.
        let shorter = Some(Denounced::Shorter { remembered: 4, now: 3 });
        assert_eq!(memory.look(&note(0, 3)).err(), shorter);
        assert_eq!(memory.look(&note(0, 4)).unwrap().1, Advance::Grown { from: 1 });
    }

    #[test]
    fn what_a_gateway_owes_begins_again_when_it_comes_back() {
        let mut memory = memory();
        memory.look(&note(0, 1)).unwrap();
        let began = Instant::now();
        assert_eq!(memory.owe(2, began), Ok(()));
        memory.regained();
        assert_eq!(memory.owe(2, began + 2 * PROOF_PATIENCE), Ok(()));
    }

    #[test]
    fn a_gateway_that_owes_its_proof_for_too_long_is_denounced() {
        let mut memory = memory();
        memory.look(&note(0, 1)).unwrap();
        let began = Instant::now();
        assert_eq!(memory.owe(2, began), Ok(()));
        assert_eq!(memory.owe(3, began + PROOF_PATIENCE), Ok(()));
        let late = began + PROOF_PATIENCE + Duration::from_millis(1);
        assert_eq!(memory.owe(4, late), Err(Denounced::Unproven { remembered: 1, now: 4 }));
        let (checkpoint, _) = memory.look(&note(0, 2)).unwrap();
        assert_eq!(memory.grow(&note(0, 2), &checkpoint, &from_one_to_two(0)), Ok(()));
        assert_eq!(memory.owe(4, late), Ok(()));
    }

    #[test]
    fn a_state_of_another_key_is_refused() {
        let state = TailState { after: 3, checkpoint: Some(note(0, 5)) };
        assert_eq!(TailMemory::new(key(2), state).err(), Some(BadNote::Unsigned));
    }

    #[test]
    fn nothing_comes_twice_and_nothing_behind_what_was_claimed() {
        let mut memory = memory();
        assert_eq!(memory.follows(3), Ok(()));
        assert_eq!(memory.follows(3), Err(Denounced::OutOfOrder { entry: 3, after: 3 }));
        memory.claim(9);
        assert_eq!(memory.follows(9), Err(Denounced::OutOfOrder { entry: 9, after: 9 }));
        assert_eq!((memory.follows(10), memory.state().after), (Ok(()), 10));
    }
}
