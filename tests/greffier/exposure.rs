//! The figures of `greffier exposure`, held against counts made from the same file by SQL: nothing
//! is shared between the two but the bodies.

use std::io::ErrorKind;
use std::process::{Command, Output};

use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

use crate::instance::{Caller, Instance, PROGRAM, context, off_roster};
use crate::pki::Authority;
use crate::told::told;

fn run(instance: &Instance, arguments: &[&str]) -> Output {
    let (ledger, key) = (instance.layout.ledger(), instance.layout.verifier_key());
    let mut command = Command::new(PROGRAM);
    command.arg("exposure").arg(ledger).arg("--key").arg(key).args(arguments);
    command.output().expect("the program starts")
}

/// What it says to a question that has an answer.
fn said(instance: &Instance, arguments: &[&str]) -> String {
    let done = run(instance, arguments);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("text")
}

/// One provider in a period.
#[derive(Clone, Copy, Debug)]
struct Asked<'a> {
    provider: &'a str,
    from: u64,
    to: u64,
}

impl Asked<'_> {
    /// Reads by what `key` says of them: persons, those off the roster, rows, reads, first, last.
    fn reads_by(&self, key: &str) -> String {
        let Asked { provider, from, to } = self;
        format!(
            "WITH released AS (
               SELECT seq, body->>'dataset' AS dataset, body->>'view' AS view,
                      body->>'agent' AS agent,
                      strftime('%Y-%m-%d', body->>'at' / 1000, 'unixepoch') AS day,
                      ifnull(body->>'rows', 0) AS rows,
                      ifnull(body->'on', '[]') AS listed_on, ifnull(body->'off', '[]') AS listed_off
               FROM entries
               WHERE body->>'kind' = 'read' AND body->>'provider' = '{provider}'
                 AND body->>'at' >= {from} AND body->>'at' < {to}
                 AND body->>'$.ruling.outcome' = 'released'),
             met AS (
               SELECT released.*, value AS tag, 0 AS off FROM released, json_each(listed_on)
               UNION ALL
               SELECT released.*, value AS tag, 1 AS off FROM released, json_each(listed_off)),
             persons AS (
               SELECT {key} AS k, count(DISTINCT dataset || ' ' || tag) AS persons,
                      count(DISTINCT CASE WHEN off THEN dataset || ' ' || tag END) AS off
               FROM met GROUP BY 1),
             reads AS (
               SELECT {key} AS k, sum(rows) AS rows, count(*) AS reads, min(seq) AS first,
                      max(seq) AS last
               FROM released GROUP BY 1)
             SELECT json_group_array(json_array(
               k, ifnull(persons, 0), ifnull(off, 0), rows, reads, first, last))
             FROM (SELECT * FROM reads LEFT JOIN persons USING (k) ORDER BY k)"
        )
    }

    /// Withheld reads by rule: reads, and the persons that they asked for.
    fn withheld(&self) -> String {
        let Asked { provider, from, to } = self;
        format!(
            "SELECT json_group_array(json_array(rule, reads, asked)) FROM (
               SELECT body->>'$.ruling.rule' AS rule, count(*) AS reads,
                      sum(ifnull(body->>'asked', 0)) AS asked
               FROM entries
               WHERE body->>'kind' = 'read' AND body->>'provider' = '{provider}'
                 AND body->>'at' >= {from} AND body->>'at' < {to}
                 AND body->>'$.ruling.outcome' = 'withheld'
               GROUP BY 1 ORDER BY 1)"
        )
    }

    /// Refused calls by reason.
    fn refused(&self) -> String {
        let Asked { provider, from, to } = self;
        format!(
            "SELECT json_group_array(json_array(reason, calls)) FROM (
               SELECT counted.value->>'reason' AS reason,
                      sum(ifnull(counted.value->>'count', 0)) AS calls
               FROM entries, json_each(ifnull(body->'certificates', '[]')) AS certificate,
                    json_each(ifnull(certificate.value->'counts', '[]')) AS counted
               WHERE body->>'kind' = 'refusals' AND body->>'at' >= {from} AND body->>'at' < {to}
                 AND certificate.value->>'provider' = '{provider}'
               GROUP BY 1 ORDER BY 1)"
        )
    }
}

