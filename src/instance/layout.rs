//! Where each thing of an instance is. The names below are those that `config.toml` gives, from
//! the same constants.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::{InstanceError, at};

pub(super) const CA: &str = "pki/ca.pem";
pub(super) const SERVER_CERTIFICATE: &str = "pki/server.pem";
pub(super) const SERVER_KEY: &str = "pki/server.key";
pub(super) const SIGNING_KEY: &str = "keys/ledger-signing.key";
pub(super) const TAG_KEY: &str = "keys/tag.key";
pub(super) const HANDLE_KEY: &str = "keys/handle.key";
pub(super) const AGENTS_JWKS: &str = "agents.jwks";
pub(super) const SOURCE: &str = "source.sqlite";
pub(super) const POLICY: &str = "policy.toml";
pub(super) const LEDGER: &str = "ledger.sqlite";
pub(super) const HIGH_WATER: &str = "ledger.high-water";

/// The paths of everything in an instance's folder.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The layout of the instance in the folder `root`.
    pub fn new(root: &Path) -> Layout {
        Layout { root: root.to_owned() }
    }

    /// The folder of the instance itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Path of `config.toml`: how the daemon runs.
    pub fn config(&self) -> PathBuf {
        self.root.join("config.toml")
    }

    /// Path of `policy.toml`: what is allowed and judged.
    pub fn policy(&self) -> PathBuf {
        self.root.join(POLICY)
    }

    /// Path of `README.txt`, which tells people what is in the folder.
    pub fn readme(&self) -> PathBuf {
        self.root.join("README.txt")
    }

    /// Path of the records, a synthetic stock of persons.
    pub fn source(&self) -> PathBuf {
        self.root.join(SOURCE)
    }

    /// Where the ledger goes. This room does not make it.
    pub fn ledger(&self) -> PathBuf {
        self.root.join(LEDGER)
    }

    /// Where the daemon keeps the newest checkpoint. This room does not make it.
    pub fn high_water(&self) -> PathBuf {
        self.root.join(HIGH_WATER)
    }

    /// The seed of the ledger's Ed25519 key, 32 bytes in hex.
    pub fn signing_key(&self) -> PathBuf {
        self.root.join(SIGNING_KEY)
    }

    /// The key of the ledger's tags, 32 bytes in hex.
    pub fn tag_key(&self) -> PathBuf {
        self.root.join(TAG_KEY)
    }

    /// The master key of record handles, 32 bytes in hex.
    pub fn handle_key(&self) -> PathBuf {
        self.root.join(HANDLE_KEY)
    }

    /// The personal key of an administrator, 32 bytes in hex: what signs acts.
    pub fn personal_key(&self, admin: &str) -> PathBuf {
        self.root.join("keys").join(format!("{admin}.key"))
    }

    /// The key of the issuer that vouches for agents, PKCS #8.
    pub fn agents_key(&self) -> PathBuf {
        self.root.join("keys/agents.key")
    }

    /// Path of the key set of that issuer, a JWK Set (RFC 7517).
    pub fn agents_jwks(&self) -> PathBuf {
        self.root.join(AGENTS_JWKS)
    }

    /// The ledger's verifier key, as text.
    pub fn verifier_key(&self) -> PathBuf {
        self.root.join("key.vkey")
    }

    /// Certificate of the authority that signed all the others.
    pub fn ca(&self) -> PathBuf {
        self.root.join(CA)
    }

    /// Path of the authority's private key.
    pub fn ca_key(&self) -> PathBuf {
        self.root.join("pki/ca.key")
    }

    /// Path of the daemon's certificate.
    pub fn server_certificate(&self) -> PathBuf {
        self.root.join(SERVER_CERTIFICATE)
    }

    /// Where there is none yet: the request for it.
    pub fn server_request(&self) -> PathBuf {
        self.root.join("pki/server.csr")
    }

    /// Path of the daemon's private key.
    pub fn server_key(&self) -> PathBuf {
        self.root.join(SERVER_KEY)
    }

    /// Certificate and private key of a client, as in `provider-01` or `security-soc`.
    pub fn client(&self, name: &str) -> (PathBuf, PathBuf) {
        let clients = self.root.join("pki/clients");
        (clients.join(format!("{name}.pem")), clients.join(format!("{name}.key")))
    }

    /// Makes the folders, closed to everybody but their owner.
    pub(super) fn make_folders(&self, names: &[&str]) -> Result<(), InstanceError> {
        for name in names {
            let path = self.root.join(name);
            DirBuilder::new().mode(0o700).create(&path).map_err(at(&path))?;
        }
        Ok(())
    }
}
