//! Whole ledgers among the vectors, as SQL that makes the file of each: a sound one, and others
//! that are not, each for one reason. `docs/vectors/ledgers/README.md` has the verdict on each, and
//! is held to.

use std::path::{Path, PathBuf};

use greffier::anomaly::AnomalyJudge;
use greffier::anomaly::replay::Replay;
use greffier::format::entry::{
    Act, Budgets, Deed, Entry, Head, Method, Nonce, Outcome, Payload, Policy, Read, Roster,
    Section, SignedAct, Statement, Whom, sha256,
};
use greffier::format::signer::Signer;
use greffier::state::State;
use greffier::state::judge::Judge;
use greffier::state::judge_input::JudgeInput;
use greffier::state::memory::Reach;
use greffier::verify::store::{APPLICATION_ID, FORMAT, SCHEMA, Store};
use greffier::verify::{Failure, Trust, scan};
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::segment::{
    ADMINS, Forge, HEAD, ORIGIN, WIDE, access, key, people, personal, read, refusals, rules,
    signed_by,
};
use crate::signed::HOUR;

const ALPHA: &str = "alpha-langues";
const AT: u64 = 1_793_923_200_000;
/// The read whose persons the sound ledger's others follow.
const FIRST_READ: u64 = HEAD + 2;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/vectors/ledgers")
}

/// A ledger of chosen times and honest rulings.
struct Maker {
    forge: Forge,
    state: State,
    judge: Box<dyn Judge>,
}

impl Maker {
    fn begun() -> Maker {
        let found = |(n, admin): (u8, &str)| {
            let founding =
                personal(admin).founding(ORIGIN, &admin.into(), Nonce([n; 16]), AT + HOUR);
            founding.expect("a name")
        };
        let acts = (1..).zip(ADMINS).map(found).collect();
        let narrow = Budgets { agent_minute: 4, ..WIDE };
        let forge = Forge::founded(AT, &rules(&[(ALPHA, narrow)]), acts);
        let mut maker = Maker { forge, state: State::default(), judge: AnomalyJudge::fresh() };
        maker.fold();
        maker
    }

    fn fold(&mut self) {
        let (bodies, _) = self.forge.rows();
        for body in &bodies[self.state.next() as usize..] {
            let entry = Entry::parse(body).expect("an entry");
            self.judge.apply(&entry);
            self.state.apply(&[entry], None);
        }
    }

    fn add(&mut self, what: Payload) -> u64 {
        let seq = self.forge.add(what);
        self.fold();
        seq
    }

    /// A commit of one entry, a second after the one before.
    fn then(&mut self, what: Payload) -> u64 {
        self.forge.pass(1_000);
        let seq = self.add(what);
        self.forge.commit();
        seq
    }

    /// What the judge makes of a read: its entry, and the alerts behind it.
    fn judged(&self, mut read: Read) -> Vec<Payload> {
        let now = self.forge.now;
        let reach = Reach::Page(read.asked);
        read.facts = self.state.count(&read, reach, now).facts();
        let counted = JudgeInput::of(self.state.next(), &read);
        let decision = self.judge.decide(&counted, self.state.standing(), now);
        read.ruling = decision.ruling;
        if read.ruling.outcome == Outcome::Withheld {
            (read.on, read.off, read.rows, read.reply) = (Vec::new(), Vec::new(), 0, None);
        }
        let alerts = decision.alerts.into_iter().map(Payload::Alert);
        [Payload::Read(Box::new(read))].into_iter().chain(alerts).collect()
    }

    /// A commit of a read and its alerts.
    fn read(&mut self, read: Read) {
        self.forge.pass(1_000);
        for what in self.judged(read) {
            self.add(what);
        }
        self.forge.commit();
    }

    /// A statement by one administrator, of a nonce of the test's own.
    fn act(&self, nonce: u8, statement: Statement) -> SignedAct {
        signed_by(Statement { nonce: Nonce([nonce; 16]), ..statement }, &ADMINS[..1])
    }

