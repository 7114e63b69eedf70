//! `greffier policy explain`: what one provider may do, in plain words, and the ceiling that
//! follows. It reads the policy alone: how large a roster is, and what is contained, is not in it.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::super::{NO, failed, grouped, print};
use crate::admission::{
    AgentAuth, Dataset, Grant, Habits, PAGE_MAX, Provider, Rate, RunBy, Scope, Search,
    TokenRequirements, Word,
};
use crate::anomaly::budget::ceiling::{Ceiling, ceiling};
use crate::anomaly::{DAY, HOUR, MINUTE};
use crate::config::policy::{self, Policy, PolicyError};
use crate::format::entry::{
    Budgets, Contract, Level, Millis, PaceRule, ProviderRules, RosterRule, word,
};

/// The times for which the ceiling is told.
const TIMES: [(&str, Millis); 5] = [
    ("a minute", MINUTE),
    ("an hour", HOUR),
    ("a day", DAY),
    ("30 days", 30 * DAY),
    ("a month of 31 days", 31 * DAY),
];

pub(super) fn run(provider: &str, file: &Path, json: bool) -> ExitCode {
    let policy = match policy::load(file) {
        Ok(policy) => policy,
        Err(error @ PolicyError::Faults { .. }) => {
            failed(error);
            return ExitCode::from(NO);
        }
        Err(error) => return failed(error),
    };
    let Some(explained) = Explained::of(&policy, provider) else {
        let known: Vec<&str> = policy.providers.keys().map(|id| &**id).collect();
        failed(format!("the policy names no provider {provider}, but {}", known.join(", ")));
        return ExitCode::from(NO);
    };
    print(if json { explained.as_json().to_string() } else { explained.in_words() });
    ExitCode::SUCCESS
}

/// One provider, and what of the policy is about it.
struct Explained<'p> {
    policy: &'p Policy,
    provider: &'p Provider,
    budgets: Budgets,
    entries_day: Option<u64>,
    contract: Option<Contract>,
}

/// Whom a ceiling is for: the words, the level, and whether it is of persons off the roster.
const WHOM: [(&str, Level, bool); 4] = [
    ("one agent", Level::Agent, false),
    ("the provider", Level::Provider, false),
    ("one agent, off the roster", Level::Agent, true),
    ("the provider, off the roster", Level::Provider, true),
];

