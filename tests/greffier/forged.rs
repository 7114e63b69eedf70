//! Ledgers that somebody wrote who has the log's key, and not the administrators' own: every entry
//! is chained, numbered and signed as it should be, and the acts are not what anybody signed.

use std::num::NonZeroU64;

use greffier::format::checkpoint::VerifierKey;
use greffier::format::entry::{
    Act, Alert, Counts, Deed, Hash, Level, Measure, OwnedKey, Payload, ProviderAgent, PublicKey,
    Rule, Ruling, Severity, SignedAct, Statement, Tag, Whom,
};
use greffier::format::personal::PersonalKey;
use greffier::verify::LedgerFault;

use crate::segment::{
    Forge, ORIGIN, Place, WIDE, access, founding, people, personal, read, rules, signed_by,
    statement, unsound, verified,
};
use crate::signed::{HOUR, act, nonce, whom};

const ALPHA: &str = "alpha-langues";
const AT: u64 = 1_700_000_000_000;
const BOTH: [&str; 2] = ["admin-1", "admin-2"];

/// A statement of the time at which these ledgers are written.
fn of(deed: Deed) -> Statement {
    Statement { expires: AT + HOUR, ..statement(deed) }
}

fn suspension() -> Statement {
    of(Deed::Suspend(whom(ALPHA, "")))
}

fn key_of(deed: fn(OwnedKey) -> Deed, admin: &str, key: PublicKey) -> Statement {
    of(deed(OwnedKey { admin: admin.into(), key }))
}

/// Writes these acts behind the first policy; what a verifier says of the file.
fn verdict(acts: impl IntoIterator<Item = SignedAct>) -> Option<(LedgerFault, u64, String)> {
    let mut forge = Forge::begun(AT, &rules(&[(ALPHA, WIDE)]));
    for act in acts {
        forge.add(Payload::Act(Act::Signed(act)));
    }
    written(forge)
}

fn written(mut forge: Forge) -> Option<(LedgerFault, u64, String)> {
    let place = Place::new();
    forge.commit();
    forge.write(&place.settings);
    let verdict = verified(&place.settings.path, &[]);
    verdict.is_err().then(|| {
        let fault = unsound(verdict);
        (fault.fault, fault.first_wrong.expect("an entry is named"), fault.detail)
    })
}

/// Asserts that the last of these acts, and none before it, makes the ledger not sound.
fn refused(acts: Vec<SignedAct>, words: &str) {
    let last = 7 + acts.len() as u64;
    let (fault, first, detail) = verdict(acts).unwrap_or_else(|| panic!("sound: {words}"));
    assert_eq!((fault, first), (LedgerFault::Act, last), "{detail}");
    assert!(detail.contains(words) && detail.contains(&format!("entry {last}")), "{detail}");
}

#[test]
fn what_the_administrators_signed_is_sound() {
    let third = PersonalKey::new(&[33; 32]);
    let enrolled = signed_by(key_of(Deed::EnrolKey, "admin-3", third.public()), &BOTH);
    let by_third = act(ORIGIN, suspension(), &[("admin-3", &third)]);
    let revoked =
        signed_by(key_of(Deed::RevokeKey, "admin-3", third.public()), &["admin-2", "admin-1"]);
    assert_eq!(verdict([enrolled, by_third, revoked]), None);
    for expires in [AT, AT + 7 * 24 * HOUR] {
        let edge = Statement { expires, ..suspension() };
        assert_eq!(verdict([signed_by(edge, &["admin-1"])]), None);
    }
}

