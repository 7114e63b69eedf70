//! The answer for programs. Keys and columns are those of the help text, and stay.

use serde_json::{Value, json};

use super::super::time;
use super::super::verdict::sound_as_json;
use super::Answer;
use super::statement::{limits, sentence};
use crate::evidence::exposure::{EntryRef, Exposure, Figures};
use crate::format::entry::Millis;

const DAY: Millis = 86_400_000;

/// A UTC day as people write it.
pub(in crate::cli) fn date(day: u64) -> String {
    let midnight = time(day.saturating_mul(DAY));
    midnight.split('T').next().unwrap_or_default().to_owned()
}

pub(in crate::cli) fn as_json(answer: &Answer, seconds: f64) -> Value {
    let (question, exposure) = (&answer.question, &answer.exposure);
    let mut said = with(sound_as_json(&answer.sound, "sound", false), &exposure.total);
    let rest = json!({
        "provider": *question.provider,
        "dataset": question.dataset.as_deref(),
        "from": question.period.from(),
        "to": question.period.to(),
        "empty_reads": exposure.empty,
        "exports": exposure.exports,
        "datasets": list(&exposure.datasets, |dataset| json!({"dataset": **dataset})),
        "views": list(&exposure.views, |(dataset, view)| json!({"dataset": **dataset, "view": **view})),
        "agents": list(&exposure.agents, |agent| json!({"agent": agent})),
        "days": list(&exposure.days, |day| json!({"day": date(*day)})),
        "agent_days":
            list(&exposure.agent_days, |(day, agent)| json!({"day": date(*day), "agent": agent})),
        "issuers": exposure
            .issuers
            .iter()
            .map(|(issuer, reads)| json!({"issuer": issuer.as_deref(), "reads": reads}))
            .collect::<Vec<_>>(),
        "withheld": exposure
            .withheld
            .iter()
            .map(|(rule, w)| json!({"rule": rule, "reads": w.reads, "asked": w.asked}))
            .collect::<Vec<_>>(),
        "refused": exposure
            .refused
            .iter()
            .map(|(reason, calls)| json!({"reason": **reason, "calls": calls}))
            .collect::<Vec<_>>(),
        "refused_unnamed": exposure.unnamed,
        "sentence": sentence(answer),
        "limits": limits(answer),
        "seconds": seconds,
    });
    extend(&mut said, rest);
    said
}

pub(in crate::cli) fn extend(object: &mut Value, more: Value) {
    if let (Value::Object(object), Value::Object(more)) = (object, more) {
        object.extend(more);
    }
}

/// An object with the keys that all figures have.
fn with(mut object: Value, figures: &Figures) -> Value {
    let place = |place: Option<EntryRef>| place.map(|p| json!({"entry": p.entry, "at": p.at}));
    let keys = json!({
        "persons": figures.persons,
        "off_roster": figures.off_roster,
        "on_roster_only": figures.on_roster_only(),
        "rows": figures.rows,
        "reads": figures.reads,
        "first": place(figures.first),
        "last": place(figures.last),
    });
    extend(&mut object, keys);
    object
}

fn list<'a, K: 'a>(
    figures: impl IntoIterator<Item = (&'a K, &'a Figures)>,
    name: impl Fn(&K) -> Value,
) -> Vec<Value> {
    figures.into_iter().map(|(key, figures)| with(name(key), figures)).collect()
}

/// Without the newline at its end, which printing adds.
pub(super) fn as_csv(exposure: &Exposure) -> String {
    let mut text =
        "day,agent,persons,off_roster,rows,reads,first_entry,first_at,last_entry,last_at"
            .to_owned();
    for ((day, agent), figures) in &exposure.agent_days {
        let Figures { persons, off_roster, rows, reads, first, last } = figures;
        let place = |place: &Option<EntryRef>| {
            place.map_or_else(|| ",".to_owned(), |p| format!("{},{}", p.entry, time(p.at)))
        };
        text += &format!(
            "\n{},{agent},{persons},{off_roster},{rows},{reads},{},{}",
            date(*day),
            place(first),
            place(last)
        );
    }
    text
}
