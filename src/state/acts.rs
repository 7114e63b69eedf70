//! Who may decide what: the personal keys of administrators as the ledger enrols them, and whether
//! the signatures of an act carry it. A fold over the entries. The registrar asks before it writes
//! and the verifier when it reads, by this code; neither knows who an administrator is otherwise.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::jobs::Jobs;
use crate::format::ed25519;
use crate::format::entry::{
    Acknowledgement, Act, Alert, Deed, Entry, Hash, Measure, Millis, Nonce, OwnedKey, Payload,
    Policy, ProviderAgent, PublicKey, Section, SecurityDeed, Severity, Signature, SignedAct, Tag,
    Whom, Word, message,
};

/// Longest that a statement may still be good for when it is written.
pub const VALID_MAX: Millis = 7 * 86_400_000;
/// How many signatures an act may carry at most.
pub const SIGNATURES_MAX: usize = 8;

/// Why an act cannot stand in the ledger.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadAct {
    /// No reason, an alert that there is none, or nobody's certificate.
    #[error(
        "it is an act without a reason, of somebody without a certificate, or about an alert that there \
         is not"
    )]
    Form,
    /// It has no signature, or more than [`SIGNATURES_MAX`]; holds how many.
    #[error("it is an act with {0} signatures: from 1 to {SIGNATURES_MAX} are needed")]
    Signatures(usize),
    /// Its statement had expired when the act was to be written.
    #[error("its statement had expired")]
    Expired,
    /// Its statement is good for longer than [`VALID_MAX`].
    #[error("its statement is good for more than 7 days")]
    TooLong,
    /// The nonce of its statement was used before, by the same statement or another.
    #[error("the nonce of its statement was used before")]
    Reused,
    /// Two of its signatures are by one key, that of the administrator named.
    #[error("it is signed twice with one key, that of `{0}`")]
    Twice(Word),
    /// A signature is by a key that is not enrolled for the administrator named, or not any more.
    #[error("it is signed with a key that is not enrolled for `{0}`")]
    NotEnrolled(Word),
    /// The signature of the administrator named is not over this statement by this key.
    #[error("the signature of `{0}` is false")]
    False(Word),
    /// Whoever submits it has not signed it.
    #[error("`{0}` submitted it and has not signed it")]
    Submitter(Word),
    /// It needs the signatures of two administrators and has that of one.
    #[error("`{deed}` needs the signatures of two administrators", deed = .0.name())]
    Second(Deed),
    /// A key has one owner, once.
    #[error("the key that it enrols is or was enrolled already")]
    Known,
    /// The key that it enrols is one by which anybody can sign.
    #[error(
        "the key that it enrols is no key: signatures pass by it without a private one; make another \
         with `greffier act keygen`"
    )]
    Weak,
    /// What it takes back is not enrolled; holds the word for it.
    #[error("the {0} that it takes back is not enrolled there")]
    Nothing(&'static str),
    /// A job has two persons behind it, rows and a time that ends.
    #[error(
        "it declares a job without rows, whose time is over, or that lasts more than 31 days, or it is \
         about one that was not declared, was approved or is over, or approves what the same \
         administrator declared"
    )]
    Job,
    /// Keys are founded right behind the genesis, each by itself.
    #[error("it stands before the first policy and is no founding enrolment signed by its own key")]
    Founding,
}

/// What acts have approved, for those who ask before they go on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approved {
    agents: HashMap<Word, HashSet<Tag>>,
    policies: HashSet<Hash>,
}

impl Approved {
    /// Whether a person is enrolled as an agent of a provider.
    pub fn agent(&self, provider: &str, agent: Tag) -> bool {
        self.agents.get(provider).is_some_and(|agents| agents.contains(&agent))
    }

    /// How many agents of a provider are enrolled.
    pub fn agents(&self, provider: &str) -> usize {
        self.agents.get(provider).map_or(0, HashSet::len)
    }

    /// Whether a policy file of this digest may loosen the one before.
    pub fn policy(&self, digest: &Hash) -> bool {
        self.policies.contains(digest)
    }

    pub(super) fn enrol(&mut self, ProviderAgent { provider, agent }: &ProviderAgent) {
        self.agents.entry(provider.clone()).or_default().insert(*agent);
    }

    pub(super) fn dismiss(&mut self, ProviderAgent { provider, agent }: &ProviderAgent) {
        self.agents.entry(provider.clone()).or_default().remove(agent);
    }

    pub(super) fn loosen(&mut self, digest: Hash) {
        self.policies.insert(digest);
    }
}

