//! Who may import whom, held for every path that names the crate, not for `use` lines alone; and
//! some habits that keep the rooms apart.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops where it is")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each room, and the rooms that it may name. What is not here is not a room.
const ROOMS: &[(&str, &[&str])] = &[
    ("admission", &["files", "format"]),
    ("alert", &["format"]),
    ("anomaly", &["format", "state"]),
    // A client believes no gateway: it checks signatures and proofs with the ledger's own code.
    ("client", &["files", "format", "proto"]),
    (
        "config",
        &[
            "admission",
            "anomaly",
            "files",
            "format",
            "places",
            "quota",
            "registrar",
            "service",
            "source",
        ],
    ),
    (
        "daemon",
        &[
            "admission",
            "anomaly",
            "config",
            "files",
            "format",
            "log",
            "quota",
            "registrar",
            "service",
            "source",
        ],
    ),
    ("delivery", &["client", "files", "format", "proto"]),
    (
        "drill",
        &[
            "anomaly",
            "client",
            "evidence",
            "files",
            "format",
            "instance",
            "proto",
            "registrar",
            "state",
            "verify",
        ],
    ),
    ("evidence", &["format"]),
    ("files", &[]),
    ("format", &["files"]),
    ("instance", &["files", "format", "names"]),
    ("log", &[]),
    ("names", &[]),
    ("places", &["admission", "quota", "source"]),
    ("proto", &[]),
    ("quota", &["admission"]),
    ("registrar", &["files", "format", "state", "verify"]),
    (
        "service",
        &[
            "admission",
            "alert",
            "files",
            "format",
            "log",
            "places",
            "proto",
            "quota",
            "registrar",
            "source",
            "state",
            "verify",
        ],
    ),
    ("source", &["admission", "files", "format", "names", "quota", "registrar", "state"]),
    ("state", &["format"]),
    ("verify", &["files", "format", "state"]),
    (
        "cli",
        &[
            "admission",
            "alert",
            "anomaly",
            "client",
            "config",
            "daemon",
            "delivery",
            "drill",
            "evidence",
            "files",
            "format",
            "instance",
            "log",
            "names",
            "proto",
            "quota",
            "registrar",
            "service",
            "source",
            "state",
            "verify",
        ],
    ),
];

/// Files that may speak of features: one line a room, never inside a function.
const GATES: &[&str] = &["src/main.rs", "src/lib.rs", "src/format.rs", "src/cli.rs"];

/// Names that draw everything to them until every room knows every other.
const NO_ROOMS: &[&str] =
    &["common", "util", "utils", "types", "error", "errors", "helpers", "metrics"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file of a folder, with its text.
fn files(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(root()).unwrap().to_owned(), text));
            }
        }
    }
    assert!(!found.is_empty());
    found
}

/// The room that a file belongs to; none for `lib.rs` and `main.rs`.
fn room(path: &Path) -> Option<String> {
    let name = path.strip_prefix("src").unwrap().components().next().unwrap();
    let name = name.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned();
    (name != "lib" && name != "main").then_some(name)
}

/// The code of a file without its comments.
fn code(text: &str) -> String {
    let line = |line: &str| line.split("//").next().unwrap_or_default().to_owned() + "\n";
    text.lines().map(line).collect()
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// The first names behind every `crate::`, groups in braces opened.
fn named(code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let Some(group) = rest.strip_prefix('{') else {
            names.insert(word(rest).to_owned());
            continue;
        };
        let (mut depth, mut begins) = (0, true);
        for (i, c) in group.char_indices() {
            if begins && depth == 0 && (c.is_alphabetic() || c == '_') {
                names.insert(word(&group[i..]).to_owned());
                begins = false;
            }
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' => begins = true,
                _ => {}
            }
        }
    }
    names
}

#[test]
fn rooms_name_only_the_rooms_that_they_may() {
    let mut seen = BTreeSet::new();
    for (path, text) in files("src") {
        let Some(room) = room(&path) else { continue };
        let (_, may) = ROOMS
            .iter()
            .find(|(name, _)| *name == room)
            .unwrap_or_else(|| panic!("{} is in no room of the table", path.display()));
        for name in named(&code(&text)) {
            let known = ROOMS.iter().any(|(room, _)| *room == name);
            let own = name == room || !known;
            assert!(own || may.contains(&name.as_str()), "{} names {name}", path.display());
        }
        seen.insert(room);
    }
    assert_eq!(seen.len(), ROOMS.len(), "a room of the table has no file");
}

#[test]
fn no_room_climbs_out_through_super() {
    let all = files("src");
    for (path, text) in &all {
        let Some(own) = room(path) else { continue };
        let child = |name: &str| {
            let file = format!("src/{own}/{name}.rs");
            all.iter().any(|(path, _)| path == Path::new(&file))
        };
        let code = code(text);
        for (at, _) in code.match_indices("super::") {
            let next = word(&code[at + "super::".len()..]);
            let elsewhere = ROOMS.iter().any(|(room, _)| *room == next) && !child(next);
            assert!(!elsewhere, "{} names {next} through super", path.display());
        }
    }
}

#[test]
fn the_scan_sees_through_groups_and_paths() {
    let code = "use crate::{a::{x, y}, b, c as d}; let z = crate::e::f(); use crate::{\n  g,\n};";
    let expected = ["a", "b", "c", "e", "g"].map(str::to_owned);
    assert_eq!(named(code), BTreeSet::from(expected));
}

#[test]
fn features_are_spoken_of_at_the_front_doors_only() {
    for (path, text) in files("src") {
        let gated = code(&text).contains("feature =");
        let may = GATES.iter().any(|gate| path == Path::new(gate));
        assert!(!gated || may, "{} has a feature gate", path.display());
    }
}

