//! The sentences about alerts, warnings and acts in English.

use super::{AlertTopic, Span, command, day_and_time, lifts, signers, subject, weight};
use crate::format::entry::{
    Act, Alert, CertificateOf, Deed, EntryBudget, JobTerms, Level, Matter, Measure, Millis,
    OwnedKey, ProviderAgent, SecurityDeed, Severity, Warning, Whom,
};

pub(super) fn alert(seq: u64, alert: &Alert) -> String {
    let severity = match alert.severity {
        Severity::Info => "information",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    };
    let who = match alert.level {
        Level::Agent => format!("agent {} of {}", alert.agent, alert.provider),
        Level::Provider => format!("{}, all agents together,", alert.provider),
    };
    format!(
        "Alert {seq} ({severity}, incident {}): {who} {}. {}. {}.",
        alert.incident,
        found(alert),
        disclosed(alert),
        contained(alert),
    )
}

/// `no person`, `1 person`, `2 persons`.
fn persons(n: u64) -> String {
    match n {
        0 => "no person".to_owned(),
        1 => "1 person".to_owned(),
        n => format!("{n} persons"),
    }
}

/// Says which rule found something, observed against expected.
fn found(alert: &Alert) -> String {
    let &Alert { observed, expected, off, .. } = alert;
    let (span, only_off) = match subject(alert.rule) {
        AlertTopic::Budget(span, only_off) => (span, only_off),
        AlertTopic::Job => {
            return format!(
                "asked for an export that its job does not cover: up to {}, with other fields or for another \
                 purpose than the job says",
                persons(observed)
            );
        }
        AlertTopic::Roster => {
            return format!(
                "goes off its roster more than mistakes explain: {} off the roster disclosed today, \
                 suspicion {} and the limit {}",
                persons(off),
                weight(observed, '.'),
                weight(expected, '.'),
            );
        }
        AlertTopic::Contract(only_off) => {
            let off = if only_off { " off the roster" } else { "" };
            return match alert.severity {
                Severity::Info if observed <= expected => format!(
                    "uses its contract faster than its time passes: {observed} of {}{off} so far",
                    persons(expected)
                ),
                Severity::Info => format!(
                    "asked for up to {}{off} beyond its contract and was refused: {expected} left, or it \
                     is not its time",
                    persons(observed)
                ),
                _ => format!("has used up its contract: {}{off}", persons(expected)),
            };
        }
        AlertTopic::Strangers => {
            return format!(
                "goes off its roster day after day, more than is usual for it: {} off the roster disclosed \
                 today, {} too many over the days and the limit {}",
                persons(off),
                weight(observed, '.'),
                weight(expected, '.'),
            );
        }
        AlertTopic::Probing => {
            return format!(
                "asks again and again for persons who are not found, more than mistakes explain: \
                 suspicion {} and the limit {}",
                weight(observed, '.'),
                weight(expected, '.'),
            );
        }
        AlertTopic::Pace => {
            return format!(
                "is given far more persons than it usually is: {} disclosed today, {} times its usual \
                 number, in this hour or over three days together, and the limit {}",
                persons(alert.persons),
                weight(observed, '.'),
                weight(expected, '.'),
            );
        }
        AlertTopic::Creep => {
            return format!(
                "is given more persons than it usually is, day after day: {} disclosed today, {} times its \
                 usual day too many over the days and the limit {}",
                persons(alert.persons),
                weight(observed, '.'),
                weight(expected, '.'),
            );
        }
        AlertTopic::FirstTouch => {
            return format!(
                "is given, together with its colleagues, one person after another whom the provider \
                 never met: {} disclosed to this agent today, suspicion {} and the limit {}",
                persons(alert.persons),
                weight(observed, '.'),
                weight(expected, '.'),
            );
        }
        AlertTopic::Decoy => {
            return format!(
                "asked for {}: nobody has a case for a person who does not exist",
                if observed > 1 { format!("{observed} decoys") } else { "a decoy".to_owned() }
            );
        }
        AlertTopic::Signs => {
            return format!(
                "shows small signs of {observed} different kinds, each below its own limit; {expected} \
                 within the time are too many"
            );
        }
    };
    let off = if only_off { " off the roster" } else { "" };
    let span = match span {
        Span::Minute => "a minute",
        Span::Hour => "an hour",
        Span::Day => "a day",
        Span::Days30 => "30 days",
    };
    if alert.severity == Severity::Info && observed <= expected {
        return format!(
            "is past half of its budget: {observed} of {}{off} in {span}",
            persons(expected)
        );
    }
    if alert.severity == Severity::Info {
        let could = if observed > 1 { "up to " } else { "" };
        let left = if expected == 1 { "was" } else { "were" };
        return format!(
            "asked for {could}{}{off} and was refused: {} {left} left of its budget for {span}",
            persons(observed),
            persons(expected),
        );
    }
    format!("has used up its budget: {}{off} in {span}", persons(expected))
}

