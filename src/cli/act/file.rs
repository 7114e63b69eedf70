//! The file that an act travels in from one administrator to the next: the exact statement, and the
//! signatures so far.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::time;
use super::{BadSecret, Malformed, PersonalKey, StartError};
use crate::config::Unusable;
use crate::files;
use crate::format::entry::{Act, Deed, JobTerms, Signature, Statement, Word, message, word};
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
    Config(#[from] Unusable),
    #[error(transparent)]
    Ledger(#[from] StartError),
    #[error("{0}")]
    System(#[from] io::Error),
}

/// About a file.
pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> ActError {
    let path = path.to_owned();
    move |error| ActError::File { path, error }
}

/// The file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct ActFile {
    /// Byte for byte what is signed.
    pub(in crate::cli) statement: String,
    pub(in crate::cli) signatures: Vec<Signature>,
}

impl ActFile {
    /// Of a statement that nobody has signed.
    pub(in crate::cli) fn new(statement: &Statement) -> Result<ActFile, ActError> {
        said(statement)?;
        Ok(ActFile { statement: statement.encode()?, signatures: Vec::new() })
    }

    /// One that was written, if all that is in it holds together.
    pub(in crate::cli) fn read(path: &Path) -> Result<ActFile, ActError> {
        let text = files::read_input(path, files::SMALL).map_err(at(path))?;
        let form = |why: String| ActError::Form { path: path.to_owned(), why };
        let act: ActFile = serde_json::from_str(&text).map_err(|e| form(e.to_string()))?;
        said(&act.statement().map_err(|e| form(e.to_string()))?)?;
        let message = message(&act.statement);
        match act.signatures.iter().find(|signature| !holds(signature, &message)) {
            Some(signature) => Err(ActError::False(signature.admin.clone())),
            None => Ok(act),
        }
    }

    /// As it is kept.
    pub(in crate::cli) fn text(&self) -> Result<String, ActError> {
        serde_json::to_string_pretty(self).map_err(|error| ActError::System(error.into()))
    }

    /// Puts it in the place of the one it was read from.
    pub(super) fn write(&self, path: &Path) -> Result<(), ActError> {
        files::replace(path, &(self.text()? + "\n")).map_err(at(path))
    }

    fn statement(&self) -> Result<Statement, Malformed> {
        Statement::parse(&self.statement)
    }

    /// Adds a signature.
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
        let Statement {
            origin,
            deed,
            provider,
            agent,
            admin,
            key,
            dataset,
            persons,
            digest,
            job,
            declared,
            reason,
            nonce: _,
            expires,
        } = self.statement()?;
        let said = |word: Option<Word>| word.map(|word| word.as_ref().to_owned());
        let export = job.map(|job| {
            let JobTerms { purpose, view, rows, from, until } = job;
            let (from, until) = (time(from), time(until));
            format!("at most {rows} rows, {view}, for {purpose}, from {from} until {until}")
        });
        let fields = [
            ("provider", said(provider)),
            ("agent", agent.map(|agent| agent.to_string())),
            ("admin", said(admin)),
            ("key", key.map(|key| key.to_string())),
            ("dataset", said(dataset)),
            ("persons", persons.map(|persons| persons.to_string())),
            ("digest", digest.map(|digest| digest.to_string())),
            ("job", export),
            ("declared", declared.map(|entry| format!("entry {entry}: look at what it declares"))),
            ("reason", Some(format!("\"{reason}\""))),
            ("ledger", Some(origin)),
            ("until", Some(time(expires))),
        ];
        let (meaning, signers) = meaning(deed);
        let mut text = format!("{}: {meaning}.\n", word(&deed));
        for (name, value) in fields {
            text.extend(value.map(|value| format!("  {name:10}{value}\n")));
        }
        text.push_str(&format!("It can be submitted once, by one of those who signed. {signers}."));
        for Signature { admin, key, .. } in &self.signatures {
            text.push_str(&format!("\nSigned by {admin} with the key {key}."));
        }
        Ok(text)
    }

    /// The same for programs.
    pub(in crate::cli) fn as_json(&self) -> Result<Value, ActError> {
        let signer = |one: &Signature| json!({"admin": one.admin, "key": one.key});
        let signers: Vec<Value> = self.signatures.iter().map(signer).collect();
        Ok(json!({"act": self.statement()?, "signed_by": signers}))
    }

    /// The founding enrolment that it is, for the ledger that begins with it.
    pub(in crate::cli) fn founding(self) -> Result<(String, Act), ActError> {
        let statement = self.statement()?;
        let (origin, admin) = (statement.origin.clone(), statement.admin.clone());
        let admin = admin.unwrap_or_default();
        Ok((origin, statement.act(&admin, None, self.signatures)))
    }
}

/// Whether a statement says what its deed is about.
fn said(statement: &Statement) -> Result<(), ActError> {
    let act = statement.clone().act(&Word::default(), None, Vec::new());
    let deed = word(&act.deed);
    let misfit = act.misfits().next().map(|(field, must)| match must {
        true => format!("`{deed}` must name: {field}"),
        false => format!("`{deed}` has no place for: {field}"),
    });
    let blank = act.reason.trim().is_empty().then(|| "the reason is empty".to_owned());
    let unsigned = (act.deed == Deed::Acknowledge).then(|| format!("`{deed}` is not signed"));
    misfit.or(blank).or(unsigned).map_or(Ok(()), |why| Err(ActError::Said(why)))
}

/// What a deed does, and how many must sign it.
fn meaning(deed: Deed) -> (&'static str, &'static str) {
    const ONE: &str = "One signature is enough";
    const TWO: &str = "It needs two administrators";
    match deed {
        Deed::Suspend => ("nothing more is released there until somebody reinstates it", ONE),
        Deed::Reinstate => ("a suspension by an administrator is taken back", ONE),
        Deed::Lift => (
            "what alerts took is given back, and the detectors begin again at 0",
            "It needs two administrators if a critical alert took it",
        ),
        Deed::Acknowledge => ("an alert was seen", ONE),
        Deed::EnrolKey => ("whoever has this key signs as this administrator from now on", TWO),
        Deed::RevokeKey => (
            "this key signs nothing any more, for good",
            "It needs two administrators, or its owner",
        ),
        Deed::EnrolAgent => ("this person may read for the provider", TWO),
        Deed::DismissAgent => ("this person may not read for the provider any more", ONE),
        Deed::EnrolRoster => ("the provider's roster may grow by so many persons", TWO),
        Deed::DeclareJob => {
            ("the provider may export so much, once another administrator approves", ONE)
        }
        Deed::ApproveJob => (
            "the job may begin: read in your own tail what that entry declares",
            "Whoever declared it cannot approve it",
        ),
        Deed::WithdrawJob => ("nothing more goes out under the job", ONE),
        Deed::Loosen => ("the policy file of this digest may loosen the one in force", TWO),
    }
}
