//! What somebody decided: acts, the statement of one that administrators sign, and its bytes.
//! Whether a signature holds, and whether its key counts, is not known here.

use std::borrow::Cow;
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::format::entry::body::{StringForm, exact, limits, same};
use crate::format::entry::{Hash, Malformed, Millis, Nonce, PublicKey, SignatureBytes, Tag, Word};

/// Largest size of a statement, in bytes.
pub const STATEMENT_MAX: usize = 8_192;

/// What precedes a statement in the bytes that are signed: no signature of another kind is one of
/// an act.
const CONTEXT: &[u8] = b"greffier act v1\n";
/// The bytes that administrators sign: a fixed line of context, then the statement.
pub fn message(statement: &str) -> Vec<u8> {
    [CONTEXT, statement.as_bytes()].concat()
}

/// What was done, and what it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "deed", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the format page has the table, and the reason of each field")]
pub enum Deed {
    /// Nothing more goes to an agent, or to a provider.
    Suspend(Whom),
    /// What a suspension took away is given back.
    Reinstate(Whom),
    /// What alerts took away is given back.
    Lift(Whom),
    /// A personal key counts as an administrator's.
    EnrolKey(OwnedKey),
    /// A personal key counts no longer, for good.
    RevokeKey(OwnedKey),
    /// A person at a provider may be an agent.
    EnrolAgent(ProviderAgent),
    /// A person at a provider may no longer be an agent.
    DismissAgent(ProviderAgent),
    /// A roster may grow by so many persons within 30 days beyond what it may unasked.
    EnrolRoster { provider: Word, dataset: Word, persons: NonZeroU64 },
    /// A policy that is looser than the one before may come into force.
    Loosen { digest: Hash },
    /// An administrator announces a bulk export, with its terms.
    DeclareJob { provider: Word, dataset: Word, job: JobTerms },
    /// Another administrator lets the declared bulk export begin.
    ApproveJob { declared: u64 },
    /// A bulk operation is over, begun or not.
    WithdrawJob { declared: u64 },
}

/// One agent of a provider, or the provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the format page has the table, and the reason of each field")]
pub struct Whom {
    pub provider: Word,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Tag>,
}

/// A personal key, and the administrator whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the format page has the table, and the reason of each field")]
pub struct OwnedKey {
    pub admin: Word,
    pub key: PublicKey,
}

/// A person at a provider, known by a tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the format page has the table, and the reason of each field")]
pub struct ProviderAgent {
    pub provider: Word,
    pub agent: Tag,
}

/// What a declared job may take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the format page has the table, and the reason of each field")]
pub struct JobTerms {
    pub purpose: Word,
    pub view: Word,
    pub rows: u64,
    pub from: Millis,
    pub until: Millis,
}

impl Deed {
    /// Reads one from its keys, of which there are no others.
    ///
    /// # Errors
    /// [`Malformed`] says which key is not there, or has no place.
    pub fn of_keys(keys: &Value) -> Result<Deed, Malformed> {
        exact(keys).map_err(|e: serde_json::Error| Malformed::Json(e.to_string()))
    }

    /// The word of the deed, as it stands under `deed` in an entry.
    pub fn name(&self) -> String {
        let keys = serde_json::to_value(self).unwrap_or_default();
        keys["deed"].as_str().unwrap_or_default().to_owned()
    }
}

/// What is signed: for one ledger, once, and for a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the format page has the table, and the reason of each field")]
pub struct Statement {
    #[serde(flatten)]
    pub deed: Deed,
    pub reason: String,
    pub nonce: Nonce,
    pub expires: Millis,
}

/// A statement as it is signed, with the ledger that it is for.
#[derive(Serialize, Deserialize)]
struct AddressedStatement<'a> {
    origin: Cow<'a, str>,
    #[serde(flatten)]
    statement: Cow<'a, Statement>,
}

/// One administrator's signature of a statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// Id of the administrator whose signature it is said to be.
    pub admin: Word,
    /// The public key that the signature is to be checked with.
    pub key: PublicKey,
    /// The Ed25519 signature over the statement's message.
    pub signature: SignatureBytes,
}

