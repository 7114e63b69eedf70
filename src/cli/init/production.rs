//! A new instance for production: what the agency brings is checked first, and what is left to do
//! is told last.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use serde_json::json;

use super::{InitError, write_ledger};
use crate::admission::Role;
use crate::cli::act::ActFile;
use crate::config::{Config, policy};
use crate::files;
use crate::format::entry::{Act, SignedAct, Word};
use crate::instance::{Made, Site, prepare_site};

/// What a production instance is made of.
#[derive(ClapArgs, Debug)]
pub(super) struct Production {
    /// For production: the folder to make; absent or empty
    #[arg(
        value_name = "DIR",
        requires_all = ["name", "trust_domain", "founders", "policy", "names"]
    )]
    pub(super) dir: Option<PathBuf>,
    /// Name of the ledger, as in registry.example/reads; it never changes
    #[arg(long, requires = "dir")]
    name: Option<String>,
    /// Of the certificates that your authority gives to clients: spiffe://DOMAIN/ROLE/ID
    #[arg(long, value_name = "DOMAIN", requires = "dir")]
    trust_domain: Option<String>,
    /// The enrolment of an administrator's personal key, signed by that very key; at least two
    /// administrators, and three are better: two that are left can enrol another
    #[arg(id = "founders", long = "admin", value_name = "FILE", requires = "dir")]
    founders: Vec<PathBuf>,
    /// The first policy; `config/policy.toml` of the source is one to begin with
    #[arg(long, value_name = "FILE", requires = "dir")]
    policy: Option<PathBuf>,
    /// Name or address that clients call the gateway by; may be given again
    #[arg(id = "names", long = "server-name", value_name = "NAME", requires = "dir")]
    names: Vec<String>,
}

/// Makes it: everything but the ledger, then the ledger, then the folder gets its name.
pub(super) fn make(asked: &Production, listen: &str) -> Result<(Made, String), InitError> {
    let path = asked.policy.clone().unwrap_or_default();
    let policy = policy::load(&path)?;
    let text =
        files::read_text(&path, files::SMALL).map_err(|error| InitError::File { path, error })?;
    let site = Site {
        dir: asked.dir.clone().unwrap_or_default(),
        name: asked.name.clone().unwrap_or_default(),
        trust_domain: asked.trust_domain.clone().unwrap_or_default(),
        server_names: asked.names.clone(),
        listen: listen.to_owned(),
        policy: text,
    };
    let founders = founders(asked, &site.name)?;
    let mut ids: Vec<&Word> = founders.iter().map(|act| &act.id).collect();
    ids.sort();
    ids.dedup();
    if ids.len() < 2 {
        return Err(InitError::Founders);
    }
    let known = |id: &Word| policy.staff.get(&Role::Admin).is_some_and(|ids| ids.contains(id));
    if let Some(unknown) = ids.iter().find(|id| !known(id)) {
        return Err(InitError::Unknown((*unknown).clone()));
    }
    let said = format!(
        "It begins with the keys of {}.",
        ids.iter().map(|id| id.as_ref()).collect::<Vec<&str>>().join(", ")
    );
    let prepared = prepare_site(&site)?;
    // Whatever the daemon would refuse is told now.
    Config::load(&prepared.made().layout.config())?;
    let founders: Vec<Act> = founders.into_iter().map(Act::Signed).collect();
    write_ledger(prepared.made(), &founders)?;
    Ok((prepared.finish()?, said))
}

/// The founding enrolments, for the ledger that begins with them.
fn founders(asked: &Production, origin: &str) -> Result<Vec<SignedAct>, InitError> {
    let founder = |path: &PathBuf| {
        let (signed_for, act) = ActFile::read(path)?.founding()?;
        if signed_for != origin {
            let (path, ours) = (path.clone(), origin.to_owned());
            return Err(InitError::Elsewhere { path, signed_for, ours });
        }
        Ok(act)
    };
    asked.founders.iter().map(founder).collect()
}

pub(super) fn in_words(made: &Made, founders: &str) -> String {
    let root = made.layout.root().display();
    format!(
        "Made {root}: the ledger {}, its keys, and the gateway's own key. {founders}\n\
         It has no certificate yet and reads no records. Payload is left to do:\n\
         1. Have your authority sign {root}/pki/server.csr; put the chain into \
         {root}/pki/server.pem, and the certificate of the authority of your clients into \
         {root}/pki/ca.pem.\n\
         2. In {root}/config.toml, name the records (source.path), and another disk for the \
         high-water file (ledger.high_water), and move it there. Put the key set of each issuer of \
         the policy beside policy.toml.\n\
         3. Put a copy of {root}/keys in escrow. Nobody but the daemon's user may read it.\n\
         4. Give {root}/key.vkey to whoever is to check the ledger, with {root}/ledger.high-water: \
         that checkpoint holds the administrators' keys, and whoever keeps it can tell if they were \
         changed.\n\
         5. Have the administrators keep their personal keys where the gateway's machine is not.\n\
         6. greffier serve --config {root}/config.toml",
        made.verifier.name(),
    )
}

pub(super) fn as_json(made: &Made) -> String {
    json!({"instance": made.layout.root(), "key": made.verifier.to_string()}).to_string()
}
