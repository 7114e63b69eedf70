//! Budgets of ledger entries: whoever is entitled fills no disk.

use std::time::Duration;

use greffier::format::entry::{Deed, Entry, EntryBudget, JobTerms, Matter, Payload, Warning};
use greffier::proto;
use greffier::registrar::wall;
use toml_edit::value;
use tonic::{Code, Status};

use crate::instance::{Caller, Daemon, Instance, context};
use crate::pki::Authority;
use crate::segment::{Forge, WIDE, access, rules, unsound, verified};
use crate::signed::{HOUR, personal, signatures, statement, whom};
use crate::told::told;

const PROVIDER: &str = "provider-02";
const ALPHA: &str = "alpha-langues";
const USED_UP: (Code, &str) = (Code::ResourceExhausted, "ENTRY_BUDGET");

/// The provider may have so many entries a day, and each member of staff so many.
fn limited(provider: i64, staff: i64) -> Instance {
    let instance = Instance::new();
    instance.policy(|policy| {
        policy["provider"][PROVIDER]["entries_per_day"] = value(provider);
        policy.insert("staff_entries_per_day", value(staff));
        // A key of the root stands before the tables.
        policy.sort_values_by(|_, one, _, other| one.is_table().cmp(&other.is_table()));
    });
    instance
}

fn told_of_entries(instance: &Instance) -> Vec<Warning> {
    let warning = |entry: Entry| match entry.payload {
        Payload::Warning(warning) if matches!(warning.matter, Matter::Entries(_)) => Some(warning),
        _ => None,
    };
    instance.entries().into_iter().filter_map(warning).collect()
}