/// An act, by the role of who submitted it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "role")]
pub enum Act {
    /// Somebody who watches has seen something.
    #[serde(rename = "security")]
    Acknowledged(Acknowledgement),
    /// Administrators decided something and signed its statement.
    #[serde(rename = "admin")]
    Signed(SignedAct),
}

/// Who watches has seen something: nothing comes of it, so nobody signs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the format page has the table, and the reason of each field")]
pub struct Acknowledgement {
    pub id: Word,
    pub certificate: Hash,
    #[serde(flatten)]
    pub deed: SecurityDeed,
    pub reason: String,
}

/// What somebody who watches has seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "deed", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the format page has the table, and the reason of each field")]
pub enum SecurityDeed {
    /// The alert with this entry number was seen.
    Acknowledge { alert: u64 },
}

/// A statement, who submitted it, and who signed it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the format page has the table, and the reason of each field")]
pub struct SignedAct {
    pub id: Word,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Hash>,
    #[serde(flatten)]
    pub statement: Statement,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<Signature>,
}

/// The keys of an act and of what is in it, in the order that a body has them: what an act is about
/// stands in the midst of who did it.
const ORDER: &str = "deed role id certificate provider agent alert admin key signature dataset \
                     persons digest job purpose view rows from until declared reason nonce expires \
                     signatures";

/// A value whose objects are written in this order.
struct Ordered<'a>(&'a Value);

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(keys) => serializer.collect_map(
                ORDER.split(' ').filter_map(|key| Some((key, Ordered(keys.get(key)?)))),
            ),
            Value::Array(values) => serializer.collect_seq(values.iter().map(Ordered)),
            value => value.serialize(serializer),
        }
    }
}

impl Act {
    /// Writes its keys as a body has them.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        serde_json::to_writer(out, &Ordered(&serde_json::to_value(self)?))
    }

    /// What administrators did, if it is theirs.
    pub fn deed(&self) -> Option<&Deed> {
        match self {
            Act::Acknowledged(_) => None,
            Act::Signed(act) => Some(&act.statement.deed),
        }
    }

    /// The id of who submitted the act, and the reason that they gave.
    pub fn id_and_reason(&self) -> (&Word, &str) {
        match self {
            Act::Acknowledged(act) => (&act.id, &act.reason),
            Act::Signed(act) => (&act.id, &act.statement.reason),
        }
    }
}

impl Statement {
    /// The bytes that are signed in the ledger `origin`, but for the line before them.
    ///
    /// # Errors
    /// As [`Entry::encode`](super::Entry::encode).
    pub fn encode(&self, origin: &str) -> Result<String, Malformed> {
        let bound = AddressedStatement { origin: origin.into(), statement: Cow::Borrowed(self) };
        let text = serde_json::to_string(&bound)
            .expect("derived Serialize of plain structs into memory does not fail");
        if text.len() > STATEMENT_MAX {
            return Err(Malformed::TooLong(text.len(), STATEMENT_MAX));
        }
        // What a string must be besides is for whoever takes the act: then it is told by name.
        limits(text.as_bytes(), |_| StringForm::Any)?;
        Ok(text)
    }

