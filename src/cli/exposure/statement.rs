//! The sentence that an agency may sign, and the limits without which it would say too much.

use super::super::verdict::anchored;
use super::super::{grouped, time};
use super::Answer;
use crate::format::entry::Millis;

/// The sentence. Each figure in it is one of the answer's.
pub(in crate::cli) fn sentence(answer: &Answer) -> String {
    let (checkpoint, total) = (&answer.sound.checkpoint, &answer.exposure.total);
    let size = grouped(checkpoint.size);
    let mut text = format!(
        "According to the entries that this gateway signed ({}, {size} entries, checkpoint of size \
         {size} with root {}), provider {} received {} {}",
        checkpoint.origin,
        checkpoint.root,
        answer.question.provider,
        received(answer),
        span(answer),
    );
    if total.persons > 0 {
        let off = grouped(total.off_roster);
        text += &format!("; {off} of them at least once while off its roster");
    }
    text + "."
}

fn received(answer: &Answer) -> String {
    let exposure = &answer.exposure;
    let records = |n: u64| match n {
        0 => "no person-record".to_owned(),
        1 => "at most 1 person-record".to_owned(),
        n => format!("at most {} person-records", grouped(n)),
    };
    let all = records(exposure.total.persons);
    if let Some(dataset) = &answer.question.dataset {
        return format!("{all} of dataset {dataset}");
    }
    let mut parts = exposure.datasets.iter().filter(|(_, figures)| figures.persons > 0);
    match (parts.next(), parts.next()) {
        (None, _) => format!("{all} of any dataset"),
        (Some((dataset, _)), None) => format!("{all} of dataset {dataset}"),
        _ => {
            let part = |n: u64, dataset: &str| format!("{} of dataset {dataset}", grouped(n));
            let parts: Vec<_> =
                exposure.datasets.iter().map(|(dataset, f)| part(f.persons, dataset)).collect();
            format!("{all} ({})", parts.join(", "))
        }
    }
}

/// A time that somebody named, with whatever parts of a second they named.
fn exact(at: Millis) -> String {
    let at = i64::try_from(at).ok().and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
    at.map_or_else(|| "a time out of range".to_owned(), |at| at.to_string())
}

/// The period of the question, in words.
pub(super) fn span(answer: &Answer) -> String {
    let (period, last) = (&answer.question.period, answer.sound.last.at);
    let first = format!("the ledger's first entry ({})", time(answer.exposure.begins));
    match (period.from(), period.to()) {
        (Some(from), Some(to)) => format!("between {} and {}", exact(from), exact(to)),
        (Some(from), None) if from > last => format!("from {} on", exact(from)),
        (Some(from), None) => {
            format!("from {} to the ledger's last entry ({})", exact(from), time(last))
        }
        (None, Some(to)) => format!("from {first} to {}", exact(to)),
        (None, None) => format!("from {first} to its last ({})", time(last)),
    }
}

/// The limits: of this answer first, then of every answer.
pub(in crate::cli) fn limits(answer: &Answer) -> Vec<String> {
    let mut limits = of_period(answer);
    if let Some(dataset) = &answer.question.dataset
        && !answer.exposure.dataset_occurs
    {
        limits.push(format!(
            "No read of this ledger, by whichever provider, is of dataset {dataset}: look at how it \
             is spelt."
        ));
    }
    limits.push(
        "It speaks for what passed this gateway while its code and its keys were intact. Whoever has \
         root on its host can release without an entry, or rewrite and sign again what lies after \
         the last checkpoint that somebody else holds."
            .to_owned(),
    );
    limits.push(of_anchor(answer));
    limits.push(
        "Counted are pairs of dataset and record. Other persons who are named inside a record are \
         not counted."
            .to_owned(),
    );
    limits.push(
        "Times are this gateway's own word, bounded by the checkpoints that others saw.".to_owned(),
    );
    limits.push(
        "Whether a person was on the roster is as this gateway found the roster at each read."
            .to_owned(),
    );
    limits.push(of_agents(answer));
    limits.push(
        "Whoever may read a record can retype it: what the provider did with what it received is \
         not in the ledger."
            .to_owned(),
    );
    limits.push(
        "Tags stand for persons. The ledger, and figures by tag, are pseudonymised personal data, \
         not anonymous data."
            .to_owned(),
    );
    limits
}

/// Where the period reaches beyond the ledger.
fn of_period(answer: &Answer) -> Vec<String> {
    let (period, exposure) = (&answer.question.period, &answer.exposure);
    let (begins, last) = (exposure.begins, answer.sound.last.at);
    let mut limits = Vec::new();
    if period.from().is_some_and(|from| from < begins) {
        limits.push(format!(
            "The period begins before the ledger, whose first entry is of {}; what came before is in \
             no entry of it.",
            time(begins)
        ));
    }
    let beyond = period.to().is_some_and(|to| to > last.saturating_add(1));
    if beyond || period.from().is_some_and(|from| from > last) {
        let (what, last) = (if beyond { "ends" } else { "begins" }, time(last));
        limits.push(format!(
            "The period {what} after the ledger's last entry, of {last}; it says nothing of the time \
             since."
        ));
    }
    limits
}

fn of_anchor(answer: &Answer) -> String {
    let mut text = format!("The ledger is {}.", anchored(&answer.sound));
    if let (Some(to), Some((_, anchor))) = (answer.question.period.to(), answer.sound.anchored)
        && to <= anchor.at
    {
        text += " The whole period lies before that.";
    }
    text
}

fn of_agents(answer: &Answer) -> String {
    let mut text = "Who an agent was is the word of the issuer that vouched".to_owned();
    let reads = |n: u64| format!("{} read{}", grouped(n), if n == 1 { "" } else { "s" });
    let issuers = &answer.exposure.issuers;
    let named: Vec<_> = issuers
        .iter()
        .filter_map(|(issuer, n)| Some(format!("{} for {}", issuer.as_ref()?, reads(*n))))
        .collect();
    if !named.is_empty() {
        text += &format!(": {}", named.join(", "));
    }
    if let Some(alone) = issuers.get(&None) {
        text += &format!("; for {} none did, and an agent is a client certificate", reads(*alone));
    }
    text + "."
}
