//! What the detectors go by, as a policy has it: one rule each, all of it integers.

use serde::{Deserialize, Serialize};

/// What the detectors go by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Detectors {
    /// Persons off the roster in a row.
    pub roster: RosterRule,
    /// Persons off the roster, day after day.
    pub strangers: StrangersRule,
    /// Searches that find nobody.
    pub probing: ProbingRule,
    /// Far more persons than an agent is usually given.
    pub pace: PaceRule,
    /// More persons than an agent is usually given, day after day.
    pub creep: CreepRule,
    /// Persons whom the provider never met, one after another.
    pub first_touch: FirstTouchRule,
    /// Small signs of several kinds.
    pub signs: SignsRule,
}

/// Which way a figure of a rule has it find less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looser {
    /// A larger one.
    Higher,
    /// A smaller one.
    Lower,
    /// Either: what it takes from one sum it gives to another.
    Either,
}

/// One figure of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    /// Its key, in the policy file as in the ledger.
    pub name: &'static str,
    /// What it is.
    pub value: u64,
    /// Which way it loosens.
    pub looser: Looser,
}

impl Figure {
    /// Whether less is found by it than by the same figure `before`.
    pub fn loosens(&self, before: &Figure) -> bool {
        match self.looser {
            Looser::Higher => self.value > before.value,
            Looser::Lower => self.value < before.value,
            Looser::Either => self.value != before.value,
        }
    }
}

impl Detectors {
    /// Each rule under its name, figure by figure.
    pub fn rules(&self) -> [(&'static str, Vec<Figure>); 7] {
        // Taken apart, so that a rule that is added cannot be forgotten here.
        let Detectors { roster, strangers, probing, pace, creep, first_touch, signs } = self;
        [
            ("roster", roster.figures()),
            ("strangers", strangers.figures()),
            ("probing", probing.figures()),
            ("pace", pace.figures()),
            ("creep", creep.figures()),
            ("first_touch", first_touch.figures()),
            ("signs", signs.figures()),
        ]
    }

    /// Whether anything is found later than by `before`.
    pub fn loosens(&self, before: &Detectors) -> bool {
        let figures = |detectors: &Detectors| detectors.rules().into_iter().flat_map(|rule| rule.1);
        figures(self).zip(figures(before)).any(|(now, before)| now.loosens(&before))
    }
}

/// Declares a rule: a struct of integers, its defaults, and which way each of them loosens it.
macro_rules! rule {
    ($(#[$doc:meta])* $rule:ident { $($(#[$about:meta])* $name:ident = $value:literal $looser:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $rule {
            $($(#[$about])* pub $name: u64,)*
        }

        impl Default for $rule {
            fn default() -> $rule {
                $rule { $($name: $value,)* }
            }
        }

        impl $rule {
            /// The rule whose figures these are, by their names.
            pub fn of(figure: &mut dyn FnMut(&'static str) -> u64) -> $rule {
                $rule { $($name: figure(stringify!($name)),)* }
            }

            /// Its figures, in the order in which the ledger has them.
            pub fn figures(&self) -> Vec<Figure> {
                let figure = |name, value, looser| Figure { name, value, looser };
                vec![$(figure(stringify!($name), self.$name, Looser::$looser),)*]
            }
        }
    };
}

rule! {
    /// The roster detector: a sum that each new person off the roster raises and each on it lowers. A
    /// Bernoulli CUSUM of 2 % against 50 % (E. S. Page, Continuous inspection schemes, 1954): ln(.5/.02)
    /// and -ln(.5/.98). Bursts of up to twelve are ordinary; the thirteenth in a row is not. A fifth of a
    /// person for an attempt that got nobody: nobody tries sixty times in a row by mistake.
    RosterRule {
        /// What a person off the roster adds, in thousandths.
        off = 3_219 Lower,
        /// What a person on it takes away, in thousandths.
        on = 673 Higher,
        /// What an attempt off the roster adds that is withheld, whatever it would have found, in
        /// thousandths.
        withheld = 673 Lower,
        /// From this sum on the finding is medium.
        medium = 40_000 Higher,
        /// From this sum on it is high; half of it is information.
        high = 45_000 Higher,
    }
}

rule! {
    /// The strangers detector: sums over days of what an agent is given off its roster beyond what is
    /// usual for it. All in thousandths of a person.
    StrangersRule {
        /// What a day of an agent takes away besides the usual number.
        allowance = 300 Higher,
        /// What a day may add above the usual number; what is beyond goes into the sum of floods.
        cap = 2_000 Either,
        /// What an attempt off the roster adds that is withheld, whatever it would have found.
        withheld = 300 Lower,
        /// From this sum of an agent on the finding is medium. As large as `high`: who is throttled at each
        /// stranger would stay below it for ever.
        medium = 11_000 Higher,
        /// From this sum of an agent on it is high; half of it is information.
        high = 11_000 Higher,
        /// From this sum of an agent's floods on it is high.
        flood = 20_000 Higher,
        /// What each agent who reads on a day takes away from the provider's sum.
        agents = 840 Higher,
        /// From this sum of the provider on it is high; half of it is information.
        provider = 40_000 Higher,
    }
}

rule! {
    /// The probing detector: a sum that each get or search which finds nobody raises, and each that finds
    /// somebody new lowers. A Bernoulli CUSUM of 15 % against 60 %: ln(.6/.15), and twice ln(.85/.4), since
    /// whom honest work finds it opens, and that is no second miss; in thousandths.
    ProbingRule {
        /// What a miss adds.
        miss = 1_386 Lower,
        /// What a find takes away.
        find = 1_508 Higher,
        /// From this sum on the finding is medium; half of it is information.
        medium = 12_474 Higher,
        /// From this sum on it is high.
        high = 16_632 Higher,
    }
}

rule! {
    /// The pace detector: how many times what is usual of it an agent is given, of persons new today, in an
    /// hour and over three days. All in thousandths of what is usual.
    PaceRule {
        /// What lists give counts up to this.
        list = 3_000 Lower,
        /// A day counts up to this.
        cap = 20_000 Lower,
        /// From this in an hour on the finding is high; half of it is information.
        hour = 13_000 Higher,
        /// From this over three days together on it is high; half of it is information.
        days = 15_000 Higher,
    }
}

rule! {
    /// The creep detector: a sum over days of how many times what is usual of it an agent is given. All in
    /// thousandths of what is usual.
    CreepRule {
        /// What lists give counts up to this.
        list = 3_000 Lower,
        /// A day counts up to this.
        cap = 20_000 Lower,
        /// What each day takes away.
        allowance = 1_750 Higher,
        /// From this sum on the finding is medium, and never more; half of it is information.
        medium = 6_200 Higher,
    }
}

rule! {
    /// The first-touch detector: a sum that each person raises whom the provider never met, and each other
    /// one lowers who is new to it today. A Bernoulli CUSUM of 45 % against 95 %: ln(.95/.45) and
    /// -ln(.05/.55), in thousandths.
    FirstTouchRule {
        /// What a person adds whom the provider never met.
        never = 747 Lower,
        /// What another one takes away.
        met = 2_398 Higher,
        /// A provider is let alone for so many days from the first on which it is given anybody.
        days = 60 Higher,
        /// From this sum on the finding is high; half of it is information.
        high = 45_000 Higher,
        /// High is only an agent with a sum of its own from this on; another is medium.
        own = 2_250 Higher,
    }
}

rule! {
    /// Small signs of one agent that are of different families: each an information or a medium finding.
    SignsRule {
        /// So many families within a day are medium.
        medium = 2 Higher,
        /// So many within three days are high.
        high = 3 Higher,
    }
}
