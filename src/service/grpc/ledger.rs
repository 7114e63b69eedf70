//! `greffier.v1.Ledger`: what outsiders may have of the ledger while the daemon runs.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status};

use super::status::ApiError;
use crate::admission::{Principal, Role};
use crate::format::entry::{Access, Entry, Given, Hash, Outcome, Payload};
use crate::format::receipt::Receipt;
use crate::proto::ledger_server::Ledger;
use crate::proto::{
    GetCheckpointRequest, GetCheckpointResponse, GetConsistencyProofRequest,
    GetConsistencyProofResponse, GetReceiptRequest, GetReceiptResponse,
};
use crate::registrar::Unrecorded;
use crate::service::Shared;
use crate::state::growth::{Requester, UsedUp};
use crate::verify::store::{Store, Unreadable};

/// Receipts at once: each takes a millisecond or so, one after the other.
const PLACES: usize = 32;

/// The service `greffier.v1.Ledger`, which gives out checkpoints, proofs and receipts.
pub(in crate::service) struct LedgerService {
    pub(in crate::service) shared: Arc<Shared>,
    pub(in crate::service) shelf: Arc<OpenStores>,
}

/// The ledger file, opened for reading when it is first asked for.
pub(in crate::service) struct OpenStores {
    path: PathBuf,
    store: Mutex<Option<Store>>,
    /// Receipts that are being made or wait to be: one more is refused.
    places: Arc<Semaphore>,
}

impl OpenStores {
    pub(in crate::service) fn new(path: PathBuf) -> OpenStores {
        OpenStores { path, store: Mutex::new(None), places: Arc::new(Semaphore::new(PLACES)) }
    }

    /// The receipt of an entry that `may_have` lets go; the body alone decides, before any work is
    /// done on the path.
    fn receipt(&self, entry: u64, may_have: impl Fn(&str) -> bool) -> Result<Receipt, Unreadable> {
        self.look(|store| match store.body(entry)? {
            body if may_have(&body) => store.receipt(entry),
            _ => Err(Unreadable::NoEntry(entry)),
        })
    }

    /// Asks the file, and opens it anew the next time if it did not answer.
    fn look<T>(&self, ask: impl Fn(&Store) -> Result<T, Unreadable>) -> Result<T, Unreadable> {
        let mut store = self.store.lock();
        let open = match store.take() {
            Some(open) => open,
            None => Store::in_place(&self.path)?,
        };
        let answer = ask(&open);
        if matches!(answer, Ok(_) | Err(Unreadable::NoEntry(_))) {
            *store = Some(open);
        }
        answer
    }
}

impl LedgerService {
    fn reader<T>(&self, request: &Request<T>) -> Result<Principal, Status> {
        self.shared.reader(request, &[Role::Provider, Role::Auditor, Role::Security])
    }

    /// Whether there is room for an entry of this reader, before any work is done for it.
    fn room(&self, reader: &Principal) -> Result<(), UsedUp> {
        let ledger = &self.shared.rooms.ledger;
        let (exhausted, tick) = (ledger.exhausted(), || ledger.now().tick);
        match reader.role() {
            Role::Provider => exhausted.caller(reader.id(), || Requester::Certificate, tick),
            role => exhausted.staff(role.word(), reader.id(), tick),
        }
    }

    /// Work on the file, on a thread that may wait, when there is a place for it.
    async fn ask_file<R, T: Send + 'static>(
        &self,
        request: &Request<R>,
        work: impl FnOnce(&OpenStores) -> Result<T, Unreadable> + Send + 'static,
    ) -> Result<T, Status> {
        let Ok(place) = self.shelf.places.clone().try_acquire_owned() else {
            return Err(self.shared.refuse(request, ApiError::from(&Unrecorded::Busy)));
        };
        let shelf = self.shelf.clone();
        let found = tokio::task::spawn_blocking(move || {
            let found = work(&shelf);
            drop(place);
            found
        });
        match found.await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => {
                if !matches!(error, Unreadable::NoEntry(_)) {
                    tracing::error!(%error, "the ledger cannot be read");
                }
                Err(self.shared.refuse(request, ApiError::from(&error)))
            }
            Err(error) => {
                tracing::error!(%error, "a question to the ledger's file ended in a fault");
                Err(ApiError::internal("the ledger's file could not be asked").status())
            }
        }
    }
}

/// A provider may have the receipts of its own released reads; who watches the ledger, of any
/// entry.
fn may_have(reader: &Principal, body: &str) -> bool {
    if reader.role() != Role::Provider {
        return true;
    }
    let Ok(Entry { payload: Payload::Read(read), .. }) = Entry::parse(body) else {
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
        let roles = [Role::Provider, Role::Auditor, Role::Security, Role::Admin];
        self.shared.reader(&request, &roles)?;
        let ledger = &self.shared.rooms.ledger;
        let (checkpoint, at_unix_ms) = (ledger.newest().as_ref().to_owned(), ledger.now().at);
        Ok(Response::new(GetCheckpointResponse { checkpoint, at_unix_ms }))
    }

    async fn get_receipt(
        &self,
        request: Request<GetReceiptRequest>,
    ) -> Result<Response<GetReceiptResponse>, Status> {
        let reader = Arc::new(self.reader(&request)?);
        let entry = request.get_ref().entry;
        self.room(&reader).map_err(|used_up| self.shared.refuse(&request, (&used_up).into()))?;
        let asks = reader.clone();
        let receipt = self
            .ask_file(&request, move |shelf| shelf.receipt(entry, |body| may_have(&asks, body)))
            .await?;
        let access = Access {
            role: reader.role().word().into(),
            id: reader.id().clone(),
            certificate: Hash(reader.fingerprint()),
            what: Given::Receipt,
            entry,
        };
        let recorded = self.shared.rooms.ledger.access(access).await;
        recorded.map_err(|unrecorded| self.shared.refuse(&request, (&unrecorded).into()))?;
        Ok(Response::new(GetReceiptResponse { receipt: receipt.to_string() }))
    }

    async fn get_consistency_proof(
        &self,
        request: Request<GetConsistencyProofRequest>,
    ) -> Result<Response<GetConsistencyProofResponse>, Status> {
        self.reader(&request)?;
        let &GetConsistencyProofRequest { first_size, second_size } = request.get_ref();
        let second = (second_size > 0).then_some(second_size);
        let work =
            move |shelf: &OpenStores| shelf.look(|store| store.consistency(first_size, second));
        let (path, checkpoint) = self.ask_file(&request, work).await?;
        let hashes = path.into_iter().map(|hash| hash.0.to_vec()).collect();
        Ok(Response::new(GetConsistencyProofResponse { hashes, checkpoint }))
    }
}
