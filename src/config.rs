//! The two files of configuration: `config.toml`, how the daemon runs, and `policy.toml`, what it
//! allows and judges. They are read and held against their limits here; no room knows where its
//! settings, terms and rules came from.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::{io, thread};

use crate::files;
use config::{Environment, File, FileFormat};
pub use door::DoorFile;
use serde::Deserialize;

pub mod change;
mod datasets;
mod detectors;
mod door;
mod faults;
mod habits;
pub mod in_force;
mod issuers;
pub mod policy;
mod providers;
mod searches;
mod table;
mod weights;

/// The settings of `config.toml`: how the daemon runs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Name of the ledger: what its checkpoints begin with.
    pub name: String,
    /// Trust domain of the client certificates.
    pub trust_domain: String,
    /// Address and port on which the daemon takes calls.
    pub listen: SocketAddr,
    /// Whether the instance says at every start that it is not for production.
    #[serde(default)]
    pub development: bool,
    /// Path of `policy.toml`: what is allowed and judged.
    pub policy: PathBuf,
    /// Certificate and key of the listener, and whom it believes.
    pub tls: TlsFile,
    /// How much of the door anybody may take.
    #[serde(default)]
    pub door: DoorFile,
    /// The ledger file, its keys, and the limits of its queue.
    pub ledger: LedgerFile,
    /// Where the records are, and how many reads there are at once.
    pub source: SourceFile,
    /// The key that providers' handles are made with.
    pub handles: HandlesFile,
    /// How the daemon's log looks.
    #[serde(default)]
    pub log: LogFile,
}

/// The section `[tls]` of `config.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFile {
    /// Path of the server's certificate chain, PEM.
    pub certificate: PathBuf,
    /// Path of the server's private key, PEM.
    pub key: PathBuf,
    /// Path of the authorities that clients' certificates come from, PEM.
    pub client_ca: PathBuf,
    /// What that authority has revoked, PEM; none: nothing that it signed is revoked before its
    /// time.
    #[serde(default)]
    pub client_crl: Option<PathBuf>,
    /// How long a handshake may take, in milliseconds.
    #[serde(default = "defaults::handshake_timeout_ms")]
    pub handshake_timeout_ms: u64,
}

/// The section `[ledger]` of `config.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerFile {
    /// Path of the ledger, a SQLite file.
    pub path: PathBuf,
    /// Path of the key that signs checkpoints, 32 bytes in hex.
    pub signing_key: PathBuf,
    /// Path of the key that tags are made with, 32 bytes in hex.
    pub tag_key: PathBuf,
    /// The newest checkpoint, kept apart from the ledger.
    pub high_water: PathBuf,
    /// Most drafts that wait at once.
    #[serde(default = "defaults::queue")]
    pub queue: usize,
    /// Most of them from one provider.
    #[serde(default = "defaults::share")]
    pub share: usize,
    /// Size of the ledger's write-ahead log from which on somebody is warned, in MiB.
    #[serde(default = "defaults::wal_mib")]
    pub wal_mib: u64,
}

/// The section `[source]` of `config.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceFile {
    /// The records, a SQLite file that the daemon only reads.
    pub path: PathBuf,
    /// Reads at once; one for each core by default.
    #[serde(default = "defaults::readers")]
    pub readers: usize,
}

/// The section `[handles]` of `config.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandlesFile {
    /// Path of the master key of the handles, 32 bytes in hex.
    pub key: PathBuf,
}

/// The section `[log]` of `config.toml`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogFile {
    /// How a line of the log looks.
    #[serde(default)]
    pub format: LogFormat,
}

/// How a line of the daemon's log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// A line is text for a person to read.
    #[default]
    Text,
    /// A line is a JSON object for a program to read.
    Json,
}

mod defaults {
    pub(super) fn handshake_timeout_ms() -> u64 {
        5_000
    }

    pub(super) fn queue() -> usize {
        1_024
    }

    pub(super) fn wal_mib() -> u64 {
        64
    }

    pub(super) fn share() -> usize {
        256
    }

    pub(super) fn readers() -> usize {
        super::thread::available_parallelism().map_or(2, usize::from)
    }
}

/// Why the daemon cannot run as it is told.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// There is no such file, or it is shut.
    #[error(
        "cannot read {}: {reason}; name another file with --config, or make an instance with \
         `greffier init`", .path.display()
    )]
    File {
        /// Path of the file that cannot be read.
        path: PathBuf,
        /// The error that the system gives.
        reason: io::Error,
    },
    /// A key is missing, unknown or of another type.
    #[error(
        "{}: {reason}; correct it there, or in the variable GREFFIER__SECTION__KEY that overrides \
         it", .path.display()
    )]
    Shape {
        /// Path of the file whose keys are not as they should be.
        path: PathBuf,
        /// What the reader of the file says.
        reason: Box<config::ConfigError>,
    },
    /// Some values are out of their range.
    #[error("{}: {}", .path.display(), .faults.join("; "))]
    Values {
        /// Path of the file that has them.
        path: PathBuf,
        /// All of them, each with what to write.
        faults: Vec<String>,
    },
}

