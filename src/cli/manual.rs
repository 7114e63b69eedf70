//! `greffier completions` and `greffier man`: what a package installs beside the program.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args as ClapArgs, CommandFactory as _};
use clap_complete::Shell;

use super::{Cli, failed};

/// Write completions for a shell to standard output
///
///   greffier completions bash > /usr/share/bash-completion/completions/greffier
#[derive(ClapArgs, Debug)]
#[command(verbatim_doc_comment)]
pub(super) struct Completions {
    /// Which shell
    shell: Shell,
}

/// Write manual pages, one for each command, into a folder
///
///   greffier man /usr/share/man/man1
#[derive(ClapArgs, Debug)]
#[command(verbatim_doc_comment)]
pub(super) struct Man {
    /// The folder, which is there
    folder: PathBuf,
}

pub(super) fn completions(args: &Completions) -> ExitCode {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "greffier", &mut text);
    match std::io::stdout().lock().write_all(&text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(error),
    }
}

pub(super) fn man(args: &Man) -> ExitCode {
    match clap_mangen::generate_to(Cli::command(), &args.folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(format_args!("{}: {error}", args.folder.display())),
    }
}
