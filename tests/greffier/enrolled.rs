//! Agents of a provider that runs its own issuer: nobody is served whom two administrators have not
//! enrolled, nor anybody whom one has dismissed; and the command that says whom an act names.

use std::path::Path;
use std::process::{Command, Output};

use greffier::client::Client;
use greffier::format::entry::{Act, Deed, ProviderAgent, Ruling};
use greffier::instance::Layout;
use greffier::proto::ExportRecordsRequest;
use greffier::registrar::{Draft, Ledger, Unrecorded, bind};
use greffier::state::memory::Reach;
use tonic::Code;

use crate::instance::{CIR, Caller, Daemon, Instance, PROGRAM, context};
use crate::issuer::is_read;
use crate::segment::{self, ADMINS, Place, WIDE, person, read, signed_by, verified};
use crate::signed::submit;
use crate::told::{Told, told};

const PROVIDER: &str = "provider-02";
const NOT_ENROLLED: (Code, &str) = (Code::PermissionDenied, "AGENT_NOT_ENROLLED");

/// An instance in which [`PROVIDER`] runs the issuer `own`; its tokens are those of `development`.
fn instance() -> Instance {
    let instance = Instance::new();
    instance.policy(|policy| {
        let own = policy["issuer"]["development"].clone();
        policy["issuer"]["own"] = own;
        policy["issuer"]["own"]["run_by"] = toml_edit::value("provider");
        policy["provider"][PROVIDER]["agent"]["issuer"] = toml_edit::value("own");
    });
    instance
}

/// A client of [`PROVIDER`] whose token says that it is this person.
async fn client(daemon: &Daemon, agent: &str) -> Caller {
    daemon.client_as(PROVIDER, agent).await
}

fn agent_tag(args: &[&str]) -> Output {
    Command::new(PROGRAM).arg("agent-tag").args(args).output().expect("the program starts")
}

fn said(output: &Output) -> &str {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::str::from_utf8(&output.stdout).unwrap().trim()
}

/// The tag of a person of [`PROVIDER`], by name.
fn tag(layout: &Layout, subject: &str) -> String {
    let root = layout.root().to_str().unwrap();
    let person = ["--provider", PROVIDER, "--issuer", "own", "--subject", subject];
    said(&agent_tag(&[&["--instance", root][..], &person].concat())).to_owned()
}

fn person_of(tag: &str) -> ProviderAgent {
    ProviderAgent { provider: PROVIDER.into(), agent: tag.parse().unwrap() }
}

/// Everything that a provider can ask of records, one time each.
async fn ask_all(caller: &mut Caller, name: &str) -> Vec<Told> {
    let export = ExportRecordsRequest {
        parent: CIR.to_owned(),
        context: Some(context()),
        job: 1,
        ..Default::default()
    };
    let first = match caller.0.records.export_records(export).await {
        Ok(pages) => pages.into_inner().message().await,
        Err(status) => Err(status),
    };
    vec![
        told(caller.get(name, context()).await),
        told(caller.get("datasets/cir/records/AAAA", context()).await),
        told(caller.list(1, "", context()).await),
        told(caller.list(1, "garbage", context()).await),
        told(caller.search("case_number", &[("id", "CIR-0000001")], 1, context()).await),
        told(caller.search("no_such_search", &[], 1, context()).await),
        told(first),
    ]
}

/// Calls that the ledger says were refused because somebody is not enrolled.
fn counted(instance: &Instance) -> u64 {
    let digests = instance.refusals();
    let counts = digests.iter().flat_map(|d| &d.certificates).flat_map(|c| &c.counts);
    let counts = counts.filter(|refusal| &*refusal.reason == NOT_ENROLLED.1);
    counts.map(|refusal| refusal.count).sum()
}