    fn script(self) -> Script {
        let (bodies, notes) = self.forge.rows();
        let bodies = (0..).zip(bodies.iter().cloned()).collect();
        Script { before: String::new(), bodies, notes: notes.to_vec(), after: String::new() }
    }
}

/// The rows of one ledger, and what else makes its file.
#[derive(Clone)]
struct Script {
    before: String,
    bodies: Vec<(u64, String)>,
    notes: Vec<(u64, String)>,
    after: String,
}

impl Script {
    fn text(&self) -> String {
        let quoted = |text: &str| text.replace('\'', "''");
        let mut sql = format!(
            "{}PRAGMA application_id = {APPLICATION_ID};\nPRAGMA user_version = {FORMAT};\n{SCHEMA}",
            self.before
        );
        for (seq, body) in &self.bodies {
            sql += &format!("INSERT INTO entries VALUES({seq}, '{}');\n", quoted(body));
        }
        for (size, note) in &self.notes {
            sql += &format!("INSERT INTO checkpoints VALUES({size}, '{}');\n", quoted(note));
        }
        sql + &self.after
    }
}

fn roster(persons: u64, added: Option<u64>) -> Roster {
    Roster {
        provider: ALPHA.into(),
        dataset: "cir".into(),
        persons,
        digest: sha256(&[&persons.to_be_bytes()]),
        added,
        removed: added.map(|_| 0),
    }
}

fn suspend(provider: &str) -> Deed {
    Deed::Suspend(Whom { provider: provider.into(), agent: None })
}

fn suspension(provider: &str) -> Statement {
    let (reason, nonce) = ("until we know".to_owned(), Nonce::default());
    Statement { deed: suspend(provider), reason, nonce, expires: AT + HOUR }
}

/// Three persons on the roster, by one agent, with a request id.
fn page() -> Read {
    let request = Some("7b2f3c52-6f0e-4d0a-9d5e-0d4f3a1b2c3d".to_owned());
    Read { request, ..read(ALPHA, "a1", &people(ALPHA, 0..3), &[]) }
}

/// A ledger that has something of everything, up to the last commit.
fn story(last: &str) -> Maker {
    let mut maker = Maker::begun();
    maker.then(Payload::Roster(roster(10, None)));
    maker.read(page());
    maker.read(Read { replay_of: Some(FIRST_READ), ..page() });
    let nobody = read(ALPHA, "a2", &[], &[]);
    maker.read(Read { method: Method::Search, asked: 1, misses: 1, ..nobody });
    // More than a minute's budget holds; and fourteen in a row off the roster.
    maker.read(read(ALPHA, "a1", &people(ALPHA, 3..8), &[]));
    maker.read(read("other-one", "b1", &[], &people("other-one", 0..14)));
    let act = maker.act(3, suspension("other-two"));
    maker.then(Payload::Act(Act::Signed(act)));
    maker.forge.pass(1_000);
    for what in maker.state.news(roster(110, Some(100)), maker.forge.now).expect("it is news") {
        maker.add(what);
    }
    maker.forge.commit();
    maker.then(Payload::Refusals(refusals(AT + 5)));
    let mut given = access(FIRST_READ);
    given.id = last.into();
    maker.then(Payload::Access(given));
    maker
}

/// A sound beginning, and an entry of whoever has the log's key.
fn signed(what: impl FnOnce(&Maker) -> Payload) -> Script {
    let mut maker = Maker::begun();
    maker.read(page());
    let what = what(&maker);
    maker.then(what);
    maker.script()
}

/// What the judge would make of a read, changed then by somebody.
fn otherwise(of: Read, change: impl FnOnce(&mut Read)) -> Script {
    signed(|maker| {
        let Some(Payload::Read(mut read)) = maker.judged(of).into_iter().next() else {
            panic!("a read comes first");
        };
        change(&mut read);
        Payload::Read(read)
    })
}

