//! Looks at the records as a whole: when they are opened, when their schema changes, and once a
//! day. Between two such looks every row is held against the same rules as it is read.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::sqlite::{DataFinding, Progress};
use super::{Source, SourceError};
use crate::admission::{Terms, Word};

/// Time between two looks, if nothing else is cause for one.
const DAILY: Duration = Duration::from_secs(24 * 3_600);
/// Time between two looks while a dataset stands still: somebody is mending it.
const MENDING: Duration = Duration::from_secs(60);

/// Says when the records are to be looked at, and does it.
#[derive(Default)]
pub struct Extract {
    /// Tells whether the file changed: SQLite counts that for each connection by itself. None until
    /// the first look, and after one that failed.
    reader: Option<Connection>,
    last: Option<Last>,
}

/// The records at the last look.
#[derive(Clone, Copy)]
struct Last {
    /// The policy's head, and which opening of the records.
    of: (u64, u64),
    schema: i64,
    data: i64,
    at: Instant,
    /// Whether something stands still, or has no row yet.
    unsettled: bool,
}

impl Extract {
    /// Looks at all datasets, if there is cause to. It takes as long as reading the file, tells
    /// `go_on` how far it is, and ends where that says so; it waits for locks. None if there was no
    /// cause, or no end.
    ///
    /// # Errors
    /// [`SourceError`] if the records cannot be looked at now.
    pub fn look(
        &mut self,
        source: &Source,
        terms: &Terms,
        go_on: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Option<Vec<DataFinding>>, SourceError> {
        let of = (terms.head, source.kind.opened());
        let reader = match self.reader.take() {
            Some(reader) if self.last.is_some_and(|last| last.of == of) => reader,
            _ => source.kind.another()?,
        };
        let version = |of| reader.pragma_query_value(None, of, |row| row.get::<_, i64>(0));
        let (schema, data) = (version("schema_version")?, version("data_version")?);
        let due = self.last.is_none_or(|last| {
            let age = last.at.elapsed();
            let written = last.unsettled && (last.data != data || age >= MENDING);
            last.of != of || last.schema != schema || age >= DAILY || written
        });
        if !due {
            self.reader = Some(reader);
            return Ok(None);
        }
        // Where something is faulty, a connection may remember pages of a file that is mended.
        let anew = match self.last {
            Some(last) if last.unsettled => Some(source.kind.another()?),
            _ => None,
        };
        let looking = anew.as_ref().unwrap_or(&reader);
        let mut unsettled = false;
        for name in terms.datasets.keys() {
            let of_it = |(_, provider): &(_, &crate::admission::Provider)| {
                provider.datasets.contains_key(name)
            };
            let providers = terms.providers.iter().filter(of_it);
            let providers: Vec<Word> = providers.map(|(id, _)| id.clone()).collect();
            match source.kind.look(looking, name, &providers, go_on)? {
                None => return Ok(None),
                Some(settled) => unsettled |= !settled,
            }
        }
        self.last = Some(Last { of, schema, data, at: Instant::now(), unsettled });
        self.reader = Some(reader);
        Ok(Some(source.findings()))
    }
}
