//! Where the records lie. Rows and the draft of their entry come out together, and the rows stay
//! closed until that very draft has been recorded as released. It knows nothing of budgets.

mod asked;
pub mod extract;
mod page;
pub mod records_file;
pub mod rosters;
pub mod sqlite;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::admission::{Permit, Violation, Word};
use crate::format::entry::{
    Facts, Flag, Hash, Method, Millis, Outcome, Read, Rule, Ruling, SearchKey, Tag, sha256,
};
use crate::format::tag::Tagger;
use crate::quota::Ticket;
use crate::registrar::{Claim, Draft, OtherDraft, QueuedDraft, Recorded, bind};
use crate::state::memory::Reach;
use page::Page;
pub use page::REPLY_MAX;

/// What is asked of the records.
#[derive(Clone, Debug)]
pub enum Query {
    /// Asks for one record by its handle.
    Get {
        /// The handle, as a list or a search returned it.
        handle: String,
    },
    /// A page of the roster, or, where persons off it may be met, of the dataset.
    List {
        /// Token that came with the page before; empty for the first page.
        page_token: String,
    },
    /// A page of the roster under an approved job.
    Export {
        /// Token that came with the page before; empty for the first page.
        page_token: String,
    },
    /// Asks for records by the values of a declared search.
    Search {
        /// Name of the search that the dataset declares.
        search: String,
        /// Names of the search's keys with their values.
        values: Vec<(String, String)>,
        /// Token that came with the page before; empty for the first page.
        page_token: String,
    },
}

/// Why there are no rows and no draft.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The query cannot be read; holds what is wrong with each field.
    #[error("malformed query")]
    Malformed(Vec<Violation>),
    /// Somebody else holds the records, or as many reads wait for them as may.
    #[error("the records are held by somebody else")]
    Busy,
    /// The records cannot be reached now: what they lie on does not answer.
    #[error("the records cannot be reached now: {0}")]
    Unavailable(String),
    /// A fault of the records that will not pass by itself: somebody must mend them.
    #[error("the records are faulty: {0}")]
    Faulty(String),
    /// The system gives no randomness for the salt of the reply digest.
    #[error("the system has no randomness: {0}")]
    Random(#[from] std::io::Error),
    /// This program has a fault; the text says which.
    #[error("a fault of this program: {0}")]
    Program(&'static str),
}

/// What SQLite says of the records, as what the caller must do next. Its words name tables and
/// columns and never a value.
impl From<rusqlite::Error> for SourceError {
    fn from(error: rusqlite::Error) -> SourceError {
        use rusqlite::ErrorCode as Code;
        let said = error.to_string();
        let short_read = Some(rusqlite::ffi::SQLITE_IOERR_SHORT_READ);
        let extended = error.sqlite_error().map(|error| error.extended_code);
        match error.sqlite_error_code() {
            // Interrupted, where it works for longer than it may.
            Some(
                Code::DatabaseBusy
                | Code::DatabaseLocked
                | Code::OperationAborted
                | Code::OperationInterrupted,
            ) => SourceError::Busy,
            // It is shorter than it says it is.
            Some(Code::SystemIoFailure) if extended == short_read => SourceError::Faulty(said),
            Some(
                Code::OutOfMemory
                | Code::SystemIoFailure
                | Code::CannotOpen
                | Code::FileLockingProtocolFailed
                | Code::ReadOnly,
            ) => SourceError::Unavailable(said),
            Some(Code::ApiMisuse | Code::ParameterOutOfRange | Code::InternalMalfunction) => {
                SourceError::Program("SQLite is not used as it must be")
            }
            // Damaged, no database, a table or column gone, a value of another kind.
            _ => SourceError::Faulty(said),
        }
    }
}

/// One record of a reply: its name and the fields of the view, in order.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    /// Resource name of the record: `datasets/<dataset>/records/<handle>`.
    pub name: String,
    /// Names and values of the view's fields.
    pub fields: Vec<(String, String)>,
    /// Whether they are more than the reply may hold, and none of them is there.
    pub left_out: bool,
}

impl Row {
    /// How many bytes the row takes of a reply, at most.
    pub fn size(&self) -> usize {
        let fields = self.fields.iter().map(|(name, value)| name.len() + value.len());
        page::size(self.name.len(), fields)
    }
}

/// A row is personal data, and logs are no place for it.
impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a row of {} fields", self.fields.len())
    }
}

/// Which records are looked for, before ids are values of SQLite.
enum Wanted {
    /// The record with this id.
    One(String),
    /// The records whose ids come behind this one.
    Behind(String),
    /// The records of a search by these values, in the order of its keys.
    Matching { search: String, values: Vec<String>, after: String },
}

/// A record that is not as it must be.
struct RowFault {
    /// Id of the record; none if it has none that could be told.
    id: Option<String>,
    /// Table and column in which it is wrong.
    place: String,
    /// What is wrong there; never a value.
    what: String,
}