/// A personal key that an act enrolled, and whose it is.
#[derive(Debug)]
struct Holder {
    admin: Word,
    /// Whether the key was revoked: it is then never again anybody's.
    revoked: bool,
}

/// The fold over the entries that decides which acts may stand.
#[derive(Debug, Default)]
pub struct Acts {
    origin: String,
    /// The first policy has begun: nobody founds any more.
    founded: bool,
    keys: HashMap<PublicKey, Holder>,
    nonces: HashSet<Nonce>,
    /// Entry numbers of all alerts so far.
    alerts: HashSet<u64>,
    /// Agents, and providers as a whole, from whom a critical alert has taken what is not lifted.
    critical: HashSet<(Word, Option<Tag>)>,
    approved: Arc<Approved>,
}

impl Acts {
    /// What has been approved: the same `Arc` as long as nothing of it changes.
    pub fn approved(&self) -> Arc<Approved> {
        self.approved.clone()
    }

    /// Whether an act may stand as the next entry, written at `at`, with these jobs declared.
    ///
    /// # Errors
    /// [`BadAct`].
    pub fn check(&self, at: Millis, act: &Act, jobs: &Jobs) -> Result<(), BadAct> {
        let (_, reason) = act.id_and_reason();
        if reason.trim().is_empty() {
            return Err(BadAct::Form);
        }
        match act {
            // Nothing comes of it.
            Act::Acknowledged(Acknowledgement {
                deed: SecurityDeed::Acknowledge { alert },
                ..
            }) => {
                if self.alerts.contains(alert) {
                    Ok(())
                } else {
                    Err(BadAct::Form)
                }
            }
            Act::Signed(act) => self.signed(at, act, jobs),
        }
    }

    fn signed(&self, at: Millis, act: &SignedAct, jobs: &Jobs) -> Result<(), BadAct> {
        let SignedAct { statement, signatures, .. } = act;
        if let Deed::EnrolKey(OwnedKey { key, .. }) = &statement.deed
            && !ed25519::is_key(&key.0)
        {
            return Err(BadAct::Weak);
        }
        match statement.expires.checked_sub(at) {
            None => return Err(BadAct::Expired),
            Some(left) if left > VALID_MAX => return Err(BadAct::TooLong),
            Some(_) => {}
        }
        if self.nonces.contains(&statement.nonce) {
            return Err(BadAct::Reused);
        }
        if !(1..=SIGNATURES_MAX).contains(&signatures.len()) {
            return Err(BadAct::Signatures(signatures.len()));
        }
        if self.founded { self.enrolled(act) } else { founds(act) }?;
        let text = statement.encode(&self.origin).map_err(|_| BadAct::Form)?;
        let message = message(&text);
        if let Some(signature) = signatures.iter().find(|signature| !holds(signature, &message)) {
            return Err(BadAct::False(signature.admin.clone()));
        }
        if self.founded {
            self.enough(act)?;
        }
        self.possible(act, at, jobs)
    }

    /// Whether every key is one of those who are said to have signed, at this moment and once.
    fn enrolled(&self, act: &SignedAct) -> Result<(), BadAct> {
        if act.certificate.is_none() {
            return Err(BadAct::Form);
        }
        let mut seen = HashSet::new();
        for Signature { admin, key, .. } in &act.signatures {
            let holder = self.keys.get(key).filter(|holder| !holder.revoked);
            if holder.is_none_or(|holder| holder.admin != *admin) {
                return Err(BadAct::NotEnrolled(admin.clone()));
            }
            if !seen.insert(key) {
                return Err(BadAct::Twice(admin.clone()));
            }
        }
        Ok(())
    }

    /// Whether those who signed are enough, whoever submits it among them.
    fn enough(&self, act: &SignedAct) -> Result<(), BadAct> {
        let signed = |id: &Word| act.signatures.iter().any(|signature| signature.admin == *id);
        if !signed(&act.id) {
            return Err(BadAct::Submitter(act.id.clone()));
        }
        let others = act.signatures.iter().any(|signature| signature.admin != act.id);
        if self.needs_two(act) && !others {
            Err(BadAct::Second(act.statement.deed.clone()))
        } else {
            Ok(())
        }
    }

