//! What somebody decided: acts, the statement of one that administrators sign, and its bytes. Whether
//! a signature holds, and whether its key counts, is not known here.

use serde::{Deserialize, Serialize};

use crate::format::entry::body::{limits, same};
use crate::format::entry::{
    Hash, JobTerms, Malformed, Millis, Nonce, PublicKey, SignatureBytes, Tag, Word,
};

/// Largest statement, in bytes.
pub const STATEMENT_MAX: usize = 8_192;

/// What precedes a statement in the bytes that are signed: no signature of another kind is one of an
/// act.
const CONTEXT: &[u8] = b"greffier act v1\n";
/// The bytes that are signed.
pub fn message(statement: &str) -> Vec<u8> {
    [CONTEXT, statement.as_bytes()].concat()
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Nothing more goes to an agent, or to a provider.
    Suspend,
    /// What a suspension took away is given back.
    Reinstate,
    /// What alerts took away is given back.
    Lift,
    /// Somebody has seen an alert.
    Acknowledge,
    /// A personal key counts as an administrator's.
    EnrolKey,
    /// ... and no longer, for good.
    RevokeKey,
    /// A person at a provider may be an agent.
    EnrolAgent,
    /// ... and no longer.
    DismissAgent,
    /// A roster may grow.
    EnrolRoster,
    /// A policy that is looser than the one before may come into force.
    Loosen,
    /// A bulk operation is announced.
    DeclareJob,
    /// ... and may begin.
    ApproveJob,
    /// ... and is over, begun or not.
    WithdrawJob,
}

impl Deed {
    /// All that administrators sign.
    pub const SIGNED: [Deed; 12] = [
        Deed::Suspend,
        Deed::Reinstate,
        Deed::Lift,
        Deed::EnrolKey,
        Deed::RevokeKey,
        Deed::EnrolAgent,
        Deed::DismissAgent,
        Deed::EnrolRoster,
        Deed::Loosen,
        Deed::DeclareJob,
        Deed::ApproveJob,
        Deed::WithdrawJob,
    ];

    /// What an act of it must say besides why, and what it may say.
    pub fn about(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Deed::Suspend | Deed::Reinstate | Deed::Lift => (&["provider"], &["agent"]),
            Deed::Acknowledge => (&["alert"], &[]),
            Deed::EnrolKey | Deed::RevokeKey => (&["admin", "key"], &[]),
            Deed::EnrolAgent | Deed::DismissAgent => (&["provider", "agent"], &[]),
            Deed::EnrolRoster => (&["provider", "dataset", "persons"], &[]),
            Deed::Loosen => (&["digest"], &[]),
            Deed::DeclareJob => (&["provider", "dataset", "job"], &[]),
            Deed::ApproveJob | Deed::WithdrawJob => (&["declared"], &[]),
        }
    }
}

/// An act: who did what to whom, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the format page has the table, and the reason of each field")]
pub struct Act {
    pub deed: Deed,
    pub role: Word,
    pub id: Word,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Hash>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<Word>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Tag>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin: Option<Word>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PublicKey>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<Word>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persons: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Hash>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobTerms>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<u64>,
    pub reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Nonce>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Millis>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<Signature>,
}

/// One administrator's signature of a statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// Whose it is said to be.
    pub admin: Word,
    /// By which of their keys.
    pub key: PublicKey,
    /// Over the statement.
    pub signature: SignatureBytes,
}

/// What is signed: the act without who submits it, for one ledger, once, and for a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the format page has the table, and the reason of each field")]
pub struct Statement {
    pub origin: String,
    pub deed: Deed,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<Word>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Tag>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin: Option<Word>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PublicKey>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<Word>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persons: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Hash>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobTerms>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<u64>,
    pub reason: String,
    pub nonce: Nonce,
    pub expires: Millis,
}

impl Act {
    /// An act about nobody and nothing yet, which nobody has signed.
    pub fn new(deed: Deed, role: &str, id: &Word, certificate: Option<Hash>, reason: &str) -> Act {
        Act {
            deed,
            role: role.into(),
            id: id.clone(),
            certificate,
            provider: None,
            agent: None,
            alert: None,
            admin: None,
            key: None,
            dataset: None,
            persons: None,
            digest: None,
            job: None,
            declared: None,
            reason: reason.to_owned(),
            nonce: None,
            expires: None,
            signatures: Vec::new(),
        }
    }