/// How many persons, since when, in which entries.
fn disclosed(alert: &Alert) -> String {
    let (day, time) = day_and_time(alert.since);
    let entries = match (alert.first, alert.last) {
        (first, last) if first == last => format!("entry {first}"),
        (first, last) => format!("entries {first} to {last}"),
    };
    let were = if alert.persons > 1 { "were" } else { "was" };
    let off = match (alert.off, alert.persons) {
        (0, _) => String::new(),
        (1, 1) => ", who is off the roster".to_owned(),
        (off, persons) if off == persons => ", all of them off the roster".to_owned(),
        (off, _) => format!(", {off} of them off the roster"),
    };
    let persons = persons(alert.persons);
    format!("On {day} from {time} UTC on, in {entries}, {persons} {were} disclosed to it{off}")
}

/// What was contained, and what clears it.
fn contained(alert: &Alert) -> String {
    if alert.measures.is_empty() {
        return "Nothing is contained by this".to_owned();
    }
    let measure = |measure: &Measure| match measure {
        Measure::Throttle => "the agent gets one new person in ten seconds, and its roster only",
        Measure::Freeze => "the agent gets only records that it was given today",
        Measure::SuspendAgent => "the agent gets nothing",
        Measure::CloseOffRoster => "the provider gets its roster only",
        Measure::CloseExports => "the provider gets no exports",
        Measure::SuspendProvider => "the provider gets nothing",
    };
    let measures: Vec<&str> = alert.measures.iter().map(measure).collect();
    let end = alert.until.map_or_else(String::new, |until| {
        let (day, time) = day_and_time(until);
        format!("on {day} at {time} UTC, or ")
    });
    let who = match alert.severity {
        Severity::Critical => "two administrators lift it",
        _ => "an administrator lifts it",
    };
    format!(
        "Contained: {}. It ends {end}when {who}: {}",
        measures.join("; "),
        lifts(alert).join(" and ")
    )
}

/// The time in UTC, as in `2026-11-26 07:00:00`.
fn moment(at: Millis) -> String {
    let (day, time) = day_and_time(at);
    format!("{day} {time}")
}

pub(super) fn warning(seq: u64, warning: &Warning) -> String {
    let &Warning { observed, expected, .. } = warning;
    let what = match &warning.matter {
        Matter::Roster { provider, dataset } => format!(
            "the roster of {provider} in {dataset} grew by {} in 30 days, and {expected} may be added unasked. Its \
             budgets stay as they are; if nobody knows of the enrolment, suspend the provider",
            persons(observed),
        ),
        Matter::RosterUnseen { provider, dataset } => format!(
            "the roster of {provider} in {dataset} is another one than before, and the gateway did not see who came \
             and went (it was not running, or could not record it): it has {} now, any of whom may be \
             new. Hold it against the enrolments; if nobody knows of the change, suspend the \
             provider",
            persons(observed),
        ),
        Matter::Policy { .. } => {
            let faults = if observed == 1 { "1 reason" } else { &format!("{observed} reasons") };
            format!(
                "a policy file was not put into force, for {faults} that the gateway's log tells; the \
                 policy before it holds"
            )
        }
        Matter::Keys { issuer, .. } => {
            let keys = if observed == 1 { "1 key" } else { &format!("{observed} keys") };
            format!(
                "the issuer {issuer} has another key set, of {keys}, in force now. If it did not rotate them, \
                 somebody else can name anybody: take its file back"
            )
        }
        Matter::Authorities { .. } if observed == 0 => {
            "the file of the authorities that vouch for certificates was changed, and is not in force, \
             for a reason that the gateway's log tells. If nobody was to change it, somebody else can \
             write it"
                .to_owned()
        }
        Matter::Authorities { .. } => {
            let number =
                if observed == 1 { "1 authority" } else { &format!("{observed} authorities") };
            format!(
                "other authorities vouch for certificates, {number}, in force now. If nobody was to \
                 change them, somebody else can let in anybody: take the file back"
            )
        }
        Matter::Revoked => {
            "the lists of revoked certificates are over, and there are no others. Payload they revoke stays \
             revoked; of what was revoked since, nothing is known. Have the authority publish new ones"
                .to_owned()
        }
        Matter::Certificate(of) => {
            let whose = match of {
                CertificateOf::Client { role, id, .. } => format!("of {id} ({role})"),
                CertificateOf::Own { .. } => "of this gateway".to_owned(),
            };
            let left = match observed {
                0 => "less than a day",
                1 => "1 day",
                days => &format!("{days} days"),
            };
            format!("the certificate {whose} runs out in {left}: renew it before")
        }
        Matter::Wal => format!(
            "the ledger's write-ahead log has {} MiB, more than {}: another process reads the ledger and \
             does not let go. Look for one that was forgotten (a backup that hangs, an open sqlite3) and \
             end it: until then the disk fills",
            observed >> 20,
            expected >> 20,
        ),
        Matter::Entries(budget) => {
            let whose = match budget {
                EntryBudget::Agent { provider, agent } => format!("agent {agent} of {provider}"),
                EntryBudget::Receipts { provider, certificate } => {
                    format!("the receipts of {provider}, the last of them with the certificate {certificate},")
                }
                EntryBudget::Provider { provider } => provider.to_string(),
                EntryBudget::Staff { role, id } => format!("{id} ({role})"),
            };
            let has =
                if matches!(budget, EntryBudget::Receipts { .. }) { "have" } else { "has" };
            format!(
                "{whose} {has} brought about {observed} of the {expected} ledger entries that are allowed in a \
                 day. Beyond them such calls are refused. Look at what it does: a person does not read so \
                 much by hand"
            )
        }
        Matter::Door { provider, agent, certificate } => format!(
            "{observed} calls and connections of {provider} {} were turned away within a minute, with the \
             certificate {certificate}. If it is not a client that is set up wrongly, somebody else has the \
             certificate{}: revoke it in the policy",
            match agent {
                Some(agent) => format!("without a good token, or of agent {agent} beyond its share,"),
                None => "without a good token".to_owned(),
            },
            if agent.is_some() { " and that agent's token" } else { "" },
        ),
        Matter::Clock => {
            let goes_on = if observed < expected {
                "Entries go on from the later time at half speed, until the clock has caught up"
            } else {
                "Entries follow it"
            };
            format!(
                "this machine's clock was set, or the machine slept: it went from {} to {} UTC, {} s \
                 {}. {goes_on}; no budget is refilled by it. If nobody knows why, find out who can set \
                 it",
                moment(expected),
                moment(observed),
                expected.abs_diff(observed) / 1_000,
                if observed < expected { "back" } else { "on" },
            )
        }
        Matter::ClockHeld => format!(
            "this machine's clock says {} UTC where entries are at {}, {} s away: too far to follow, or \
             it does not stand still. They go on by the time that passes. Set the clock if it is wrong; \
             if it is right, start the gateway again",
            moment(observed),
            moment(expected),
            expected.abs_diff(observed) / 1_000,
        ),
    };
    format!("Warning {seq}: {what}.")
}

