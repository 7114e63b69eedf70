//! What a caller can prove, what it may ask for, and what the ledger does not say.

use std::collections::BTreeSet;

use greffier::format::checkpoint::Checkpoint;
use greffier::format::entry::{Entry, Hash, Payload, sha256};
use greffier::format::receipt::Receipt;
use greffier::proto::{GetCheckpointRequest, Proof, Record, View};
use tonic::Code;

use crate::instance::{CIR, Instance, context};
use crate::pki::fingerprint;
use crate::told::told;

const NO_ENTRY: (Code, &str) = (Code::PermissionDenied, "ENTRY_NOT_AVAILABLE");

/// The reply digest, as the format page has it.
fn digest(proof: &Proof, records: &[Record]) -> Hash {
    let text = |text: &str| [&(text.len() as u32).to_be_bytes()[..], text.as_bytes()].concat();
    let mut bytes = proof.salt.clone();
    for record in records {
        bytes.extend((record.fields.len() as u32).to_be_bytes());
        bytes.extend(text(&record.name));
        for field in &record.fields {
            bytes.extend([text(&field.name), text(&field.value)].concat());
        }
    }
    sha256(&[&bytes])
}

#[tokio::test]
async fn every_reply_has_the_digest_that_its_entry_names() {
    let instance = Instance::new();
    instance.widen();
    let id = instance.roster("provider-02")[1].clone();
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-02").await;
    let mut full = context();
    (full.purpose, full.view) = ("exam_registration".to_owned(), View::Full.into());
    let page = caller.list(7, "", full).await.unwrap();
    let one = caller.get(&page.records[2].name, context()).await.unwrap();
    let hit = caller.search("case_number", &[("id", &id)], 3, context()).await.unwrap();
    let miss = caller.search("case_number", &[("id", "none")], 3, context()).await.unwrap();
    let replies = [
        (page.proof, page.records),
        (one.proof, one.record.into_iter().collect()),
        (hit.proof, hit.records),
        (miss.proof, miss.records),
    ];
    let mut salts = BTreeSet::new();
    for (proof, records) in replies {
        let proof = proof.unwrap();
        assert_eq!(proof.salt.len(), 16);
        let entry = instance.read(proof.entry);
        assert_eq!(entry.reply, Some(digest(&proof, &records)));
        assert_eq!(entry.rows, records.len() as u64);
        let key = instance.key();
        let checkpoint = Checkpoint::parse(&proof.checkpoint).unwrap();
        assert_eq!(checkpoint.origin, key.name());
        let checkpoint = Checkpoint::open(&proof.checkpoint, &key).unwrap();
        assert!(checkpoint.size > proof.entry);
        salts.insert(proof.salt);
    }
    assert_eq!(salts.len(), 4);
}

