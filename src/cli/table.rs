//! Rows of text in columns, for people: plain characters, the same on a terminal and in a file.

use std::fmt;

/// A table whose first columns hold words, to the left, and the others numbers, to the right.
#[derive(Debug)]
pub(super) struct Table {
    words: usize,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings, if any; the first `words` columns hold words.
    pub(super) fn new(words: usize, headings: &[&str]) -> Table {
        let headings: Vec<_> = headings.iter().map(|&heading| heading.to_owned()).collect();
        let rows = if headings.is_empty() { Vec::new() } else { vec![headings] };
        Table { words, rows }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }
}

/// Each row on a line of its own, two spaces from the left.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut widths = Vec::new();
        for row in &self.rows {
            widths.resize(widths.len().max(row.len()), 0);
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        for row in &self.rows {
            let mut line = String::new();
            for (i, (width, cell)) in widths.iter().zip(row).enumerate() {
                line += &match i < self.words {
                    true => format!("  {cell:<width$}"),
                    false => format!("  {cell:>width$}"),
                };
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn words_stand_to_the_left_and_numbers_to_the_right() {
        let mut table = Table::new(1, &["dataset", "rows"]);
        table.row(["cir".to_owned(), "1,234,567".to_owned()]);
        table.row(["élèves_é".to_owned(), "8".to_owned()]);
        assert_eq!(
            table.to_string(),
            "  dataset        rows\n  cir       1,234,567\n  élèves_é          8\n"
        );
    }
}
