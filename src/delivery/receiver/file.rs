//! A file of JSON lines: one object a line, on disk before it counts as taken. Whoever rotates it renames it
//! away; the next line goes into a new one.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

use super::{Answer, Form, Trouble};
use crate::delivery::settings::FileTarget;
use crate::delivery::spool::Waiting;

pub(in crate::delivery) struct JsonLines {
    path: PathBuf,
    form: Form,
    open: Option<File>,
}

impl JsonLines {
    pub(super) fn new(target: &FileTarget) -> JsonLines {
        JsonLines { path: target.path.clone(), form: target.form, open: None }
    }

    pub(super) fn send(&mut self, events: &[Waiting]) -> Result<Vec<Answer>, Trouble> {
        let written = self.write(events);
        written.map_err(|error| {
            self.open = None;
            Trouble::unreachable(format_args!("{}: {error}", self.path.display()))
        })?;
        Ok(vec![Answer::Taken; events.len()])
    }

    fn write(&mut self, events: &[Waiting]) -> io::Result<()> {
        let mut lines = String::new();
        for event in events {
            lines.push_str(&self.form.text(event));
            lines.push('\n');
        }
        let mut file = self.file()?;
        file.write_all(lines.as_bytes())?;
        file.sync_data()
    }

    /// The file of this name, which may be another one than before.
    fn file(&mut self) -> io::Result<&File> {
        let same = |file: &File| -> io::Result<bool> {
            let (here, there) = (file.metadata()?, std::fs::metadata(&self.path)?);
            Ok((here.dev(), here.ino()) == (there.dev(), there.ino()))
        };
        let kept = self.open.take().filter(|file| same(file).unwrap_or(false));
        let file = match kept {
            Some(file) => file,
            None => {
                let mut new = OpenOptions::new();
                let mut file =
                    new.create(true).read(true).append(true).mode(0o640).open(&self.path)?;
                end_line(&mut file)?;
                file
            }
        };
        Ok(self.open.insert(file))
    }
}

/// Ends a line that a crash has cut in two: what was in it is written again, whole.
fn end_line(file: &mut File) -> io::Result<()> {
    if file.metadata()?.len() == 0 {
        return Ok(());
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    if last != *b"\n" { file.write_all(b"\n") } else { Ok(()) }
}
