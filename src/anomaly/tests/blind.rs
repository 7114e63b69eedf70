//! What a withheld read would have found, nobody can tell from what becomes of it: the same ruling, the same
//! alerts, and the same of every read behind it, whether the person is unknown, somebody else's, a decoy, or one
//! who would have been given.

use super::*;
use crate::format::entry::Flag;

/// What a read could hold, and what the records happen to hold for it.
#[derive(Debug, Clone)]
struct Asked {
    who: u8,
    method: Method,
    could: u64,
    reason: bool,
    tight: bool,
    /// Which of a few networks it comes from.
    network: u8,
    key: u64,
    apart: Millis,
    /// Two answers to it: persons on the roster, off it, and decoys.
    answers: [(u64, u64, u64); 2],
}

fn asked() -> impl Strategy<Value = Asked> {
    let method = prop_oneof![Just(Method::Get), Just(Method::Search), Just(Method::List)];
    let answer = || (0..6_u64, 0..6_u64, 0..2_u64);
    let of =
        (0..3_u8, method, 1..20_u64, any::<bool>(), any::<bool>(), 0..4_u8, 0..40_u64, 0..HOUR);
    (of, [answer(), answer()]).prop_map(
        |((who, method, could, reason, tight, network, key, apart), answers)| {
            let could = if method == Method::List { could } else { 1 };
            Asked { who, method, could, reason, tight, network, key, apart, answers }
        },
    )
}

/// A read with one of its answers; what could be in it says nothing of that.
fn with(asked: &Asked, (on, off, decoys): (u64, u64, u64)) -> Read {
    let Asked { could, reason, .. } = *asked;
    let off = if reason { off.min(could) } else { 0 };
    let all = on.min(could - off) + off;
    let facts = Facts {
        could,
        could_off: if reason { could } else { 0 },
        could_never: could,
        all: counts(all),
        off: counts(off),
    };
    let tag = Tag(u128::from(asked.key).to_be_bytes());
    let key = SearchKey { name: "family_key".into(), tag };
    let one = asked.method != Method::List;
    Read {
        method: asked.method,
        misses: u64::from(one && all == 0),
        keys: if asked.method == Method::Search { vec![key] } else { Vec::new() },
        context: if asked.tight { vec![Flag::OffHours] } else { Vec::new() },
        decoys: decoys.min(all),
        network: format!("198.51.{}.0/24", asked.network).into(),
        ..read("alpha".into(), Tag([asked.who; 16]), facts, Ruling::PENDING)
    }
}

proptest! {
    #[test]
    fn what_a_withheld_read_would_have_found_changes_nothing(
        past in prop::collection::vec(asked(), 0..60),
        withheld in prop::collection::vec(asked(), 1..20),
        behind in prop::collection::vec(asked(), 1..20),
    ) {
        let small = Budgets { agent_hour: 12, agent_day: 30, provider_day: 60, off_roster_day: 8, ..WIDE };
        let [mut one, mut other] = [Bench::under(small), Bench::under(small)];
        // At a provider of months, where nobody is let alone and networks are usual or new.
        for bench in [&mut one, &mut other] {
            for _ in 0..4 {
                prop_assert_eq!(bench.read(A, on(1)).0, Ruling::RELEASED);
                bench.pass(16 * DAY);
            }
        }
        for (n, asked) in past.iter().chain(&withheld).chain(&behind).enumerate() {
            let hidden = (past.len()..past.len() + withheld.len()).contains(&n);
            one.pass(asked.apart);
            other.pass(asked.apart);
            // In the middle they differ, where the read is withheld whatever it finds.
            let [first, second] = asked.answers.map(|answer| with(asked, answer));
            let refused = |bench: &Bench, read: &Read| {
                let input = JudgeInput::of(bench.entries.len() as u64, read);
                let nobody = JudgeInput { facts: Facts { all: counts(0), off: counts(0), ..read.facts }, misses: 1, decoys: 0, ..input };
                bench.judge.decide(&nobody, &bench.standing, bench.now).ruling.outcome == Outcome::Withheld
                    && bench.judge.decide(&input, &bench.standing, bench.now).ruling.outcome == Outcome::Withheld
            };
            let differ = hidden && refused(&one, &first) && refused(&one, &second);
            let second = if differ { second } else { first.clone() };
            let (here, there) = (one.judged(first), other.judged(second));
            prop_assert_eq!(here, there, "read {}", n);
        }
    }
}
