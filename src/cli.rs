//! The command line: one match over the commands. Exit codes are the same for all of them: 0 done,
//! 1 the answer is no (not sound, refused, faulty), 2 it could not be tried.

#[cfg(feature = "serve")]
mod access;
#[cfg(feature = "serve")]
mod act;
#[cfg(feature = "serve")]
mod agent_tag;
#[cfg(feature = "serve")]
mod alerts;
#[cfg(feature = "serve")]
mod backtest;
#[cfg(feature = "serve")]
mod calibrate;
#[cfg(feature = "serve")]
mod call;
#[cfg(feature = "serve")]
mod deliver;
#[cfg(feature = "serve")]
mod demo;
#[cfg(feature = "serve")]
mod drill;
mod exposure;
#[cfg(feature = "serve")]
mod init;
mod lines;
#[cfg(feature = "serve")]
mod manual;
mod name_key;
#[cfg(feature = "serve")]
mod notice;
#[cfg(feature = "serve")]
mod policy;
#[cfg(feature = "serve")]
mod providers;
#[cfg(feature = "serve")]
mod rate;
#[cfg(feature = "serve")]
mod read;
mod receipt;
#[cfg(feature = "serve")]
mod serve;
mod statement;
mod table;
#[cfg(feature = "serve")]
mod tail;
#[cfg(feature = "serve")]
mod token;
mod verdict;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A gateway that decides, writes and signs every read of a personal record before the record goes,
/// and the tools to prove afterwards who received what.
#[derive(Parser, Debug)]
#[command(version, max_term_width = 80, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 the answer is no (not sound, refused, faulty), \
                          2 it could not be tried.";

#[derive(Subcommand, Debug)]
enum Command {
    #[cfg(feature = "serve")]
    Demo(demo::Args),
    #[cfg(feature = "serve")]
    Drill(drill::Args),
    #[cfg(feature = "serve")]
    Backtest(backtest::Args),
    #[cfg(feature = "serve")]
    Calibrate(calibrate::Args),
    #[cfg(feature = "serve")]
    Init(init::Args),
    #[cfg(feature = "serve")]
    Serve(serve::Args),
    #[cfg(feature = "serve")]
    Read(read::Args),
    #[cfg(feature = "serve")]
    Token(token::Args),
    #[cfg(feature = "serve")]
    Tail(tail::Args),
    #[cfg(feature = "serve")]
    Deliver(deliver::Args),
    #[cfg(feature = "serve")]
    Alerts(alerts::Args),
    #[cfg(feature = "serve")]
    Providers(providers::Args),
    #[cfg(feature = "serve")]
    Suspend(access::Suspend),
    #[cfg(feature = "serve")]
    Reinstate(access::Reinstate),
    #[cfg(feature = "serve")]
    Lift(access::Lift),
    /// Acts that administrators sign: make a key, propose, sign, show, submit
    #[cfg(feature = "serve")]
    #[command(subcommand)]
    Act(act::Command),
    #[cfg(feature = "serve")]
    AgentTag(agent_tag::Args),
    /// Check, compare and explain policy files
    #[cfg(feature = "serve")]
    #[command(subcommand)]
    Policy(policy::Command),
    Verify(verify::Args),
    Exposure(exposure::Args),
    Statement(statement::Args),
    Receipt(receipt::Args),
    NameKey(name_key::Args),
    #[cfg(feature = "serve")]
    Completions(manual::Completions),
    #[cfg(feature = "serve")]
    Man(manual::Man),
}

impl Cli {
    /// Runs the command.
    pub fn run(self) -> ExitCode {
        match self.command {
            #[cfg(feature = "serve")]
            Command::Demo(args) => demo::run(&args),
            #[cfg(feature = "serve")]
            Command::Drill(args) => drill::run(&args),
            #[cfg(feature = "serve")]
            Command::Backtest(args) => backtest::run(&args),
            #[cfg(feature = "serve")]
            Command::Calibrate(args) => calibrate::run(&args),
            #[cfg(feature = "serve")]
            Command::Init(args) => init::run(&args),
            #[cfg(feature = "serve")]
            Command::Serve(args) => serve::run(&args),
            #[cfg(feature = "serve")]
            Command::Read(args) => read::run(&args),
            #[cfg(feature = "serve")]
            Command::Token(args) => token::run(&args),
            #[cfg(feature = "serve")]
            Command::Tail(args) => tail::run(args),
            #[cfg(feature = "serve")]
            Command::Deliver(args) => deliver::run(&args),
            #[cfg(feature = "serve")]
            Command::Alerts(args) => alerts::run(&args),
            #[cfg(feature = "serve")]
            Command::Providers(args) => providers::run(&args),
            #[cfg(feature = "serve")]
            Command::Suspend(args) => access::suspend(args),
            #[cfg(feature = "serve")]
            Command::Reinstate(args) => access::reinstate(args),
            #[cfg(feature = "serve")]
            Command::Lift(args) => access::lift(args),
            #[cfg(feature = "serve")]
            Command::Act(command) => act::run(command),
            #[cfg(feature = "serve")]
            Command::AgentTag(args) => agent_tag::run(&args),
            #[cfg(feature = "serve")]
            Command::Policy(command) => policy::run(&command),
            Command::Verify(args) => verify::run(&args),
            Command::Exposure(args) => exposure::run(&args),
            Command::Statement(args) => statement::run(&args),
            Command::Receipt(args) => receipt::run(&args),
            Command::NameKey(args) => name_key::run(&args),
            #[cfg(feature = "serve")]
            Command::Completions(args) => manual::completions(&args),
            #[cfg(feature = "serve")]
            Command::Man(args) => manual::man(&args),
        }
    }
}

