//! A contract, as a caller meets it: its days, and the persons that nothing refills.

use std::process::Command;

use greffier::format::entry::{Outcome, Payload, Rule};
use jiff::ToSpan as _;
use jiff::civil::Date;
use serde_json::Value;
use tonic::Code;

use crate::figures::figure;
use crate::instance::{Instance, PROGRAM, context, off_roster};
use crate::told::told;
use crate::watch::{lines, run, text};
use crate::wire::Wire;

const EXHAUSTED: (Code, &str) = (Code::ResourceExhausted, "BUDGET_EXHAUSTED");

fn today() -> Date {
    jiff::Timestamp::now().in_tz("Europe/Paris").expect("a zone").date()
}

/// An instance with wide budgets, and a contract of a provider between these days of now.
fn under(provider: &str, days: [i64; 2], persons: i64, off_persons: i64) -> Instance {
    let instance = Instance::new();
    instance.widen();
    let [begins, ends] = days.map(|days| (today() + days.days()).to_string());
    instance.policy(|policy| {
        let provider = &mut policy["provider"][provider];
        // By the clocks of Paris, whatever the instance says of its habits.
        provider.as_table_mut().expect("a provider").remove("habits");
        for (name, value) in [("begins", begins.into()), ("ends", ends.into())] {
            provider["contract"][name] = toml_edit::Item::Value(value);
        }
        provider["contract"]["persons"] = toml_edit::value(persons);
        provider["contract"]["off_persons"] = toml_edit::value(off_persons);
    });
    instance
}

