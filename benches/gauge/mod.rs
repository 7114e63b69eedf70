//! What both benchmarks read off a process, and how they print figures. It knows nothing of what is
//! measured.

use std::fmt;
use std::fs;
use std::io;
use std::time::Duration;

/// Whatever ends a benchmark early.
pub(crate) type Failed = Box<dyn std::error::Error + Send + Sync>;

/// Length of the clock tick that Linux counts CPU time in when it tells user programs.
const TICK: Duration = Duration::from_millis(10);

/// Whether `cargo bench` runs this program. `cargo test --benches` runs it too, and then it has
/// nothing to say.
pub(crate) fn wanted() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

/// CPU time of a process so far: user and system, of all its threads, also those that have ended.
///
/// # Errors
/// If there is no such process.
pub(crate) fn cpu(pid: u32) -> io::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may hold anything; the rest is words, of which the 12th and 13th are
    // user and system time.
    let words = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = words.split_ascii_whitespace().skip(11).take(2).map(str::parse::<u32>);
    let ticks = ticks.sum::<Result<u32, _>>().map_err(io::Error::other)?;
    Ok(TICK * ticks)
}

/// Median of several measurements, with the least and the greatest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) greatest: f64,
}

impl Spread {
    /// Of at least one value; of none it is zero.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Spread {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let at = |i: usize| values.get(i).copied().unwrap_or(0.0);
        let middle = values.len() / 2;
        let median = if values.len().is_multiple_of(2) && middle > 0 {
            f64::midpoint(at(middle - 1), at(middle))
        } else {
            at(middle)
        };
        Spread { median, least: at(0), greatest: at(values.len().saturating_sub(1)) }
    }

    /// For `--json`.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::json!({"median": self.median, "min": self.least, "max": self.greatest})
    }
}

/// `median (least to greatest)`, each with the digits that its size deserves.
impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Spread { median, least, greatest } = self;
        f.pad(&format!("{} ({} to {})", figure(*median), figure(*least), figure(*greatest)))
    }
}

/// About three digits of a number, with its thousands apart.
pub(crate) fn figure(x: f64) -> String {
    match x.abs() {
        x if x < 10.0 => format!("{x:.2}"),
        x if x < 100.0 => format!("{x:.1}"),
        x => {
            let digits = format!("{x:.0}");
            let mut out = String::new();
            for (i, digit) in digits.chars().enumerate() {
                if i > 0 && (digits.len() - i).is_multiple_of(3) {
                    out.push(',');
                }
                out.push(digit);
            }
            out
        }
    }
}