#[test]
fn no_file_is_a_drawer_for_everything() {
    for (path, _) in files("src") {
        let stem = path.file_stem().unwrap().to_str().unwrap();
        assert!(!NO_ROOMS.contains(&stem), "{}", path.display());
    }
}

#[test]
fn files_are_read_and_written_in_one_room() {
    // The lock and the probe of the ledger's folder, and the log of the gateway that a drill
    // starts.
    const OTHERS: &[&str] = &["src/registrar/writer.rs", "src/drill/stage.rs"];
    const CALLS: &[&str] = &[
        "fs::read(",
        "fs::read_to_string(",
        "fs::write(",
        "File::open(",
        "File::create(",
        "OpenOptions",
    ];
    for (path, text) in files("src") {
        let tests = path.ends_with("tests.rs") || room(&path).as_deref() == Some("files");
        let code = code(&text);
        let code = code.split("#[cfg(test)]\n").next().unwrap();
        let own = CALLS.iter().find(|call| {
            code.match_indices(**call).any(|(at, _)| !code[..at].ends_with(char::is_alphanumeric))
        });
        let may = tests || OTHERS.iter().any(|other| path == Path::new(other));
        assert!(may || own.is_none(), "{} has {own:?} of its own", path.display());
    }
}

#[test]
fn drafts_of_reads_are_made_by_the_source_and_by_drills_only() {
    for (path, text) in files("src") {
        let code = code(&text);
        let made = code.contains("Draft {") && code.contains("bind(");
        let makers = ["src/source.rs", "src/drill/offline.rs", "src/registrar/queue.rs"];
        assert_eq!(made, makers.iter().any(|maker| path == Path::new(maker)), "{}", path.display());
    }
}

/// The paths that begin at this place of the code, groups in braces opened; and where it goes on.
fn tree(code: &str, prefix: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let (mut path, mut at) = (prefix.to_vec(), 0);
    loop {
        let name = word(&code[at..]);
        if name.is_empty() {
            break;
        }
        path.push(name.to_owned());
        at += name.len();
        let Some(rest) = code[at..].strip_prefix("::") else { break };
        at += 2;
        if !rest.starts_with('{') {
            continue;
        }
        at += 1;
        loop {
            at += code[at..].len() - code[at..].trim_start_matches([' ', '\n', ',']).len();
            if code[at..].starts_with('}') || at >= code.len() {
                return at + 1;
            }
            let on = tree(&code[at..], &path, found);
            let aside = code[at + on..].find([',', '}']).unwrap_or(0);
            at += on + aside;
        }
    }
    found.push(path);
    at
}

/// Every path of the code that begins with `crate` or `super`.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for root in ["crate::", "super::"] {
        for (at, _) in code.match_indices(root) {
            let inside =
                code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
            if !inside {
                tree(&code[at..], &[], &mut found);
            }
        }
    }
    found
}

/// The module of a file, from the root of the crate on.
fn module(path: &Path) -> Vec<String> {
    let path = path.strip_prefix("src").unwrap().with_extension("");
    path.iter().map(|part| part.to_str().unwrap().to_owned()).collect()
}

/// The files that each file of a room takes something from, but for those that stand above or below
/// it: a folder's front file gathers its folder.
fn taken() -> BTreeMap<Vec<String>, BTreeSet<Vec<String>>> {
    let all: BTreeMap<Vec<String>, String> =
        files("src").into_iter().map(|(path, text)| (module(&path), text)).collect();
    let mut taken = BTreeMap::new();
    for (own, text) in all.iter().filter(|(own, _)| own.last().unwrap() != "tests") {
        let code = code(text);
        let code = code.split("#[cfg(test)]").next().unwrap();
        let mut of: BTreeSet<Vec<String>> = BTreeSet::new();
        for path in paths(code) {
            let ups = path.iter().take_while(|part| *part == "super").count();
            let from = if ups == 0 { 0 } else { own.len() - ups };
            let behind = path[ups.max(1)..].iter();
            let whole: Vec<String> = own[..from].iter().chain(behind).cloned().collect();
            let file = (1..=whole.len()).rev().map(|n| &whole[..n]).find(|n| all.contains_key(*n));
            let Some(file) = file else { continue };
            if file[0] == own[0] && !own.starts_with(file) && !file.starts_with(own) {
                of.insert(file.to_vec());
            }
        }
        taken.insert(own.clone(), of);
    }
    taken
}

#[test]
fn no_files_of_a_room_stand_in_a_circle() {
    let mut taken = taken();
    assert!(taken.values().map(BTreeSet::len).sum::<usize>() > 100, "nothing was read");
    // Whoever takes nothing from those that are left stands in no circle.
    loop {
        let left: BTreeSet<_> = taken.keys().cloned().collect();
        taken.retain(|_, of| of.iter().any(|file| left.contains(file)));
        if taken.len() == left.len() {
            break;
        }
    }
    let files: Vec<String> = taken.keys().map(|file| file.join("/")).collect();
    assert!(files.is_empty(), "in a circle, or taking from one: {files:?}");
}

#[test]
fn paths_are_seen_through_groups() {
    let code = "use super::{a::{B, c::D}, e}; let z = crate::f::g(); use super::super::h::I;";
    let found: Vec<String> = paths(code).iter().map(|path| path.join("::")).collect();
    let expected =
        ["crate::f::g", "super::a::B", "super::a::c::D", "super::e", "super::super::h::I"];
    assert_eq!(found, expected);
}
