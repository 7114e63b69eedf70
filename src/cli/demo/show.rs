//! What people see of it: on a terminal a live block with alerts above it, in colour; in a pipe
//! plain lines; with `--json` nothing until the end.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::lines::wrapped;
use crate::cli::notice::{LanguageName, gravity};
use crate::cli::{painted, print, put, safe};
use crate::proto::Alert;

/// How many columns a line has.
const WIDTH: usize = 96;

/// The screen, or the pipe, that the demonstration is shown on.
pub(super) struct Screen {
    silent: bool,
    /// The block at the bottom; it is not drawn where nobody sees it move.
    block: MultiProgress,
}

/// One line of the block at the bottom.
pub(super) struct ProgressLine(ProgressBar);

/// What stands out, in colours of ECMA-48.
const BOLD: &str = "1";
const GOOD: &str = "32";
const BAD: &str = "1;31";

impl Screen {
    pub(super) fn new(silent: bool) -> Screen {
        let block = MultiProgress::new();
        if silent || !std::io::stdout().is_terminal() {
            block.set_draw_target(ProgressDrawTarget::hidden());
        }
        Screen { silent, block }
    }

    /// A phase begins: what it is, what happens in it and why that matters.
    pub(super) fn phase(&self, number: u32, title: &str, why: &str) {
        self.put(&format!("\n{}", painted(BOLD, &format!("{number}. {title}"))));
        self.say(why);
    }

    /// Something to know, in lines of bearable length.
    pub(super) fn say(&self, text: &str) {
        let lines = wrapped(text, WIDTH - 3);
        self.put(
            &lines.iter().map(|line| format!("   {}", safe(line))).collect::<Vec<_>>().join("\n"),
        );
    }

    /// Prints lines of text as they are.
    pub(super) fn lines(&self, text: &str) {
        self.put(&safe(text));
    }

    /// Prints a claim, and whether it holds.
    pub(super) fn claim(&self, holds: bool, says: &str) {
        let word = if holds { painted(GOOD, "holds") } else { painted(BAD, "DOES NOT HOLD") };
        self.put(&format!("   {word}  {}", safe(says)));
    }

    /// Prints an alert as it comes.
    pub(super) fn alert(&self, alert: &Alert) {
        let (colour, word) = gravity(alert);
        let text = LanguageName::En.of(&alert.sentences);
        let margin = format!("\n{}", " ".repeat(14));
        let text: Vec<String> = wrapped(text, WIDTH - 14).iter().map(|line| safe(line)).collect();
        let word = painted(colour, &format!("{word:8}"));
        self.put(&format!("   > {word} {}", text.join(&margin)));
    }

    /// Adds a line to the block at the bottom.
    pub(super) fn line(&self) -> ProgressLine {
        let style = ProgressStyle::with_template("   {spinner} {msg}");
        let style = style.expect("the template is a constant of the form that indicatif takes");
        let bar = self.block.add(ProgressBar::new_spinner().with_style(style));
        bar.enable_steady_tick(Duration::from_millis(120));
        ProgressLine(bar)
    }

    fn put(&self, text: &str) {
        if !self.silent {
            self.block.suspend(|| put(text));
        }
    }

    /// The object at the end of a run with `--json`.
    pub(super) fn json(&self, object: &serde_json::Value) {
        print(object);
    }
}

impl ProgressLine {
    pub(super) fn set(&self, text: String) {
        self.0.set_message(text);
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
