//! Budgets of persons, as a caller meets them.

use std::time::{Duration, SystemTime};

use greffier::format::entry::{Outcome, Payload, Rule, Severity};
use tonic::Code;

use crate::instance::{Instance, context, off_roster};
use crate::pki::Authority;
use crate::told::told;

const EXHAUSTED: (Code, &str) = (Code::ResourceExhausted, "BUDGET_EXHAUSTED");

#[tokio::test]
async fn a_page_larger_than_what_remains_is_withheld_whole_though_it_would_find_fewer() {
    let instance = Instance::new();
    instance.widen();
    instance.budgets("provider-02", &[("agent_day", 20)]);
    let id = instance.roster("provider-02")[0].clone();
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-02").await;
    assert_eq!(caller.list(15, "", context()).await.unwrap().records.len(), 15);

    // One person at most has this number, and it was given today: the page asked for decides.
    let by_number = [("id", id.as_str())];
    let refused = told(caller.search("case_number", &by_number, 6, context()).await);
    assert_eq!(refused.what(), EXHAUSTED);
    assert_eq!(refused.metadata["budget"], "agent_day");
    assert_eq!(refused.metadata["remaining"], "5");
    assert_eq!(refused.quotas, ["budget:agent_day"]);
    let entry = instance.read(refused.entry());
    assert_eq!(entry.ruling.outcome, Outcome::Withheld);
    assert_eq!((entry.rows, entry.on.len(), entry.off.len(), entry.reply), (0, 0, 0, None));
    assert_eq!((entry.asked, entry.facts.could, entry.facts.all.agent_day), (6, 6, 0));

    // One more person refills in a day / 20; six need one more than the five that are left.
    let retry = refused.retry.expect("RetryInfo");
    assert!(retry > Duration::ZERO && retry <= Duration::from_secs(86_400 / 20), "{retry:?}");
    let fits: u64 = refused.metadata["fits_at_unix_ms"].parse().unwrap();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    assert!(Duration::from_millis(fits) > now);
    assert_eq!(Some(fits), entry.ruling.fits_at);

    let fits = caller.search("case_number", &by_number, 5, context()).await.unwrap();
    assert_eq!(fits.records.len(), 1);
    // It cost nothing, so five remain.
    assert_eq!(caller.list(5, "", context()).await.unwrap().records.len(), 5);
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn a_page_larger_than_the_budget_itself_never_fits() {
    let instance = Instance::new();
    instance.widen();
    instance.budgets("provider-02", &[("provider_day", 20)]);
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-02").await;
    let refused = told(caller.list(21, "", context()).await);
    assert_eq!(refused.what(), EXHAUSTED);
    assert_eq!(refused.metadata["budget"], "provider_day");
    assert_eq!(refused.metadata["remaining"], "16");
    assert_eq!((refused.retry, refused.metadata.get("fits_at_unix_ms")), (None, None));
    assert_eq!(caller.list(20, "", context()).await.unwrap().records.len(), 20);
}

#[tokio::test]
async fn a_record_given_today_is_given_again_with_the_budget_exhausted() {
    let instance = Instance::new();
    instance.widen();
    instance.budgets("provider-02", &[("provider_30_days", 10)]);
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-02").await;
    let page = caller.list(10, "", context()).await.unwrap();
    let (given, next) = (page.records, page.next_page_token);
    let refused = told(caller.list(1, &next, context()).await);
    assert_eq!((refused.what(), &*refused.metadata["remaining"]), (EXHAUSTED, "0"));
    assert_eq!(refused.metadata["budget"], "provider_30_days");
    for record in &given {
        let again = caller.get(&record.name, context()).await.unwrap();
        assert_eq!(again.record.unwrap().name, record.name);
        let entry = instance.read(again.proof.unwrap().entry);
        assert_eq!((entry.facts.could, entry.facts.all.provider_day, entry.rows), (0, 0, 1));
    }
    // A handle that was not given could be anybody's, so it is withheld before it is a miss.
    let unknown = told(caller.get("datasets/cir/records/AAAA", context()).await);
    assert_eq!(unknown.what(), EXHAUSTED);
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn an_agent_of_the_same_provider_has_budgets_of_its_own() {
    let instance = Instance::new();
    instance.widen();
    instance.budgets("provider-02", &[("agent_hour", 5), ("provider_day", 12)]);
    let daemon = instance.serve();
    let authority = Authority::of(&instance.layout);
    let mut other = daemon.client_with(authority.client("provider", "provider-02")).await;
    let mut caller = daemon.client("provider-02").await;
    let page = caller.list(4, "", context()).await.unwrap();
    let refused = told(caller.list(2, "", context()).await);
    assert_eq!(refused.metadata["budget"], "agent_hour");
    // The same persons again: new to this agent, not to the provider.
    let same = other.list(4, "", context()).await.unwrap();
    assert_eq!(same.records, page.records);
    let facts = instance.read(same.proof.unwrap().entry).facts;
    assert_eq!((facts.all.agent_day, facts.all.provider_day), (4, 0));
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn persons_off_the_roster_come_out_of_a_budget_of_their_own() {
    let instance = Instance::new();
    instance.widen();
    instance.budgets("provider-01", &[("off_roster_day", 4)]);
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-01").await;
    let ids: Vec<String> = {
        let source = instance.source();
        let mut off = source
            .prepare(
                "SELECT id FROM dossiers WHERE id NOT IN \
                 (SELECT id FROM roster WHERE provider = 'provider-01') LIMIT 5",
            )
            .unwrap();
        off.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    };
    let refused = told(caller.list(5, "", off_roster()).await);
    assert_eq!((refused.what(), &*refused.metadata["budget"]), (EXHAUSTED, "off_roster_day"));
    for id in &ids[..3] {
        let found = caller.search("case_number", &[("id", id)], 1, off_roster()).await.unwrap();
        assert_eq!(found.records.len(), 1);
    }
    let refused = told(caller.search("case_number", &[("id", &ids[3])], 2, off_roster()).await);
    assert_eq!((refused.what(), &*refused.metadata["remaining"]), (EXHAUSTED, "1"));
    // Its own roster is open to it, without the reason.
    assert_eq!(caller.list(50, "", context()).await.unwrap().records.len(), 50);
    // The last one exhausts the budget, and that suspends who did it.
    let last = caller.search("case_number", &[("id", &ids[3])], 1, off_roster()).await.unwrap();
    assert_eq!(last.records.len(), 1);
    let contained = (Code::PermissionDenied, "ACCESS_CONTAINED");
    assert_eq!(told(caller.list(1, "", context()).await).what(), contained);
    let alerts: Vec<_> = instance
        .entries()
        .into_iter()
        .filter_map(|entry| match entry.payload {
            Payload::Alert(alert) => Some((alert.rule, alert.severity, alert.persons, alert.off)),
            _ => None,
        })
        .collect();
    let exhausted = (Rule::OffRosterDay, Severity::Critical, 54, 4);
    assert_eq!(alerts, [(Rule::OffRosterDay, Severity::Info, 0, 0), exhausted]);
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn a_restart_after_every_page_refills_nothing() {
    const SIZE: i32 = 40;
    const PAGE: i32 = 6;
    let instance = Instance::new();
    instance.widen();
    instance.budgets("provider-02", &[("provider_day", SIZE.into())]);
    let (mut token, mut given) = (String::new(), 0);
    let refused = loop {
        let daemon = instance.serve();
        let mut caller = daemon.client("provider-02").await;
        let page = caller.list(PAGE, &token, context()).await;
        if given % 12 == 0 {
            daemon.kill();
        } else {
            daemon.stop().await;
        }
        match page {
            Ok(page) => {
                given += page.records.len() as i32;
                token = page.next_page_token;
            }
            Err(status) => break told::<()>(Err(status)),
        }
    };
    assert_eq!(refused.metadata["budget"], "provider_day");
    // Six pages of six make 36; what is left does not hold a seventh.
    assert_eq!((given, &*refused.metadata["remaining"]), (36, "4"));
    instance.assert_sound();
}
