//! What agents' tokens cost: the gateway with and without them, in turn, in one process.

use std::time::Duration;

use serde_json::{Value, json};

use crate::gauge::{Failed, Spread};
use crate::load::{Round, round};
use crate::stand::Target;

/// One of a pair of rounds.
type Side = fn(&(Round, Round)) -> Round;

/// Measures one level: the text, and the same as JSON.
pub(crate) async fn measure(
    without: &Target,
    with: &Target,
    (in_flight, pairs): (usize, usize),
    seconds: Duration,
) -> Result<(String, Value), Failed> {
    let mut rounds: Vec<(Round, Round)> = Vec::new();
    for _ in 0..pairs {
        let before = round(without, in_flight, seconds).await?;
        rounds.push((before, round(with, in_flight, seconds).await?));
    }
    let of = |side: Side, figure: fn(&Round) -> f64| {
        Spread::of(rounds.iter().map(|pair| figure(&side(pair))))
    };
    let ratio = Spread::of(rounds.iter().map(|(without, with)| with.rate / without.rate));
    let mut lines = vec![format!("{in_flight} calls in flight: throughput ratio {ratio}")];
    lines.push(format!("{:<16}{:<28}{:<28}{}", "", "calls a second", "p99, us", "CPU, us a call"));
    let mut sides = Vec::new();
    let all: [(&str, Side); 2] = [("certificate", |pair| pair.0), ("token", |pair| pair.1)];
    for (name, side) in all {
        let (rate, p99) = (of(side, |r| r.rate), of(side, |r| r.p99));
        let cpu = of(side, |r| r.cpu);
        lines.push(format!("  {name:<14}{rate:<28}{p99:<28}{cpu}"));
        sides.push(json!({
            "agents": name, "rate": rate.json(), "p99_us": p99.json(), "cpu_us": cpu.json(),
        }));
    }
    let json = json!({"in_flight": in_flight, "ratio": ratio.json(), "sides": sides});
    Ok((lines.join("\n"), json))
}