impl Config {
    /// Reads `config.toml`; variables `GREFFIER__KEY` and `GREFFIER__SECTION__KEY` override it.
    /// Relative paths are relative to the folder of the file.
    ///
    /// # Errors
    /// [`SettingsError`] says what to change.
    pub fn load(path: &Path) -> Result<Config, SettingsError> {
        Config::load_under(path, Environment::default())
    }

    fn load_under(path: &Path, environment: Environment) -> Result<Config, SettingsError> {
        let text = files::read_text(path, files::SMALL)
            .map_err(|reason| SettingsError::File { path: path.into(), reason })?;
        let environment = environment.prefix("GREFFIER").separator("__").try_parsing(true);
        let mut config: Config = config::Config::builder()
            .add_source(File::from_str(&text, FileFormat::Toml))
            .add_source(environment)
            .build()
            .and_then(config::Config::try_deserialize)
            .map_err(|reason| SettingsError::Shape { path: path.into(), reason: reason.into() })?;
        let faults = config.faults();
        if !faults.is_empty() {
            return Err(SettingsError::Values { path: path.into(), faults });
        }
        if let Some(folder) = path.parent() {
            for path in config.paths_mut() {
                *path = folder.join(&*path);
            }
        }
        Ok(config)
    }

    /// Every file that the configuration names.
    fn paths_mut(&mut self) -> Vec<&mut PathBuf> {
        let Config { policy, tls, ledger, source, handles, .. } = self;
        let mut paths = vec![
            policy,
            &mut tls.certificate,
            &mut tls.key,
            &mut tls.client_ca,
            &mut ledger.path,
            &mut ledger.signing_key,
            &mut ledger.tag_key,
            &mut ledger.high_water,
            &mut source.path,
            &mut handles.key,
        ];
        paths.extend(&mut tls.client_crl);
        paths
    }

    /// Finds what the types cannot say: values out of range, and a path that is empty or named
    /// twice.
    fn faults(&mut self) -> Vec<String> {
        let mut found = Vec::new();
        let mut check = |holds: bool, fault: &str| {
            if !holds {
                found.push(fault.to_owned());
            }
        };
        let of = |text: &str, signs: &[u8]| {
            let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || signs.contains(&b);
            (1..=128).contains(&text.len()) && text.bytes().all(good)
        };
        // It begins every checkpoint and is part of a key name: no space, no plus sign.
        check(
            of(&self.name, b"./-_") && !self.name.starts_with('/') && !self.name.ends_with('/'),
            "name: write 1 to 128 small letters, digits and the signs . / - _, as in \
             \"agency.example/reads\"",
        );
        check(
            of(&self.trust_domain, b".-_"),
            "trust_domain: write 1 to 128 small letters, digits and the signs . - _, as in \
             \"agency.example\"",
        );
        let timeout = self.tls.handshake_timeout_ms;
        check((100..=60_000).contains(&timeout), "tls.handshake_timeout_ms: write 100 to 60000");
        self.door.check(&mut check);
        let (queue, share) = (self.ledger.queue, self.ledger.share);
        check((1..=65_536).contains(&queue), "ledger.queue: write 1 to 65536");
        check((1..=queue).contains(&share), "ledger.share: write 1 to ledger.queue");
        let wal = self.ledger.wal_mib;
        check((8..=1_048_576).contains(&wal), "ledger.wal_mib: write 8 to 1048576");
        check((1..=256).contains(&self.source.readers), "source.readers: write 1 to 256");
        let paths = self.paths_mut();
        check(paths.iter().all(|p| !p.as_os_str().is_empty()), "a path is empty: name a file");
        // Each of these is written or kept secret on its own; one file cannot be two of them.
        let distinct: HashSet<_> = paths.iter().collect();
        check(distinct.len() == paths.len(), "two keys name the same file: give each its own");
        found
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::fs;

    use super::*;
    use crate::places::Limits;

    const SHIPPED: &str = include_str!("../config/config.toml");

    fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, SettingsError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        fs::write(&path, text).unwrap();
        let variables: HashMap<_, _> =
            variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let mut config = Config::load_under(&path, Environment::default().source(Some(variables)))?;
        for path in config.paths_mut() {
            *path = path.strip_prefix(folder.path()).map_or(path.clone(), Path::to_owned);
        }
        Ok(config)
    }

    fn refusal(text: &str, variables: &[(&str, &str)]) -> String {
        load(text, variables).unwrap_err().to_string()
    }

    #[test]
    fn the_shipped_file_loads() {
        let config = load(SHIPPED, &[]).unwrap();
        assert_eq!(config.name, "greffier.example/reads");
        assert_eq!((config.ledger.queue, config.ledger.share), (1_024, 256));
        assert_eq!(config.log.format, LogFormat::Text);
        assert!(!config.development);
    }

