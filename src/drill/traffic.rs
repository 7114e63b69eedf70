//! Traffic as a drill makes it: what is approved for a provider and what its agents ask, one event after
//! another, before any gateway has seen it. Persons are numbers of a stock.

/// A person of the stock, by number.
pub(crate) type PersonNumber = u32;

/// A provider at work, whoever invented it.
pub(crate) trait AtWork {
    /// What happens on a day, in order of time. Days are to be asked for one after the other.
    fn day(&mut self, day: u64) -> Vec<Event>;
    /// Who is on its roster.
    fn roster(&self) -> Vec<PersonNumber>;
}

/// Something that happens, in order of time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub(crate) at: u64,
    /// Which provider, `0..providers`.
    pub(crate) provider: u32,
    /// What happens.
    pub(crate) kind: EventKind,
}

/// What happens.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum EventKind {
    /// The agency approves an export of at most so many rows.
    Approve { job: u32, rows: u64 },
    /// An agent asks.
    Ask(Ask),
}

/// One read as it is asked, with what the records hold for it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ask {
    /// Number of the agent within its provider.
    pub(crate) agent: u32,
    /// The case reference that it states, a number within its provider.
    pub(crate) case: u32,
    /// Whether it states a reason to meet persons off the roster. Without one the records hold none of
    /// them for it.
    pub(crate) reason: bool,
    /// Whether it asks for all fields instead of the basic ones.
    pub(crate) full: bool,
    /// The network it comes from, a number within its provider; 0 is the usual one.
    pub(crate) network: u32,
    /// Whether it is outside the provider's declared hours.
    pub(crate) off_hours: bool,
    /// Whether it asks for the page behind one that it asked for before: nobody does who was refused that.
    pub(crate) follows: bool,
    /// How.
    pub(crate) method: AskMethod,
}

impl Ask {
    /// Whether it is under a job, which no budget is charged for.
    pub(crate) fn is_export(&self) -> bool {
        matches!(self.method, AskMethod::Export { .. })
    }
}

/// How a read asks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AskMethod {
    /// One record that the agent was given before, by its handle.
    Get(Found),
    /// By names and birth date, or by the case number: whose (also of nobody: a number outside the
    /// stock), and the record if there is one for this agent.
    Search { sought: u64, found: Option<Found> },
    /// A page of the roster of so many records at most.
    List { page: u64, found: Vec<Found> },
    /// A page of an export job.
    Export { job: u32, page: u64, found: Vec<Found> },
}

/// A record that would be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Whose.
    pub(crate) person: PersonNumber,
    /// Whether the person is on the provider's roster.
    pub(crate) on_roster: bool,
}
