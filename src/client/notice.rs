//! Alerts, warnings and acts as JSON objects: the same wherever they are printed or sent.

use serde_json::{Value, json};

use crate::proto::{Act, Alert, Sentence, Severity, Warning};

/// An alert as a JSON object.
pub fn alert_json(alert: &Alert) -> Value {
    json!({
        "kind": "alert",
        "entry": alert.entry,
        "at": alert.at_unix_ms,
        "incident": alert.incident,
        "severity": severity_word(alert),
        "rule": alert.rule,
        "provider": alert.provider,
        "agent": alert.agent,
        "level": alert.level,
        "observed": alert.observed,
        "expected": alert.expected,
        "first": alert.first_entry,
        "since": alert.since_unix_ms,
        "last": alert.last_entry,
        "persons": alert.persons,
        "persons_off_roster": alert.persons_off_roster,
        "measures": alert.measures,
        "until": (alert.until_unix_ms > 0).then_some(alert.until_unix_ms),
        "text": text_json(&alert.sentences),
    })
}

/// A warning as a JSON object.
pub fn warning_json(warning: &Warning) -> Value {
    json!({
        "kind": "warning",
        "entry": warning.entry,
        "at": warning.at_unix_ms,
        "matter": warning.matter,
        "provider": stated(&warning.provider),
        "agent": stated(&warning.agent),
        "dataset": stated(&warning.dataset),
        "role": stated(&warning.role),
        "id": stated(&warning.id),
        "certificate": stated(&warning.certificate),
        "digest": stated(&warning.digest),
        "observed": warning.observed,
        "expected": warning.expected,
        "text": text_json(&warning.sentences),
    })
}

/// A text, or none if it is empty.
fn stated(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// An act as a JSON object.
pub fn act_json(act: &Act) -> Value {
    json!({
        "kind": "act",
        "entry": act.entry,
        "at": act.at_unix_ms,
        "deed": act.deed,
        "role": act.role,
        "id": act.id,
        "provider": stated(&act.provider),
        "agent": stated(&act.agent),
        "alert": (act.alert > 0).then_some(act.alert),
        "admin": stated(&act.admin),
        "key": stated(&act.key),
        "dataset": stated(&act.dataset),
        "persons": (act.persons > 0).then_some(act.persons),
        "digest": stated(&act.digest),
        "job": act.job.as_ref().map(|job| json!({
            "purpose": job.purpose,
            "view": job.view,
            "rows": job.rows,
            "from": job.from_unix_ms,
            "until": job.until_unix_ms,
        })),
        "declared": (act.declared > 0).then_some(act.declared),
        "signers": act.signers,
        "reason": act.reason,
        "text": text_json(&act.sentences),
    })
}

/// How grave an alert is, in a word.
pub fn severity_word(alert: &Alert) -> &'static str {
    match alert.severity() {
        Severity::Critical => "critical",
        Severity::High => "high",
        Severity::Medium => "medium",
        Severity::Info => "info",
        Severity::Unspecified => "unspecified",
    }
}

/// A sentence by its language.
pub fn text_json(sentences: &[Sentence]) -> Value {
    sentences.iter().map(|sentence| (sentence.language.clone(), json!(sentence.text))).collect()
}
