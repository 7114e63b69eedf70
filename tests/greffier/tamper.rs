//! A ledger that the registrar wrote, changed in every way that a file can be: no change passes,
//! and the verdict names the entry that was changed.

mod bytes;
mod files;
mod rewritten;
mod said;

use std::ops::Range;
use std::path::Path;

use greffier::format::entry::{Act, Budgets, Outcome, Payload};
use greffier::registrar::Draft;
use greffier::registrar::rules::Rules;
use greffier::registrar::{Ledger, bind};
use greffier::state::memory::Reach;
use tokio::task::JoinSet;

use crate::segment::{
    ORIGIN, Place, WIDE, access, acknowledgement, get, key, notes, page, people, person, read,
    refusals, reinstatement, rules, signer, suspension,
};

fn policy() -> Rules {
    let narrow = Budgets { agent_minute: 8, ..WIDE };
    rules(&[("alpha-langues", narrow), ("beta-emploi", WIDE), ("gamma-sante", WIDE)])
}

/// At least 40 entries of every kind, in commits of one and of many; the last commit has one.
fn ledger() -> Place {
    let place = written(4, 20);
    assert!(place.entries().len() >= 40);
    place
}

/// The same with fewer, for tests that scan it thousands of times.
pub(crate) fn small() -> Place {
    written(1, 5)
}

/// So many of each small entry one by one, and so many together.
fn written(alone: u32, many: u32) -> Place {
    let place = Place::created(&policy());
    place.run(&policy(), async |ledger| {
        for n in 0..alone {
            get(&ledger, "alpha-langues", "a1", n).await;
            ledger.refusals(refusals(n.into())).await.expect("a writable ledger");
            ledger.access(access(n.into())).await.expect("a writable ledger");
        }
        let many_at_once = people("alpha-langues", 0..9);
        let withheld = page(&ledger, read("alpha-langues", "a1", &many_at_once, &[])).await;
        assert_eq!(withheld.0.outcome, Outcome::Withheld);
        let (on, off) = (people("beta-emploi", 0..2), people("beta-emploi", 7..8));
        page(&ledger, read("beta-emploi", "b1", &on, &off)).await;
        page(&ledger, read("gamma-sante", "c1", &[], &[])).await;
        ledger.act(suspension("gamma-sante")).await.expect("a writable ledger");
        ledger.act(Act::Acknowledged(acknowledgement(&ledger))).await.expect("a writable ledger");
        ledger.act(reinstatement("gamma-sante")).await.expect("a writable ledger");
        while largest(&notes(&place.settings.path)) < 4 {
            together(&ledger, many).await;
        }
        ledger.access(access(9)).await.expect("a writable ledger");
    });
    place
}

/// Submits many at once: the registrar takes what waits into one commit.
async fn together(ledger: &Ledger, many: u32) {
    let mut tasks = JoinSet::new();
    for n in 0..many {
        let ledger = ledger.clone();
        tasks.spawn(async move {
            if n % 5 == 0 {
                let tag = person("gamma-sante", n);
                let read = read("gamma-sante", "c2", &[tag], &[]);
                let (bound, _) = bind(Draft {
                    read: Box::new(read),
                    reach: Reach::One(tag),
                    asked: None,
                    enrolled: false,
                });
                ledger.record(bound).await.expect("a writable ledger");
            } else {
                ledger.access(access(n.into())).await.expect("a writable ledger");
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no panic");
    }
}

/// The entries of each commit.
fn commits(notes: &[(u64, String)]) -> Vec<Range<u64>> {
    let sizes = notes.iter().map(|(size, _)| *size);
    [0].into_iter().chain(sizes.clone()).zip(sizes).map(|(from, to)| from..to).collect()
}

fn largest(notes: &[(u64, String)]) -> u64 {
    // Not the first, which `create` wrote.
    commits(notes).into_iter().skip(1).map(|c| c.end - c.start).max().unwrap_or(0)
}

/// The commit of an entry.
fn commit_of(path: &Path, seq: u64) -> Range<u64> {
    let commit = commits(&notes(path)).into_iter().find(|commit| commit.contains(&seq));
    commit.expect("every entry is covered")
}

/// The newest note of a file.
fn newest(path: &Path) -> String {
    notes(path).pop().expect("a checkpoint").1
}

#[test]
fn the_ledger_that_is_tampered_with_is_sound_before() {
    let place = ledger();
    let path = &place.settings.path;
    let sound = crate::segment::verified(path, &[newest(path)]).expect("a sound ledger");
    let entries = place.entries();
    assert_eq!(sound.checkpoint.size, entries.len() as u64);
    assert_eq!(sound.checkpoint.origin, ORIGIN);
    assert_eq!(sound.anchored.map(|(seq, _)| seq + 1), Some(sound.checkpoint.size));
    assert_eq!(sound.checkpoints, notes(path).len() as u64);
    assert_eq!(sound.signatures, sound.checkpoints);
    assert_eq!(signer().key(), &key());
    for kind in ["genesis", "policy", "read", "refusals", "access"] {
        assert!(entries.iter().any(|entry| entry.payload.kind() == kind), "{kind}");
    }
    let read = |outcome, off| {
        entries.iter().any(|entry| match &entry.payload {
            Payload::Read(read) => read.ruling.outcome == outcome && read.off.is_empty() != off,
            _ => false,
        })
    };
    assert!(read(Outcome::Released, true) && read(Outcome::Released, false));
    assert!(read(Outcome::Withheld, false));
    let commits = commits(&notes(path));
    assert!(commits.iter().any(|c| c.end - c.start == 1));
    assert!(commits.iter().skip(1).any(|c| c.end - c.start >= 4));
}
