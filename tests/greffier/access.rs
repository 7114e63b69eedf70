//! What administrators decide about access: who may, what a request must say, and that it holds
//! from its entry on.

use std::time::{Duration, Instant};

use greffier::format::entry::{
    Act, Deed, Measure, Outcome, Payload, Read, Rule, Severity, SignedAct, Tag,
};
use greffier::proto::{self, AcknowledgeAlertRequest, ListAlertsRequest};
use tokio::task::JoinSet;
use tonic::{Code, Status};

use crate::instance::{Caller, Daemon, Instance, context, off_roster};
use crate::pki::{Authority, fingerprint};
use crate::signed::{submit, whom};
use crate::told::told;

const REJECTED: (Code, &str) = (Code::Unauthenticated, "CERTIFICATE_REJECTED");
const MALFORMED: (Code, &str) = (Code::InvalidArgument, "REQUEST_MALFORMED");
const CONTAINED: (Code, &str) = (Code::PermissionDenied, "ACCESS_CONTAINED");

async fn suspend(
    caller: &mut Caller,
    instance: &Instance,
    provider: &str,
    agent: &str,
    reason: &str,
) -> Result<proto::Act, Status> {
    let what = Deed::Suspend(whom(provider, agent));
    submit(&mut caller.0, &instance.layout, what, reason, &["admin-1"]).await
}

async fn reinstate(
    caller: &mut Caller,
    instance: &Instance,
    provider: &str,
    agent: &str,
) -> Result<proto::Act, Status> {
    let what = Deed::Reinstate(whom(provider, agent));
    submit(&mut caller.0, &instance.layout, what, "found", &["admin-1"]).await
}

async fn lift(
    caller: &mut Caller,
    instance: &Instance,
    provider: &str,
    agent: &str,
) -> Result<proto::Act, Status> {
    let what = Deed::Lift(whom(provider, agent));
    submit(&mut caller.0, &instance.layout, what, "looked into", &["admin-1"]).await
}

async fn acknowledge(caller: &mut Caller, alert: u64, reason: &str) -> Result<proto::Act, Status> {
    let request = AcknowledgeAlertRequest { alert, reason: reason.to_owned() };
    Ok(caller.0.alerts.acknowledge_alert(request).await?.into_inner().act.expect("an act"))
}

async fn alerts(caller: &mut Caller) -> Vec<proto::ListedAlert> {
    let request = ListAlertsRequest::default();
    caller.0.alerts.list_alerts(request).await.expect("a page").into_inner().alerts
}

/// Acts, but for those that the ledger begins with.
fn acts(instance: &Instance) -> Vec<(u64, Act)> {
    let act = |entry: greffier::format::entry::Entry| match entry.payload {
        Payload::Act(Act::Signed(SignedAct { certificate: None, .. })) => None,
        Payload::Act(act) => Some((entry.seq, act)),
        _ => None,
    };
    instance.entries().into_iter().filter_map(act).collect()
}

fn reads(instance: &Instance) -> Vec<(u64, Read)> {
    let read = |entry: greffier::format::entry::Entry| match entry.payload {
        Payload::Read(read) => Some((entry.seq, *read)),
        _ => None,
    };
    instance.entries().into_iter().filter_map(read).collect()
}

/// Ids of persons off the roster of `provider-01`.
fn strangers(instance: &Instance, count: u64) -> Vec<String> {
    let source = instance.source();
    let mut ids = source
        .prepare(
            "SELECT id FROM dossiers WHERE id NOT IN \
             (SELECT id FROM roster WHERE provider = 'provider-01') ORDER BY id LIMIT ?1",
        )
        .expect("SQL");
    let ids = ids.query_map([count], |row| row.get(0)).expect("rows");
    ids.collect::<Result<_, _>>().expect("ids")
}

