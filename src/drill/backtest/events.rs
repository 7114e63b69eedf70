//! A recorded past as a file has it: CSV, one disclosed person a line, in order of time. Nothing of the file
//! is believed, and of its names only which are equal is kept, but for those of providers and agents.

use std::collections::HashMap;
use std::io::{self, BufRead};

use csv_core::{ReadRecordResult, Reader};

use crate::format::entry::{Millis, Word};

/// Most bytes of a record, without its quotation marks and commas.
pub(crate) const RECORD_MAX: usize = 1_024;
/// Most bytes of the name of a provider.
pub(crate) const PROVIDER_MAX: usize = 64;
/// Most bytes of the name of an agent or a subject.
pub(crate) const NAME_MAX: usize = 256;
/// Most reads of a past.
pub(crate) const READS_MAX: usize = 50_000_000;

/// Milliseconds up to March 1973: whoever writes so few means seconds.
const TOO_EARLY: Millis = 100_000_000_000;
/// The last millisecond of the year 9999.
const TOO_LATE: Millis = 253_402_300_799_999;
/// Records between two reports of progress.
const STRIDE: usize = 4_096;

/// The columns, those that must be there first.
const COLUMNS: [&str; 5] = ["at", "provider", "agent", "subject", "in_roster"];
const REQUIRED: usize = 4;

/// Why a past could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EventsError {
    /// A line is not as it should be.
    #[error("line {line}: {what}")]
    Faulty {
        /// The line on which the record begins, from 1.
        line: u64,
        /// What is wrong, and what was expected.
        what: String,
    },
    #[error(transparent)]
    Unreadable(#[from] io::Error),
}

/// Everything that was read by anybody, in order of time.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Past {
    /// Whether it says who was on a roster.
    pub(crate) rosters: bool,
    pub(crate) providers: Vec<PastProvider>,
    pub(crate) reads: Vec<PastRead>,
}

/// A provider of the past.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PastProvider {
    pub(crate) id: Word,
    /// The names of its agents, by number.
    pub(crate) agents: Vec<Box<str>>,
    /// How many persons were read.
    pub(crate) subjects: u32,
}

/// One read of one person. Providers, agents and subjects are numbers; the last two, within the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PastRead {
    pub(crate) line: u64,
    pub(crate) at: Millis,
    pub(crate) provider: u32,
    pub(crate) agent: u32,
    pub(crate) subject: u32,
    pub(crate) in_roster: bool,
}

/// Numbers for names, in the order in which they come.
#[derive(Default)]
struct Numbers(HashMap<Box<str>, u32>);

impl Numbers {
    /// The number of a name, and whether it is new.
    fn of(&mut self, name: &str) -> (u32, bool) {
        if let Some(number) = self.0.get(name) {
            return (*number, false);
        }
        let number = u32::try_from(self.0.len()).expect("there are at most READS_MAX names");
        self.0.insert(name.into(), number);
        (number, true)
    }
}

/// The records of a file, one after another, each within [`RECORD_MAX`].
struct Records<R> {
    from: R,
    csv: Reader,
    /// The line that comes next.
    line: u64,
    /// Bytes taken.
    taken: u64,
    fields: [u8; RECORD_MAX],
    /// Where each field ends; one more than there are columns, to see that one is too many.
    ends: [usize; COLUMNS.len() + 1],
}

/// One record.
struct Record<'a> {
    line: u64,
    fields: &'a [u8],
    ends: &'a [usize],
}

impl Record<'_> {
    fn faulty(&self, what: impl Into<String>) -> EventsError {
        EventsError::Faulty { line: self.line, what: what.into() }
    }

    fn text(&self, n: usize, name: &str) -> Result<&str, EventsError> {
        let begin = if n == 0 { 0 } else { self.ends[n - 1] };
        let text = std::str::from_utf8(&self.fields[begin..self.ends[n]]);
        text.map_err(|_| {
            self.faulty(format!("`{name}` is not UTF-8: save the file in that encoding"))
        })
    }

    /// A name of 1 to `most` bytes.
    fn name(&self, n: usize, name: &str, most: usize) -> Result<&str, EventsError> {
        let text = self.text(n, name)?;
        if (1..=most).contains(&text.len()) && !text.chars().any(char::is_control) {
            return Ok(text);
        }
        let found = if text.is_empty() { "empty".to_owned() } else { format!("{text:.40?}") };
        Err(self.faulty(format!(
            "`{name}` is {found}: expected 1 to {most} bytes on one line, without control characters"
        )))
    }
}

impl<R: BufRead> Records<R> {
    fn new(from: R) -> Records<R> {
        Records {
            from,
            csv: Reader::new(),
            line: 1,
            taken: 0,
            fields: [0; RECORD_MAX],
            ends: [0; COLUMNS.len() + 1],
        }
    }

    fn take(&mut self, n: usize) {
        self.from.consume(n);
        self.taken += n as u64;
    }

    fn next(&mut self) -> Result<Option<Record<'_>>, EventsError> {
        // Empty lines, so that the record has the number of its own.
        loop {
            let bytes = self.from.fill_buf()?;
            let empty = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            if empty == 0 {
                break;
            }
            self.line += newlines(&bytes[..empty]);
            self.take(empty);
        }
        let (line, mut out, mut end) = (self.line, 0, 0);
        let faulty = |what: String| EventsError::Faulty { line, what };
        loop {
            let bytes = self.from.fill_buf()?;
            let (fields, ends) = (&mut self.fields[out..], &mut self.ends[end..]);
            let (result, read, written, ended) = self.csv.read_record(bytes, fields, ends);
            self.line += newlines(&bytes[..read]);
            self.take(read);
            (out, end) = (out + written, end + ended);
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::End => return Ok(None),
                ReadRecordResult::Record => {
                    let (fields, ends) = (&self.fields[..out], &self.ends[..end]);
                    return Ok(Some(Record { line, fields, ends }));
                }
                ReadRecordResult::OutputFull => {
                    return Err(faulty(format!(
                        "it is longer than {RECORD_MAX} bytes: is a quotation mark not closed?"
                    )));
                }
                ReadRecordResult::OutputEndsFull => return Err(faulty(many())),
            }
        }
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

