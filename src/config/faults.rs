//! Faults of a file, each with its place, gathered while the file is read.

use std::cell::RefCell;
use std::fmt;

/// One thing to change in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileFault {
    /// Line of the fault, counted from 1.
    pub line: usize,
    /// Column of the fault, counted from 1 in characters.
    pub column: usize,
    /// What is wrong, and what to write instead.
    pub what: String,
}

impl fmt::Display for FileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.what)
    }
}

/// The faults of one text. Shared by all who read in it, hence the cell.
pub(super) struct Faults<'t> {
    text: &'t str,
    /// Where each line begins, in bytes.
    lines: Vec<usize>,
    found: RefCell<Vec<FileFault>>,
}

impl<'t> Faults<'t> {
    pub(super) fn new(text: &'t str) -> Faults<'t> {
        let starts = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at + 1);
        Faults { text, lines: [0].into_iter().chain(starts).collect(), found: RefCell::default() }
    }

    /// Notes a fault at a byte of the text.
    pub(super) fn add(&self, at: usize, what: impl Into<String>) {
        let line = self.lines.partition_point(|start| *start <= at);
        let start = self.lines[line - 1];
        let before = self.text.get(start..at).unwrap_or_default();
        let column = before.chars().count() + 1;
        self.found.borrow_mut().push(FileFault { line, column, what: what.into() });
    }

    /// All of them, from top to bottom.
    pub(super) fn sorted(self) -> Vec<FileFault> {
        let mut found = self.found.into_inner();
        found.sort();
        found
    }
}

/// The candidate that somebody who wrote `word` may have meant.
pub(super) fn nearest<'c>(word: &str, candidates: &[&'c str]) -> Option<&'c str> {
    // No candidate is longer than a word of the policy, so nothing longer is near to one. Among
    // very many, the search would take longer than the operator's own.
    if word.len() > 64 || candidates.len() > 256 {
        return None;
    }
    let near = candidates.iter().map(|c| (distance(word, c), *c)).min_by_key(|(far, _)| *far);
    near.filter(|(far, c)| *far <= 1 + c.len() / 4).map(|(_, c)| c)
}

/// Letters to change, add or leave out to make one word of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut corner = i;
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let change = corner + usize::from(a != *b);
            corner = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(corner + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_counted_from_one_in_characters() {
        let faults = Faults::new("a\né = 1\n");
        for (at, line, column) in [(0, 1, 1), (1, 1, 2), (2, 2, 1), (5, 2, 3), (9, 3, 1)] {
            faults.add(at, "");
            let last = faults.found.borrow().last().cloned().unwrap();
            assert_eq!((last.line, last.column), (line, column), "byte {at}");
        }
        assert_eq!(faults.sorted()[0].to_string(), "1:1: ");
    }

    #[test]
    fn the_nearest_word_is_near() {
        let words = ["burst", "budgets", "requests_per_second"];
        assert_eq!(nearest("brust", &words), Some("burst"));
        assert_eq!(nearest("budget", &words), Some("budgets"));
        assert_eq!(nearest("request_per_seconds", &words), Some("requests_per_second"));
        assert_eq!(nearest("colour", &words), None);
        assert_eq!(nearest(&"b".repeat(1000), &words), None);
    }
}