/// What SQL counts: by the SQLite in these tests, and by the program where there is one.
fn counted(instance: &Instance, sql: &str) -> Value {
    let ledger = instance.layout.ledger();
    let mode = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let connection = Connection::open_with_flags(&ledger, mode).expect("the ledger");
    let text: String = connection.query_row(sql, (), |row| row.get(0)).expect("SQL");
    match Command::new("sqlite3").arg("-readonly").arg(&ledger).arg(sql).output() {
        Ok(done) => {
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
            assert_eq!(String::from_utf8_lossy(&done.stdout).trim_end(), text);
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            eprintln!("SKIPPED: the count by the program sqlite3, which is not there");
        }
        Err(error) => panic!("sqlite3: {error}"),
    }
    serde_json::from_str(&text).expect("JSON")
}

/// A list of the answer in the form of the SQL: names, then figures, in order of the names.
fn listed(list: &Value, names: &[&str]) -> Value {
    let figures = |one: &Value| {
        let name: Vec<_> = names.iter().map(|name| one[name].as_str().expect("a name")).collect();
        json!([
            name.join(" "),
            one["persons"],
            one["off_roster"],
            one["rows"],
            one["reads"],
            one["first"]["entry"],
            one["last"]["entry"],
        ])
    };
    let mut list: Vec<_> = list.as_array().expect("a list").iter().map(figures).collect();
    list.sort_by_key(|one| one[0].to_string());
    list.into()
}

fn columns(list: &Value, names: &[&str]) -> Value {
    let row = |one: &Value| names.iter().map(|name| one[name].clone()).collect::<Value>();
    list.as_array().expect("a list").iter().map(row).collect()
}

/// Asserts that the answer has the figures of the independent count; returns it.
fn assert_counted(instance: &Instance, asked: Asked<'_>, arguments: &[&str]) -> Value {
    let all = [&["--json", "--provider", asked.provider], arguments].concat();
    let answer: Value = serde_json::from_str(&said(instance, &all)).expect("JSON");
    for (name, key, names) in [
        ("datasets", "dataset", &["dataset"][..]),
        ("views", "dataset || ' ' || view", &["dataset", "view"]),
        ("agents", "agent", &["agent"]),
        ("days", "day", &["day"]),
        ("agent_days", "day || ' ' || agent", &["day", "agent"]),
    ] {
        let independent = counted(instance, &asked.reads_by(key));
        assert_eq!(listed(&answer[name], names), independent, "{name} of {asked:?}");
    }
    let total = match answer["reads"].as_u64() {
        Some(0) => json!([]),
        _ => {
            let mut total = answer.clone();
            total["of"] = "all".into();
            listed(&json!([total]), &["of"])
        }
    };
    assert_eq!(total, counted(instance, &asked.reads_by("'all'")), "{asked:?}");
    let withheld = columns(&answer["withheld"], &["rule", "reads", "asked"]);
    assert_eq!(withheld, counted(instance, &asked.withheld()), "{asked:?}");
    let refused = columns(&answer["refused"], &["reason", "calls"]);
    assert_eq!(refused, counted(instance, &asked.refused()), "{asked:?}");
    answer
}

async fn search(caller: &mut Caller, id: &str) {
    let found = caller.search("case_number", &[("id", id)], 1, off_roster()).await.unwrap();
    assert_eq!(found.records.len(), 1);
}

