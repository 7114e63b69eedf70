//! The gateway's own word on whether it serves, followed as a load balancer would.

use std::fs;
use std::time::Duration;

use greffier::client::ClientSettings;
use tonic::Streaming;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

/// Longest that a change of health may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// A running `Watch` of the server as a whole.
pub(crate) struct Health(Streaming<HealthCheckResponse>);

impl Health {
    pub(crate) async fn watch(settings: &ClientSettings) -> Health {
        Health::watch_of(settings, "").await
    }

    /// The same of one of the names that it knows.
    pub(crate) async fn watch_of(settings: &ClientSettings, service: &str) -> Health {
        let read = |path| fs::read(path).expect("a file of the instance");
        let tls = ClientTlsConfig::new()
            .domain_name(&settings.server_name)
            .ca_certificate(Certificate::from_pem(read(&settings.ca)))
            .identity(Identity::from_pem(read(&settings.certificate), read(&settings.key)));
        let endpoint = Endpoint::from_shared(format!("https://{}", settings.address));
        let endpoint = endpoint.expect("an address").tls_config(tls).expect("TLS");
        let channel = endpoint.connect().await.expect("a connection");
        let watch = HealthClient::new(channel)
            .watch(HealthCheckRequest { service: service.to_owned() })
            .await;
        Health(watch.expect("health is watched").into_inner())
    }

    pub(crate) async fn until_serving(&mut self) {
        self.until(ServingStatus::Serving).await;
    }

    pub(crate) async fn until_not_serving(&mut self) {
        self.until(ServingStatus::NotServing).await;
    }

    async fn until(&mut self, wanted: ServingStatus) {
        let told = async {
            loop {
                let news = self.0.message().await.expect("the watch goes on");
                if news.expect("the watch goes on").status() == wanted {
                    return;
                }
            }
        };
        let told = tokio::time::timeout(DEADLINE, told).await;
        told.unwrap_or_else(|_| panic!("health did not become {wanted:?} in {DEADLINE:?}"));
    }
}
