//! Whom a provider may meet, and what it learns of the others: nothing.

use greffier::format::entry::Payload;
use greffier::proto::View;
use rusqlite::params;
use serde_json::{Map, Value};
use tonic::Code;

use crate::instance::{Caller, Instance, context, off_roster};
use crate::pki::Authority;
use crate::told::{Told, told};

const NOT_AVAILABLE: (Code, &str) = (Code::PermissionDenied, "RECORD_NOT_AVAILABLE");

/// Three handles of `provider-02`: of a person who has left its roster, of one who has left the
/// records, and one that never opened; and one of a person who is still there.
struct Handles {
    off: String,
    absent: String,
    shut: String,
    on: String,
}

async fn handles(instance: &Instance) -> Handles {
    let daemon = instance.serve();
    let page = daemon.client("provider-02").await.list(3, "", context()).await;
    let page = page.expect("a page of three");
    let [off, absent, on] = [0, 1, 2].map(|n| page.records[n].name.clone());
    daemon.stop().await;
    let roster = instance.roster("provider-02");
    let source = instance.source();
    let unassign = "DELETE FROM roster WHERE provider = 'provider-02' AND id IN (?1, ?2)";
    source.execute(unassign, params![roster[0], roster[1]]).expect("SQL");
    source.execute("DELETE FROM dossiers WHERE id = ?1", [&roster[1]]).expect("SQL");
    let shut = format!("{}A", &on[..on.len() - 1]);
    assert_ne!(shut, on);
    Handles { off, absent, shut, on }
}

/// What of an entry's body may not depend on whom was asked for.
fn shape(body: &str) -> Map<String, Value> {
    let mut body: Map<String, Value> = serde_json::from_str(body).expect("an object");
    for key in ["seq", "prev", "at", "tick", "reply"] {
        assert!(body.remove(key).is_some(), "{key}");
    }
    // How many seconds ago the agent logged in: they go on between two calls.
    body.remove("auth_age");
    body
}

#[tokio::test]
async fn an_absent_record_is_told_and_logged_as_one_off_the_roster() {
    let instance = Instance::new();
    let Handles { off, absent, shut, on } = handles(&instance).await;
    let daemon = instance.serve();
    // One agent was given these persons today, the other was not: both must see no difference.
    let authority = Authority::of(&instance.layout);
    let other = daemon.client_with(authority.client("provider", "provider-02")).await;
    for (mut caller, given_today) in [(daemon.client("provider-02").await, true), (other, false)] {
        let mut seen: Vec<(Told, Map<String, Value>, u64)> = Vec::new();
        for name in [&off, &absent, &shut] {
            let status = caller.get(name, context()).await.unwrap_err();
            assert!(!status.metadata().contains_key("entry"));
            let told = Told::of(&status);
            assert_eq!(told.what(), NOT_AVAILABLE);
            let entry = told.entry();
            let body = instance.bodies().swap_remove(entry as usize);
            let reads = instance.read(entry);
            assert_eq!((reads.rows, reads.misses, reads.reply.is_some()), (0, 1, true));
            seen.push((told.without_entry(), shape(&body), reads.facts.could));
        }
        assert_eq!(seen[0], seen[1]);
        if given_today {
            // It knew of these two persons; that the third handle is of nobody it knew itself.
            assert_eq!((seen[0].2, seen[2].2), (0, 1));
            assert_eq!(seen[0].0, seen[2].0);
        } else {
            // Its provider knew of these two persons; the agent is told nothing of that.
            assert_eq!((&seen[0].0, seen[0].2), (&seen[2].0, seen[2].2));
        }
        let here = caller.get(&on, context()).await.unwrap();
        assert_eq!(here.record.unwrap().name, on);
    }
    daemon.stop().await;
    instance.assert_sound();
}

/// Every page, until there is none: names of records, in order.
async fn walk(caller: &mut Caller, size: i32) -> Vec<String> {
    let (mut names, mut token) = (Vec::new(), String::new());
    loop {
        let page = caller.list(size, &token, context()).await.expect("a page");
        assert!(page.records.len() <= size as usize);
        names.extend(page.records.into_iter().map(|record| record.name));
        token = page.next_page_token;
        if token.is_empty() {
            return names;
        }
    }
}

#[tokio::test]
async fn pages_walk_the_own_roster_each_person_once() {
    let instance = Instance::new();
    instance.widen();
    let daemon = instance.serve();
    for provider in ["provider-01", "provider-02", "provider-03"] {
        let size = instance.roster(provider).len();
        let mut caller = daemon.client(provider).await;
        let names = walk(&mut caller, 7).await;
        let mut once = names.clone();
        once.sort();
        once.dedup();
        assert_eq!((names.len(), once.len()), (size, size), "{provider}");
        assert_eq!(walk(&mut caller, 500).await, names, "{provider}");
    }
    daemon.stop().await;
    // Different tags in the entries: the roster, to a person.
    let mut tags = std::collections::HashSet::new();
    for entry in instance.entries() {
        let Payload::Read(read) = entry.payload else { continue };
        assert!(read.off.is_empty());
        if &*read.provider == "provider-02" {
            tags.extend(read.on);
        }
    }
    assert_eq!(tags.len(), instance.roster("provider-02").len());
    instance.assert_sound();
}