pub(super) fn act(seq: u64, act: &Act) -> String {
    let by = signers(act, " and ").map_or_else(String::new, |by| format!(" Signed by {by}."));
    let (id, reason) = act.id_and_reason();
    let (role, done) = match act {
        Act::Acknowledged(act) => ("security", seen(&act.deed)),
        Act::Signed(act) => ("admin", done(&act.statement.deed)),
    };
    format!("Act {seq}: {id} ({role}) {done}.{by} Reason given: \"{reason}\"")
}

fn seen(SecurityDeed::Acknowledge { alert }: &SecurityDeed) -> String {
    format!("has seen alert {alert}; nothing is lifted by that")
}

/// Says what was done, and to whom.
fn done(deed: &Deed) -> String {
    match deed {
        Deed::Suspend(who) => format!(
            "suspended {}: nothing is released there until an administrator gives access \
             back: {}",
            whom(who),
            command("reinstate", &who.provider, who.agent)
        ),
        Deed::Reinstate(who) => format!("took back whatever suspension there was of {}", whom(who)),
        Deed::Lift(who) => {
            let whom = match who.agent {
                Some(_) => whom(who),
                None => format!("{} as a whole, though not of its agents", who.provider),
            };
            format!(
                "lifted whatever alerts had contained of {whom}; the detectors begin again at 0 there"
            )
        }
        Deed::EnrolKey(OwnedKey { admin, key }) => {
            format!("enrolled the personal key {key} of {admin}")
        }
        Deed::RevokeKey(OwnedKey { admin, key }) => {
            format!("revoked the personal key {key} of {admin}: it signs nothing any more")
        }
        Deed::EnrolAgent(ProviderAgent { provider, agent }) => {
            format!("enrolled agent {agent} of {provider}")
        }
        Deed::DismissAgent(ProviderAgent { provider, agent }) => {
            format!("dismissed agent {agent} of {provider}")
        }
        Deed::EnrolRoster { provider, dataset, persons: n } => {
            format!("let the roster of {provider} in {dataset} grow by {}", persons(n.get()))
        }
        Deed::DeclareJob { provider, dataset, job } => declared(provider, dataset, job),
        Deed::ApproveJob { declared } => format!("approved the job of entry {declared}"),
        Deed::WithdrawJob { declared } => {
            format!("withdrew the job of entry {declared}: nothing more goes out under it")
        }
        Deed::Loosen { digest } => format!("approved the looser policy whose digest is {digest}"),
    }
}

fn whom(Whom { provider, agent }: &Whom) -> String {
    match agent {
        Some(agent) => format!("agent {agent} of {provider}"),
        None => format!("{provider} and all its agents"),
    }
}

/// What a job may take, when somebody else approves it.
fn declared(provider: &str, dataset: &str, job: &JobTerms) -> String {
    let ((from, at), (until, end)) = (day_and_time(job.from), day_and_time(job.until));
    format!(
        "declared a job of {provider} in {dataset}: at most {} rows with the fields of {} for {}, from \
         {from} {at} to {until} {end} UTC. It begins when another administrator approves it",
        job.rows, job.view, job.purpose,
    )
}
