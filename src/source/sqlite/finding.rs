//! What is wrong with the records, in words: the place and the number of rows, and never a value.

use std::fmt;

use crate::admission::Word;

/// What comes of a finding for reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FindingEffect {
    /// Nothing is read from the dataset until it is mended.
    Stops,
    /// The records are answered as if they were not there.
    Absent,
    /// A search does not find the records.
    Unfound,
    /// Nothing comes of it, but somebody should know.
    Told,
}

impl FindingEffect {
    /// All effects, in the order of the enum.
    pub const ALL: [FindingEffect; 4] =
        [FindingEffect::Stops, FindingEffect::Absent, FindingEffect::Unfound, FindingEffect::Told];

    /// The word of the effect, as it is printed.
    pub fn word(self) -> &'static str {
        match self {
            FindingEffect::Stops => "stops",
            FindingEffect::Absent => "absent",
            FindingEffect::Unfound => "unfound",
            FindingEffect::Told => "told",
        }
    }
}

/// One thing that is wrong with the records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFinding {
    /// Name of the dataset; empty if the finding is of all.
    pub dataset: Word,
    /// Table, or table and column, or search.
    pub place: String,
    /// What is wrong at that place, in words.
    pub what: String,
    /// How many rows it is in; 0 if it is not of rows.
    pub rows: u64,
    /// The first of these rows, as they are read in the order of the ids, counted from 1; 0 if it
    /// is not of rows.
    pub first: u64,
    /// What comes of it for reads.
    pub weight: FindingEffect,
    /// What to do about it, in words.
    pub mend: String,
}

impl fmt::Display for DataFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DataFinding { dataset, place, what, rows, first, weight, mend } = self;
        if !dataset.is_empty() {
            write!(f, "dataset `{dataset}`: ")?;
        }
        write!(f, "{place} {what}")?;
        match rows {
            0 => {}
            1 => write!(f, " in row {first} in the order of ids")?,
            _ => write!(f, " in {rows} rows, the first of them row {first} in the order of ids")?,
        }
        f.write_str(match weight {
            FindingEffect::Stops => "; nothing can be read",
            FindingEffect::Absent => "; answered as absent",
            FindingEffect::Unfound => "; the search does not find them",
            FindingEffect::Told => "",
        })?;
        if mend.is_empty() { Ok(()) } else { write!(f, ": {mend}") }
    }
}
