//! Acts that must not be written, over real TLS: whatever a caller with a good certificate sends
//! instead of the signatures that an act needs, and that nothing of it stands in the ledger.

use std::num::NonZeroU64;

use greffier::format::entry::{
    Act, Deed, Entry, OwnedKey, Payload, ProviderAgent, PublicKey, Signature, SignatureBytes,
    Statement,
};
use greffier::format::personal::PersonalKey;
use greffier::proto::{self, ListProvidersRequest, SubmitActRequest};
use greffier::registrar::wall;
use tonic::{Code, Status};

use crate::instance::{Caller, Daemon, Instance, context, off_roster};
use crate::pki::Authority;
use crate::signed::{HOUR, personal, signatures, statement, submit, whom};
use crate::told::{Told, told};

const MALFORMED: (Code, &str) = (Code::InvalidArgument, "REQUEST_MALFORMED");
const REJECTED: (Code, &str) = (Code::PermissionDenied, "SIGNATURE_REJECTED");
const SECOND: (Code, &str) = (Code::PermissionDenied, "SECOND_SIGNATURE_REQUIRED");
const NOT_POSSIBLE: (Code, &str) = (Code::FailedPrecondition, "ACT_NOT_POSSIBLE");
const DAY: u64 = 24 * HOUR;

/// A gateway with two administrators, their keys, and what they sign for.
struct Office {
    instance: Instance,
    daemon: Daemon,
    admin: Caller,
    origin: String,
    one: PersonalKey,
    two: PersonalKey,
}

impl Office {
    async fn open(instance: Instance) -> Office {
        let daemon = instance.serve();
        let mut admin = daemon.client("admin-1").await;
        let origin = admin.0.origin().await.expect("a checkpoint");
        let (one, two) =
            (personal(&instance.layout, "admin-1"), personal(&instance.layout, "admin-2"));
        Office { instance, daemon, admin, origin, one, two }
    }

    fn statement(&self, deed: Deed) -> Statement {
        statement(deed, "an exercise")
    }

    /// The suspension of a provider.
    fn suspension(&self) -> Statement {
        self.statement(Deed::Suspend(whom("provider-02", "")))
    }

    fn key_of(&self, deed: fn(OwnedKey) -> Deed, admin: &str, key: PublicKey) -> Statement {
        self.statement(deed(OwnedKey { admin: admin.into(), key }))
    }

    /// Submits a statement that both signed.
    async fn by_both(&mut self, statement: &Statement) -> Result<proto::Act, Status> {
        let signers = [("admin-1", &self.one), ("admin-2", &self.two)];
        let (text, signatures) = signatures(&self.origin, statement, &signers);
        self.admin.0.submit(text, &signatures).await
    }

    /// Acts that are written, but for those that the ledger begins with.
    fn written(&self) -> Vec<String> {
        let deed = |entry: Entry| match entry.payload {
            Payload::Act(Act::Signed(act)) => act.certificate.map(|_| act.statement.deed.name()),
            _ => None,
        };
        self.instance.entries().into_iter().filter_map(deed).collect()
    }

    async fn close(self) -> Instance {
        self.daemon.stop().await;
        self.instance.assert_sound();
        self.instance
    }
}

fn why(told: &Told) -> &str {
    told.metadata.get("why").map_or("", String::as_str)
}

/// What one signature is refused for.
type Case = (&'static str, String, Vec<Signature>, (Code, &'static str), &'static str);

