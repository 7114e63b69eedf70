//! What the statement says, of answers made by hand.

use super::*;
use crate::evidence::exposure::Figures;
use crate::format::checkpoint::Checkpoint;
use crate::format::entry::{Hash, Moment};
use crate::format::merkle::Frontier;
use crate::state::State;

const HOUR: Millis = 3_600_000;

fn moment(at: Millis) -> Moment {
    Moment { at, tick: 0 }
}

/// From a ledger that begins at hour 1, has its last entry at hour 9, and was kept up to hour 5.
fn answer(from: Option<Millis>, to: Option<Millis>) -> Answer {
    let sound = Sound {
        checkpoint: Checkpoint { origin: "o/1".to_owned(), size: 1_200, root: Hash::default() },
        note: String::new(),
        leaf: Hash::default(),
        edge: Frontier::default(),
        state: State::default(),
        last: moment(9 * HOUR),
        checkpoints: 1,
        signatures: 1,
        anchored: Some((500, moment(5 * HOUR))),
    };
    let period = Period::new(from.map(|h| h * HOUR), to.map(|h| h * HOUR)).unwrap();
    let question = Question { provider: "alpha".into(), dataset: None, period };
    Answer { question, sound, exposure: Exposure { begins: HOUR, ..Exposure::default() } }
}

fn received(datasets: &[(&str, u64)]) -> String {
    let mut answer = answer(Some(2), Some(3));
    for &(dataset, persons) in datasets {
        let figures = Figures { persons, ..Figures::default() };
        answer.exposure.datasets.insert(dataset.into(), figures);
        answer.exposure.total.persons += persons;
    }
    let sentence = statement::sentence(&answer);
    let (_, said) = sentence.split_once("provider alpha received ").unwrap();
    said.split_once(" between").unwrap().0.to_owned()
}

#[test]
fn the_sentence_names_each_dataset_and_their_sum() {
    assert_eq!(received(&[]), "no person-record of any dataset");
    assert_eq!(received(&[("cir", 0)]), "no person-record of any dataset");
    assert_eq!(received(&[("cir", 1)]), "at most 1 person-record of dataset cir");
    assert_eq!(received(&[("cir", 1), ("visa", 0)]), "at most 1 person-record of dataset cir");
    assert_eq!(
        received(&[("cir", 4_000), ("visa", 2)]),
        "at most 4,002 person-records (4,000 of dataset cir, 2 of dataset visa)"
    );
}

#[test]
fn the_sentence_is_bound_to_its_checkpoint_and_period() {
    let said = statement::sentence(&answer(Some(2), Some(3)));
    let root = "0".repeat(64);
    assert_eq!(
        said,
        format!(
            "According to the entries that this gateway signed (o/1, 1,200 entries, checkpoint of \
             size 1,200 with root {root}), provider alpha received no person-record of any dataset \
             between 1970-01-01T02:00:00Z and 1970-01-01T03:00:00Z."
        )
    );
    let spans = [(Some(2), None), (None, Some(3)), (None, None), (Some(10), None)];
    let said = spans.map(|(from, to)| statement::span(&answer(from, to)));
    let [first, last] = [
        "the ledger's first entry (1970-01-01T01:00:00Z)",
        "the ledger's last entry (1970-01-01T09:00:00Z)",
    ];
    assert_eq!(said[0], format!("from 1970-01-01T02:00:00Z to {last}"));
    assert_eq!(said[1], format!("from {first} to 1970-01-01T03:00:00Z"));
    assert_eq!(said[2], format!("from {first} to its last (1970-01-01T09:00:00Z)"));
    assert_eq!(said[3], "from 1970-01-01T10:00:00Z on");
}

#[test]
fn the_limits_say_where_the_period_reaches_beyond_ledger_and_anchor() {
    let says = |answer: &Answer, words: &str| {
        statement::limits(answer).iter().filter(|limit| limit.contains(words)).count()
    };
    let [before, after] = ["period begins before the ledger", "after the ledger's last entry"];
    let whole = "The whole period lies before that.";
    // From, to; begins before; ends or begins after; anchored as a whole.
    let cases = [
        (Some(1), Some(5), [0, 0, 1]),
        (Some(0), Some(6), [1, 0, 0]),
        (Some(2), Some(9), [0, 0, 0]),
        (Some(2), Some(10), [0, 1, 0]),
        (Some(10), None, [0, 1, 0]),
        (None, Some(0), [0, 0, 1]),
        (None, None, [0, 0, 0]),
    ];
    for (from, to, expected) in cases {
        let answer = answer(from, to);
        let said = [before, after, whole].map(|words| says(&answer, words));
        assert_eq!(said, expected, "{from:?} {to:?}");
    }
}
