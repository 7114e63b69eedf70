//! One table of calls that are hostile or wrong, over real TLS against one gateway: what each is
//! told, and what it leaves in the ledger. Tokens have a table of their own (`tokens.rs`), and acts
//! (`hostile.rs`). `cargo test --test greffier -- wrong_calls --nocapture` prints it.

mod asked;
mod door;

use std::collections::BTreeMap;

use greffier::format::entry::{Deed, Outcome, Payload};
use greffier::proto::SearchRecordsResponse;
use toml_edit::{Item, Value, value};
use tonic::{Code, Status};

use crate::instance::{Caller, Daemon, Instance, blind, context, texts};
use crate::pki::{Authority, Shown, fingerprint};
use crate::signed::{submit, whom};
use crate::told::Told;

/// What a call leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    /// A count in a digest, under its reason.
    Count,
    /// A read that the judge withheld.
    Withheld,
    /// A read that found nobody.
    Nobody,
}

/// Code, reason, and what is left.
type Fate = (Code, &'static str, Left);

const REJECTED: Fate = (Code::Unauthenticated, "CERTIFICATE_REJECTED", Left::Count);
const MALFORMED: Fate = (Code::InvalidArgument, "REQUEST_MALFORMED", Left::Count);
const TOO_LARGE: Fate = (Code::InvalidArgument, "REQUEST_TOO_LARGE", Left::Count);
const DENIED: Fate = (Code::PermissionDenied, "PURPOSE_NOT_ALLOWED", Left::Count);
const NOT_ENROLLED: Fate = (Code::PermissionDenied, "AGENT_NOT_ENROLLED", Left::Count);
const CONTAINED: Fate = (Code::PermissionDenied, "ACCESS_CONTAINED", Left::Count);
const NO_JOB: Fate = (Code::PermissionDenied, "JOB_NOT_OPEN", Left::Count);
const NO_ENTRY: Fate = (Code::PermissionDenied, "ENTRY_NOT_AVAILABLE", Left::Count);
const UNKNOWN: Fate = (Code::Unimplemented, "METHOD_UNKNOWN", Left::Count);
const NOT_AVAILABLE: Fate = (Code::PermissionDenied, "RECORD_NOT_AVAILABLE", Left::Nobody);
const EXHAUSTED: Fate = (Code::ResourceExhausted, "BUDGET_EXHAUSTED", Left::Withheld);

/// One call, as it was answered.
struct Row {
    what: String,
    /// The code; `TLS` for a handshake that failed.
    code: String,
    /// The reason that a digest counts it under, too.
    reason: String,
    /// The fields that are said to be at fault.
    fields: String,
    left: Left,
}

/// The calls so far, each of which was answered as it must be.
#[derive(Default)]
struct Table(Vec<Row>);

impl Table {
    /// Adds a call that must be answered so, with these fields at fault.
    fn row<T>(&mut self, what: &str, came: Result<T, Status>, fate: Fate, fields: &str) {
        let Err(status) = came else { panic!("{what}: a reply came where an error was due") };
        let told = Told::of(&status);
        let (code, reason, left) = fate;
        assert_eq!((told.what(), &*told.fields.join(" ")), ((code, reason), fields), "{what}");
        self.add(what, (&format!("{code:?}"), reason, fields), left);
    }

    /// Adds a search that must find nobody.
    fn nobody(&mut self, what: &str, came: Result<SearchRecordsResponse, Status>) {
        let reply = came.unwrap_or_else(|status| panic!("{what}: {status:?}"));
        assert_eq!(reply.records.len(), 0, "{what}");
        self.add(what, ("Ok", "", ""), Left::Nobody);
    }

    fn add(&mut self, what: &str, (code, reason, fields): (&str, &str, &str), left: Left) {
        let [what, code, reason, fields] = [what, code, reason, fields].map(str::to_owned);
        self.0.push(Row { what, code, reason, fields, left });
    }

    fn left(&self, left: Left) -> usize {
        self.0.iter().filter(|row| row.left == left).count()
    }

    /// How often each reason must be counted.
    fn counts(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for row in self.0.iter().filter(|row| row.left == Left::Count) {
            *counts.entry(row.reason.clone()).or_default() += 1;
        }
        counts
    }

    /// As people read it.
    fn text(&self) -> String {
        let row = |Row { what, code, reason, fields, left }: &Row| {
            format!("{what:56} {code:18} {reason:22} {:9} {fields}\n", format!("{left:?}"))
        };
        self.0.iter().map(row).collect::<String>() + &format!("{} calls", self.0.len())
    }
}

/// Where all of it is tried.
struct Place {
    instance: Instance,
    daemon: Daemon,
    authority: Authority,
    /// Of `provider-02`, in the policy's list.
    revoked: Shown,
    /// `provider-01`, scope `open`, which has the dataset `visa` as well.
    open: Caller,
    /// `provider-02`, scope `roster`.
    roster: Caller,
    /// `provider-03`, three of whose five persons a day are gone.
    spent: Caller,
    /// `provider-04`, which runs its own issuer, and whose agent nobody enrolled.
    unknown: Caller,
    /// Another agent of `provider-02`, suspended.
    suspended: Caller,
}

impl Place {
    async fn new() -> Place {
        let instance = Instance::of(2_000, 4);
        let authority = Authority::of(&instance.layout);
        let revoked = authority.client("provider", "provider-02");
        instance.policy(|policy| {
            // A hundred wrong names in a row would be found.
            policy["detectors"] = blind();
            policy["revoked"] = texts([fingerprint(&revoked.0).to_string().as_str()]);
            let visa = policy["dataset"]["cir"].clone();
            policy["dataset"]["visa"] = visa;
            policy["dataset"]["visa"]["purposes"]["counter"] = texts(["BASIC"]);
            let form = r#"{ views = ["BASIC"], case_reference = "CIR/####-*" }"#;
            let form = Item::Value(form.parse::<Value>().unwrap());
            policy["dataset"]["cir"]["purposes"]["exam_registration"] = form;
            let provider = &mut policy["provider"];
            let cir = provider["provider-01"]["dataset"]["cir"].clone();
            provider["provider-01"]["dataset"]["visa"] = cir;
            provider["provider-01"]["dataset"]["visa"]["purposes"] = texts(["counter"]);
            let granted = texts(["course_delivery", "attendance_report", "exam_registration"]);
            provider["provider-02"]["dataset"]["cir"]["purposes"] = granted;
            provider["provider-04"]["agent"]["issuer"] = value("own");
            let own = policy["issuer"]["development"].clone();
            policy["issuer"]["own"] = own;
            policy["issuer"]["own"]["run_by"] = value("provider");
        });
        instance.widen();
        instance.budgets("provider-03", &[("agent_day", 5)]);
        let daemon = instance.serve();
        let mut suspended = daemon.client_with(authority.client("provider", "provider-02")).await;
        let page = suspended.list(1, "", context()).await.unwrap();
        let agent = instance.read(page.proof.unwrap().entry).agent.to_string();
        let mut admin = daemon.client("admin-1").await.0;
        let suspend = Deed::Suspend(whom("provider-02", &agent));
        submit(&mut admin, &instance.layout, suspend, "an exercise", &["admin-1"]).await.unwrap();
        let mut spent = daemon.client("provider-03").await;
        assert_eq!(spent.list(3, "", context()).await.unwrap().records.len(), 3);
        let open = daemon.client("provider-01").await;
        let roster = daemon.client("provider-02").await;
        let unknown = daemon.client("provider-04").await;
        Place { instance, daemon, authority, revoked, open, roster, spent, unknown, suspended }
    }
}

#[tokio::test]
async fn no_wrong_call_is_given_anybody_and_each_leaves_its_trace() {
    let mut place = Place::new().await;
    // What is asked for with them must be somebody else's, or something else, so they are had
    // first.
    let names = asked::Names::of(&mut place).await;
    let before = place.instance.entries().len();
    let mut table = Table::default();
    door::handshakes(&mut table, &place).await;
    door::certificates(&mut table, &place).await;
    door::roles(&mut table, &place).await;
    door::methods(&mut table, &mut place, &names).await;
    asked::contexts(&mut table, &mut place).await;
    asked::handles(&mut table, &mut place, &names).await;
    asked::page_tokens(&mut table, &mut place, &names).await;
    asked::searches(&mut table, &mut place, &names).await;
    asked::repeats_and_sizes(&mut table, &mut place).await;
    asked::judged(&mut table, &mut place, &names).await;
    let Place { instance, daemon, .. } = place;
    daemon.stop().await;
    println!("{}", table.text());
    assert!(table.0.len() >= 60);

    let (mut nobody, mut withheld) = (0, 0);
    for entry in instance.entries().split_off(before) {
        match entry.payload {
            Payload::Read(read) => {
                assert_eq!((read.rows, read.on.len(), read.off.len()), (0, 0, 0), "{read:?}");
                match read.ruling.outcome {
                    Outcome::Released => {
                        assert_eq!(read.misses, 1, "{read:?}");
                        nobody += 1;
                    }
                    Outcome::Withheld => withheld += 1,
                }
            }
            Payload::Refusals(_) | Payload::Roster(_) | Payload::Alert(_) => {}
            other => panic!("an entry of another kind: {other:?}"),
        }
    }
    assert_eq!((nobody, withheld), (table.left(Left::Nobody), table.left(Left::Withheld)));
    let mut counted = BTreeMap::new();
    for digest in instance.refusals() {
        let named = digest.certificates.iter().flat_map(|certificate| &certificate.counts);
        for refusal in named.chain(&digest.others) {
            *counted.entry(refusal.reason.to_string()).or_default() += refusal.count;
        }
    }
    assert_eq!(counted, table.counts());
    instance.assert_sound();
}
