use std::sync::Arc;

use proptest::prelude::*;

use super::super::example::{ask, now, peer, terms};
use super::super::{Habits, Hours, Peer, PresentedToken, Role, Terms, Tokens};
use super::*;

fn grant_to(provider: &str, ask: Ask) -> Result<Permit, AdmissionError> {
    grant_under(&Arc::new(terms()), &peer(Role::Provider, provider), ask)
}

fn grant_under(terms: &Arc<Terms>, peer: &Peer, ask: Ask) -> Result<Permit, AdmissionError> {
    Permit::grant(
        Caller::admit(peer, &PresentedToken::new([]), terms, &Tokens::default(), now())?,
        &ask,
    )
}

fn purpose_fault(provider: &str, ask: Ask) -> Option<PurposeFault> {
    match grant_to(provider, ask).err()? {
        AdmissionError::Purpose(fault) => Some(fault),
        other => panic!("{other}"),
    }
}

#[test]
fn a_permit_says_who_asks_for_what_under_which_policy() {
    let peer = peer(Role::Provider, "alpha");
    let permit = grant_under(&Arc::new(terms()), &peer, ask()).ok().unwrap();
    assert_eq!(&**permit.provider(), "alpha");
    assert_eq!(permit.certificate(), peer.fingerprint());
    assert_eq!(permit.agent().len(), 64);
    assert_eq!(&**permit.network(), "127.0.0.0/24");
    assert_eq!(&**permit.dataset_name(), "cir");
    assert_eq!(&*permit.dataset().table, "dossiers");
    assert_eq!(&**permit.purpose(), "course_delivery");
    assert_eq!(permit.case_reference(), "CIR/2026-1");
    assert_eq!(permit.policy_head(), 3);
    assert_eq!(permit.request_id(), None);
    assert_eq!(permit.reason(), None);
    assert!(!permit.open());
}

#[test]
fn an_absent_view_is_the_smallest() {
    let permit = grant_to("alpha", ask()).ok().unwrap();
    assert_eq!(&**permit.view(), "BASIC");
    assert_eq!(permit.view_fields(), &["family_name".into(), "given_name".into()]);
    let permit = grant_to("alpha", Ask { view: Some("CONTACT".into()), ..ask() });
    assert_eq!(permit.ok().unwrap().view_fields().len(), 3);
}

#[test]
fn every_malformed_field_is_reported_at_once() {
    let ask = Ask {
        page_size: None,
        dataset: "CIR".into(),
        purpose: String::new(),
        case_reference: " ".into(),
        view: Some("basic".into()),
        off_roster_reason: Some("no reason".into()),
        request_id: Some("1".into()),
        job: None,
    };
    let Err(AdmissionError::Malformed(violations)) = grant_to("alpha", ask) else { panic!() };
    let fields: Vec<_> = violations.iter().map(|v| v.field).collect();
    let expected =
        ["dataset", "purpose", "case_reference", "view", "off_roster_reason", "request_id"];
    assert_eq!(fields, expected);
    assert!(violations.iter().all(|v| v.description.contains("must be")));
    assert_eq!(AdmissionError::Malformed(violations).reason(), "REQUEST_MALFORMED");
}

#[test]
fn what_the_policy_does_not_grant_is_refused() {
    let change = |f: &dyn Fn(&mut Ask)| {
        let mut ask = ask();
        f(&mut ask);
        purpose_fault("alpha", ask)
    };
    assert_eq!(change(&|a| a.dataset = "visa".into()), Some(PurposeFault::Dataset));
    assert_eq!(change(&|a| a.purpose = "curiosity".into()), Some(PurposeFault::Purpose));
    // In the dataset's list, but not granted to this provider.
    assert_eq!(change(&|a| a.purpose = "placement_test".into()), Some(PurposeFault::Purpose));
    assert_eq!(change(&|a| a.view = Some("FULL".into())), Some(PurposeFault::View));
    assert_eq!(
        grant_to("alpha", Ask { purpose: "x".into(), ..ask() }).err().unwrap().reason(),
        "PURPOSE_NOT_ALLOWED"
    );
}