#[tokio::test]
async fn whom_only_the_provider_knows_is_served_from_its_enrolment_to_its_dismissal() {
    let instance = instance();
    let layout = &instance.layout;
    let daemon = instance.serve();
    for part in ["a provider runs this issuer", PROVIDER, "enrolled=0"] {
        daemon.until_said(part).await;
    }
    let mut admin = daemon.client("admin-1").await.0;
    let (mut alice, mut bob) = (client(&daemon, "alice").await, client(&daemon, "bob").await);
    let of_alice = tag(layout, "alice");
    let refused = told(alice.list(1, "", context()).await);
    assert_eq!(refused.what(), NOT_ENROLLED);
    assert_eq!(refused.metadata.len(), 1);
    assert_eq!(refused.metadata["agent"], of_alice);
    assert!(refused.message.contains("ask the agency to enrol it"), "{}", refused.message);

    let (both, one) = (["admin-1", "admin-2"], ["admin-1"]);
    let person = person_of(&of_alice);
    let enrol = Deed::EnrolAgent(person.clone());
    let alone = told(submit(&mut admin, layout, enrol.clone(), "an exercise", &one).await);
    assert_eq!(alone.reason, "SECOND_SIGNATURE_REQUIRED");
    assert_eq!(told(alice.list(1, "", context()).await).what(), NOT_ENROLLED);

    submit(&mut admin, layout, enrol, "an exercise", &both).await.unwrap();
    // Over the connection that was there before.
    let page = alice.list(1, "", context()).await.unwrap();
    let name = page.records[0].name.clone();
    assert_eq!(instance.read(page.proof.unwrap().entry).agent.to_string(), of_alice);
    assert_eq!(told(bob.list(1, "", context()).await).metadata["agent"], tag(layout, "bob"));
    // The people of a provider whose log-in is the agency's need no act.
    daemon.client("provider-03").await.list(1, "", context()).await.unwrap();
    daemon.stop().await;

    let daemon = instance.serve();
    daemon.until_said("enrolled=1").await;
    let mut alice = client(&daemon, "alice").await;
    alice.get(&name, context()).await.unwrap();
    let mut admin = daemon.client("admin-2").await.0;
    let dismiss = Deed::DismissAgent(person);
    submit(&mut admin, layout, dismiss, "an exercise", &["admin-2"]).await.unwrap();
    let before = instance.entries().len();
    let refused = ask_all(&mut alice, &name).await;
    // A new token for the same person, over a new connection, is no way around it.
    let mut again = client(&daemon, "alice").await;
    assert_eq!(told(again.get(&name, context()).await), refused[0]);
    daemon.stop().await;
    assert!(!instance.entries().split_off(before).iter().any(is_read), "a read was judged");
    assert_eq!(counted(&instance), 3 + refused.len() as u64 + 1);
    instance.assert_sound();
}

#[tokio::test]
async fn whoever_is_not_enrolled_is_refused_before_any_look_at_the_records() {
    let instance = instance();
    let daemon = instance.serve();
    let person = person_of(&tag(&instance.layout, "alice"));
    let mut admin = daemon.client("admin-1").await.0;
    let both = ["admin-1", "admin-2"];
    let act = async |admin: &mut Client, deed| {
        submit(admin, &instance.layout, deed, "an exercise", &both).await.unwrap();
    };
    act(&mut admin, Deed::EnrolAgent(person.clone())).await;
    let mut alice = client(&daemon, "alice").await;
    let name = alice.list(1, "", context()).await.unwrap().records[0].name.clone();
    act(&mut admin, Deed::DismissAgent(person.clone())).await;

    // One that is there, one that is not, a page, a search: the answer is one and the same.
    let answers = ask_all(&mut alice, &name).await;
    assert!(answers.iter().all(|told| told == &answers[0]), "{answers:?}");
    assert_eq!(answers[0].what(), NOT_ENROLLED);
    // And it is the same when the records cannot be read at all.
    let source = instance.source();
    source.execute_batch("BEGIN EXCLUSIVE").unwrap();
    assert_eq!(ask_all(&mut alice, &name).await, answers);
    act(&mut admin, Deed::EnrolAgent(person.clone())).await;
    let shut = told(alice.get(&name, context()).await);
    assert_eq!(shut.what(), (Code::Unavailable, "SOURCE_UNAVAILABLE"));
    source.execute_batch("ROLLBACK").unwrap();
    assert!(alice.get(&name, context()).await.unwrap().record.is_some());
    daemon.stop().await;
    assert_eq!(counted(&instance), 2 * answers.len() as u64);
    instance.assert_sound();
}

