use std::time::Duration;

use futures_util::FutureExt as _;

use super::*;
use crate::admission::example::{peer, terms};
use crate::admission::{AgentAuth, TokenRequirements};

fn reader(role: Role, id: &str) -> Principal {
    let now = crate::admission::example::now();
    Principal::admit(&peer(role, id), &terms(), &Role::ALL, now).ok().unwrap()
}

fn places(change: impl FnOnce(&mut Limits)) -> Arc<Places> {
    let mut limits = Limits::default();
    change(&mut limits);
    Arc::new(Places::new(limits))
}

/// A connection from one address, at no time in particular.
fn connect(places: &Arc<Places>, reader: Option<&Principal>) -> Option<Connection> {
    let taken = places.connection(reader, from("192.0.2.1"), Instant::now());
    taken.map(|(connection, _)| connection)
}

fn from(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn an_address_has_its_share_of_handshakes_and_no_more() {
    // A quarter is for who is familiar.
    let places = places(|limits| (limits.handshakes, limits.address_handshakes) = (6, 3));
    let start = Instant::now();
    let take = |text| places.handshake(from(text), start);
    let mut held: Vec<_> = (0..3).map(|_| take("192.0.2.1").unwrap()).collect();
    assert!(take("192.0.2.1").is_none());
    assert!(take("::ffff:192.0.2.1").is_none());
    held.push(take("192.0.2.2").unwrap());
    held.push(take("192.0.2.3").unwrap());
    assert!(take("192.0.2.4").is_none(), "the whole is taken");
    drop(held.remove(0));
    assert!(take("192.0.2.1").is_some());
    held.clear();
    assert_eq!(places.taken_now(), (0, 0));
}

#[tokio::test]
async fn whose_place_is_given_up_is_told_and_leaves_what_was_taken_for_it() {
    let places = places(|limits| (limits.handshakes, limits.address_handshakes) = (2, 1));
    let start = Instant::now();
    let mut first = places.handshake(from("192.0.2.1"), start).unwrap();
    let second = places.handshake(from("192.0.2.1"), start + Duration::from_secs(1)).unwrap();
    first.given_up().told().await;
    drop(first);
    assert_eq!(places.taken_now(), (0, 1));
    drop(second);
    assert_eq!(places.taken_now(), (0, 0));
}

#[test]
fn whom_the_policy_knows_finds_a_place_where_strangers_crowd() {
    let places = places(|limits| (limits.handshakes, limits.address_handshakes) = (4, 3));
    let start = Instant::now();
    places.see(&reader(Role::Security, "soc-1"), from("192.0.2.9"), start);
    let strangers = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"].into_iter();
    let held: Vec<_> = strangers.filter_map(|of| places.handshake(from(of), start)).collect();
    assert_eq!(held.len(), 3);
    assert!(places.handshake(from("192.0.2.9"), start).is_some_and(|of| of.is_familiar()));
}

#[test]
fn a_provider_has_its_share_of_connections_and_of_calls() {
    let places = places(|limits| {
        (limits.provider_connections, limits.provider_calls) = (2, 3);
    });
    let (alpha, beta) = (reader(Role::Provider, "alpha"), reader(Role::Provider, "beta"));
    let one = connect(&places, Some(&alpha)).unwrap();
    let two = connect(&places, Some(&alpha)).unwrap();
    assert!(connect(&places, Some(&alpha)).is_none());
    let other = connect(&places, Some(&beta)).unwrap();
    // More connections are no more calls.
    let calls = [&one, &one, &two].map(|of| of.call(CallCredential::Certificate));
    assert!(calls.iter().all(Result::is_ok));
    assert!(
        one.call(CallCredential::Certificate).is_err()
            && two.call(CallCredential::Certificate).is_err()
    );
    assert!(other.call(CallCredential::Certificate).is_ok());
    drop((calls, one));
    assert!(two.call(CallCredential::Certificate).is_ok());
    assert!(connect(&places, Some(&alpha)).is_some());
}

/// A reader of alpha, whose agents have tokens.
fn with_agents() -> Principal {
    let mut terms = terms();
    let demand = TokenRequirements { issuer: "x".into(), second_factor: true, auth_max_age: 60 };
    terms.providers.get_mut("alpha").unwrap().voucher = AgentAuth::Token(demand);
    let now = crate::admission::example::now();
    Principal::admit(&peer(Role::Provider, "alpha"), &terms, &Role::ALL, now).ok().unwrap()
}

#[tokio::test]
async fn the_oldest_connection_without_a_good_token_gives_way_and_one_with_it_never() {
    let places = places(|limits| limits.provider_connections = 3);
    let (alpha, start) = (with_agents(), Instant::now());
    let connect = |text, now| places.connection(Some(&alpha), from(text), now);
    let (proven, mut its) = connect("192.0.2.1", start).unwrap();
    proven.prove(good(1));
    let (stolen, mut stolen_its) = connect("192.0.2.2", start).unwrap();
    let (other, mut others) = connect("192.0.2.2", start).unwrap();
    assert!(connect("192.0.2.1", start).is_none(), "nobody has had the time");
    let later = start + Duration::from_secs(1);
    let (new, _) = connect("192.0.2.1", later).unwrap();
    stolen_its.told().await;
    // Its token came too late, and its end frees no second place.
    stolen.prove(good(2));
    drop(stolen);
    assert_eq!(places.taken_now(), (3, 0));
    assert!(connect("192.0.2.1", later).is_none(), "it would be its own, which is young");
    other.prove(good(3));
    new.prove(good(4));
    assert!(connect("192.0.2.1", later + Duration::from_secs(1)).is_none());
    assert!(its.told().now_or_never().is_none() && others.told().now_or_never().is_none());
    drop((proven, other, new));
    assert_eq!((places.taken_now(), places.taken.lock().outside), ((0, 0), 0));
}

/// An agent whose token is good for an hour.
fn good(agent: u8) -> Agent {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    Agent { digest: [agent; 16], until: now + 3_600 }
}

#[test]
fn an_agent_whose_token_expires_and_one_with_more_than_a_share_give_way() {
    let places = places(|limits| limits.provider_connections = 8);
    let (alpha, start) = (with_agents(), Instant::now());
    let connect = |now| places.connection(Some(&alpha), from("192.0.2.1"), now);
    let later = start + Duration::from_secs(1);
    // One agent has three, and seven others one each but for the last.
    let held: Vec<_> = (0..8).map(|_| connect(start).unwrap()).collect();
    for (n, (connection, _)) in held.iter().enumerate() {
        connection.prove(good(if n < 3 { 0 } else { n as u8 }));
    }
    let (eighth, _) = connect(later).expect("the oldest of whoever has three gives way");
    eighth.prove(good(9));
    assert!(connect(later).is_none(), "a quarter is two");
    let told = |n: usize, held: &mut Vec<(Connection, GivenUp)>| held[n].1.told().now_or_never();
    let mut held = held;
    assert!(told(0, &mut held).is_some() && told(1, &mut held).is_none());
    // An hour later all tokens are over.
    let over = later + Duration::from_secs(3_600);
    let (ninth, _) = connect(over).expect("the oldest whose token is over");
    assert!(told(1, &mut held).is_some() && told(2, &mut held).is_none());
    drop((held, eighth, ninth));
    assert_eq!((places.taken_now(), places.taken.lock().outside), ((0, 0), 0));
}

#[test]
fn a_bad_token_takes_back_what_a_good_one_has_shown() {
    let places = places(|limits| limits.provider_connections = 2);
    let (alpha, start) = (with_agents(), Instant::now());
    let connect = |now| places.connection(Some(&alpha), from("192.0.2.1"), now);
    let later = start + Duration::from_secs(1);
    let (one, mut its) = connect(start).unwrap();
    let (two, _) = connect(start).unwrap();
    one.prove(good(1));
    two.prove(good(2));
    assert!(connect(later).is_none());
    one.disprove();
    one.prove(good(1));
    assert!(connect(later).is_none());
    one.disprove();
    assert!(connect(later).is_some());
    assert!(its.told().now_or_never().is_some());
    // It is too late for another token.
    one.prove(good(1));
    drop((one, two));
    assert_eq!((places.taken_now(), places.taken.lock().outside), ((0, 0), 0));
}

#[test]
fn a_network_is_familiar_by_a_good_token_and_not_by_a_certificate_alone() {
    let places = places(|limits| (limits.handshakes, limits.address_handshakes) = (4, 3));
    let (alpha, start) = (with_agents(), Instant::now());
    let familiar = || places.handshake(from("192.0.2.1"), start).unwrap().is_familiar();
    places.see(&alpha, from("192.0.2.1"), start);
    let (connection, _) = places.connection(Some(&alpha), from("192.0.2.1"), start).unwrap();
    assert!(!familiar());
    connection.prove(good(1));
    assert!(familiar());
}

#[test]
fn calls_without_a_good_token_leave_most_places_to_the_others() {
    let places = places(|limits| limits.provider_calls = 64);
    let alpha = with_agents();
    let connection = |text| places.connection(Some(&alpha), from(text), Instant::now()).unwrap().0;
    let (one, two) = (connection("192.0.2.1"), connection("192.0.2.2"));
    let most = |of: &Connection, shows| {
        let calls = (0..64).map_while(|_| of.call(shows).ok());
        calls.collect::<Vec<_>>()
    };
    // Eight in all, and a quarter of them from one address.
    let without = most(&one, CallCredential::Nothing);
    assert_eq!(without.len(), 2);
    let others = most(&two, CallCredential::Nothing);
    assert_eq!(others.len(), 2);
    // A quarter of all for one agent.
    let with = most(&one, CallCredential::Token(good(1)));
    assert_eq!(with.len(), 16);
    assert_eq!(one.call(CallCredential::Token(good(1))).err(), Some(PlacesFull::Agent));
    assert_eq!(two.call(CallCredential::Token(good(1))).err(), Some(PlacesFull::Agent));
    let rest =
        (2..9).flat_map(|agent| most(&two, CallCredential::Token(good(agent)))).collect::<Vec<_>>();
    assert_eq!(rest.len(), 64 - 2 - 2 - 16);
    assert_eq!(two.call(CallCredential::Token(good(9))).err(), Some(PlacesFull::Holder));
    drop(without);
    assert!(one.call(CallCredential::Nothing).is_ok());
    drop((with, others, rest));
}

#[test]
fn providers_and_strangers_leave_room_for_staff() {
    let places = places(|limits| {
        (limits.connections, limits.provider_connections) = (8, 100);
    });
    let alpha = reader(Role::Provider, "alpha");
    let flood: Vec<_> = (0..100).map_while(|_| connect(&places, Some(&alpha))).collect();
    assert_eq!(flood.len(), 6);
    assert!(connect(&places, None).is_none());
    let soc = reader(Role::Security, "soc-1");
    let staff: Vec<_> = (0..100).map_while(|_| connect(&places, Some(&soc))).collect();
    assert_eq!(staff.len(), 2);
    drop(flood);
    assert!(connect(&places, None).is_some());
    drop(staff);
    let taken = places.taken.lock();
    assert_eq!((taken.connections, taken.outside), (0, 0));
}

#[test]
fn strangers_share_a_few_places_and_staff_have_a_share_each() {
    let places = places(|_| {});
    let strangers: Vec<_> = (0..1_000).map_while(|_| connect(&places, None)).collect();
    assert_eq!(strangers.len(), NOBODY);
    let soc = reader(Role::Security, "soc-1");
    let staff: Vec<_> = (0..1_000).map_while(|_| connect(&places, Some(&soc))).collect();
    assert_eq!(staff.len(), STAFF_CONNECTIONS);
    assert!(connect(&places, Some(&reader(Role::Auditor, "audit-1"))).is_some());
}
