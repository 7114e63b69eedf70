//! The stage: an instance in a folder of its own, and the gateway that serves it, a process of its
//! own as in earnest.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use super::DrillError;
use crate::client::ClientSettings;
use crate::client::token::{Fresh, TokenSource};
use crate::files;
use crate::format::entry::Word;
use crate::instance::{Layout, Made, fresh_token};

/// How the gateway ends in the middle of it all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// As an operator asks.
    Asked,
    /// As a crash does.
    Killed,
}

impl Ending {
    /// The signal.
    pub(super) fn signal(self) -> &'static str {
        match self {
            Ending::Asked => "SIGTERM",
            Ending::Killed => "SIGKILL",
        }
    }
}

/// The instance.
pub(super) struct Stage {
    pub(super) layout: Layout,
    pub(super) persons: u64,
    /// The providers, with the size of their rosters.
    pub(super) rosters: Vec<(Word, u64)>,
}

impl Stage {
    /// An instance that `init` made with so many persons.
    pub(super) fn of(made: Made, persons: u64) -> Stage {
        Stage { layout: made.layout, persons, rosters: made.rosters }
    }

    /// Case numbers on the roster of a provider.
    pub(super) fn roster(&self, provider: &str) -> Result<Vec<String>, DrillError> {
        let sql = "SELECT id FROM roster WHERE provider = ?1 ORDER BY id";
        let source = self.source()?;
        let mut ids = source.prepare(sql)?;
        Ok(ids.query_map([provider], |row| row.get(0))?.collect::<Result<_, _>>()?)
    }

    /// Names and birth date of the person with a case number.
    pub(super) fn person(&self, id: &str) -> Result<[String; 3], DrillError> {
        let sql = "SELECT family_name, given_name, birth_date FROM dossiers WHERE id = ?1";
        let read =
            |row: &rusqlite::Row<'_>| Ok([row.get("family_name")?, row.get(1)?, row.get(2)?]);
        Ok(self.source()?.query_row(sql, [id], read)?)
    }

    fn source(&self) -> Result<Connection, DrillError> {
        let mode = OpenFlags::SQLITE_OPEN_READ_ONLY;
        Ok(Connection::open_with_flags(self.layout.source(), mode)?)
    }
}

/// The gateway. Dropped, it is killed, however this program ends.
pub(super) struct Gateway {
    child: Child,
    layout: Layout,
    pub(super) address: String,
}

impl Gateway {
    /// Starts it, and waits until it takes calls.
    pub(super) async fn start(layout: &Layout) -> Result<Gateway, DrillError> {
        Gateway::spawn(layout.clone(), None).await
    }

    /// Ends it and starts it again at the same address. Says how long nobody answered there.
    pub(super) async fn restart(self, ending: Ending) -> Result<(Gateway, Duration), DrillError> {
        let began = Instant::now();
        let (layout, address) = (self.layout.clone(), self.address.clone());
        self.end(ending).await?;
        let again = Gateway::spawn(layout, Some(address)).await?;
        Ok((again, began.elapsed()))
    }

    /// Ends it, and waits until it has. Meanwhile its clients run on: they answer its goodbye.
    pub(super) async fn end(mut self, ending: Ending) -> Result<(), DrillError> {
        let ended = waited(move || {
            match ending {
                Ending::Killed => self.child.kill()?,
                Ending::Asked => {
                    let id = self.child.id().to_string();
                    // The shell has `kill` built in; a program of that name is not everywhere.
                    Command::new("sh").args(["-c", "kill -TERM \"$0\"", &id]).status()?;
                }
            }
            Ok(self.child.wait()?)
        });
        let ended = ended.await?;
        if ending == Ending::Asked && !ended.success() {
            return Err(DrillError::Gateway(format!("it ended with {ended}")));
        }
        Ok(())
    }

    async fn spawn(layout: Layout, address: Option<String>) -> Result<Gateway, DrillError> {
        waited(move || {
            let log = layout.root().join("gateway.log");
            let stderr = File::options().create(true).append(true).open(&log)?;
            let mut command = Command::new(std::env::current_exe()?);
            command.args(["serve", "--config"]).arg(layout.config()).env("GREFFIER_LOG", "warn");
            if let Some(address) = address {
                command.env("GREFFIER__LISTEN", address);
            }
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
            let mut gateway = Gateway { child: command.spawn()?, layout, address: String::new() };
            let mut line = String::new();
            if let Some(out) = gateway.child.stdout.take() {
                BufReader::new(out).read_line(&mut line)?;
            }
            let Some(address) = line.trim().strip_prefix("listening on ") else {
                let said = files::read_text(&log, files::SMALL).unwrap_or_default();
                let last = said.lines().last().unwrap_or("it said nothing");
                return Err(DrillError::Gateway(format!("it does not start: {last}")));
            };
            gateway.address = address.to_owned();
            Ok(gateway)
        })
        .await
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where the gateway is, for the client whose certificate `init` made under this name, with tokens for
/// an agent of the same name.
pub(super) fn settings(layout: &Layout, address: &str, name: &str) -> ClientSettings {
    let (certificate, key) = layout.client(name);
    let (address, server_name) = (address.to_owned(), "localhost".to_owned());
    let (issuing, bound, agent) = (layout.clone(), certificate.clone(), name.to_owned());
    let token = TokenSource::made(move || {
        let made = fresh_token(&issuing, &bound, &agent).map_err(|error| error.to_string())?;
        Ok(Fresh { token: made.0, lifetime: made.1 })
    });
    let token = Some(token);
    ClientSettings { address, server_name, ca: layout.ca(), certificate, key, token }
}

/// Work that waits for another process, on a thread that may.
pub(super) async fn waited<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DrillError> + Send + 'static,
) -> Result<T, DrillError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| DrillError::System(std::io::Error::other(error)))?
}
