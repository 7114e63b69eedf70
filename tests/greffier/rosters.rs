//! Rosters that others write while the gateway runs: each change is an entry, and one that grows by
//! more than it may brings a warning.

use greffier::client::tail::{Event, Tail, TailState};
use greffier::format::entry::{MatterName, Payload, Roster, Warning};
use greffier::proto;
use rusqlite::Connection;

use crate::instance::{Daemon, Instance, context};

const PROVIDER: &str = "provider-02";

fn rosters(instance: &Instance) -> Vec<(u64, Roster)> {
    let roster = |entry: greffier::format::entry::Entry| match entry.payload {
        Payload::Roster(roster) if &*roster.provider == PROVIDER => Some((entry.seq, roster)),
        _ => None,
    };
    instance.entries().into_iter().filter_map(roster).collect()
}

fn warnings(instance: &Instance) -> Vec<(u64, Warning)> {
    let warning = |entry: greffier::format::entry::Entry| match entry.payload {
        Payload::Warning(warning) => Some((entry.seq, warning)),
        _ => None,
    };
    instance.entries().into_iter().filter_map(warning).collect()
}

/// Puts persons who are on no roster of the provider on it, as an insider at the agency would.
fn enrol(instance: &Instance, persons: u64) {
    let source = Connection::open(instance.layout.source()).expect("the records");
    let enrolled = source.execute(
        "INSERT INTO roster SELECT ?1, id FROM dossiers WHERE id NOT IN \
         (SELECT id FROM roster WHERE provider = ?1) ORDER BY id LIMIT ?2",
        (PROVIDER, persons),
    );
    assert_eq!(enrolled.expect("SQL") as u64, persons);
}

async fn warned(instance: &Instance, daemon: &Daemon) -> proto::Warning {
    let settings = daemon.settings("security-soc");
    let mut tail = Tail::new(settings, instance.key(), TailState::default()).expect("no state");
    loop {
        if let Event::Warning(warning) = tail.next().await.expect("a ledger that holds") {
            return warning;
        }
    }
}

#[tokio::test]
async fn a_roster_that_is_inflated_is_an_entry_and_a_warning_and_enlarges_no_budget() {
    let instance = Instance::new();
    let before = instance.roster(PROVIDER).len() as u64;
    let daemon = instance.serve();
    let mut provider = daemon.client(PROVIDER).await;
    provider.list(1, "", context()).await.expect("its roster");
    let added = 900;
    enrol(&instance, added);

    let warning = warned(&instance, &daemon).await;
    assert_eq!((&*warning.matter, &*warning.provider), ("roster", PROVIDER));
    assert_eq!((warning.observed, warning.expected), (added, (before / 2).max(20)));
    assert!(warning.sentences[0].text.contains("900 persons"), "{:?}", warning.sentences);
    // Larger than the minute's budget: the roster's new size makes no difference to it.
    assert!(provider.list(500, "", context()).await.is_err());
    daemon.stop().await;

    let found = rosters(&instance);
    let [(_, first), (seq, second)] = &found[..] else { panic!("{found:?}") };
    assert_eq!((first.persons, first.added, first.removed), (before, None, None));
    assert_eq!((second.persons, second.added), (before + added, Some(added)));
    assert_eq!(second.removed, Some(0));
    let warnings = warnings(&instance);
    let [(behind, warning)] = &warnings[..] else { panic!("{warnings:?}") };
    assert_eq!((*behind, warning.matter.name()), (seq + 1, MatterName::Roster));
    instance.assert_sound();
}

#[tokio::test]
async fn a_restart_on_the_same_day_says_nothing_again_and_sees_what_changed_meanwhile() {
    let instance = Instance::new();
    let before = instance.roster(PROVIDER).len() as u64;
    instance.serve().stop().await;
    instance.serve().stop().await;
    // Two, if a day ended in between.
    assert!((1..=2).contains(&rosters(&instance).len()));
    enrol(&instance, 5);
    instance.serve().stop().await;
    let (_, last) = rosters(&instance).pop().expect("a roster");
    assert_eq!((last.persons, last.added), (before + 5, None));
    let warnings = warnings(&instance);
    let [(_, warning)] = &warnings[..] else { panic!("{warnings:?}") };
    assert_eq!((warning.matter.name(), warning.observed), (MatterName::RosterUnseen, before + 5));
    instance.assert_sound();
}

/// Puts as many others in the place of everybody on the roster.
fn swap(instance: &Instance, persons: u64) {
    let source = Connection::open(instance.layout.source()).expect("the records");
    source
        .execute("UPDATE roster SET provider = 'nobody' WHERE provider = ?1", [PROVIDER])
        .expect("SQL");
    let swapped = source.execute(
        "INSERT INTO roster SELECT ?1, id FROM dossiers WHERE id NOT IN \
         (SELECT id FROM roster WHERE provider = 'nobody') ORDER BY id LIMIT ?2",
        (PROVIDER, persons),
    );
    assert_eq!(swapped.expect("SQL") as u64, persons);
}

#[tokio::test]
async fn a_roster_whose_persons_are_others_after_a_restart_is_warned_of_though_it_is_as_large() {
    let instance = Instance::new();
    let before = instance.roster(PROVIDER).len() as u64;
    instance.serve().stop().await;
    swap(&instance, before);
    instance.serve().stop().await;
    let (seq, last) = rosters(&instance).pop().expect("a roster");
    assert_eq!((last.persons, last.added), (before, None));
    let warnings = warnings(&instance);
    let [(behind, warning)] = &warnings[..] else { panic!("{warnings:?}") };
    assert_eq!((*behind, warning.matter.name()), (seq + 1, MatterName::RosterUnseen));
    assert_eq!(warning.observed, before);
    // It is said once.
    instance.serve().stop().await;
    assert_eq!(self::warnings(&instance).len(), 1);
    instance.assert_sound();
}

#[tokio::test]
async fn a_start_on_the_same_day_goes_on_watching_the_rosters() {
    let instance = Instance::new();
    let before = instance.roster(PROVIDER).len() as u64;
    instance.serve().stop().await;
    let daemon = instance.serve();
    // Nothing is served before the first look.
    daemon.client(PROVIDER).await.list(1, "", context()).await.expect("its roster");
    enrol(&instance, 900);
    let warning = warned(&instance, &daemon).await;
    // What nobody knew at the start is known now: its entry was answered, though it wrote nothing.
    assert_eq!((&*warning.matter, warning.observed), ("roster", 900));
    daemon.stop().await;
    let (_, last) = rosters(&instance).pop().expect("a roster");
    assert_eq!((last.persons, last.added), (before + 900, Some(900)));
    instance.assert_sound();
}
