//! The policies as their entries tell them: the sections of each in order and its head behind them,
//! and whether other rules give anybody more. What loosens stands in the ledger only where two
//! administrators approved its policy.

use std::collections::BTreeMap;

use super::acts::Approved;
use crate::format::entry;
use crate::format::entry::{
    Detectors, Entry, Head, Payload, Policy, ProviderRules, Section, StaffRules, Word,
};

/// Why a section or a head may not stand where it is to.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadPolicy {
    /// Something else than a section or a head.
    #[error("it stands between the sections of a policy")]
    Between,
    /// Detectors first, then staff, then providers in order, each once.
    #[error("it is a section of a policy in a place where it does not belong")]
    Order,
    /// Sections were left out or put in.
    #[error("it heads {said} sections, but {found} are there")]
    Sections {
        /// How many sections the head says there are.
        said: u64,
        /// How many sections precede it in the ledger.
        found: u64,
    },
    /// It changes nothing: digest and judge are those in force.
    #[error("it is the policy in force once more, under the same version of the judge")]
    Same,
    /// Rules do not go back to what an older program meant by them.
    #[error("it is of an older version of the judge than the policy before it")]
    Older,
    /// It gives somebody more than the one before, and nobody approved that.
    #[error("it loosens the policy before it, and two administrators have not approved it")]
    Loosened,
}

/// The sections of one policy, as far as they are in the ledger.
#[derive(Clone, Debug, Default)]
pub(super) struct Sections {
    detectors: Option<Detectors>,
    staff: Option<StaffRules>,
    providers: BTreeMap<Word, ProviderRules>,
}

/// A fold over the policy entries.
#[derive(Clone, Debug, Default)]
pub(super) struct Policies {
    now: Option<Sections>,
    /// Entry number and head of the policy in force.
    head: Option<(u64, Head)>,
    /// The sections of a policy whose head is still to come.
    coming: Sections,
}

impl Sections {
    /// Takes the next section of the policy that is being read.
    pub(super) fn take(&mut self, section: &Section) {
        match section {
            Section::Detectors(detectors) => self.detectors = Some(*detectors),
            Section::Staff(staff) => self.staff = Some(*staff),
            Section::Provider(rules) => {
                self.providers.insert(rules.provider.clone(), rules.clone());
            }
            Section::Head(_) => {}
        }
    }

    fn count(&self) -> u64 {
        let single = u64::from(self.detectors.is_some()) + u64::from(self.staff.is_some());
        single + self.providers.len() as u64
    }

    /// Whether somebody may come by more than before, or be noticed later.
    fn loosens(&self, before: &Sections) -> bool {
        let more = |rules: &ProviderRules| {
            before.providers.get(&rules.provider).is_none_or(|before| rules.loosens(before))
        };
        let entries = |sections: &Sections| sections.staff.map(|staff| staff.entries_day);
        let detectors = |sections: &Sections| sections.detectors.unwrap_or_default();
        detectors(self).loosens(&detectors(before))
            || entry::more(entries(self), entries(before))
            || self.providers.values().any(more)
    }
}

impl Policies {
    /// The sections that have no head yet.
    pub(super) fn coming(&self) -> &Sections {
        &self.coming
    }

    /// The policy in force: entry number and head.
    pub(super) fn head(&self) -> Option<&(u64, Head)> {
        self.head.as_ref()
    }

    /// Whether a section may stand behind those that are coming.
    ///
    /// # Errors
    /// [`BadPolicy`].
    pub(super) fn admits(
        &self,
        section: &Section,
        coming: &Sections,
        approved: &Approved,
    ) -> Result<(), BadPolicy> {
        let Sections { detectors, staff, providers } = coming;
        let ordered = match section {
            Section::Detectors(_) => coming.count() == 0,
            Section::Staff(_) => detectors.is_some() && staff.is_none() && providers.is_empty(),
            Section::Provider(rules) => {
                let last = providers.last_key_value().map(|(last, _)| last);
                detectors.is_some() && last.is_none_or(|last| *last < rules.provider)
            }
            Section::Head(head) => return self.admits_head(head, coming, approved),
        };
        if ordered { Ok(()) } else { Err(BadPolicy::Order) }
    }

    fn admits_head(
        &self,
        head: &Head,
        coming: &Sections,
        approved: &Approved,
    ) -> Result<(), BadPolicy> {
        let (said, found) = (head.sections, coming.count());
        if said != found {
            return Err(BadPolicy::Sections { said, found });
        }
        if coming.detectors.is_none() {
            return Err(BadPolicy::Order);
        }
        match &self.head {
            Some((_, before)) if head.judge < before.judge => return Err(BadPolicy::Older),
            Some((_, before)) if (head.judge, head.digest) == (before.judge, before.digest) => {
                return Err(BadPolicy::Same);
            }
            _ => {}
        }
        let looser = self.now.as_ref().is_some_and(|now| coming.loosens(now));
        if looser && !approved.policy(&head.digest) { Err(BadPolicy::Loosened) } else { Ok(()) }
    }