#[test]
fn a_case_reference_has_the_form_that_the_purpose_takes() {
    let mut terms = terms();
    let cir = terms.datasets.get_mut("cir").unwrap();
    cir.purposes.get_mut("course_delivery").unwrap().case_reference = "CIR/####-#".parse().ok();
    let (terms, peer) = (Arc::new(terms), peer(Role::Provider, "alpha"));
    assert!(grant_under(&terms, &peer, ask()).is_ok());
    let other = Ask { case_reference: "CIR/26-1".into(), ..ask() };
    let refused = grant_under(&terms, &peer, other).err();
    assert_eq!(refused, Some(PurposeFault::CaseReference.into()));
}

#[test]
fn a_permit_says_whether_the_provider_works_at_that_time() {
    let hours = Hours::parse("00:00-24:00").unwrap();
    let habits = |days| Habits { days, hours, zone: jiff::tz::TimeZone::UTC };
    let peer = peer(Role::Provider, "alpha");
    let off_hours = |habits| {
        let mut terms = terms();
        terms.providers.get_mut("alpha").unwrap().habits = habits;
        grant_under(&Arc::new(terms), &peer, ask()).ok().unwrap().off_hours()
    };
    assert!(!off_hours(None));
    assert!(!off_hours(Some(habits([true; 7]))));
    assert!(off_hours(Some(habits([false; 7]))));
}

#[test]
fn a_reason_opens_only_an_open_scope() {
    let with = |reason: &str| Ask { off_roster_reason: Some(reason.into()), ..ask() };
    assert_eq!(purpose_fault("alpha", with("walk_in")), Some(PurposeFault::Roster));
    assert_eq!(purpose_fault("beta", with("curiosity")), Some(PurposeFault::Reason));
    let permit = grant_to("beta", with("walk_in")).ok().unwrap();
    assert_eq!(permit.reason().map(|r| &**r), Some("walk_in"));
    assert!(permit.open());
    assert!(!grant_to("beta", ask()).ok().unwrap().open());
}

#[test]
fn an_export_has_no_reason_to_leave_the_roster_and_no_request_id() {
    let fields = |ask: Ask| match grant_to("alpha", ask) {
        Err(AdmissionError::Malformed(violations)) => violations.iter().map(|v| v.field).collect(),
        _ => Vec::new(),
    };
    let export = Ask { job: Some(8), page_size: Some(5), ..ask() };
    assert!(grant_to("alpha", export.clone()).is_ok_and(|permit| permit.job() == Some(8)));
    let reason = Ask { off_roster_reason: Some("walk_in".into()), ..export.clone() };
    assert_eq!(fields(reason), ["off_roster_reason"]);
    let id = Some("6f1c2a9e-0b7d-4c11-9a55-2d3f0c8b7e10".to_owned());
    assert_eq!(fields(Ask { request_id: id, ..export }), ["request_id"]);
}

#[test]
fn a_request_id_has_one_spelling() {
    let id = "6F1C2A9E-0B7D-4C11-9A55-2D3F0C8B7E10";
    let permit = grant_to("alpha", Ask { request_id: Some(id.into()), ..ask() }).ok().unwrap();
    assert_eq!(permit.request_id(), Some(&*id.to_lowercase()));
}

#[test]
fn a_handle_of_one_provider_is_nothing_to_another() {
    let (alpha, beta) =
        (grant_to("alpha", ask()).ok().unwrap(), grant_to("beta", ask()).ok().unwrap());
    let handle = alpha.seal_handle("0001");
    assert_eq!(alpha.open_handle(&handle).as_deref(), Some("0001"));
    assert_eq!(beta.open_handle(&handle), None);
    assert_eq!(alpha.open_page("", &handle), None);
    let token = alpha.seal_page("", "0001");
    assert_eq!(alpha.open_page("", &token).as_deref(), Some("0001"));
    assert_eq!(alpha.open_handle(&token), None);
    assert_eq!(beta.open_page("", &token), None);
}