/// An instance whose detectors are as shipped and whose budgets nothing here uses up.
fn roomy() -> Instance {
    let instance = Instance::new();
    let budgets = [
        "agent_minute",
        "agent_hour",
        "agent_day",
        "provider_day",
        "provider_30_days",
        "off_roster_day",
        "off_roster_30_days",
    ];
    instance.policy(|policy| {
        policy["provider"]["provider-01"]["requests_per_second"] = toml_edit::value(10_000);
        policy["provider"]["provider-01"]["burst"] = toml_edit::value(10_000);
    });
    instance.budgets("provider-01", &budgets.map(|name| (name, 1_000_000)));
    instance
}

/// Takes strangers one by one until nothing more comes; how many came.
async fn steal(thief: &mut Caller, ids: &[String]) -> usize {
    for (n, id) in ids.iter().enumerate() {
        let found = thief.search("case_number", &[("id", id)], 1, off_roster()).await;
        match found {
            Ok(found) => assert_eq!(found.records.len(), 1),
            Err(status) => {
                assert_eq!(told::<()>(Err(status)).what(), CONTAINED);
                return n;
            }
        }
    }
    panic!("nobody stopped the thief");
}

#[tokio::test]
async fn each_role_does_what_is_its_own_and_nothing_else() {
    let instance = roomy();
    let daemon = instance.serve();
    let mut thief = daemon.client("provider-01").await;
    steal(&mut thief, &strangers(&instance, 30)).await;
    let first = alerts(&mut daemon.client("security-soc").await).await;
    let first = first[0].alert.as_ref().expect("an alert").entry;
    for name in ["provider-01", "security-soc", "auditor-1", "admin-1", "agency-1"] {
        let mut caller = daemon.client(name).await;
        let (admin, security) = (name == "admin-1", name == "security-soc");
        let watches = security || name == "auditor-1";
        let acts = [
            suspend(&mut caller, &instance, "provider-02", "", "a test").await,
            reinstate(&mut caller, &instance, "provider-02", "").await,
            lift(&mut caller, &instance, "provider-02", "").await,
        ];
        for act in acts {
            match act {
                Ok(act) => assert!(admin && act.id == "admin-1" && act.role == "admin"),
                Err(status) => {
                    assert_eq!((admin, told::<()>(Err(status)).what()), (false, REJECTED))
                }
            }
        }
        let ack = acknowledge(&mut caller, first, "seen").await;
        match ack {
            Ok(act) => assert!(security && act.alert == first && act.provider.is_empty()),
            Err(status) => {
                assert_eq!((security, told::<()>(Err(status)).what()), (false, REJECTED))
            }
        }
        let listed = caller.0.alerts.list_alerts(ListAlertsRequest::default()).await;
        let tail = caller.0.alerts.tail_alerts(proto::TailAlertsRequest::default()).await;
        assert_eq!((listed.is_ok(), tail.is_ok()), (watches, watches), "{name}");
        if !watches {
            assert_eq!((told(listed).what(), told(tail).what()), (REJECTED, REJECTED), "{name}");
        }
    }
    let (certificate, _) = instance.layout.client("admin-1");
    let written = acts(&instance);
    assert_eq!(written.len(), 4);
    for (_, act) in &written {
        let shown = fingerprint(&certificate);
        match act {
            Act::Signed(act) => {
                assert_eq!((&*act.id, act.certificate), ("admin-1", Some(shown)));
            }
            Act::Acknowledged(act) => assert!(&*act.id != "admin-1" && act.certificate != shown),
        }
    }
    daemon.stop().await;
    let refused: u64 = instance
        .refusals()
        .iter()
        .flat_map(|digest| digest.certificates.iter().flat_map(|c| &c.counts))
        .filter(|refusal| &*refusal.reason == "CERTIFICATE_REJECTED")
        .map(|refusal| refusal.count)
        .sum();
    // Acts of four, acknowledgements of four, lists and tails of three.
    assert_eq!(refused, 4 * 3 + 4 + 2 * 3);
    instance.assert_sound();
}

