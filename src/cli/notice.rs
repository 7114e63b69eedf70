//! Alerts, warnings and acts as they are printed.

use clap::ValueEnum;
use serde_json::{Value, json};

use super::{painted, put, safe, time};
use crate::proto::{Act, Alert, Sentence, Severity, Warning};

/// The language in which sentences are printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum LanguageName {
    En,
    Fr,
}

impl LanguageName {
    fn tag(self) -> &'static str {
        match self {
            LanguageName::En => "en",
            LanguageName::Fr => "fr",
        }
    }

    /// The sentence in this language; empty if there is none.
    pub(super) fn of(self, sentences: &[Sentence]) -> &str {
        let sentence = sentences.iter().find(|sentence| sentence.language == self.tag());
        sentence.map_or("", |sentence| &sentence.text)
    }
}

/// How grave an alert is, in a word, and the colour of that word on a terminal.
pub(super) fn gravity(alert: &Alert) -> (&'static str, &'static str) {
    match alert.severity() {
        Severity::Critical => ("1;97;41", "CRITICAL"),
        Severity::High => ("1;31", "HIGH"),
        Severity::Medium => ("33", "MEDIUM"),
        Severity::Info => ("36", "INFO"),
        Severity::Unspecified => ("", "ALERT"),
    }
}

/// Prints a line of text for an alert.
pub(super) fn print_alert(alert: &Alert, language: LanguageName) {
    let (colour, severity) = gravity(alert);
    line(alert.at_unix_ms, colour, severity, language.of(&alert.sentences));
}

/// Prints a line of text for a warning.
pub(super) fn print_warning(warning: &Warning, language: LanguageName) {
    line(warning.at_unix_ms, "33", "WARNING", language.of(&warning.sentences));
}

/// Prints a line of text for an act.
pub(super) fn print_act(act: &Act, language: LanguageName) {
    line(act.at_unix_ms, "", "ACT", language.of(&act.sentences));
}

/// When, what kind in its colour, and the rest.
fn line(at: u64, colour: &str, kind: &str, text: &str) {
    put(&format!("{} {} {}", time(at), painted(colour, &format!("{kind:8}")), safe(text)));
}

pub(super) fn alert_json(alert: &Alert) -> Value {
    json!({
        "kind": "alert",
        "entry": alert.entry,
        "at": alert.at_unix_ms,
        "incident": alert.incident,
        "severity": severity(alert),
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
        "text": text(&alert.sentences),
    })
}

pub(super) fn warning_json(warning: &Warning) -> Value {
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
        "text": text(&warning.sentences),
    })
}

/// A text, or none if it is empty.
fn stated(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

pub(super) fn act_json(act: &Act) -> Value {
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
        "text": text(&act.sentences),
    })
}

fn severity(alert: &Alert) -> &'static str {
    match alert.severity() {
        Severity::Critical => "critical",
        Severity::High => "high",
        Severity::Medium => "medium",
        Severity::Info => "info",
        Severity::Unspecified => "unspecified",
    }
}

fn text(sentences: &[Sentence]) -> Value {
    sentences.iter().map(|sentence| (sentence.language.clone(), json!(sentence.text))).collect()
}
