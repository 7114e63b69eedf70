//! The path of one read. It names every room in order; a reader needs no other map.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::policy::{ActivePolicy, CurrentPolicy};
use crate::admission::{
    AdmissionError, Ask, Bearer, Caller, Peer, Permit, PresentedToken, Tokens, Word, authenticate,
};
use crate::format::entry::Tag;
use crate::quota::{CallCharge, RateLimited, Ticket};
use crate::registrar::{Ledger, OtherDraft, Unrecorded};
use crate::source::{Query, Release, SourceError};
use crate::state::growth::Requester;

/// How long a read may go on being admitted again because policies change under it.
const PATIENCE: Duration = Duration::from_secs(10);

/// The rooms that a read passes through on its way.
pub struct ReadPath {
    /// The policy in force: terms, request rates and records.
    pub policies: CurrentPolicy,
    /// What is remembered of the tokens that agents showed.
    pub tokens: Tokens,
    /// The handle by which the read is recorded.
    pub ledger: Ledger,
}

/// Why a read ended before it was judged. Nothing was released.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The door refuses the caller, the token or the request.
    #[error(transparent)]
    Refused(#[from] AdmissionError),
    /// The provider or the agent calls more often than the policy allows.
    #[error(transparent)]
    RateLimited(#[from] RateLimited),
    /// No job is open to it, or the job is used up.
    #[error(transparent)]
    Job(#[from] JobFault),
    /// Contained, and nothing but a refusal could come of it.
    #[error("contained")]
    Contained,
    /// The records cannot be read, or the query cannot.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The ledger did not record it.
    #[error(transparent)]
    Unrecorded(#[from] Unrecorded),
    /// This program is at fault: rows and entry are of two reads.
    #[error(transparent)]
    Foreign(#[from] OtherDraft),
}

/// Why an export does not begin, or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JobFault {
    /// No approved job of this number is open to the provider now; whether there is one is not
    /// told.
    #[error("no approved job of this number is open to this provider for this dataset now")]
    Closed,
    /// All its rows have gone out, or it ended as the page was decided on.
    #[error("the job allows no more rows: have another declared")]
    Spent,
}

impl ReadPath {
    /// Admits, permits, limits, fetches, records, and only then releases: all by one policy. If
    /// another one comes into force before the registrar takes the draft, rows and draft are
    /// dropped and the read begins again under that.
    ///
    /// # Errors
    /// [`ReadError`] if it was never judged. A read that the judge withheld is a [`Release`]
    /// without rows.
    pub async fn read(
        &self,
        (peer, shown): (&Peer, &PresentedToken<'_>),
        ask: &Ask,
        query: &Query,
    ) -> Result<Release, ReadError> {
        let (mut fare, until) = (CallCharge::default(), Instant::now() + PATIENCE);
        let mut policy = self.policies.now();
        loop {
            let now = SystemTime::now();
            self.charge_unverified(&policy, peer, shown)?;
            let caller = Caller::admit(peer, shown, &policy.terms, &self.tokens, now)?;
            let permit = Permit::grant(caller, ask)?;
            let ticket = policy.quota.take(permit, &mut fare)?;
            self.check_enrolled(&policy, &ticket)?;
            self.check_contained(&policy, &ticket, query)?;
            self.check_entries(&policy, &ticket)?;
            self.check_job(&ticket)?;
            let (withheld, bound) = policy.source.fetch(ticket, query).await?;
            match self.ledger.record(bound).await {
                Err(Unrecorded::Outdated) => policy = self.policies.after(&policy, until).await?,
                recorded => return Ok(withheld.release(recorded?)?),
            }
        }
    }

    /// Charges a call whose token must be verified. One without a token is refused for nothing:
    /// whoever sends thousands of those must not use up what fresh tokens of the same network are
    /// charged to.
    fn charge_unverified(
        &self,
        policy: &ActivePolicy,
        peer: &Peer,
        shown: &PresentedToken<'_>,
    ) -> Result<(), RateLimited> {
        if self.tokens.needs_no_verification(shown) {
            Ok(())
        } else {
            policy.quota.charge_unverified(peer)
        }
    }

    /// Refuses a call for its certificate or its token, or because its agent gets nothing, when no
    /// more of it has come than its headers. It lets nobody in: [`ReadPath::read`] asks again.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn check_headers(
        &self,
        peer: &Peer,
        shown: &PresentedToken<'_>,
    ) -> Result<Option<Bearer>, ReadError> {
        let policy = self.policies.now();
        self.charge_unverified(&policy, peer, shown)?;
        let bearer = authenticate(peer, shown, &policy.terms, &self.tokens, SystemTime::now())?;
        let tag = |provider: &Word| match &bearer {
            Some(bearer) => policy.source.agent_named(provider, &bearer.agent()),
            None => policy.source.agent_named(provider, peer.agent()),
        };
        let suspended = peer.name().is_some_and(|(_, provider)| {
            self.ledger.contained().refuses(provider, || tag(provider), false, false)
        });
        if suspended { Err(ReadError::Contained) } else { Ok(bearer) }
    }

    /// The tag of whoever bears a token at a provider.
    pub fn tag(&self, provider: &str, bearer: &Bearer) -> Tag {
        self.policies.now().source.agent_named(provider, &bearer.agent())
    }

    /// Refuses whoever only the provider itself knows, before any work on the records: a provider
    /// that runs its issuer could otherwise make as many persons, each with budgets of its own, as
    /// it likes.
    fn check_enrolled(&self, policy: &ActivePolicy, ticket: &Ticket) -> Result<(), Unrecorded> {
        let permit = ticket.permit();
        if !permit.own_word() {
            return Ok(());
        }
        let agent = policy.source.agent(permit);
        let enrolled = self.ledger.approved().agent(permit.provider(), agent);
        if enrolled { Ok(()) } else { Err(Unrecorded::NotEnrolled(agent)) }
    }

    /// Refuses whoever has used up a budget of entries, before any work on the records: the
    /// registrar asks again before it writes.
    fn check_entries(&self, policy: &ActivePolicy, ticket: &Ticket) -> Result<(), Unrecorded> {
        let permit = ticket.permit();
        let agent = || Requester::Agent(policy.source.agent(permit));
        let tick = || self.ledger.now().tick;
        Ok(self.ledger.exhausted().caller(permit.provider(), agent, tick)?)
    }

    /// Refuses an export whose job is not open: what a job allows, the judge says.
    fn check_job(&self, ticket: &Ticket) -> Result<(), JobFault> {
        let permit = ticket.permit();
        let Some(job) = permit.job() else { return Ok(()) };
        let now = self.ledger.now().at;
        match self.ledger.jobs().left(job, permit.provider(), permit.dataset_name(), now) {
            None => Err(JobFault::Closed),
            Some(0) => Err(JobFault::Spent),
            Some(_) => Ok(()),
        }
    }

    /// Refuses whoever is contained so far that the judge could only withhold, before any work on
    /// the records and without an entry for each attempt.
    fn check_contained(
        &self,
        policy: &ActivePolicy,
        ticket: &Ticket,
        query: &Query,
    ) -> Result<(), ReadError> {
        let permit = ticket.permit();
        let page = !matches!(query, Query::Get { .. });
        let agent = || policy.source.agent(permit);
        let contained = self.ledger.contained();
        let export = permit.job().is_some() && contained.exports.contains(permit.provider());
        if export || contained.refuses(permit.provider(), agent, page, permit.open()) {
            return Err(ReadError::Contained);
        }
        Ok(())
    }
}