/// All of them, by their names.
fn ledgers() -> Vec<(&'static str, Script)> {
    let sound = story("cnil").script();
    let with = |change: fn(&mut Script)| {
        let mut script = sound.clone();
        change(&mut script);
        script
    };
    let edit = |script: &mut Script| {
        let body = &mut script.bodies[FIRST_READ as usize].1;
        *body = body.replacen("\"weight\":3", "\"weight\":4", 1);
    };
    let suspended = || {
        let mut maker = Maker::begun();
        let act = maker.act(3, suspension(ALPHA));
        let released = maker.judged(page()).remove(0);
        maker.then(Payload::Act(Act::Signed(act)));
        maker.then(released);
        maker.script()
    };
    let unwarned = || {
        let mut maker = Maker::begun();
        maker.then(Payload::Roster(roster(10, None)));
        maker.then(Payload::Roster(roster(110, Some(100))));
        maker.script()
    };
    let loosened = || {
        let mut maker = Maker::begun();
        let wider = rules(&[(ALPHA, WIDE)]);
        let sections = wider.providers.into_iter().map(Section::Provider);
        maker.add(Payload::Policy(Policy { section: Section::Detectors(wider.detectors) }));
        for section in sections {
            maker.add(Payload::Policy(Policy { section }));
        }
        let head = Head { digest: sha256(&[b"wider"]), sections: 4, judge: maker.judge.version() };
        maker.then(Payload::Policy(Policy { section: Section::Head(head) }));
        maker.script()
    };
    let unnamed = || {
        let mut maker = Maker::begun();
        let entry = maker.then(Payload::Access(access(0)));
        let mut other = Maker::begun();
        let body = maker.forge.rows().0[entry as usize].replace("\"id\":\"cnil\"", "\"id\":\"\"");
        other.forge.put(body);
        other.forge.commit();
        other.script()
    };
    let unalarmed = || {
        let mut maker = Maker::begun();
        let mut judged = maker.judged(read(ALPHA, "a1", &people(ALPHA, 3..8), &[]));
        assert_eq!(judged.len(), 2, "a read and its alert");
        maker.then(judged.remove(0));
        maker.script()
    };
    vec![
        ("sound", sound.clone()),
        ("forked", story("nobody").script()),
        ("edited", with(edit)),
        ("missing", with(|script| drop(script.bodies.remove(10)))),
        (
            "reordered",
            with(|script| {
                let body = std::mem::take(&mut script.bodies[10].1);
                script.bodies[10].1 = std::mem::replace(&mut script.bodies[11].1, body);
            }),
        ),
        ("truncated", with(|script| drop(script.bodies.pop()))),
        ("uncovered", with(|script| drop(script.notes.pop()))),
        (
            "stranger",
            with(|script| {
                let (size, note) = script.notes.last_mut().expect("a checkpoint");
                let ours = greffier::format::checkpoint::Checkpoint::parse(note).expect("a note");
                let other = Signer::new(ORIGIN, &[8; 32]).expect("a name");
                *note = other.sign(*size, ours.root);
            }),
        ),
        ("schema", with(|script| script.after = "DROP TRIGGER entries_stay;\n".into())),
        ("utf-16", with(|script| script.before = "PRAGMA encoding = 'UTF-16le';\n".into())),
        (
            "blob",
            with(|script| {
                let (seq, body) = script.bodies.pop().expect("an entry");
                script.after = format!(
                    "PRAGMA ignore_check_constraints = ON;\n\
                     INSERT INTO entries VALUES({seq}, CAST('{body}' AS BLOB));\n"
                );
            }),
        ),
        ("unnamed", unnamed()),
        ("clock", {
            let mut maker = Maker::begun();
            maker.forge.now.at -= 1;
            maker.add(Payload::Access(access(0)));
            maker.forge.commit();
            maker.script()
        }),
        (
            "counts",
            otherwise(read(ALPHA, "a2", &people(ALPHA, 2..4), &[]), |read| {
                read.facts.all.never += 1;
            }),
        ),
        ("repeat", otherwise(page(), |read| read.replay_of = None)),
        ("contained", suspended()),
        (
            "act",
            signed(|maker| {
                let mut act = maker.act(3, suspension("other-two"));
                act.statement.deed = suspend(ALPHA);
                Payload::Act(Act::Signed(act))
            }),
        ),
        ("loosened", loosened()),
        ("unwarned", unwarned()),
        ("unalarmed", unalarmed()),
    ]
}

