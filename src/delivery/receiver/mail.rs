//! E-mail: what waits, in one message, over SMTP with TLS. It says entry numbers, providers and counts, and no tag of
//! anybody: whoever may look asks the gateway for the rest.

use std::fmt::Write as _;
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use serde_json::Value;
use tokio::time::Instant;

use super::{Answer, ReceiverError, Trouble};
use crate::delivery::dispatch::Gravity;
use crate::delivery::settings::{MailTarget, MailTls, host};
use crate::delivery::spool::Waiting;
use crate::files;

/// Below high, a message at most so often: what comes meanwhile goes together.
const APART: Duration = Duration::from_secs(300);
/// At a start, what has waited goes together.
const FIRST: Duration = Duration::from_secs(10);
/// How long a server may take for each answer.
const PATIENCE: Duration = Duration::from_secs(15);

pub(in crate::delivery) struct Mail {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Vec<Mailbox>,
    origin: String,
    /// When the next message goes, unless something is grave.
    next: Instant,
}

impl Mail {
    pub(super) fn new(target: &MailTarget, origin: &str) -> Result<Mail, ReceiverError> {
        let address = |text: &String| {
            let bad = |error| ReceiverError::Address(format!("`{text}`: {error}"));
            text.parse::<Mailbox>().map_err(bad)
        };
        let host = host(&target.address);
        let port = target.address.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        let port = port.ok_or_else(|| {
            ReceiverError::Address(format!("`{}` is not host:port", target.address))
        })?;
        let mut tls = TlsParameters::builder(host.to_owned());
        if let Some(path) = &target.ca {
            let file = |why: String| ReceiverError::File { path: path.display().to_string(), why };
            let pem = files::read(path, files::SMALL).map_err(|error| file(error.to_string()))?;
            let root = Certificate::from_pem(&pem).map_err(|error| file(error.to_string()))?;
            tls = tls.certificate_store(CertificateStore::None).add_root_certificate(root);
        }
        let bad = |error: lettre::transport::smtp::Error| ReceiverError::Address(error.to_string());
        let tls = tls.build_rustls().map_err(bad)?;
        let tls = match target.tls {
            MailTls::Wrapper => Tls::Wrapper(tls),
            MailTls::Starttls => Tls::Required(tls),
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(port)
            .tls(tls)
            .timeout(Some(PATIENCE));
        if let (Some(user), Some(password)) = (&target.user, &target.password) {
            let password = files::read_secret(password)?.trim().to_owned();
            transport = transport.credentials(Credentials::new(user.clone(), password));
        }
        Ok(Mail {
            transport: transport.build(),
            from: address(&target.from)?,
            to: target.to.iter().map(address).collect::<Result<_, _>>()?,
            origin: origin.to_owned(),
            next: Instant::now() + FIRST,
        })
    }

    /// How long these may wait for others.
    pub(super) fn patience(&self, events: &[Waiting]) -> Duration {
        let grave = events.iter().any(|event| event.gravity >= Gravity::High);
        if grave { Duration::ZERO } else { self.next.saturating_duration_since(Instant::now()) }
    }

    pub(super) async fn send(&mut self, events: &[Waiting]) -> Result<Vec<Answer>, Trouble> {
        let gravest = events.iter().map(|event| event.gravity).max().unwrap_or_default();
        let number = events.len();
        let many = if number == 1 { "1 event".to_owned() } else { format!("{number} events") };
        let mut message = Message::builder()
            .from(self.from.clone())
            .subject(format!("[greffier] {}: {many} of {}", gravest.word(), self.origin))
            .header(ContentType::TEXT_PLAIN);
        for to in &self.to {
            message = message.to(to.clone());
        }
        let message = message.body(text(events, &self.origin)).map_err(Trouble::unreachable)?;
        match self.transport.send(message).await {
            Ok(_) => {
                self.next = Instant::now() + APART;
                Ok(vec![Answer::Taken; number])
            }
            Err(error) => Err(Trouble::unreachable(error)),
        }
    }
}

/// A line or two for each event.
fn text(events: &[Waiting], origin: &str) -> String {
    let mut text = String::new();
    for event in events {
        let body: Value = serde_json::from_str(&event.body).unwrap_or_default();
        let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let data = &body["data"];
        let _ = write!(text, "{} {} ", word(&body["at"]), event.gravity.word().to_uppercase());
        let kind = word(&body["type"]);
        if let Some(entry) = body["entry"].as_u64() {
            let _ = write!(text, "{kind} {entry}");
        } else {
            // What the delivery tells of itself has no tag in it.
            let _ = write!(text, "{}", word(&body["text"]["en"]));
        }
        if let Some(incident) = body["incident"].as_u64() {
            let _ = write!(text, ", incident {incident}");
        }
        if let Some(provider) = body["provider"].as_str() {
            let _ = write!(text, ", {provider}");
        }
        for about in ["rule", "deed", "matter"] {
            if let Some(about) = data[about].as_str().filter(|_| body["entry"].is_u64()) {
                let _ = write!(text, ": {about}");
            }
        }
        if let (Some(persons), Some(off)) =
            (data["persons"].as_u64(), data["persons_off_roster"].as_u64())
        {
            let _ = write!(text, ", {persons} persons disclosed, {off} of them off the roster");
        }
        text.push('\n');
        if kind == "alert" {
            let _ = writeln!(text, "    greffier alerts show {}", body["entry"]);
        }
    }
    let _ = write!(text, "\nThe ledger is {origin}.\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_entries_and_nobody() {
        let body = r#"{"at":"2026-11-22T10:02:03.000Z","type":"alert","entry":57,"incident":50,
            "provider":"provider-01","text":{"en":"agent -Pj4-A does"},
            "data":{"rule":"roster","agent":"-Pj4-A","persons":20,"persons_off_roster":14}}"#;
        let event = Waiting {
            number: 1,
            id: "0-57".to_owned(),
            gravity: Gravity::High,
            incident: Some(50),
            body: body.to_owned(),
        };
        assert_eq!(
            text(&[event], "agency.example/reads"),
            "2026-11-22T10:02:03.000Z HIGH alert 57, incident 50, provider-01: roster, 20 persons \
             disclosed, 14 of them off the roster\n    greffier alerts show 57\n\nThe ledger is \
             agency.example/reads.\n"
        );
    }
}
