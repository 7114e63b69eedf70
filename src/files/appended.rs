//! A file that is appended to under its name, whoever renames it away meanwhile.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// A file of lines. If it is renamed away, the next lines go into a new one of its name.
#[derive(Debug)]
pub struct Appended {
    path: PathBuf,
    open: Option<File>,
}

impl Appended {
    /// The file of this path, which need not be there.
    pub fn at(path: PathBuf) -> Appended {
        Appended { path, open: None }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends whole lines, and returns when they are on disk. A line that a crash has cut is ended first.
    ///
    /// # Errors
    /// The system's; some of the lines may be in the file then.
    pub fn append(&mut self, lines: &str) -> io::Result<()> {
        let written = self.file().and_then(|mut file| {
            file.write_all(lines.as_bytes())?;
            file.sync_data()
        });
        if written.is_err() {
            self.open = None;
        }
        written
    }

    /// The file of this name, which may be another one than before.
    fn file(&mut self) -> io::Result<&File> {
        let same = |file: &File| -> io::Result<bool> {
            let (here, there) = (file.metadata()?, fs::metadata(&self.path)?);
            Ok((here.dev(), here.ino()) == (there.dev(), there.ino()))
        };
        let kept = self.open.take().filter(|file| same(file).unwrap_or(false));
        let file = match kept {
            Some(file) => file,
            None => {
                let mut file = OpenOptions::new()
                    .create(true)
                    .read(true)
                    .append(true)
                    .mode(0o640)
                    .open(&self.path)?;
                end_line(&mut file)?;
                file
            }
        };
        Ok(self.open.insert(file))
    }
}

fn end_line(file: &mut File) -> io::Result<()> {
    if file.metadata()?.len() == 0 {
        return Ok(());
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    if last == *b"\n" { Ok(()) } else { file.write_all(b"\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_into_the_file_of_the_name_and_none_is_glued_to_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        fs::write(&path, "cut").unwrap();
        let mut lines = Appended::at(path.clone());
        lines.append("one\ntwo\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "cut\none\ntwo\n");
        let away = folder.path().join("away");
        fs::rename(&path, &away).unwrap();
        lines.append("three\n").unwrap();
        lines.append("four\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "three\nfour\n");
        assert_eq!(fs::read_to_string(&away).unwrap(), "cut\none\ntwo\n");
        let mut nowhere = Appended::at(path.join("below"));
        assert!(nowhere.append("five\n").is_err());
    }
}
