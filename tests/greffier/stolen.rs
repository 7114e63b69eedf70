//! A provider's certificate in the hands of somebody who has no token: nothing that is done with it
//! keeps the provider's own agents out, and the security team hears of it. Whoever has stolen it
//! comes from another address.

use std::time::{Duration, Instant, SystemTime};

use greffier::format::entry::{Deed, Matter, Payload, Warning, Whom};
use greffier::format::signer::read_key;
use greffier::format::tag::Tagger;
use greffier::instance::{AgentIssuer, Login};
use http::Method;
use tonic::{Code, Status};

use crate::entries::submit;
use crate::figures::figure;
use crate::instance::{Daemon, Instance, context};
use crate::pki::fingerprint;
use crate::told::{Told, told};
use crate::wire::{Wire, framed, shake_from};

const LIST: &str = "/greffier.v1.Records/ListRecords";
const CHECKPOINT: &str = "/greffier.v1.Ledger/GetCheckpoint";
const CHECK: &str = "/grpc.health.v1.Health/Check";
const WATCH: &str = "/grpc.health.v1.Health/Watch";
/// Another address of the provider's own network.
const ELSEWHERE: [u8; 4] = [127, 0, 0, 9];
const PROVIDER: &str = "provider-02";
/// As the policy of `init` calls its issuer.
const ISSUER: &str = "development";

fn door(instance: &Instance, limits: &[(&str, i64)]) {
    instance.config(|config| {
        let mut door = toml_edit::Table::new();
        for (key, limit) in limits {
            door.insert(key, toml_edit::value(*limit));
        }
        config.insert("door", toml_edit::Item::Table(door));
    });
}

async fn thief(daemon: &Daemon, instance: &Instance) -> Wire {
    let shown = instance.layout.client(PROVIDER);
    Wire::over(shake_from(daemon, ELSEWHERE, &shown).await.unwrap(), 65_535).await
}

/// Whether the provider's own agent reads, over a new connection and with a token of its own.
async fn reads(daemon: &Daemon) -> Result<(), Told> {
    match daemon.client(PROVIDER).await.list(1, "", context()).await {
        Ok(page) => {
            assert_eq!(page.records.len(), 1);
            Ok(())
        }
        refused => Err(told(refused)),
    }
}

/// The same when the crowd has had the time that anybody has.
async fn reads_soon(daemon: &Daemon) {
    let began = Instant::now();
    while let Err(refused) = reads(daemon).await {
        assert_eq!(refused.reason, "CONNECTIONS_FULL");
        assert!(began.elapsed() < Duration::from_secs(30));
    }
}

fn warnings(instance: &Instance) -> Vec<Warning> {
    let entries = instance.entries().into_iter();
    let warning = |entry: greffier::format::entry::Entry| match entry.payload {
        Payload::Warning(warning) if matches!(warning.matter, Matter::Door { .. }) => Some(warning),
        _ => None,
    };
    entries.filter_map(warning).collect()
}

#[tokio::test]
async fn reads_without_a_good_token_are_told_at_their_headers_and_take_no_place() {
    let instance = Instance::new();
    door(&instance, &[("provider_calls", 8)]);
    let daemon = instance.serve();
    let wire = thief(&daemon, &instance).await;
    let mut held = Vec::new();
    for n in 0..520 {
        // Without one, and with one that is none. Nothing more of the call ever comes.
        let token = [("authorization", "Bearer e30.e30.e30")];
        let (answer, request) = wire.begin(LIST, if n % 2 == 0 { &[] } else { &token }).await;
        let status = Status::from_header_map(answer.await.unwrap().headers()).unwrap();
        let refused = Told::of(&status).reason;
        assert!(["TOKEN_REJECTED", "RATE_LIMITED"].contains(&&*refused), "{refused}");
        held.push(request);
    }
    assert_eq!(reads(&daemon).await, Ok(()));
    daemon.stop().await;
    let [warning] = &*warnings(&instance) else { panic!("{:?}", warnings(&instance)) };
    let certificate = fingerprint(&instance.layout.client(PROVIDER).0);
    assert_eq!(
        warning.matter,
        Matter::Door { provider: PROVIDER.into(), agent: None, certificate }
    );
    assert_eq!((warning.observed, warning.expected), (64, 64));
    instance.assert_sound();
}

#[tokio::test]
async fn a_few_that_are_turned_away_are_no_warning() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let wire = thief(&daemon, &instance).await;
    for _ in 0..63 {
        wire.call(LIST, &[], &framed(0, b"")).await;
    }
    daemon.stop().await;
    assert_eq!(warnings(&instance), []);
}