/// Rows that nobody has seen yet. They open for the [`Recorded`] of their own draft, and only if
/// that says *released*.
pub struct WithheldRows {
    claim: Claim,
    rows: Vec<Row>,
    bytes: usize,
    salt: [u8; 16],
    next_page: String,
}

/// What is left of a read when it is over.
#[derive(Debug)]
pub struct Release {
    /// Number of the read's entry in the ledger.
    pub seq: u64,
    /// The checkpoint it was committed under.
    pub checkpoint: Arc<str>,
    /// The rows, or why there are none.
    pub reply: Result<Rows, WithheldReason>,
}

/// Rows that may leave, since their read was recorded as released.
#[derive(Debug)]
pub struct Rows {
    /// The rows, in the order of the dataset's ids.
    pub rows: Vec<Row>,
    /// How many bytes the rows take of a reply, at most.
    pub bytes: usize,
    /// What the reply digest was salted with.
    pub salt: [u8; 16],
    /// Token of the next page; empty on the last one.
    pub next_page: String,
}

/// What the judge wrote for a withheld read.
#[derive(Clone, Copy, Debug)]
pub struct WithheldReason {
    /// The rule that withheld the read; none if the judge named none.
    pub rule: Option<Rule>,
    /// Persons left in that budget.
    pub remaining: u64,
    /// When what was asked would fit, Unix milliseconds; none if never.
    pub fits_at: Option<Millis>,
}

impl WithheldRows {
    /// Opens the rows, or drops them.
    ///
    /// # Errors
    /// [`OtherDraft`] if `recorded` is of another draft; the rows are dropped.
    pub fn release(self, recorded: Recorded) -> Result<Release, OtherDraft> {
        let (ruling, seq, checkpoint) = self.claim.redeem(recorded)?;
        let reply = match ruling.outcome {
            Outcome::Released => {
                let WithheldRows { rows, bytes, salt, next_page, .. } = self;
                Ok(Rows { rows, bytes, salt, next_page })
            }
            Outcome::Withheld => Err(WithheldReason {
                rule: ruling.rule,
                remaining: ruling.remaining.unwrap_or(0),
                fits_at: ruling.fits_at,
            }),
        };
        Ok(Release { seq, checkpoint, reply })
    }
}

/// The records of all datasets, behind tags and handles.
pub struct Source {
    kind: Arc<sqlite::Sqlite>,
    tagger: Tagger,
}

impl Source {
    /// Records that lie in the SQLite file `kind`.
    pub fn new(kind: sqlite::Sqlite, tagger: Tagger) -> Source {
        Source { kind: Arc::new(kind), tagger }
    }

    /// The tag of the agent that a permit is for.
    pub fn agent(&self, permit: &Permit) -> Tag {
        self.tagger.agent(permit.provider(), permit.agent())
    }

    /// The tag of an agent by its name, as a permit has it.
    pub fn agent_named(&self, provider: &str, agent: &str) -> Tag {
        self.tagger.agent(provider, agent)
    }

    /// What keeps watch over the rosters.
    pub fn rosters(&self) -> rosters::Rosters {
        rosters::Rosters::new(&self.tagger)
    }

    /// How each dataset stands, in the order of their names.
    pub fn standings(&self) -> Vec<sqlite::DatasetStatus> {
        self.kind.standings()
    }

    /// What the last looks at the records found, in the order of the datasets.
    pub fn findings(&self) -> Vec<sqlite::DataFinding> {
        let standings = self.standings();
        standings.iter().flat_map(|standing| standing.findings.iter().cloned()).collect()
    }

