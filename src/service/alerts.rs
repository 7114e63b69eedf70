//! `greffier.v1.Alerts`: what the judge found, and what was decided about it, for those who watch.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use prost::Message as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::{Request, Response, Status};

use super::Shared;
use super::notice::{self, decide, reason_fault};
use super::status::Fault;
use super::stream::Endless;
use super::tail::{Events, Tail};
use crate::admission::{Reader, Role, Violation, Word};
use crate::format::entry;
use crate::format::entry::{Deed, Entry, Hash, What};
use crate::proto::alerts_server::Alerts;
use crate::proto::{
    AcknowledgeAlertRequest, AcknowledgeAlertResponse, ListAlertsRequest, ListAlertsResponse,
    ListedAlert, TailAlertsRequest,
};
use crate::registrar::notices::AlertAndActs;

/// Who may hear of alerts.
pub(super) const WATCHERS: [Role; 2] = [Role::Security, Role::Auditor];
/// Tails at once, and
const TAILS: usize = 4_096;
/// ... of one member of staff.
const OWN_TAILS: usize = 1_024;
/// Alerts of a page.
const PAGE: i32 = 50;
const PAGE_MAX: i32 = 500;
/// A page ends when it has so many bytes: clients refuse messages of more than 4 MiB.
const PAGE_BYTES: usize = 1 << 20;

/// The service.
pub(super) struct AlertsService {
    shared: Arc<Shared>,
    tails: Arc<Semaphore>,
    /// As many as the policy knows.
    own: Mutex<HashMap<(Role, Word), Arc<Semaphore>>>,
}

/// A place for a tail: one of all, and one of the reader's own.
pub(super) struct Place {
    _of_all: OwnedSemaphorePermit,
    _own: OwnedSemaphorePermit,
}

impl AlertsService {
    pub(super) fn new(shared: Arc<Shared>) -> AlertsService {
        AlertsService { shared, tails: Arc::new(Semaphore::new(TAILS)), own: Mutex::default() }
    }

    fn place(&self, reader: &Reader) -> Option<Place> {
        let own = {
            let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
            let own = own.entry((reader.role(), reader.id().clone()));
            own.or_insert_with(|| Arc::new(Semaphore::new(OWN_TAILS))).clone()
        };
        let _own = own.try_acquire_owned().ok()?;
        let _of_all = self.tails.clone().try_acquire_owned().ok()?;
        Some(Place { _of_all, _own })
    }

    fn malformed<T>(&self, request: &Request<T>, faults: &[Violation]) -> Status {
        self.shared.refuse(request, Fault::malformed(faults))
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
        let Some(place) = self.place(&reader) else {
            return Err(self.shared.refuse(&request, Fault::tails_full()));
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
        if !entry.is_some_and(|entry| matches!(entry.what, What::Alert(_))) {
            return Err(self.shared.refuse(&request, Fault::no_alert(*alert)));
        }
        let certificate = Some(Hash(reader.fingerprint()));
        let (role, deed) = (reader.role().word(), Deed::Acknowledge);
        let act = entry::Act {
            alert: Some(*alert),
            ..entry::Act::new(deed, role, reader.id(), certificate, reason)
        };
        let written = decide(ledger, act).await;
        let act = written.map_err(|not| self.shared.refuse(&request, (&not).into()))?;
        Ok(Response::new(AcknowledgeAlertResponse { act: Some(act) }))
    }
}

/// A page of these alerts, of which there is one more than the page may hold if more follow.
fn page(alerts: &[AlertAndActs], most: usize) -> ListAlertsResponse {
    let mut page = ListAlertsResponse::default();
    let mut bytes = 0;
    for AlertAndActs { alert: entry, acknowledgements } in alerts {
        let What::Alert(alert) = &entry.what else { continue };
        if page.alerts.len() == most || bytes > PAGE_BYTES {
            let last = page.alerts.last().and_then(|listed| listed.alert.as_ref());
            page.next_after_entry = last.map_or(0, |alert| alert.entry);
            break;
        }
        let act = |entry: &Arc<Entry>| match &entry.what {
            What::Act(act) => Some(notice::act(entry, act)),
            _ => None,
        };
        let acknowledgements = acknowledgements.iter().filter_map(act).collect();
        let listed = ListedAlert { alert: Some(notice::alert(entry, alert)), acknowledgements };
        bytes += listed.encoded_len();
        page.alerts.push(listed);
    }
    page
}
