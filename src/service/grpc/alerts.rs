//! `greffier.v1.Alerts`: what the judge found, and what was decided about it, for those who watch.

use std::sync::Arc;

use prost::Message as _;
use tonic::{Request, Response, Status};

use super::notice::{self, decide, reason_fault};
use super::status::ApiError;
use super::tail::{Events, Tail, WATCHERS};
use crate::admission::{Role, Violation};
use crate::format::entry::{Acknowledgement, Act, Entry, Hash, Payload, SecurityDeed};
use crate::places::replies::Endless;
use crate::proto::alerts_server::Alerts;
use crate::proto::{
    AcknowledgeAlertRequest, AcknowledgeAlertResponse, ListAlertsRequest, ListAlertsResponse,
    ListedAlert, TailAlertsRequest,
};
use crate::registrar::notices::AlertAndActs;
use crate::service::Shared;

/// How many alerts a page has unless the request says.
const PAGE: i32 = 50;
const PAGE_MAX: i32 = 500;
/// A page ends when it has so many bytes: clients refuse messages of more than 4 MiB.
const PAGE_BYTES: usize = 1 << 20;

/// The service `greffier.v1.Alerts`, for those who watch.
pub(in crate::service) struct AlertsService {
    shared: Arc<Shared>,
}

impl AlertsService {
    pub(in crate::service) fn new(shared: Arc<Shared>) -> AlertsService {
        AlertsService { shared }
    }

    fn malformed<T>(&self, request: &Request<T>, faults: &[Violation]) -> Status {
        self.shared.refuse(request, ApiError::malformed(faults))
    }
}

#[tonic::async_trait]
impl Alerts for AlertsService {
    type TailAlertsStream = Events;

    async fn tail_alerts(
        &self,
        request: Request<TailAlertsRequest>,
    ) -> Result<Response<Events>, Status> {
        let reader = self.shared.reader(&request, &WATCHERS)?;
        let Some(place) = self.shared.tails.take(&reader) else {
            return Err(self.shared.refuse(&request, ApiError::tails_full()));
        };
        let tail = Tail::open(&self.shared, &request, place)?;
        let mut response = Response::new(tail.events());
        response.extensions_mut().insert(Endless);
        Ok(response)
    }

    async fn list_alerts(
        &self,
        request: Request<ListAlertsRequest>,
    ) -> Result<Response<ListAlertsResponse>, Status> {
        self.shared.reader(&request, &WATCHERS)?;
        let &ListAlertsRequest { after_entry, page_size, incident } = request.get_ref();
        let most = match page_size {
            0 => PAGE,
            1..=PAGE_MAX => page_size,
            _ => {
                let description = format!("must be from 1 to {PAGE_MAX}, or 0 for {PAGE}");
                return Err(
                    self.malformed(&request, &[Violation { field: "page_size", description }])
                );
            }
        };
        let most = usize::try_from(most).unwrap_or_default();
        let incident = Some(incident).filter(|incident| *incident > 0);
        let alerts = self.shared.rooms.ledger.notices().alerts(after_entry, incident, most + 1);
        Ok(Response::new(page(&alerts, most)))
    }

    async fn acknowledge_alert(
        &self,
        request: Request<AcknowledgeAlertRequest>,
    ) -> Result<Response<AcknowledgeAlertResponse>, Status> {
        let reader = self.shared.reader(&request, &[Role::Security])?;
        let AcknowledgeAlertRequest { alert, reason } = request.get_ref();
        if let Some(fault) = reason_fault(reason) {
            return Err(self.malformed(&request, &[fault]));
        }
        let ledger = &self.shared.rooms.ledger;
        let entry = ledger.notices().get(*alert);
        if !entry.is_some_and(|entry| matches!(entry.payload, Payload::Alert(_))) {
            return Err(self.shared.refuse(&request, ApiError::no_alert(*alert)));
        }
        let act = Acknowledgement {
            id: reader.id().clone(),
            certificate: Hash(reader.fingerprint()),
            deed: SecurityDeed::Acknowledge { alert: *alert },
            reason: reason.clone(),
        };
        let written = decide(ledger, Act::Acknowledged(act)).await;
        let act = written.map_err(|not| self.shared.refuse(&request, (&not).into()))?;
        Ok(Response::new(AcknowledgeAlertResponse { act: Some(act) }))
    }
}

/// A page of these alerts, of which there is one more than the page may hold if more follow.
fn page(alerts: &[AlertAndActs], most: usize) -> ListAlertsResponse {
    let mut page = ListAlertsResponse::default();
    let mut bytes = 0;
    for AlertAndActs { alert: entry, acknowledgements } in alerts {
        let Payload::Alert(alert) = &entry.payload else { continue };
        if page.alerts.len() == most || bytes > PAGE_BYTES {
            let last = page.alerts.last().and_then(|listed| listed.alert.as_ref());
            page.next_after_entry = last.map_or(0, |alert| alert.entry);
            break;
        }
        let act = |entry: &Arc<Entry>| match &entry.payload {
            Payload::Act(act) => Some(notice::act(entry, act)),
            _ => None,
        };
        let acknowledgements = acknowledgements.iter().filter_map(act).collect();
        let listed = ListedAlert { alert: Some(notice::alert(entry, alert)), acknowledgements };
        bytes += listed.encoded_len();
        page.alerts.push(listed);
    }
    page
}
