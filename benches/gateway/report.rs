//! What the rounds say together: ratios pair by pair, then their median and range.

use serde_json::{Value, json};

use crate::gauge::{Spread, figure};
use crate::load::Round;

/// What the gateway is held against, unless another is wanted.
pub(crate) const PLAIN: &str = "plain";
/// The same behind nginx.
pub(crate) const NGINX: &str = "nginx";
/// Most that the audit may cost at 64 and 256 calls in flight, microseconds of server CPU a call.
const COST_WANTED: f64 = 20.0;
/// A single audited read stays within a plain one and so many `fdatasync`s.
const SYNCS_WANTED: f64 = 4.0;

/// A round of each server, one right after the other.
pub(crate) struct Pair {
    pub(crate) plain: Round,
    pub(crate) gateway: Round,
    /// Commits in the gateway's round.
    pub(crate) commits: u64,
    /// Median of `fdatasync` just before, microseconds; only with one call in flight.
    pub(crate) fdatasync: Option<f64>,
}

impl Pair {
    fn cost(&self) -> f64 {
        self.gateway.cpu - self.plain.cpu
    }

    fn entries_per_commit(&self) -> f64 {
        let (first, last) = self.gateway.entries;
        (last - first + 1) as f64 / self.commits.max(1) as f64
    }

    /// Audited p50 over what it should stay within.
    fn of_wanted(&self) -> Option<f64> {
        Some(self.gateway.p50 / (SYNCS_WANTED * self.fdatasync? + self.plain.p50))
    }
}

/// All pairs of one number of calls in flight.
pub(crate) struct Level {
    /// What the gateway is held against: the plain service, or that behind nginx.
    pub(crate) against: &'static str,
    pub(crate) in_flight: usize,
    pub(crate) pairs: Vec<Pair>,
}

/// A measured quantity: what it is called in words and in JSON, and where a round has it.
type Quantity = (&'static str, &'static str, fn(&Round) -> f64);

const QUANTITIES: [Quantity; 4] = [
    ("calls a second", "rate", |round| round.rate),
    ("p50, us", "p50_us", |round| round.p50),
    ("p99, us", "p99_us", |round| round.p99),
    ("server CPU, us a call", "cpu_us", |round| round.cpu),
];

impl Level {
    fn spread(&self, of: impl Fn(&Pair) -> f64) -> Spread {
        Spread::of(self.pairs.iter().map(of))
    }

    /// The disk's word, and what it makes of the audited p50.
    fn single(&self) -> Option<(Spread, Spread)> {
        let of = |f: fn(&Pair) -> Option<f64>| self.pairs.iter().map(f).collect::<Option<Vec<_>>>();
        Some((Spread::of(of(|pair| pair.fdatasync)?), Spread::of(of(Pair::of_wanted)?)))
    }

    fn cost(&self) -> String {
        let (cost, wanted) = (self.spread(Pair::cost), figure(COST_WANTED));
        let wanted = match self.in_flight {
            1 => String::new(),
            _ => format!("; at most {wanted} wanted"),
        };
        format!("  audit cost            {cost} us of server CPU a call{wanted}")
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let n = self.in_flight;
        let calls = if n == 1 { "call" } else { "calls" };
        let title = format!("{n} {calls} in flight");
        let mut lines = vec![format!(
            "{title:<24}{:<28}{:<28}{}",
            self.against,
            "gateway",
            format!("gateway / {}, by pairs", self.against)
        )];
        for (words, _, of) in QUANTITIES {
            let plain = self.spread(|pair| of(&pair.plain));
            let gateway = self.spread(|pair| of(&pair.gateway));
            let ratio = self.spread(|pair| of(&pair.gateway) / of(&pair.plain));
            lines.push(format!("  {words:<22}{plain:<28}{gateway:<28}{ratio}"));
        }
        // Behind nginx there is another cost in its place.
        if self.against == PLAIN {
            lines.push(self.cost());
        }
        let batch = self.spread(Pair::entries_per_commit);
        lines.push(format!("  entries a commit      {batch}"));
        if let Some((fdatasync, share)) = self.single() {
            lines.push(format!("  one fdatasync, us     {fdatasync}"));
            lines.push(format!(
                "  audited p50           {share} of {SYNCS_WANTED} x fdatasync + plain p50; \
                 at most 1 wanted"
            ));
        }
        lines.join("\n")
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let mut out = json!({
            "in_flight": self.in_flight,
            "against": self.against,
            "pairs": self.pairs.len(),
            "audit_cost_us": self.spread(Pair::cost).json(),
            "entries_per_commit": self.spread(Pair::entries_per_commit).json(),
        });
        for (_, key, of) in QUANTITIES {
            out[key] = json!({
                "plain": self.spread(|pair| of(&pair.plain)).json(),
                "gateway": self.spread(|pair| of(&pair.gateway)).json(),
                "ratio": self.spread(|pair| of(&pair.gateway) / of(&pair.plain)).json(),
            });
        }
        if let Some((fdatasync, share)) = self.single() {
            out["fdatasync_us"] = fdatasync.json();
            out["audited_p50_of_wanted"] = share.json();
        }
        out
    }
}
