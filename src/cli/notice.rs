//! Alerts, warnings and acts as they are printed.

use clap::ValueEnum;

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