#[tokio::test]
async fn a_contract_used_up_gives_nobody_new_and_whoever_was_given_again() {
    let instance = under("provider-02", [-9, 9], 10, 0);
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-02").await;
    let page = caller.list(8, "", context()).await.unwrap();
    let refused = told(caller.list(3, &page.next_page_token, context()).await);
    assert_eq!((refused.what(), &*refused.metadata["budget"]), (EXHAUSTED, "contract"));
    assert_eq!((&*refused.metadata["remaining"], refused.retry), ("2", None));
    let entry = instance.read(refused.entry());
    assert_eq!(
        (entry.ruling.outcome, entry.ruling.rule),
        (Outcome::Withheld, Some(Rule::Contract))
    );
    assert_eq!((entry.ruling.remaining, entry.ruling.fits_at), (Some(2), None));
    assert_eq!((entry.facts.could_never, entry.rows), (3, 0));

    let rest = caller.list(2, &page.next_page_token, context()).await.unwrap();
    assert_eq!(rest.records.len(), 2);
    let refused = told(caller.list(1, &rest.next_page_token, context()).await);
    assert_eq!((refused.what(), &*refused.metadata["remaining"]), (EXHAUSTED, "0"));
    for record in page.records.iter().chain(&rest.records) {
        let again = caller.get(&record.name, context()).await.unwrap();
        assert_eq!(again.record.unwrap().name, record.name);
    }
    // A handle that was not given could be anybody's.
    let unknown = told(caller.get("datasets/cir/records/AAAA", context()).await);
    assert_eq!(unknown.what(), EXHAUSTED);
    daemon.stop().await;
    instance.assert_sound();

    // It is the same behind a start.
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-02").await;
    assert_eq!(told(caller.list(1, "", context()).await).what(), EXHAUSTED);
    assert!(caller.get(&page.records[0].name, context()).await.is_ok());
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn before_its_first_day_and_behind_its_last_nothing_goes_out() {
    for days in [[1, 9], [-9, -1]] {
        let instance = under("provider-02", days, 1_000, 1_000);
        let daemon = instance.serve();
        let mut caller = daemon.client("provider-02").await;
        let refused = told(caller.list(1, "", context()).await);
        assert_eq!((refused.what(), &*refused.metadata["remaining"]), (EXHAUSTED, "0"));
        let read = instance.read(refused.entry());
        assert_eq!((read.ruling.rule, read.ruling.remaining), (Some(Rule::Contract), Some(0)));
        let mut other = daemon.client("provider-01").await;
        assert_eq!(other.list(1, "", context()).await.unwrap().records.len(), 1);
        daemon.stop().await;
        instance.assert_sound();
    }
}

#[tokio::test]
async fn of_strangers_a_contract_may_allow_nobody_and_of_the_roster_still_somebody() {
    let instance = under("provider-01", [0, 1], 100, 0);
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-01").await;
    let refused = told(caller.list(1, "", off_roster()).await);
    assert_eq!((refused.what(), &*refused.metadata["budget"]), (EXHAUSTED, "contract_off"));
    assert_eq!(caller.list(5, "", context()).await.unwrap().records.len(), 5);
    daemon.stop().await;
    instance.assert_sound();
    let refusals = instance.entries().into_iter().filter_map(|entry| match entry.payload {
        Payload::Alert(alert) => Some(alert.rule),
        _ => None,
    });
    assert_eq!(refusals.collect::<Vec<_>>(), [Rule::ContractOff]);
}

fn statement(instance: &Instance, arguments: &[&str]) -> String {
    let (ledger, key) = (instance.layout.ledger(), instance.layout.verifier_key());
    let mut command = Command::new(PROGRAM);
    command.args(["statement", "provider-01"]).arg(ledger).arg("--key").arg(key).args(arguments);
    let done = command.output().expect("the program starts");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("text")
}

#[tokio::test]
async fn a_statement_says_what_a_provider_received_and_what_its_contract_has_left() {
    let instance = under("provider-01", [-9, 9], 1_000, 40);
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-01").await;
    let page = caller.list(8, "", context()).await.unwrap();
    caller.list(5, "", context()).await.unwrap();
    caller.list(7, "", off_roster()).await.unwrap();
    caller.get(&page.records[0].name, context()).await.unwrap();
    daemon.stop().await;

    let text = statement(&instance, &[]);
    let wide = text.lines().find(|line| line.chars().count() > 80);
    assert_eq!(wide, None, "{text}");
    let said = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let answer: Value = serde_json::from_str(&statement(&instance, &["--json"])).expect("JSON");
    // Each new person was counted once, when it was given first.
    let facts = instance.entries().into_iter().filter_map(|entry| match entry.payload {
        Payload::Read(read) => Some((read.facts.all.never, read.facts.off.never)),
        _ => None,
    });
    let (persons, off) = facts.fold((0, 0), |sum, new| (sum.0 + new.0, sum.1 + new.1));
    assert!(off > 0 && persons >= 8, "{persons} {off}");
    let contract = &answer["contract"];
    assert_eq!(
        (contract["persons"].as_u64(), contract["off_persons"].as_u64()),
        (Some(1_000), Some(40))
    );
    let used = ["used_persons", "used_off_persons"].map(|key| contract[key].as_u64());
    assert_eq!(used, [Some(persons), Some(off)]);
    assert_eq!(answer["persons"].as_u64(), Some(persons));
    for part in [
        format!("in all 1,000 {persons} {}", 1_000 - persons),
        format!("off its roster when given first 40 {off} {}", 40 - off),
        "By the ledger's last entry it went on.".to_owned(),
        format!("received at most {persons} person-records of dataset cir"),
        "reads released 4".to_owned(),
        "for the agency for provider-01".to_owned(),
    ] {
        assert!(said.contains(&part), "{part}: {text}");
    }
    // Without a contract there is none to state.
    let other = Instance::new();
    assert!(statement(&other, &[]).contains("None: neither a day nor a number of persons"));
    let answer: Value = serde_json::from_str(&statement(&other, &["--json"])).expect("JSON");
    assert!(answer["contract"].is_null() && answer["exports"] == 0);
}

#[tokio::test]
async fn providers_and_figures_say_what_a_contract_has_left() {
    let instance = under("provider-01", [-9, 9], 1_000, 40);
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-01").await;
    caller.list(8, "", context()).await.unwrap();
    caller.list(5, "", context()).await.unwrap();
    caller.list(40, "", off_roster()).await.unwrap();
    daemon.client("provider-02").await.list(3, "", context()).await.unwrap();
    let facts = instance.entries().into_iter().filter_map(|entry| match entry.payload {
        Payload::Read(read) if &*read.provider == "provider-01" => {
            Some((read.facts.all.never, read.facts.off.never))
        }
        _ => None,
    });
    let (persons, off) = facts.fold((0, 0), |sum, new| (sum.0 + new.0, sum.1 + new.1));
    assert!(off > 0 && persons >= 8 + off, "{persons} {off}");

    let told = lines(&run(&instance, &daemon, &["providers", "--json"]));
    let of =
        |id: &str| &told.iter().find(|line| line["provider"] == id).expect("listed")["contract"];
    assert!(of("provider-02").is_null(), "{told:?}");
    let contract = of("provider-01");
    let count = |key: &str| contract[key].as_u64();
    assert_eq!([count("persons"), count("off_persons")], [Some(1_000), Some(40)]);
    assert_eq!([count("used_persons"), count("used_off_persons")], [Some(persons), Some(off)]);
    let last = (today() + 9.days()).to_string();
    assert_eq!(contract["last_day"], last);
    // Nine whole days, and what is left of this one: an hour more or less where clocks are changed.
    let left = count("days_left").expect("a number");
    assert!((8..=10).contains(&left), "{left}");
    let said = text(&run(&instance, &daemon, &["providers"]).stdout);
    let line = format!(
        "  provider-01 has seen {persons} persons, at most 1,000 under this contract; {off} of 40 off \
         the roster; until {last}, {left} days left"
    );
    assert_eq!(said.lines().filter(|line| line.contains("contract")).collect::<Vec<_>>(), [line]);

    let soc = Wire::open(&daemon, &instance.layout.client("security-soc")).await;
    let (.., figures) = soc.ask(http::Method::GET, "/metrics").await;
    let of = |name: &str, which: &str| {
        let labels = format!(r#"{{provider="provider-01",which="{which}"}}"#);
        figure(&figures, &format!("greffier_contract_persons{name}{labels}"))
    };
    assert_eq!([of("", "all"), of("", "off_roster")], [Some(persons), Some(off)], "{figures}");
    assert_eq!([of("_most", "all"), of("_most", "off_roster")], [Some(1_000), Some(40)]);
    let end =
        figure(&figures, r#"greffier_contract_end_timestamp_seconds{provider="provider-01"}"#);
    assert_eq!(end.map(|end| end * 1_000), count("ends"));
    assert!(!figures.contains(r#"contract_persons{provider="provider-02""#), "{figures}");
    daemon.stop().await;

    // It is the same behind a start.
    let daemon = instance.serve();
    let again = lines(&run(&instance, &daemon, &["providers", "--json"]));
    assert_eq!(again, told);
    daemon.stop().await;
    instance.assert_sound();
}
