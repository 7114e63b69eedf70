//! `greffier backtest`: a recorded past under a policy, as whoever tries one is told.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::instance::{Instance, PROGRAM, context};

const POLICY: &str = include_str!("../../config/policy.toml");
const HEADER: &str = "at,provider,agent,subject,in_roster\n";
const BEGIN: u64 = 1_769_990_400_000;
const MINUTE: u64 = 60_000;

/// A folder with the shipped policy and a past of three days: one provider works, one agent of another reads
/// thirty strangers in a row, and one person of its roster on the next day.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut past = HEADER.to_owned();
    for n in 0..90 {
        let at = BEGIN + n * 48 * MINUTE;
        writeln!(past, "{at},langues-nord,anna,{},1", n % 50).unwrap();
        for stranger in (1..=30).filter(|_| n == 40) {
            let at = at + stranger * MINUTE;
            writeln!(past, "{at},accueil-sud,berta,s{stranger},0").unwrap();
        }
        if n == 60 {
            writeln!(past, "{at},accueil-sud,berta,r1,1").unwrap();
        }
    }
    fs::write(folder.path().join("past.csv"), past).unwrap();
    fs::write(folder.path().join("policy.toml"), POLICY).unwrap();
    folder
}

fn backtest(folder: &TempDir, args: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.arg("backtest").args(args).current_dir(folder.path());
    command.output().expect("the program starts")
}

fn out(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout.clone()).expect("text")
}

