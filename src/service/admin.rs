//! `greffier.v1.Admin`: what administrators decide about access. Each act is an entry first; the
//! judge is serial, so nothing is decided behind that entry as if it were not there.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::Shared;
use super::notice::{Decided, decide, reason_fault};
use super::status::Fault;
use crate::admission::{Role, Violation};
use crate::ledger::entry::Deed;
use crate::proto::admin_server::Admin;
use crate::proto::{
    Act, LiftContainmentRequest, LiftContainmentResponse, ReinstateAccessRequest,
    ReinstateAccessResponse, SuspendAccessRequest, SuspendAccessResponse,
};

/// The service.
pub(super) struct AdminService(pub(super) Arc<Shared>);

/// Whom an act is about, and why, as the request says it.
struct Asked<'a> {
    deed: Deed,
    provider: &'a str,
    agent: &'a str,
    reason: &'a str,
}

impl AdminService {
    /// Admits, checks, records.
    async fn act<T>(&self, request: &Request<T>, asked: Asked<'_>) -> Result<Act, Status> {
        let Shared { rooms, .. } = &*self.0;
        let reader = self.0.reader(request, &[Role::Admin])?;
        let decided = self.decided(asked);
        let decided =
            decided.map_err(|faults| self.0.refuse(request, Fault::malformed(&faults)))?;
        let written = decide(&rooms.ledger, &reader, decided).await;
        written.map_err(|unrecorded| self.0.refuse(request, (&unrecorded).into()))
    }

    /// The act, if every field of the request is good; else all that are not.
    fn decided(&self, asked: Asked<'_>) -> Result<Decided, Vec<Violation>> {
        let Asked { deed, provider, agent, reason } = asked;
        let mut faults = Vec::new();
        let known = self.0.rooms.terms.providers.get_key_value(provider).map(|(id, _)| id.clone());
        if known.is_none() {
            let description = "must be the id of a provider that the policy knows".to_owned();
            faults.push(Violation { field: "provider", description });
        }
        let agent = match agent {
            "" => None,
            tag => tag
                .parse()
                .map_err(|_| {
                    let description = "must be the tag of an agent as alerts have it, 22 \
                                       characters of base64url, or empty"
                        .to_owned();
                    faults.push(Violation { field: "agent", description });
                })
                .ok(),
        };
        faults.extend(reason_fault(reason));
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Decided { deed, provider: known, agent, alert: None, reason: reason.to_owned() })
    }
}

#[tonic::async_trait]
impl Admin for AdminService {
    async fn suspend_access(
        &self,
        request: Request<SuspendAccessRequest>,
    ) -> Result<Response<SuspendAccessResponse>, Status> {
        let SuspendAccessRequest { provider, agent, reason } = request.get_ref();
        let asked = Asked { deed: Deed::Suspend, provider, agent, reason };
        let act = Some(self.act(&request, asked).await?);
        Ok(Response::new(SuspendAccessResponse { act }))
    }

    async fn reinstate_access(
        &self,
        request: Request<ReinstateAccessRequest>,
    ) -> Result<Response<ReinstateAccessResponse>, Status> {
        let ReinstateAccessRequest { provider, agent, reason } = request.get_ref();
        let asked = Asked { deed: Deed::Reinstate, provider, agent, reason };
        let act = Some(self.act(&request, asked).await?);
        Ok(Response::new(ReinstateAccessResponse { act }))
    }

    async fn lift_containment(
        &self,
        request: Request<LiftContainmentRequest>,
    ) -> Result<Response<LiftContainmentResponse>, Status> {
        let LiftContainmentRequest { provider, agent, reason } = request.get_ref();
        let asked = Asked { deed: Deed::Lift, provider, agent, reason };
        let act = Some(self.act(&request, asked).await?);
        Ok(Response::new(LiftContainmentResponse { act }))
    }
}
