//! `[detectors.RULE]`: what the detectors go by. A table that is not there has the defaults, and
//! one that is there has all of its figures.

use super::table::Table;
use crate::format::entry::{
    CreepRule, Detectors, FirstTouchRule, PaceRule, ProbingRule, RosterRule, SignsRule,
    StrangersRule,
};

/// Largest step and height, in thousandths.
const LARGEST: u64 = 1_000_000_000;

pub(super) fn read(root: &mut Table<'_>) -> Detectors {
    let Some(mut all) = root.optional_table("detectors") else { return Detectors::default() };
    let detectors = Detectors {
        roster: rule(&mut all, "roster", RosterRule::of),
        strangers: rule(&mut all, "strangers", StrangersRule::of),
        probing: rule(&mut all, "probing", ProbingRule::of),
        pace: rule(&mut all, "pace", PaceRule::of),
        creep: rule(&mut all, "creep", CreepRule::of),
        first_touch: rule(&mut all, "first_touch", FirstTouchRule::of),
        signs: rule(&mut all, "signs", SignsRule::of),
    };
    all.close();
    detectors
}

/// The rule under this name, made of its figures.
fn rule<R: Default>(
    all: &mut Table<'_>,
    name: &'static str,
    of: impl Fn(&mut dyn FnMut(&'static str) -> u64) -> R,
) -> R {
    let Some(mut table) = all.optional_table(name) else { return R::default() };
    let (mut medium, mut high) = (0, u64::MAX);
    let rule = of(&mut |key| {
        let figure = table.integer(key, 1..=LARGEST);
        match key {
            "medium" => medium = figure,
            "high" => high = figure,
            _ => {}
        }
        figure
    });
    if medium > high {
        let wrong = "`medium` is above `high`: write a smaller one, or a larger `high`";
        table.fault(table.at(), wrong);
    }
    table.close();
    rule
}

#[cfg(test)]
pub(super) mod tests {
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

    /// The tables as the annotated policy shows them.
    pub(crate) fn shown() -> String {
        let (_, tables) = SHIPPED.split_once("# [detectors.roster]\n").unwrap();
        let lines = tables.lines().filter_map(|line| line.strip_prefix("# "));
        let lines = lines.filter(|line| line.starts_with('[') || line.contains(" = "));
        ["[detectors.roster]"].into_iter().chain(lines).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_annotated_policy_shows_the_defaults() {
        let shown = shown();
        assert_eq!(parse(&format!("{SHIPPED}\n{shown}")).unwrap().detectors, Detectors::default());
        let rules = Detectors::default().rules();
        let figures: usize = rules.iter().map(|(_, figures)| figures.len()).sum();
        assert_eq!(shown.lines().count(), figures + rules.len(), "each rule and figure");
    }

    #[test]
    fn a_table_gives_all_its_figures() {
        let policy =
            parse(&with("off = 3000\non = 1\nwithheld = 2\nmedium = 9000\nhigh = 9000\n")).unwrap();
        let roster = RosterRule { off: 3_000, on: 1, withheld: 2, medium: 9_000, high: 9_000 };
        assert_eq!(policy.detectors, Detectors { roster, ..Detectors::default() });
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
