//! How large replies are, and how much of them waits for those who called. Clients take no message
//! above 4 MiB unless they are told to, and a reply that nobody takes is memory.

use std::time::Duration;

use futures_util::FutureExt as _;
use greffier::format::entry::{Outcome, Payload};
use greffier::names;
use greffier::proto::{Context, ExportRecordsRequest, GetRecordRequest, ListRecordsRequest};
use prost::Message;
use toml_edit::value;
use tonic::{Code, Status};

use crate::instance::{CIR, Daemon, Instance, context, mint, off_roster};
use crate::jobs::approved;
use crate::told::{Told, told};
use crate::wire::{Begun, Wire, answered, framed, shake};

const PROVIDER: &str = "provider-02";
const MIB: usize = 1 << 20;
const TOO_LARGE: (Code, &str) = (Code::FailedPrecondition, "RECORD_TOO_LARGE");
const FULL: (Code, &str) = (Code::ResourceExhausted, "REPLIES_FULL");

impl Instance {
    /// Makes the course of a person so long, which every view shows.
    fn lengthen(&self, id: &str, bytes: usize) {
        let text = "x".repeat(bytes);
        let sql = "UPDATE dossiers SET course = ?1 WHERE id = ?2";
        assert_eq!(self.source().execute(sql, (text, id)).unwrap(), 1);
    }

    /// The same of everybody.
    fn lengthen_all(&self, bytes: usize) {
        let text = "x".repeat(bytes);
        self.source().execute("UPDATE dossiers SET course = ?1", [text]).unwrap();
    }

    /// Gives persons one name and date of birth.
    fn name_alike(&self, ids: &[String]) {
        let key = names::key("SYNTH-ALIKE Personne").unwrap();
        let sql = "UPDATE dossiers SET family_name = 'SYNTH-ALIKE', given_name = 'Personne',
                   birth_date = '1990-01-01', name_key = ?1 WHERE id = ?2";
        for id in ids {
            assert_eq!(self.source().execute(sql, (&key, id)).unwrap(), 1);
        }
    }

    fn reads(&self) -> usize {
        self.entries().iter().filter(|entry| matches!(entry.payload, Payload::Read(_))).count()
    }
}

const ALIKE: [(&str, &str); 3] =
    [("family_name", "SYNTH-ALIKE"), ("given_name", "Personne"), ("birth_date", "1990-01-01")];
const BY_NAME: (&str, &[(&str, &str)]) = ("name_and_birth_date", &ALIKE);

