//! Records as others write them: cut short, locked, of another shape. The gateway goes on.

use std::fs::OpenOptions;
use std::process::Command;
use std::time::{Duration, Instant};

use greffier::format::entry::Payload;
use greffier::proto::ListAlertsRequest;
use http::Method;
use tokio::task::JoinSet;
use tonic::Code;

use crate::health::Health;
use crate::instance::{Daemon, Instance, PROGRAM, context};
use crate::told::told;
use crate::wire::Wire;

const PROVIDER: &str = "provider-02";
const FAULTY: (Code, &str) = (Code::FailedPrecondition, "SOURCE_FAULTY");

#[tokio::test]
async fn a_records_file_cut_to_nothing_while_open_ends_its_reads_and_not_the_gateway() {
    let instance = Instance::new();
    instance.widen();
    let daemon = instance.serve();
    let mut caller = daemon.client(PROVIDER).await;
    let name = caller.list(1, "", context()).await.unwrap().records[0].name.clone();
    let whole = std::fs::read(instance.layout.source()).unwrap();

    let file = OpenOptions::new().write(true).open(instance.layout.source()).unwrap();
    file.set_len(0).unwrap();
    for _ in 0..20 {
        assert_eq!(told(caller.get(&name, context()).await).what(), FAULTY);
        assert_eq!(told(caller.list(500, "", context()).await).what(), FAULTY);
    }
    // In the middle of it: the first pages still say that there is more.
    std::fs::write(instance.layout.source(), &whole[..whole.len() / 2 / 4096 * 4096]).unwrap();
    assert_eq!(told(caller.list(500, "", context()).await).what(), FAULTY);
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn no_file_that_others_can_write_is_mapped_into_memory() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let mut caller = daemon.client(PROVIDER).await;
    caller.list(10, "", context()).await.unwrap();
    daemon.client("auditor-1").await.receipt(0).await.unwrap();
    let root = instance.layout.root().to_str().unwrap();
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", daemon.id())).unwrap();
    let of_instance = maps.lines().filter(|line| line.contains(root));
    // SQLite shares the index of a write-ahead log in memory; it cannot do without.
    let others: Vec<&str> = of_instance.filter(|line| !line.ends_with("-shm")).collect();
    assert!(others.is_empty(), "{others:#?}");
    daemon.stop().await;
}

/// Other records with the same persons: their ids are numbers, in ordinary tables with the indexes
/// that a start asks for.
const NUMBERED: &str = "
    BEGIN;
    ALTER TABLE dossiers RENAME TO dossiers_of_init;
    ALTER TABLE roster RENAME TO roster_of_init;
    DROP INDEX dossiers_by_name_and_birth_date;
    CREATE TABLE dossiers AS SELECT * FROM dossiers_of_init;
    CREATE TABLE roster(provider TEXT, id INTEGER);
    ALTER TABLE dossiers DROP COLUMN id;
    ALTER TABLE dossiers ADD COLUMN id INTEGER;
    UPDATE dossiers SET id = rowid;
    INSERT INTO roster SELECT r.provider, d.id FROM roster_of_init r
        JOIN dossiers_of_init o ON o.id = r.id
        JOIN dossiers d ON d.name_key = o.name_key AND d.birth_date = o.birth_date
        GROUP BY r.provider, d.id;
    DROP TABLE dossiers_of_init;
    DROP TABLE roster_of_init;
    CREATE UNIQUE INDEX dossiers_by_id ON dossiers(id);
    CREATE INDEX dossiers_by_name_and_birth_date ON dossiers(name_key, birth_date, id);
    CREATE UNIQUE INDEX roster_by_provider_and_id ON roster(provider, id);
    COMMIT;";

async fn figure((instance, daemon): (&Instance, &Daemon), name: &str) -> String {
    let soc = Wire::open(daemon, &instance.layout.client("security-soc")).await;
    let (.., text) = soc.ask(Method::GET, "/metrics").await;
    let line = text.lines().find(|line| line.starts_with(name));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).to_owned()
}