#[tokio::test]
async fn an_act_without_the_signatures_it_needs_is_refused_and_leaves_nothing() {
    let mut office = Office::open(Instance::new()).await;
    let stranger = PersonalKey::new(&[99; 32]);
    let second = PersonalKey::new(&[98; 32]);
    let revoked = PersonalKey::new(&[97; 32]);
    for (admin, key) in [("admin-1", &second), ("admin-2", &revoked)] {
        let enrolment = office.key_of(Deed::EnrolKey, admin, key.public());
        office.by_both(&enrolment).await.expect("two signed");
    }
    let revocation = office.key_of(Deed::RevokeKey, "admin-2", revoked.public());
    let used = revocation.nonce;
    let (one, two) = (&office.one, &office.two);
    let revoking = [("admin-1", one), ("admin-2", two)];
    let (text, signed) = signatures(&office.origin, &revocation, &revoking);
    office.admin.0.submit(text, &signed).await.expect("two signed");
    let before = office.written();
    assert_eq!(before, ["enrol_key", "enrol_key", "revoke_key"]);

    let base = || office.suspension();
    let origin = &*office.origin;
    let by = |statement: &Statement, signers: &[(&str, &PersonalKey)]| {
        signatures(origin, statement, signers).1
    };
    let text = |statement: &Statement| signatures(origin, statement, &[]).0;
    let alone = |statement: Statement| signatures(origin, &statement, &[("admin-1", one)]);
    let instead =
        |shown: Statement, signed: Statement| (text(&shown), by(&signed, &[("admin-1", one)]));
    let said = |text: String| {
        let signed = vec![one.sign(&"admin-1".into(), &text)];
        (text, signed)
    };
    let elsewhere = || signatures("other.example/reads", &base(), &[("admin-1", one)]);
    let loosening = || office.statement(Deed::Loosen { digest: Default::default() });
    let unenrolled = || office.key_of(Deed::EnrolKey, "admin-9", stranger.public());
    let mut cases: Vec<Case> = Vec::new();
    let mut case = |name, (text, signed), what, why| {
        cases.push((name, text, signed, what, why));
    };
    let plain = base();
    case("unsigned", (text(&plain), Vec::new()), MALFORMED, "signatures");
    let nine = by(&plain, &[("admin-1", one); 9]);
    case("nine signatures", (text(&plain), nine), MALFORMED, "signatures");
    let signed = by(&plain, &[("admin-1", &stranger)]);
    case("by an unknown key", (text(&plain), signed), REJECTED, "key_not_enrolled");
    let signed = by(&plain, &[("admin-2", &revoked), ("admin-1", one)]);
    case("by a revoked key", (text(&plain), signed), REJECTED, "key_not_enrolled");
    let signed = by(&plain, &[("admin-1", two)]);
    case("another's key", (text(&plain), signed), REJECTED, "key_not_enrolled");
    let signed = by(&plain, &[("admin-2", two)]);
    case("the submitter has not", (text(&plain), signed), REJECTED, "not_signed_by_submitter");
    let mut signed = by(&plain, &[("admin-1", one)]);
    signed[0].signature = SignatureBytes([0; 64]);
    case("no signature at all", (text(&plain), signed), REJECTED, "false");
    case("for another ledger", elsewhere(), MALFORMED, "origin");
    let (shown, signed) = elsewhere();
    let shown = shown.replace("other.example/reads", origin);
    case("... under our name", (shown, signed), REJECTED, "false");
    let changed = Statement { reason: "another reason".into(), ..plain.clone() };
    case("a reason changed", instead(changed, plain.clone()), REJECTED, "false");
    let changed = Deed::Suspend(whom("provider-03", ""));
    let changed = Statement { deed: changed, ..plain.clone() };
    case("a provider changed", instead(changed, plain.clone()), REJECTED, "false");
    let changed = Statement { deed: Deed::Lift(whom("provider-02", "")), ..plain.clone() };
    case("a deed changed", instead(changed, plain.clone()), REJECTED, "false");
    let changed = Statement { expires: plain.expires + 1, ..plain.clone() };
    case("an expiry changed", instead(changed, plain.clone()), REJECTED, "false");
    case("its nonce was used", alone(Statement { nonce: used, ..base() }), REJECTED, "used_before");
    case("itself was used", alone(revocation), REJECTED, "used_before");
    let late = Statement { expires: wall() - 1, ..base() };
    case("expired", alone(late), REJECTED, "expired");
    let long = Statement { expires: wall() + 7 * DAY + HOUR, ..base() };
    case("good for too long", alone(long), REJECTED, "good_for_too_long");
    case("one where two are needed", alone(loosening()), SECOND, "");
    let statement = loosening();
    let signed = by(&statement, &[("admin-1", one), ("admin-1", one)]);
    case("one key twice", (text(&statement), signed), REJECTED, "one_key_twice");
    let signed = by(&statement, &[("admin-1", one), ("admin-1", &second)]);
    case("two keys of one", (text(&statement), signed), SECOND, "");
    let statement = unenrolled();
    let signed = by(&statement, &[("admin-9", &stranger)]);
    case("an enrolment by itself", (text(&statement), signed), REJECTED, "key_not_enrolled");
    let signed = by(&statement, &[("admin-1", one), ("admin-9", &stranger)]);
    case("... and by one other", (text(&statement), signed), REJECTED, "key_not_enrolled");
    let known = office.key_of(Deed::EnrolKey, "admin-2", one.public());
    let signed = by(&known, &[("admin-1", one), ("admin-2", two)]);
    case("a key that another has", (text(&known), signed), NOT_POSSIBLE, "");
    let gone = office.key_of(Deed::EnrolKey, "admin-2", revoked.public());
    let signed = by(&gone, &[("admin-1", one), ("admin-2", two)]);
    case("a key that was revoked", (text(&gone), signed), NOT_POSSIBLE, "");
    let nobody = office.key_of(Deed::RevokeKey, "admin-1", two.public());
    case("no such key", alone(nobody), NOT_POSSIBLE, "");
    let others = office.key_of(Deed::RevokeKey, "admin-2", two.public());
    case("another's key, alone", alone(others), SECOND, "");
    let agent = "AAAAAAAAAAAAAAAAAAAAAA".parse().expect("a tag");
    let agent = ProviderAgent { provider: "provider-02".into(), agent };
    case("no such agent", alone(office.statement(Deed::DismissAgent(agent))), NOT_POSSIBLE, "");
    let (provider, dataset, persons) = ("provider-99".into(), "visa".into(), NonZeroU64::MIN);
    let roster = office.statement(Deed::EnrolRoster { provider, dataset, persons });
    case("all that is wrong", alone(roster.clone()), MALFORMED, "dataset provider");
    let nobody = text(&roster).replace("\"persons\":1", "\"persons\":0");
    case("of nobody", said(nobody), MALFORMED, "statement");
    let seen = text(&plain).replace("\"suspend\"", "\"acknowledge\"");
    case("nothing to sign", said(seen), MALFORMED, "statement");
    let nowhere = text(&plain).replace(",\"provider\":\"provider-02\"", "");
    case("nobody named", said(nowhere), MALFORMED, "statement");
    let more = text(&plain).replace(",\"reason\"", ",\"admin\":\"A\",\"reason\"");
    case("what has no place", said(more), MALFORMED, "statement");

    for (name, text, signed, what, word) in cases {
        let refused = told(office.admin.0.submit(text, &signed).await);
        let said =
            if what == MALFORMED { refused.fields.join(" ") } else { why(&refused).to_owned() };
        assert_eq!((refused.what(), &*said), (what, word), "{name}: {}", refused.message);
        if what == SECOND {
            let deed = if name.starts_with("another's") { "revoke_key" } else { "loosen" };
            assert_eq!(refused.metadata["deed"], deed, "{name}");
        }
    }
    assert_eq!(office.written(), before);
    let last = office.instance.entries().len();
    let instance = office.close().await;
    let others = instance.entries().split_off(last - 1);
    let digests = |entry: &Entry| matches!(entry.payload, Payload::Refusals(_) | Payload::Act(_));
    assert!(others.iter().all(digests));
    let counted: u64 = instance
        .refusals()
        .iter()
        .flat_map(|digest| digest.certificates.iter().flat_map(|c| &c.counts))
        .filter(|refusal| &*refusal.reason == "SIGNATURE_REJECTED")
        .map(|refusal| refusal.count)
        .sum();
    assert_eq!(counted, 17);
}

