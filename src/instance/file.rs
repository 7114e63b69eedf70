//! New files, with exactly the permissions they are to have.

use std::fs::{OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// Writes a new file with exactly these permissions. It never has more, not even for a moment.
pub(super) fn create(path: &Path, mode: u32, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    // The umask takes permissions away; a file meant for everybody gets them back.
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(text.as_bytes())
}
