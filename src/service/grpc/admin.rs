//! `greffier.v1.Admin`: what administrators decide. An act comes as the statement that they signed
//! and is an entry first; the judge is serial, so nothing is decided behind that entry as if it
//! were not there. Whether the signatures carry it, the ledger says.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use tonic::{Request, Response, Status};

use super::notice::{decide, reason_fault};
use super::status::ApiError;
use crate::admission::grammar::{ID, is_id};
use crate::admission::{Principal, Role, Terms, Violation, zone};
use crate::format::checkpoint::Checkpoint;
use crate::format::entry;
use crate::format::entry::{
    Act, Deed, Hash, JobTerms, OwnedKey, ProviderAgent, PublicKey, SignatureBytes, SignedAct,
    Statement, Tag, Whom, Word,
};
use crate::proto::admin_server::Admin;
use crate::proto::{
    Contract, ListProvidersRequest, ListProvidersResponse, Provider, Signature, SubmitActRequest,
    SubmitActResponse,
};
use crate::service::Shared;
use crate::state::acts::SIGNATURES_MAX;

/// A day, in milliseconds.
const DAY: entry::Millis = 86_400_000;

/// The service `greffier.v1.Admin`, which takes acts and shows what is contained.
pub(in crate::service) struct AdminService(pub(in crate::service) Arc<Shared>);

impl AdminService {
    /// The act, if everything that can be said without the ledger is good; else all that is not.
    fn act(&self, reader: &Principal, request: &SubmitActRequest) -> Result<Act, Vec<Violation>> {
        let mut faults = Vec::new();
        let mut fault = |field, description: String| faults.push(Violation { field, description });
        let signatures = signatures(&request.signatures);
        if signatures.is_none() {
            let form = "each with an id, a key of 32 bytes and a signature of 64";
            fault("signatures", format!("must be 1 to {SIGNATURES_MAX}, {form}"));
        }
        let statement = Statement::parse(&request.statement).map_err(|why| {
            fault(
                "statement",
                format!("must be a statement as docs/ledger-format.md has it: {why}"),
            );
        });
        let (Some(signatures), Ok(statement)) = (signatures, statement) else {
            return Err(faults);
        };
        let (signed_for, statement) = statement;
        let origin = self.origin();
        if signed_for != origin {
            fault("origin", format!("must be that of this ledger, {origin}"));
        }
        self.names(&statement.deed, &mut fault);
        faults.extend(reason_fault(&statement.reason));
        if !faults.is_empty() {
            return Err(faults);
        }
        let (id, certificate) = (reader.id().clone(), Some(Hash(reader.fingerprint())));
        Ok(Act::Signed(SignedAct { id, certificate, statement, signatures }))
    }

