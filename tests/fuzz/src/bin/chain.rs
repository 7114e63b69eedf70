//! Entries that whoever has the ledger's key could write: in any order, with other words in them.
//! What may stand is folded, judged again and counted; nothing panics.

#![no_main]

use std::sync::LazyLock;

use greffier::anomaly::replay::Replay;
use greffier::evidence::exposure::{Count, Question};
use greffier::evidence::period::Period;
use greffier::format::entry::{Entry, Moment};
use greffier::state::State;
use greffier_fuzz::changed::{Word, reworded};
use greffier_fuzz::instance::Instance;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

/// One entry more.
#[derive(Arbitrary, Debug)]
struct Step {
    /// Which of the real ones it is like.
    like: u8,
    words: Vec<(u8, Word)>,
    passed: (u32, u32),
    /// Whether a commit ends behind it.
    commit: bool,
}

static BODIES: LazyLock<Vec<String>> = LazyLock::new(|| Instance::written().bodies());

/// The fold of a ledger, its judge and a question that is asked of it.
struct Fold {
    state: State,
    replay: Replay,
    count: Count,
    now: Moment,
}

impl Fold {
    fn new() -> Fold {
        let period = Period::new(None, None).expect("all of time");
        let question = Question { provider: "provider-01".into(), dataset: None, period };
        let (state, replay, count) = (State::default(), Replay::default(), Count::new(question));
        Fold { state, replay, count, now: Moment::default() }
    }

    /// Takes an entry where it stands; whether it may stand there.
    fn take(&mut self, entry: &Entry) -> bool {
        let Fold { state, replay, count, .. } = self;
        let taken = state.take(entry, |state| {
            replay.apply(entry, state.standing());
            count.apply(entry);
        });
        self.now = entry.now;
        taken.is_ok()
    }
}

fuzz_target!(|input: (u8, Vec<Step>)| {
    let (real, steps) = input;
    let mut fold = Fold::new();
    // The real ones first, or only some of them: enough for a policy.
    for body in BODIES.iter().take(usize::from(real) % (BODIES.len() + 1)) {
        fold.take(&Entry::parse(body).expect("a real entry"));
        let _ = fold.state.commit();
    }
    for step in steps {
        let mut body = BODIES[usize::from(step.like) % BODIES.len()].clone();
        for (nth, word) in &step.words {
            body = reworded(&BODIES, &body, *nth, word).unwrap_or(body);
        }
        let Ok(mut entry) = Entry::parse(&body) else { continue };
        let (at, tick) = step.passed;
        entry.seq = fold.state.next();
        entry.now =
            Moment { at: fold.now.at + u64::from(at), tick: fold.now.tick + u64::from(tick) };
        // The registrar asks the same of what it is about to write.
        let admitted = fold.state.admits(std::slice::from_ref(&entry), None);
        if !fold.take(&entry) {
            assert!(admitted.is_err(), "{entry:?}");
            return;
        }
        if step.commit && fold.state.commit().is_err() {
            return;
        }
    }
    fold.replay.difference();
    fold.count.end();
});
