//! `greffier token`: a token of a development instance's issuer; and where the other commands have
//! the token from that they carry.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::Args as ClapArgs;

use super::{complain, failed, print};
use crate::client::token::{Fresh, TokenSource};
use crate::instance::{AgentIssuer, InstanceError, Layout, Login, TOKEN_LIFETIME_MAX, fresh_token};

/// Issue a token for an agent, on a development instance
///
/// A provider's read carries a token that says which person reads (`authorization:
/// Bearer TOKEN`). In production the agency's log-in issues it. The issuer of a
/// development instance vouches for whoever is named to it, so this is FOR
/// DEVELOPMENT ONLY. `greffier read --instance` makes its own.
///
/// Examples, on an instance of `greffier init --dev here`:
///   greffier token --instance here --as provider-02 --agent alice
///   greffier token --instance here --as provider-02 --agent alice --amr pwd
///   greffier token --instance here --as provider-02 --agent alice --auth-age 50000
///
/// The token on standard output, for any client that can send a header:
///   greffier token --instance here --as provider-02 --agent alice > token.txt
///   greffier read --instance here --as provider-02 --token token.txt list
///   grpcurl -cacert here/pki/ca.pem -cert here/pki/clients/provider-02.pem \
///     -key here/pki/clients/provider-02.key \
///     -H "authorization: Bearer $(cat token.txt)" \
///     -d '{"parent":"datasets/cir",
///         "context":{"purpose":"course_delivery","case_reference":"T-1"}}' \
///     localhost:8443 greffier.v1.Records/ListRecords
///
/// Exit codes: 0 issued, 2 not issued.
#[derive(ClapArgs, Debug)]
#[command(verbatim_doc_comment)]
pub(super) struct Args {
    /// Folder of the development instance whose issuer makes the token
    #[arg(long, value_name = "DIR")]
    instance: PathBuf,
    /// Whose certificate it is good with, as in pki/clients
    #[arg(long = "as", value_name = "CLIENT")]
    client: String,
    /// The person: 1 to 128 printable characters
    #[arg(long, value_name = "NAME", value_parser = agent)]
    agent: String,
    /// How long it is good, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 900,
        value_parser = clap::value_parser!(u64).range(1..=TOKEN_LIFETIME_MAX.as_secs()))]
    ttl: u64,
    /// How the person logged in: words of RFC 8176
    #[arg(long, value_name = "WORDS", value_delimiter = ',', default_values = ["pwd", "otp"])]
    amr: Vec<String>,
    /// How long ago the agent logged in, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    auth_age: u64,
}

pub(super) fn run(args: &Args) -> ExitCode {
    match token(args) {
        Ok(token) => {
            complain(
                "greffier: this token is for DEVELOPMENT: its issuer vouches for whoever is named to it",
            );
            print(token);
            ExitCode::SUCCESS
        }
        Err(error) => failed(error),
    }
}

/// A name that a token can have as `sub`, as the door takes it.
pub(super) fn agent(text: &str) -> Result<String, String> {
    let printable = text.bytes().all(|b| (b' '..=b'~').contains(&b));
    if (1..=128).contains(&text.len()) && printable {
        Ok(text.to_owned())
    } else {
        Err("write 1 to 128 printable characters of ASCII".to_owned())
    }
}

fn token(args: &Args) -> Result<String, InstanceError> {
    let layout = Layout::new(&args.instance);
    let (certificate, _) = layout.client(&args.client);
    let login = Login {
        methods: args.amr.clone(),
        age: Duration::from_secs(args.auth_age),
        lifetime: Duration::from_secs(args.ttl),
        ..Login::now(&args.agent, &certificate)?
    };
    AgentIssuer::open(&layout)?.token(&login, SystemTime::now())
}

/// Tokens of an instance's issuer for whoever has a certificate: for the agent of this name, or of
/// the certificate's file.
pub(super) fn made(layout: &Layout, certificate: &Path, agent: Option<&str>) -> TokenSource {
    let (layout, certificate) = (layout.clone(), certificate.to_owned());
    let stem = certificate.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let agent = agent.map(str::to_owned).or(stem).unwrap_or_default();
    TokenSource::made(move || {
        let made = fresh_token(&layout, &certificate, &agent).map_err(|error| error.to_string())?;
        Ok(Fresh { token: made.0, lifetime: made.1 })
    })
}
