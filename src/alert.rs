//! What an alert, a warning or an act says, in a plain sentence or two, always in the same form:
//! who, by which rule, observed against expected, how many persons in which entries, what was
//! contained and what clears it. It knows nothing of who is told, or how.

mod english;
mod french;
#[cfg(test)]
mod tests;

use crate::format::entry::{Act, Alert, Millis, Rule, Severity, SignedAct, Warning};

/// The language that a sentence is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// British English, BCP 47 tag `en`.
    English,
    /// French, BCP 47 tag `fr`.
    French,
}

impl Language {
    /// All languages, in the order of the enum.
    pub const ALL: [Language; 2] = [Language::English, Language::French];

    /// The BCP 47 tag of the language.
    pub fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::French => "fr",
        }
    }
}

/// What the alert of entry `seq` says.
pub fn of_alert(language: Language, seq: u64, alert: &Alert) -> String {
    match language {
        Language::English => english::alert(seq, alert),
        Language::French => french::alert(seq, alert),
    }
}

/// What the warning of entry `seq` says.
pub fn of_warning(language: Language, seq: u64, warning: &Warning) -> String {
    match language {
        Language::English => english::warning(seq, warning),
        Language::French => french::warning(seq, warning),
    }
}

/// What the act of entry `seq` says.
pub fn of_act(language: Language, seq: u64, act: &Act) -> String {
    match language {
        Language::English => english::act(seq, act),
        Language::French => french::act(seq, act),
    }
}

/// The span over which a budget of persons counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Span {
    Minute,
    Hour,
    Day,
    Days30,
}

/// What the alert of a rule is about: each has a sentence in each language.
enum AlertTopic {
    /// Its span, and whether it counts persons off the roster only.
    Budget(Span, bool),
    Job,
    Roster,
    /// Whether it counts persons off the roster only.
    Contract(bool),
    Strangers,
    Probing,
    Pace,
    Creep,
    FirstTouch,
    Decoy,
    Signs,
}

fn subject(rule: Rule) -> AlertTopic {
    match rule {
        Rule::AgentMinute => AlertTopic::Budget(Span::Minute, false),
        Rule::AgentHour => AlertTopic::Budget(Span::Hour, false),
        Rule::AgentDay | Rule::ProviderDay => AlertTopic::Budget(Span::Day, false),
        Rule::Provider30Days => AlertTopic::Budget(Span::Days30, false),
        Rule::OffRosterDay => AlertTopic::Budget(Span::Day, true),
        Rule::OffRoster30Days => AlertTopic::Budget(Span::Days30, true),
        Rule::Contract => AlertTopic::Contract(false),
        Rule::ContractOff => AlertTopic::Contract(true),
        Rule::Job => AlertTopic::Job,
        // No ledger has an alert of what is in force: see `state`.
        Rule::Contained | Rule::Roster => AlertTopic::Roster,
        Rule::Strangers => AlertTopic::Strangers,
        Rule::Probing => AlertTopic::Probing,
        Rule::Pace => AlertTopic::Pace,
        Rule::Creep => AlertTopic::Creep,
        Rule::FirstTouch => AlertTopic::FirstTouch,
        Rule::Decoy => AlertTopic::Decoy,
        Rule::Signs => AlertTopic::Signs,
    }
}

/// The commands that give back what an alert took: from the agent, and from the provider as a
/// whole.
fn lifts(alert: &Alert) -> Vec<String> {
    let agent = alert.measures.iter().any(|m| m.of_agent()).then_some(Some(alert.agent));
    let provider = alert.measures.iter().any(|m| !m.of_agent()).then_some(None);
    let lift = |agent| match alert.severity {
        Severity::Critical => proposal(&alert.provider, agent),
        _ => command("lift", &alert.provider, agent),
    };
    agent.into_iter().chain(provider).map(lift).collect()
}

/// A tag may begin with a hyphen, hence the sign of equality.
fn command(deed: &str, provider: &str, agent: Option<impl std::fmt::Display>) -> String {
    match agent {
        Some(agent) => format!("greffier {deed} {provider} --agent={agent} --reason \"...\""),
        None => format!("greffier {deed} {provider} --reason \"...\""),
    }
}

/// What one administrator begins and another goes on with.
fn proposal(provider: &str, agent: Option<impl std::fmt::Display>) -> String {
    let agent = agent.map_or_else(String::new, |agent| format!(" --agent={agent}"));
    format!("greffier act propose lift --provider {provider}{agent} --reason \"...\"")
}

/// Those who signed an act, as a list that ends in this `and`.
fn signers(act: &Act, and: &str) -> Option<String> {
    let Act::Signed(SignedAct { signatures, .. }) = act else { return None };
    let mut names: Vec<&str> = signatures.iter().map(|one| &*one.admin).collect();
    names.dedup();
    let last = names.pop()?;
    Some(if names.is_empty() { last.to_owned() } else { names.join(", ") + and + last })
}

/// A sum in thousandths, to one place; rounded down, so that none seems to have reached a limit.
fn weight(sum: u64, point: char) -> String {
    format!("{}{point}{}", sum / 1_000, sum % 1_000 / 100)
}

/// Day and time of day, UTC.
fn day_and_time(at: Millis) -> (String, String) {
    let at = i64::try_from(at).ok().and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
    let text = at.map_or_else(|| "?T?".to_owned(), |at| format!("{at:.0}"));
    let (day, time) = text.trim_end_matches('Z').split_once('T').unwrap_or(("?", "?"));
    (day.to_owned(), time.to_owned())
}
