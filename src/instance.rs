//! What `init` makes: keys, certificates or a request for one, both files of configuration and, for
//! development, a synthetic stock of persons. It refuses to know how a ledger is written: whoever
//! calls [`prepare`] lays the first ledger into the folder, by the paths and the keys that
//! [`Layout`] names, before [`finish`] lets the folder appear under its own name.
//!
//! [`finish`]: Prepared::finish

mod agents;
mod budgets;
mod layout;
mod person;
mod pki;
mod place;
mod production;
mod roster;
mod settings;
mod stock;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::files;
use crate::format::checkpoint::VerifierKey;
use crate::format::entry::{Act, Hash, Malformed, Millis, Nonce, Word};
use crate::format::personal::PersonalKey;
use crate::format::signer::{BadSecret, Signer, random};
pub use agents::{
    AGENT_AUDIENCE, AGENT_ISSUER, AgentIssuer, Login, TOKEN_LIFETIME_MAX, fresh_token,
};
pub(crate) use budgets::budgets_of_roster;
pub use layout::Layout;
use place::BuildFolder;
pub use production::{Site, prepare_site};

/// Name of the ledger of every development instance.
pub const LEDGER_NAME: &str = "greffier.example/reads";
/// Trust domain of the certificates of a development instance.
pub const TRUST_DOMAIN: &str = "greffier.example";
/// Administrators of a development instance, each with a certificate and a personal key.
pub const ADMINS: [&str; 2] = ["admin-1", "admin-2"];
/// Most persons of a stock: their ids have seven digits and sort as numbers do.
pub const PERSONS_MAX: u64 = 9_999_999;
/// How many providers an instance may have at most.
pub const PROVIDERS_MAX: u32 = 999;
/// How many agents each provider may have at most.
pub const AGENTS_MAX: u32 = 99;

/// What to make for a development instance.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The folder of the instance, which is absent or empty.
    pub dir: PathBuf,
    /// Persons in the stock, 1 to [`PERSONS_MAX`].
    pub persons: u64,
    /// Providers, 1 to [`PROVIDERS_MAX`]: `provider-01` and so on.
    pub providers: u32,
    /// Agents of each provider with a certificate of their own, 0 to [`AGENTS_MAX`]:
    /// `provider-01-agent-1` and so on.
    pub agents: u32,
    /// The same seed makes the same stock and rosters. Keys and certificates are always new.
    pub seed: u64,
    /// Address that the daemon will listen on, `ADDRESS:PORT`.
    pub listen: String,
}

/// The steps that [`prepare`] reports, each with how much of how much is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Key pairs and certificates, counted in certificates.
    Certificates,
    /// Persons written to the stock, counted in persons.
    Persons,
    /// The search index over the stock; one step, and a long one.
    Index,
    /// Rosters of the providers, counted in providers.
    Rosters,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stage::Certificates => "certificates",
            Stage::Persons => "persons",
            Stage::Index => "search index",
            Stage::Rosters => "rosters",
        })
    }
}

/// Who is told of progress: the stage, how much is done, how much there is.
pub type Progress<'a> = &'a mut dyn FnMut(Stage, u64, u64);

/// What was made: an instance whose folder is ready for its ledger.
#[derive(Clone, Debug)]
pub struct Made {
    /// Paths of everything in the instance.
    pub layout: Layout,
    /// The providers, with the size of their rosters in persons.
    pub rosters: Vec<(Word, u64)>,
    /// The ledger's name and public key, as `key.vkey` has them.
    pub verifier: VerifierKey,
}

/// An instance still under a temporary name. Dropped, it is removed with all that is in it.
pub struct Prepared {
    made: Made,
    place: BuildFolder,
}

/// Why an instance was not made. Nothing of it is left.
#[derive(Debug, thiserror::Error)]
pub enum InstanceError {
    /// A secret of its own cannot be read.
    #[error(transparent)]
    Secret(#[from] files::SecretError),
    /// A figure of the plan is out of bounds.
    #[error("{what}: {given}, which is not from {least} to {most}")]
    Bounds {
        /// The figure that is out of bounds, in words.
        what: &'static str,
        /// The value that the plan gives it.
        given: u64,
        /// The least that the figure may be.
        least: u64,
        /// The most that the figure may be.
        most: u64,
    },
    /// The listening address is not one.
    #[error("`{0}` is not ADDRESS:PORT, as in 127.0.0.1:8443")]
    Listen(String),
    /// A text that has no place in the files made.
    #[error(
        "{what} {given}: write 1 to 128 small letters, digits, dots and hyphens, as in the help"
    )]
    Shape {
        /// The text that has another shape, in words.
        what: &'static str,
        /// The text that the plan gives.
        given: String,
    },
    /// There is something in the folder.
    #[error("{} is not empty: name a folder that is empty or does not exist", .0.display())]
    Occupied(PathBuf),
    /// The name belongs to something else.
    #[error("{} exists and is not a folder", .0.display())]
    NotAFolder(PathBuf),
    /// There is no folder to make it in.
    #[error("{} does not exist: make it first", .0.display())]
    NoParent(PathBuf),
    /// A file could not be written or moved.
    #[error("{}: {source}", path.display())]
    File {
        /// Path of the file that could not be made or read.
        path: PathBuf,
        /// The error that the system gives.
        source: io::Error,
    },
    /// A key or certificate could not be made.
    #[error("certificates: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The system gives no random bytes for keys, seeds or ids of tokens.
    #[error("the system gives no random bytes")]
    Randomness,
    /// The stock could not be written.
    #[error("synthetic stock: {0}")]
    Stock(#[from] rusqlite::Error),
}