#[tokio::test]
async fn a_request_is_taken_at_its_limits_and_refused_beyond_them() {
    let instance = roomy();
    let daemon = instance.serve();
    let mut thief = daemon.client("provider-01").await;
    steal(&mut thief, &strangers(&instance, 30)).await;
    let mut admin = daemon.client("admin-1").await;
    let mut soc = daemon.client("security-soc").await;
    let listed = alerts(&mut soc).await;
    let alert = listed[0].alert.as_ref().expect("an alert").entry;
    let (longest, longer) = ("é".repeat(256), "é".repeat(257));
    let control = ["a\nb", "a\u{7f}", "\u{85}", "\u{0}", "\t"];
    let bad_reasons = ["", " ", &longer].into_iter().chain(control);
    let before = acts(&instance).len();
    for reason in bad_reasons {
        let refused = told(suspend(&mut admin, &instance, "provider-02", "", reason).await);
        // What no statement can hold is no statement.
        let field = if reason.trim_matches(' ').is_empty() { "reason" } else { "statement" };
        assert_eq!((refused.what(), &*refused.fields.join(" ")), (MALFORMED, field));
        let refused = told(acknowledge(&mut soc, alert, reason).await);
        assert_eq!((refused.what(), &*refused.fields.join(" ")), (MALFORMED, "reason"));
    }
    let tag = listed[0].alert.as_ref().expect("an alert").agent.clone();
    for provider in ["", "provider-99", "PROVIDER-01", "provider-01 "] {
        let refused = told(suspend(&mut admin, &instance, provider, &tag, "").await);
        assert_eq!(refused.what(), MALFORMED);
        // Everything that is wrong, at once.
        assert_eq!(refused.fields, ["provider", "reason"]);
    }
    for unknown in [0, 1, alert - 1, u64::MAX] {
        let refused = told(acknowledge(&mut soc, unknown, "x").await);
        assert_eq!(refused.what(), (Code::NotFound, "ALERT_NOT_FOUND"), "{unknown}");
    }
    for (size, good) in [(-1, false), (0, true), (1, true), (500, true), (501, false)] {
        let request = ListAlertsRequest { page_size: size, ..ListAlertsRequest::default() };
        let page = soc.0.alerts.list_alerts(request).await;
        assert_eq!(page.is_ok(), good, "{size}");
        if let Err(status) = page {
            assert_eq!(told::<()>(Err(status)).fields, ["page_size"]);
        }
    }
    assert_eq!(acts(&instance).len(), before);
    let one = suspend(&mut admin, &instance, "provider-02", "", "\"")
        .await
        .expect("one character will do");
    let most =
        suspend(&mut admin, &instance, "provider-01", &tag, &longest).await.expect("256 too");
    let seen = acknowledge(&mut soc, alert, &"\\".repeat(256)).await.expect("escapes count once");
    let written = acts(&instance);
    assert_eq!(written.len(), before + 3);
    for (told, (seq, act)) in [one, most, seen].iter().zip(&written) {
        let (_, reason) = act.id_and_reason();
        assert_eq!((told.entry, &*told.reason), (*seq, reason));
        assert_eq!(told.at_unix_ms, instance.entries()[*seq as usize].now.at);
        assert_eq!(told.sentences.len(), 2);
    }
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn alerts_are_listed_by_pages_and_incidents_with_who_has_seen_them() {
    let instance = roomy();
    let daemon = instance.serve();
    let authority = Authority::of(&instance.layout);
    let ids = strangers(&instance, 30);
    let mut soc = daemon.client("security-soc").await;
    let mut admin = daemon.client("admin-1").await;
    for _ in 0..2 {
        let agent = authority.client("provider", "provider-01");
        steal(&mut daemon.client_with(agent).await, &ids).await;
        lift(&mut admin, &instance, "provider-01", "").await.expect("a lift");
    }
    let all = alerts(&mut soc).await;
    assert!(all.len() >= 4, "{}", all.len());
    let of = |listed: &proto::ListedAlert| listed.alert.clone().expect("an alert");
    let (mut paged, mut after_entry) = (Vec::new(), 0);
    loop {
        let request = ListAlertsRequest { after_entry, page_size: 1, incident: 0 };
        let page = soc.0.alerts.list_alerts(request).await.expect("a page").into_inner();
        paged.extend(page.alerts);
        after_entry = page.next_after_entry;
        if after_entry == 0 {
            break;
        }
    }
    assert_eq!(paged, all);
    let mut incidents: Vec<u64> = all.iter().map(|listed| of(listed).incident).collect();
    incidents.dedup();
    assert_eq!(incidents.len(), 2);
    for incident in incidents {
        let request = ListAlertsRequest { incident, ..ListAlertsRequest::default() };
        let page = soc.0.alerts.list_alerts(request).await.expect("a page").into_inner();
        let expected = all.iter().filter(|listed| of(listed).incident == incident).count();
        assert_eq!((page.alerts.len(), page.next_after_entry), (expected, 0));
        assert_eq!(of(&page.alerts[0]).entry, incident);
    }
    let last = of(&all[all.len() - 1]);
    for reason in ["first", "second"] {
        acknowledge(&mut soc, last.entry, reason).await.expect("an acknowledgement");
    }
    let seen = alerts(&mut soc).await;
    let reasons: Vec<_> =
        seen.iter().flat_map(|l| l.acknowledgements.iter().map(|a| a.reason.as_str())).collect();
    assert_eq!(reasons, ["first", "second"]);
    assert!(seen[seen.len() - 1].acknowledgements.iter().all(|act| act.alert == last.entry));
}

/// Reads one record again and again until it is refused; how it was refused.
async fn read_on(mut caller: Caller, name: String) -> Status {
    loop {
        if let Err(status) = caller.get(&name, context()).await {
            return status;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspension_holds_from_its_entry_on_for_every_read_under_way() {
    let instance = Instance::new();
    instance.widen();
    let daemon = instance.serve();
    let mut admin = daemon.client("admin-1").await;
    let mut delays = Vec::new();
    for round in 0..5 {
        let mut caller = daemon.client("provider-02").await;
        let page = caller.list(1, "", context()).await.expect("a page");
        let mut readers = JoinSet::new();
        for _ in 0..16 {
            let caller = daemon.client("provider-02").await;
            readers.spawn(read_on(caller, page.records[0].name.clone()));
        }
        // All of them are at it.
        let from = reads(&instance).len();
        while reads(&instance).len() < from + 32 {
            tokio::task::yield_now().await;
        }
        let began = Instant::now();
        let act = suspend(&mut admin, &instance, "provider-02", "", "stop").await.expect("an act");
        delays.push(began.elapsed());
        let refused = caller.get(&page.records[0].name, context()).await;
        assert_eq!(told(refused).what(), CONTAINED);
        while let Some(refused) = readers.join_next().await {
            let refused = refused.expect("a reader does not panic");
            assert_eq!(told::<()>(Err(refused)).what(), CONTAINED);
        }
        let after = reads(&instance).into_iter().filter(|(seq, _)| *seq > act.entry);
        let after: Vec<Read> = after.map(|(_, read)| read).collect();
        let released = after.iter().filter(|r| r.ruling.outcome == Outcome::Released).count();
        assert_eq!(released, 0);
        eprintln!(
            "round {round}: suspended in {:.1} ms under 16 readers; behind its entry {} reads, \
             {released} released",
            delays[round].as_secs_f64() * 1e3,
            after.len(),
        );
        // Nobody else is touched.
        daemon.client("provider-03").await.list(1, "", context()).await.expect("a page");
        reinstate(&mut admin, &instance, "provider-02", "").await.expect("an act");
        caller.get(&page.records[0].name, context()).await.expect("a record");
    }
    assert!(delays.iter().all(|delay| *delay < Duration::from_secs(5)));
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn an_agent_is_suspended_by_its_tag_and_its_colleagues_read_on() {
    let instance = Instance::new();
    instance.widen();
    let daemon = instance.serve();
    let authority = Authority::of(&instance.layout);
    let mut colleague = daemon.client_with(authority.client("provider", "provider-02")).await;
    let mut caller = daemon.client("provider-02").await;
    let page = caller.list(1, "", context()).await.expect("a page");
    let tag = instance.read(page.proof.expect("a proof").entry).agent.to_string();
    let mut admin = daemon.client("admin-1").await;
    let act = suspend(&mut admin, &instance, "provider-02", &tag, "laptop").await.expect("an act");
    assert_eq!((&*act.deed, &act.agent), ("suspend", &tag));
    assert_eq!(told(caller.list(1, "", context()).await).what(), CONTAINED);
    colleague.list(1, "", context()).await.expect("a page");
    // Of the provider nothing was suspended, so nothing is given back.
    reinstate(&mut admin, &instance, "provider-02", "").await.expect("an act");
    assert_eq!(told(caller.list(1, "", context()).await).what(), CONTAINED);
    // Nor does lifting what alerts took undo what an administrator did.
    lift(&mut admin, &instance, "provider-02", &tag).await.expect("an act");
    assert_eq!(told(caller.list(1, "", context()).await).what(), CONTAINED);
    reinstate(&mut admin, &instance, "provider-02", &tag).await.expect("an act");
    caller.list(1, "", context()).await.expect("a page");
    daemon.stop().await;
    instance.assert_sound();
}

/// The severities found so far, each with its rule.
async fn found(daemon: &Daemon) -> Vec<(String, proto::Severity)> {
    let mut soc = daemon.client("security-soc").await;
    let alerts = alerts(&mut soc).await.into_iter().filter_map(|listed| listed.alert);
    alerts.map(|alert| (alert.rule.clone(), alert.severity())).collect()
}

#[tokio::test]
async fn a_thief_is_contained_over_kills_until_lifted_and_then_the_count_begins_again() {
    let instance = roomy();
    let ids = strangers(&instance, 120);
    let daemon = instance.serve();
    let mut thief = daemon.client("provider-01").await;
    let first = steal(&mut thief, &ids[..40]).await;
    // Whoever goes on asking is found out further.
    for id in &ids[40..60] {
        let refused = thief.search("case_number", &[("id", id)], 1, off_roster()).await;
        assert_eq!(told(refused).what(), CONTAINED);
    }
    let severities = found(&daemon).await;
    assert!(severities.contains(&("roster".to_owned(), proto::Severity::High)), "{severities:?}");
    let is_alert = |entry: &greffier::format::entry::Entry| match &entry.payload {
        Payload::Alert(alert) => Some(alert.clone()),
        _ => None,
    };
    let written: Vec<_> = instance.entries().iter().filter_map(is_alert).collect();
    assert!(written.iter().all(|alert| alert.rule == Rule::Roster));
    let high = written.iter().find(|alert| alert.severity == Severity::High).expect("a high one");
    assert_eq!(high.measures, [Measure::Freeze, Measure::CloseOffRoster]);

    daemon.kill();
    let daemon = instance.serve();
    let mut thief = daemon.client("provider-01").await;
    let refused = thief.search("case_number", &[("id", &ids[70])], 1, off_roster()).await;
    assert_eq!(told(refused).what(), CONTAINED);
    assert_eq!(told(thief.list(1, "", context()).await).what(), CONTAINED);

    let mut admin = daemon.client("admin-1").await;
    let tag: Tag = high.agent;
    for of in [tag.to_string(), String::new()] {
        let act = lift(&mut admin, &instance, "provider-01", &of).await.expect("an act");
        assert_eq!(act.deed, "lift");
    }
    let again = steal(&mut thief, &ids[60..]).await;
    assert_eq!(again, first, "the detectors begin at 0");
    let deeds = acts(&instance);
    let deeds: Vec<String> =
        deeds.iter().filter_map(|(_, act)| act.deed()).map(Deed::name).collect();
    assert_eq!(deeds, ["lift", "lift"]);
    eprintln!("persons until contained: {first}, and after the lift {again}; agent {tag}");
    daemon.stop().await;
    instance.assert_sound();
}