    /// Reads the ledger that a statement is for and the statement, strictly: it must be, byte for
    /// byte, what [`Statement::encode`] makes of them.
    ///
    /// # Errors
    /// [`Malformed`] says what is wrong and where.
    pub fn parse(text: &str) -> Result<(String, Statement), Malformed> {
        if text.len() > STATEMENT_MAX {
            return Err(Malformed::TooLong(text.len(), STATEMENT_MAX));
        }
        let mut json = serde_json::Deserializer::from_str(text);
        let bound: Result<AddressedStatement<'_>, _> =
            exact(&mut json).and_then(|read| json.end().map(|()| read));
        let AddressedStatement { origin, statement } =
            bound.map_err(|e| Malformed::Json(e.to_string()))?;
        same(&statement.encode(&origin)?, text)?;
        Ok((origin.into_owned(), statement.into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::entry::Entry;

    /// Whether a body is read that has these keys behind the deed and who did it.
    fn read(deed: &str, about: &[&str]) -> Result<(), String> {
        let signed = r#""nonce":"AQEBAQEBAQEBAQEBAQEBAQ","expires":7"#;
        let (role, rest) = match deed {
            "acknowledge" => ("security", r#""reason":"x""#.to_owned()),
            _ => ("admin", format!(r#""reason":"x",{signed}"#)),
        };
        let (prev, about) = (Hash::default(), about.join(","));
        let comma = if about.is_empty() { "" } else { "," };
        let body = format!(
            r#"{{"seq":1,"prev":"{prev}","at":1,"tick":1,"kind":"act","deed":"{deed}","role":"{role}","id":"a","certificate":"{prev}",{about}{comma}{rest}}}"#
        );
        let entry = Entry::parse(&body).map_err(|why| why.to_string())?;
        assert_eq!(entry.encode(), Ok(body));
        Ok(())
    }

    const KEYS: [&str; 10] = [
        r#""provider":"alpha""#,
        r#""agent":"AQEBAQEBAQEBAQEBAQEBAQ""#,
        r#""alert":3"#,
        r#""admin":"b""#,
        r#""key":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=""#,
        r#""dataset":"cir""#,
        r#""persons":1"#,
        r#""digest":"0101010101010101010101010101010101010101010101010101010101010101""#,
        r#""job":{"purpose":"p","view":"BASIC","rows":1,"from":1,"until":2}"#,
        r#""declared":3"#,
    ];

    #[test]
    fn an_act_says_what_its_deed_needs_and_no_more() {
        let [provider, agent, alert, admin, key, dataset, persons, digest, job, declared] = KEYS;
        let (whom, one) = (vec![provider], vec![provider, agent]);
        let deeds = [
            ("suspend", vec![whom.clone(), one.clone()]),
            ("reinstate", vec![whom.clone(), one.clone()]),
            ("lift", vec![whom, one.clone()]),
            ("acknowledge", vec![vec![alert]]),
            ("enrol_key", vec![vec![admin, key]]),
            ("revoke_key", vec![vec![admin, key]]),
            ("enrol_agent", vec![one.clone()]),
            ("dismiss_agent", vec![one]),
            ("enrol_roster", vec![vec![provider, dataset, persons]]),
            ("loosen", vec![vec![digest]]),
            ("declare_job", vec![vec![provider, dataset, job]]),
            ("approve_job", vec![vec![declared]]),
            ("withdraw_job", vec![vec![declared]]),
        ];
        for (deed, allowed) in deeds {
            // Every choice of the keys that an act can have.
            for choice in 0..1_u32 << KEYS.len() {
                let chosen = (0..KEYS.len()).filter(|n| choice >> n & 1 == 1).map(|n| KEYS[n]);
                let chosen: Vec<&str> = chosen.collect();
                let read = read(deed, &chosen);
                assert_eq!(read.is_ok(), allowed.contains(&chosen), "{deed} {chosen:?} {read:?}");
            }
        }
    }

    #[test]
    fn what_an_act_lacks_or_has_no_place_for_is_named() {
        let [provider, _, alert, _, _, dataset, ..] = KEYS;
        let nonce = r#""nonce":"AQEBAQEBAQEBAQEBAQEBAQ""#;
        for (deed, about, why) in [
            ("suspend", &[][..], "missing field `provider`"),
            ("suspend", &[provider, dataset], "`dataset` has no place in it"),
            ("suspend", &[provider, r#""more":1"#], "`more` has no place in it"),
            ("enrol_roster", &[provider, dataset, r#""persons":0"#], "a nonzero u64"),
            ("acknowledge", &[alert, nonce], "`nonce` has no place in it"),
            ("forget", &[], "unknown variant `forget`, expected one of `suspend`"),
        ] {
            let refused = read(deed, about).expect_err(deed);
            assert!(refused.contains(why), "{refused}");
        }
    }

    #[test]
    fn who_watches_signs_nothing_and_who_administers_signs() {
        let body = include_str!("../../../docs/vectors/bodies.jsonl");
        let acts = body.lines().filter(|body| body.contains(r#""kind":"act""#));
        for body in acts {
            assert!(Entry::parse(body).is_ok());
            let (one, other) = (r#""role":"admin""#, r#""role":"security""#);
            let role = if body.contains(one) { (one, other) } else { (other, one) };
            for (from, to) in [role, (role.0, r#""role":"auditor""#)] {
                assert!(Entry::parse(&body.replace(from, to)).is_err(), "{body}");
            }
        }
    }
}
