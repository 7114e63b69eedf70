//! The services that are served, and which of them a call is for.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;

use http::{Request, Response};
use tonic::body::Body;
use tonic::service::Routes;
use tonic_health::server::{HealthReporter, health_reporter};
use tonic_reflection::server::{Builder, Error as ReflectionError};
use tower_service::Service as _;

use super::admin::AdminService;
use super::alerts::AlertsService;
use super::ledger::{LedgerService, OpenStores};
use super::records::RecordsService;
use crate::proto::admin_server::{AdminServer, SERVICE_NAME as ADMIN};
use crate::proto::alerts_server::{AlertsServer, SERVICE_NAME as ALERTS};
use crate::proto::ledger_server::{LedgerServer, SERVICE_NAME as LEDGER};
use crate::proto::records_server::{RecordsServer, SERVICE_NAME as RECORDS};
use crate::service::door::prompt::Prompt;
use crate::service::{MESSAGE, Shared};

/// Names that the health service knows; the empty one is the server as a whole.
pub(in crate::service) const NAMES: [&str; 5] = ["", RECORDS, LEDGER, ALERTS, ADMIN];

/// All services that can be called, that of records apart from the others.
pub(in crate::service) struct Services {
    records: RecordsServer<RecordsService>,
    others: Routes,
}

impl Services {
    /// With the handle that tells the health service what to say. `ledger_file` is read for
    /// receipts.
    pub(in crate::service) fn new(
        shared: &Arc<Shared>,
        ledger_file: PathBuf,
    ) -> Result<(Services, HealthReporter), ReflectionError> {
        let records = RecordsServer::new(RecordsService(shared.clone()));
        let ledger = LedgerServer::new(LedgerService {
            shared: shared.clone(),
            shelf: Arc::new(OpenStores::new(ledger_file)),
        });
        let alerts = AlertsServer::new(AlertsService::new(shared.clone()));
        let admin = AdminServer::new(AdminService(shared.clone()));
        let (health, health_service) = health_reporter();
        let reflection = || {
            Builder::configure()
                .register_encoded_file_descriptor_set(crate::proto::DESCRIPTORS)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
                // Without these a tool shows the details of a refusal as bytes.
                .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
        };
        let others = Routes::new(ledger.max_decoding_message_size(MESSAGE))
            .add_service(alerts.max_decoding_message_size(MESSAGE))
            .add_service(admin.max_decoding_message_size(MESSAGE))
            .add_service(health_service)
            .add_service(reflection().build_v1()?)
            // Tools that are still about, grpcurl before 1.8.8 among them, ask this one alone.
            .add_service(reflection().build_v1alpha()?)
            .prepare();
        Ok((Services { records: records.max_decoding_message_size(MESSAGE), others }, health))
    }

    /// Hands a call to whom it is for. Most are for records; those skip the router.
    pub(in crate::service) async fn call(
        &self,
        request: Request<Prompt>,
    ) -> Result<Response<Body>, Infallible> {
        if is_for(RECORDS, request.uri().path()) {
            self.records.clone().call(request).await
        } else {
            self.others.clone().call(request).await
        }
    }
}

/// The methods of which each call carries a token, where agents have them.
const WITH_TOKENS: [&str; 4] = ["GetRecord", "ListRecords", "SearchRecords", "ExportRecords"];

/// Whether a call of this path is of an agent.
pub(in crate::service) fn takes_token(path: &str) -> bool {
    let method = path.rsplit('/').next().unwrap_or_default();
    is_for(RECORDS, path)
        && path.len() == 2 + RECORDS.len() + method.len()
        && WITH_TOKENS.contains(&method)
}

/// Whether a path is of a method of this service (gRPC over HTTP/2: `/{service}/{method}`).
fn is_for(service: &str, path: &str) -> bool {
    let method = path.strip_prefix('/').and_then(|path| path.strip_prefix(service));
    method.is_some_and(|method| method.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_that_reads_records_takes_a_token_and_nothing_else_does() {
        let rpcs = |text: &'static str| {
            let named = text.lines().filter_map(|line| line.trim().strip_prefix("rpc "));
            named.filter_map(|line| line.split_once('(')).map(|(name, _)| name)
        };
        let reads: Vec<_> =
            rpcs(include_str!("../../../proto/greffier/v1/records.proto")).collect();
        assert_eq!(reads, WITH_TOKENS);
        for name in reads {
            let path = format!("/{RECORDS}/{name}");
            assert!(takes_token(&path));
            assert!(!takes_token(&format!("{path}/")) && !takes_token(&format!("/{path}")));
        }
        for name in rpcs(include_str!("../../../proto/greffier/v1/ledger.proto")) {
            assert!(!takes_token(&format!("/{LEDGER}/{name}")));
        }
        assert!(!takes_token("") && !takes_token("/") && !takes_token(&format!("/{RECORDS}/x")));
    }

    #[test]
    fn a_path_is_for_the_service_that_it_names_whole() {
        assert!(is_for(RECORDS, "/greffier.v1.Records/GetRecord"));
        assert!(is_for(RECORDS, "/greffier.v1.Records/"));
        for path in [
            "",
            "/",
            "/greffier.v1.Records",
            "/greffier.v1.Recordsa/GetRecord",
            "/greffier.v1.Ledger/GetReceipt",
            "//greffier.v1.Records/GetRecord",
            "greffier.v1.Records/GetRecord",
        ] {
            assert!(!is_for(RECORDS, path), "{path}");
        }
    }
}
