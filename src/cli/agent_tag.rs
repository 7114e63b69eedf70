//! `greffier agent-tag`: the tag that a person at a provider has in the ledger, for whoever has the
//! key of tags. It asks neither the gateway nor the ledger.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{ArgGroup, Args as ClapArgs};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};

use super::{failed, print, token};
use crate::admission::{agent, grammar};
use crate::format::entry::{Tag, sha256};
use crate::format::signer::{BadSecret, read_key};
use crate::format::tag::Tagger;
use crate::instance::Layout;

const USAGE: &str = "\
greffier agent-tag --provider <ID> <--tag-key <FILE>|--instance <DIR>>
         <--issuer <NAME> --subject <SUB>|--certificate <FILE>>";

/// Print the tag that an agent has in entries, alerts and acts
///
/// An act names an agent by its tag: with this, whoever has the key of tags can
/// enrol, dismiss or suspend a person by name. A person is the issuer, by its name
/// in the policy, and `sub` of the token; where the policy says issuer =
/// "certificate", it is the certificate. Nothing is looked up, so write all of it
/// exactly: a name that nobody has gets a tag as well. Each ledger has a key of its
/// own.
///
/// Examples:
///   greffier agent-tag --tag-key keys/tag.key --provider provider-02 \
///     --issuer sso --subject alice
///   greffier agent-tag --instance here --provider provider-02 \
///     --certificate client.pem
///
/// Exit codes: 0 printed, 2 not.
#[derive(ClapArgs, Debug)]
#[command(verbatim_doc_comment, override_usage = USAGE)]
#[command(group = ArgGroup::new("key").required(true).args(["tag_key", "instance"]))]
#[command(group = ArgGroup::new("person").required(true).args(["issuer", "certificate"]))]
pub(super) struct Args {
    /// The ledger's key of tags: `ledger.tag_key` of config.toml
    #[arg(long, value_name = "FILE")]
    tag_key: Option<PathBuf>,
    /// A development instance, which has that key
    #[arg(long, value_name = "DIR")]
    instance: Option<PathBuf>,
    /// Provider id, as in the policy
    #[arg(long, value_name = "ID", value_parser = id)]
    provider: String,
    /// Who vouches for the person: NAME of [issuer.NAME] in the policy
    #[arg(long, value_name = "NAME", value_parser = id, requires = "subject")]
    issuer: Option<String>,
    /// What the issuer calls the person: `sub` of the token
    #[arg(long, value_name = "SUB", value_parser = token::agent, requires = "issuer")]
    subject: Option<String>,
    /// The certificate that stands in for the person, PEM
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
enum TagError {
    #[error(transparent)]
    Secret(#[from] BadSecret),
    #[error("{}: {error}; give one certificate as PEM", .path.display())]
    Certificate { path: PathBuf, error: pem::Error },
}

/// Reads an id that a policy could have, of a provider or an issuer.
fn id(text: &str) -> Result<String, String> {
    if grammar::is_id(text) { Ok(text.to_owned()) } else { Err(format!("write {}", grammar::ID)) }
}

pub(super) fn run(args: &Args) -> ExitCode {
    match tag(args) {
        Ok(tag) => {
            print(tag);
            ExitCode::SUCCESS
        }
        Err(error) => failed(error),
    }
}

fn tag(args: &Args) -> Result<Tag, TagError> {
    let of_instance = || args.instance.as_deref().map(|dir| Layout::new(dir).tag_key());
    let key = args.tag_key.clone().or_else(of_instance).unwrap_or_default();
    let person = match &args.certificate {
        Some(path) => fingerprint(path)?,
        None => {
            let name = |name: &Option<String>| name.clone().unwrap_or_default();
            agent(&name(&args.issuer), &name(&args.subject)).as_ref().to_owned()
        }
    };
    Ok(Tagger::new(&read_key(&key)?).agent(&args.provider, &person))
}

/// SHA-256 of the certificate, as the door has it.
fn fingerprint(path: &Path) -> Result<String, TagError> {
    let der = CertificateDer::from_pem_file(path);
    let der = der.map_err(|error| TagError::Certificate { path: path.to_owned(), error })?;
    Ok(sha256(&[&der]).to_string())
}
