//! What somebody should look at before it becomes an alert.

use serde::{Deserialize, Serialize};

use crate::format::entry::{Hash, Tag, Word};

/// What a warning is about, and what it names for that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "matter", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the format page has the table, and the reason of each field")]
pub enum Matter {
    /// A roster grew by more than the policy lets it grow unasked.
    Roster { provider: Word, dataset: Word },
    /// A roster is another one than before, and nobody saw who came.
    RosterUnseen { provider: Word, dataset: Word },
    /// A policy file has faults and did not come into force.
    Policy {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        digest: Option<Hash>,
    },
    /// A certificate runs out soon; says whose it is.
    Certificate(CertificateOf),
    /// An issuer has other keys in its file; `digest` is SHA-256 of that file.
    Keys {
        #[serde(rename = "id")]
        issuer: Word,
        digest: Hash,
    },
    /// The file of the authorities that vouch for certificates changed.
    Authorities {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        digest: Option<Hash>,
    },
    /// The lists of revoked certificates are over, and there are no others.
    Revoked,
    /// Calls and connections of a provider come in numbers without a good token.
    Door {
        provider: Word,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agent: Option<Tag>,
        certificate: Hash,
    },
    /// The clock was set, and entries follow it.
    Clock,
    /// The clock was set too far for entries to follow it.
    ClockHeld,
    /// Half of a budget of ledger entries is gone.
    Entries(EntryBudget),
    /// The ledger's write-ahead log does not stop growing.
    Wal,
}

/// Whose certificate a warning is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "the format page has the table, and the reason of each field")]
pub enum CertificateOf {
    /// The certificate is that of a provider or of a member of staff.
    Client { role: Word, id: Word, certificate: Hash },
    /// The certificate is the gateway's own.
    Own { certificate: Hash },
}

/// Whose budget of ledger entries a warning is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "the format page has the table, and the reason of each field")]
pub enum EntryBudget {
    /// The budget is the share of one agent of a provider.
    Agent { provider: Word, agent: Tag },
    /// The budget is that of a provider's receipts; `certificate` is that of the last one.
    Receipts { provider: Word, certificate: Hash },
    /// The budget is that of a provider as a whole.
    Provider { provider: Word },
    /// The budget is that of a member of staff.
    Staff { role: Word, id: Word },
}

/// Which matter a warning is about, as the word that stands under `matter`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "what each is about, `Matter` says")]
pub enum MatterName {
    Roster,
    RosterUnseen,
    Policy,
    Certificate,
    Keys,
    Authorities,
    Revoked,
    Door,
    Clock,
    ClockHeld,
    Entries,
    Wal,
}

impl MatterName {
    /// All matters, each of them once.
    pub const ALL: [MatterName; 12] = [
        MatterName::Roster,
        MatterName::RosterUnseen,
        MatterName::Policy,
        MatterName::Certificate,
        MatterName::Keys,
        MatterName::Authorities,
        MatterName::Revoked,
        MatterName::Door,
        MatterName::Clock,
        MatterName::ClockHeld,
        MatterName::Entries,
        MatterName::Wal,
    ];
}

impl Matter {
    /// The word of this matter, which the entry has under `matter`.
    pub fn name(&self) -> MatterName {
        match self {
            Matter::Roster { .. } => MatterName::Roster,
            Matter::RosterUnseen { .. } => MatterName::RosterUnseen,
            Matter::Policy { .. } => MatterName::Policy,
            Matter::Certificate(_) => MatterName::Certificate,
            Matter::Keys { .. } => MatterName::Keys,
            Matter::Authorities { .. } => MatterName::Authorities,
            Matter::Revoked => MatterName::Revoked,
            Matter::Door { .. } => MatterName::Door,
            Matter::Clock => MatterName::Clock,
            Matter::ClockHeld => MatterName::ClockHeld,
            Matter::Entries(_) => MatterName::Entries,
            Matter::Wal => MatterName::Wal,
        }
    }

