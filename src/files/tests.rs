use std::os::unix::fs::symlink;
use std::process::Command;

use super::*;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn a_file_is_read_up_to_its_bound_and_no_further() {
    let folder = folder();
    let path = folder.path().join("file");
    fs::write(&path, "12345").unwrap();
    assert_eq!(read(&path, 5).unwrap(), b"12345");
    assert_eq!(read(&path, 4).unwrap_err().kind(), ErrorKind::FileTooLarge);
    assert_eq!(read_input(&path, 4).unwrap_err().kind(), ErrorKind::FileTooLarge);
    assert_eq!(read(&path, u64::MAX).unwrap().len(), 5);
    fs::write(&path, [0xff]).unwrap();
    assert_eq!(read_text(&path, 5).unwrap_err().kind(), ErrorKind::InvalidData);
    assert_eq!(read(&folder.path().join("none"), 5).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn what_is_no_regular_file_is_refused_without_waiting_for_it() {
    let folder = folder();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for path in [pipe.as_path(), Path::new("/dev/zero"), folder.path()] {
        assert_eq!(read(path, 5).unwrap_err().kind(), ErrorKind::InvalidInput, "{path:?}");
    }
    // Whoever names an endless file on a command line hears of it.
    let endless = read_input(Path::new("/dev/zero"), 5).unwrap_err();
    assert_eq!(endless.kind(), ErrorKind::FileTooLarge);
}

#[test]
fn a_secret_is_its_owners_alone() {
    let folder = folder();
    let path = folder.path().join("key");
    create(&path, 0o600, "secret").unwrap();
    assert_eq!(read_secret(&path).unwrap(), "secret");
    assert_eq!(create(&path, 0o600, "other").unwrap_err().kind(), ErrorKind::AlreadyExists);
    for mode in [0o640, 0o604, 0o620, 0o602, 0o610, 0o601] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let error = read_secret(&path).unwrap_err();
        assert!(error.to_string().contains(&format!("chmod 600 {}", path.display())));
        assert!(matches!(error, SecretError::Lax { mode: m, .. } if m == mode));
    }
    fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
    assert!(read_secret(&path).is_ok());
    let large = folder.path().join("large");
    create(&large, 0o600, &"x".repeat(SECRET_MAX as usize + 1)).unwrap();
    assert!(matches!(read_secret(&large), Err(SecretError::Io { .. })));
}

#[test]
fn a_file_is_replaced_whole_behind_its_links_and_others_are_written_into() {
    let folder = folder();
    let (path, link) = (folder.path().join("file"), folder.path().join("link"));
    replace(&path, "one").unwrap();
    symlink(&path, &link).unwrap();
    replace(&link, "two").unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&path).unwrap(), "two");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left");
    replace(Path::new("/dev/null"), "three").unwrap();
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
    assert!(replace(&folder.path().join("none").join("file"), "four").is_err());
    assert!(replace(folder.path(), "five").is_err());
    // Whether it could is known beforehand, and asking changes nothing.
    let (new, none) = (folder.path().join("new"), folder.path().join("none").join("file"));
    for good in [&path, &link, &new, Path::new("/dev/null")] {
        can_replace(good).unwrap();
    }
    for bad in [&none, folder.path()] {
        can_replace(bad).unwrap_err();
    }
    assert!(!new.exists() && !beside(&path, ".new").exists());
    assert_eq!(fs::read_to_string(&path).unwrap(), "two");
}
