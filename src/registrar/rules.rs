//! The rules that a policy file gives the judge, and the entries that record them.

use crate::format::entry::{
    Detectors, Hash, Head, Payload, Policy, ProviderRules, Section, StaffRules,
};

/// The rules that the judge is to rule by, and the digest of the file they are from.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The thresholds that the detectors go by.
    pub detectors: Detectors,
    /// What holds for each member of staff, if anything does.
    pub staff: Option<StaffRules>,
    /// One for each provider, in the order of their ids.
    pub providers: Vec<ProviderRules>,
    /// SHA-256 of `policy.toml`, as it was read.
    pub digest: Hash,
    /// Digest of a policy that this one was compared with and loosens in nothing, whether or not
    /// that shows in these rules.
    pub loosens_not: Option<Hash>,
}

impl Rules {
    /// The entries that record them, for a judge of this version: sections, then their head.
    pub(crate) fn entries(&self, judge: u64) -> Vec<Payload> {
        let section = |section| Payload::Policy(Policy { section });
        let detectors = [Section::Detectors(self.detectors)];
        let staff = self.staff.map(Section::Staff);
        let providers = self.providers.iter().cloned().map(Section::Provider);
        let mut sections: Vec<_> = detectors.into_iter().chain(staff).chain(providers).collect();
        let head = Head { digest: self.digest, sections: sections.len() as u64, judge };
        sections.push(Section::Head(head));
        sections.into_iter().map(section).collect()
    }
}
