//! What the gateway keeps an eye on besides reads: the rosters that scopes rest on, and what
//! somebody should look at before it becomes an alert.

use serde::{Deserialize, Serialize};

use crate::format::entry::{Hash, Tag, Word};

/// The roster of one provider, as it was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the format page has the table, and the reason of each field")]
pub struct Roster {
    pub provider: Word,
    pub dataset: Word,
    #[serde(default, skip_serializing_if = "super::is_zero")]
    pub persons: u64,
    pub digest: Hash,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<u64>,
}

/// What a warning is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Matter {
    /// A roster grew by more than the policy lets it grow unasked.
    Roster,
    /// A roster is another one than before, and nobody saw who came.
    RosterUnseen,
    /// A policy file has faults and did not come into force.
    Policy,
    /// A certificate runs out.
    Certificate,
    /// An issuer has other keys.
    Keys,
    /// The file of the authorities that vouch for certificates changed.
    Authorities,
    /// The lists of revoked certificates are over, and there are no others.
    Revoked,
    /// Calls and connections of a provider come in numbers without a good token.
    Door,
    /// The clock was set, and entries follow it.
    Clock,
    /// The clock was set too far for entries to follow it.
    ClockHeld,
    /// Half of a budget of ledger entries is gone.
    Entries,
    /// The ledger's write-ahead log does not stop growing.
    Wal,
}

impl Matter {
    /// Each of them.
    pub const ALL: [Matter; 12] = [
        Matter::Roster,
        Matter::RosterUnseen,
        Matter::Policy,
        Matter::Certificate,
        Matter::Keys,
        Matter::Authorities,
        Matter::Revoked,
        Matter::Door,
        Matter::Clock,
        Matter::ClockHeld,
        Matter::Entries,
        Matter::Wal,
    ];

    /// Whether it comes of a roster's entry, and stands right behind it.
    pub fn is_of_roster(self) -> bool {
        matches!(self, Matter::Roster | Matter::RosterUnseen)
    }
}

/// What somebody should look at. No read brought it about, and it takes nothing away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the format page has the table, and the reason of each field")]
pub struct Warning {
    pub matter: Matter,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<Word>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Tag>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<Word>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Word>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Word>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Hash>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Hash>,
    pub observed: u64,
    pub expected: u64,
}

impl Warning {
    /// One that is about nobody: two figures, as the format page has them for its matter.
    pub fn of_figures(matter: Matter, observed: u64, expected: u64) -> Warning {
        Warning {
            matter,
            provider: None,
            agent: None,
            dataset: None,
            role: None,
            id: None,
            certificate: None,
            digest: None,
            observed,
            expected,
        }
    }

    /// Whether it says what a warning of its matter must, and nothing else.
    pub fn is_whole(&self) -> bool {
        let Warning { matter, provider, agent, dataset, role, id, certificate, digest, .. } = self;
        if agent.is_some() && !matches!(matter, Matter::Entries | Matter::Door) {
            return false;
        }
        let roster = provider.is_some() && dataset.is_some();
        let of_roster = provider.is_some() || dataset.is_some();
        let of_certificate = role.is_some() || id.is_some() || certificate.is_some();
        match matter {
            Matter::Roster | Matter::RosterUnseen => roster && !of_certificate && digest.is_none(),
            Matter::Policy | Matter::Authorities => !of_roster && !of_certificate,
            Matter::Clock | Matter::ClockHeld | Matter::Wal | Matter::Revoked => {
                !of_roster && !of_certificate && digest.is_none()
            }
            Matter::Entries => {
                let one = matches!(
                    (provider, agent, certificate, role, id),
                    (Some(_), None, _, None, None)
                        | (Some(_), Some(_), None, None, None)
                        | (None, None, None, Some(_), Some(_))
                );
                one && dataset.is_none() && digest.is_none()
            }
            Matter::Keys => {
                let of_other = role.is_some() || certificate.is_some();
                id.is_some() && digest.is_some() && !of_roster && !of_other
            }
            Matter::Door => {
                let of_other = dataset.is_some() || role.is_some() || id.is_some();
                provider.is_some() && certificate.is_some() && !of_other && digest.is_none()
            }
            Matter::Certificate => {
                certificate.is_some()
                    && role.is_some() == id.is_some()
                    && !of_roster
                    && digest.is_none()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_says_what_its_matter_needs_and_no_more() {
        let policy =
            Warning { digest: Some(Hash::default()), ..Warning::of_figures(Matter::Policy, 3, 0) };
        let certificate = Warning {
            matter: Matter::Certificate,
            role: Some("provider".into()),
            id: Some("alpha".into()),
            certificate: Some(Hash::default()),
            digest: None,
            ..policy.clone()
        };
        let entries = Warning {
            provider: Some("alpha".into()),
            agent: Some(Tag([1; 16])),
            ..Warning::of_figures(Matter::Entries, 5, 10)
        };
        let staff = Warning {
            role: certificate.role.clone(),
            provider: None,
            agent: None,
            ..entries.clone()
        };
        let staff = Warning { id: certificate.id.clone(), ..staff };
        let clock = Warning::of_figures(Matter::Clock, 1, 2);
        for whole in [&entries, &staff, &clock, &Warning { agent: None, ..entries.clone() }] {
            assert!(whole.is_whole(), "{whole:?}");
        }
        assert!(policy.is_whole());
        assert!(certificate.is_whole());
        for wrong in [
            Warning { provider: None, ..entries.clone() },
            Warning { role: staff.role.clone(), id: staff.id.clone(), ..entries.clone() },
            Warning { role: None, ..staff.clone() },
            Warning { agent: entries.agent, ..staff },
            Warning { dataset: Some("cir".into()), ..entries },
            Warning { agent: Some(Tag([1; 16])), ..clock.clone() },
            Warning { digest: Some(Hash::default()), ..clock },
            Warning { agent: Some(Tag([1; 16])), ..policy.clone() },
            Warning { provider: Some("alpha".into()), ..policy.clone() },
            Warning { certificate: None, ..certificate.clone() },
            Warning { role: None, ..certificate.clone() },
            Warning { dataset: Some("cir".into()), ..certificate },
            Warning { matter: Matter::Roster, ..policy },
        ] {
            assert!(!wrong.is_whole(), "{wrong:?}");
        }
    }
}