#[test]
fn a_signature_that_is_forged_moved_copied_or_used_again_is_found() {
    let good = signed_by(suspension(), &["admin-1"]);
    let reinstated = of(Deed::Reinstate(whom(ALPHA, "")));
    let mut copied = good.clone();
    copied.statement.deed = reinstated.deed.clone();
    refused(vec![copied], "the signature of `admin-1` is false");
    let mut renamed = good.clone();
    renamed.statement.nonce = nonce();
    refused(vec![good.clone(), renamed], "the signature of `admin-1` is false");
    refused(vec![good.clone(), good.clone()], "was used before");
    let again = Statement { nonce: good.statement.nonce, ..reinstated.clone() };
    refused(vec![good.clone(), signed_by(again, &["admin-1"])], "was used before");
    let elsewhere = "registry.example/reads/2026-12";
    let elsewhere = act(elsewhere, suspension(), &[("admin-1", &personal("admin-1"))]);
    refused(vec![elsewhere], "the signature of `admin-1` is false");
    let log = PersonalKey::new(&[7; 32]);
    let by_the_log = act(ORIGIN, reinstated.clone(), &[("admin-1", &log)]);
    refused(vec![by_the_log], "not enrolled for `admin-1`");
    let unsigned =
        SignedAct { signatures: Vec::new(), ..signed_by(reinstated.clone(), &["admin-1"]) };
    refused(vec![unsigned], "0 signatures");
    let another = SignedAct { id: "admin-2".into(), ..good.clone() };
    refused(vec![another], "`admin-2` submitted it and has not signed it");
    for (expires, words) in [(AT - 1, "expired"), (AT + 7 * 24 * HOUR + 1, "more than 7 days")] {
        let moved = Statement { expires, ..suspension() };
        refused(vec![signed_by(moved, &["admin-1"])], words);
    }
}

#[test]
fn nobody_enrols_alone_and_nobody_is_enrolled_before_or_after() {
    let third = PersonalKey::new(&[33; 32]);
    let enrolment = key_of(Deed::EnrolKey, "admin-3", third.public());
    let both = signed_by(enrolment.clone(), &BOTH);
    let by_third = act(ORIGIN, suspension(), &[("admin-3", &third)]);
    refused(vec![by_third.clone()], "not enrolled for `admin-3`");
    let alone = signed_by(enrolment.clone(), &["admin-1"]);
    refused(vec![alone], "`enrol_key` needs the signatures of two administrators");
    let itself = act(ORIGIN, enrolment.clone(), &[("admin-3", &third)]);
    refused(vec![itself], "not enrolled for `admin-3`");
    let founded = third.founding(ORIGIN, &"admin-3".into(), nonce(), AT + HOUR).expect("a name");
    refused(vec![signed(founded)], "of somebody without a certificate");
    let revoked =
        signed_by(key_of(Deed::RevokeKey, "admin-3", third.public()), &["admin-1", "admin-2"]);
    refused(vec![both.clone(), revoked.clone(), by_third], "not enrolled for `admin-3`");
    let again = signed_by(key_of(Deed::EnrolKey, "admin-3", third.public()), &BOTH);
    refused(vec![both, revoked, again], "is or was enrolled already");
    let agent = ProviderAgent { provider: ALPHA.into(), agent: Tag([1; 16]) };
    let (provider, dataset, persons) = (ALPHA.into(), "cir".into(), NonZeroU64::MIN);
    for deed in [
        Deed::EnrolAgent(agent),
        Deed::EnrolRoster { provider, dataset, persons },
        Deed::Loosen { digest: Hash::default() },
    ] {
        let statement = of(deed.clone());
        refused(vec![signed_by(statement.clone(), &["admin-1"])], "signatures of two");
        let again = Statement { nonce: nonce(), ..statement };
        assert_eq!(verdict([signed_by(again, &BOTH)]), None, "{deed:?}");
    }
}

fn signed(act: Act) -> SignedAct {
    match act {
        Act::Signed(act) => act,
        Act::Acknowledged(_) => panic!("{act:?}"),
    }
}

fn founders() -> Vec<SignedAct> {
    founding(AT + HOUR).into_iter().map(signed).collect()
}

/// A ledger that begins with these acts in the place of the founding enrolments.
fn begun_with(acts: Vec<SignedAct>) -> Option<(LedgerFault, u64, String)> {
    let mut forge =
        Forge::founded(AT, &rules(&[(ALPHA, WIDE)]), acts.into_iter().map(Act::Signed).collect());
    forge.add(Payload::Access(access(0)));
    written(forge)
}