#[tokio::test]
async fn connections_without_a_good_token_give_way_to_those_of_the_provider() {
    let instance = Instance::new();
    door(&instance, &[("provider_connections", 4)]);
    let daemon = instance.serve();
    let mut own = daemon.client(PROVIDER).await;
    assert!(own.list(1, "", context()).await.is_ok());
    // Some are turned away before they can say a word, and find a connection that was reset.
    let shown = instance.layout.client(PROVIDER);
    let mut held = Vec::new();
    for _ in 0..130 {
        held.push(shake_from(&daemon, ELSEWHERE, &shown).await);
    }
    reads_soon(&daemon).await;
    for n in 0..130 {
        held.push(shake_from(&daemon, ELSEWHERE, &shown).await);
        // What has shown a good token once stays.
        if n % 10 == 0 {
            assert!(own.list(1, "", context()).await.is_ok());
        }
    }
    reads_soon(&daemon).await;
    // Nobody of another provider notices.
    assert!(daemon.client("provider-03").await.list(1, "", context()).await.is_ok());
    daemon.stop().await;
    assert_eq!(warnings(&instance).len(), 1);
    instance.assert_sound();
}

/// A token of somebody else at the provider.
fn bearer_of(instance: &Instance, agent: &str) -> String {
    let issuer = AgentIssuer::open(&instance.layout).expect("the issuer of `init`");
    let login = Login::now(agent, &instance.layout.client(PROVIDER).0).expect("a certificate");
    format!("Bearer {}", issuer.token(&login, SystemTime::now()).expect("randomness"))
}

/// A stolen token with its certificate, from elsewhere.
async fn thief_with_token(daemon: &Daemon, instance: &Instance) -> (Wire, String) {
    (thief(daemon, instance).await, bearer_of(instance, "stolen"))
}

#[tokio::test]
async fn where_every_connection_has_shown_a_good_token_none_gives_way() {
    let instance = Instance::new();
    // One agent may have one: a quarter.
    door(&instance, &[("provider_connections", 1)]);
    let daemon = instance.serve();
    let mut one = daemon.client(PROVIDER).await;
    for _ in 0..2 {
        assert!(one.list(1, "", context()).await.is_ok());
        let refused = reads(&daemon).await.unwrap_err();
        assert_eq!(refused.what(), (Code::ResourceExhausted, "CONNECTIONS_FULL"));
    }
}

#[tokio::test]
async fn one_good_token_keeps_no_connection_from_the_others() {
    let instance = Instance::new();
    door(&instance, &[("provider_connections", 8)]);
    let daemon = instance.serve();
    let mut own = daemon.client(PROVIDER).await;
    assert!(own.list(1, "", context()).await.is_ok());
    let bearer = bearer_of(&instance, "stolen");
    let mut held = Vec::new();
    for _ in 0..16 {
        let wire = thief(&daemon, &instance).await;
        // Each is proven by a call that never comes to its end.
        held.push((wire.begin(LIST, &[("authorization", &bearer)]).await, wire));
    }
    reads_soon(&daemon).await;
    assert!(own.list(1, "", context()).await.is_ok());
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn one_good_token_keeps_no_call_from_the_others_and_is_told_of() {
    let instance = Instance::new();
    door(&instance, &[("provider_calls", 8)]);
    let daemon = instance.serve();
    let (wire, bearer) = thief_with_token(&daemon, &instance).await;
    let token = [("authorization", &*bearer)];
    let mut begun = Vec::new();
    for _ in 0..100 {
        begun.push(wire.begin(LIST, &token).await);
    }
    assert_eq!(reads(&daemon).await, Ok(()));
    let mut full = 0;
    for (answer, _request) in begun {
        let status = Status::from_header_map(answer.await.unwrap().headers()).unwrap();
        let refused = Told::of(&status).reason;
        assert!(["CALLS_FULL", "MESSAGE_LATE"].contains(&&*refused), "{refused}");
        full += usize::from(refused == "CALLS_FULL");
    }
    // A quarter of them had a place, until it was clear that no message comes.
    assert_eq!(full, 98);
    daemon.stop().await;
    let [warning] = &*warnings(&instance) else { panic!("{:?}", warnings(&instance)) };
    assert!(matches!(warning.matter, Matter::Door { agent: Some(_), .. }), "{warning:?}");
    instance.assert_sound();
}

#[tokio::test]
async fn a_message_that_does_not_come_ends_its_call() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let (wire, bearer) = thief_with_token(&daemon, &instance).await;
    let (read, _read) = wire.begin(LIST, &[("authorization", &bearer)]).await;
    let (check, mut half) = wire.begin(CHECK, &[]).await;
    // A piece of it is not enough.
    half.send_data(vec![0, 0].into(), false).expect("HTTP/2");
    let (watch, _watch) = wire.begin(WATCH, &[]).await;
    for answer in [read, check, watch] {
        let status = Status::from_header_map(answer.await.unwrap().headers()).unwrap();
        let told = Told::of(&status);
        assert_eq!(told.what(), (Code::DeadlineExceeded, "MESSAGE_LATE"));
    }
    assert_eq!(reads(&daemon).await, Ok(()));
    let soc = Wire::open(&daemon, &instance.layout.client("security-soc")).await;
    let (.., text) = soc.ask(Method::GET, "/metrics").await;
    let late = figure(&text, r#"greffier_refused_total{reason="MESSAGE_LATE"}"#);
    assert_eq!(late, Some(3), "{text}");
}

#[tokio::test]
async fn an_agent_who_is_suspended_is_told_so_at_the_headers() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let (wire, bearer) = thief_with_token(&daemon, &instance).await;
    let agent = Tagger::new(&read_key(&instance.layout.tag_key()).expect("a key"));
    let agent = agent.agent(PROVIDER, &greffier::admission::agent(ISSUER, "stolen"));
    let mut admin = daemon.client("admin-1").await;
    let whom = Whom { provider: PROVIDER.into(), agent: Some(agent) };
    let suspended = submit(&mut admin, &instance, Deed::Suspend(whom));
    suspended.await.expect("a suspension");
    let (answer, _request) = wire.begin(LIST, &[("authorization", &bearer)]).await;
    let status = Status::from_header_map(answer.await.unwrap().headers()).unwrap();
    assert_eq!(Told::of(&status).reason, "ACCESS_CONTAINED");
    assert_eq!(reads(&daemon).await, Ok(()));
}

