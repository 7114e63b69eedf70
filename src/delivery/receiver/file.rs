//! A file of JSON lines: one object a line, on disk before it counts as taken. Whoever rotates it renames it
//! away; the next line goes into a new one.

use super::{Answer, Trouble};
use crate::delivery::form::Form;
use crate::delivery::settings::FileTarget;
use crate::delivery::spool::Waiting;
use crate::files::Appended;

pub(in crate::delivery) struct JsonLines {
    file: Appended,
    form: Form,
}

impl JsonLines {
    pub(super) fn new(target: &FileTarget) -> JsonLines {
        JsonLines { file: Appended::at(target.path.clone()), form: target.form }
    }

    pub(super) fn send(&mut self, events: &[Waiting]) -> Result<Vec<Answer>, Trouble> {
        let lines: String = events.iter().map(|event| self.form.text(event) + "\n").collect();
        self.file.append(&lines).map_err(|error| {
            Trouble::unreachable(format_args!("{}: {error}", self.file.path().display()))
        })?;
        Ok(vec![Answer::Taken; events.len()])
    }
}