#[tokio::test]
async fn a_page_of_exactly_what_is_left_is_the_last() {
    let instance = Instance::new();
    instance.widen();
    let size = i32::try_from(instance.roster("provider-03").len()).unwrap();
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-03").await;
    let half = size / 2;
    let first = caller.list(half, "", context()).await.unwrap();
    let last = caller.list(size - half, &first.next_page_token, context()).await.unwrap();
    assert_eq!(last.records.len() as i32, size - half);
    assert_eq!(last.next_page_token, "");
}

#[tokio::test]
async fn open_scope_without_a_reason_is_as_roster() {
    let instance = Instance::new();
    instance.widen();
    let roster = instance.roster("provider-01");
    let stranger: String = instance
        .source()
        .query_row(
            "SELECT id FROM dossiers WHERE id NOT IN \
             (SELECT id FROM roster WHERE provider = 'provider-01') LIMIT 1",
            [],
            |row| row.get(0),
        )
        .unwrap();
    let daemon = instance.serve();
    let mut open = daemon.client("provider-01").await;
    let page = open.list(500, "", context()).await.unwrap();
    assert_eq!(page.records.len(), roster.len().min(500));
    let by_number = [("id", stranger.as_str())];
    let miss = open.search("case_number", &by_number, 1, context()).await.unwrap();
    assert_eq!(miss.records.len(), 0);

    let hit = open.search("case_number", &by_number, 1, off_roster()).await.unwrap();
    let entry = instance.read(hit.proof.unwrap().entry);
    assert_eq!((entry.on.len(), entry.off.len()), (0, 1));
    assert_eq!(entry.reason.as_deref(), Some("walk_in"));
    assert_eq!(entry.facts.off.provider_day, 1);
    let name = hit.records[0].name.clone();
    assert_eq!(told(open.get(&name, context()).await).what(), NOT_AVAILABLE);
    assert_eq!(open.get(&name, off_roster()).await.unwrap().record.unwrap().name, name);

    let page = open.list(500, "", off_roster()).await.unwrap();
    let entry = instance.read(page.proof.unwrap().entry);
    assert_eq!((page.records.len(), entry.on.len() + entry.off.len()), (500, 500));
    assert!(!entry.on.is_empty() && !entry.off.is_empty());
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn a_search_finds_exact_values_only_and_a_miss_has_its_entry() {
    let instance = Instance::new();
    instance.widen();
    let id = instance.roster("provider-02")[4].clone();
    let sql = "SELECT family_name, given_name, birth_date FROM dossiers WHERE id = ?1";
    let (family, given, born): (String, String, String) = instance
        .source()
        .query_row(sql, [&id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap();
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-02").await;
    let mut full = context();
    full.purpose = "exam_registration".to_owned();
    full.view = View::Full.into();
    let person = [
        ("family_name", family.as_str()),
        ("given_name", given.as_str()),
        ("birth_date", born.as_str()),
    ];
    let found = caller.search("name_and_birth_date", &person, 10, full).await.unwrap();
    assert!(!found.records.is_empty());
    for record in &found.records {
        let value = |name: &str| record.fields.iter().find(|f| f.name == name).unwrap();
        assert_eq!((&value("family_name").value, &value("birth_date").value), (&family, &born));
    }
    let entry = instance.read(found.proof.unwrap().entry);
    let keys: Vec<&str> = entry.keys.iter().map(|key| &*key.name).collect();
    assert_eq!(keys, ["name_key", "birth_date"]);

    let hit = caller.search("case_number", &[("id", &id)], 1, context()).await.unwrap();
    assert_eq!(hit.records.len(), 1);
    let (begun, like) = (&family[..family.len() - 1], format!("{}%", &family[..1]));
    let nearly: [(&str, Vec<(&str, &str)>); 3] = [
        ("name_and_birth_date", vec![("family_name", begun), person[1], person[2]]),
        ("name_and_birth_date", vec![("family_name", &like), person[1], person[2]]),
        ("name_and_birth_date", vec![person[0], person[1], ("birth_date", "1900-01-01")]),
    ];
    for (search, values) in nearly {
        let none = caller.search(search, &values, 10, context()).await.unwrap();
        assert_eq!(none.records.len(), 0, "{values:?}");
        let entry = instance.read(none.proof.unwrap().entry);
        assert_eq!((entry.misses, entry.rows, entry.asked), (1, 0, 10));
    }
    let off = instance.roster("provider-03");
    let off = off.iter().find(|id| !instance.roster("provider-02").contains(id)).unwrap();
    let none = caller.search("case_number", &[("id", off)], 10, context()).await.unwrap();
    assert_eq!(none.records.len(), 0);
    daemon.stop().await;
    instance.assert_sound();
}