#[tokio::test]
async fn tokens_that_are_tried_use_up_nothing_of_another_address() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let wire = thief(&daemon, &instance).await;
    let mut tried = 0;
    loop {
        tried += 1;
        assert!(tried < 10_000);
        // Of the right form, so that its signature must be verified.
        let token = format!("Bearer eyJhbGciOiJFZERTQSJ9.e30.{tried:08}");
        let status = wire.call(LIST, &[("authorization", &token)], &framed(0, b"")).await;
        if Told::of(&status).reason == "RATE_LIMITED" {
            break;
        }
    }
    // A token that nobody has seen, of the provider itself.
    assert_eq!(reads(&daemon).await, Ok(()));
    // The same from where others are tried has to wait for its turn among them.
    loop {
        tried += 1;
        assert!(tried < 10_000);
        let bearer = instance.bearer(PROVIDER);
        let status = wire.call(LIST, &[("authorization", &bearer)], &framed(0, b"")).await;
        if Told::of(&status).reason == "RATE_LIMITED" {
            break;
        }
    }
}

#[tokio::test]
async fn calls_without_a_token_cost_fresh_tokens_of_their_own_address_nothing() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let wire = thief(&daemon, &instance).await;
    let garbage = [("authorization", "Bearer garbage")];
    for n in 0..300 {
        let headers: &[_] = if n % 2 == 0 { &[] } else { &garbage };
        let refused = Told::of(&wire.call(LIST, headers, &framed(0, b"")).await);
        assert_eq!(refused.reason, "TOKEN_REJECTED");
    }
    let bearer = instance.bearer(PROVIDER);
    let status = wire.call(LIST, &[("authorization", &bearer)], &framed(0, b"")).await;
    assert_eq!(Told::of(&status).reason, "REQUEST_MALFORMED");
}

#[tokio::test]
async fn calls_that_need_no_token_use_up_neither_the_rate_nor_the_places_of_reads() {
    let instance = Instance::new();
    // Of which an eighth is for calls without one, and a quarter of that for one address.
    door(&instance, &[("provider_calls", 64)]);
    let daemon = instance.serve();
    let wire = thief(&daemon, &instance).await;
    let mut asked = 0;
    while wire.call(CHECKPOINT, &[], &framed(0, b"")).await.code() == Code::Ok {
        asked += 1;
        assert!(asked < 10_000);
    }
    assert_eq!(reads(&daemon).await, Ok(()));
    let mut held = Vec::new();
    for _ in 0..2 {
        let (answer, mut request) = wire.begin(WATCH, &[]).await;
        request.send_data(framed(0, b"").into(), true).unwrap();
        held.push(answer.await.unwrap());
    }
    let refused = Told::of(&wire.call(CHECK, &[], &framed(0, b"")).await);
    assert_eq!(refused.what(), (Code::ResourceExhausted, "CALLS_FULL"));
    assert_eq!(reads(&daemon).await, Ok(()));
    // Whoever has a token finds a place for these too.
    let own = Wire::open(&daemon, &instance.layout.client(PROVIDER)).await;
    let bearer = instance.bearer(PROVIDER);
    let good = own.call(CHECK, &[("authorization", &bearer)], &framed(0, b"")).await;
    assert_eq!(good.code(), Code::Ok);
    drop(held);
}
