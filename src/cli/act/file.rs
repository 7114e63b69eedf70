//! The file that an act travels in from one administrator to the next: the exact statement, and the
//! signatures so far.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::time;
use super::{BadSecret, Malformed, PersonalKey, StartError};
use crate::config::SettingsError;
use crate::files;
use crate::format::entry::{
    Deed, JobTerms, OwnedKey, Signature, SignedAct, Statement, Tag, Word, message,
};
use crate::state::acts::holds;

/// Why an act cannot be written down or signed.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum ActError {
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("{} is not the file of an act: {why}", path.display())]
    Form { path: PathBuf, why: String },
    #[error("no such statement can stand in the ledger: {0}")]
    Statement(#[from] Malformed),
    #[error("{0}")]
    Said(String),
    #[error("this key, that of {0}, has signed it already")]
    Twice(Word),
    #[error("the signature of {0} in this file is false: somebody has changed it, do not sign it")]
    False(Word),
    #[error(transparent)]
    Secret(#[from] BadSecret),
    #[error(transparent)]
    Config(#[from] SettingsError),
    #[error(transparent)]
    Ledger(#[from] StartError),
    #[error("{0}")]
    System(#[from] io::Error),
}

/// Makes the error of a file that cannot be used.
pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> ActError {
    let path = path.to_owned();
    move |error| ActError::File { path, error }
}

/// The file of an act: its statement, and the signatures so far.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct ActFile {
    /// Byte for byte what is signed.
    pub(in crate::cli) statement: String,
    pub(in crate::cli) signatures: Vec<Signature>,
}

impl ActFile {
    /// The file of a statement that nobody has signed yet.
    pub(in crate::cli) fn new(origin: &str, statement: &Statement) -> Result<ActFile, ActError> {
        said(statement)?;
        Ok(ActFile { statement: statement.encode(origin)?, signatures: Vec::new() })
    }

    /// One that was written, if all that is in it holds together.
    pub(in crate::cli) fn read(path: &Path) -> Result<ActFile, ActError> {
        let text = files::read_input(path, files::SMALL).map_err(at(path))?;
        let form = |why: String| ActError::Form { path: path.to_owned(), why };
        let act: ActFile = serde_json::from_str(&text).map_err(|e| form(e.to_string()))?;
        let (_, statement) = act.statement().map_err(|e| form(e.to_string()))?;
        said(&statement)?;
        let message = message(&act.statement);
        match act.signatures.iter().find(|signature| !holds(signature, &message)) {
            Some(signature) => Err(ActError::False(signature.admin.clone())),
            None => Ok(act),
        }
    }

    /// The text of the file, as it is kept.
    pub(in crate::cli) fn text(&self) -> Result<String, ActError> {
        serde_json::to_string_pretty(self).map_err(|error| ActError::System(error.into()))
    }

    /// Puts it in the place of the one it was read from.
    pub(super) fn write(&self, path: &Path) -> Result<(), ActError> {
        files::replace(path, &(self.text()? + "\n")).map_err(at(path))
    }

    fn statement(&self) -> Result<(String, Statement), Malformed> {
        Statement::parse(&self.statement)
    }

    /// Adds a signature by this key, unless the key has signed already.
    pub(super) fn sign(&mut self, admin: &Word, key: &PersonalKey) -> Result<(), ActError> {
        if self.signatures.iter().any(|signature| signature.key == key.public()) {
            return Err(ActError::Twice(admin.clone()));
        }
        self.signatures.push(key.sign(admin, &self.statement));
        Ok(())
    }

    /// What is signed, for whoever signs it.
    pub(in crate::cli) fn in_words(&self) -> Result<String, ActError> {
        // Taken apart, so that nothing is signed that is not shown.
        let (origin, Statement { deed, reason, nonce: _, expires }) = self.statement()?;
        let mut fields = about(&deed);
        fields.extend([
            ("reason", format!("\"{reason}\"")),
            ("ledger", origin),
            ("until", time(expires)),
        ]);
        let (meaning, signers) = meaning(&deed);
        let mut text = format!("{}: {meaning}.\n", deed.name());
        for (name, value) in fields {
            text.push_str(&format!("  {name:10}{value}\n"));
        }
        text.push_str(&format!("It can be submitted once, by one of those who signed. {signers}."));
        for Signature { admin, key, .. } in &self.signatures {
            text.push_str(&format!("\nSigned by {admin} with the key {key}."));
        }
        Ok(text)
    }

    /// The statement and its signers as JSON, for programs.
    pub(in crate::cli) fn as_json(&self) -> Result<Value, ActError> {
        let signer = |one: &Signature| json!({"admin": one.admin, "key": one.key});
        let signers: Vec<Value> = self.signatures.iter().map(signer).collect();
        let said: Value = serde_json::from_str(&self.statement).map_err(io::Error::from)?;
        Ok(json!({"act": said, "signed_by": signers}))
    }

    /// The founding enrolment that it is, for the ledger that begins with it.
    pub(in crate::cli) fn founding(self) -> Result<(String, SignedAct), ActError> {
        let (origin, statement) = self.statement()?;
        let id = match &statement.deed {
            Deed::EnrolKey(OwnedKey { admin, .. }) => admin.clone(),
            deed => {
                let deed = deed.name();
                return Err(ActError::Said(format!("a ledger begins with no `{deed}`")));
            }
        };
        let (certificate, signatures) = (None, self.signatures);
        Ok((origin, SignedAct { id, certificate, statement, signatures }))
    }
}

/// Refuses a statement that gives no reason.
fn said(statement: &Statement) -> Result<(), ActError> {
    let blank = statement.reason.trim().is_empty();
    if blank { Err(ActError::Said("the reason is empty".to_owned())) } else { Ok(()) }
}

/// What a deed is about, as names and values.
fn about(deed: &Deed) -> Vec<(&'static str, String)> {
    let provider = |id: &Word| ("provider", id.to_string());
    let dataset = |name: &Word| ("dataset", name.to_string());
    let agent = |agent: &Tag| ("agent", agent.to_string());
    match deed {
        Deed::Suspend(whom) | Deed::Reinstate(whom) | Deed::Lift(whom) => {
            [provider(&whom.provider)].into_iter().chain(whom.agent.as_ref().map(agent)).collect()
        }
        Deed::EnrolKey(OwnedKey { admin, key }) | Deed::RevokeKey(OwnedKey { admin, key }) => {
            vec![("admin", admin.to_string()), ("key", key.to_string())]
        }
        Deed::EnrolAgent(person) | Deed::DismissAgent(person) => {
            vec![provider(&person.provider), agent(&person.agent)]
        }
        Deed::EnrolRoster { provider: id, dataset: name, persons } => {
            vec![provider(id), dataset(name), ("persons", persons.to_string())]
        }
        Deed::Loosen { digest } => vec![("digest", digest.to_string())],
        Deed::DeclareJob { provider: id, dataset: name, job } => {
            let JobTerms { purpose, view, rows, from, until } = job;
            let (from, until) = (time(*from), time(*until));
            let may =
                format!("at most {rows} rows, {view}, for {purpose}, from {from} until {until}");
            vec![provider(id), dataset(name), ("job", may)]
        }
        Deed::ApproveJob { declared } | Deed::WithdrawJob { declared } => {
            vec![("declared", format!("entry {declared}: look at what it declares"))]
        }
    }
}

/// What a deed does, and how many must sign it.
fn meaning(deed: &Deed) -> (&'static str, &'static str) {
    const ONE: &str = "One signature is enough";
    const TWO: &str = "It needs two administrators";
    match deed {
        Deed::Suspend(_) => ("nothing more is released there until somebody reinstates it", ONE),
        Deed::Reinstate(_) => ("a suspension by an administrator is taken back", ONE),
        Deed::Lift(_) => (
            "what alerts took is given back, and the detectors begin again at 0",
            "It needs two administrators if a critical alert took it",
        ),
        Deed::EnrolKey(_) => ("whoever has this key signs as this administrator from now on", TWO),
        Deed::RevokeKey(_) => (
            "this key signs nothing any more, for good",
            "It needs two administrators, or its owner",
        ),
        Deed::EnrolAgent(_) => ("this person may read for the provider", TWO),
        Deed::DismissAgent(_) => ("this person may not read for the provider any more", ONE),
        Deed::EnrolRoster { .. } => ("the provider's roster may grow by so many persons", TWO),
        Deed::DeclareJob { .. } => {
            ("the provider may export so much, once another administrator approves", ONE)
        }
        Deed::ApproveJob { .. } => (
            "the job may begin: read in your own tail what that entry declares",
            "Whoever declared it cannot approve it",
        ),
        Deed::WithdrawJob { .. } => ("nothing more goes out under the job", ONE),
        Deed::Loosen { .. } => ("the policy file of this digest may loosen the one in force", TWO),
    }
}
