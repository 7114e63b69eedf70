//! How often something happens, of how often it was seen, and after how long.

/// Beyond so many events the approximation is as good as the sum.
const SUMMED: u64 = 400;

/// The upper end of a mean that is seen as `n` events, at 95 % (Poisson): by it, so few are seen in 5 % of the
/// cases. Of none it is three.
pub(super) fn upper(n: u64) -> f64 {
    if n > SUMMED {
        // Wilson and Hilferty's cube.
        let n = n as f64 + 1.0;
        let root = 1.0 - 1.0 / (9.0 * n) + 1.645 / (3.0 * n.sqrt());
        return n * root * root * root;
    }
    let (mut low, mut high) = (n as f64, 2.0 * n as f64 + 10.0);
    for _ in 0..60 {
        let middle = low.midpoint(high);
        if at_most(n, middle) > 0.05 {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// How likely at most `n` events are where so many are the mean.
fn at_most(n: u64, mean: f64) -> f64 {
    let (mut term, mut sum) = ((-mean).exp(), 0.0);
    for k in 0..=n {
        sum += term;
        term *= mean / (k + 1) as f64;
    }
    sum
}

/// A duration in hours, in three figures at most.
pub(super) fn hours(milliseconds: u64) -> String {
    let hours = milliseconds as f64 / 3.6e6;
    match hours {
        ..0.995 => format!("{hours:.2}"),
        ..9.95 => format!("{hours:.1}"),
        _ => format!("{hours:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{hours, upper};

    #[test]
    fn the_bound_is_that_of_the_tables() {
        let bounds = [(0, 2.996), (1, 4.744), (2, 6.296), (10, 16.962), (100, 118.079)];
        for (n, bound) in bounds {
            assert!((upper(n) - bound).abs() < 0.002, "{n}: {}", upper(n));
        }
        assert!((upper(400) - upper(401)).abs() < 2.0);
    }

    #[test]
    fn a_time_is_told_in_hours() {
        let told = [36_000, 3_580_000, 3_600_000, 35_000_000, 36_000_000, 2_588_400_000];
        assert_eq!(told.map(hours), ["0.01", "0.99", "1.0", "9.7", "10", "719"]);
    }
}