impl<'p> Explained<'p> {
    fn of(policy: &'p Policy, id: &str) -> Option<Explained<'p>> {
        let provider = policy.providers.get(id)?;
        let rules = policy.rules.iter().find(|rules| *rules.provider == *id)?;
        let ProviderRules { budgets, entries_day, contract, .. } = rules.clone();
        Some(Explained { policy, provider, budgets, entries_day, contract })
    }

    /// Whether it can meet anybody off its roster at all.
    fn open(&self) -> bool {
        let reasons = |name: &Word| self.policy.datasets.get(name).map(|d| &d.off_roster_reasons);
        let open = |(name, grant): (&Word, &Grant)| {
            grant.scope == Scope::Open && reasons(name).is_some_and(|reasons| !reasons.is_empty())
        };
        self.provider.datasets.iter().any(open)
    }

    /// The ceiling; none where nothing can go.
    fn ceiling(&self, level: Level, off: bool, time: Millis) -> Option<Ceiling> {
        (!off || self.open()).then(|| ceiling(&self.budgets, level, off, time))
    }

    fn in_words(&self) -> String {
        let Provider { id, datasets, rate, agent_rate, voucher, contact, habits } = self.provider;
        let mut out = format!("{id}: what it may do by the policy {}\n", self.policy.digest);
        if let Some(contact) = contact {
            say(&mut out, format!("Whom to call there: {contact}."));
        }
        for (name, grant) in datasets {
            if let Some(dataset) = self.policy.datasets.get(name) {
                out.push_str(&granted(name, grant, dataset));
            }
        }
        out.push('\n');
        say(&mut out, self.vouched(voucher));
        say(&mut out, format!("All its agents together: {}.", calls(*rate)));
        say(
            &mut out,
            match agent_rate {
                Some(rate) => format!("Each of its agents: {}.", calls(*rate)),
                None => "Each of its agents may come as often as all together.".to_owned(),
            },
        );
        say(&mut out, format!("A page holds at most {PAGE_MAX} records."));
        if let Some(day) = self.entries_day {
            let (day, share) = (grouped(day), grouped(day.div_ceil(4)));
            say(&mut out, format!("Ledger entries: {day} a day, {share} of one agent."));
        }
        say(&mut out, at_times(habits.as_ref()));
        if let Some(contract) = &self.contract {
            say(&mut out, under(contract));
        }
        out.push_str(&self.ceilings());
        out.push_str(&self.containment());
        out.truncate(out.trim_end().len());
        out
    }

    /// Who says which of its people calls.
    fn vouched(&self, voucher: &AgentAuth) -> String {
        let AgentAuth::Token(TokenRequirements { issuer, second_factor, auth_max_age }) = voucher
        else {
            return "Its agents are told apart by client certificate alone; nobody vouches for the \
                    person."
                .to_owned();
        };
        let run_by = self.policy.issuers.get(issuer).map(|issuer| issuer.run_by);
        let whose = match run_by {
            Some(RunBy::Provider) => ", which it runs itself: each agent is enrolled by an act",
            _ => "",
        };
        let factors = if *second_factor { "two factors" } else { "one factor or more" };
        format!(
            "Its agents need a token of {issuer}{whose}, bound to the client certificate, of a log-in \
             with {factors} at most {} seconds ago.",
            grouped(*auth_max_age)
        )
    }

    fn ceilings(&self) -> String {
        let id = &self.provider.id;
        let mut out = format!(
            "\nAt most so many new persons, whatever it asks, besides what it exports under jobs that two \
             administrators approve. New is who was not given to {id} on \
             that day or the 29 before.\n"
        );
        for (whom, level, off) in WHOM {
            let _ = writeln!(out, "\n  {whom}");
            if self.ceiling(level, off, DAY).is_none() {
                let _ = writeln!(out, "    nobody: no dataset is open to it beyond its roster");
                continue;
            }
            for (words, time) in TIMES {
                if let Some(ceiling) = self.ceiling(level, off, time) {
                    let (persons, sum) = (grouped(ceiling.persons), arithmetic(&ceiling, time));
                    let _ = writeln!(out, "    in {words:<19} {persons:>12}   {sum}");
                }
            }
        }
        let known = |size: u64| grouped(size.saturating_mul(2));
        let (agent, provider) = (known(self.budgets.agent_day), known(self.budgets.provider_day));
        let _ = write!(
            out,
            "\nA budget of C persons that refills over S lets C + C x T / S go in any time T: what \
             it held at first, and what it refilled. A read must fit all of them, so the least \
             decides. A person given already that day costs nothing again, and one given in the 29 \
             days before costs the budgets of the day, not those of 30 days: with them, at most \
             {agent} persons a day to one agent that it was not given on the same day, and \
             {provider} to the provider.\n"
        );
        out
    }

    /// What ends a pull before its ceiling.
    fn containment(&self) -> String {
        let mut out = "\nWhat contains it before that:\n".to_owned();
        out.push_str(
            "  a budget of the hour, the day or 30 days that is used up: the agent gets only files \
             that it was given\n    today, the provider keeps to its roster, until an administrator \
             lifts it\n",
        );
        let PaceRule { hour, days, .. } = self.policy.detectors.pace;
        let times = |height: u64| format!("{}.{}", height / 1_000, height % 1_000 / 100);
        let _ = writeln!(
            out,
            "  persons new to an agent that are {} times its usual number in an hour, or {} times that \
             of a day over three\n    days together: it gets only files that it was given today, until \
             an administrator lifts it",
            times(hour),
            times(days),
        );
        if self.open() {
            let RosterRule { off, medium, high, .. } = self.policy.detectors.roster;
            let after = |height: u64| grouped(height.div_ceil(off.max(1)));
            let (info, medium, high) = (after(high / 2), after(medium), after(high));
            let _ = writeln!(
                out,
                "  a budget off the roster that is used up: an agent that took most of it gets nothing, the \
                 provider no\n    export, until an administrator lifts it\n  \
                 persons off the roster in a row, nobody of the roster between: {info} are told to \
                 the security team; with\n    number {medium} the agent is held to one new person in \
                 ten seconds, of its roster; with number {high} it gets only\n    files that it was \
                 given today"
            );
        }
        out
    }

    fn as_json(&self) -> Value {
        let Provider { id, datasets, rate, agent_rate, voucher, contact, habits } = self.provider;
        let granted = datasets.iter().filter_map(|(name, grant)| {
            let dataset = self.policy.datasets.get(name)?;
            Some((name.to_string(), granted_json(grant, dataset)))
        });
        let of = |rate: Rate| json!({"requests_per_second": rate.requests_per_second, "burst": rate.burst});
        let ceilings = WHOM.map(|(_, level, off)| {
            let times = TIMES.map(|(_, time)| match self.ceiling(level, off, time) {
                Some(Ceiling { persons, rule, .. }) => {
                    json!({"milliseconds": time, "persons": persons, "budget": word(&rule)})
                }
                None => json!({"milliseconds": time, "persons": 0, "budget": null}),
            });
            json!({"level": word(&level), "off_roster": off, "new_persons": times})
        });
        json!({
            "provider": id,
            "policy": self.policy.digest.to_string(),
            "contact": contact,
            "agents": match voucher {
                AgentAuth::Certificate => json!({"issuer": null}),
                AgentAuth::Token(demand) => json!({
                    "issuer": demand.issuer,
                    "second_factor": demand.second_factor,
                    "auth_max_age_seconds": demand.auth_max_age,
                }),
            },
            "datasets": granted.collect::<serde_json::Map<_, _>>(),
            "rate": of(*rate),
            "agent_rate": agent_rate.map(of),
            "contract": self.contract,
            "habits": habits.as_ref().map(|habits| json!({
                "days": habits.day_names().collect::<Vec<_>>(),
                "hours": habits.hours.to_string(),
                "time_zone": habits.zone.iana_name(),
            })),
            "budgets": self.budgets,
            "ceilings": ceilings,
        })
    }
}

fn say(out: &mut String, sentence: String) {
    out.push_str(&sentence);
    out.push('\n');
}

fn calls(Rate { requests_per_second, burst }: Rate) -> String {
    format!("{requests_per_second} calls a second in the long run, {burst} at once")
}

fn under(contract: &Contract) -> String {
    let Contract { begins, ends, persons, off_persons } = *contract;
    let moment = |at: Millis| {
        let at = i64::try_from(at).ok().and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
        at.map_or_else(String::new, |at| format!("{at:.0}"))
    };
    format!(
        "Its contract: from {} until {} (UTC), nothing before or behind it; at most {} different \
         persons ever, {} of them off the roster.",
        moment(begins),
        moment(ends),
        grouped(persons),
        grouped(off_persons),
    )
}

fn at_times(habits: Option<&Habits>) -> String {
    let Some(habits) = habits else { return "Any time is usual for it.".to_owned() };
    let days: Vec<_> = habits.day_names().collect();
    format!(
        "It works on {}, {}, by the clocks of {}; reads at other times are marked off_hours.",
        days.join(", "),
        habits.hours,
        habits.zone.iana_name().unwrap_or("a zone without a name"),
    )
}

/// What a ceiling is the sum of.
fn arithmetic(ceiling: &Ceiling, time: Millis) -> String {
    let Ceiling { rule, size, span, .. } = ceiling;
    let (size, over) = (grouped(*size), in_time(*span));
    format!("{}: {size} + {size} x {} / {over}", word(rule), in_time(time))
}

fn in_time(time: Millis) -> String {
    let units = [(DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")];
    let whole = units.into_iter().find(|(unit, _)| time.is_multiple_of(*unit));
    let (unit, name) = whole.unwrap_or((1, "millisecond"));
    match time / unit {
        1 => format!("1 {name}"),
        n => format!("{n} {name}s"),
    }
}

/// What is granted of one dataset.
fn granted(name: &Word, grant: &Grant, dataset: &Dataset) -> String {
    let mut out = format!("\nDataset {name}: ");
    match grant.scope {
        Scope::Open if !dataset.off_roster_reasons.is_empty() => say(
            &mut out,
            format!(
                "the persons of its roster, and others if it states one of these reasons: {}.",
                dataset.off_roster_reasons.join(", ")
            ),
        ),
        Scope::Open | Scope::Roster => {
            say(&mut out, "the persons of its roster; nobody else exists for it.".to_owned());
        }
    }
    for (purpose, views, form) in purposes(grant, dataset) {
        let views: Vec<&str> = views.iter().map(|view| &**view).collect();
        let form = form.map_or("any case reference".to_owned(), |form| {
            format!("case references of the form {form}")
        });
        let _ = writeln!(out, "  for {purpose}: {}; {form}", views.join(", "));
    }
    for (view, fields) in seen(grant, dataset) {
        let class = |name: &Word| dataset.class(name).map_or("unknown", |class| class.word());
        let fields: Vec<_> =
            fields.iter().map(|field| format!("{field} ({})", class(field))).collect();
        let _ = writeln!(out, "  {view} shows {}", fields.join(", "));
    }
    for search in &dataset.searches {
        let keys: Vec<_> = search.keys.iter().map(ToString::to_string).collect();
        let _ = writeln!(out, "  search {}: by exact {}", search.name, keys.join(" and "));
    }
    out
}

/// The purposes of a grant, each with its views and the form of its case references.
fn purposes<'p>(
    grant: &'p Grant,
    dataset: &'p Dataset,
) -> impl Iterator<Item = (&'p Word, &'p [Word], Option<String>)> {
    grant.purposes.iter().filter_map(|name| {
        let purpose = dataset.purposes.get(name)?;
        let form = purpose.case_reference.as_ref().map(ToString::to_string);
        Some((name, &*purpose.views, form))
    })
}

/// The views that some purpose of a grant may use, with their fields.
fn seen<'p>(
    grant: &'p Grant,
    dataset: &'p Dataset,
) -> impl Iterator<Item = (&'p Word, &'p Vec<Word>)> {
    let used =
        move |view: &Word| purposes(grant, dataset).any(|(_, views, _)| views.contains(view));
    dataset.views.iter().filter(move |(view, _)| used(view))
}

fn granted_json(grant: &Grant, dataset: &Dataset) -> Value {
    let purposes: serde_json::Map<_, _> = purposes(grant, dataset)
        .map(|(name, views, form)| {
            (name.to_string(), json!({"views": views, "case_reference": form}))
        })
        .collect();
    let class = |name: &Word| dataset.class(name).map(|class| class.word());
    let views: serde_json::Map<_, _> = seen(grant, dataset)
        .map(|(view, fields)| {
            let fields = fields.iter().map(|field| json!({"name": field, "class": class(field)}));
            (view.to_string(), fields.collect())
        })
        .collect();
    let fields = |search: &Search| search.fields().map(|(field, _)| json!(field)).collect();
    let searches: serde_json::Map<_, Value> =
        dataset.searches.iter().map(|s| (s.name.to_string(), fields(s))).collect();
    let open = grant.scope == Scope::Open;
    let reasons: &[Word] = if open { &dataset.off_roster_reasons } else { &[] };
    json!({
        "scope": grant.scope.word(),
        "off_roster_reasons": reasons,
        "purposes": purposes,
        "views": views,
        "searches": searches,
    })
}
