//! Media that fail as real ones do: a small file system in a mount namespace of its own, which ends
//! with the test whatever happens to it; or, where nothing can be mounted, a limit that the kernel
//! sets on the size of files.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use toml_edit::value;

use crate::instance::{Instance, PROGRAM};

/// Mounts a file system on `$1` and holds it until standard input ends. A namespace of its own
/// propagates nothing, so nothing is left to unmount.
const HOLD: &str = r#"mount "$@" && echo mounted && exec cat"#;

/// A mounted file system that only commands run [`inside`](Disk::inside) see.
pub(crate) struct Disk {
    keeper: Child,
    /// In a user namespace, because we are not root.
    user: bool,
    at: PathBuf,
}

impl Disk {
    /// A RAM disk of so many bytes on `at`; none where this system lets nobody mount.
    pub(crate) fn small(at: &Path, size: u64) -> Option<Disk> {
        let options = format!("size={size},mode=0700");
        Disk::mount(at, ["-t", "tmpfs", "-o", &options, "tmpfs"])
    }

    /// The ext4 file system in an image file, which turns read-only at its first error.
    pub(crate) fn image(at: &Path, image: &Path) -> Option<Disk> {
        File::create(image).and_then(|file| file.set_len(16 << 20)).expect("an image file");
        let made = Command::new("mkfs.ext4").args(["-q", "-F"]).arg(image).output().ok()?;
        let image = image.to_str().expect("UTF-8");
        if !made.status.success() {
            return None;
        }
        Disk::mount(at, ["-t", "ext4", "-o", "loop,errors=remount-ro", image])
    }

    fn mount(at: &Path, what: [&str; 5]) -> Option<Disk> {
        fs::create_dir(at).expect("a folder to mount on");
        for user in [false, true] {
            let mut command = Command::new("unshare");
            command.args(if user { ["-m", "-r"].as_slice() } else { &["-m"] });
            command.args(["--propagation", "private", "sh", "-c", HOLD, "mount"]).args(what);
            let keeper = command.arg(at).stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut keeper = keeper.stderr(Stdio::null()).spawn().ok()?;
            let mut line = String::new();
            let out = keeper.stdout.take().expect("standard output is piped");
            BufReader::new(out).read_line(&mut line).expect("a line that is text");
            if line == "mounted\n" {
                return Some(Disk { keeper, user, at: at.to_owned() });
            }
            keeper.wait().expect("a child ends once");
        }
        None
    }

    /// A file on it, as seen from here. (SQLite takes this path for a link to where it points here,
    /// so it is good for plain files only.)
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        let root = format!("/proc/{}/root", self.keeper.id());
        let at = self.at.strip_prefix("/").expect("an absolute path");
        Path::new(&root).join(at).join(name)
    }

    /// A command that sees it. It becomes the program: its process is the program's.
    pub(crate) fn inside(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.arg("--target").arg(self.keeper.id().to_string()).arg("--mount");
        if self.user {
            command.args(["--user", "--preserve-credentials"]);
        }
        command.arg("--").arg(program);
        command
    }

    /// The kernel refuses every write from now on. Nobody may have a file open for writing.
    pub(crate) fn remount_read_only(&self) {
        let done = self.inside("mount").args(["-o", "remount,bind,ro"]).arg(&self.at).output();
        let done = done.expect("mount starts");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// Makes ext4 find an error and turn read-only; false if this kernel has no way to ask for it.
    pub(crate) fn break_down(&self) -> bool {
        let of = self.inside("findmnt").args(["-n", "-o", "SOURCE"]).arg(&self.at).output();
        let of = String::from_utf8(of.expect("findmnt starts").stdout).expect("UTF-8");
        let device = of.trim().trim_start_matches("/dev/");
        fs::write(format!("/sys/fs/ext4/{device}/trigger_fs_error"), "a test").is_ok()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Its end is the namespace's, and the mount's.
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

/// Puts the ledger and its high-water file into a folder of their own in the instance, where
/// something is going to be mounted; `to` is that folder as it is seen from here.
pub(crate) fn move_ledger(instance: &Instance, folder: &Path, to: impl Fn(&str) -> PathBuf) {
    let files = [
        ("ledger.sqlite", "path", instance.layout.ledger()),
        ("ledger.high-water", "high_water", instance.layout.high_water()),
    ];
    for (name, key, from) in files {
        fs::copy(from, to(name)).expect("a copy");
        let path = folder.join(name);
        instance.config(|config| config["ledger"][key] = value(path.to_str().expect("UTF-8")));
    }
}

/// What takes the room on a medium, and gives it back.
pub(crate) trait Medium {
    /// How to start the daemon on it.
    fn program(&self) -> Command;
    /// Leaves no more than so many bytes.
    fn fill(&self, daemon: u32, leaving: u64);
    /// Makes room again.
    fn free(&self, daemon: u32);
    /// A file on it, as seen from here.
    fn file(&self, name: &str) -> PathBuf;
}

impl Medium for Disk {
    fn program(&self) -> Command {
        self.inside(PROGRAM)
    }

    fn fill(&self, _: u32, leaving: u64) {
        let filler = self.file("filler");
        let mut file = File::create(&filler).expect("a file on the disk");
        let mut size = 0;
        while let Ok(written) = file.write(&[1; 4_096]) {
            size += written as u64;
        }
        file.set_len(size.saturating_sub(leaving)).expect("a shorter file");
    }

    fn free(&self, _: u32) {
        fs::remove_file(self.file("filler")).expect("the filler");
    }

    fn file(&self, name: &str) -> PathBuf {
        Disk::file(self, name)
    }
}

/// No file may become larger than it is: `RLIMIT_FSIZE`.
pub(crate) struct Limit(pub(crate) PathBuf);

impl Limit {
    fn set(daemon: u32, size: &str) {
        let fsize = format!("--fsize={size}:");
        let set = Command::new("prlimit").args(["--pid", &daemon.to_string(), &fsize]).status();
        assert!(set.expect("prlimit starts").success());
    }
}

impl Medium for Limit {
    fn program(&self) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", r#"trap "" XFSZ; exec "$@""#, "sh", PROGRAM]);
        command
    }

    fn fill(&self, daemon: u32, leaving: u64) {
        let wal = fs::metadata(self.file("ledger.sqlite-wal")).expect("a WAL").len();
        Limit::set(daemon, &(wal + leaving).to_string());
    }

    fn free(&self, daemon: u32) {
        Limit::set(daemon, "unlimited");
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}