    /// What gives more than one person should give alone.
    fn needs_two(&self, act: &SignedAct) -> bool {
        match &act.statement.deed {
            Deed::EnrolKey(_) | Deed::EnrolAgent(_) | Deed::EnrolRoster { .. } => true,
            Deed::Loosen { .. } => true,
            Deed::Lift(Whom { provider, agent }) => {
                self.critical.contains(&(provider.clone(), *agent))
            }
            // Its owner can; nobody makes himself the last by revoking the others' keys.
            Deed::RevokeKey(OwnedKey { admin, .. }) => {
                !act.signatures.iter().any(|signature| signature.admin == *admin)
            }
            // Whoever approves a job is not who declared it: two have signed.
            Deed::DeclareJob { .. } | Deed::ApproveJob { .. } | Deed::WithdrawJob { .. } => false,
            Deed::Suspend(_) | Deed::Reinstate(_) | Deed::DismissAgent(_) => false,
        }
    }

    /// Whether there is what it speaks of: a revocation of a mistyped key must not look like one.
    fn possible(&self, act: &SignedAct, at: Millis, jobs: &Jobs) -> Result<(), BadAct> {
        let owns = |OwnedKey { admin, key }: &OwnedKey| {
            self.keys.get(key).is_some_and(|holder| !holder.revoked && holder.admin == *admin)
        };
        match &act.statement.deed {
            Deed::EnrolKey(owned) if self.keys.contains_key(&owned.key) => Err(BadAct::Known),
            Deed::RevokeKey(owned) if !owns(owned) => Err(BadAct::Nothing("key")),
            Deed::DismissAgent(ProviderAgent { provider, agent })
                if !self.approved.agent(provider, *agent) =>
            {
                Err(BadAct::Nothing("agent"))
            }
            _ if !jobs.admits_act(act, at) => Err(BadAct::Job),
            _ => Ok(()),
        }
    }

    /// Folds an entry that was checked.
    pub fn apply(&mut self, entry: &Entry) {
        match &entry.payload {
            Payload::Genesis(genesis) => self.origin.clone_from(&genesis.origin),
            Payload::Policy(policy) => self.policy(policy),
            Payload::Alert(alert) => self.alert(entry.seq, alert),
            Payload::Act(act) => self.act(act),
            _ => {}
        }
    }

    fn policy(&mut self, policy: &Policy) {
        self.founded = true;
        let approved = !self.approved.policies.is_empty();
        if let Section::Head(_) = &policy.section
            && approved
        {
            // Whoever approved a policy compared it with the one that was in force then.
            Arc::make_mut(&mut self.approved).policies.clear();
        }
    }

    fn alert(&mut self, seq: u64, alert: &Alert) {
        self.alerts.insert(seq);
        if alert.severity == Severity::Critical {
            let level = |measure: &Measure| measure.of_agent().then_some(alert.agent);
            let taken = alert.measures.iter().map(|m| (alert.provider.clone(), level(m)));
            self.critical.extend(taken);
        }
    }

    fn act(&mut self, act: &Act) {
        let Act::Signed(SignedAct { statement, .. }) = act else { return };
        self.nonces.insert(statement.nonce);
        let approved = &mut self.approved;
        match &statement.deed {
            Deed::EnrolKey(OwnedKey { admin, key }) => {
                self.keys.insert(*key, Holder { admin: admin.clone(), revoked: false });
            }
            Deed::RevokeKey(OwnedKey { key, .. }) => {
                if let Some(holder) = self.keys.get_mut(key) {
                    holder.revoked = true;
                }
            }
            Deed::Lift(Whom { provider, agent }) => {
                self.critical.remove(&(provider.clone(), *agent));
            }
            Deed::EnrolAgent(agent) => Arc::make_mut(approved).enrol(agent),
            Deed::DismissAgent(agent) => Arc::make_mut(approved).dismiss(agent),
            Deed::Loosen { digest } => Arc::make_mut(approved).loosen(*digest),
            Deed::Suspend(_)
            | Deed::Reinstate(_)
            | Deed::EnrolRoster { .. }
            | Deed::DeclareJob { .. }
            | Deed::ApproveJob { .. }
            | Deed::WithdrawJob { .. } => {}
        }
    }
}

/// A founding enrolment shows that somebody has the key, and nothing else: whoever keeps the first
/// checkpoint holds the founding keys with it.
fn founds(act: &SignedAct) -> Result<(), BadAct> {
    let good = match (&act.statement.deed, act.signatures.as_slice()) {
        (Deed::EnrolKey(OwnedKey { admin, key }), [one]) => {
            act.certificate.is_none() && *admin == act.id && (&one.admin, &one.key) == (admin, key)
        }
        _ => false,
    };
    if good { Ok(()) } else { Err(BadAct::Founding) }
}

/// Whether a signature is over these bytes by its key.
pub fn holds(signature: &Signature, message: &[u8]) -> bool {
    ed25519::verifies(&signature.key.0, message, &signature.signature.0)
}
