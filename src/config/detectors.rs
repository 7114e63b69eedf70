//! `[detectors.roster]`: what the detectors go by. A table that is not there has the defaults.

use super::table::Table;
use crate::format::entry::{Detectors, RosterRule};

/// Largest step and height, in thousandths.
const LARGEST: u64 = 1_000_000_000;

pub(super) fn read(root: &mut Table<'_>) -> Detectors {
    let Some(mut all) = root.optional_table("detectors") else { return Detectors::default() };
    let roster = all.optional_table("roster").map(roster).unwrap_or_default();
    all.close();
    Detectors { roster }
}

fn roster(mut table: Table<'_>) -> RosterRule {
    let mut figure = |key| table.integer(key, 1..=LARGEST);
    let (off, on, withheld) = (figure("off"), figure("on"), figure("withheld"));
    let (medium, high) = (figure("medium"), figure("high"));
    if medium > high {
        table
            .fault(table.at(), "`medium` is above `high`: write a smaller one, or a larger `high`");
    }
    table.close();
    RosterRule { off, on, withheld, medium, high }
}

#[cfg(test)]
mod tests {
    use super::super::policy::parse;
    use super::super::policy::tests::{SHIPPED, faults};
    use super::*;

    fn with(rule: &str) -> String {
        format!("{SHIPPED}\n[detectors.roster]\n{rule}")
    }

    #[test]
    fn without_a_table_the_defaults_hold() {
        assert_eq!(parse(SHIPPED).unwrap().detectors, Detectors::default());
        let bare = format!("{SHIPPED}\n[detectors]\n");
        assert_eq!(parse(&bare).unwrap().detectors, Detectors::default());
    }

    #[test]
    fn the_annotated_policy_shows_the_defaults() {
        let shown = SHIPPED.split_once("# [detectors.roster]\n").unwrap().1.replace("# ", "");
        assert_eq!(parse(&with(&shown)).unwrap().detectors, Detectors::default());
        assert_eq!(shown.lines().count(), 5);
    }

    #[test]
    fn a_table_gives_all_five_figures() {
        let policy =
            parse(&with("off = 3000\non = 1\nwithheld = 2\nmedium = 9000\nhigh = 9000\n")).unwrap();
        let roster = RosterRule { off: 3_000, on: 1, withheld: 2, medium: 9_000, high: 9_000 };
        assert_eq!(policy.detectors, Detectors { roster });
    }

    #[test]
    fn figures_out_of_range_or_order_are_faults() {
        for (rule, says) in [
            ("off = 0\non = 1\nwithheld = 1\nmedium = 2\nhigh = 3\n", "`off` is out of range"),
            ("off = 1\non = 1\nwithheld = 1\nmedium = 4\nhigh = 3\n", "`medium` is above `high`"),
            (
                "off = 1\non = 1\nwithheld = 1\nmedium = 2\n",
                "`high` is missing in [detectors.roster]",
            ),
            (
                "off = 1\non = 1\nwithheld = 1\nmedium = 2\nhigh = 1000000001\n",
                "`high` is out of range",
            ),
        ] {
            let found = faults(&with(rule));
            assert!(found.iter().any(|f| f.what.contains(says)), "{says}: {found:#?}");
        }
    }
}
