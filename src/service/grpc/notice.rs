//! Alerts, warnings and acts of the ledger as messages, and the way of an act into it.

use crate::admission::Violation;
use crate::alert::{Language, of_act, of_alert, of_warning};
use crate::format::entry;
use crate::format::entry::{Deed, Entry, JobTerms, Payload, SignedAct, TEXT_MAX, word};
use crate::proto::tail_alerts_response::Event;
use crate::proto::{Act, Alert, Job, Sentence, Severity, Warning};
use crate::registrar::{Ledger, Unrecorded};

/// The event of an entry that is an alert, a warning or an act.
pub(in crate::service) fn event(entry: &Entry) -> Option<Event> {
    match &entry.payload {
        Payload::Alert(what) => Some(Event::Alert(alert(entry, what))),
        Payload::Warning(what) => Some(Event::Warning(warning(entry, what))),
        Payload::Act(what) => Some(Event::Act(act(entry, what))),
        _ => None,
    }
}

fn sentences(text: impl Fn(Language) -> String) -> Vec<Sentence> {
    let sentence =
        |language: Language| Sentence { language: language.tag().to_owned(), text: text(language) };
    Language::ALL.map(sentence).to_vec()
}

/// The message for an entry that is an alert.
pub(in crate::service) fn alert(entry: &Entry, alert: &entry::Alert) -> Alert {
    let severity = match alert.severity {
        entry::Severity::Info => Severity::Info,
        entry::Severity::Medium => Severity::Medium,
        entry::Severity::High => Severity::High,
        entry::Severity::Critical => Severity::Critical,
    };
    Alert {
        entry: entry.seq,
        at_unix_ms: entry.now.at,
        incident: alert.incident,
        rule: word(&alert.rule),
        severity: severity.into(),
        provider: alert.provider.as_ref().to_owned(),
        agent: alert.agent.to_string(),
        level: word(&alert.level),
        observed: alert.observed,
        expected: alert.expected,
        first_entry: alert.first,
        since_unix_ms: alert.since,
        last_entry: alert.last,
        persons: alert.persons,
        persons_off_roster: alert.off,
        measures: alert.measures.iter().map(word).collect(),
        until_unix_ms: alert.until.unwrap_or(0),
        sentences: sentences(|language| of_alert(language, entry.seq, alert)),
    }
}

/// The warning of an entry: its message has the keys of its body.
fn warning(entry: &Entry, warning: &entry::Warning) -> Warning {
    let body = serde_json::to_value(warning).unwrap_or_default();
    let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
    Warning {
        entry: entry.seq,
        at_unix_ms: entry.now.at,
        matter: text("matter"),
        provider: text("provider"),
        agent: text("agent"),
        dataset: text("dataset"),
        role: text("role"),
        id: text("id"),
        certificate: text("certificate"),
        digest: text("digest"),
        observed: warning.observed,
        expected: warning.expected,
        sentences: sentences(|language| of_warning(language, entry.seq, warning)),
    }
}

/// The message for an entry that is an act.
pub(in crate::service) fn act(entry: &Entry, act: &entry::Act) -> Act {
    let body = serde_json::to_value(act).unwrap_or_default();
    let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
    let number = |key: &str| body[key].as_u64().unwrap_or_default();
    let (job, signers) = match act {
        entry::Act::Signed(SignedAct { statement, signatures, .. }) => {
            let job = match &statement.deed {
                Deed::DeclareJob { job, .. } => Some(self::job(job)),
                _ => None,
            };
            (job, signatures.iter().map(|one| one.admin.as_ref().to_owned()).collect())
        }
        entry::Act::Acknowledged(_) => (None, Vec::new()),
    };
    Act {
        entry: entry.seq,
        at_unix_ms: entry.now.at,
        deed: text("deed"),
        role: text("role"),
        id: text("id"),
        provider: text("provider"),
        agent: text("agent"),
        alert: number("alert"),
        admin: text("admin"),
        key: text("key"),
        dataset: text("dataset"),
        persons: number("persons"),
        digest: text("digest"),
        job,
        declared: number("declared"),
        signers,
        reason: text("reason"),
        sentences: sentences(|language| of_act(language, entry.seq, act)),
    }
}

fn job(terms: &JobTerms) -> Job {
    let JobTerms { purpose, view, rows, from, until } = terms;
    let (purpose, view) = (purpose.as_ref().to_owned(), view.as_ref().to_owned());
    Job { purpose, view, rows: *rows, from_unix_ms: *from, until_unix_ms: *until }
}

/// What is wrong with a reason; it must be one that an entry can hold.
pub(in crate::service) fn reason_fault(reason: &str) -> Option<Violation> {
    let fits = reason.chars().count() <= TEXT_MAX && !reason.chars().any(char::is_control);
    (!fits || reason.trim().is_empty()).then(|| Violation {
        field: "reason",
        description: format!("must have 1 to {TEXT_MAX} characters, and no control characters"),
    })
}

/// Has an act written, and returns it as it was: from its entry on it holds.
pub(in crate::service) async fn decide(
    ledger: &Ledger,
    act: entry::Act,
) -> Result<Act, Unrecorded> {
    let seq = ledger.act(act).await?;
    // It is on the board before anyone is told that it is written.
    let entry = ledger.notices().get(seq).ok_or(Unrecorded::Unanswered)?;
    match &entry.payload {
        Payload::Act(what) => Ok(self::act(&entry, what)),
        _ => Err(Unrecorded::Unanswered),
    }
}