    /// Holds the names in an act to the policy: what is mistyped must not stand there as if it
    /// held.
    fn names(&self, deed: &Deed, fault: &mut impl FnMut(&'static str, String)) {
        let policy = self.0.rooms.policies.now();
        let terms = &policy.terms;
        let (provider, dataset) = match deed {
            Deed::Suspend(Whom { provider, .. })
            | Deed::Reinstate(Whom { provider, .. })
            | Deed::Lift(Whom { provider, .. })
            | Deed::EnrolAgent(ProviderAgent { provider, .. })
            | Deed::DismissAgent(ProviderAgent { provider, .. }) => (Some(provider), None),
            Deed::EnrolRoster { provider, dataset, .. } => (Some(provider), Some(dataset)),
            Deed::DeclareJob { provider, dataset, job } => {
                self::job(terms, (provider, dataset), job, fault);
                (Some(provider), Some(dataset))
            }
            Deed::EnrolKey(OwnedKey { admin, .. }) | Deed::RevokeKey(OwnedKey { admin, .. }) => {
                if !is_id(admin) {
                    fault("admin", format!("must be {ID}"));
                }
                (None, None)
            }
            Deed::Loosen { .. } | Deed::ApproveJob { .. } | Deed::WithdrawJob { .. } => {
                (None, None)
            }
        };
        if provider.is_some_and(|id| !terms.providers.contains_key(id)) {
            fault("provider", "must be the id of a provider that the policy knows".to_owned());
        }
        if dataset.is_some_and(|name| !terms.datasets.contains_key(name)) {
            fault("dataset", "must be one that the policy knows".to_owned());
        }
    }

    /// Name of the ledger that is written, as its newest checkpoint has it.
    fn origin(&self) -> String {
        let newest = self.0.rooms.ledger.newest();
        Checkpoint::parse(&newest).map_or_else(|_| String::new(), |checkpoint| checkpoint.origin)
    }

    fn provider(&self, id: &Word) -> Provider {
        let ledger = &self.0.rooms.ledger;
        let (contained, approved) = (ledger.contained(), ledger.approved());
        let tags = |agents: &HashMap<Word, HashSet<Tag>>| {
            let tags = agents.get(id).into_iter().flatten().map(Tag::to_string);
            let mut tags: Vec<String> = tags.collect();
            tags.sort();
            tags
        };
        Provider {
            id: id.as_ref().to_owned(),
            suspended: contained.providers.contains(id),
            roster_only: contained.closed.contains(id),
            suspended_agents: tags(&contained.agents),
            frozen_agents: tags(&contained.frozen),
            enrolled_agents: approved.agents(id) as u64,
            exports_closed: contained.exports.contains(id),
            contract: self.contract(id),
        }
    }

    fn contract(&self, id: &Word) -> Option<Contract> {
        let ledger = &self.0.rooms.ledger;
        let (contracts, now) = (ledger.contracts(), ledger.now().at);
        let known = contracts.of(id)?;
        let entry::Contract { begins, ends, persons, off_persons } = known.contract?;
        let policy = self.0.rooms.policies.now();
        let zone = zone(policy.terms.providers.get(id).and_then(|one| one.habits.as_ref()));
        let last = i64::try_from(ends - 1).ok().and_then(|at| Timestamp::from_millisecond(at).ok());
        let last = last.zip(zone).map(|(at, zone)| at.to_zoned(zone).date().to_string());
        Some(Contract {
            begins_unix_ms: begins,
            ends_unix_ms: ends,
            last_day: last.unwrap_or_default(),
            days_left: ends.saturating_sub(now) / DAY,
            persons,
            off_roster_persons: off_persons,
            used_persons: known.persons,
            used_off_roster_persons: known.off,
        })
    }
}

/// Holds what a job declares to what the provider may do: two persons should not approve what the
/// door then refuses.
fn job(
    terms: &Terms,
    (provider, dataset): (&Word, &Word),
    job: &JobTerms,
    fault: &mut impl FnMut(&'static str, String),
) {
    let known = terms.providers.get(provider).zip(terms.datasets.get(dataset));
    // What is not known at all is said besides.
    let Some((whose, records)) = known else { return };
    let Some(granted) = whose.datasets.get(dataset) else {
        return fault("dataset", "must be one that the policy grants to the provider".to_owned());
    };
    let purpose = granted.purposes.iter().find(|purpose| **purpose == job.purpose);
    let Some(may) = purpose.and_then(|purpose| records.purposes.get(purpose)) else {
        let what = "must be a purpose that the policy grants to the provider for the dataset";
        return fault("job.purpose", what.to_owned());
    };
    if !may.views.contains(&job.view) {
        let views: Vec<&str> = may.views.iter().map(|view| &**view).collect();
        fault("job.view", format!("must be one that the purpose allows: {}", views.join(", ")));
    }
}

/// The signatures as an entry has them, if all are of their form and there are not too many.
fn signatures(told: &[Signature]) -> Option<Vec<entry::Signature>> {
    let signature = |told: &Signature| {
        Some(entry::Signature {
            admin: Some(&*told.admin).filter(|id| is_id(id))?.into(),
            key: PublicKey(told.key.as_slice().try_into().ok()?),
            signature: SignatureBytes(told.signature.as_slice().try_into().ok()?),
        })
    };
    let fits = (1..=SIGNATURES_MAX).contains(&told.len());
    if fits { told.iter().map(signature).collect() } else { None }
}

#[tonic::async_trait]
impl Admin for AdminService {
    async fn submit_act(
        &self,
        request: Request<SubmitActRequest>,
    ) -> Result<Response<SubmitActResponse>, Status> {
        let reader = self.0.reader(&request, &[Role::Admin])?;
        let act = self.act(&reader, request.get_ref());
        let act = act.map_err(|faults| self.0.refuse(&request, ApiError::malformed(&faults)))?;
        let written = decide(&self.0.rooms.ledger, act).await;
        let act = written.map_err(|not| self.0.refuse(&request, (&not).into()))?;
        Ok(Response::new(SubmitActResponse { act: Some(act) }))
    }

    async fn list_providers(
        &self,
        request: Request<ListProvidersRequest>,
    ) -> Result<Response<ListProvidersResponse>, Status> {
        self.0.reader(&request, &[Role::Admin])?;
        let policy = self.0.rooms.policies.now();
        let providers = &policy.terms.providers;
        let providers = providers.keys().map(|id| self.provider(id)).collect();
        Ok(Response::new(ListProvidersResponse { providers }))
    }
}
