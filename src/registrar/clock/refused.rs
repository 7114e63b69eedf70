//! Why time does not go on at a start, and what to do about it.

use jiff::Timestamp;

use crate::format::entry::Millis;

/// The clock is not one to write entries by.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ClockRefused {
    /// It is too far from the last entry, or before this program was built, and nobody has
    /// confirmed it.
    #[error(
        "this machine's clock says {}, {}: set it if it is wrong. If it is right, start once with \
         `--confirm-clock {seq}`, the number of that entry; docs/operating.md, section 3, says what \
         comes of it", when(*.wall), distance(*.wall, *.last, *.seq, *.built)
    )]
    Unconfirmed {
        /// Number of the last entry in the ledger.
        seq: u64,
        /// Time of the last entry, Unix milliseconds.
        last: Millis,
        /// What the wall clock says, Unix milliseconds.
        wall: Millis,
        /// When this program was built, if the clock is before that.
        built: Option<Millis>,
    },
    /// The entry by which it is confirmed is not the last one.
    #[error(
        "`--confirm-clock {named}` names another entry than the last of the ledger, {seq}: leave it out \
         of the unit file, it is for one start"
    )]
    OtherEntry {
        /// Entry number that was given to confirm the clock.
        named: u64,
        /// Number of the last entry in the ledger.
        seq: u64,
    },
    /// A ledger cannot begin before the program that writes it.
    #[error(
        "this machine's clock says {}, and this program was built at {}: set the clock",
        when(*.wall), when(*.built)
    )]
    BeforeBuild {
        /// What the wall clock says, Unix milliseconds.
        wall: Millis,
        /// When this program was built, Unix milliseconds.
        built: Millis,
    },
}

fn when(at: Millis) -> String {
    let at = i64::try_from(at).ok().and_then(|at| Timestamp::from_millisecond(at).ok());
    at.map_or_else(|| "a time that no calendar has".to_owned(), |at| format!("{at:.0}"))
}

fn distance(wall: Millis, last: Millis, seq: u64, built: Option<Millis>) -> String {
    let days = wall.abs_diff(last) / 86_400_000;
    let side = if wall < last { "before" } else { "after" };
    let entry =
        format!("{days} days {side} entry {seq}, the last of the ledger, of {}", when(last));
    match built {
        Some(built) => format!("before this program was built ({}), {entry}", when(built)),
        None => entry,
    }
}