/// The file that a script makes.
fn made(sql: &str, path: &Path) {
    let file = Connection::open(path).expect("a new file");
    file.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false).expect("a database");
    file.execute_batch(sql).expect("a script that SQLite takes");
}

/// The verdict on a file in the words of the table, and the first wrong entry.
fn verdict(path: &Path, anchors: &[String]) -> (String, String) {
    let mut replay = Replay::default();
    let key = key();
    let trust = Trust { key: &key, anchors, all_signatures: false };
    let store = Store::open(path).expect("a file that can be read");
    let mut visit = |entry: &Entry, _, state: &State| replay.apply(entry, state.standing());
    let word = |fault| serde_json::to_value(fault).expect("a word").as_str().map(str::to_owned);
    let number = |seq: Option<u64>| seq.map(|seq| seq.to_string()).unwrap_or_default();
    match scan(&store, &trust, &mut |_, _| (), &mut visit) {
        Ok(_) if replay.difference().is_some() => ("replay".into(), number(replay.difference())),
        Ok(_) => ("sound".into(), String::new()),
        Err(Failure::Unsound(unsound)) => {
            (word(unsound.fault).expect("a word"), number(unsound.first_wrong))
        }
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn the_ledgers_of_the_vectors_get_the_verdicts_that_stand_beside_them() {
    let page = std::fs::read_to_string(folder().join("README.md")).expect("the table");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let anchor = std::fs::read_to_string(folder().join("anchor.txt")).expect("a checkpoint");
    let temp = tempfile::tempdir().expect("a folder");
    let (mut told, mut others) = (Vec::new(), Vec::new());
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let [name, expected, first, ..] = cells.as_slice() else { panic!("{row}") };
        let sql = std::fs::read_to_string(folder().join(name)).expect(name);
        let path = temp.path().join(name).with_extension("sqlite");
        made(&sql, &path);
        let anchors = if expected == &"forked" || expected == &"sound" {
            std::slice::from_ref(&anchor)
        } else {
            &[]
        };
        let found = verdict(&path, anchors);
        if found != ((*expected).to_owned(), (*first).to_owned()) {
            others.push((name.to_string(), found));
        }
        told.push(name.trim_end_matches(".sql").to_owned());
    }
    assert!(others.is_empty(), "other verdicts: {others:?}");
    let all: Vec<&str> = ledgers().iter().map(|(name, _)| *name).collect();
    assert_eq!(told, all, "each ledger has a row, and each row a ledger");
}

/// With `GREFFIER_VECTORS=write` they are written anew.
#[test]
fn the_ledgers_of_the_vectors_are_what_this_program_makes() {
    let anchor = story("cnil").script().notes.pop().expect("a checkpoint").1;
    let scripts = ledgers().into_iter().map(|(name, s)| (format!("{name}.sql"), s.text()));
    let others =
        [("anchor.txt".to_owned(), anchor), ("key.vkey".to_owned(), format!("{}\n", key()))];
    for (name, text) in scripts.chain(others) {
        let path = folder().join(&name);
        if std::env::var("GREFFIER_VECTORS").as_deref() == Ok("write") {
            std::fs::write(&path, &text).expect("a file");
        }
        let there = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(there == text, "{name} is another: see what changed, and write it anew");
    }
}
