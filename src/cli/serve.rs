//! `greffier serve`: runs the daemon until it is asked to stop.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args as ClapArgs;
use tracing::Level;

use super::{FAILED, failed, safe};
use crate::daemon;
use crate::log::Log;

/// Run the gateway
///
/// It runs until SIGTERM or SIGINT, then lets open calls end.
///
/// Standard output gets one line, when calls are taken: `listening on ADDRESS:PORT`. The log goes
/// to standard error; GREFFIER_LOG sets its level (off, error, warn, info, debug, trace; info if
/// unset) and never makes it show a record.
///
/// A start verifies the whole ledger and folds it; it refuses one that does not hold, that lies
/// behind its high-water file, or whose last entry is more than 31 days from this machine's clock.
/// Exit codes: 0 stopped as asked, 2 did not run or could not go on.
#[derive(ClapArgs, Debug)]
pub(super) struct Args {
    /// The file config.toml of the instance
    #[arg(long, value_name = "FILE", default_value = "config.toml")]
    config: PathBuf,

    /// Start although the clock is more than 31 days from the ledger's last entry, or before this
    /// program was built: the number of that entry. It holds for one start
    #[arg(long, value_name = "ENTRY")]
    confirm_clock: Option<u64>,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let log = match Log::start() {
        Ok(log) => log,
        Err(error) => return failed(error),
    };
    let code = match daemon::run(&args.config, args.confirm_clock, &log) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let line = format!("greffier: {}\n", safe(&error.to_string()));
            log.line(Level::ERROR, line.as_bytes());
            ExitCode::from(FAILED)
        }
    };
    log.flush(daemon::LEAVE);
    code
}
