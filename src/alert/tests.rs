//! The sentences themselves, and that none of them stumbles over one, none or many.

use std::num::NonZeroU64;

use serde_json::Value;

use super::*;
use crate::format::entry::{
    Acknowledgement, Deed, EntryBudget, Hash, JobTerms, Level, Matter, Measure, Nonce, OwnedKey,
    ProviderAgent, PublicKey, SecurityDeed, Signature, SignatureBytes, SignedAct, Statement, Tag,
    Whom, Word,
};

const AT: Millis = 1_795_341_723_456;

fn base() -> Alert {
    Alert {
        incident: 50,
        rule: Rule::Roster,
        severity: Severity::High,
        provider: "provider-01".into(),
        agent: Tag([0xf8; 16]),
        level: Level::Agent,
        observed: 45_066,
        expected: 45_000,
        since: AT,
        first: 41,
        last: 56,
        persons: 20,
        off: 14,
        measures: vec![Measure::Freeze, Measure::CloseOffRoster],
        until: None,
    }
}

/// Every rule, severity and level that the judge makes alerts of, with the measures it takes.
fn all() -> Vec<Alert> {
    use Level::{Agent, Provider};
    use Measure::{CloseExports, CloseOffRoster, Freeze, SuspendAgent, SuspendProvider, Throttle};
    use Severity::{Critical, High, Info, Medium};
    let budgets = [
        (Rule::AgentMinute, Agent, None),
        (Rule::AgentHour, Agent, Some(High)),
        (Rule::AgentDay, Agent, Some(High)),
        (Rule::ProviderDay, Provider, Some(High)),
        (Rule::Provider30Days, Provider, Some(High)),
        (Rule::OffRosterDay, Provider, Some(Critical)),
        (Rule::OffRoster30Days, Provider, Some(High)),
    ];
    let mut cases: Vec<(Rule, Level, Severity)> = Vec::new();
    for (rule, level, exhausted) in budgets {
        cases.push((rule, level, Info));
        cases.extend(exhausted.map(|severity| (rule, level, severity)));
    }
    for level in [Agent, Provider] {
        let grave = [Info, Medium, High, Critical];
        cases.extend(grave.map(|severity| (Rule::Roster, level, severity)));
        cases.extend([Info, High].map(|severity| (Rule::Strangers, level, severity)));
    }
    cases.extend([Info, High, Critical].map(|severity| (Rule::Pace, Agent, severity)));
    cases.extend([Info, Medium].map(|severity| (Rule::Creep, Agent, severity)));
    cases.extend([Info, Medium, High].map(|severity| (Rule::FirstTouch, Agent, severity)));
    cases.extend([High, Critical].map(|severity| (Rule::Decoy, Agent, severity)));
    for rule in [Rule::Probing, Rule::Signs] {
        cases.extend([Info, Medium, High, Critical].map(|severity| (rule, Agent, severity)));
    }
    let mut all = Vec::new();
    for (rule, level, severity) in cases {
        let measures = match (severity, level) {
            (Info, _) => vec![vec![]],
            (Medium, Agent) => vec![vec![Throttle]],
            (Medium | High, Provider) => vec![vec![CloseOffRoster]],
            (High, Agent) => vec![vec![Freeze, CloseOffRoster]],
            (Critical, _) => {
                let second = if level == Agent {
                    vec![SuspendAgent, SuspendProvider]
                } else {
                    vec![SuspendProvider]
                };
                vec![vec![SuspendAgent, CloseOffRoster, CloseExports], second]
            }
        };
        for measures in measures {
            for (persons, off, n) in [(0, 0, 0), (1, 0, 1), (1, 1, 2), (5, 5, 5), (20, 14, 20)] {
                let until = (severity == Medium).then_some(AT + 3_600_000);
                let counts = rule.withholds() || [Rule::Signs, Rule::Decoy].contains(&rule);
                let weight = |n| if counts { n } else { n * 3_219 };
                let used_up = severity != Info && rule.withholds();
                all.push(Alert {
                    rule,
                    severity,
                    level,
                    observed: weight(n + 1),
                    expected: weight(if used_up { n + 1 } else { n }),
                    persons,
                    off,
                    measures: measures.clone(),
                    until,
                    ..base()
                });
            }
        }
    }
    all
}