fn many() -> String {
    format!("there are more fields than {}", COLUMNS.len())
}

/// Which column stands where: by number of field, the number of the column.
fn header(record: &Record<'_>) -> Result<Vec<usize>, EventsError> {
    let expected = "expected the header `at,provider,agent,subject` or \
                    `at,provider,agent,subject,in_roster`";
    let mut found = Vec::new();
    for n in 0..record.ends.len() {
        let name = record.text(n, "the header")?;
        let column = COLUMNS.iter().position(|column| *column == name);
        let Some(column) = column else {
            return Err(record.faulty(format!("{name:.40?} is no column: {expected}")));
        };
        if found.contains(&column) {
            return Err(record.faulty(format!("`{name}` stands there twice: {expected}")));
        }
        found.push(column);
    }
    match (0..REQUIRED).find(|column| !found.contains(column)) {
        Some(missing) => {
            Err(record.faulty(format!("`{}` is missing: {expected}", COLUMNS[missing])))
        }
        None => Ok(found),
    }
}

/// A time in one of its two forms.
fn time(text: &str) -> Result<Millis, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let at = if digits {
        text.parse::<Millis>().ok()
    } else {
        let stamp = text.parse::<jiff::Timestamp>().ok();
        stamp.and_then(|stamp| Millis::try_from(stamp.as_millisecond()).ok())
    };
    match at {
        Some(at) if digits && at < TOO_EARLY => Err(format!(
            "`at` is {at}, which is in 1970 to 1973: expected milliseconds since 1970, not seconds"
        )),
        Some(at) if at <= TOO_LATE => Ok(at),
        _ => Err(format!(
            "`at` is {text:.40?}: expected a time as in 2026-01-31T08:30:00+01:00 or \
             2026-01-31T07:30:00Z, or milliseconds since 1970"
        )),
    }
}

impl Past {
    /// Reads a past; `told` hears how many bytes were read so far.
    ///
    /// # Errors
    /// [`EventsError`] of the first line that is not as it should be.
    pub(crate) fn parse(
        from: impl BufRead,
        told: &mut dyn FnMut(u64),
    ) -> Result<Past, EventsError> {
        Past::parse_at_most(READS_MAX, from, told)
    }

    fn parse_at_most(
        most: usize,
        from: impl BufRead,
        told: &mut dyn FnMut(u64),
    ) -> Result<Past, EventsError> {
        let mut records = Records::new(from);
        let Some(first) = records.next()? else {
            let what = "there is nothing: expected a header and a line for each read".to_owned();
            return Err(EventsError::Faulty { line: 1, what });
        };
        let columns = header(&first)?;
        let field = |column: usize| columns.iter().position(|found| *found == column);
        let places: Vec<usize> = (0..REQUIRED).filter_map(field).collect();
        let roster = field(REQUIRED);
        let mut past = Past { rosters: roster.is_some(), ..Past::default() };
        let mut providers = Numbers::default();
        let mut names: Vec<[Numbers; 2]> = Vec::new();
        let mut last = 0;
        while let Some(record) = records.next()? {
            let (found, expected) = (record.ends.len(), columns.len());
            if found != expected {
                let what =
                    format!("there are {found} fields: expected {expected}, as in the header");
                return Err(record.faulty(what));
            }
            if past.reads.len() == most {
                return Err(
                    record.faulty(format!("there are more than {most} reads: cut the file"))
                );
            }
            let at = time(record.text(places[0], "at")?).map_err(|what| record.faulty(what))?;
            if at < last {
                let what = "it is earlier than the line before it: expected them in order of time";
                return Err(record.faulty(what));
            }
            let id = record.name(places[1], "provider", PROVIDER_MAX)?;
            let agent = record.name(places[2], "agent", NAME_MAX)?;
            let subject = record.name(places[3], "subject", NAME_MAX)?;
            let in_roster = match roster.map(|n| record.text(n, "in_roster")).transpose()? {
                None | Some("1" | "true") => true,
                Some("0" | "false") => false,
                Some(other) => {
                    let what = format!("`in_roster` is {other:.40?}: expected 1, 0, true or false");
                    return Err(record.faulty(what));
                }
            };
            let (provider, new) = providers.of(id);
            if new {
                past.providers.push(PastProvider {
                    id: id.into(),
                    agents: Vec::new(),
                    subjects: 0,
                });
                names.push(Default::default());
            }
            let known = &mut past.providers[provider as usize];
            let [agents, subjects] = &mut names[provider as usize];
            let (number, new) = agents.of(agent);
            if new {
                known.agents.push(agent.into());
            }
            let (subject, new) = subjects.of(subject);
            known.subjects += u32::from(new);
            let (line, agent) = (record.line, number);
            past.reads.push(PastRead { line, at, provider, agent, subject, in_roster });
            last = at;
            if past.reads.len().is_multiple_of(STRIDE) {
                told(records.taken);
            }
        }
        Ok(past)
    }
}

#[cfg(test)]
mod tests;