#[tokio::test]
async fn a_statement_in_any_other_form_is_refused() {
    let mut office = Office::open(Instance::new()).await;
    let (text, signed) =
        signatures(&office.origin, &office.suspension(), &[("admin-1", &office.one)]);
    let pad = |length: usize| {
        let missing = length - text.len();
        text.replace("an exercise", &"x".repeat(missing + "an exercise".len()))
    };
    let others = [
        String::new(),
        "{}".to_owned(),
        format!(" {text}"),
        format!("{text}\n"),
        text.replace(":", ": "),
        text.replacen('{', "{\"more\":1,", 1),
        text.replace("\"reason\"", "\"agent\":null,\"reason\""),
        text.replace("exercise", "exerc\\u0069se"),
        text.replace("exercise", "\u{7f}"),
        text.replace("\"suspend\"", "\"forget\""),
        text.replace(",\"reason\"", ",\"reason\":\"x\",\"reason\""),
        pad(8_193),
    ];
    for other in others {
        let refused = told(office.admin.0.submit(other.clone(), &signed).await);
        assert_eq!(
            (refused.what(), &*refused.fields.join(" ")),
            (MALFORMED, "statement"),
            "{other}"
        );
    }
    let refused = told(office.admin.0.submit(pad(70_000), &signed).await);
    assert_eq!(refused.what(), (Code::InvalidArgument, "REQUEST_TOO_LARGE"));
    let mut request = SubmitActRequest { statement: text, signatures: Vec::new() };
    for (key, signature, admin) in [(31, 64, "admin-1"), (32, 63, "admin-1"), (32, 64, "Admin 1")] {
        let (key, signature) = (vec![0; key], vec![0; signature]);
        request.signatures = vec![proto::Signature { admin: admin.to_owned(), key, signature }];
        let refused = told(office.admin.0.admin.submit_act(request.clone()).await);
        assert_eq!((refused.what(), &*refused.fields.join(" ")), (MALFORMED, "signatures"));
    }
    assert!(office.written().is_empty());
    office.close().await;
}

