//! Agents over time: one person whatever certificate and token it comes with, keys that go, acts
//! that hold at once, and the commands that carry tokens.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use greffier::client::token::TokenSource;
use greffier::client::{Client, ClientSettings};
use greffier::format::entry::{Deed, Entry, Flag, MatterName, Outcome, Payload};
use greffier::proto::GetRecordRequest;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::json;
use tonic::Code;

use crate::fault::{Faults, strace_is_here};
use crate::instance::{Caller, Daemon, Instance, PROGRAM, context};
use crate::issuer::{PROVIDER, REJECTED, b64, instance, is_read, list, signed, write};
use crate::pki::{Authority, fingerprint};
use crate::signed::{submit, whom};
use crate::told::{Told, told};
use crate::wire::Wire;

#[tokio::test]
async fn a_key_that_leaves_the_set_is_good_for_nothing_on_an_open_connection_too() {
    let (instance, issuer) = instance();
    instance.widen();
    let daemon = instance.serve();
    let wire = Wire::open(&daemon, &instance.layout.client(PROVIDER)).await;
    let token = format!("Bearer {}", issuer.token(&issuer.claims()));
    assert_eq!(list(&wire, &[&token]).await.code(), Code::Ok);
    let jwks = instance.layout.agents_jwks();

    // What is no key set changes nothing, and is told.
    std::fs::write(&jwks, "{").unwrap();
    daemon.until_said("stay in force").await;
    assert_eq!(list(&wire, &[&token]).await.code(), Code::Ok);

    write(&jwks, &issuer.keys()[1..]);
    disbelieved(&wire, &token).await;
    let ec = format!("Bearer {}", issuer.ec(r#"{"alg":"ES256","kid":"ec"}"#));
    assert_eq!(list(&wire, &[&ec]).await.code(), Code::Ok);

    // Another key under its name verified nothing.
    let mut keys = issuer.keys();
    let own = Ed25519KeyPair::from_seed_unchecked(&[1; 32]).unwrap();
    keys[0]["x"] = json!(b64(own.public_key()));
    write(&jwks, &keys);
    let claims = issuer.claims().to_string();
    let other =
        signed(r#"{"alg":"EdDSA","kid":"ed"}"#, &claims, |text| own.sign(text).as_ref().to_vec());
    believed(&wire, &format!("Bearer {other}")).await;
    assert_eq!(Told::of(&list(&wire, &[&token]).await).what(), REJECTED);
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_could_not_be_read_for_a_moment_are_read_though_nothing_changes_again() {
    if !strace_is_here() {
        return;
    }
    let (instance, issuer) = instance();
    instance.widen();
    let daemon = instance.serve();
    let wire = Wire::open(&daemon, &instance.layout.client(PROVIDER)).await;
    let token = format!("Bearer {}", issuer.token(&issuer.claims()));
    assert_eq!(list(&wire, &[&token]).await.code(), Code::Ok);
    let jwks = instance.layout.agents_jwks();
    let faults = Faults::inject(&daemon, "openat", "error=EMFILE", Some(&jwks));
    write(&jwks, &issuer.keys()[1..]);
    daemon.until_said("stay in force").await;
    assert_eq!(list(&wire, &[&token]).await.code(), Code::Ok);
    drop(faults);
    disbelieved(&wire, &token).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_keys_are_in_the_ledger_though_it_could_not_be_written_when_they_came() {
    let (instance, issuer) = instance();
    let daemon = instance.serve();
    let held = instance.hold_ledger();
    write(&instance.layout.agents_jwks(), &issuer.keys()[1..]);
    daemon.until_said("new keys of an issuer").await;
    // It has waited for the lock, and given up.
    daemon.until_said("the ledger cannot be written").await;
    held.release();
    let of_keys = |entry: &Entry| matches!(&entry.payload, Payload::Warning(warning) if warning.matter.name() == MatterName::Keys);
    // One of each issuer: here they are two with one set.
    while instance.entries().iter().filter(|entry| of_keys(entry)).count() < 2 {
        tokio::task::yield_now().await;
    }
    daemon.stop().await;
    instance.assert_sound();
}

/// Calls until a token is believed.
async fn believed(wire: &Wire, token: &str) {
    let began = Instant::now();
    while list(wire, &[token]).await.code() != Code::Ok {
        assert!(began.elapsed() < Duration::from_secs(30));
    }
}

/// Calls until a token is believed no more. The log is no sign of it: two issuers share the key
/// set, and each takes up new keys by itself.
async fn disbelieved(wire: &Wire, token: &str) {
    let began = Instant::now();
    loop {
        let answered = list(wire, &[token]).await;
        if answered.code() != Code::Ok {
            break assert_eq!(Told::of(&answered).what(), REJECTED);
        }
        assert!(began.elapsed() < Duration::from_secs(60));
    }
}

#[test]
fn a_start_without_keys_says_what_to_do() {
    let instance = Instance::new();
    let jwks = instance.layout.agents_jwks();
    let text = std::fs::read_to_string(&jwks).unwrap();
    for (put, says) in [
        (None, "put the issuer's JWK Set there"),
        (Some("{}".to_owned()), "export the issuer's JWK Set"),
        (Some(text.replace("\"x\"", "\"d\": \"AAAA\", \"x\"")), "have the issuer make a new key"),
        (Some(text.replace("Ed25519", "X25519")), "none of its keys checks signatures"),
    ] {
        match put {
            None => std::fs::remove_file(&jwks).unwrap(),
            Some(text) => std::fs::write(&jwks, text).unwrap(),
        }
        let refused = instance.try_serve().unwrap_err();
        assert_eq!(refused.status.code(), Some(2));
        for part in [says, "agents.jwks", "development"] {
            assert!(refused.said.contains(part), "{part}: {}", refused.said);
        }
    }
    assert_eq!(instance.entries().len(), 9, "no policy was recorded: {:?}", instance.bodies());
}

/// A client that carries one token.
async fn client(daemon: &Daemon, name: &str, token: &str) -> Caller {
    let token = Some(TokenSource::fixed(token));
    let settings = ClientSettings { token, ..daemon.settings(name) };
    Caller(Client::connect(&settings).await.expect("a connection"))
}

#[tokio::test]
async fn an_agent_is_one_person_whatever_certificate_and_token_it_comes_with() {
    let (instance, mut issuer) = instance();
    instance.budgets(PROVIDER, &[("agent_minute", 3)]);
    let daemon = instance.serve();
    let mut one = client(&daemon, PROVIDER, &issuer.token(&issuer.claims())).await;
    let first = one.list(2, "", context()).await.unwrap().proof.unwrap().entry;
    // Another machine of the same provider.
    let authority = Authority::of(&instance.layout);
    let shown = authority.client("provider", PROVIDER);
    issuer.certificate = fingerprint(&shown.0).0;
    let settings = ClientSettings {
        token: Some(TokenSource::fixed(&issuer.changed("jti", json!("token-2")))),
        ..daemon.settings_of(shown.0, shown.1)
    };
    let mut other = Caller(Client::connect(&settings).await.unwrap());
    let full = told(other.list(2, "", context()).await);
    assert_eq!(full.what(), (Code::ResourceExhausted, "BUDGET_EXHAUSTED"));
    assert_eq!(full.metadata["budget"], "agent_minute");
    let (read, again) = (instance.read(first), instance.read(full.entry()));
    assert_eq!(read.agent, again.agent);
    assert_ne!((read.certificate, read.token), (again.certificate, again.token));
    // And somebody else with the same certificate is somebody else.
    let mut claims = issuer.claims();
    (claims["sub"], claims["jti"]) = (json!("bob"), json!("token-3"));
    let settings =
        ClientSettings { token: Some(TokenSource::fixed(&issuer.token(&claims))), ..settings };
    let mut bob = Caller(Client::connect(&settings).await.unwrap());
    let entry = bob.list(2, "", context()).await.unwrap().proof.unwrap().entry;
    assert_ne!(instance.read(entry).agent, read.agent);
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn a_token_on_two_connections_at_once_shows_in_the_entries() {
    let (instance, issuer) = instance();
    instance.widen();
    let daemon = instance.serve();
    let token = issuer.token(&issuer.claims());
    let mut one = client(&daemon, PROVIDER, &token).await;
    let alone = one.list(1, "", context()).await.unwrap().proof.unwrap().entry;
    let mut two = client(&daemon, PROVIDER, &token).await;
    let both = two.list(1, "", context()).await.unwrap().proof.unwrap().entry;
    let again = one.list(1, "", context()).await.unwrap().proof.unwrap().entry;
    let mut other = client(&daemon, PROVIDER, &issuer.changed("jti", json!("token-2"))).await;
    let own = other.list(1, "", context()).await.unwrap().proof.unwrap().entry;
    let context = |entry| instance.read(entry).context;
    assert_eq!([context(alone), context(own)], [vec![], vec![]]);
    let flag = vec![Flag::ConcurrentSessions];
    assert_eq!([context(both), context(again)], [flag.clone(), flag]);
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn a_suspended_agent_is_held_at_its_next_call_and_nobody_else_is() {
    let (instance, issuer) = instance();
    let daemon = instance.serve();
    let mut alice = client(&daemon, PROVIDER, &issuer.token(&issuer.claims())).await;
    let mut bob = issuer.claims();
    (bob["sub"], bob["jti"]) = (json!("bob"), json!("token-2"));
    let mut bob = client(&daemon, PROVIDER, &issuer.token(&bob)).await;
    let page = alice.list(1, "", context()).await.unwrap();
    let name = page.records[0].name.clone();
    let agent = instance.read(page.proof.unwrap().entry).agent.to_string();
    let mut admin = daemon.client("admin-1").await.0;
    let by = ["admin-1"];
    let suspend = Deed::Suspend(whom(PROVIDER, &agent));
    submit(&mut admin, &instance.layout, suspend, "an exercise", &by).await.unwrap();
    let before = instance.entries().len();
    for _ in 0..3 {
        let request = GetRecordRequest { name: name.clone(), context: Some(context()) };
        let held = told(alice.0.records.get_record(request).await);
        assert_eq!(held.what(), (Code::PermissionDenied, "ACCESS_CONTAINED"));
    }
    // A new token for the same person, over a new connection, is no way around it.
    let mut again = client(&daemon, PROVIDER, &issuer.changed("jti", json!("token-3"))).await;
    let held = told(again.list(1, "", context()).await);
    assert_eq!(held.what(), (Code::PermissionDenied, "ACCESS_CONTAINED"));
    assert!(!instance.entries().split_off(before).iter().any(is_read));
    assert_eq!(bob.list(1, "", context()).await.unwrap().records.len(), 1);
    let reinstate = Deed::Reinstate(whom(PROVIDER, &agent));
    submit(&mut admin, &instance.layout, reinstate, "an exercise", &by).await.unwrap();
    let entry = alice.list(1, "", context()).await.unwrap().proof.unwrap().entry;
    assert_eq!(instance.read(entry).ruling.outcome, Outcome::Released);
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn where_the_certificate_stands_in_no_token_is_looked_at() {
    let instance = Instance::new();
    instance.policy(|policy| {
        policy["provider"][PROVIDER]["agent"]["issuer"] = toml_edit::value("certificate");
    });
    let daemon = instance.serve();
    let wire = Wire::open(&daemon, &instance.layout.client(PROVIDER)).await;
    for values in [&[][..], &["garbage"], &["Bearer a", "Bearer b"]] {
        assert_eq!(list(&wire, values).await.code(), Code::Ok, "{values:?}");
    }
    daemon.stop().await;
    let reads = instance.entries().into_iter().filter(is_read);
    for read in reads {
        let read = instance.read(read.seq);
        assert_eq!((read.issuer, read.token, read.auth_age), (None, None, None));
        assert!(read.methods.is_empty());
    }
    instance.assert_sound();
}

#[tokio::test]
async fn whoever_tries_tokens_is_slowed_down_and_colleagues_are_not() {
    let (instance, issuer) = instance();
    instance.policy(|policy| {
        let provider = &mut policy["provider"][PROVIDER];
        (provider["requests_per_second"], provider["burst"]) =
            (toml_edit::value(1), toml_edit::value(10));
    });
    let daemon = instance.serve();
    let mut alice = client(&daemon, PROVIDER, &issuer.token(&issuer.claims())).await;
    alice.list(1, "", context()).await.unwrap();
    let wire = Wire::open(&daemon, &instance.layout.client(PROVIDER)).await;
    let mut limited = 0;
    for n in 0..60 {
        let token = format!("Bearer {}", issuer.changed("aud", json!(format!("a{n}"))));
        let bad = token.replace('A', "B");
        let refused = Told::of(&list(&wire, &[&bad]).await);
        limited += u64::from(refused.reason == "RATE_LIMITED");
    }
    assert!(limited > 20, "{limited}");
    assert_eq!(alice.list(1, "", context()).await.unwrap().records.len(), 1);
}

/// Runs `greffier read` against a daemon, with what is more.
fn read(instance: &Instance, daemon: &Daemon, more: &[&str], variable: Option<&str>) -> Output {
    let mut command = Command::new(PROGRAM);
    command.arg("read").arg("--instance").arg(instance.layout.root());
    command.args(["--as", PROVIDER, "--address", &daemon.address]).args(more);
    command.env_remove("GREFFIER_TOKEN").envs(variable.map(|token| ("GREFFIER_TOKEN", token)));
    command.output().expect("the program starts")
}

/// A token of `greffier token`.
fn token(instance: &Instance, more: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.arg("token").arg("--instance").arg(instance.layout.root());
    command.args(["--as", PROVIDER, "--agent", "alice"]).args(more);
    command.output().expect("the program starts")
}

/// What is said on standard output and standard error.
fn said(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_carry_a_token_and_say_what_to_do_if_it_is_not_enough() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let made = token(&instance, &[]);
    let (out, loud) = said(&made);
    assert!(made.status.success() && loud.contains("DEVELOPMENT"), "{loud}");
    let file = instance.layout.root().join("token.txt");
    std::fs::write(&file, &out).unwrap();
    let (by_file, named) =
        (["--token", file.to_str().unwrap(), "list"], ["--agent", "alice", "list"]);
    let (by_file, named, own) = (&by_file[..], &named[..], &["list"][..]);
    let mut agents = Vec::new();
    let variable = out.trim();
    for (more, variable) in [(&by_file, None), (&own, Some(variable)), (&named, None), (&own, None)]
    {
        let output = read(&instance, &daemon, more, variable);
        assert!(output.status.success(), "{:?}", said(&output));
        let (text, _) = said(&output);
        let entry = text.trim().rsplit_once("entry ").unwrap().1.lines().next().unwrap();
        agents.push(instance.read(entry.parse().unwrap()).agent);
    }
    assert!(agents[..3].iter().all(|agent| *agent == agents[0]), "alice three times");
    assert_ne!(agents[3], agents[0], "by default the agent is called as the certificate's file");

    for (weak, lacks) in [
        (&["--amr", "pwd"][..], "a second factor is missing"),
        (&["--auth-age", "50000"], "the log-in is too long ago"),
    ] {
        let (weak, _) = said(&token(&instance, weak));
        let refused = read(&instance, &daemon, own, Some(weak.trim()));
        let (_, words) = said(&refused);
        assert_eq!(refused.status.code(), Some(1));
        for part in ["STEP_UP_REQUIRED", lacks, "log in with two factors", "within 43200 s"] {
            assert!(words.contains(part), "{part}: {words}");
        }
    }
    let refused = read(&instance, &daemon, own, Some("garbage"));
    assert!(said(&refused).1.contains("TOKEN_REJECTED"));
    for bad in [&["--ttl", "0"][..], &["--ttl", "3601"], &["--as", "nobody"], &["--agent", "é"]] {
        assert_eq!(token(&instance, bad).status.code(), Some(2), "{bad:?}");
    }
    daemon.stop().await;
    instance.assert_sound();
}