#[test]
fn an_alert_says_who_what_how_many_and_what_clears_it() {
    assert_eq!(
        of_alert(Language::English, 57, &base()),
        "Alert 57 (high, incident 50): agent -Pj4-Pj4-Pj4-Pj4-Pj4-A of provider-01 goes off its \
         roster more than mistakes explain: 14 persons off the roster disclosed today, suspicion \
         45.0 and the limit 45.0. On 2026-11-22 from 10:02:03 UTC on, in entries 41 to 56, 20 \
         persons were disclosed to it, 14 of them off the roster. Contained: the agent gets only \
         records that it was given today; the provider gets its roster only. It ends when an \
         administrator lifts it: greffier lift provider-01 --agent=-Pj4-Pj4-Pj4-Pj4-Pj4-A --reason \
         \"...\" and greffier lift provider-01 --reason \"...\"."
    );
}

#[test]
fn no_sentence_stumbles_over_one_none_or_many() {
    for alert in all() {
        for language in Language::ALL {
            let text = of_alert(language, 57, &alert);
            let once = |word: &str| {
                format!(" {text} ").contains(&format!(" {word} "))
                    || text.contains(&format!(" {word},"))
                    || text.contains(&format!(" {word}."))
            };
            for wrong in [
                "1 persons",
                "0 person",
                "0 persons",
                "1 personnes",
                "0 personne",
                "0 personnes",
                "1 person were",
                "persons was",
                "personnes lui a",
                "personne lui ont",
                "(s)",
                "  ",
                "all of them of them",
            ] {
                assert!(!once(wrong), "`{wrong}` in: {text}");
            }
            assert!(text.contains("provider-01") && text.contains("57") && text.contains("50"));
            let critical = alert.severity == Severity::Critical;
            let lifted = text.contains("greffier lift provider-01");
            let proposed = text.contains("greffier act propose lift --provider provider-01");
            assert_eq!(lifted || proposed, !alert.measures.is_empty(), "{text}");
            assert_eq!(proposed, critical, "what was critical takes two: {text}");
            assert_eq!(text.contains("11:02:03"), alert.until.is_some(), "{text}");
        }
    }
}

#[test]
fn every_rule_severity_and_level_has_a_sentence_of_its_own() {
    for language in Language::ALL {
        let many = all().into_iter().filter(|alert| alert.persons == 20);
        let texts: Vec<String> = many.map(|alert| of_alert(language, 57, &alert)).collect();
        let mut once = texts.clone();
        once.sort();
        once.dedup();
        // The day's budget of an agent and that of a provider differ in who; nothing is said twice.
        assert_eq!(once.len(), texts.len());
        assert_eq!(texts.len(), 50);
    }
}

#[test]
fn a_budget_is_told_in_persons() {
    let spent = Alert {
        rule: Rule::OffRosterDay,
        severity: Severity::Critical,
        level: Level::Provider,
        observed: 20,
        expected: 20,
        measures: vec![Measure::SuspendProvider],
        ..base()
    };
    let english = of_alert(Language::English, 57, &spent);
    assert!(english.contains("has used up its budget: 20 persons off the roster in a day"));
    let french = of_alert(Language::French, 57, &spent);
    assert!(french.contains("a épuisé son budget : 20 personnes hors liste en un jour"));
    let half = Alert {
        rule: Rule::AgentHour,
        severity: Severity::Info,
        observed: 31,
        expected: 60,
        measures: vec![],
        ..base()
    };
    let english = of_alert(Language::English, 57, &half);
    assert!(english.contains("is past half of its budget: 31 of 60 persons in an hour"));
    let french = of_alert(Language::French, 57, &half);
    assert!(
        french.contains("a dépassé la moitié de son budget : 31 sur 60 personnes en une heure")
    );
    let refused = Alert {
        rule: Rule::AgentHour,
        severity: Severity::Info,
        observed: 12,
        expected: 1,
        measures: vec![],
        ..base()
    };
    let english = of_alert(Language::English, 57, &refused);
    assert!(english.contains(
        "asked for up to 12 persons and was refused: 1 person was left of its budget for an hour"
    ));
}