#[tokio::test]
async fn a_page_ends_before_3_mib_and_the_next_one_goes_on_from_there() {
    let instance = Instance::new();
    instance.widen();
    let ids = instance.roster(PROVIDER);
    let ids = &ids[..ids.len().min(40)];
    let sql = "DELETE FROM roster WHERE provider = ?1 AND id > ?2";
    instance.source().execute(sql, (PROVIDER, &ids[ids.len() - 1])).unwrap();
    instance.lengthen_all(300 << 10);
    let daemon = instance.serve();
    let mut caller = daemon.client(PROVIDER).await;
    let (mut token, mut names, mut pages) = (String::new(), Vec::new(), 0);
    loop {
        // 12 MB of records, which no client would take in one reply.
        let page = caller.list(500, &token, context()).await.unwrap();
        assert!(page.encoded_len() < 3 * MIB, "{}", page.encoded_len());
        let read = instance.read(page.proof.unwrap().entry);
        assert_eq!((read.asked, read.rows, read.on.len()), (500, 4, 4));
        assert_eq!((read.facts.could, page.records.len()), (500, 4));
        assert!(page.records.iter().all(|record| !record.fields_left_out));
        names.extend(page.records.into_iter().map(|record| record.name));
        (token, pages) = (page.next_page_token, pages + 1);
        if token.is_empty() {
            break;
        }
    }
    assert_eq!((names.len(), pages), (ids.len(), ids.len().div_ceil(4)));
    names.sort();
    names.dedup();
    assert_eq!(names.len(), ids.len());
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn a_record_too_large_is_charged_and_told_and_the_list_goes_on_behind_it() {
    let instance = Instance::new();
    instance.widen();
    let ids = instance.roster(PROVIDER);
    instance.lengthen(&ids[1], 5 * MIB);
    instance.lengthen(&ids[2], 5 * MIB / 2);
    let daemon = instance.serve();
    let mut caller = daemon.client(PROVIDER).await;
    let page = caller.list(4, "", context()).await.unwrap();
    let left_out: Vec<bool> = page.records.iter().map(|record| record.fields_left_out).collect();
    assert_eq!(left_out, [false, true, true, false]);
    assert!(page.records[1].fields.is_empty() && !page.records[3].fields.is_empty());
    // It was named, so it counts.
    let listed = instance.read(page.proof.unwrap().entry);
    assert_eq!((listed.rows, listed.on.len(), listed.facts.all.agent_day), (4, 4, 4));

    // By its name a record may be larger than among others, and not as large as it likes.
    let whole = caller.get(&page.records[2].name, context()).await.unwrap().record.unwrap();
    assert!(whole.encoded_len() > 5 * MIB / 2 && !whole.fields_left_out);
    let refused = told(caller.get(&page.records[1].name, context()).await);
    assert_eq!((refused.what(), refused.retry), (TOO_LARGE, None));
    let read = instance.read(refused.entry());
    assert_eq!((read.ruling.outcome, read.rows), (Outcome::Released, 1));
    assert_eq!(read.on, listed.on[1..2]);
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn a_record_too_large_off_the_roster_is_as_absent_as_any() {
    let instance = Instance::new();
    let ids = instance.roster(PROVIDER);
    let strange = instance.roster("provider-03").into_iter().find(|id| !ids.contains(id)).unwrap();
    // Read once while it was on the roster and small, so that there is a name to ask for.
    let assign = "INSERT INTO roster VALUES (?1, ?2)";
    instance.source().execute(assign, (PROVIDER, &strange)).unwrap();
    let daemon = instance.serve();
    let mut caller = daemon.client(PROVIDER).await;
    let found = caller.search("case_number", &[("id", &strange)], 1, context()).await.unwrap();
    let name = found.records[0].name.clone();
    daemon.stop().await;
    let remove = "DELETE FROM roster WHERE provider = ?1 AND id = ?2";
    instance.source().execute(remove, (PROVIDER, &strange)).unwrap();
    instance.lengthen(&strange, 5 * MIB);
    let daemon = instance.serve();
    let mut caller = daemon.client(PROVIDER).await;
    let absent = told(caller.get("datasets/cir/records/none", context()).await);
    let off = told(caller.get(&name, context()).await);
    assert_eq!(off.what(), (Code::PermissionDenied, "RECORD_NOT_AVAILABLE"));
    assert_eq!(off.without_entry(), absent.without_entry());
    let none = caller.search("case_number", &[("id", &strange)], 1, context()).await.unwrap();
    assert_eq!((none.records.len(), &*none.next_page_token), (0, ""));
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn a_budget_that_holds_no_more_tells_nothing_of_a_record_too_large() {
    let instance = Instance::new();
    instance.budgets(PROVIDER, &[("agent_minute", 2)]);
    let ids = instance.roster(PROVIDER);
    instance.lengthen(&ids[2], 5 * MIB);
    let daemon = instance.serve();
    let mut caller = daemon.client(PROVIDER).await;
    caller.list(2, "", context()).await.unwrap();
    let number = [("id", &*ids[2])];
    let large = told(caller.search("case_number", &number, 1, context()).await);
    let absent = told(caller.search("case_number", &[("id", "none")], 1, context()).await);
    assert_eq!(large.what(), (Code::ResourceExhausted, "BUDGET_EXHAUSTED"));
    let same = |told: Told| {
        let mut told = told.without_entry();
        // Time goes on between the two.
        told.metadata.remove("fits_at_unix_ms");
        Told { retry: None, ..told }
    };
    assert_eq!(same(large), same(absent));
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn a_search_goes_on_page_by_page() {
    let instance = Instance::new();
    instance.widen();
    let ids = instance.roster(PROVIDER);
    instance.name_alike(&ids[3..8]);
    let daemon = instance.serve();
    let mut caller = daemon.client(PROVIDER).await;
    let (mut token, mut names, mut sizes) = (String::new(), Vec::new(), Vec::new());
    loop {
        let page = caller.search_behind(&token, BY_NAME, 2, context()).await.unwrap();
        sizes.push(page.records.len());
        names.extend(page.records.into_iter().map(|record| record.name));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(sizes, [2, 2, 1]);
    names.dedup();
    assert_eq!(names.len(), 5);
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn a_search_says_nothing_of_who_lies_behind_its_page() {
    let instance = Instance::new();
    instance.widen();
    let ids = instance.roster(PROVIDER);
    let others = instance.roster("provider-03");
    let strangers: Vec<_> = others.into_iter().filter(|id| !ids.contains(id)).take(2).collect();
    instance.name_alike(&ids[3..6]);
    instance.name_alike(&strangers);
    let daemon = instance.serve();
    let mut caller = daemon.client(PROVIDER).await;
    // Nobody lies behind it, and the full page has a token all the same.
    let full = caller.search_behind("", BY_NAME, 3, context()).await.unwrap();
    assert_eq!(full.records.len(), 3);
    let behind = &full.next_page_token;
    assert!(!behind.is_empty());
    let last = caller.search_behind(behind, BY_NAME, 3, context()).await.unwrap();
    assert_eq!((last.records.len(), &*last.next_page_token), (0, ""));
    let read = instance.read(last.proof.unwrap().entry);
    assert_eq!((read.misses, read.asked, read.facts.could), (1, 3, 3), "it was charged for");
    // A page that is not full has none.
    let most = caller.search_behind("", BY_NAME, 4, context()).await.unwrap();
    assert_eq!((most.records.len(), &*most.next_page_token), (3, ""));
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn a_page_token_of_a_search_is_good_for_that_search_only() {
    let instance = Instance::new();
    instance.widen();
    let ids = instance.roster(PROVIDER);
    instance.name_alike(&ids[3..8]);
    let daemon = instance.serve();
    let mut caller = daemon.client(PROVIDER).await;
    let token = caller.search_behind("", BY_NAME, 2, context()).await.unwrap().next_page_token;
    let of_list = caller.list(2, "", context()).await.unwrap().next_page_token;
    let spelt = [ALIKE[0], ("given_name", "PERSONNE"), ALIKE[2]];
    let same = (BY_NAME.0, &spelt[..]);
    assert_eq!(caller.search_behind(&token, same, 3, context()).await.unwrap().records.len(), 3);
    let other = [ALIKE[0], ALIKE[1], ("birth_date", "1990-01-02")];
    let number = [("id", &*ids[3])];
    let other_case = Context { case_reference: "TEST-2".to_owned(), ..context() };
    for (token, search, context) in [
        (&token, (BY_NAME.0, &other[..]), context()),
        (&token, ("case_number", &number), context()),
        (&of_list, BY_NAME, context()),
        (&token, BY_NAME, other_case),
    ] {
        let refused = told(caller.search_behind(token, search, 2, context).await);
        assert_eq!(refused.what(), (Code::InvalidArgument, "REQUEST_MALFORMED"), "{search:?}");
        assert_eq!(refused.fields, ["page_token"]);
    }
    let refused = told(caller.list(2, &token, context()).await);
    assert_eq!(refused.fields, ["page_token"]);
    let mut open = daemon.client("provider-01").await;
    let refused = told(open.search_behind(&token, BY_NAME, 2, off_roster()).await);
    assert_eq!(refused.fields, ["page_token"], "another provider's");
    daemon.stop().await;
    instance.assert_sound();
}

/// A connection that makes no room for what it is answered.
struct Slow {
    wire: Wire,
    token: String,
}

impl Slow {
    async fn open(instance: &Instance, daemon: &Daemon, provider: &str) -> Slow {
        let shown = instance.layout.client(provider);
        let token = format!("Bearer {}", mint(&instance.layout, &shown.0).token);
        let stream = shake(daemon, Some(&shown)).await.unwrap();
        Slow { wire: Wire::over(stream, 0).await, token }
    }

    async fn begin(&self, method: &str, request: &impl Message) -> Begun {
        let path = format!("/greffier.v1.Records/{method}");
        let mut begun = self.wire.begin(&path, &[("authorization", &self.token)]).await;
        begun.1.send_data(framed(0, &request.encode_to_vec()).into(), true).unwrap();
        begun
    }

    /// A page that is made and not taken.
    async fn page(&self) -> h2::RecvStream {
        let (answer, _) = self.begin("ListRecords", &list()).await;
        let (head, body) = answer.await.unwrap().into_parts();
        assert!(Status::from_header_map(&head.headers).is_none(), "{:?}", head.headers);
        body
    }
}

fn list() -> ListRecordsRequest {
    let (parent, context) = (CIR.to_owned(), Some(context()));
    ListRecordsRequest { parent, context, page_size: 500, page_token: String::new() }
}

/// Records of 100 kB, so that a page has 1.1 MB, and room for 4 MiB of them.
fn narrow() -> Instance {
    let instance = Instance::new();
    instance.widen();
    instance.config(|config| config["door"]["provider_replies_mib"] = value(4));
    instance.lengthen_all(100 << 10);
    instance
}

#[tokio::test]
async fn whoever_takes_no_replies_gets_no_more_and_is_charged_for_none() {
    let instance = narrow();
    let daemon = instance.serve();
    let slow = Slow::open(&instance, &daemon, PROVIDER).await;
    // Until the first is made, 500 rows count as 2 MB; from then on as 3 MiB, which is the most
    // there is.
    let held = vec![slow.page().await];
    let before = instance.reads();
    let (answer, _) = slow.begin("ListRecords", &list()).await;
    let refused = Told::of(&answered(answer).await);
    assert_eq!(refused.what(), FULL);
    assert_eq!(refused.retry, Some(Duration::from_millis(500)));
    assert_eq!(instance.reads(), before, "it was not even read");
    // One record has room, others are served, and what is taken back makes room again.
    let mut caller = daemon.client(PROVIDER).await;
    caller.search("case_number", &[("id", "none")], 1, context()).await.unwrap();
    let mut other = daemon.client("provider-03").await;
    assert!(other.list(500, "", context()).await.unwrap().records.len() > 1);
    drop(held);
    caller.list(500, "", context()).await.unwrap();
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn an_export_waits_until_the_other_replies_of_its_provider_are_taken() {
    let instance = narrow();
    let daemon = instance.serve();
    let job = approved(&instance, &daemon, 100).await;
    let slow = Slow::open(&instance, &daemon, PROVIDER).await;
    let held = slow.page().await;
    let before = instance.reads();
    let (parent, context) = (CIR.to_owned(), Some(context()));
    let page_token = String::new();
    let request = ExportRecordsRequest { parent, context, job, page_size: 500, page_token };
    let mut caller = daemon.client(PROVIDER).await;
    let mut pages = caller.0.export(request).await.unwrap();
    assert!(pages.message().now_or_never().is_none());
    // A call behind it has been answered, and still no page was read.
    let checkpoint = caller.0.origin().await.unwrap();
    assert!(!checkpoint.is_empty());
    assert_eq!(instance.reads(), before);
    drop(held);
    assert!(!pages.message().await.unwrap().unwrap().records.is_empty());
    drop(pages);
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn records_one_by_one_take_room_too() {
    let instance = narrow();
    let ids = instance.roster(PROVIDER);
    instance.lengthen(&ids[0], 5 * MIB / 2);
    let daemon = instance.serve();
    let mut caller = daemon.client(PROVIDER).await;
    let name = caller.list(1, "", context()).await.unwrap().records[0].name.clone();
    let slow = Slow::open(&instance, &daemon, PROVIDER).await;
    let request = GetRecordRequest { name, context: Some(context()) };
    let (answer, _) = slow.begin("GetRecord", &request).await;
    let (head, held) = answer.await.unwrap().into_parts();
    assert!(Status::from_header_map(&head.headers).is_none());
    let before = instance.reads();
    let (answer, _) = slow.begin("GetRecord", &request).await;
    assert_eq!(Told::of(&answered(answer).await).what(), FULL);
    assert_eq!(instance.reads(), before);
    drop(held);
    caller.get(&request.name, context()).await.unwrap();
    daemon.stop().await;
    instance.assert_sound();
}
