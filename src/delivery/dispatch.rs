//! What goes to a receiver: one JSON object for each alert, warning and act, and for what the delivery itself
//! has to tell. `docs/delivery.md` is its schema.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::client::notice::{act_json, alert_json, severity_word, text_json, warning_json};
use crate::format::entry::sha256;
use crate::proto::{Act, Alert, Severity, Warning};

/// How grave something is: what is graver goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gravity {
    /// Worth knowing; acts, too.
    #[default]
    Info,
    /// To be looked at today; warnings, too.
    Medium,
    /// To be looked at now.
    High,
    /// To be looked at by two now.
    Critical,
}

impl Gravity {
    /// All of them.
    pub const ALL: [Gravity; 4] =
        [Gravity::Info, Gravity::Medium, Gravity::High, Gravity::Critical];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Gravity::Info => "info",
            Gravity::Medium => "medium",
            Gravity::High => "high",
            Gravity::Critical => "critical",
        }
    }
}

/// One event as it goes to a receiver.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Dispatch {
    /// The same for the same event, however often it is sent: letters, digits and hyphens.
    pub(super) id: String,
    /// How grave it is.
    pub(super) gravity: Gravity,
    /// The incident that it belongs to: within one, events keep their order.
    pub(super) incident: Option<u64>,
    /// The provider that it is about.
    pub(super) provider: Option<String>,
    /// When it happened, Unix milliseconds.
    pub(super) at: u64,
    /// Its entry in the ledger; none of what the delivery tells of itself.
    pub(super) entry: Option<u64>,
    /// All of it, as receivers get it.
    pub(super) body: Value,
}

/// What a delivery tells of itself, beside what the ledger has.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum OwnEvent {
    /// The gateway has not answered for a while.
    GatewaySilent { why: String },
    /// It is there again.
    GatewayBack,
    /// The ledger is not the one that it was.
    LedgerDenounced { why: String },
    /// The gateway does not let this delivery follow any more.
    FollowingRefused { why: String },
    /// A receiver refuses an event for good; it is kept apart.
    EventParked { receiver: String, id: String, why: String },
    /// A receiver wants nothing any more.
    ReceiverGone { receiver: String, why: String },
    /// A receiver cannot be reached for a while.
    ReceiverUnreachable { receiver: String, why: String },
    /// It takes events again.
    ReceiverBack { receiver: String },
}

/// Makes dispatches of the events of one ledger.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    origin: String,
    /// Sixteen digits that stand for the origin in ids.
    prefix: String,
}

/// RFC 3339, UTC, to the millisecond.
pub(super) fn rfc3339(at: u64) -> String {
    let at = i64::try_from(at).ok().and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
    at.map_or_else(|| "1970-01-01T00:00:00.000Z".to_owned(), |at| format!("{at:.3}"))
}

/// Now, Unix milliseconds.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn stated(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

impl Sender {
    pub(super) fn new(origin: &str) -> Sender {
        let prefix = sha256(&[origin.as_bytes()]).to_string()[..16].to_owned();
        Sender { origin: origin.to_owned(), prefix }
    }

    fn dispatch(&self, id: &str, what: Header, text: Value, data: Value) -> Dispatch {
        let Header { kind, gravity, at, entry, incident, provider } = what;
        let id = format!("{}-{id}", self.prefix);
        let body = json!({
            "id": id,
            "origin": self.origin,
            "type": kind,
            "severity": gravity.word(),
            "at": rfc3339(at),
            "entry": entry,
            "incident": incident,
            "provider": provider,
            "text": text,
            "data": data,
        });
        Dispatch { id, gravity, incident, provider, at, entry, body }
    }

    pub(super) fn alert(&self, alert: &Alert) -> Dispatch {
        let gravity = match alert.severity() {
            Severity::Critical => Gravity::Critical,
            Severity::Medium => Gravity::Medium,
            Severity::Info => Gravity::Info,
            // One that this version does not know is not to be missed.
            Severity::High | Severity::Unspecified => Gravity::High,
        };
        let header = Header {
            kind: "alert",
            gravity,
            at: alert.at_unix_ms,
            entry: Some(alert.entry),
            incident: Some(alert.incident),
            provider: stated(&alert.provider),
        };
        let text = text_json(&alert.sentences);
        debug_assert_eq!(severity_word(alert), gravity.word());
        self.dispatch(&alert.entry.to_string(), header, text, data(alert_json(alert)))
    }

    pub(super) fn warning(&self, warning: &Warning) -> Dispatch {
        let header = Header {
            kind: "warning",
            gravity: Gravity::Medium,
            at: warning.at_unix_ms,
            entry: Some(warning.entry),
            incident: None,
            provider: stated(&warning.provider),
        };
        let text = text_json(&warning.sentences);
        self.dispatch(&warning.entry.to_string(), header, text, data(warning_json(warning)))
    }