    #[test]
    fn the_shipped_file_shows_the_defaults_of_the_door() {
        let shown = SHIPPED.split_once("# [door]\n").unwrap().1;
        let shown: Vec<_> = shown.lines().map_while(|line| line.strip_prefix("# ")).collect();
        let keys: Vec<_> = shown.iter().filter(|line| line.contains(" = ")).copied().collect();
        let with = format!("{SHIPPED}\n[door]\n{}\n", keys.join("\n"));
        assert_eq!(load(&with, &[]).unwrap().door.limits(), Limits::default());
        assert_eq!(load(SHIPPED, &[]).unwrap().door.limits(), Limits::default());
        assert_eq!(keys.len(), 8);
    }

    #[test]
    fn relative_paths_are_relative_to_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        fs::write(&path, SHIPPED.replace("\"policy.toml\"", "\"/elsewhere/policy.toml\"")).unwrap();
        let config = Config::load_under(&path, Environment::default().source(Some(HashMap::new())));
        let config = config.unwrap();
        assert_eq!(config.policy, Path::new("/elsewhere/policy.toml"));
        assert!(config.ledger.path.starts_with(folder.path()));
        assert!(config.handles.key.starts_with(folder.path()));
    }

    #[test]
    fn a_variable_overrides_the_file() {
        let config = load(
            SHIPPED,
            &[
                ("GREFFIER__LISTEN", "[::1]:9000"),
                ("GREFFIER__LEDGER__QUEUE", "7"),
                ("GREFFIER__LEDGER__SHARE", "3"),
                ("GREFFIER__LEDGER__HIGH_WATER", "/mnt/high-water"),
                ("GREFFIER__DEVELOPMENT", "true"),
                ("GREFFIER__LOG__FORMAT", "json"),
                ("GREFFIER_LOG", "debug"),
            ],
        );
        let config = config.unwrap();
        assert_eq!(config.listen.to_string(), "[::1]:9000");
        assert_eq!((config.ledger.queue, config.ledger.share), (7, 3));
        assert_eq!(config.ledger.high_water, Path::new("/mnt/high-water"));
        assert_eq!(config.log.format, LogFormat::Json);
        assert!(config.development);
    }

    #[test]
    fn an_unknown_key_is_refused_wherever_it_stands() {
        for text in
            [format!("nmae = \"x\"\n{SHIPPED}"), SHIPPED.replace("[log]", "[log]\nlvel = 1")]
        {
            assert!(refusal(&text, &[]).contains("unknown field"));
        }
        assert!(refusal(SHIPPED, &[("GREFFIER__TLS__KYE", "x")]).contains("unknown field `kye`"));
    }

    #[test]
    fn a_missing_file_says_what_to_do() {
        let refusal = Config::load(Path::new("/nowhere/config.toml")).unwrap_err().to_string();
        assert!(refusal.contains("/nowhere/config.toml") && refusal.contains("greffier init"));
    }

    #[test]
    fn a_missing_or_mistyped_key_is_named() {
        let refusal_of = |from: &str, to: &str| {
            assert!(SHIPPED.contains(from), "{from}");
            refusal(&SHIPPED.replace(from, to), &[])
        };
        assert!(refusal_of("trust_domain =", "#").contains("trust_domain"));
        assert!(refusal_of("\"127.0.0.1:8443\"", "\"localhost\"").contains("listen"));
        assert!(refusal_of("format = \"text\"", "format = \"xml\"").contains("xml"));
        assert!(refusal(&format!("{SHIPPED}\n="), &[]).contains("GREFFIER__SECTION__KEY"));
    }

    #[test]
    fn values_out_of_range_are_told_all_at_once() {
        let refusal = refusal(
            SHIPPED,
            &[
                ("GREFFIER__NAME", "a name"),
                ("GREFFIER__TRUST_DOMAIN", "a/b"),
                ("GREFFIER__TLS__HANDSHAKE_TIMEOUT_MS", "0"),
                ("GREFFIER__LEDGER__SHARE", "9999"),
                ("GREFFIER__LEDGER__WAL_MIB", "7"),
                ("GREFFIER__SOURCE__READERS", "0"),
                ("GREFFIER__DOOR__CONNECTIONS", "15"),
                ("GREFFIER__DOOR__IDLE_SECONDS", "0"),
                ("GREFFIER__DOOR__ADDRESS_HANDSHAKES", "1025"),
                ("GREFFIER__LEDGER__TAG_KEY", "keys/handles.key"),
            ],
        );
        for part in [
            "name:",
            "trust_domain:",
            "tls.hand",
            "door.connections:",
            "door.provider_connections:",
            "door.address_handshakes:",
            "door.idle_seconds:",
            "ledger.share",
            "ledger.wal_mib",
            "source.readers",
            "two keys",
        ] {
            assert!(refusal.contains(part), "{part} in {refusal}");
        }
    }
}
