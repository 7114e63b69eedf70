//! `deliver.toml`: which gateway is followed, and who is told.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use config::{File, FileFormat};
use serde::Deserialize;

use super::dispatch::Gravity;
pub use super::form::Form;
use crate::client::ClientSettings;
use crate::files;

/// The settings of a delivery.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliverySettings {
    /// Folder in which it keeps what waits and where it is in the ledger: a file for each receiver.
    pub state: PathBuf,
    /// File with the ledger's verifier key.
    pub ledger_key: PathBuf,
    /// The gateway, and the certificate of role `security` that it is followed with.
    pub gateway: GatewayFile,
    /// Receivers, by name.
    pub receiver: BTreeMap<String, ReceiverFile>,
}

/// The section `[gateway]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayFile {
    /// Its address, `host:port`.
    pub address: String,
    /// The name in its certificate; none: the host of the address.
    #[serde(default)]
    pub server_name: Option<String>,
    /// The authority of its certificate, PEM.
    pub ca: PathBuf,
    /// The certificate chain of this delivery, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

/// A section `[receiver.NAME]`: how somebody is told.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum ReceiverFile {
    /// A file of JSON lines.
    File(FileTarget),
    /// A collector that speaks syslog over TLS (RFC 5425), or the socket of one on this machine.
    Syslog(SyslogTarget),
    /// An address that takes Standard Webhooks 1.0.0.
    Webhook(WebhookTarget),
    /// E-mail, over SMTP with TLS.
    Mail(MailTarget),
}

/// A file of JSON lines.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileTarget {
    /// From this gravity on it is told.
    #[serde(default)]
    pub at_least: Gravity,
    /// Of this provider alone, and of what is about none; none: of all.
    #[serde(default)]
    pub provider: Option<String>,
    /// In which form of JSON.
    #[serde(default)]
    pub form: Form,
    /// Its path. Whoever renames it away gets a new one made in its place.
    pub path: PathBuf,
}

/// A collector that speaks syslog.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyslogTarget {
    /// From this gravity on it is told.
    #[serde(default)]
    pub at_least: Gravity,
    /// Of this provider alone, and of what is about none; none: of all.
    #[serde(default)]
    pub provider: Option<String>,
    /// In which form of JSON.
    #[serde(default)]
    pub form: Form,
    /// `host:port` of one over TLS; 6514 is the registered port.
    #[serde(default)]
    pub address: Option<String>,
    /// Instead: the path of a local datagram socket, `/dev/log` usually.
    #[serde(default)]
    pub socket: Option<PathBuf>,
    /// The name in its certificate; none: the host of the address.
    #[serde(default)]
    pub server_name: Option<String>,
    /// The authority of its certificate, PEM.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// A certificate chain to show it, PEM.
    #[serde(default)]
    pub certificate: Option<PathBuf>,
    /// The key of that certificate, PEM.
    #[serde(default)]
    pub key: Option<PathBuf>,
}

/// A webhook.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookTarget {
    /// From this gravity on it is told.
    #[serde(default)]
    pub at_least: Gravity,
    /// Of this provider alone, and of what is about none; none: of all.
    #[serde(default)]
    pub provider: Option<String>,
    /// In which form of JSON.
    #[serde(default)]
    pub form: Form,
    /// Where it is posted to, `https`.
    pub url: String,
    /// The authority of its certificate, PEM; none: those that this machine trusts.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// A proxy, `http://host:port`.
    #[serde(default)]
    pub proxy: Option<String>,
    /// File with the shared secret of `v1` signatures, `whsec_` and base64.
    #[serde(default)]
    pub secret: Option<PathBuf>,
    /// File with the Ed25519 key of `v1a` signatures, `whsk_` and base64 of its 32-byte seed.
    #[serde(default)]
    pub signing_key: Option<PathBuf>,
}

/// E-mail.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailTarget {
    /// From this gravity on it is told.
    #[serde(default)]
    pub at_least: Gravity,
    /// Of this provider alone, and of what is about none; none: of all.
    #[serde(default)]
    pub provider: Option<String>,
    /// `host:port` of the server that takes it.
    pub address: String,
    /// How it speaks TLS.
    #[serde(default)]
    pub tls: MailTls,
    /// The authority of its certificate, PEM; none: those that this machine trusts.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// Who logs in there; none: nobody does.
    #[serde(default)]
    pub user: Option<String>,
    /// File with the password of `user`.
    #[serde(default)]
    pub password: Option<PathBuf>,
    /// From whom.
    pub from: String,
    /// To whom.
    pub to: Vec<String>,
}

