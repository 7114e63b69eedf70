//! Plots as SVG within a page: lines that differ in dashes and marks, so that they are told apart without colour.

use std::fmt::Write as _;

/// Text that a page may hold.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            // XML has no other control characters, not even escaped.
            c if c.is_control() && c != '\n' && c != '\t' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// A logarithmic axis.
#[derive(Clone, Copy)]
struct Log {
    least: f64,
    most: f64,
    /// Where its ends are.
    from: f64,
    to: f64,
}

impl Log {
    /// The place of a value; what is beyond an end is at it.
    fn place(self, value: f64) -> f64 {
        let share =
            (value.clamp(self.least, self.most) / self.least).ln() / (self.most / self.least).ln();
        self.from + share * (self.to - self.from)
    }
}

/// The power of ten at or above a value.
fn decade(value: u64) -> f64 {
    let mut decade = 10;
    while decade < value {
        decade *= 10;
    }
    decade as f64
}

/// One line: what it is, and its points: a place, a value, and one above it.
pub(super) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<[u64; 3]>,
}

/// Dashes of the first line, the second, the third.
const DASHES: [&str; 3] = ["none", "7 4", "2 3"];

/// The mark of the nth line around a point.
fn mark(nth: usize, x: f64, y: f64) -> String {
    match nth {
        0 => format!("<circle class=\"mark\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>"),
        1 => {
            let (x, y) = (x - 4.0, y - 4.0);
            format!(
                "<rect class=\"mark open\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"8\" height=\"8\"/>"
            )
        }
        _ => {
            let (left, right, top, foot) = (x - 5.0, x + 5.0, y - 5.0, y + 4.0);
            let points = format!("{x:.1},{top:.1} {right:.1},{foot:.1} {left:.1},{foot:.1}");
            format!("<polygon class=\"mark\" points=\"{points}\"/>")
        }
    }
}

fn text(class: &str, x: f64, y: f64, text: &str) -> String {
    format!("<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>\n", escape(text))
}

fn stroke(class: &str, [x1, y1, x2, y2]: [f64; 4]) -> String {
    format!(
        "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>\n"
    )
}

fn svg(height: f64, title: &str, inside: &str) -> String {
    let title = escape(title);
    format!(
        "<svg viewBox=\"0 0 720 {height:.0}\" role=\"img\" aria-label=\"{title}\">\n\
         <title>{title}</title>\n{inside}</svg>\n"
    )
}

/// Lines over a logarithmic measure, each point with a thin stroke up to the value above it.
pub(super) fn lines(title: &str, across: &str, up: &str, places: &[u64], lines: &[Line]) -> String {
    let all = lines.iter().flat_map(|line| &line.points);
    let most = decade(all.map(|[_, _, above]| *above).max().unwrap_or(1));
    let last = places.last().copied().unwrap_or(1).max(2) as f64;
    let x_axis = Log { least: 1.0, most: last, from: 80.0, to: 690.0 };
    let y_axis = Log { least: 1.0, most, from: 310.0, to: 50.0 };
    let mut out = String::new();
    let mut value = 1;
    while value as f64 <= most {
        let y = y_axis.place(value as f64);
        out += &stroke("grid", [70.0, y, 700.0, y]);
        out += &text("end", 64.0, y + 4.0, &super::grouped(value));
        value *= 10;
    }
    for place in places {
        let x = x_axis.place(*place as f64);
        out += &stroke("axis", [x, 310.0, x, 316.0]);
        out += &text("middle", x, 332.0, &super::grouped(*place));
    }
    out += &stroke("axis", [70.0, 310.0, 700.0, 310.0]);
    out += &text("middle", 385.0, 354.0, across);
    out += &text("", 10.0, 16.0, up);
    for (nth, line) in lines.iter().enumerate() {
        // A little apart, so that none hides another.
        let apart = 7.0 * (nth as f64 - (lines.len() as f64 - 1.0) / 2.0);
        let place = |[x, y, above]: &[u64; 3]| {
            let x = x_axis.place(*x as f64) + apart;
            (x, y_axis.place(*y as f64), y_axis.place(*above as f64))
        };
        let mut path = String::new();
        for (x, y, above) in line.points.iter().map(place) {
            let _ = write!(path, "{x:.1},{y:.1} ");
            out += &stroke("spread", [x, y, x, above]);
            out += &mark(nth, x, y);
        }
        let dashes = DASHES[nth.min(DASHES.len() - 1)];
        let path = path.trim_end();
        let _ = writeln!(out, "<polyline points=\"{path}\" stroke-dasharray=\"{dashes}\"/>");
        let x = 90.0 + 150.0 * nth as f64;
        let _ = writeln!(
            out,
            "<polyline points=\"{x},34 {},34\" stroke-dasharray=\"{dashes}\"/>",
            x + 40.0
        );
        out += &mark(nth, x + 20.0, 34.0);
        out += &text("", x + 48.0, 38.0, &line.name);
    }
    svg(362.0, title, &out)
}