#[tokio::test]
async fn integer_ids_are_served_and_a_text_among_them_stops_the_dataset_until_it_is_gone() {
    let instance = Instance::new();
    instance.widen();
    let source = instance.source();
    source.execute_batch(NUMBERED).unwrap();
    let persons = "SELECT count(*) FROM roster WHERE provider = 'provider-02'";
    let persons: u64 = source.query_row(persons, [], |row| row.get(0)).unwrap();
    let daemon = instance.serve();
    let mut caller = daemon.client(PROVIDER).await;
    let page = caller.list(10, "", context()).await.unwrap();
    assert_eq!(page.records.len(), 10);
    let name = page.records[0].name.clone();
    assert!(caller.get(&name, context()).await.unwrap().record.is_some());
    let id = "SELECT min(id) FROM roster WHERE provider = 'provider-02'";
    let id: i64 = source.query_row(id, [], |row| row.get(0)).unwrap();
    for (id, there) in [(id.to_string(), 1), (format!("0{id}"), 0), (format!("{id}.0"), 0)] {
        let found = caller.search("case_number", &[("id", &id)], 1, context()).await.unwrap();
        assert_eq!(found.records.len(), there, "{id}");
    }
    let roster = instance.entries().into_iter().find_map(|entry| match entry.payload {
        Payload::Roster(roster) if &*roster.provider == PROVIDER => Some(roster.persons),
        _ => None,
    });
    assert_eq!(roster, Some(persons));
    daemon.until_said("the records were looked at as a whole").await;
    let settings = daemon.settings("security-soc");
    let mut dataset = Health::watch_of(&settings, "greffier.v1.Records/cir").await;
    let mut whole = Health::watch_of(&settings, "").await;
    dataset.until_serving().await;

    // A change of the schema has everything looked at again.
    source
        .execute_batch(
            "DROP INDEX dossiers_by_id; CREATE INDEX dossiers_by_id ON dossiers(id);
             INSERT INTO dossiers SELECT * FROM dossiers LIMIT 1;
             UPDATE dossiers SET id = 'abc' WHERE rowid = (SELECT max(rowid) FROM dossiers);",
        )
        .unwrap();
    dataset.until_not_serving().await;
    whole.until_serving().await;
    assert_eq!(told(caller.get(&name, context()).await).what(), FAULTY);
    assert_eq!(told(caller.list(10, "", context()).await).what(), FAULTY);
    assert_eq!(
        figure((&instance, &daemon), "greffier_dataset_stopped{").await,
        "greffier_dataset_stopped{dataset=\"cir\"} 1"
    );
    let log = daemon.until_said("holds ids of no one class").await;
    assert!(log.contains("1 TEXT") && !log.contains("abc"), "{log}");

    source.execute("DELETE FROM dossiers WHERE id = 'abc'", []).unwrap();
    dataset.until_serving().await;
    assert!(caller.get(&name, context()).await.unwrap().record.is_some());
    daemon.stop().await;
    instance.assert_sound();
}

/// A copy of the records in the place of them, with something done to it.
fn replaced(instance: &Instance, change: &str) {
    let beside = instance.layout.root().join("other.sqlite");
    instance.source().execute("VACUUM INTO ?1", [beside.to_str()]).unwrap();
    rusqlite::Connection::open(&beside).unwrap().execute_batch(change).unwrap();
    std::fs::rename(beside, instance.layout.source()).unwrap();
}

/// Records whose ids are bytes.
const OF_BYTES: &str = "
    CREATE TABLE other AS SELECT * FROM dossiers;
    DROP TABLE dossiers;
    ALTER TABLE other RENAME TO dossiers;
    UPDATE dossiers SET id = CAST(id AS BLOB);
    CREATE UNIQUE INDEX dossiers_by_id ON dossiers(id);
    CREATE INDEX dossiers_by_name_and_birth_date ON dossiers(name_key, birth_date, id);";

#[tokio::test]
async fn a_file_that_would_stop_a_dataset_takes_the_place_of_none_that_serves() {
    let instance = Instance::new();
    instance.widen();
    let daemon = instance.serve();
    let mut caller = daemon.client(PROVIDER).await;
    let page = caller.list(1, "", context()).await.unwrap();
    let name = page.records[0].name.clone();
    daemon.until_said("the records were looked at as a whole").await;
    replaced(&instance, OF_BYTES);
    let log = daemon.until_said("another file is in the place of the records and cannot").await;
    assert!(log.contains("holds ids of no one class") && log.contains("BLOB"), "{log}");
    assert!(caller.get(&name, context()).await.unwrap().record.is_some());
    // Nor does another policy bring it in.
    instance.policy(|policy| {
        policy["provider"]["provider-03"]["budgets"]["agent_day"] = toml_edit::value(1);
    });
    daemon.until_said("the policy was not put into force").await;
    assert!(caller.get(&name, context()).await.unwrap().record.is_some());
    // Of the one that is mended everything is taken up, and no roster was anything else in between.
    let mend = "UPDATE dossiers SET id = CAST(id AS TEXT), course = 'Z'";
    replaced(&instance, mend);
    daemon.until_said("reads are of it now").await;
    let record = caller.get(&name, context()).await.unwrap().record.unwrap();
    assert!(format!("{record:?}").contains("\"Z\""), "{record:?}");
    daemon.stop().await;
    let entries = instance.entries();
    let warned =
        |what: &Payload| matches!(what, Payload::Warning(one) if one.matter.is_of_roster());
    assert!(!entries.iter().any(|entry| warned(&entry.payload)));
    // A start with such a file refuses its reads from the first one on, and no roster is recorded.
    let rosters = |entries: &[greffier::format::entry::Entry]| {
        entries.iter().filter(|entry| matches!(entry.payload, Payload::Roster(_))).count()
    };
    let before = rosters(&entries);
    replaced(&instance, "UPDATE dossiers SET id = CAST(id AS BLOB)");
    let daemon = instance.serve();
    let mut caller = daemon.client(PROVIDER).await;
    assert_eq!(told(caller.get(&name, context()).await).what(), FAULTY);
    daemon.until_said("the records were looked at as a whole").await;
    daemon.stop().await;
    assert_eq!(rosters(&instance.entries()), before);
    instance.assert_sound();
}