/// Exit code, and what is said of why.
fn refusal(output: &Output) -> (Option<i32>, String) {
    assert!(output.stdout.is_empty());
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The figure in the row that begins with these words.
fn figure(text: &str, row: &str) -> String {
    let line = text.lines().find(|line| line.trim_start().starts_with(row));
    let line = line.unwrap_or_else(|| panic!("{row} in {text}"));
    line.trim_start()[row.len()..].split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_past_is_told_in_80_columns_and_the_same_each_time() {
    let folder = folder();
    let text = out(&backtest(&folder, &["policy.toml", "past.csv"]));
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(text.contains("121 reads of 81 persons, 2026-02-02 to 2026-02-04 (UTC)"), "{text}");
    assert!(text.contains("2 providers, 2 agents; 0.2 provider-months"), "{text}");
    assert_eq!(figure(&text, "roster, high"), "1", "{text}");
    assert_eq!(figure(&text, "high or critical"), "1");
    assert_eq!(figure(&text, "by contained"), figure(&text, "withheld"));
    assert!(figure(&text, "langues-nord").starts_with("90 90 0 0 0 0"), "{text}");
    assert_eq!(out(&backtest(&folder, &["policy.toml", "past.csv"])), text);
}

#[test]
fn a_second_policy_stands_beside_the_first() {
    let folder = folder();
    let tight = POLICY.replace("agent_day = 120", "agent_day = 20");
    fs::write(folder.path().join("tight.toml"), tight).unwrap();
    let args = ["policy.toml", "past.csv", "--compare", "tight.toml"];
    let text = out(&backtest(&folder, &args));
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let of = |row| {
        let found = figure(&text, row);
        found.split(' ').map(str::to_owned).collect::<Vec<_>>()
    };
    let [one, other, apart] = &of("withheld")[..] else { panic!("{text}") };
    let [before, after] = [one, other].map(|count| count.parse::<i64>().unwrap());
    assert!(after > before && *apart == format!("+{}", after - before), "{text}");
    assert_eq!(of("agent_day, high")[0], "0");
    assert_eq!(figure(&text, "policy"), "policy.toml");
}

#[test]
fn a_program_is_told_of_every_alert_and_every_read_withheld() {
    let folder = folder();
    let text = out(&backtest(&folder, &["policy.toml", "past.csv", "--json"]));
    let mut lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let summary = lines.pop().expect("a last line");
    let policy = &summary["policies"][0];
    assert_eq!((&summary["what"], &policy["policy"]), (&"summary".into(), &"policy.toml".into()));
    let count = |what: &str| lines.iter().filter(|line| line["what"] == what).count() as u64;
    let alerts = policy["alerts"].as_array().unwrap().iter();
    let alerts: u64 = alerts.map(|alert| alert["count"].as_u64().unwrap()).sum();
    assert_eq!(Some(count("withheld")), policy["withheld"].as_u64());
    assert_eq!((count("alert"), count("alert") + count("withheld")), (alerts, lines.len() as u64));
    let high = lines.iter().find(|line| line["severity"] == "high").expect("a high alert");
    assert_eq!((&high["provider"], &high["agent"]), (&"accueil-sud".into(), &"berta".into()));
    assert_eq!(high["detector"], "roster");
    assert!(high["observed"].as_u64() >= high["expected"].as_u64(), "{high}");
    // The line in the file, at that time.
    let past = fs::read_to_string(folder.path().join("past.csv")).unwrap();
    let line = past.lines().nth(high["line"].as_u64().unwrap() as usize - 1).unwrap();
    assert!(line.starts_with(&format!("{},accueil-sud,berta,", high["at"])), "{line}");
    let months = policy["provider_months"].as_f64().unwrap();
    let most = policy["high_or_critical_a_provider_month_at_most"].as_f64().unwrap();
    assert!((most * months - 4.744).abs() < 0.01, "{policy}");
}

#[test]
fn what_a_high_alert_takes_is_given_back_after_a_time_or_never() {
    let folder = folder();
    let released = |after: &str| {
        let args = ["policy.toml", "past.csv", "--lift-after", after];
        figure(&out(&backtest(&folder, &args)), "released").parse::<u64>().unwrap()
    };
    assert!(released("1m") > released("0"));
    let bad = backtest(&folder, &["policy.toml", "past.csv", "--lift-after", "soon"]);
    assert_eq!(bad.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&bad.stderr).contains("2h, 90m"));
}

#[test]
fn a_provider_that_the_policy_does_not_name_is_an_error_or_judged_as_another() {
    let folder = folder();
    let past = format!("{HEADER}{BEGIN},bank,anna,1,1\n{BEGIN},post,anna,1,0\n");
    fs::write(folder.path().join("past.csv"), past).unwrap();
    let (code, why) = refusal(&backtest(&folder, &["policy.toml", "past.csv"]));
    assert_eq!(code, Some(1));
    assert!(why.contains("bank, post") && why.contains("--as PROVIDER"), "{why}");
    assert!(why.lines().all(|line| line.chars().count() <= 80), "{why}");
    let like = backtest(&folder, &["policy.toml", "past.csv", "--as", "accueil-sud"]);
    let text = out(&like);
    assert_eq!(figure(&text, "off the roster"), "1", "{text}");
    let said = String::from_utf8_lossy(&like.stderr).into_owned();
    assert!(said.contains("rules of accueil-sud") && said.contains("bank, post"), "{said}");
    let (code, why) = refusal(&backtest(&folder, &["policy.toml", "past.csv", "--as", "nobody"]));
    assert_eq!(code, Some(1));
    assert!(why.contains("no provider nobody"), "{why}");
}

#[test]
fn what_is_faulty_and_what_cannot_be_read_are_told_apart() {
    let folder = folder();
    fs::write(folder.path().join("bad.csv"), format!("{HEADER}yesterday,bank,anna,1,1\n")).unwrap();
    let (code, why) = refusal(&backtest(&folder, &["policy.toml", "bad.csv"]));
    assert_eq!(code, Some(1));
    assert!(why.starts_with("bad.csv: line 2: `at` is"), "{why}");
    let (code, why) = refusal(&backtest(&folder, &["policy.toml", "none.csv"]));
    assert_eq!(code, Some(2));
    assert!(why.contains("none.csv"), "{why}");
    let (code, _) = refusal(&backtest(&folder, &["none.toml", "past.csv"]));
    assert_eq!(code, Some(2));
    let (code, why) = refusal(&backtest(&folder, &["past.csv", "past.csv"]));
    assert_eq!(code, Some(1), "{why}");
}

#[test]
fn a_past_may_be_piped_in() {
    let folder = folder();
    let past = fs::read(folder.path().join("past.csv")).unwrap();
    let mut command = Command::new(PROGRAM);
    command.args(["backtest", "policy.toml", "/dev/stdin"]).current_dir(folder.path());
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program starts");
    child.stdin.take().unwrap().write_all(&past).unwrap();
    let piped = out(&child.wait_with_output().unwrap());
    assert_eq!(piped, out(&backtest(&folder, &["policy.toml", "past.csv"])));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_is_a_past_and_is_not_touched() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-01").await;
    for _ in 0..3 {
        caller.list(5, "", context()).await.expect("a page");
    }
    daemon.stop().await;
    let before = fs::read(instance.layout.ledger()).unwrap();
    let run = |args: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command.arg("backtest").arg(instance.layout.policy()).arg(instance.layout.ledger());
        command.args(args).output().expect("the program starts")
    };
    let text = out(&run(&[]));
    assert!(text.contains("3 reads of a ledger") && text.contains("1 provider;"), "{text}");
    assert_eq!(
        (figure(&text, "withheld"), figure(&text, "different persons released")),
        ("0".into(), "5".into())
    );
    let tight = fs::read_to_string(instance.layout.policy())
        .unwrap()
        .lines()
        .map(|line| if line.starts_with("agent_minute") { "agent_minute = 3" } else { line })
        .collect::<Vec<_>>()
        .join("\n");
    let other = instance.layout.policy().with_file_name("tight.toml");
    fs::write(&other, tight).unwrap();
    let text = out(&run(&["--compare", other.to_str().unwrap(), "--json"]));
    let withheld: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&withheld["what"], &withheld["detector"]),
        (&"withheld".into(), &"agent_minute".into())
    );
    assert!(withheld["entry"].as_u64() > Some(0) && withheld["expected"] == 3, "{withheld}");
    assert!(fs::read(instance.layout.ledger()).unwrap() == before);
}