/// The answer is no.
const NO: u8 = 1;
/// It could not be tried.
const FAILED: u8 = 2;

/// Says why a command could not be tried.
fn failed(error: impl std::fmt::Display) -> ExitCode {
    complain(format_args!("greffier: {error}"));
    ExitCode::from(FAILED)
}

/// Says something on standard error, whoever reads it: what cannot be said changes nothing.
fn complain(text: impl std::fmt::Display) {
    use std::io::Write as _;
    let line = safe(&text.to_string()) + "\n";
    drop(std::io::stderr().lock().write_all(line.as_bytes()));
}

/// Prints to standard output.
fn print(text: impl std::fmt::Display) {
    put(&safe(&text.to_string()));
}

/// The same with text that is [`safe`] already; a reader that has gone away ends the program quietly.
fn put(text: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    // In one piece, so that whoever ends this program does not cut a line in two.
    let line = text.to_owned() + "\n";
    if out.write_all(line.as_bytes()).is_err() || out.flush().is_err() {
        std::process::exit(i32::from(FAILED));
    }
}

/// Text in a colour of ECMA-48, if it is printed to a terminal and `NO_COLOR` is not set.
#[cfg(feature = "serve")]
fn painted(colour: &str, text: &str) -> String {
    use std::io::IsTerminal as _;
    let plain = std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty());
    if colour.is_empty() || plain || !std::io::stdout().is_terminal() {
        return safe(text);
    }
    format!("\u{1b}[{colour}m{}\u{1b}[0m", safe(text))
}

/// Text without what a terminal would act on: a verdict may quote what a forger wrote.
fn safe(text: &str) -> String {
    let acts = |c: char| match c {
        '\n' => false,
        // Marks, embeddings, overrides and isolates that change the order in which text is shown.
        '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            true
        }
        _ => c.is_control(),
    };
    text.chars().map(|c| if acts(c) { '\u{fffd}' } else { c }).collect()
}

/// A time as people read it.
fn time(at: u64) -> String {
    let at = i64::try_from(at).ok().and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
    at.map_or_else(|| "a time out of range".to_owned(), |at| format!("{at:.0}"))
}

/// A number with its thousands apart.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A bar on a terminal, for work that may last; nothing when piped.
fn bar(what: &'static str) -> indicatif::ProgressBar {
    let style = "{msg:24} {wide_bar} {human_pos}/{human_len} {eta}";
    let style = indicatif::ProgressStyle::with_template(style);
    let style = style.expect("the template is a constant of the form that indicatif takes");
    let bar = indicatif::ProgressBar::new(0).with_style(style);
    bar.set_message(what);
    bar
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// What a command and those under it say of themselves, in short and at length.
    fn helps(command: &mut clap::Command) -> Vec<(String, String)> {
        let name = command.get_bin_name().unwrap_or_default().to_owned();
        let texts = [command.render_help(), command.render_long_help()];
        let mut all = texts.map(|text| (name.clone(), text.to_string())).to_vec();
        all.extend(command.get_subcommands_mut().flat_map(helps));
        all
    }

    #[test]
    fn the_help_of_every_command_fits_80_columns() {
        let mut cli = Cli::command();
        cli.build();
        let all = helps(&mut cli);
        let own = cli.get_subcommands().count();
        assert!(all.len() > 2 * own && own >= 5, "{} of {own}", all.len());
        let lines = all.iter().flat_map(|(name, text)| text.lines().map(move |line| (name, line)));
        let wide: Vec<_> = lines.filter(|(_, line)| line.chars().count() > 80).collect();
        assert!(wide.is_empty(), "{wide:#?}");
    }

    #[test]
    fn what_is_set_line_by_line_in_a_help_is_broken_where_it_was_set() {
        fn abouts(command: &clap::Command) -> Vec<String> {
            let own = [command.get_long_about(), command.get_after_long_help()];
            let mut all: Vec<String> = own.into_iter().flatten().map(ToString::to_string).collect();
            all.extend(command.get_subcommands().flat_map(abouts));
            all
        }
        let set = abouts(&Cli::command());
        let set = set.iter().flat_map(|text| text.split("\n\n").skip(1));
        let set: Vec<&str> = set.filter(|paragraph| paragraph.contains('\n')).collect();
        assert!(set.len() >= 5, "{set:?}");
        let lines = set.iter().flat_map(|paragraph| paragraph.lines());
        let wide: Vec<&str> = lines.filter(|line| line.chars().count() > 80).collect();
        assert!(wide.is_empty(), "{wide:#?}");
    }

    #[test]
    fn what_a_terminal_would_act_on_is_not_printed() {
        assert_eq!(
            safe("a\u{1b}[2Jb\u{9b}c\u{202e}d\re\nf"),
            "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d\u{fffd}e\nf"
        );
        assert_eq!(safe("Élodie — 200 €"), "Élodie — 200 €");
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
