//! A registrar with a judge that has a bug: it refuses what a verifier would call unsound, writes
//! nothing of it, and goes on with whoever the bug does not meet.

use greffier::anomaly::AnomalyJudge;
use greffier::format::entry::{
    Alert, Entry, Level, Measure, Moment, Outcome, Payload, Rule, Ruling, Severity, Tag,
};
use greffier::registrar::start::JudgeFactory;
use greffier::registrar::{Draft, Ledger, Recorded, Unrecorded, bind};
use greffier::state::judge::{Decision, Judge};
use greffier::state::judge_input::JudgeInput;
use greffier::state::memory::Reach;
use greffier::state::standing::Standing;

use crate::segment::{Place, WIDE, get, people, read, rules, runtime, suspension, verified};

const ALPHA: &str = "alpha-langues";
const MET: &str = "met";

/// What is wrong with a decision.
type Bug = fn(&JudgeInput<'_>, Moment, &mut Decision);

/// Decides as it should, but for one agent.
struct Buggy {
    judge: Box<dyn Judge>,
    met: Tag,
    bug: Bug,
}

impl Judge for Buggy {
    fn version(&self) -> u64 {
        self.judge.version()
    }

    fn decide(&self, counted: &JudgeInput<'_>, standing: &Standing, now: Moment) -> Decision {
        let mut decision = self.judge.decide(counted, standing, now);
        if counted.agent == self.met {
            (self.bug)(counted, now, &mut decision);
        }
        decision
    }

    fn apply(&mut self, entry: &Entry) {
        self.judge.apply(entry);
    }
}

fn factory(bug: Bug) -> Box<JudgeFactory> {
    let met = read(ALPHA, MET, &[], &[]).agent;
    Box::new(move || Box::new(Buggy { judge: AnomalyJudge::fresh(), met, bug }) as Box<dyn Judge>)
}

/// An alert as it should be behind the first read of an agent's day, of one person.
fn alert(counted: &JudgeInput<'_>, now: Moment) -> Alert {
    Alert {
        incident: counted.seq + 1,
        rule: Rule::Roster,
        severity: Severity::High,
        provider: counted.provider.clone(),
        agent: counted.agent,
        level: Level::Agent,
        observed: 50_000,
        expected: 45_000,
        since: now.at,
        first: counted.seq,
        last: counted.seq,
        persons: 1,
        off: 0,
        measures: vec![Measure::Freeze],
        until: None,
    }
}

async fn met(ledger: &Ledger) -> Result<Recorded, Unrecorded> {
    let persons = people(ALPHA, 900..901);
    let (bound, _) = bind(Draft {
        read: Box::new(read(ALPHA, MET, &persons, &[])),
        reach: Reach::One(persons[0]),
        asked: None,
        enrolled: false,
    });
    ledger.record(bound).await
}

/// Has a judge with this bug rule, among others on whom the bug meets; whether that was recorded.
fn recorded(bug: Bug, suspended: bool) -> bool {
    let rules = rules(&[(ALPHA, WIDE), ("beta-emploi", WIDE)]);
    let place = Place::created(&rules);
    let runtime = runtime();
    let _inside = runtime.enter();
    let registrar = place.start_judged(&rules, factory(bug)).expect("a sound ledger");
    let ledger = registrar.ledger.clone();
    let came = runtime.block_on(async {
        if suspended {
            ledger.act(suspension(ALPHA)).await.expect("a writable ledger");
        }
        // In one commit, as far as they come together.
        let (one, came, other) = tokio::join!(
            get(&ledger, "beta-emploi", "b1", 1),
            met(&ledger),
            get(&ledger, "beta-emploi", "b2", 2)
        );
        assert_eq!((one.0, other.0), (Ruling::RELEASED, Ruling::RELEASED));
        // And so does whoever comes behind it.
        assert_eq!(get(&ledger, "beta-emploi", "b1", 3).await.0, Ruling::RELEASED);
        came
    });
    drop(ledger);
    registrar.finish();
    verified(&place.settings.path, &[]).expect("a sound ledger");
    let agent = read(ALPHA, MET, &[], &[]).agent;
    let of_it = |entry: &Entry| match &entry.payload {
        Payload::Read(read) => read.agent == agent,
        Payload::Alert(_) => true,
        _ => false,
    };
    let there = place.entries().iter().any(of_it);
    let again = place.start_judged(&rules, factory(bug)).expect("what it wrote itself");
    again.finish();
    match came {
        Ok(_) => assert!(there),
        Err(why) => assert_eq!((why, there), (Unrecorded::Unfit, false)),
    }
    there
}

#[test]
fn what_a_judge_without_the_bug_decides_is_recorded() {
    assert!(recorded(|_, _, _| (), false));
    assert!(recorded(|counted, now, decision| decision.alerts.push(alert(counted, now)), false));
}

#[test]
fn a_release_to_whoever_is_contained_is_refused() {
    let bug: Bug = |_, _, decision| decision.ruling = Ruling::RELEASED;
    assert!(recorded(bug, false));
    assert!(!recorded(bug, true));
}

#[test]
fn a_ruling_that_contradicts_itself_is_refused() {
    let wrong: [Bug; 3] = [
        |_, _, decision| decision.ruling = Ruling::PENDING,
        |_, _, decision| decision.ruling.rule = Some(Rule::AgentDay),
        |_, _, decision| {
            decision.ruling.outcome = Outcome::Withheld;
            decision.ruling.rule = Some(Rule::AgentDay);
        },
    ];
    assert!(!wrong.into_iter().any(|bug| recorded(bug, false)));
}

#[test]
fn an_alert_that_does_not_stand_takes_its_read_with_it() {
    fn with(decision: &mut Decision, alert: Alert) {
        decision.alerts.push(alert);
    }
    let wrong: [Bug; 8] = [
        |counted, now, d| with(d, Alert { persons: 2, ..alert(counted, now) }),
        |counted, now, d| with(d, Alert { off: 1, ..alert(counted, now) }),
        |counted, now, d| with(d, Alert { agent: Tag([1; 16]), ..alert(counted, now) }),
        |counted, now, d| with(d, Alert { rule: Rule::Contained, ..alert(counted, now) }),
        |counted, now, d| with(d, Alert { incident: 0, ..alert(counted, now) }),
        |counted, now, d| with(d, Alert { severity: Severity::Info, ..alert(counted, now) }),
        // No bytes can hold these.
        |counted, now, d| with(d, Alert { observed: 1 << 53, ..alert(counted, now) }),
        |counted, now, d| {
            with(d, alert(counted, now));
            with(d, Alert { provider: "x".repeat(300).into(), ..alert(counted, now) });
        },
    ];
    assert!(!wrong.into_iter().any(|bug| recorded(bug, false)));
}