/// Reads of every sort: pages again and again, other views, two agents, persons off the roster and
/// one who left it, withheld and refused ones. Gives a checkpoint that was kept half way.
async fn written(instance: &Instance) -> String {
    let rosters = ["provider-01", "provider-02"].map(|provider| instance.roster(provider));
    instance.widen();
    instance.budgets("provider-01", &[("agent_day", 40)]);
    let daemon = instance.serve();
    let mut open = daemon.client("provider-01").await;
    let mut other = daemon.client("provider-02").await;
    let first = open.list(7, "", context()).await.unwrap();
    open.list(4, "", context()).await.unwrap();
    let next = open.list(5, &first.next_page_token, context()).await.unwrap();
    let mut contact = context();
    contact.set_view(greffier::proto::View::Contact);
    for record in first.records.iter().take(2) {
        open.get(&record.name, contact.clone()).await.unwrap();
    }
    search(&mut open, &rosters[1][0]).await;
    search(&mut open, &rosters[1][1]).await;
    told(open.list(500, "", context()).await);
    told(open.list(300, "", context()).await);
    told(open.get("datasets/cir/records/AAAA", context()).await);
    other.list(3, "", context()).await.unwrap();
    for _ in 0..3 {
        let mut purpose = context();
        purpose.purpose = "curiosity".to_owned();
        told(open.list(1, "", purpose).await);
    }
    daemon.stop().await;

    let left = &rosters[0][0];
    let sql = "DELETE FROM roster WHERE provider = 'provider-01' AND id = ?1";
    assert_eq!(instance.source().execute(sql, [left]).unwrap(), 1);
    let daemon = instance.serve();
    let authority = Authority::of(&instance.layout);
    let mut second = daemon.client_with(authority.client("provider", "provider-01")).await;
    second.list(6, "", context()).await.unwrap();
    search(&mut second, left).await;
    let mut stranger = daemon.client_with(authority.client("provider", "stranger")).await;
    told(stranger.list(1, "", context()).await);
    daemon.stop().await;
    next.proof.unwrap().checkpoint
}

#[tokio::test]
async fn the_figures_are_those_of_an_independent_count() {
    let instance = Instance::new();
    let anchor = instance.layout.root().join("kept.txt");
    std::fs::write(&anchor, written(&instance).await).unwrap();
    let of = |provider| Asked { provider, from: 0, to: 1 << 53 };

    let all = assert_counted(&instance, of("provider-01"), &[]);
    // 12 in pages, one of whom left the roster, and two off it.
    assert_eq!((&all["persons"], &all["off_roster"]), (&json!(14), &json!(3)));
    assert_eq!((&all["agents"].as_array().unwrap().len(), &all["empty_reads"]), (&2, &json!(1)));
    assert_eq!(columns(&all["withheld"], &["asked"]), json!([[800]]));
    let denied = json!([["PURPOSE_NOT_ALLOWED", 3]]);
    assert_eq!(columns(&all["refused"], &["reason", "calls"]), denied);
    let cir = assert_counted(&instance, of("provider-01"), &["--dataset", "cir"]);
    assert_eq!(cir["sentence"], all["sentence"]);

    let other = assert_counted(&instance, of("provider-02"), &[]);
    assert_eq!((&other["persons"], &other["rows"]), (&json!(3), &json!(3)));
    let none = assert_counted(&instance, of("provider-03"), &[]);
    assert_eq!((&none["persons"], &none["first"]), (&json!(0), &Value::Null));
    // Nobody knows it, and it was refused.
    let stranger = assert_counted(&instance, of("stranger"), &[]);
    assert_eq!(stranger["refused"].as_array().unwrap().len(), 1);

    // Any two times of entries bound a period.
    let at: Vec<u64> = instance.entries().iter().map(|entry| entry.now.at).collect();
    let time = |at: u64| jiff::Timestamp::from_millisecond(at.cast_signed()).unwrap().to_string();
    let last = at.len() - 1;
    for (from, to) in [(last / 4, last / 2), (last / 3, last * 5 / 6), (1, last)] {
        let (from, to) = (at[from], at[to].max(at[from] + 1));
        let asked = Asked { from, to, ..of("provider-01") };
        let answer = assert_counted(&instance, asked, &["--from", &time(from), "--to", &time(to)]);
        assert_eq!((&answer["from"], &answer["to"]), (&json!(from), &json!(to)));
    }

    let path = anchor.to_str().unwrap();
    let words = said(&instance, &["--provider", "provider-01", "--anchor", path]);
    for word in [
        "SOUND: ",
        "provider provider-01 received at most 14 person-records of dataset cir from the ledger's \
         first entry (",
        "; 3 of them at least once while off its roster.",
        "The ledger is anchored up to entry ",
        "; unanchored after it.",
        "is the word of the issuer that vouched: development for 10 reads",
        "PURPOSE_NOT_ALLOWED",
        "agent_day",
    ] {
        assert!(words.contains(word), "`{word}` is not in:\n{words}");
    }
    assert!(!words.contains('\u{1b}'));

    let csv = said(&instance, &["--provider", "provider-01", "--csv"]);
    let lines: Vec<&str> = csv.lines().collect();
    let head = "day,agent,persons,off_roster,rows,reads,first_entry,first_at,last_entry,last_at";
    assert_eq!((lines.len(), lines[0]), (1 + all["agent_days"].as_array().unwrap().len(), head));
    assert!(lines.iter().all(|line| line.split(',').count() == 10), "{csv}");
}

