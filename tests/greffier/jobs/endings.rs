//! What ends an export, and how it goes on.

use std::time::{Duration, SystemTime};

use greffier::format::entry::{Deed, Measure, Payload, Rule, Severity, Whom};
use toml_edit::value;
use tonic::Code;

use super::{
    Admin, Got, Office, PROVIDER, alerts, assert_nothing_else_went, exported, request, rows_out,
    slowly, terms, timed, with,
};
use crate::given::{assert_proven, newest};
use crate::instance::{Instance, context, texts};
use crate::told::Told;

/// An instance whose exports come page after page, and slowly.
fn slow() -> Instance {
    let instance = Instance::new();
    slowly(&instance, PROVIDER, 3);
    instance
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspended_providers_open_export_delivers_no_further_page() {
    for of_agent in [false, true] {
        let instance = slow();
        let mut office = Office::of(&instance).await;
        let job = office.job(terms(1_000)).await;
        let mut provider = office.daemon.client(PROVIDER).await;
        let mut stream = provider.0.export(request(job, 1, "")).await.expect("a stream");
        let mut got = Got::default();
        assert!(got.pages(&mut stream, 2).await);
        let agent = instance.read(got.entries()[0]).agent;
        let reading = tokio::spawn(async move {
            got.pages(&mut stream, usize::MAX).await;
            got
        });
        let whom = Whom { provider: PROVIDER.into(), agent: of_agent.then_some(agent) };
        let act = office.one.submit(Deed::Suspend(whom), &[]).await.expect("an act").entry;
        let got = reading.await.expect("no panic");
        assert!(got.entries().iter().all(|entry| *entry < act), "{act}: {:?}", got.entries());
        assert_eq!(rows_out(&instance), got.rows as u64, "what is in the ledger was received");
        assert_eq!(got.told().what(), (Code::PermissionDenied, "ACCESS_CONTAINED"));
        // Nor does another begin, and no attempt is an entry.
        let entries = instance.entries().len();
        let again = exported(&mut provider, request(job, 1, "")).await;
        assert_eq!((again.rows, again.told().what().1), (0, "ACCESS_CONTAINED"));
        assert_eq!(reads_behind(&instance, entries), 0);
        office.daemon.stop().await;
        instance.assert_sound();
    }
}

/// Reads from an entry on.
fn reads_behind(instance: &Instance, from: usize) -> usize {
    let is_read =
        |entry: &&greffier::format::entry::Entry| matches!(entry.payload, Payload::Read(_));
    instance.entries()[from..].iter().filter(is_read).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawal_ends_an_open_export() {
    let instance = slow();
    let mut office = Office::of(&instance).await;
    let job = office.job(terms(1_000)).await;
    let mut provider = office.daemon.client(PROVIDER).await;
    let mut stream = provider.0.export(request(job, 1, "")).await.expect("a stream");
    let mut got = Got::default();
    assert!(got.pages(&mut stream, 2).await);
    let act = office.two.withdraw(job).await.expect("an act");
    got.pages(&mut stream, usize::MAX).await;
    assert!(got.entries().iter().all(|entry| *entry < act));
    let error = got.told();
    // Whichever comes first: the door, or the judge for a page that had passed it.
    assert!(["JOB_NOT_OPEN", "JOB_EXHAUSTED"].contains(&&*error.reason), "{error:?}");
    let again = exported(&mut provider, request(job, 1, "")).await;
    assert_eq!((again.rows, again.told().what().1), (0, "JOB_NOT_OPEN"));
    assert_eq!(alerts(&instance), [], "whoever is withdrawn from is no thief");
    office.daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn the_end_of_its_time_ends_an_open_export_and_before_it_none_begins() {
    let instance = slow();
    let mut office = Office::of(&instance).await;
    let later = office.job(timed(1_000, 3_000_000, 3_600_000)).await;
    let mut provider = office.daemon.client(PROVIDER).await;
    let early = exported(&mut provider, request(later, 1, "")).await;
    assert_eq!((early.rows, early.told().what().1), (0, "JOB_NOT_OPEN"));
    let end = timed(1_000, 0, 1_500);
    let job = office.job(end.clone()).await;
    let got = exported(&mut provider, request(job, 1, "")).await;
    assert!(got.rows > 0, "{got:?}");
    let last = *got.entries().last().expect("a page");
    assert!(instance.entries()[last as usize].now.at < end.until);
    let error = got.told();
    assert!(["JOB_NOT_OPEN", "JOB_EXHAUSTED"].contains(&&*error.reason), "{error:?}");
    assert_eq!(alerts(&instance), []);
    office.daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn a_policy_that_takes_the_purpose_away_ends_an_open_export() {
    let instance = slow();
    let mut office = Office::of(&instance).await;
    let job = office.job(terms(1_000)).await;
    let mut provider = office.daemon.client(PROVIDER).await;
    let mut stream = provider.0.export(request(job, 1, "")).await.expect("a stream");
    let mut got = Got::default();
    assert!(got.pages(&mut stream, 1).await);
    let text = std::fs::read_to_string(instance.layout.policy()).unwrap();
    let mut policy: toml_edit::DocumentMut = text.parse().unwrap();
    policy["provider"][PROVIDER]["dataset"]["cir"]["purposes"] = texts(["placement_test"]);
    let beside = instance.layout.root().join("policy.new");
    std::fs::write(&beside, policy.to_string()).unwrap();
    std::fs::rename(beside, instance.layout.policy()).unwrap();
    office.daemon.signal("HUP");
    got.pages(&mut stream, usize::MAX).await;
    assert_eq!(got.told().what(), (Code::PermissionDenied, "PURPOSE_NOT_ALLOWED"));
    office.daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn a_token_that_runs_out_ends_an_open_export() {
    let instance = slow();
    let mut office = Office::of(&instance).await;
    let job = office.job(terms(1_000)).await;
    // Good for 900 s and a minute of leeway, of which two seconds are left.
    let issued = SystemTime::now() - Duration::from_secs(958);
    let mut agent = office.agent(&instance.layout, "alice", issued).await;
    let got = exported(&mut agent, request(job, 1, "")).await;
    assert!(got.rows > 0, "{got:?}");
    assert_eq!(got.told().what(), (Code::Unauthenticated, "TOKEN_REJECTED"));
    office.daemon.stop().await;
}

#[tokio::test]
async fn a_breach_withholds_its_page_and_closes_the_exports_of_the_provider() {
    let other_view = with(|context| context.view = greffier::proto::View::Contact.into());
    let other_purpose = with(|context| context.purpose = "placement_test".to_owned());
    for other in [other_view, other_purpose] {
        let instance = slow();
        let mut office = Office::of(&instance).await;
        let job = office.job(terms(1_000)).await;
        let mut colleague = office.agent(&instance.layout, "bob", SystemTime::now()).await;
        let mut stream = colleague.0.export(request(job, 1, "")).await.expect("a stream");
        let mut honest = Got::default();
        assert!(honest.pages(&mut stream, 1).await);
        let mut agent = office.agent(&instance.layout, "mallory", SystemTime::now()).await;
        let mut wrong = request(job, 7, "");
        wrong.context = Some(other);
        let got = exported(&mut agent, wrong).await;
        assert_eq!(got.rows, 0);
        let breach = got.told();
        assert_eq!(breach.what(), (Code::PermissionDenied, "ACCESS_CONTAINED"));
        let entry = breach.entry();
        let read = instance.read(entry);
        assert_eq!((read.rows, read.job, read.asked), (0, Some(job), 7));
        let alert = alerts(&instance).pop().expect("an alert");
        assert_eq!((alert.rule, alert.severity), (Rule::Job, Severity::Critical));
        assert_eq!((alert.agent, alert.last, alert.observed), (read.agent, entry, 7));
        assert!(alert.measures.contains(&Measure::SuspendAgent));
        assert!(alert.measures.contains(&Measure::CloseExports));
        // A colleague's goes no further, and is refused without an entry of its own.
        honest.pages(&mut stream, usize::MAX).await;
        assert!(honest.entries().iter().all(|page| *page < entry));
        assert_eq!(honest.told().what(), (Code::PermissionDenied, "ACCESS_CONTAINED"));
        let entries = instance.entries().len();
        for _ in 0..5 {
            let again = exported(&mut colleague, request(job, 1, "")).await;
            assert_eq!((again.rows, again.told().reason.as_str()), (0, "ACCESS_CONTAINED"));
        }
        assert_eq!(reads_behind(&instance, entries), 0);
        let still = loop {
            match colleague.list(1, "", context()).await {
                Err(status) if Told::of(&status).reason == "RATE_LIMITED" => {}
                other => break other,
            }
        };
        still.expect("who did nothing still reads");
        assert_nothing_else_went(&instance, job);
        // What it took, two give back; the job is as before.
        let lift = Deed::Lift(Whom { provider: PROVIDER.into(), agent: None });
        let one = office.one.submit(lift.clone(), &[]).await;
        assert!(one.is_err());
        office.one.submit(lift, &["admin-2"]).await.expect("a lift");
        assert!(exported(&mut colleague, request(job, 500, "")).await.error.is_none());
        office.daemon.stop().await;
        instance.assert_sound();
    }
}

#[tokio::test]
async fn an_export_that_breaks_off_goes_on_where_it_was() {
    let instance = slow();
    let roster = instance.roster(PROVIDER).len();
    let mut office = Office::of(&instance).await;
    let job = office.job(terms(2 * roster as u64)).await;
    let mut got = Got::default();
    let size = i32::try_from(roster / 6).unwrap();
    // A connection that is dropped, and another size of page.
    let mut provider = office.daemon.client(PROVIDER).await;
    let mut stream = provider.0.export(request(job, size, "")).await.expect("a stream");
    assert!(got.pages(&mut stream, 2).await);
    drop((stream, provider));
    let mut provider = office.daemon.client(PROVIDER).await;
    let token = got.token.clone();
    let mut stream = provider.0.export(request(job, size + 1, &token)).await.expect("a stream");
    assert!(got.pages(&mut stream, 2).await);
    // A gateway that is killed.
    office.daemon.kill();
    while got.pages(&mut stream, 1).await {}
    got.error = None;
    let anchor = instance.layout.root().join("anchor");
    std::fs::write(&anchor, newest(&got.given).expect("a checkpoint")).unwrap();
    let daemon = instance.serve();
    let mut provider = daemon.client(PROVIDER).await;
    let mut stream = provider.0.export(request(job, 500, &got.token.clone())).await.unwrap();
    got.pages(&mut stream, usize::MAX).await;
    assert!(got.error.is_none(), "{got:?}");
    assert_eq!(got.rows, roster, "nobody twice and nobody left out");
    // What was sent and not received is counted too.
    assert!(rows_out(&instance) >= roster as u64 && rows_out(&instance) <= 2 * roster as u64);
    assert_proven(&instance.layout.ledger(), &instance.key(), &got.given);
    // How far the job has come is not forgotten by a start.
    let mut one = Admin::of(&instance, &daemon, "admin-1").await;
    let left = 2 * roster as u64 - rows_out(&instance);
    let rest = exported(&mut provider, request(job, 1, "")).await;
    assert!(rest.rows as u64 <= left);
    one.withdraw(job).await.expect("an act");
    daemon.stop().await;
    instance.assert_anchored(&anchor);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_stops_ends_an_open_export_between_two_pages() {
    let instance = slow();
    let mut office = Office::of(&instance).await;
    let job = office.job(terms(1_000)).await;
    let mut provider = office.daemon.client(PROVIDER).await;
    let mut stream = provider.0.export(request(job, 1, "")).await.expect("a stream");
    let mut got = Got::default();
    assert!(got.pages(&mut stream, 2).await);
    office.daemon.terminate();
    got.pages(&mut stream, usize::MAX).await;
    let ended = office.daemon.ended().await;
    assert!(ended.success(), "{ended}");
    assert_eq!(rows_out(&instance), got.rows as u64, "every page that was written was received");
    let told = got.told();
    assert_eq!(told.what(), (Code::Unavailable, "GATEWAY_STOPPING"));
    assert!(told.retry.is_some());
    instance.assert_sound();
}

#[tokio::test]
async fn a_frozen_agent_exports_nothing() {
    let instance = Instance::new();
    // The day's budget of one agent is gone with its first page, which is high.
    instance.policy(|policy| {
        let budgets = &mut policy["provider"][PROVIDER]["budgets"];
        for budget in ["agent_minute", "agent_hour", "agent_day"] {
            budgets[budget] = value(5);
        }
    });
    let mut office = Office::of(&instance).await;
    let job = office.job(terms(1_000)).await;
    let mut provider = office.daemon.client(PROVIDER).await;
    provider.list(5, "", context()).await.expect("a page");
    let got = exported(&mut provider, request(job, 10, "")).await;
    assert_eq!((got.rows, got.told().what().1), (0, "ACCESS_CONTAINED"));
    office.daemon.stop().await;
    instance.assert_sound();
}
