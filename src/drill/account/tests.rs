//! Each claim, made false by one figure, and nothing else made false by it.

use super::*;

/// A run in which everything holds, at the very edge of what is claimed.
fn figures() -> Figures {
    Figures {
        seed: 1,
        persons: 2_000_000,
        ordinary: Ordinary {
            providers: 12,
            agents: 47,
            agents_at_the_end: 47,
            served: 1_000,
            refused: 0,
            refusals: Vec::new(),
            retried: 40,
            most_met: 14,
            released: 1_001,
            withheld: 0,
            false_alarms: 0,
        },
        theft: Theft {
            agent: "A".repeat(22),
            tactics: vec!["walk"],
            attempts: 400,
            replies: 30,
            persons_in_replies: 99,
            persons: 100,
            off_roster: 20,
            exposure_persons: 100,
            exposure_off_roster: 20,
            unaccounted_replies: 0,
            cut: vec![Cut { entry: 700, persons: 1 }],
            persons_in_cut: 1,
            calls_lost: 1,
            withheld: 20,
            at_the_door: 349,
            at_the_door_in_digests: 340,
            contained: Some(Contained {
                alert: 720,
                entries: 60,
                milliseconds: 900,
                persons_after: 0,
            }),
        },
        restart: Restart { signal: "SIGKILL", milliseconds: 200 },
        alerts: Alerts { in_ledger: 5, told: 5, missed: 0 },
        receipts: Receipts { asked: 12, proven: 12 },
        ledger: Verified {
            entries: 2_000,
            checkpoints: 1_500,
            signatures: 1_501,
            anchored_to: Some(1_990),
            rulings: 1_900,
            foreign: 0,
            first_difference: None,
            seconds: 0.1,
        },
        patience: Patience {
            seed: 77,
            a_day: 2,
            days: 90,
            asked: 180,
            alert_on_day: Some(40),
            rule: Some("strangers".to_owned()),
            off_roster_before_alert: 45,
            off_roster: 46,
            off_roster_by_budgets_alone: 180,
            seconds: 3.0,
        },
        seconds: 40.0,
    }
}

/// Names of the claims that do not hold when one figure is otherwise.
fn broken(change: impl FnOnce(&mut Figures)) -> Vec<&'static str> {
    let mut figures = figures();
    change(&mut figures);
    let claims = figures.claims();
    let json = figures.as_json(&claims);
    let broken: Vec<_> = claims.iter().filter(|claim| !claim.holds).map(|c| c.name).collect();
    assert_eq!(json["holds"], broken.is_empty());
    for claim in &claims {
        assert_eq!(json["claims"][claim.name], claim.holds);
    }
    broken
}

#[test]
fn everything_holds_up_to_the_limits() {
    assert!(broken(|_| ()).is_empty());
}

#[test]
fn one_person_more_breaks_a_limit() {
    let off = broken(|f| (f.theft.off_roster, f.theft.exposure_off_roster) = (21, 21));
    assert_eq!(off, ["few_off_roster"]);
    let all = broken(|f| {
        f.theft.persons = 101;
        f.theft.exposure_persons = 101;
        f.theft.persons_in_replies = 100;
    });
    assert_eq!(all, ["few_in_all"]);
}

#[test]
fn a_thief_that_is_not_contained_or_goes_on_breaks_a_claim() {
    assert_eq!(broken(|f| f.theft.contained = None), ["contained"]);
    let goes_on = |f: &mut Figures| {
        if let Some(contained) = &mut f.theft.contained {
            contained.persons_after = 1;
        }
    };
    assert_eq!(broken(goes_on), ["contained"]);
}

#[test]
fn a_patient_thief_that_is_not_found_or_has_one_more_before_breaks_a_claim() {
    assert_eq!(broken(|f| f.patience.alert_on_day = None), ["patience_found"]);
    assert_eq!(broken(|f| f.patience.off_roster_before_alert = 46), ["patience_found"]);
}

#[test]
fn one_ordinary_read_refused_breaks_a_claim() {
    assert_eq!(broken(|f| f.ordinary.refused = 1), ["work_went_on"]);
    assert_eq!(broken(|f| f.ordinary.withheld = 1), ["work_went_on"]);
    assert_eq!(broken(|f| f.ordinary.served = 0), ["work_went_on"]);
    assert_eq!(broken(|f| f.ordinary.agents_at_the_end = 46), ["everybody_worked"]);
    assert_eq!(broken(|f| f.ordinary.false_alarms = 1), ["nobody_else_accused"]);
}

#[test]
fn a_reply_without_its_entry_breaks_a_claim() {
    assert_eq!(broken(|f| f.theft.unaccounted_replies = 1), ["ledger_has_every_reply"]);
    assert_eq!(broken(|f| f.ordinary.released = 999), ["ledger_has_every_reply"]);
}

#[test]
fn replies_that_do_not_add_up_break_a_claim() {
    assert_eq!(broken(|f| f.theft.persons_in_replies = 98), ["replies_add_up"]);
    assert_eq!(broken(|f| f.theft.persons_in_replies = 101), ["replies_add_up"]);
    assert_eq!(broken(|f| f.theft.persons_in_cut = 0), ["replies_add_up"]);
}

#[test]
fn an_exposure_that_says_another_number_breaks_a_claim() {
    assert_eq!(broken(|f| f.theft.exposure_persons = 99), ["exposure_agrees"]);
    assert_eq!(broken(|f| f.theft.exposure_off_roster = 19), ["exposure_agrees"]);
}

#[test]
fn an_alert_that_nobody_was_told_breaks_a_claim() {
    assert_eq!(broken(|f| f.alerts.missed = 1), ["alerts_told"]);
    assert_eq!(broken(|f| f.alerts.told = 0), ["alerts_told"]);
}

#[test]
fn a_receipt_that_does_not_hold_breaks_a_claim() {
    assert_eq!(broken(|f| f.receipts.proven = 11), ["receipts_proven"]);
    let none = Receipts { asked: 0, proven: 0 };
    assert_eq!(broken(|f| f.receipts = none), ["receipts_proven"]);
}

#[test]
fn a_ledger_that_was_not_wholly_checked_breaks_a_claim() {
    assert_eq!(broken(|f| f.ledger.first_difference = Some(3)), ["ledger_holds"]);
    assert_eq!(broken(|f| f.ledger.foreign = 1), ["ledger_holds"]);
    assert_eq!(broken(|f| f.ledger.signatures = 1_499), ["ledger_holds"]);
    assert_eq!(broken(|f| f.ledger.anchored_to = None), ["ledger_holds"]);
}