#[tokio::test]
async fn a_ledger_that_is_not_sound_gives_no_figures() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-02").await;
    caller.list(5, "", context()).await.unwrap();
    daemon.stop().await;
    let ledger = Connection::open(instance.layout.ledger()).unwrap();
    let trigger = rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER;
    ledger.set_db_config(trigger, false).unwrap();
    let sql = "UPDATE entries SET body = replace(body, '\"rows\":5', '\"rows\":4')";
    ledger.execute(sql, ()).unwrap();

    let verified = Command::new(PROGRAM)
        .args(["verify".as_ref(), instance.layout.ledger().as_os_str(), "--key".as_ref()])
        .arg(instance.layout.verifier_key())
        .output()
        .unwrap();
    let words = run(&instance, &["--provider", "provider-02"]);
    assert_eq!((words.status.code(), words.stdout), (Some(1), verified.stdout.clone()));
    let json = run(&instance, &["--provider", "provider-02", "--json"]);
    let said: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((json.status.code(), &said["verdict"]), (Some(1), &json!("not_sound")));
    assert!(said.get("persons").is_none());
    let csv = run(&instance, &["--provider", "provider-02", "--csv"]);
    assert_eq!((csv.status.code(), csv.stdout.as_slice()), (Some(1), &[][..]));
    assert_eq!(csv.stderr, verified.stdout);
}

#[tokio::test]
async fn a_question_that_has_no_answer_is_refused_with_what_is_wrong() {
    let instance = Instance::new();
    instance.serve().stop().await;
    let provider = ["--provider", "provider-02"];
    let asked = |more: &[&'static str]| [&provider[..], more].concat();
    for (arguments, words) in [
        (vec!["--provider", "provider-99"], "no entry of this ledger names provider `provider-99`"),
        (asked(&["--from", "01/11/2026"]), "neither a date such as 2026-11-01"),
        (asked(&["--to", "2026-02-30"]), "there is no such time"),
        (asked(&["--from", "2026-11-02", "--to", "2026-11-02"]), "ends before it begins"),
        (asked(&["--anchor", "/nowhere/to/be/found"]), "NOT CHECKED: /nowhere/to/be/found"),
        (asked(&["--json", "--csv"]), "cannot be used with"),
    ] {
        let done = run(&instance, &arguments);
        let said = String::from_utf8([done.stdout, done.stderr].concat()).unwrap();
        assert_eq!(done.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    // A dataset that nobody has read is answered, and doubted.
    let words = said(&instance, &asked(&["--dataset", "cirr", "--from", "1999-01-01"]));
    assert!(words.contains("provider-02 received no person-record of dataset cirr"), "{words}");
    assert!(words.contains("is of dataset cirr: look at how it is spelt"), "{words}");
    assert!(words.contains("The period begins before the ledger"), "{words}");
}
