//! `greffier.v1.Ledger`: what outsiders may have of the ledger while the daemon runs.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use tokio::sync::Semaphore;
use tonic::{Request, Response, Status};

use super::Shared;
use super::status::Fault;
use crate::admission::{Reader, Refused, Role};
use crate::ledger::Unrecorded;
use crate::ledger::entry::{Access, Entry, Given, Hash, Outcome, What};
use crate::ledger::receipt::Receipt;
use crate::ledger::store::{Store, Unreadable};
use crate::proto::ledger_server::Ledger;
use crate::proto::{
    GetCheckpointRequest, GetCheckpointResponse, GetReceiptRequest, GetReceiptResponse,
};

/// Receipts at once: each takes a millisecond or so, one after the other.
const PLACES: usize = 32;

/// The service.
pub(super) struct LedgerService {
    pub(super) shared: Arc<Shared>,
    pub(super) shelf: Arc<Shelf>,
}

/// The ledger file, opened for reading when it is first asked for.
pub(super) struct Shelf {
    path: PathBuf,
    store: Mutex<Option<Store>>,
    /// Receipts that are being made or wait to be: one more is refused.
    places: Arc<Semaphore>,
}

impl Shelf {
    pub(super) fn new(path: PathBuf) -> Shelf {
        Shelf { path, store: Mutex::new(None), places: Arc::new(Semaphore::new(PLACES)) }
    }

    /// The receipt of an entry that `may_have` lets go; the body alone decides, before any work is
    /// done on the path.
    fn receipt(&self, entry: u64, may_have: impl Fn(&str) -> bool) -> Result<Receipt, Unreadable> {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let open = match store.take() {
            Some(open) => open,
            None => Store::in_place(&self.path)?,
        };
        let receipt = match open.body(entry) {
            Ok(body) if may_have(&body) => open.receipt(entry),
            Ok(_) => Err(Unreadable::NoEntry(entry)),
            Err(error) => Err(error),
        };
        if matches!(receipt, Ok(_) | Err(Unreadable::NoEntry(_))) {
            *store = Some(open);
        }
        receipt
    }
}

impl LedgerService {
    fn reader<T>(&self, request: &Request<T>) -> Result<Reader, Status> {
        let peer = self.shared.peer(request)?;
        let rooms = &self.shared.rooms;
        let admitted = Reader::admit(peer, &rooms.terms, SystemTime::now());
        let reader =
            admitted.map_err(|refused: Refused| self.refuse(request, (&refused).into()))?;
        let taken = rooms.quota.take_reader(&reader);
        taken.map_err(|limited| self.refuse(request, (&limited).into()))?;
        Ok(reader)
    }

    fn refuse<T>(&self, request: &Request<T>, fault: Fault) -> Status {
        if let Ok(peer) = self.shared.peer(request) {
            self.shared.tally.call(peer, fault.reason());
        }
        fault.status()
    }
}

/// A provider may have the receipts of its own released reads; who watches the ledger, of any entry.
fn may_have(reader: &Reader, body: &str) -> bool {
    if reader.role() != Role::Provider {
        return true;
    }
    let Ok(Entry { what: What::Read(read), .. }) = Entry::parse(body) else {
        return false;
    };
    read.provider == *reader.id() && read.ruling.outcome == Outcome::Released
}

#[tonic::async_trait]
impl Ledger for LedgerService {
    async fn get_checkpoint(
        &self,
        request: Request<GetCheckpointRequest>,
    ) -> Result<Response<GetCheckpointResponse>, Status> {
        self.reader(&request)?;
        let checkpoint = self.shared.rooms.ledger.newest().as_ref().to_owned();
        Ok(Response::new(GetCheckpointResponse { checkpoint }))
    }

    async fn get_receipt(
        &self,
        request: Request<GetReceiptRequest>,
    ) -> Result<Response<GetReceiptResponse>, Status> {
        let reader = self.reader(&request)?;
        let entry = request.get_ref().entry;
        let Ok(place) = self.shelf.places.clone().try_acquire_owned() else {
            return Err(self.refuse(&request, Fault::from(&Unrecorded::Busy)));
        };
        let shelf = self.shelf.clone();
        let found = tokio::task::spawn_blocking(move || {
            let receipt = shelf.receipt(entry, |body| may_have(&reader, body));
            drop(place);
            (reader, receipt)
        });
        let Ok((reader, found)) = found.await else {
            return Err(Fault::from(&Unrecorded::Unwritable).status());
        };
        let receipt = match found {
            Ok(receipt) => receipt,
            Err(Unreadable::NoEntry(_)) => {
                return Err(self.refuse(&request, Fault::no_entry()));
            }
            Err(error) => {
                tracing::error!(%error, "a receipt cannot be made");
                return Err(Fault::from(&Unrecorded::Unwritable).status());
            }
        };
        let access = Access {
            role: reader.role().word().into(),
            id: reader.id().clone(),
            certificate: Hash(reader.fingerprint()),
            what: Given::Receipt,
            entry,
        };
        let recorded = self.shared.rooms.ledger.access(access).await;
        recorded.map_err(|unrecorded| Fault::from(&unrecorded).status())?;
        Ok(Response::new(GetReceiptResponse { receipt: receipt.to_string() }))
    }
}