#[test]
fn what_was_taken_from_the_agent_alone_is_lifted_for_the_agent_alone() {
    let throttled = Alert { measures: vec![Measure::Throttle], until: Some(AT), ..base() };
    let text = of_alert(Language::English, 57, &throttled);
    assert!(text.contains("greffier lift provider-01 --agent=-Pj4"), "{text}");
    assert!(text.contains("It ends on 2026-11-22 at 10:02:03 UTC, or when"), "{text}");
}

fn act(deed: Deed) -> Act {
    let signature = |admin: &str| Signature {
        admin: admin.into(),
        key: PublicKey([2; 32]),
        signature: SignatureBytes([3; 64]),
    };
    let (reason, nonce) = ("Ticket 7.".to_owned(), Nonce([6; 16]));
    Act::Signed(SignedAct {
        id: "admin-1".into(),
        certificate: Some(Hash([1; 32])),
        statement: Statement { deed, reason, nonce, expires: AT },
        signatures: ["admin-1", "admin-2"].map(signature).to_vec(),
    })
}

/// Every deed; twice what is of a provider or of an agent.
fn deeds() -> Vec<Deed> {
    let agent = Tag([0xf8; 16]);
    let (provider, dataset): (Word, Word) = ("provider-01".into(), "cir".into());
    let whom = |agent| Whom { provider: provider.clone(), agent };
    let key = || OwnedKey { admin: "admin-3".into(), key: PublicKey([4; 32]) };
    let person = || ProviderAgent { provider: provider.clone(), agent };
    let (purpose, view) = ("course_delivery".into(), "BASIC".into());
    let job = JobTerms { purpose, view, rows: 9, from: AT, until: AT + 1 };
    let mut deeds = vec![
        Deed::EnrolKey(key()),
        Deed::RevokeKey(key()),
        Deed::EnrolAgent(person()),
        Deed::DismissAgent(person()),
        Deed::EnrolRoster {
            provider: provider.clone(),
            dataset: dataset.clone(),
            persons: NonZeroU64::MIN,
        },
        Deed::Loosen { digest: Hash([5; 32]) },
        Deed::DeclareJob { provider: provider.clone(), dataset, job },
        Deed::ApproveJob { declared: 41 },
        Deed::WithdrawJob { declared: 41 },
    ];
    for agent in [None, Some(agent)] {
        let of: [fn(Whom) -> Deed; 3] = [Deed::Suspend, Deed::Reinstate, Deed::Lift];
        deeds.extend(of.map(|of| of(whom(agent))));
    }
    deeds
}

#[test]
fn an_act_says_who_did_what_to_whom_and_why() {
    let agent = Some(Tag([0xf8; 16]));
    let suspension = Deed::Suspend(Whom { provider: "provider-01".into(), agent });
    assert_eq!(
        of_act(Language::English, 60, &act(suspension)),
        "Act 60: admin-1 (admin) suspended agent -Pj4-Pj4-Pj4-Pj4-Pj4-A of provider-01: nothing is \
         released there until an administrator gives access back: greffier reinstate provider-01 \
         --agent=-Pj4-Pj4-Pj4-Pj4-Pj4-A --reason \"...\". Signed by admin-1 and admin-2. Reason \
         given: \"Ticket 7.\""
    );
    let seen = Act::Acknowledged(Acknowledgement {
        id: "soc-1".into(),
        certificate: Hash([1; 32]),
        deed: SecurityDeed::Acknowledge { alert: 57 },
        reason: "Ticket 7.".to_owned(),
    });
    assert_eq!(
        of_act(Language::French, 60, &seen),
        "Acte 60 : soc-1 (security) a vu l’alerte 57 ; rien n’est levé par là. Motif donné : \
         « Ticket 7. »"
    );
}