#[tokio::test]
async fn a_provider_has_the_receipts_of_its_own_released_reads_and_no_others() {
    let instance = Instance::new();
    instance.widen();
    instance.budgets("provider-02", &[("agent_day", 20)]);
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-02").await;
    let mut other = daemon.client("provider-03").await;
    let page = caller.list(5, "", context()).await.unwrap();
    let released = page.proof.unwrap().entry;
    let withheld = told(caller.list(500, "", context()).await).entry();
    let miss = told(caller.get("datasets/cir/records/AAAA", context()).await).entry();
    let foreign = other.list(1, "", context()).await.unwrap().proof.unwrap().entry;

    for own in [released, miss] {
        let receipt: Receipt = caller.receipt(own).await.unwrap().parse().unwrap();
        assert_eq!(receipt.index, own);
        let checkpoint = Checkpoint::parse(&receipt.checkpoint).unwrap();
        let key = instance.key();
        assert_eq!(checkpoint.origin, key.name());
        let proven = receipt.check(&key).unwrap();
        assert_eq!(proven.entry, instance.entries()[own as usize]);
    }
    let mut refused = Vec::new();
    for entry in [withheld, foreign, 0, 1, u64::MAX, 1 << 40] {
        let no = told(caller.receipt(entry).await);
        assert_eq!(no.what(), NO_ENTRY, "{entry}");
        refused.push(no);
    }
    assert!(refused.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(told(other.receipt(released).await).what(), NO_ENTRY);

    let mut asked = vec![("provider", "provider-02", released), ("provider", "provider-02", miss)];
    for (role, staff) in [("auditor", "auditor-1"), ("security", "security-soc")] {
        let mut reader = daemon.client(staff).await;
        for entry in [0, released, withheld, foreign] {
            let receipt: Receipt = reader.receipt(entry).await.unwrap().parse().unwrap();
            assert_eq!(receipt.body, instance.bodies()[entry as usize]);
            asked.push((role, staff, entry));
        }
        assert_eq!(told(reader.receipt(u64::MAX).await).what(), NO_ENTRY);
    }
    let note = caller.0.ledger.get_checkpoint(GetCheckpointRequest {}).await.unwrap();
    let newest = Checkpoint::parse(&note.into_inner().checkpoint).unwrap();
    assert!(newest.size as usize >= instance.entries().len());

    // Each receipt given is an entry, in order, and a receipt refused is none.
    let given = instance.entries().into_iter().filter_map(|entry| match entry.payload {
        Payload::Access(access) => Some(access),
        _ => None,
    });
    let given: Vec<_> = given.collect();
    let named: Vec<_> = given.iter().map(|a| (&*a.role, &*a.id, a.entry)).collect();
    assert_eq!(named, asked);
    let (certificate, _) = instance.layout.client("provider-02");
    assert_eq!(given[0].certificate, fingerprint(&certificate));
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn the_ledger_file_holds_nothing_that_a_record_or_a_caller_said() {
    let instance = Instance::new();
    instance.widen();
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-01").await;
    let mut ask = context();
    (ask.purpose, ask.view) = ("exam_registration".to_owned(), View::Full.into());
    ask.case_reference = "AFFAIRE/XYZZY-4711".to_owned();
    ask.off_roster_reason = "transfer".to_owned();
    let page = caller.list(500, "", ask.clone()).await.unwrap();
    let id = instance.roster("provider-01")[3].clone();
    let values = ["Zzyzxova", "Quetzalcoatla", "1871-03-18"];
    let person = ["family_name", "given_name", "birth_date"].into_iter().zip(values);
    let person: Vec<(&str, &str)> = person.collect();
    caller.search("name_and_birth_date", &person, 10, ask.clone()).await.unwrap();
    let hit = caller.search("case_number", &[("id", &id)], 1, ask.clone()).await.unwrap();
    caller.get(&hit.records[0].name, ask).await.unwrap();
    let entry = instance.read(page.proof.unwrap().entry);
    assert_eq!((entry.rows, &*entry.network), (500, "127.0.0.0/24"));

    let mut secrets: BTreeSet<String> = values.into_iter().map(String::from).collect();
    secrets.extend(["XYZZY".to_owned(), "4711".to_owned(), hit.records[0].name.clone()]);
    let handle = |record: &Record| record.name[CIR.len() + "/records/".len()..].to_owned();
    secrets.extend(page.records.iter().map(handle));
    for record in &page.records {
        for field in &record.fields {
            // Shorter values are words that an entry may well hold by chance, or by right.
            let shared = ["stay_reason", "course", "course_site", "course_level", "hours_attended"];
            let personal = !shared.contains(&&*field.name);
            if personal && field.value.len() >= 6 {
                secrets.insert(field.value.clone());
            }
        }
    }
    secrets.extend(instance.roster("provider-01").into_iter().map(|id| format!("\"{id}\"")));
    assert!(secrets.len() > 1_500, "{}", secrets.len());
    let scan = |daemon: &str| {
        let mut scanned = 0;
        for suffix in ["", "-wal", "-shm"] {
            let ledger = instance.layout.ledger().into_os_string().into_string().unwrap();
            let Ok(bytes) = std::fs::read(ledger + suffix) else { continue };
            let text = String::from_utf8_lossy(&bytes);
            for secret in &secrets {
                assert!(!text.contains(secret.as_str()), "{secret} in ledger{suffix}, {daemon}");
            }
            scanned += bytes.len();
        }
        assert!(scanned > 20_000, "{scanned}");
    };
    scan("running");
    let log = daemon.log();
    assert!(secrets.iter().all(|secret| !log.contains(secret.as_str())));
    daemon.stop().await;
    scan("stopped");
    let parsed = instance.bodies();
    assert!(parsed.iter().all(|body| Entry::parse(body).is_ok()));
}