    /// Whether it comes of a roster's entry, and stands right behind it.
    pub fn is_of_roster(&self) -> bool {
        matches!(self, Matter::Roster { .. } | Matter::RosterUnseen { .. })
    }
}

/// What somebody should look at. No read brought it about, and it takes nothing away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the format page has the table, and the reason of each field")]
pub struct Warning {
    #[serde(flatten)]
    pub matter: Matter,
    pub observed: u64,
    pub expected: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::entry::{Entry, Payload, word};

    const WHO: &str = r#""provider":"alpha""#;
    const AGENT: &str = r#""agent":"AQEBAQEBAQEBAQEBAQEBAQ""#;
    const DATASET: &str = r#""dataset":"cir""#;
    const STAFF: &str = r#""role":"auditor","id":"cnil""#;

    fn print(key: &str) -> String {
        format!(r#""{key}":"{}""#, Hash::default())
    }

    /// What is read of a body with these keys.
    fn read(matter: &str, names: &[&str]) -> Result<Matter, String> {
        let keys: String = names.iter().map(|key| format!("{key},")).collect();
        let body = format!(
            r#"{{"seq":1,"prev":"{}","at":1,"tick":1,"kind":"warning","matter":"{matter}",{keys}"observed":3,"expected":0}}"#,
            Hash::default()
        );
        match Entry::parse(&body).map_err(|why| why.to_string())?.payload {
            Payload::Warning(warning) => Ok(warning.matter),
            what => panic!("{what:?}"),
        }
    }

    #[test]
    fn a_warning_says_what_its_matter_needs_and_no_more() {
        let (certificate, digest) = (&*print("certificate"), &*print("digest"));
        let id = r#""id":"cnil""#;
        let all = [WHO, AGENT, DATASET, r#""role":"auditor""#, id, certificate, digest];
        let whole: &[(&str, &[&[&str]])] = &[
            ("roster", &[&[WHO, DATASET]]),
            ("roster_unseen", &[&[WHO, DATASET]]),
            ("policy", &[&[], &[digest]]),
            ("certificate", &[&[certificate], &[STAFF, certificate]]),
            ("keys", &[&[id, digest]]),
            ("authorities", &[&[], &[digest]]),
            ("revoked", &[&[]]),
            ("door", &[&[WHO, certificate], &[WHO, AGENT, certificate]]),
            ("clock", &[&[]]),
            ("clock_held", &[&[]]),
            ("entries", &[&[WHO], &[WHO, AGENT], &[WHO, certificate], &[STAFF]]),
            ("wal", &[&[]]),
        ];
        for ((matter, allowed), name) in whole.iter().zip(MatterName::ALL) {
            let allowed: Vec<String> = allowed.iter().map(|keys| keys.join(",")).collect();
            // Every choice of the keys that a warning can have.
            for choice in 0..1_u32 << all.len() {
                let chosen = (0..all.len()).filter(|n| choice >> n & 1 == 1).map(|n| all[n]);
                let chosen: Vec<&str> = chosen.collect();
                let read = read(matter, &chosen);
                assert_eq!(
                    read.is_ok(),
                    allowed.contains(&chosen.join(",")),
                    "{chosen:?} {read:?}"
                );
                if let Ok(read) = read {
                    assert_eq!((read.name(), word(&name)), (name, (*matter).to_owned()));
                }
            }
        }
    }

    #[test]
    fn what_a_warning_lacks_or_has_no_place_for_is_named() {
        for (matter, names, why) in [
            ("roster", &[WHO][..], "missing field `dataset`"),
            ("clock", &[WHO], "`provider` has no place in it"),
            ("entries", &[WHO, DATASET], "`dataset` has no place in it"),
            ("fire", &[], "unknown variant `fire`"),
            ("wal", &[r#""more":0"#], "`more` has no place in it"),
        ] {
            let refused = read(matter, names).expect_err(matter);
            assert!(refused.contains(why), "{refused}");
        }
    }
}