#[test]
fn budgets_are_proposed_with_what_the_past_can_support() {
    let folder = folder();
    let mut past = HEADER.to_owned();
    for n in 0..21 * 6 {
        writeln!(past, "{},alpha,anna,{n},1", BEGIN + n * 240 * MINUTE).unwrap();
    }
    writeln!(past, "{},beta,berta,1,1", BEGIN + 21 * 1_440 * MINUTE).unwrap();
    fs::write(folder.path().join("past.csv"), past).unwrap();
    let run = |args: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command.args(["calibrate", "past.csv", "--months", "4"]).args(args);
        out(&command.current_dir(folder.path()).output().expect("the program starts"))
    };
    let text = run(&[]);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(text.contains("0 in 0.7 provider-months: at most 4.28 a month"), "{text}");
    assert_eq!(figure(&text, "beta"), "1 - - - - -", "{text}");
    let told: Value = serde_json::from_str(&run(&["--json"])).expect("JSON");
    let budgets = &told["providers"][0]["budgets"];
    assert!(budgets["agent_hour"].as_u64() <= budgets["agent_day"].as_u64(), "{told}");
    assert_eq!(told["providers"][1]["budgets"], Value::Null);
}

#[test]
fn thieves_are_played_in_a_past_and_told_in_80_columns() {
    let folder = folder();
    let mut past = HEADER.to_owned();
    for n in 0..20 * 30 {
        let at = BEGIN + n / 30 * 1_440 * MINUTE + n % 30 * 10 * MINUTE;
        writeln!(past, "{at},langues-nord,a{},{},1", n % 6, n % 120).unwrap();
    }
    fs::write(folder.path().join("past.csv"), past).unwrap();
    let args = ["policy.toml", "past.csv", "--attack", "--seeds", "3"];
    let text = out(&backtest(&folder, &args));
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(text.contains("-: no provider has as many agents"), "{text}");
    assert!(text.contains("Without a thief: 0 high or critical in 0.7 provider-months"), "{text}");
    assert_eq!(out(&backtest(&folder, &args)), text);
    let told = out(&backtest(&folder, &[&args[..], &["--json"]].concat()));
    let told: Value = serde_json::from_str(&told).expect("JSON");
    let theft = |nth: usize| &told["thefts"][nth];
    assert_eq!((&theft(0)["agents"], &theft(3)["times"]), (&1.into(), &1_000.into()));
    assert_eq!((&theft(3)["caught"], &theft(8)["caught"]), (&3.into(), &Value::Null));
    let most = |nth: usize| theft(nth)["persons_before_high"]["max"].as_u64().expect("persons");
    assert!((1..=120).contains(&most(3)) && most(7) >= most(3), "{told}");
    // Seeds are those of thieves, and there is none without a read.
    let (code, _) = refusal(&backtest(&folder, &["policy.toml", "past.csv", "--seeds", "3"]));
    assert_eq!(code, Some(2));
    fs::write(folder.path().join("empty.csv"), HEADER).unwrap();
    let (code, why) = refusal(&backtest(&folder, &["policy.toml", "empty.csv", "--attack"]));
    assert!(code == Some(1) && why.contains("no read"), "{why}");
}