#[test]
fn every_deed_has_a_sentence_of_its_own_that_says_what_it_is_about() {
    let mut texts = Vec::new();
    for deed in deeds() {
        for language in Language::ALL {
            let text = of_act(language, 60, &act(deed.clone()));
            let Value::Object(keys) = serde_json::to_value(&deed).unwrap() else { panic!() };
            for key in ["provider", "agent", "admin", "key", "dataset", "digest"] {
                if let Some(value) = keys.get(key) {
                    assert!(text.contains(value.as_str().unwrap()), "{key} in: {text}");
                }
            }
            assert_eq!(text.contains("1 person"), keys.contains_key("persons"), "{text}");
            assert_eq!(text.contains("course_delivery"), keys.contains_key("job"), "{text}");
            assert_eq!(text.contains(" 41"), keys.contains_key("declared"), "{text}");
            assert!(text.contains("admin-1 and admin-2") || text.contains("admin-1 et admin-2"));
            texts.push(text);
        }
    }
    let all = texts.len();
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), all);
}

/// Warnings that are about nobody but the machine, and those of budgets of entries.
#[test]
fn a_warning_says_which_way_and_how_far_and_whose_in_both_languages() {
    let said = |warning: &Warning| {
        Language::ALL.map(|language| {
            let text = of_warning(language, 7, warning);
            assert!(text.ends_with('.') && text.contains('7'), "{text}");
            text
        })
    };
    let warning = |matter, observed, expected| Warning { matter, observed, expected };
    let clock = |observed, expected| warning(Matter::Clock, observed, expected);
    let on = said(&clock(AT + 3_600_000, AT));
    assert!(
        on[0].contains("from 2026-11-22 10:02:03 to 2026-11-22 11:02:03 UTC, 3600 s on"),
        "{on:?}"
    );
    assert!(on[0].contains("Entries follow it") && on[1].contains("3600 s en avant"), "{on:?}");
    let back = said(&clock(AT, AT + 3_600_000));
    assert!(back[0].contains("3600 s back") && back[0].contains("half speed"), "{back:?}");
    assert!(back[1].contains("3600 s en arrière") && back[1].contains("mi-vitesse"), "{back:?}");
    let held = said(&warning(Matter::ClockHeld, AT, AT + 7_200_000));
    assert!(held[0].contains("7200 s away") && held[1].contains("à 7200 s"), "{held:?}");

    let whose: Word = "provider-01".into();
    let certificate = Hash([7; 32]);
    for (budget, whose) in [
        (EntryBudget::Provider { provider: whose.clone() }, ["provider-01 has", "provider-01 a"]),
        (
            EntryBudget::Receipts { provider: whose.clone(), certificate },
            ["0707, have", "0707), a"],
        ),
        (
            EntryBudget::Agent { provider: whose, agent: Tag([0xf8; 16]) },
            ["agent -Pj4", "l’agent -Pj4"],
        ),
        (
            EntryBudget::Staff { role: "auditor".into(), id: "audit-1".into() },
            ["audit-1 (auditor) has", "audit-1 (auditor) a"],
        ),
    ] {
        let texts = said(&warning(Matter::Entries(budget), 25_000, 50_000));
        for (text, whose) in texts.iter().zip(whose) {
            assert!(
                text.contains(whose) && text.contains("25000") && text.contains("50000"),
                "{text}"
            );
        }
    }
    let wal = said(&warning(Matter::Wal, 100 << 20, 64 << 20));
    assert!(
        wal[0].contains("100 MiB, more than 64") && wal[1].contains("100 Mio, plus de 64"),
        "{wal:?}"
    );
}