#[tokio::test]
async fn the_command_says_the_tag_that_entries_have() {
    let instance = Instance::new();
    instance.policy(|policy| {
        policy["provider"][PROVIDER]["agent"]["issuer"] = toml_edit::value("certificate");
    });
    let daemon = instance.serve();
    let page = daemon.client(PROVIDER).await.list(1, "", context()).await.unwrap();
    let agent = instance.read(page.proof.unwrap().entry).agent.to_string();
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let (key, root) = (path(&instance.layout.tag_key()), path(instance.layout.root()));
    let certificate = path(&instance.layout.client(PROVIDER).0);
    for from in [["--tag-key", &key], ["--instance", &root]] {
        let person = ["--provider", PROVIDER, "--certificate", &certificate];
        assert_eq!(said(&agent_tag(&[&from[..], &person].concat())), agent);
    }
    let person = ["--issuer", "own", "--subject", "alice"];
    let both = ["--tag-key", &key, "--instance", &root, "--provider", PROVIDER];
    let of = ["--tag-key", &key, "--provider", PROVIDER];
    for wrong in [
        [&both[..], &person].concat(),
        [&of[2..], &person].concat(),
        [&of[..], &person[..2]].concat(),
        [&of[..], &person[2..]].concat(),
        [&of[..], &person, &["--certificate", &certificate]].concat(),
        of.to_vec(),
        [&of[..2], &["--provider", "Provider 2"], &person].concat(),
        [&of[..], &["--issuer", "own", "--subject", "é"]].concat(),
        [&of[..], &["--certificate", &key]].concat(),
        [&["--tag-key", &certificate], &of[2..], &person].concat(),
    ] {
        assert_eq!(agent_tag(&wrong).status.code(), Some(2), "{wrong:?}");
    }
}

/// A read of one person that the door let in, and what became of it. All together are of eight
/// persons, so that the judge finds nothing in them, however many are served.
async fn record(ledger: Ledger, n: u32) -> Result<u64, Unrecorded> {
    let tag = person(PROVIDER, n % 8);
    let read = Box::new(read(PROVIDER, "alice", &[tag], &[]));
    let draft = Draft { read, reach: Reach::One(tag), asked: None, enrolled: true };
    let (bound, claim) = bind(draft);
    let (ruling, seq, _) = claim.redeem(ledger.record(bound).await?).expect("its own proof");
    assert_eq!(ruling, Ruling::RELEASED);
    Ok(seq)
}

#[test]
fn a_dismissal_holds_from_its_entry_on_for_every_read_under_way() {
    let rules = segment::rules(&[(PROVIDER, WIDE)]);
    let place = Place::created(&rules);
    let alice = read(PROVIDER, "alice", &[], &[]).agent;
    let person = ProviderAgent { provider: PROVIDER.into(), agent: alice };
    let act = |deed| Act::Signed(signed_by(segment::statement(deed), &ADMINS));
    place.run(&rules, async |ledger| {
        let not = Some(Unrecorded::NotEnrolled(alice));
        assert_eq!(record(ledger.clone(), 0).await.err(), not);
        let enrolled =
            ledger.act(act(Deed::EnrolAgent(person.clone()))).await.expect("a writable ledger");
        let mut reads = tokio::task::JoinSet::new();
        for n in 0..200 {
            reads.spawn(record(ledger.clone(), n));
        }
        let dismissed =
            ledger.act(act(Deed::DismissAgent(person))).await.expect("a writable ledger");
        assert_eq!(record(ledger.clone(), 200).await.err(), not);
        while let Some(read) = reads.join_next().await {
            match read.expect("no panic") {
                Ok(seq) => assert!((enrolled..dismissed).contains(&seq), "entry {seq}"),
                Err(refused) => assert_eq!(Some(refused), not),
            }
        }
    });
    verified(&place.settings.path, &[]).expect("a sound ledger");
}