    pub(super) fn act(&self, act: &Act) -> Dispatch {
        let header = Header {
            kind: "act",
            gravity: Gravity::Info,
            at: act.at_unix_ms,
            entry: Some(act.entry),
            incident: None,
            provider: stated(&act.provider),
        };
        let text = text_json(&act.sentences);
        self.dispatch(&act.entry.to_string(), header, text, data(act_json(act)))
    }

    /// What the delivery to `teller` has to tell.
    pub(super) fn own(&self, teller: &str, event: &OwnEvent) -> Dispatch {
        let at = now();
        let (matter, gravity, id, data, [en, fr]) = event.told(teller, at);
        let text = json!({"en": en, "fr": fr});
        let mut all = json!({"matter": matter, "teller": teller});
        if let (Some(all), Value::Object(more)) = (all.as_object_mut(), data) {
            all.extend(more);
        }
        let header =
            Header { kind: "delivery", gravity, at, entry: None, incident: None, provider: None };
        self.dispatch(&id, header, text, all)
    }
}

/// What stands at the head of each.
struct Header {
    kind: &'static str,
    gravity: Gravity,
    at: u64,
    entry: Option<u64>,
    incident: Option<u64>,
    provider: Option<String>,
}

/// What the head does not say already.
fn data(mut json: Value) -> Value {
    if let Some(all) = json.as_object_mut() {
        for said in ["kind", "entry", "at", "incident", "severity", "provider", "text"] {
            all.remove(said);
        }
        all.retain(|_, value| !value.is_null());
    }
    json
}

impl OwnEvent {
    /// Its word, how grave it is, its id, what it has to say, and that in English and French.
    fn told(&self, teller: &str, at: u64) -> (&'static str, Gravity, String, Value, [String; 2]) {
        let once = |word: &str| format!("{word}-{teller}-{at}");
        match self {
            OwnEvent::GatewaySilent { why } => (
                "gateway_silent",
                Gravity::High,
                once("silent"),
                json!({"why": why}),
                [
                    format!("The gateway does not answer: {why}. It is being looked for."),
                    format!("La passerelle ne répond pas : {why}. On la cherche."),
                ],
            ),
            OwnEvent::GatewayBack => (
                "gateway_back",
                Gravity::Info,
                once("back"),
                json!({}),
                [
                    "The gateway answers again, and nothing that it wrote meanwhile is left out."
                        .to_owned(),
                    "La passerelle répond de nouveau, et rien de ce qu’elle a écrit n’est omis."
                        .to_owned(),
                ],
            ),
            OwnEvent::LedgerDenounced { why } => (
                "ledger_denounced",
                Gravity::Critical,
                once("denounced"),
                json!({"why": why}),
                [
                    format!(
                        "DENOUNCED: {why}. Believe nothing that the gateway says, keep the state of \
                         this delivery, and have the ledger verified against it."
                    ),
                    format!(
                        "DÉNONCÉ : {why}. Ne croyez plus rien de la passerelle, gardez l’état de cette \
                         distribution, et faites vérifier le registre d’après lui."
                    ),
                ],
            ),
            OwnEvent::FollowingRefused { why } => (
                "following_refused",
                Gravity::High,
                once("refused"),
                json!({"why": why}),
                [
                    format!("The gateway does not let this delivery follow any more: {why}."),
                    format!("La passerelle ne laisse plus suivre cette distribution : {why}."),
                ],
            ),
            OwnEvent::EventParked { receiver, id, why } => (
                "event_parked",
                Gravity::High,
                format!("parked-{receiver}-{id}"),
                json!({"receiver": receiver, "id": id, "why": why}),
                [
                    format!(
                        "The receiver {receiver} refuses the event {id}: {why}. It is kept apart."
                    ),
                    format!(
                        "Le destinataire {receiver} refuse l’événement {id} : {why}. Il est mis de côté."
                    ),
                ],
            ),
            OwnEvent::ReceiverGone { receiver, why } => (
                "receiver_gone",
                Gravity::High,
                once(&format!("gone-{receiver}")),
                json!({"receiver": receiver, "why": why}),
                [
                    format!(
                        "The receiver {receiver} wants nothing any more: {why}. What is for it waits."
                    ),
                    format!(
                        "Le destinataire {receiver} ne veut plus rien : {why}. Ce qui est pour lui attend."
                    ),
                ],
            ),
            OwnEvent::ReceiverUnreachable { receiver, why } => (
                "receiver_unreachable",
                Gravity::High,
                once(&format!("unreachable-{receiver}")),
                json!({"receiver": receiver, "why": why}),
                [
                    format!(
                        "The receiver {receiver} cannot be reached: {why}. What is for it waits."
                    ),
                    format!(
                        "Le destinataire {receiver} est injoignable : {why}. Ce qui est pour lui attend."
                    ),
                ],
            ),
            OwnEvent::ReceiverBack { receiver } => (
                "receiver_back",
                Gravity::Info,
                once(&format!("back-{receiver}")),
                json!({"receiver": receiver}),
                [
                    format!("The receiver {receiver} takes events again."),
                    format!("Le destinataire {receiver} prend de nouveau les événements."),
                ],
            ),
        }
    }
}