#[tokio::test]
async fn one_agent_gets_a_quarter_of_the_entries_and_is_refused_before_the_next_is_written() {
    let instance = limited(40, 10_000);
    let daemon = instance.serve();
    let authority = Authority::of(&instance.layout);
    let mut colleague = daemon.client_with(authority.client("provider", PROVIDER)).await;
    let mut caller = daemon.client(PROVIDER).await;
    let page = caller.list(1, "", context()).await.expect("a page");
    let name = page.records[0].name.clone();
    for _ in 1..10 {
        caller.get(&name, context()).await.expect("the same record");
    }
    let size = instance.entries().len();
    // Whether there is such a record makes no difference, nor what kind of a call it is.
    let refused = told(caller.get(&name, context()).await);
    let nobody = told(caller.get(&format!("{name}x"), context()).await);
    let page = told(caller.list(1, "", context()).await);
    for refused in [&refused, &nobody, &page] {
        assert_eq!(refused.what(), USED_UP);
        assert_eq!((&refused.message, &refused.french), (&page.message, &page.french));
        let retry = refused.retry.expect("RetryInfo");
        assert!(retry > Duration::ZERO && retry <= Duration::from_secs(8_640), "{retry:?}");
        assert!(!refused.metadata.contains_key("entry"));
    }
    assert!(page.french.contains("rien n’a été inscrit"), "{}", page.french);
    let reads = |entries: &[Entry]| {
        entries.iter().filter(|entry| matches!(entry.payload, Payload::Read(_))).count()
    };
    assert_eq!(reads(&instance.entries()[size..]), 0);
    // Others of the provider go on.
    colleague.list(1, "", context()).await.expect("a page");
    daemon.stop().await;

    let [half] = &told_of_entries(&instance)[..] else { panic!("one warning") };
    let of = |matter: &Matter| matches!(matter, Matter::Entries(EntryBudget::Agent { provider, .. }) if &**provider == PROVIDER);
    assert!(of(&half.matter), "{half:?}");
    assert_eq!((half.observed, half.expected), (5, 10));
    let refusals = instance.refusals();
    let counted = refusals.iter().flat_map(|digest| &digest.certificates);
    let counted = counted.flat_map(|one| &one.counts).filter(|one| &*one.reason == "ENTRY_BUDGET");
    assert_eq!(counted.map(|one| one.count).sum::<u64>(), 3);
    // A start refills a minute of it at most, which is no entry.
    let daemon = instance.serve();
    let mut caller = daemon.client(PROVIDER).await;
    assert_eq!(told(caller.get(&name, context()).await).what(), USED_UP);
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn receipts_by_a_certificate_alone_take_no_more_than_a_quarter() {
    let instance = limited(40, 10_000);
    let daemon = instance.serve();
    let mut caller = daemon.client(PROVIDER).await;
    let page = caller.list(1, "", context()).await.expect("a page");
    let entry = page.proof.expect("a proof").entry;
    for _ in 0..10 {
        caller.receipt(entry).await.expect("a receipt");
    }
    assert_eq!(told(caller.receipt(entry).await).what(), USED_UP);
    caller.list(1, "", context()).await.expect("a page");
    daemon.stop().await;
    let [half] = &told_of_entries(&instance)[..] else { panic!("one warning") };
    let of = |matter: &Matter| matches!(matter, Matter::Entries(EntryBudget::Receipts { provider, .. }) if &**provider == PROVIDER);
    assert!(of(&half.matter), "{half:?}");
    assert_eq!((half.observed, half.expected), (5, 10));
    instance.assert_sound();
}

/// An act of one administrator.
pub(crate) async fn submit(
    caller: &mut Caller,
    instance: &Instance,
    deed: Deed,
) -> Result<proto::Act, Status> {
    let origin = caller.0.origin().await?;
    let statement = statement(deed, "an exercise");
    let key = personal(&instance.layout, "admin-1");
    let (text, signatures) = signatures(&origin, &statement, &[("admin-1", &key)]);
    caller.0.submit(text, &signatures).await
}

async fn declare(caller: &mut Caller, instance: &Instance) -> Result<proto::Act, Status> {
    let (purpose, view, now) = ("course_delivery".into(), "BASIC".into(), wall());
    let job = JobTerms { purpose, view, rows: 1, from: now, until: now + HOUR };
    let (provider, dataset) = (PROVIDER.into(), "cir".into());
    submit(caller, instance, Deed::DeclareJob { provider, dataset, job }).await
}

async fn used_up_by_staff(instance: &Instance, daemon: &Daemon) {
    let mut auditor = daemon.client("auditor-1").await;
    for _ in 0..4 {
        auditor.receipt(0).await.expect("a receipt");
    }
    assert_eq!(told(auditor.receipt(0).await).what(), USED_UP);
    let mut admin = daemon.client("admin-1").await;
    for _ in 0..4 {
        declare(&mut admin, instance).await.expect("an act");
    }
    let size = instance.entries().len();
    assert_eq!(told(declare(&mut admin, instance).await).what(), USED_UP);
    let acts = |entry: &Entry| matches!(entry.payload, Payload::Act(_) | Payload::Access(_));
    assert!(!instance.entries()[size..].iter().any(acts));
}

#[tokio::test]
async fn staff_whose_entries_are_used_up_still_suspend_and_lift() {
    let instance = limited(1_000, 4);
    let daemon = instance.serve();
    used_up_by_staff(&instance, &daemon).await;
    let mut admin = daemon.client("admin-1").await;
    submit(&mut admin, &instance, Deed::Suspend(whom(PROVIDER, ""))).await.expect("a suspension");
    let mut caller = daemon.client(PROVIDER).await;
    assert_eq!(told(caller.list(1, "", context()).await).reason, "ACCESS_CONTAINED");
    submit(&mut admin, &instance, Deed::Lift(whom(PROVIDER, ""))).await.expect("it is lifted");
    daemon.stop().await;
    let told = told_of_entries(&instance);
    let staff = told.iter().map(|one| match &one.matter {
        Matter::Entries(EntryBudget::Staff { role, .. }) => (&**role, one.observed, one.expected),
        other => panic!("{other:?}"),
    });
    assert_eq!(staff.collect::<Vec<_>>(), [("auditor", 2, 4), ("admin", 2, 4)]);
    instance.assert_sound();
}

#[test]
fn a_verifier_finds_an_entry_that_a_budget_had_no_room_for() {
    let mut rules = rules(&[(ALPHA, WIDE)]);
    rules.providers[0].entries_day = Some(8);
    let written = |receipts: u64| {
        let place = crate::segment::Place::new();
        let mut forge = Forge::begun(1_795_651_200_000, &rules);
        for _ in 0..receipts {
            let role = "provider".into();
            let id = ALPHA.into();
            let access = greffier::format::entry::Access { role, id, ..access(0) };
            forge.add(Payload::Access(access));
        }
        forge.commit();
        forge.write(&place.settings);
        verified(&place.settings.path, &[])
    };
    written(2).expect("a quarter of eight");
    let unsound = unsound(written(3));
    assert!(unsound.detail.contains("budget of entries"), "{unsound:?}");
}
