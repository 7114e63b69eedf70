//! What every command that calls a gateway shares: where it is, who calls, and how a refusal is
//! told.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args as ClapArgs;
use serde_json::{Value, json};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::{FAILED, NO, complain, failed, print};
use crate::client::{ClientError, ClientSettings};
use crate::instance::Layout;

/// Where the gateway is, and with which certificate to call it.
#[derive(ClapArgs, Debug)]
pub(super) struct Who {
    /// A development instance, which has everything that the next options name
    #[arg(long, value_name = "DIR")]
    instance: Option<PathBuf>,
    /// With --instance: whose certificate, as in pki/clients; if you name none, one that may call
    #[arg(long = "as", value_name = "NAME")]
    name: Option<String>,
    /// HOST:PORT of the gateway; by default as the instance's config.toml says
    #[arg(long)]
    address: Option<String>,
    /// Name in the server's certificate; by default the host of --address, or localhost of an
    /// instance
    #[arg(long)]
    server_name: Option<String>,
    /// Authority of the server's certificate, PEM
    #[arg(long, required_unless_present = "instance")]
    ca: Option<PathBuf>,
    /// File with your certificate chain, PEM
    #[arg(long, required_unless_present = "instance")]
    certificate: Option<PathBuf>,
    /// File with your private key, PEM
    #[arg(long, required_unless_present = "instance")]
    key: Option<PathBuf>,
}

impl Who {
    /// The development instance, if one is named.
    pub(super) fn instance(&self) -> Option<Layout> {
        self.instance.as_deref().map(Layout::new)
    }

    /// The client of an instance whose certificate is shown, by default `usual`.
    pub(super) fn name<'a>(&'a self, usual: &'a str) -> &'a str {
        self.name.as_deref().unwrap_or(usual)
    }

    /// For the client; `usual` is whose certificate of an instance is shown if none is named.
    ///
    /// # Errors
    /// If the instance's config.toml does not say where the gateway is.
    pub(super) fn settings(&self, usual: &str) -> Result<ClientSettings, CallError> {
        let layout = self.instance();
        let address = match (&self.address, &layout) {
            (Some(address), _) => address.clone(),
            (None, Some(layout)) => {
                crate::config::Config::load(&layout.config())?.listen.to_string()
            }
            (None, None) => "127.0.0.1:8443".to_owned(),
        };
        let made = layout.map(|layout| {
            let (certificate, key) = layout.client(self.name(usual));
            (layout.ca(), certificate, key)
        });
        let (ca, certificate, key) = made.unwrap_or_default();
        let given = |path: &Option<PathBuf>, made| path.clone().unwrap_or(made);
        let host = address.rsplit_once(':').map_or(&*address, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        // An instance's certificate has this name, wherever it listens.
        let host = if self.instance.is_some() { "localhost" } else { host };
        Ok(ClientSettings {
            server_name: self.server_name.clone().unwrap_or_else(|| host.to_owned()),
            address,
            ca: given(&self.ca, ca),
            certificate: given(&self.certificate, certificate),
            key: given(&self.key, key),
            token: None,
        })
    }
}

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("{}", .0.message())]
    Refused(Box<Status>),
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: std::io::Error },
    #[error("{0}")]
    System(#[from] std::io::Error),
    #[error(transparent)]
    Config(#[from] crate::config::SettingsError),
    #[error(transparent)]
    Act(#[from] super::act::file::ActError),
}

impl From<Status> for CallError {
    fn from(status: Status) -> CallError {
        CallError::Refused(Box::new(status))
    }
}

impl CallError {
    /// Makes the error of a file that cannot be used.
    pub(super) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> CallError {
        let path = path.to_owned();
        move |error| CallError::File { path, error }
    }

    /// Whether the gateway wants another administrator to sign too.
    pub(super) fn wants_second(&self) -> bool {
        let CallError::Refused(status) = self else { return false };
        let info = status.get_error_details().error_info().cloned();
        info.is_some_and(|info| info.reason == "SECOND_SIGNATURE_REQUIRED")
    }

    /// Tells it: a refusal with what the gateway says about it.
    pub(super) fn told(self, json: bool) -> ExitCode {
        let CallError::Refused(status) = self else { return failed(self) };
        if json {
            print(refusal_json(&status));
        } else {
            complain(format_args!("greffier: {}", refusal_words(&status)));
        }
        // Without a reason of the gateway's it is the connection's.
        let reason = status.get_error_details().error_info().is_some();
        let unreached = matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded);
        let unreached = unreached || !reason;
        ExitCode::from(if unreached { FAILED } else { NO })
    }
}

/// Runs a client's work on this thread.
///
/// # Errors
/// What the work has, and those of a system that gives no runtime.
pub(super) fn block_on<T>(
    work: impl Future<Output = Result<T, CallError>>,
) -> Result<T, CallError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

fn refusal_words(status: &Status) -> String {
    use std::fmt::Write as _;
    let details = status.get_error_details();
    let reason = details.error_info().map_or_else(String::new, |info| format!("{}: ", info.reason));
    let mut text = format!("{reason}{}", status.message());
    if let Some(info) = details.error_info().filter(|info| info.reason == "STEP_UP_REQUIRED") {
        let said = |key| info.metadata.get(key).map_or("", |value: &String| value.as_str());
        let factors = match said("required_methods") {
            "mfa" => "two factors",
            _ => "any method",
        };
        let age = said("max_age_seconds");
        let _ = write!(text, "\n  log in with {factors}, and read within {age} s of that");
    }
    for violation in details.bad_request().map_or(&[][..], |bad| &bad.field_violations) {
        let _ = write!(text, "\n  {} {}", violation.field, violation.description);
    }
    if let Some(delay) = details.retry_info().and_then(|retry| retry.retry_delay) {
        let seconds = (delay.as_secs_f64() * 10.0).ceil() / 10.0;
        let _ = write!(text, "\n  try again in {seconds:.1} s");
    }
    text
}

fn refusal_json(status: &Status) -> Value {
    let details = status.get_error_details();
    let info = details.error_info();
    let fields = details.bad_request().map(|bad| {
        let field =
            |v: &tonic_types::FieldViolation| json!({"field": v.field, "must": v.description});
        bad.field_violations.iter().map(field).collect::<Vec<_>>()
    });
    let delay = details.retry_info().and_then(|retry| retry.retry_delay);
    json!({
        "error": format!("{:?}", status.code()),
        "reason": info.map(|info| &info.reason),
        "message": status.message(),
        "metadata": info.map(|info| &info.metadata),
        "fields": fields,
        "retry_after_seconds": delay.map(|delay| delay.as_secs_f64()),
    })
}