#[tokio::test]
async fn what_was_signed_is_written_once_and_never_again_over_a_restart() {
    let instance = Instance::new();
    let mut office = Office::open(instance).await;
    let edge = Statement { expires: wall() + 7 * DAY - HOUR, ..office.suspension() };
    let (text, signed) = signatures(&office.origin, &edge, &[("admin-1", &office.one)]);
    let act = office.admin.0.submit(text.clone(), &signed).await.expect("good for almost 7 days");
    assert_eq!((&*act.deed, act.signers), ("suspend", vec!["admin-1".to_owned()]));
    let instance = office.close().await;
    let mut office = Office::open(instance).await;
    let refused = told(office.admin.0.submit(text, &signed).await);
    assert_eq!((refused.what(), why(&refused)), (REJECTED, "used_before"));
    assert_eq!(office.written(), ["suspend"]);
    office.close().await;
}

#[tokio::test]
async fn two_enrol_a_third_who_then_counts_until_revoked() {
    let instance = Instance::new();
    instance.policy(|policy| {
        let ids = ["admin-1", "admin-2", "admin-3"];
        policy["staff"]["admin"] = crate::instance::texts(ids);
    });
    let mut office = Office::open(instance).await;
    let authority = Authority::of(&office.instance.layout);
    let mut third = office.daemon.client_with(authority.client("admin", "admin-3")).await;
    let key = PersonalKey::new(&[33; 32]);
    let (text, signed) = signatures(&office.origin, &office.suspension(), &[("admin-3", &key)]);
    let refused = told(third.0.submit(text, &signed).await);
    assert_eq!((refused.what(), why(&refused)), (REJECTED, "key_not_enrolled"));
    let enrolment = office.key_of(Deed::EnrolKey, "admin-3", key.public());
    let act = office.by_both(&enrolment).await.expect("two signed");
    assert_eq!((&*act.admin, act.key), ("admin-3", key.public().to_string()));
    assert_eq!(act.signers, ["admin-1", "admin-2"]);
    let agent = "AAAAAAAAAAAAAAAAAAAAAA".parse().expect("a tag");
    let person = |deed: fn(ProviderAgent) -> Deed| {
        statement(deed(ProviderAgent { provider: "provider-02".into(), agent }), "an exercise")
    };
    // Whoever submits is one of the two.
    let signers = [("admin-2", &office.two), ("admin-3", &key)];
    let (text, signed) = signatures(&office.origin, &person(Deed::EnrolAgent), &signers);
    third.0.submit(text, &signed).await.expect("two signed");
    let enrolled = async |admin: &mut Caller| {
        let listed = admin.0.admin.list_providers(ListProvidersRequest {}).await;
        let providers = listed.expect("a list").into_inner().providers;
        let ids: Vec<&str> = providers.iter().map(|provider| &*provider.id).collect();
        assert_eq!(ids, ["provider-01", "provider-02", "provider-03"]);
        providers[1].clone()
    };
    assert_eq!(enrolled(&mut third).await.enrolled_agents, 1);
    let (text, signed) =
        signatures(&office.origin, &person(Deed::DismissAgent), &[("admin-3", &key)]);
    third.0.submit(text, &signed).await.expect("one is enough");
    let (text, signed) = signatures(&office.origin, &office.suspension(), &[("admin-3", &key)]);
    third.0.submit(text, &signed).await.expect("one is enough");
    let provider = enrolled(&mut third).await;
    assert_eq!((provider.enrolled_agents, provider.suspended), (0, true));
    let revocation = office.key_of(Deed::RevokeKey, "admin-3", key.public());
    let (text, signed) = signatures(&office.origin, &revocation, &[("admin-3", &key)]);
    third.0.submit(text, &signed).await.expect("one's own");
    let (text, signed) = signatures(&office.origin, &office.suspension(), &[("admin-3", &key)]);
    let refused = told(third.0.submit(text, &signed).await);
    assert_eq!((refused.what(), why(&refused)), (REJECTED, "key_not_enrolled"));
    let mut soc = office.daemon.client("security-soc").await;
    let listed = told(soc.0.admin.list_providers(ListProvidersRequest {}).await);
    assert_eq!(listed.what(), (Code::Unauthenticated, "CERTIFICATE_REJECTED"));
    office.close().await;
}