#[test]
fn a_ledger_begins_with_keys_that_sign_for_themselves_and_with_no_other_act() {
    assert_eq!(begun_with(Vec::new()), None);
    assert_eq!(begun_with(founders()), None);
    let [one, two] = BOTH.map(personal);
    let of_another =
        act(ORIGIN, key_of(Deed::EnrolKey, "admin-1", one.public()), &[("admin-1", &two)]);
    let of_another = SignedAct { certificate: None, ..of_another };
    let with_certificate = signed_by(key_of(Deed::EnrolKey, "admin-1", one.public()), &["admin-1"]);
    let by_both = signed_by(key_of(Deed::EnrolKey, "admin-1", one.public()), &BOTH);
    let by_both = SignedAct { certificate: None, ..by_both };
    let suspended = SignedAct { certificate: None, ..signed_by(suspension(), &["admin-1"]) };
    for act in [of_another, with_certificate, by_both, suspended] {
        let (fault, first, detail) = begun_with(vec![act]).expect("not sound");
        assert_eq!((fault, first), (LedgerFault::Act, 1), "{detail}");
        assert!(detail.contains("no founding enrolment"), "{detail}");
    }
    let mut forged = founders();
    forged[1].signatures[0].signature.0[5] ^= 1;
    let (fault, first, detail) = begun_with(forged).expect("not sound");
    assert_eq!((fault, first), (LedgerFault::Act, 2), "{detail}");
    assert!(detail.contains("the signature of `admin-2` is false"), "{detail}");
}

/// A critical alert of one agent, with the read it stands behind.
fn alarm(forge: &mut Forge) -> Tag {
    let mut released = read(ALPHA, "a1", &people(ALPHA, 0..1), &[]);
    released.ruling = Ruling::RELEASED;
    released.facts.could = released.asked;
    released.facts.could_never = released.asked;
    let one = Counts { agent_day: 1, provider_day: 1, provider_30_days: 1, never: 1 };
    released.facts.all = one;
    let agent = released.agent;
    let seq = forge.add(Payload::Read(Box::new(released)));
    forge.add(Payload::Alert(Alert {
        incident: seq + 1,
        rule: Rule::Roster,
        severity: Severity::Critical,
        provider: ALPHA.into(),
        agent,
        level: Level::Agent,
        observed: 50_000,
        expected: 45_000,
        since: AT,
        first: seq,
        last: seq,
        persons: 1,
        off: 0,
        measures: vec![Measure::SuspendAgent, Measure::CloseOffRoster, Measure::CloseExports],
        until: None,
    }));
    agent
}

/// The identity: every message has a signature by it that nobody had to make.
const NOBODYS: PublicKey = {
    let mut key = [0; 32];
    key[0] = 1;
    PublicKey(key)
};

#[test]
fn a_key_by_which_anybody_signs_is_enrolled_by_nobody() {
    let words = "signatures pass by it without a private one";
    refused(vec![signed_by(key_of(Deed::EnrolKey, "admin-3", NOBODYS), &BOTH)], words);
    let mut founding = founders();
    founding[1].statement.deed = Deed::EnrolKey(OwnedKey { admin: "admin-2".into(), key: NOBODYS });
    founding[1].signatures[0].key = NOBODYS;
    let (fault, first, detail) = begun_with(founding).expect("not sound");
    assert_eq!((fault, first), (LedgerFault::Act, 2), "{detail}");
    assert!(detail.contains(words), "{detail}");
    assert!(VerifierKey::new("registry.example/reads", NOBODYS.0).is_err());
}

#[test]
fn what_a_critical_alert_took_takes_two_to_lift_from_the_agent_and_from_the_provider() {
    let lift = |agent| of(Deed::Lift(Whom { provider: ALPHA.into(), agent }));
    let sound = |lifts: &[(bool, &[&str])]| {
        let mut forge = Forge::begun(AT, &rules(&[(ALPHA, WIDE)]));
        let agent = alarm(&mut forge);
        for (of_agent, admins) in lifts {
            let lift = lift(of_agent.then_some(agent));
            forge.add(Payload::Act(Act::Signed(signed_by(lift, admins))));
        }
        written(forge)
    };
    for of_agent in [true, false] {
        let (fault, first, detail) = sound(&[(of_agent, &["admin-1"])]).expect("not sound");
        assert_eq!((fault, first), (LedgerFault::Act, 10), "{detail}");
        assert!(detail.contains("`lift` needs the signatures of two"), "{detail}");
        assert_eq!(sound(&[(of_agent, &BOTH), (of_agent, &["admin-2"])]), None);
        // Each is lifted by itself.
        assert!(sound(&[(of_agent, &BOTH), (!of_agent, &["admin-1"])]).is_some());
    }
    let mut forge = Forge::begun(AT, &rules(&[(ALPHA, WIDE)]));
    alarm(&mut forge);
    let another = signed_by(lift(Some(Tag([1; 16]))), &["admin-1"]);
    forge.add(Payload::Act(Act::Signed(another)));
    assert_eq!(written(forge), None, "nothing critical was taken from this agent");
}