#[tokio::test]
async fn a_faulty_record_is_told_as_an_absent_one_and_counted_and_logged_by_its_tag() {
    let instance = Instance::new();
    instance.widen();
    let daemon = instance.serve();
    let mut caller = daemon.client(PROVIDER).await;
    let page = caller.list(2, "", context()).await.unwrap();
    let (faulty, absent) = (&page.records[0].name, &page.records[1].name);
    let [id, other] = [0, 1].map(|n| instance.roster(PROVIDER)[n].clone());
    let source = instance.source();
    // Its table would not take a blob as a text.
    source
        .execute("UPDATE dossiers SET family_name = CAST(x'ff' AS TEXT) WHERE id = ?1", [&id])
        .unwrap();
    source.execute("DELETE FROM roster WHERE id = ?1", [&other]).unwrap();
    let faulty = told(caller.get(faulty, context()).await);
    let absent = told(caller.get(absent, context()).await);
    assert_eq!(faulty.what(), (Code::PermissionDenied, "RECORD_NOT_AVAILABLE"));
    assert_eq!(faulty.without_entry(), absent.without_entry());
    assert!(
        figure((&instance, &daemon), "greffier_records_passed_over_total").await.ends_with(" 1")
    );
    let log = daemon.until_said("dossiers.family_name is not UTF-8: answered as absent").await;
    assert!(log.contains("subject=") && !log.contains(&id), "{log}");
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn reads_of_locked_records_are_refused_soon_and_keep_nobody_else_waiting() {
    let instance = Instance::new();
    instance.widen();
    let daemon = instance.serve();
    let caller = daemon.client(PROVIDER).await;
    let mut soc = daemon.client("security-soc").await;
    let source = instance.source();
    source.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let began = Instant::now();
    let mut reads = JoinSet::new();
    for _ in 0..60 {
        let mut caller = caller.clone();
        reads.spawn(async move { told(caller.list(1, "", context()).await).reason });
    }
    let staff = async {
        for _ in 0..10 {
            soc.0.alerts.list_alerts(ListAlertsRequest::default()).await.unwrap();
        }
        began.elapsed()
    };
    let (staff, reads) = tokio::join!(staff, reads.join_all());
    assert!(reads.iter().all(|reason| reason == "SOURCE_UNAVAILABLE"), "{reads:?}");
    // Each of them in turn would take its half second on one of a few threads.
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    assert!(staff < Duration::from_secs(3), "{staff:?}");
    source.execute_batch("ROLLBACK").unwrap();
    let mut caller = caller;
    assert_eq!(caller.list(1, "", context()).await.unwrap().records.len(), 1);
    daemon.stop().await;
    instance.assert_sound();
}

#[test]
fn policy_check_tells_everything_that_is_wrong_with_records_before_they_are_used() {
    let instance = Instance::new();
    let check = |more: &[&str]| {
        let mut check = Command::new(PROGRAM);
        check.args(["policy", "check"]).arg(instance.layout.policy());
        let done =
            check.arg("--records").arg(instance.layout.source()).args(more).output().unwrap();
        (done.status.code(), String::from_utf8(done.stdout).unwrap())
    };
    let (code, said) = check(&[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("good for the policy"), "{said}");
    let source = instance.source();
    let id = &instance.roster(PROVIDER)[0];
    source.execute("UPDATE dossiers SET email = CAST(x'ff' AS TEXT) WHERE id = ?1", [id]).unwrap();
    source.execute("UPDATE dossiers SET birth_date = '31/05/1980' WHERE id = ?1", [id]).unwrap();
    source.execute_batch("DROP INDEX dossiers_by_name_and_birth_date").unwrap();
    let (code, said) = check(&[]);
    assert_eq!(code, Some(1), "{said}");
    for says in [
        "email is not UTF-8",
        "is no date",
        "CREATE INDEX dossiers_by_name_and_birth_date",
        "cannot serve",
    ] {
        assert!(said.contains(says), "{says}: {said}");
    }
    assert!(!said.contains(id.as_str()) && !said.contains("31/05"), "{said}");
    let (code, said) = check(&["--json"]);
    let told: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &told["records"]), (Some(1), &"faulty".into()));
    assert_eq!(told["findings"].as_array().unwrap().len(), 3);
    // The daemon does not start on it, and says the same.
    let refused = instance.try_serve().unwrap_err();
    assert!(
        refused.said.contains("CREATE INDEX dossiers_by_name_and_birth_date"),
        "{}",
        refused.said
    );
}
