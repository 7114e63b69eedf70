//! Standard Webhooks 1.0.0: one POST an event, signed by a shared secret (`v1`), by an Ed25519 key (`v1a`), or
//! by both. No redirect is followed.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::RETRY_AFTER;
use reqwest::{Certificate, Client, Proxy, StatusCode, redirect};
use ring::{hmac, signature};

use super::{Answer, ReceiverError, Trouble};
use crate::delivery::dispatch::now;
use crate::delivery::form::Form;
use crate::delivery::settings::WebhookTarget;
use crate::delivery::spool::Waiting;
use crate::files;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// The longest wait that a receiver may ask for.
const WAIT_MAX: Duration = Duration::from_secs(24 * 3_600);

pub(in crate::delivery) struct Webhook {
    client: Client,
    form: Form,
    url: String,
    secret: Option<hmac::Key>,
    key: Option<signature::Ed25519KeyPair>,
}

/// The bytes behind the prefix of a secret's file.
fn secret(path: &std::path::Path, prefix: &str) -> Result<Vec<u8>, ReceiverError> {
    let text = files::read_secret(path)?;
    let bytes = text.trim().strip_prefix(prefix).and_then(|text| STANDARD.decode(text).ok());
    bytes.ok_or_else(|| ReceiverError::File {
        path: path.display().to_string(),
        why: format!("it is to hold {prefix} and base64"),
    })
}

impl Webhook {
    pub(super) fn new(target: &WebhookTarget) -> Result<Webhook, ReceiverError> {
        let bad = |error: reqwest::Error| ReceiverError::Address(error.to_string());
        let mut client = Client::builder()
            .https_only(true)
            .redirect(redirect::Policy::none())
            .timeout(PATIENCE)
            .no_proxy()
            .user_agent(concat!("greffier/", env!("CARGO_PKG_VERSION")));
        if let Some(path) = &target.ca {
            let file = |why: String| ReceiverError::File { path: path.display().to_string(), why };
            let text = files::read(path, files::SMALL).map_err(|error| file(error.to_string()))?;
            let roots =
                Certificate::from_pem_bundle(&text).map_err(|error| file(error.to_string()))?;
            client = client.tls_certs_only(roots);
        }
        if let Some(proxy) = &target.proxy {
            client = client.proxy(Proxy::all(proxy).map_err(bad)?);
        }
        let shared = target.secret.as_ref().map(|path| secret(path, "whsec_")).transpose()?;
        let key = target.signing_key.as_ref().map(|path| {
            let seed = secret(path, "whsk_")?;
            signature::Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| ReceiverError::File {
                path: path.display().to_string(),
                why: "it is no Ed25519 seed of 32 bytes".to_owned(),
            })
        });
        Ok(Webhook {
            client: client.build().map_err(bad)?,
            form: target.form,
            url: target.url.clone(),
            secret: shared.map(|bytes| hmac::Key::new(hmac::HMAC_SHA256, &bytes)),
            key: key.transpose()?,
        })
    }

    pub(super) async fn send(&mut self, events: &[Waiting]) -> Result<Vec<Answer>, Trouble> {
        let mut answers = Vec::new();
        for event in events {
            answers.push(self.post(event).await?);
        }
        Ok(answers)
    }

    async fn post(&self, event: &Waiting) -> Result<Answer, Trouble> {
        let timestamp = (now() / 1_000).to_string();
        let text = self.form.text(event);
        let post = self
            .client
            .post(&self.url)
            .header("content-type", "application/json")
            .header("webhook-id", &event.id)
            .header("webhook-timestamp", &timestamp)
            .header("webhook-signature", self.signatures(&event.id, &timestamp, &text))
            .body(text);
        let answer = post.send().await.map_err(|error| Trouble::unreachable(deepest(&error)))?;
        let status = answer.status();
        let wait = answer.headers().get(RETRY_AFTER).and_then(|wait| wait.to_str().ok());
        let wait = wait.and_then(|wait| wait.parse().ok()).map(Duration::from_secs);
        Ok(match status {
            _ if status.is_success() => Answer::Taken,
            StatusCode::GONE => return Err(Trouble::Gone(status.to_string())),
            // It is not the event that it minds.
            StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::PROXY_AUTHENTICATION_REQUIRED
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS => return Err(later(status, wait)),
            _ if status.is_client_error() => Answer::Refused(status.to_string()),
            _ => return Err(later(status, wait)),
        })
    }

    /// Over id, time and body, joined by dots.
    fn signatures(&self, id: &str, timestamp: &str, text: &str) -> String {
        let signed = format!("{id}.{timestamp}.{text}");
        let shared = self
            .secret
            .as_ref()
            .map(|secret| format!("v1,{}", STANDARD.encode(hmac::sign(secret, signed.as_bytes()))));
        let own = self
            .key
            .as_ref()
            .map(|key| format!("v1a,{}", STANDARD.encode(key.sign(signed.as_bytes()))));
        [shared, own].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

fn later(status: StatusCode, wait: Option<Duration>) -> Trouble {
    Trouble::Unreachable { why: status.to_string(), wait: wait.map(|wait| wait.min(WAIT_MAX)) }
}

/// The innermost cause, which says most.
fn deepest(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
