//! The file of the records, as others write it: another one in its place is noticed, opened, and
//! held against what it would take the place of. Who swaps the one for the other is not known here.

use std::fs;
use std::path::{Path, PathBuf};

use super::Source;
use super::sqlite::{DataFinding, DatasetStatus, OpenError};
use crate::admission::Word;
use crate::files::{Watched, beside};

/// The file, watched: SQLite sees what is written in the file that it has open, and nothing of
/// another one.
pub struct RecordsFile(Watched);

/// Why a file is not taken up.
#[derive(Debug, thiserror::Error)]
pub enum NotOpened {
    /// SQLite would play a journal into the wrong file.
    #[error(
        "another file is in the place of the records, and beside it a journal that may be of the one \
         before, {}: it is opened when that is gone", .0.display()
    )]
    Journal(PathBuf),
    /// It cannot be opened, does not fit the policy, or would stop a dataset that serves.
    #[error(transparent)]
    Unfit(#[from] OpenError),
}

impl RecordsFile {
    /// The file that is at this path, from now on.
    pub fn at(path: PathBuf) -> RecordsFile {
        RecordsFile(Watched::place(path))
    }

    /// Whether another file is in its place, and due to be opened.
    pub fn due(&mut self) -> bool {
        self.0.due()
    }

    /// Whether another one waits to be opened again.
    pub fn waits(&self) -> bool {
        self.0.waits()
    }

    /// What is at the path now is read from.
    pub fn taken(&mut self) {
        self.0.taken();
    }

    /// Opens what is at the path, because another file is there.
    ///
    /// # Errors
    /// [`NotOpened`]: what was read from before is to be read from still.
    pub fn open_other(
        &mut self,
        open: impl FnOnce() -> Result<Source, OpenError>,
        before: &Source,
    ) -> Result<Source, NotOpened> {
        self.check_journal()?;
        self.0.reading();
        self.open(open, before)
    }

    /// Opens what is at the path anew, for whatever reason.
    ///
    /// # Errors
    /// [`NotOpened`]: what was read from before is to be read from still.
    pub fn open(
        &self,
        open: impl FnOnce() -> Result<Source, OpenError>,
        before: &Source,
    ) -> Result<Source, NotOpened> {
        self.check_journal()?;
        let source = open()?;
        self.check_serving(before, &source)?;
        Ok(source)
    }

    /// Holds another file to having no journal beside it, before anything opens it.
    fn check_journal(&self) -> Result<(), NotOpened> {
        match journal(self.0.path()).filter(|_| self.0.changed()) {
            Some(journal) => Err(NotOpened::Journal(journal)),
            None => Ok(()),
        }
    }

    /// Holds records to stopping no dataset that can be read from: they are no better than those
    /// that are there.
    fn check_serving(&self, before: &Source, after: &Source) -> Result<(), OpenError> {
        let stopped = |standing: &DatasetStatus| standing.stopped();
        let before = before.standings().into_iter().filter(stopped);
        let before: Vec<Word> = before.map(|standing| standing.dataset).collect();
        let stops = after.standings().into_iter().filter(stopped);
        let findings: Vec<DataFinding> = stops
            .filter(|standing| !before.contains(&standing.dataset))
            .flat_map(|standing| standing.findings.to_vec())
            .collect();
        if findings.is_empty() {
            return Ok(());
        }
        Err(OpenError::Unfit { path: self.0.path().to_owned(), findings })
    }
}

/// A journal that SQLite would play into the file beside it, whichever file it was written for.
fn journal(records: &Path) -> Option<PathBuf> {
    let holds = |path: &PathBuf| fs::metadata(path).is_ok_and(|file| file.len() > 0);
    ["-wal", "-journal"].into_iter().map(|suffix| beside(records, suffix)).find(holds)
}