#[tokio::test]
async fn what_a_critical_alert_took_two_lift() {
    let instance = Instance::new();
    instance.budgets("provider-01", &[("off_roster_day", 1), ("off_roster_30_days", 1)]);
    let ids: Vec<String> = {
        let source = instance.source();
        let sql = "SELECT id FROM dossiers WHERE id NOT IN \
                   (SELECT id FROM roster WHERE provider = 'provider-01') ORDER BY id LIMIT 2";
        let mut ids = source.prepare(sql).expect("SQL");
        let ids = ids.query_map([], |row| row.get(0)).expect("rows");
        ids.collect::<Result<_, _>>().expect("ids")
    };
    let mut office = Office::open(instance).await;
    let mut caller = office.daemon.client("provider-01").await;
    let page = caller.list(1, "", context()).await.expect("a page").proof.expect("a proof");
    let tag = office.instance.read(page.entry).agent.to_string();
    caller.search("case_number", &[("id", &ids[0])], 1, off_roster()).await.expect("the one");
    let contained = told(caller.list(1, "", context()).await);
    assert_eq!(contained.reason, "ACCESS_CONTAINED");
    let layout = office.instance.layout.clone();
    for of in [&*tag, ""] {
        let what = || Deed::Lift(whom("provider-01", of));
        let alone = submit(&mut office.admin.0, &layout, what(), "alone", &["admin-1"]).await;
        let refused = told(alone);
        assert_eq!((refused.what(), &*refused.metadata["deed"]), (SECOND, "lift"), "{of}");
        let both = ["admin-1", "admin-2"];
        submit(&mut office.admin.0, &layout, what(), "both", &both).await.expect("two signed");
        // What is lifted already, one may lift.
        submit(&mut office.admin.0, &layout, what(), "alone", &["admin-1"]).await.expect("one");
    }
    caller.list(1, "", context()).await.expect("given back");
    assert_eq!(office.written(), ["lift"; 4]);
    office.close().await;
}