/// Makes everything but the ledger, under a temporary name beside or in `plan.dir`.
///
/// # Errors
/// [`InstanceError`]; nothing is left.
pub fn prepare(plan: &Plan, progress: Progress<'_>) -> Result<Prepared, InstanceError> {
    check(plan)?;
    let place = BuildFolder::take(&plan.dir)?;
    let layout = Layout::new(place.work());
    let providers: Vec<Word> =
        (1..=plan.providers).map(|n| format!("provider-{n:02}").into()).collect();

    layout.make_folders(&["pki", "pki/clients", "keys"])?;
    pki::write(&layout, &providers, plan.agents, SystemTime::now(), progress)?;
    agents::write(&layout)?;
    let verifier = write_keys(&layout, LEDGER_NAME)?;
    for path in ADMINS.map(|admin| layout.personal_key(admin)) {
        PersonalKey::make(&path).map_err(at(&path))?;
    }
    let rosters = roster::draw(plan.seed, plan.persons, &providers);
    stock::write(&layout.source(), plan.seed, plan.persons, &rosters, progress)?;
    let rosters = rosters.into_iter().map(|r| (r.provider, r.members.len() as u64)).collect();
    let made = Made { layout, rosters, verifier };
    settings::write(&made, plan)?;
    Ok(Prepared { made, place })
}

impl Prepared {
    /// What there is so far; its paths hold until [`Prepared::finish`] moves it.
    pub fn made(&self) -> &Made {
        &self.made
    }

    /// Gives the folder its name. The paths of what it returns are those that last.
    ///
    /// # Errors
    /// [`InstanceError::File`]; nothing is left.
    pub fn finish(self) -> Result<Made, InstanceError> {
        let layout = Layout::new(&self.place.settle()?);
        Ok(Made { layout, ..self.made })
    }
}

/// Refuses a plan that cannot be carried out, before anything is made.
fn check(plan: &Plan) -> Result<(), InstanceError> {
    let bounds = |what, given, least, most| {
        if (least..=most).contains(&given) {
            Ok(())
        } else {
            Err(InstanceError::Bounds { what, given, least, most })
        }
    };
    bounds("persons", plan.persons, 1, PERSONS_MAX)?;
    bounds("providers", u64::from(plan.providers), 1, u64::from(PROVIDERS_MAX))?;
    bounds("agents", u64::from(plan.agents), 0, u64::from(AGENTS_MAX))?;
    match plan.listen.parse::<SocketAddr>() {
        Ok(_) => Ok(()),
        Err(_) => Err(InstanceError::Listen(plan.listen.clone())),
    }
}

/// The ledger's keys and that of the handles; the public half of the first goes to `key.vkey`.
fn write_keys(layout: &Layout, name: &str) -> Result<VerifierKey, InstanceError> {
    let seed = random().map_err(|_| InstanceError::Randomness)?;
    write_secret(&layout.signing_key(), &format!("{}\n", Hash(seed)))?;
    for path in [layout.tag_key(), layout.handle_key()] {
        let key = random().map_err(|_| InstanceError::Randomness)?;
        write_secret(&path, &format!("{}\n", Hash(key)))?;
    }
    let signer = Signer::new(name, &seed).expect("the name was checked, and can stand in a note");
    let key = signer.key().clone();
    write_public(&layout.verifier_key(), &format!("{key}\n"))?;
    Ok(key)
}

/// Why the keys of a development instance enrol nobody.
#[derive(Debug, thiserror::Error)]
pub enum NotFounded {
    /// A personal key cannot be used.
    #[error(transparent)]
    Secret(#[from] BadSecret),
    /// The system gives no random bytes for a nonce.
    #[error("{0}")]
    Randomness(#[from] io::Error),
    /// The origin cannot stand in an entry.
    #[error(transparent)]
    Name(#[from] Malformed),
}

impl Layout {
    /// The enrolments of the administrators' personal keys that a ledger of this origin begins
    /// with, written before `expires`, Unix milliseconds.
    ///
    /// # Errors
    /// [`NotFounded`].
    pub fn founding(&self, origin: &str, expires: Millis) -> Result<Vec<Act>, NotFounded> {
        let founding = |admin: &str| {
            let key = PersonalKey::read(&self.personal_key(admin))?;
            Ok(key.founding(origin, &admin.into(), Nonce(random()?), expires)?)
        };
        ADMINS.into_iter().map(founding).collect()
    }
}

/// A new file that everybody may read.
fn write_public(path: &Path, text: &str) -> Result<(), InstanceError> {
    files::create(path, 0o644, text).map_err(at(path))
}

/// A new file that only its owner may read.
fn write_secret(path: &Path, text: &str) -> Result<(), InstanceError> {
    files::create(path, 0o600, text).map_err(at(path))
}

/// Says which file an error was about.
fn at(path: &Path) -> impl FnOnce(io::Error) -> InstanceError {
    let path = path.to_owned();
    move |source| InstanceError::File { path, source }
}
