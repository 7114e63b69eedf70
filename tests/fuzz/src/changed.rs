//! Ledgers and entries as somebody might change them, by a program that the fuzzer writes.

use std::path::Path;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use rusqlite::Connection;
use rusqlite::config::DbConfig;

/// Bytes in the place of others.
#[derive(Arbitrary, Debug)]
pub struct Splice {
    at: u32,
    cut: u8,
    put: Vec<u8>,
}

impl Splice {
    /// Puts them there, wherever that is in so many bytes.
    pub fn apply(&self, bytes: &mut Vec<u8>) {
        let at = self.at as usize % (bytes.len() + 1);
        let end = (at + usize::from(self.cut)).min(bytes.len());
        bytes.splice(at..end, self.put.iter().copied());
    }
}

/// A table whose rows have a number and a text.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Table {
    Entries,
    Checkpoints,
}

/// One change of a row.
#[derive(Arbitrary, Debug)]
pub enum Change {
    Text { of: Table, row: u8, how: Splice },
    Number { of: Table, row: u8, to: i64 },
    Remove { of: Table, row: u8 },
    Swap { of: Table, one: u8, other: u8 },
    Add { of: Table, number: i64, text: Vec<u8> },
    Tile { level: u8, n: u8, hashes: Vec<u8> },
    Pragma { format: i32, application: i32 },
    Trigger,
}

/// Changes rows of a ledger. What SQLite refuses is not done.
pub fn change(path: &Path, changes: &[Change]) -> Result<(), rusqlite::Error> {
    let file = Connection::open(path)?;
    file.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    file.execute_batch("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF")?;
    for change in changes {
        // One that cannot be done leaves the others.
        let _ = carry_out(&file, change);
    }
    Ok(())
}

fn carry_out(file: &Connection, change: &Change) -> Result<(), rusqlite::Error> {
    let names = |table: &Table| match table {
        Table::Entries => ("entries", "seq", "body"),
        Table::Checkpoints => ("checkpoints", "size", "note"),
    };
    let number = |table: &Table, row: u8| -> Result<i64, rusqlite::Error> {
        let (table, number, _) = names(table);
        let sql = format!(
            "SELECT {number} FROM {table} ORDER BY {number} LIMIT 1 OFFSET
             ?1 % (SELECT max(1, count(*)) FROM {table})"
        );
        file.query_row(&sql, [row], |row| row.get(0))
    };
    let text = |table: &Table, at: i64| -> Result<Vec<u8>, rusqlite::Error> {
        let (table, number, text) = names(table);
        let sql = format!("SELECT CAST({text} AS BLOB) FROM {table} WHERE {number} = ?1");
        file.query_row(&sql, [at], |row| row.get(0))
    };
    let write = |table: &Table, at: i64, bytes: &[u8]| {
        let (table, number, text) = names(table);
        let sql = format!("UPDATE {table} SET {text} = CAST(?2 AS TEXT) WHERE {number} = ?1");
        file.execute(&sql, (at, bytes))
    };
    match change {
        Change::Text { of, row, how } => {
            let at = number(of, *row)?;
            let mut bytes = text(of, at)?;
            how.apply(&mut bytes);
            write(of, at, &bytes)?;
        }
        Change::Number { of, row, to } => {
            let (at, (table, number, _)) = (number(of, *row)?, names(of));
            let sql = format!("UPDATE {table} SET {number} = ?2 WHERE {number} = ?1");
            file.execute(&sql, (at, to))?;
        }
        Change::Remove { of, row } => {
            let (at, (table, number, _)) = (number(of, *row)?, names(of));
            file.execute(&format!("DELETE FROM {table} WHERE {number} = ?1"), [at])?;
        }
        Change::Swap { of, one, other } => {
            let (one, other) = (number(of, *one)?, number(of, *other)?);
            let (first, second) = (text(of, one)?, text(of, other)?);
            write(of, one, &second)?;
            write(of, other, &first)?;
        }
        Change::Add { of, number, text } => {
            let (table, ..) = names(of);
            let sql = format!("INSERT INTO {table} VALUES (?1, CAST(?2 AS TEXT))");
            file.execute(&sql, (number, text))?;
        }
        Change::Tile { level, n, hashes } => {
            let sql = "INSERT OR REPLACE INTO tiles (level, n, hashes) VALUES (?1, ?2, ?3)";
            file.execute(sql, (level, n, hashes))?;
        }
        Change::Pragma { format, application } => {
            file.pragma_update(None, "user_version", format)?;
            file.pragma_update(None, "application_id", application)?;
        }
        Change::Trigger => file.execute_batch("DROP TRIGGER entries_never_change")?,
    }
    Ok(())
}

/// Where the words of JSON begin and end that may be replaced: its strings, without their quotes,
/// and its integers.
fn words(json: &str) -> Vec<(usize, usize)> {
    let (bytes, mut found, mut at) = (json.as_bytes(), Vec::new(), 0);
    while at < bytes.len() {
        let begins = at;
        match bytes[at] {
            b'"' => {
                at += 1;
                while at < bytes.len() && bytes[at] != b'"' {
                    at += 1 + usize::from(bytes[at] == b'\\');
                }
                found.push((begins + 1, at.min(bytes.len())));
                at += 1;
            }
            b'0'..=b'9' => {
                while at < bytes.len() && bytes[at].is_ascii_digit() {
                    at += 1;
                }
                found.push((begins, at));
            }
            _ => at += 1,
        }
    }
    found
}

/// What stands in the place of a word.
#[derive(Arbitrary, Debug)]
pub enum Word {
    /// Another word of the same ledger.
    Of(u8, u8),
    Integer(u64),
    Near(i8),
}

/// An entry with another word in it.
pub fn reworded(bodies: &[String], body: &str, nth: u8, with: &Word) -> Option<String> {
    let words_of_it = words(body);
    let (from, to) = *words_of_it.get(usize::from(nth) % words_of_it.len().max(1))?;
    let word = match with {
        Word::Of(entry, nth) => {
            let other = bodies.get(usize::from(*entry) % bodies.len())?;
            let words = words(other);
            let (from, to) = *words.get(usize::from(*nth) % words.len().max(1))?;
            other.get(from..to)?.to_owned()
        }
        Word::Integer(integer) => integer.to_string(),
        Word::Near(by) => {
            let integer: u64 = body.get(from..to)?.parse().ok()?;
            integer.checked_add_signed((*by).into())?.to_string()
        }
    };
    Some([body.get(..from)?, &word, body.get(to..)?].concat())
}