    /// Finds rows and makes the draft of their entry, tied together.
    ///
    /// # Errors
    /// [`SourceError`]: there are no rows, and nothing to record.
    pub async fn fetch(
        &self,
        ticket: Ticket,
        query: &Query,
    ) -> Result<(WithheldRows, QueuedDraft), SourceError> {
        let permit = ticket.permit();
        let tag = |id: &str| self.tagger.subject(permit.provider(), permit.dataset_name(), id);
        // What a page token is of, beside all that the permit says.
        let mut of = String::new();
        let (wanted, reach, method, keys) = match query {
            Query::Get { handle } => {
                // A handle that does not open is looked up all the same: no record has this id.
                let id = permit.open_handle(handle).unwrap_or_else(|| "\u{1}".to_owned());
                let reach = Reach::One(tag(&id));
                (Wanted::One(id), reach, Method::Get, Vec::new())
            }
            Query::List { page_token } | Query::Export { page_token } => {
                let after = asked::page_after(permit, &of, page_token)?;
                let export = matches!(query, Query::Export { .. });
                let method = if export { Method::Export } else { Method::List };
                (Wanted::Behind(after), Reach::Page(permit.page_size()), method, Vec::new())
            }
            Query::Search { search, values, page_token } => {
                let values = asked::search_values(permit, search, values)?;
                of = asked::search_digest(search, &values);
                let after = asked::page_after(permit, &of, page_token)?;
                let key = |(name, value): &(Word, Cow<'_, str>)| SearchKey {
                    name: name.clone(),
                    tag: self.tagger.key(permit.provider(), permit.dataset_name(), name, value),
                };
                let keys = values.iter().map(key).collect();
                let values = values.into_iter().map(|(_, value)| value.into_owned()).collect();
                let wanted = Wanted::Matching { search: search.clone(), values, after };
                (wanted, Reach::Page(permit.page_size()), Method::Search, keys)
            }
        };
        let page = self.kind.read(permit, wanted).await?;
        for fault in &page.faults {
            self.kind.tell(permit.dataset_name(), fault, fault.id.as_deref().map(tag));
        }
        // A list says whether there is more. A search does not, for who exists is told only where
        // it is charged: it has a token for what it holds, whatever comes behind. One by a number
        // that only one record has ends with that: an empty page behind it would be a miss.
        let goes_on = match method {
            Method::Search => page.is_full() && !page.is_of_one(),
            _ => page.more,
        };
        let next_page = match page.found.last() {
            Some(last) if goes_on && method != Method::Get => permit.seal_page(&of, &last.id),
            _ => String::new(),
        };
        let bytes = page.bytes();
        let salt = crate::format::signer::random()?;
        let (mut on, mut off) = (Vec::new(), Vec::new());
        let mut rows = Vec::with_capacity(page.found.len());
        for found in page.found {
            if found.on_roster { &mut on } else { &mut off }.push(tag(&found.id));
            let handle = match query {
                // Made of the same id under the same key, it would come out the same again.
                Query::Get { handle } => handle.clone(),
                _ => permit.seal_handle(&found.id),
            };
            let name = ["datasets/", permit.dataset_name(), "/records/", &handle].concat();
            let left_out = found.fields.is_none();
            rows.push(Row { name, fields: found.fields.unwrap_or_default(), left_out });
        }
        let reply = reply_digest(&salt, &rows);
        let read = Box::new(self.read(permit, method, keys, (on, off), reply));
        let (asked, enrolled) = (asked::digest(permit, query), permit.own_word());
        let (bound, claim) = bind(Draft { read, reach, asked, enrolled });
        Ok((WithheldRows { claim, rows, bytes, salt, next_page }, bound))
    }

    /// The entry of a read, as far as it is known before it is judged.
    fn read(
        &self,
        permit: &Permit,
        method: Method,
        keys: Vec<SearchKey>,
        (on, off): (Vec<Tag>, Vec<Tag>),
        reply: Hash,
    ) -> Read {
        let rows = (on.len() + off.len()) as u64;
        let flags =
            [(permit.off_hours(), Flag::OffHours), (permit.concurrent(), Flag::ConcurrentSessions)];
        let context = flags.into_iter().filter_map(|(holds, flag)| holds.then_some(flag)).collect();
        Read {
            policy: permit.policy_head(),
            request: permit.request_id().map(str::to_owned),
            replay_of: None,
            provider: permit.provider().clone(),
            certificate: Hash(permit.certificate()),
            agent: self.agent(permit),
            issuer: permit.issuer().cloned(),
            methods: permit.methods().to_vec(),
            auth_age: permit.auth_age(),
            token: permit.token().map(Hash),
            network: permit.network().clone(),
            dataset: permit.dataset_name().clone(),
            purpose: permit.purpose().clone(),
            case: self.tagger.case(permit.provider(), permit.case_reference()),
            reason: permit.reason().cloned(),
            method,
            view: permit.view().clone(),
            job: permit.job(),
            keys,
            asked: permit.page_size(),
            misses: u64::from(rows == 0 && matches!(method, Method::Get | Method::Search)),
            rows,
            on,
            off,
            facts: Facts::default(),
            context,
            decoys: 0,
            weight: rows * permit.row_weight(),
            ruling: Ruling::PENDING,
            reply: Some(reply),
        }
    }
}

/// The reply digest of the format page: every string preceded by its length.
fn reply_digest(salt: &[u8; 16], rows: &[Row]) -> Hash {
    let mut bytes = Vec::with_capacity(512 * (1 + rows.len()));
    bytes.extend_from_slice(salt);
    let length = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_be_bytes();
    let add = |bytes: &mut Vec<u8>, text: &str| {
        bytes.extend_from_slice(&length(text.len()));
        bytes.extend_from_slice(text.as_bytes());
    };
    for row in rows {
        bytes.extend_from_slice(&length(row.fields.len()));
        add(&mut bytes, &row.name);
        for (name, value) in &row.fields {
            add(&mut bytes, name);
            add(&mut bytes, value);
        }
    }
    sha256(&[&bytes])
}