/// How a server of e-mail speaks TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// From the first byte on (RFC 8314), on port 465 usually.
    #[default]
    Wrapper,
    /// By STARTTLS (RFC 3207), on port 587 usually; without it nothing is sent.
    Starttls,
}

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum DeliverySettingsError {
    /// There is no such file, or it is shut.
    #[error("cannot read {}: {reason}", .path.display())]
    File {
        /// Path of the file that cannot be read.
        path: PathBuf,
        /// The error that the system gives.
        reason: io::Error,
    },
    /// A key is missing, unknown or of another type.
    #[error("{}: {reason}", .path.display())]
    Shape {
        /// Path of the file whose keys are not as they should be.
        path: PathBuf,
        /// What the reader of the file says.
        reason: Box<config::ConfigError>,
    },
    /// Some values are none.
    #[error("{}: {}", .path.display(), .faults.join("; "))]
    Values {
        /// Path of the file that has them.
        path: PathBuf,
        /// All of them, each with what to write.
        faults: Vec<String>,
    },
}

/// The host of `host:port`, without the brackets of an IPv6 address.
pub(super) fn host(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

impl GatewayFile {
    pub(super) fn client(&self) -> ClientSettings {
        let server_name = self.server_name.clone();
        ClientSettings {
            server_name: server_name.unwrap_or_else(|| host(&self.address).to_owned()),
            address: self.address.clone(),
            ca: self.ca.clone(),
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            token: None,
        }
    }
}

impl ReceiverFile {
    /// Whether it is told of acts: they are no findings.
    pub(super) fn wants_acts(&self) -> bool {
        match self {
            ReceiverFile::File(FileTarget { form, .. })
            | ReceiverFile::Syslog(SyslogTarget { form, .. })
            | ReceiverFile::Webhook(WebhookTarget { form, .. }) => *form == Form::Json,
            ReceiverFile::Mail(_) => true,
        }
    }

    /// From which gravity on, and of which provider.
    pub(super) fn wants(&self) -> (Gravity, Option<&String>) {
        match self {
            ReceiverFile::File(FileTarget { at_least, provider, .. })
            | ReceiverFile::Syslog(SyslogTarget { at_least, provider, .. })
            | ReceiverFile::Webhook(WebhookTarget { at_least, provider, .. })
            | ReceiverFile::Mail(MailTarget { at_least, provider, .. }) => {
                (*at_least, provider.as_ref())
            }
        }
    }
}

impl DeliverySettings {
    /// Reads the file. Relative paths are relative to its folder.
    ///
    /// # Errors
    /// [`DeliverySettingsError`] says what to change.
    pub fn load(path: &Path) -> Result<DeliverySettings, DeliverySettingsError> {
        let text = files::read_text(path, files::SMALL)
            .map_err(|reason| DeliverySettingsError::File { path: path.into(), reason })?;
        let shape = |reason: config::ConfigError| DeliverySettingsError::Shape {
            path: path.into(),
            reason: reason.into(),
        };
        let mut settings: DeliverySettings = config::Config::builder()
            .add_source(File::from_str(&text, FileFormat::Toml))
            .build()
            .and_then(config::Config::try_deserialize)
            .map_err(shape)?;
        let faults = settings.faults();
        if !faults.is_empty() {
            return Err(DeliverySettingsError::Values { path: path.into(), faults });
        }
        if let Some(folder) = path.parent() {
            settings.paths_mut().into_iter().for_each(|path| *path = folder.join(&*path));
        }
        Ok(settings)
    }

    fn paths_mut(&mut self) -> Vec<&mut PathBuf> {
        let GatewayFile { ca, certificate, key, .. } = &mut self.gateway;
        let mut paths = vec![&mut self.state, &mut self.ledger_key, ca, certificate, key];
        for receiver in self.receiver.values_mut() {
            match receiver {
                ReceiverFile::File(FileTarget { path, .. }) => paths.push(path),
                ReceiverFile::Syslog(SyslogTarget { socket, ca, certificate, key, .. }) => {
                    paths.extend([socket, ca, certificate, key].into_iter().flatten());
                }
                ReceiverFile::Webhook(WebhookTarget { ca, secret, signing_key, .. }) => {
                    paths.extend([ca, secret, signing_key].into_iter().flatten());
                }
                ReceiverFile::Mail(MailTarget { ca, password, .. }) => {
                    paths.extend([ca, password].into_iter().flatten());
                }
            }
        }
        paths
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.receiver.is_empty() {
            faults.push("receiver: write at least one section `[receiver.NAME]`".to_owned());
        }
        for (name, receiver) in &self.receiver {
            let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            if !(1..=32).contains(&name.len()) || !name.bytes().all(good) {
                let rule = "1 to 32 small letters, digits and hyphens";
                faults.push(format!("receiver.{name}: name it by {rule}"));
            }
            let mut fault = |text: &str| faults.push(format!("receiver.{name}.{text}"));
            match receiver {
                ReceiverFile::File(_) => {}
                ReceiverFile::Syslog(SyslogTarget {
                    address,
                    socket,
                    ca,
                    certificate,
                    key,
                    ..
                }) => {
                    if address.is_some() == socket.is_some() {
                        fault("address: write it, or else `socket`, and not both");
                    }
                    if address.is_some() && ca.is_none() {
                        fault("ca: name the authority of the collector's certificate");
                    }
                    if certificate.is_some() != key.is_some() {
                        fault("certificate: it goes with `key`, and neither without the other");
                    }
                }
                ReceiverFile::Webhook(WebhookTarget { url, secret, signing_key, .. }) => {
                    if !url.starts_with("https://") {
                        fault("url: it begins with https://");
                    }
                    if secret.is_none() && signing_key.is_none() {
                        fault("secret: name it, or `signing_key`, or both: it is signed");
                    }
                }
                ReceiverFile::Mail(MailTarget { to, user, password, .. }) => {
                    if to.is_empty() {
                        fault("to: write at least one address");
                    }
                    if user.is_some() != password.is_some() {
                        fault("user: it goes with `password`, and neither without the other");
                    }
                }
            }
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "state = \"s\"\nledger_key = \"k\"\n[gateway]\naddress = \"gateway.example:8443\"\n\
                        ca = \"ca\"\ncertificate = \"c\"\nkey = \"key\"\n";

    fn load(receivers: &str) -> Result<DeliverySettings, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deliver.toml");
        std::fs::write(&path, format!("{HEAD}{receivers}")).unwrap();
        let settings = DeliverySettings::load(&path).map_err(|error| error.to_string())?;
        assert_eq!(settings.state, folder.path().join("s"));
        Ok(settings)
    }

    #[test]
    fn a_file_with_each_kind_loads() {
        let settings = load(
            "[receiver.a]\nkind = \"file\"\npath = \"a\"\nat_least = \"high\"\n\
             [receiver.b]\nkind = \"syslog\"\naddress = \"[::1]:6514\"\nca = \"ca\"\n\
             [receiver.c]\nkind = \"syslog\"\nsocket = \"/dev/log\"\nprovider = \"p\"\n\
             [receiver.d]\nkind = \"webhook\"\nurl = \"https://a.example\"\nsecret = \"s\"\n",
        );
        let settings = settings.unwrap();
        assert_eq!(settings.receiver["a"].wants(), (Gravity::High, None));
        assert_eq!(settings.receiver["c"].wants(), (Gravity::Info, Some(&"p".to_owned())));
        assert_eq!(settings.gateway.client().server_name, "gateway.example");
        assert_eq!(host("[::1]:6514"), "::1");
    }

    #[test]
    fn what_is_wrong_is_said_by_its_key() {
        for (receivers, said) in [
            ("", "receiver"),
            ("[receiver]\n", "receiver: write at least one"),
            ("[receiver.a]\nkind = \"file\"\n", "path"),
            ("[receiver.a]\nkind = \"file\"\npath = \"a\"\nsize = 3\n", "size"),
            ("[receiver.a]\nkind = \"pigeon\"\n", "pigeon"),
            ("[receiver.A]\nkind = \"file\"\npath = \"a\"\n", "receiver.A: name it by"),
            ("[receiver.a]\nkind = \"syslog\"\n", "receiver.a.address: write it, or else `socket`"),
            ("[receiver.a]\nkind = \"syslog\"\naddress = \"a:1\"\n", "receiver.a.ca"),
            (
                "[receiver.a]\nkind = \"syslog\"\naddress = \"a:1\"\nca = \"c\"\nkey = \"k\"\n",
                "receiver.a.certificate",
            ),
            (
                "[receiver.a]\nkind = \"webhook\"\nurl = \"http://a.example\"\nsecret = \"s\"\n",
                "receiver.a.url: it begins with https://",
            ),
            (
                "[receiver.a]\nkind = \"webhook\"\nurl = \"https://a.example\"\n",
                "receiver.a.secret",
            ),
        ] {
            let fault = load(receivers).unwrap_err();
            assert!(fault.contains(said), "{receivers:?}: {fault}");
        }
    }
}
