//! `[weights]`: what a value of each class adds to the weight of a read. A table that is not there
//! has the defaults.

use super::table::Table;
use crate::admission::Weights;

/// Largest weight: of a page of 500 rows and more fields than a table has, the sum still fits.
const LARGEST: u64 = 1_000_000;

pub(super) fn read(root: &mut Table<'_>) -> Weights {
    let Some(mut table) = root.optional_table("weights") else { return Weights::default() };
    let mut figure = |key| table.integer(key, 0..=LARGEST);
    let (identity, contact) = (figure("identity"), figure("contact"));
    let (status, sensitive) = (figure("status"), figure("sensitive"));
    table.close();
    Weights { identity, contact, status, sensitive }
}

#[cfg(test)]
mod tests {
    use super::super::policy::parse;
    use super::super::policy::tests::{SHIPPED, faults};
    use super::*;

    fn with(weights: &str) -> String {
        format!("{SHIPPED}\n[weights]\n{weights}")
    }

    #[test]
    fn without_a_table_the_defaults_hold_and_the_annotated_policy_shows_them() {
        assert_eq!(parse(SHIPPED).unwrap().weights, Weights::default());
        let shown = SHIPPED.split_once("# [weights]\n").unwrap().1;
        let shown: String = shown
            .lines()
            .take(4)
            .map(|line| line.trim_start_matches("# ").to_owned() + "\n")
            .collect();
        assert_eq!(parse(&with(&shown)).unwrap().weights, Weights::default());
    }

    #[test]
    fn a_table_gives_all_four_figures_within_range() {
        let given = "identity = 1\ncontact = 2\nstatus = 0\nsensitive = 1000000\n";
        let weights = Weights { identity: 1, contact: 2, status: 0, sensitive: LARGEST };
        assert_eq!(parse(&with(given)).unwrap().weights, weights);
        for (wrong, says) in [
            (given.replace("1000000", "1000001"), "`sensitive` is out of range"),
            (given.replace("contact = 2\n", ""), "`contact` is missing in [weights]"),
            (given.replace("status", "statsu"), "did you mean `status`?"),
        ] {
            let found = faults(&with(&wrong));
            assert!(found.iter().any(|f| f.what.contains(says)), "{says}: {found:#?}");
        }
    }
}