    /// The statement that its signatures are over, in the ledger `origin`; none if it has none.
    pub fn statement(&self, origin: &str) -> Option<Statement> {
        Some(Statement {
            origin: origin.to_owned(),
            deed: self.deed,
            provider: self.provider.clone(),
            agent: self.agent,
            admin: self.admin.clone(),
            key: self.key,
            dataset: self.dataset.clone(),
            persons: self.persons,
            digest: self.digest,
            job: self.job.clone(),
            declared: self.declared,
            reason: self.reason.clone(),
            nonce: self.nonce?,
            expires: self.expires?,
        })
    }

    /// What it is about that its deed has no place for, or does not say: the key of each, and whether
    /// it must be there.
    pub fn misfits(&self) -> impl Iterator<Item = (&'static str, bool)> {
        let there = [
            ("provider", self.provider.is_some()),
            ("agent", self.agent.is_some()),
            ("alert", self.alert.is_some()),
            ("admin", self.admin.is_some()),
            ("key", self.key.is_some()),
            ("dataset", self.dataset.is_some()),
            ("persons", self.persons.is_some()),
            ("digest", self.digest.is_some()),
            ("job", self.job.is_some()),
            ("declared", self.declared.is_some()),
        ];
        let (must, may) = self.deed.about();
        let nobody = (self.persons == Some(0)).then_some(("persons", true));
        let misfits =
            there.into_iter().filter_map(move |(key, there)| match (must.contains(&key), there) {
                (true, false) => Some((key, true)),
                (false, true) if !may.contains(&key) => Some((key, false)),
                _ => None,
            });
        misfits.chain(nobody)
    }
}

impl Statement {
    /// Of an act about nobody and nothing yet.
    pub fn new(origin: &str, deed: Deed, reason: &str, nonce: Nonce, expires: Millis) -> Statement {
        Statement {
            origin: origin.to_owned(),
            deed,
            provider: None,
            agent: None,
            admin: None,
            key: None,
            dataset: None,
            persons: None,
            digest: None,
            job: None,
            declared: None,
            reason: reason.to_owned(),
            nonce,
            expires,
        }
    }

    /// The bytes that are signed, but for the line before them.
    ///
    /// # Errors
    /// As [`Entry::encode`](super::Entry::encode).
    pub fn encode(&self) -> Result<String, Malformed> {
        let text = serde_json::to_string(self)
            .expect("derived Serialize of a plain struct into memory does not fail");
        if text.len() > STATEMENT_MAX {
            return Err(Malformed::TooLong(text.len(), STATEMENT_MAX));
        }
        // An empty one is left to whoever asks for the act: what it was for is then told by name.
        limits(text.as_bytes(), 0)?;
        Ok(text)
    }

    /// Reads a statement, strictly: it must be, byte for byte, what [`Statement::encode`] makes of it.
    ///
    /// # Errors
    /// [`Malformed`] says what is wrong and where.
    pub fn parse(text: &str) -> Result<Statement, Malformed> {
        if text.len() > STATEMENT_MAX {
            return Err(Malformed::TooLong(text.len(), STATEMENT_MAX));
        }
        let statement: Statement =
            serde_json::from_str(text).map_err(|e| Malformed::Json(e.to_string()))?;
        let again = statement.encode()?;
        same(&again, text)?;
        Ok(statement)
    }

    /// The act that an administrator submits with these signatures.
    pub fn act(self, id: &Word, certificate: Option<Hash>, signatures: Vec<Signature>) -> Act {
        Act {
            provider: self.provider,
            agent: self.agent,
            admin: self.admin,
            key: self.key,
            dataset: self.dataset,
            persons: self.persons,
            digest: self.digest,
            job: self.job.clone(),
            declared: self.declared,
            nonce: Some(self.nonce),
            expires: Some(self.expires),
            signatures,
            ..Act::new(self.deed, "admin", id, certificate, &self.reason)
        }
    }
}
