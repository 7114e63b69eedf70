//! The rules in force, as their entries tell them, and whether other rules give anybody more: what
//! loosens stands in the ledger only where two administrators approved its policy.

use std::collections::BTreeMap;

use super::acts::Approved;
use super::entry::{
    self, Detectors, Entry, Policy, ProviderRules, Section, StaffRules, What, Word,
};

/// One policy, as far as it is in the ledger.
#[derive(Clone, Debug, Default)]
struct Sections {
    detectors: Detectors,
    staff: Option<StaffRules>,
    providers: BTreeMap<Word, ProviderRules>,
}

/// A fold over the policy entries.
#[derive(Clone, Debug, Default)]
pub(super) struct RulesInForce {
    now: Option<Sections>,
    /// Of a policy whose head is still to come.
    coming: Sections,
}

impl Sections {
    fn take(&mut self, section: &Section) {
        match section {
            Section::Detectors(detectors) => self.detectors = *detectors,
            Section::Staff(staff) => self.staff = Some(*staff),
            Section::Provider(rules) => {
                self.providers.insert(rules.provider.clone(), rules.clone());
            }
            Section::Head(_) => {}
        }
    }

    /// Whether somebody may come by more than before, or be noticed later.
    fn loosens(&self, before: &Sections) -> bool {
        let more = |rules: &ProviderRules| {
            before.providers.get(&rules.provider).is_none_or(|before| rules.loosens(before))
        };
        let entries = |sections: &Sections| sections.staff.map(|staff| staff.entries_day);
        self.detectors.loosens(&before.detectors)
            || entry::more(entries(self), entries(before))
            || self.providers.values().any(more)
    }
}

impl RulesInForce {
    /// Whether an entry may stand here.
    pub(super) fn admits(&self, entry: &Entry, approved: &Approved) -> bool {
        match &entry.what {
            What::Policy(Policy { section: Section::Head(head) }) => {
                let looser = self.now.as_ref().is_some_and(|now| self.coming.loosens(now));
                !looser || approved.policy(&head.digest)
            }
            _ => true,
        }
    }

    /// Folds an entry.
    pub(super) fn apply(&mut self, entry: &Entry) {
        match &entry.what {
            What::Policy(Policy { section: Section::Head(_) }) => {
                self.now = Some(std::mem::take(&mut self.coming));
            }
            What::Policy(Policy { section }) => self.coming.take(section),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::entry::{Act, Budgets, Deed, Hash, Head, Moment, RosterRule};

    const ALL: Budgets = Budgets {
        agent_minute: 5,
        agent_hour: 5,
        agent_day: 5,
        provider_day: 5,
        provider_30_days: 5,
        off_roster_day: 5,
        off_roster_30_days: 5,
    };

    fn provider(id: &str, budgets: Budgets) -> Section {
        Section::Provider(ProviderRules {
            provider: id.into(),
            budgets,
            roster_growth: 50,
            entries_day: None,
        })
    }

    fn head(digest: u8) -> Section {
        Section::Head(Head { digest: Hash([digest; 32]), sections: 0, judge: 1 })
    }

    fn put(rules: &mut RulesInForce, section: Section, approved: &Approved) -> bool {
        let what = What::Policy(Policy { section });
        let entry = Entry { seq: 0, prev: Hash::default(), now: Moment::default(), what };
        let admitted = rules.admits(&entry, approved);
        rules.apply(&entry);
        admitted
    }

    /// Whether these sections may follow a policy for `alpha` with budgets of five.
    fn follows(next: Vec<Section>, approved: &Approved) -> bool {
        let mut rules = RulesInForce::default();
        for section in [provider("alpha", ALL), head(1)] {
            assert!(put(&mut rules, section, approved), "a first policy needs nobody");
        }
        next.into_iter().chain([head(2)]).all(|section| put(&mut rules, section, approved))
    }

    #[test]
    fn what_loosens_needs_an_approval_and_what_tightens_does_not() {
        let none = Approved::default();
        let with = |budgets| vec![provider("alpha", budgets)];
        assert!(follows(with(ALL), &none));
        assert!(follows(with(Budgets { agent_day: 4, ..ALL }), &none));
        assert!(follows(Vec::new(), &none), "a provider less");
        assert!(!follows(with(Budgets { agent_day: 4, provider_day: 6, ..ALL }), &none));
        assert!(!follows(vec![provider("alpha", ALL), provider("beta", ALL)], &none));
        let growth = ProviderRules {
            provider: "alpha".into(),
            budgets: ALL,
            roster_growth: 51,
            entries_day: None,
        };
        assert!(!follows(vec![Section::Provider(growth)], &none));
        let roster = RosterRule::default();
        for (rule, loosens) in [
            (RosterRule { high: roster.high + 1, ..roster }, true),
            (RosterRule { high: roster.high - 1, ..roster }, false),
            (RosterRule { off: roster.off - 1, ..roster }, true),
            (RosterRule { on: roster.on + 1, ..roster }, true),
            (RosterRule { withheld: roster.withheld - 1, ..roster }, true),
            (RosterRule { medium: roster.medium + 1, ..roster }, true),
        ] {
            let detectors = Section::Detectors(Detectors { roster: rule });
            assert_eq!(follows(vec![detectors], &none), !loosens, "{rule:?}");
        }
    }

    #[test]
    fn more_entries_loosen_and_no_limit_is_the_most() {
        let none = Approved::default();
        let with = |of_provider, of_staff: Option<u64>| {
            let staff = of_staff.map(|entries_day| Section::Staff(StaffRules { entries_day }));
            let mut of_alpha = provider("alpha", ALL);
            if let Section::Provider(rules) = &mut of_alpha {
                rules.entries_day = of_provider;
            }
            staff.into_iter().chain([of_alpha, head(1)]).collect::<Vec<_>>()
        };
        let follows = |before: Vec<Section>, next: Vec<Section>| {
            let mut rules = RulesInForce::default();
            assert!(before.into_iter().all(|section| put(&mut rules, section, &none)));
            next.into_iter().all(|section| put(&mut rules, section, &none))
        };
        let (some, more) = (Some(10), Some(11));
        for (before, next, good) in [
            (some, some, true),
            (some, more, false),
            (more, some, true),
            (some, None, false),
            (None, some, true),
            (None, None, true),
        ] {
            assert_eq!(follows(with(before, some), with(next, some)), good, "{before:?} {next:?}");
            assert_eq!(follows(with(some, before), with(some, next)), good, "{before:?} {next:?}");
        }
    }

    #[test]
    fn an_approval_is_for_one_file() {
        let mut approved = Approved::default();
        let mut act = Act::new(Deed::Loosen, "admin", &"admin-1".into(), None, "agreed");
        act.digest = Some(Hash([2; 32]));
        approved.apply(&act);
        let wider = || vec![provider("alpha", Budgets { agent_day: 6, ..ALL })];
        assert!(follows(wider(), &approved));
        let mut other = Approved::default();
        act.digest = Some(Hash([3; 32]));
        other.apply(&act);
        assert!(!follows(wider(), &other));
    }
}