/// Moments that a duration is told by, in milliseconds.
const MOMENTS: [(u64, &str); 7] = [
    (1_000, "1 s"),
    (60_000, "1 min"),
    (600_000, "10 min"),
    (3_600_000, "1 h"),
    (86_400_000, "1 day"),
    (604_800_000, "1 week"),
    (7_776_000_000, "90 days"),
];

/// A row for each name: from the median of a duration to its 95 % and the most; or a word where there is none.
pub(super) fn durations(title: &str, rows: &[(&str, Option<[u64; 3]>)]) -> String {
    let axis = Log { least: 1_000.0, most: 31_104_000_000.0, from: 160.0, to: 690.0 };
    let foot = 40.0 + 18.0 * rows.len() as f64;
    let mut out = String::new();
    for (moment, name) in MOMENTS {
        let x = axis.place(moment as f64);
        out += &stroke("grid", [x, 26.0, x, foot]);
        out += &text("middle", x, 18.0, name);
    }
    for (nth, (name, taken)) in rows.iter().enumerate() {
        let y = 44.0 + 18.0 * nth as f64;
        out += &text("end", 150.0, y + 4.0, name);
        let Some(taken) = taken else {
            out += &text("", 166.0, y + 4.0, "no high alert");
            continue;
        };
        let [half, most, all] = taken.map(|taken| axis.place(taken as f64));
        out += &stroke("spread", [half, y, all, y]);
        out += &stroke("axis", [most, y - 5.0, most, y + 5.0]);
        out += &stroke("axis", [all, y - 3.0, all, y + 3.0]);
        out += &mark(0, half, y);
    }
    svg(foot + 8.0, title, &out)
}

/// Two bars for each name, one full and one hatched.
pub(super) fn bars(title: &str, kinds: [&str; 2], rows: &[(&str, [u64; 2])]) -> String {
    let most = rows.iter().flat_map(|(_, counts)| *counts).max().unwrap_or(0).max(1) as f64;
    let mut out = String::from(
        "<defs><pattern id=\"hatched\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\">\
         <path d=\"M0 5 L5 0\" class=\"spread\"/></pattern></defs>\n",
    );
    let mut bar = |y: f64, nth: usize, width: f64| {
        let class = ["full", "hatched"][nth];
        let _ = writeln!(
            out,
            "<rect class=\"{class}\" x=\"180\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"11\"/>"
        );
    };
    (0..kinds.len()).for_each(|nth| bar(6.0 + 16.0 * nth as f64, nth, 30.0));
    let top = 48.0;
    for (nth, (_, counts)) in rows.iter().enumerate() {
        for (of, count) in counts.iter().enumerate() {
            let y = top + 32.0 * nth as f64 + 13.0 * of as f64;
            bar(y, of, 440.0 * *count as f64 / most);
        }
    }
    for (nth, kind) in kinds.iter().enumerate() {
        out += &text("", 218.0, 16.0 + 16.0 * nth as f64, kind);
    }
    for (nth, (name, counts)) in rows.iter().enumerate() {
        let y = top + 32.0 * nth as f64;
        out += &text("end", 170.0, y + 16.0, name);
        for (of, count) in counts.iter().enumerate() {
            let x = 186.0 + 440.0 * *count as f64 / most;
            out += &text("", x, y + 10.0 + 13.0 * of as f64, &super::grouped(*count));
        }
    }
    svg(top + 32.0 * rows.len() as f64 + 4.0, title, &out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_would_act_on_is_escaped() {
        assert_eq!(
            escape("<a b=\"c\">'&\u{1b}\n"),
            "&lt;a b=&quot;c&quot;&gt;&#39;&amp;\u{fffd}\n"
        );
    }

    #[test]
    fn a_tenfold_value_is_as_far_from_the_next_wherever_it_is() {
        let axis = Log { least: 1.0, most: 1_000.0, from: 100.0, to: 400.0 };
        let places =
            [0.0, 1.0, 10.0, 100.0, 1_000.0, 5_000.0].map(|value| axis.place(value).round());
        assert_eq!(places, [100.0, 100.0, 200.0, 300.0, 400.0, 400.0]);
        assert_eq!([0, 10, 11, 1_660].map(decade), [10.0, 10.0, 100.0, 10_000.0]);
    }

    #[test]
    fn lines_differ_in_dashes_and_in_marks() {
        let line =
            |name: &str| Line { name: name.to_owned(), points: vec![[1, 12, 40], [10, 0, 3]] };
        let plot = lines("t", "x", "y", &[1, 10], &["<1>", "5", "20"].map(line));
        let dashes =
            DASHES.map(|dashes| plot.matches(&format!("stroke-dasharray=\"{dashes}\"")).count());
        assert_eq!(dashes, [2; 3]);
        // Two points and the mark beside the name.
        let marks = ["<circle", "<rect class=\"mark open\"", "<polygon"];
        assert_eq!(marks.map(|mark| plot.matches(mark).count()), [3; 3]);
        assert!(
            plot.contains("&lt;1&gt;") && !plot.contains("NaN") && !plot.contains("inf"),
            "{plot}"
        );
    }
}