    /// Folds the next entry; a head puts the sections before it into force.
    pub(super) fn apply(&mut self, entry: &Entry) {
        match &entry.payload {
            Payload::Policy(Policy { section: Section::Head(head) }) => {
                self.now = Some(std::mem::take(&mut self.coming));
                self.head = Some((entry.seq, head.clone()));
            }
            Payload::Policy(Policy { section }) => self.coming.take(section),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::entry::{Budgets, Hash, Moment, RosterRule};

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
            contract: None,
        })
    }

    /// The sections with what belongs before and behind them.
    fn whole(sections: Vec<Section>, digest: u8) -> Vec<Section> {
        let detectors = Section::Detectors(Detectors::default());
        let first = !matches!(sections.first(), Some(Section::Detectors(_)));
        let mut all: Vec<_> = first.then_some(detectors).into_iter().chain(sections).collect();
        let sections = all.len() as u64;
        all.push(Section::Head(Head { digest: Hash([digest; 32]), sections, judge: 1 }));
        all
    }

    fn put(
        policies: &mut Policies,
        section: Section,
        approved: &Approved,
    ) -> Result<(), BadPolicy> {
        let admitted = policies.admits(&section, policies.coming(), approved);
        let what = Payload::Policy(Policy { section });
        let now = Moment::default();
        policies.apply(&Entry { seq: 0, prev: Hash::default(), now, payload: what });
        admitted
    }

    /// Whether a policy of these sections may follow one of those.
    fn after(
        before: Vec<Section>,
        next: Vec<Section>,
        approved: &Approved,
    ) -> Result<(), BadPolicy> {
        let mut policies = Policies::default();
        for section in whole(before, 1) {
            put(&mut policies, section, approved).expect("a first policy needs nobody");
        }
        whole(next, 2).into_iter().try_for_each(|section| put(&mut policies, section, approved))
    }

    /// Whether these sections may follow a policy for `alpha` with budgets of five.
    fn follows(next: Vec<Section>, approved: &Approved) -> bool {
        match after(vec![provider("alpha", ALL)], next, approved) {
            Ok(()) => true,
            Err(BadPolicy::Loosened) => false,
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn sections_come_in_their_order_each_once_and_a_head_counts_them() {
        let none = Approved::default();
        let good = |sections: Vec<Section>| {
            let mut policies = Policies::default();
            sections.into_iter().try_for_each(|section| put(&mut policies, section, &none))
        };
        let detectors = || Section::Detectors(Detectors::default());
        let staff = || Section::Staff(StaffRules { entries_day: 1 });
        let (a, b) = (|| provider("alpha", ALL), || provider("beta", ALL));
        assert_eq!(good(whole(vec![staff(), a(), b()], 1)), Ok(()));
        assert_eq!(good(whole(Vec::new(), 1)), Ok(()));
        for (sections, why) in [
            (vec![a()], BadPolicy::Order),
            (vec![staff()], BadPolicy::Order),
            (vec![detectors(), detectors()], BadPolicy::Order),
            (vec![detectors(), staff(), staff()], BadPolicy::Order),
            (vec![detectors(), a(), staff()], BadPolicy::Order),
            (vec![detectors(), b(), a()], BadPolicy::Order),
            (vec![detectors(), a(), a()], BadPolicy::Order),
        ] {
            assert_eq!(good(sections.clone()), Err(why), "{sections:?}");
        }
        let mut fewer = whole(vec![a(), b()], 1);
        fewer.remove(1);
        assert_eq!(good(fewer), Err(BadPolicy::Sections { said: 3, found: 2 }));
        let head = Head { digest: Hash::default(), sections: 0, judge: 1 };
        assert_eq!(good(vec![Section::Head(head)]), Err(BadPolicy::Order));
    }

    #[test]
    fn the_same_policy_stands_once_and_no_older_judge_follows_a_newer() {
        let none = Approved::default();
        let follow = |digest, judge| {
            let mut policies = Policies::default();
            let judged = |digest, judge| {
                whole(vec![provider("alpha", ALL)], digest).into_iter().map(move |section| {
                    match section {
                        Section::Head(head) => Section::Head(Head { judge, ..head }),
                        other => other,
                    }
                })
            };
            let mut both = judged(1, 2).chain(judged(digest, judge));
            both.try_for_each(|section| put(&mut policies, section, &none))
        };
        assert_eq!(follow(1, 2), Err(BadPolicy::Same));
        assert_eq!(follow(1, 1), Err(BadPolicy::Older));
        assert_eq!(follow(2, 1), Err(BadPolicy::Older));
        assert_eq!(follow(1, 3), Ok(()));
        assert_eq!(follow(2, 2), Ok(()));
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
            contract: None,
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
            let detectors = Section::Detectors(Detectors { roster: rule, ..Detectors::default() });
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
            staff.into_iter().chain([of_alpha]).collect::<Vec<_>>()
        };
        let follows = |before, next| after(before, next, &none).is_ok();
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
        approved.loosen(Hash([2; 32]));
        let wider = || vec![provider("alpha", Budgets { agent_day: 6, ..ALL })];
        assert!(follows(wider(), &approved));
        let mut other = Approved::default();
        other.loosen(Hash([3; 32]));
        assert!(!follows(wider(), &other));
    }
}