#[test]
fn a_page_token_opens_for_its_own_agent_and_query_only() {
    let terms = Arc::new(terms());
    let (one, other) = (peer(Role::Provider, "beta"), peer(Role::Provider, "beta"));
    let with = |peer: &Peer, change: &dyn Fn(&mut Ask)| {
        let mut ask = Ask { off_roster_reason: Some("walk_in".into()), ..ask() };
        change(&mut ask);
        grant_under(&terms, peer, ask).ok().unwrap()
    };
    let token = with(&one, &|_| ()).seal_page("", "0001");
    let opens = |peer: &Peer, change: &dyn Fn(&mut Ask)| with(peer, change).open_page("", &token);
    assert_eq!(opens(&one, &|_| ()).as_deref(), Some("0001"));
    assert_eq!(opens(&one, &|a| a.page_size = Some(500)).as_deref(), Some("0001"));
    assert_eq!(with(&one, &|_| ()).open_page("a search", &token), None, "of what else it is");
    let id = "6f1c2a9e-0b7d-4c11-9a55-2d3f0c8b7e10";
    assert!(opens(&one, &|a| a.request_id = Some(id.into())).is_some());
    assert_eq!(opens(&other, &|_| ()), None, "another certificate is another agent");
    assert_eq!(opens(&one, &|a| a.view = Some("CONTACT".into())), None);
    assert_eq!(opens(&one, &|a| a.off_roster_reason = Some("transfer".into())), None);
    assert_eq!(opens(&one, &|a| a.off_roster_reason = None), None);
    assert_eq!(opens(&one, &|a| a.case_reference = "CIR/2026-2".into()), None);
    let mut terms = super::super::example::terms();
    let beta = terms.providers.get_mut("beta").unwrap();
    beta.datasets.get_mut("cir").unwrap().purposes.push("placement_test".into());
    let reason = Some("walk_in".into());
    let ask =
        |purpose: &str| Ask { purpose: purpose.into(), off_roster_reason: reason.clone(), ..ask() };
    // Under another policy the token is the same, as long as the query is granted.
    let terms = Arc::new(Terms { head: 9, ..terms });
    let grant = |purpose| grant_under(&terms, &one, ask(purpose)).ok().unwrap();
    assert_eq!(grant("course_delivery").open_page("", &token).as_deref(), Some("0001"));
    assert_eq!(grant("placement_test").open_page("", &token), None);
}

#[test]
fn a_row_weighs_what_the_fields_of_its_view_do() {
    let weight = |view: &str, terms: Terms| {
        let ask = Ask { view: Some(view.into()), ..ask() };
        grant_under(&Arc::new(terms), &peer(Role::Provider, "alpha"), ask)
            .ok()
            .unwrap()
            .row_weight()
    };
    assert_eq!((weight("BASIC", terms()), weight("CONTACT", terms())), (20, 30));
    let weights = super::super::Weights { contact: 7, ..Default::default() };
    assert_eq!(weight("CONTACT", Terms { weights, ..terms() }), 27);
}

proptest! {
    #[test]
    fn only_words_of_the_policy_enter_a_permit(
        dataset in "cir|[a-z]{1,4}|\\PC{0,8}", purpose in "course_delivery|\\PC{0,8}",
        view in proptest::option::of("BASIC|CONTACT|FULL|\\PC{0,8}"),
        reason in proptest::option::of("walk_in|\\PC{0,8}"),
    ) {
        let ask = Ask { dataset, purpose, view, off_roster_reason: reason, ..ask() };
        if let Ok(permit) = grant_to("beta", ask) {
            prop_assert!(permit.dataset().purposes.contains_key(permit.purpose()));
            prop_assert!(permit.dataset().views.contains_key(permit.view()));
        }
    }
}
