//! The commands of administrators, from a new key to an act in the ledger, and the instance for
//! production that begins with such keys.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use greffier::format::entry::{Act, Entry, Payload};
use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

use crate::instance::{Daemon, Instance, PROGRAM, context, off_roster};

fn greffier(args: &[&str]) -> Output {
    Command::new(PROGRAM).args(args).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// What a command says that must end well.
fn said(args: &[&str]) -> String {
    let out = greffier(args);
    assert!(out.status.success(), "{args:?}: {}", text(&out.stderr));
    text(&out.stdout)
}

/// What a command says that must not, and how it ends.
fn refused(args: &[&str], code: i32) -> String {
    let out = greffier(args);
    assert_eq!(out.status.code(), Some(code), "{args:?}: {}", text(&out.stdout));
    text(&out.stderr)
}

fn path(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// A folder, and an instance with its gateway.
struct Desk {
    folder: TempDir,
    instance: Instance,
    daemon: Daemon,
}

impl Desk {
    fn open() -> Desk {
        let instance = Instance::new();
        let daemon = instance.serve();
        Desk { folder: tempfile::tempdir().expect("a folder"), instance, daemon }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn root(&self) -> &str {
        path(self.instance.layout.root())
    }

    /// Keeps a proposal in a file.
    fn proposed(&self, args: &[&str]) -> PathBuf {
        let file = self.file("act.json");
        let begin = ["act", "propose", "--instance", self.root(), "--reason", "an exercise"];
        fs::write(&file, said(&[&begin, args].concat())).expect("a file");
        file
    }

    fn sign(&self, file: &Path, admin: &str) -> String {
        said(&["act", "sign", path(file), "--instance", self.root(), "--admin", admin])
    }

    fn submit<'a>(&'a self, file: &'a Path) -> Vec<&'a str> {
        let at = ["--instance", self.root(), "--address", &self.daemon.address];
        [&["act", "submit", path(file)][..], &at].concat()
    }

    fn acts(&self) -> Vec<String> {
        let deed = |entry: Entry| match entry.payload {
            Payload::Act(Act::Signed(act)) => act.certificate.map(|_| act.statement.deed.name()),
            _ => None,
        };
        self.instance.entries().into_iter().filter_map(deed).collect()
    }
}

#[tokio::test]
async fn a_key_is_made_proposed_signed_by_two_shown_and_enrolled_by_commands() {
    let desk = Desk::open();
    let key = desk.file("admin-3.key");
    let public = said(&["act", "keygen", path(&key)]);
    let mode = fs::metadata(&key).expect("a key").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = refused(&["act", "keygen", path(&key)], 2);
    assert!(again.contains("File exists"), "{again}");
    let file = desk.proposed(&["enrol_key", "--admin", "admin-3", "--public-key", public.trim()]);
    let alone = desk.sign(&file, "admin-1");
    assert!(alone.contains("It needs two administrators") && alone.contains(public.trim()));
    assert!(alone.contains("Signed by admin-1"), "{alone}");
    let second = refused(&desk.submit(&file), 1);
    assert!(second.contains("SECOND_SIGNATURE_REQUIRED"), "{second}");
    let twice = ["act", "sign", path(&file), "--instance", desk.root()];
    assert!(refused(&twice, 2).contains("has signed it already"));
    desk.sign(&file, "admin-2");
    let shown: Value =
        serde_json::from_str(&said(&["act", "show", path(&file), "--json"])).expect("JSON");
    assert_eq!(shown["act"]["deed"], "enrol_key");
    assert_eq!(shown["signed_by"].as_array().map(Vec::len), Some(2));
    let done = said(&desk.submit(&file));
    assert!(done.contains("enrolled the personal key") && done.contains("admin-1 and admin-2"));
    assert!(refused(&desk.submit(&file), 1).contains("SIGNATURE_REJECTED"));

    // Somebody who changes the file on its way is found out by whoever looks.
    let forged = fs::read_to_string(&file).expect("the file").replace("an exercise", "a forgery");
    fs::write(&file, forged).expect("the file");
    assert!(refused(&["act", "show", path(&file)], 2).contains("is false"));
    assert_eq!(desk.acts(), ["enrol_key"]);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).expect("a mode");
    let file = desk.proposed(&["suspend", "--provider", "provider-02"]);
    let lax = ["act", "sign", path(&file), "--admin", "admin-3", "--personal-key", path(&key)];
    assert!(refused(&lax, 2).contains("chmod 600"));
    desk.daemon.stop().await;
    desk.instance.assert_sound();
}

#[tokio::test]
async fn a_proposal_says_what_its_deed_needs_and_nothing_that_a_terminal_would_act_on() {
    let desk = Desk::open();
    let propose = |args: &[&str]| {
        let begin = ["act", "propose", "--instance", desk.root(), "--reason", "x"];
        refused(&[&begin, args].concat(), 2)
    };
    let agent = ["--agent", "AAAAAAAAAAAAAAAAAAAAAA"];
    for (args, words) in [
        (&["suspend"][..], "`suspend`: missing field `provider`"),
        (&["loosen"], "`loosen`: missing field `digest`"),
        (&["loosen", "--policy", "/nowhere"], "/nowhere"),
        (&["revoke_key", "--admin", "admin-1"], "missing field `key`"),
        (&["suspend", "--provider", "p", "--persons", "3"], "`persons` has no place"),
        (&["enrol_roster", "--provider", "p", "--dataset", "d", "--persons", "0"], "nonzero"),
        (&["acknowledge"], "expected one of `suspend`"),
        (&["suspend", "--provider", "p", "--valid-for", "1000d"], "999d"),
        (&["suspend", "--provider", "a\u{7f}b"], "a control character"),
    ] {
        let said = propose(args);
        assert!(said.contains(words), "{args:?}: {said}");
    }
    let file =
        desk.proposed(&[&["suspend", "--provider", "\u{202e}10-redivorp"], &agent[..]].concat());
    let shown = said(&["act", "show", path(&file)]);
    assert!(!shown.contains('\u{202e}') && shown.contains("\u{fffd}10-redivorp"), "{shown}");
    let other = said(&[
        "act",
        "propose",
        "loosen",
        "--origin",
        "other.example/reads",
        "--reason",
        "x",
        "--policy",
        path(&desk.instance.layout.policy()),
    ]);
    let digest = fs::read(desk.instance.layout.policy()).expect("the policy");
    let digest = greffier::format::entry::sha256(&[&digest]).to_string();
    assert!(other.contains(&digest) && other.contains("other.example/reads"));
    assert!(desk.acts().is_empty());
}

#[tokio::test]
async fn whoever_is_not_enough_alone_is_told_what_to_do() {
    let instance = Instance::new();
    instance.budgets("provider-01", &[("off_roster_day", 1), ("off_roster_30_days", 1)]);
    let daemon = instance.serve();
    let mut thief = daemon.client("provider-01").await;
    let source = instance.source();
    let stranger: String = source
        .query_row(
            "SELECT max(id) FROM dossiers WHERE id NOT IN (SELECT id FROM roster)",
            [],
            |row| row.get(0),
        )
        .expect("a stranger");
    let id = [("id", stranger.as_str())];
    let found = thief.search("case_number", &id, 1, off_roster()).await;
    found.expect("the one that the budget has");
    thief.list(1, "", context()).await.expect_err("contained");
    let desk = Desk { folder: tempfile::tempdir().expect("a folder"), instance, daemon };
    let at = ["--instance", desk.root(), "--address", &desk.daemon.address];
    let lift = [&["lift", "provider-01", "--reason", "x"][..], &at].concat();
    let told = refused(&lift, 1);
    for words in [
        "SECOND_SIGNATURE_REQUIRED",
        "greffier act propose lift --provider provider-01 --reason",
        "greffier act sign act.json",
        "greffier act submit act.json",
    ] {
        assert!(told.contains(words), "{told}");
    }
    let file = desk.proposed(&["lift", "--provider", "provider-01"]);
    desk.sign(&file, "admin-1");
    desk.sign(&file, "admin-2");
    said(&desk.submit(&file));
    // What is left there one may lift.
    said(&lift);
    assert_eq!(desk.acts(), ["lift", "lift"]);
}

/// What two administrators send to whoever makes the instance.
struct Brought {
    folder: TempDir,
    files: [PathBuf; 2],
}

impl Brought {
    fn for_name(name: &str) -> Brought {
        let folder = tempfile::tempdir().expect("a folder");
        let files = ["admin-1", "admin-2"].map(|admin| {
            let (key, file) = (
                folder.path().join(format!("{admin}.key")),
                folder.path().join(format!("{admin}.json")),
            );
            let public = said(&["act", "keygen", path(&key)]);
            let proposal = said(&[
                "act",
                "propose",
                "enrol_key",
                "--admin",
                admin,
                "--public-key",
                public.trim(),
                "--origin",
                name,
                "--reason",
                "a founding key",
            ]);
            fs::write(&file, proposal).expect("a file");
            said(&["act", "sign", path(&file), "--admin", admin, "--personal-key", path(&key)]);
            file
        });
        Brought { folder, files }
    }

    fn init<'a>(&'a self, dir: &'a str, policy: &'a str, admins: &[&'a Path]) -> Vec<&'a str> {
        let mut args = vec![
            "init",
            dir,
            "--name",
            "registry.example/reads",
            "--trust-domain",
            "registry.example",
            "--server-name",
            "gateway.registry.example",
            "--listen",
            "127.0.0.1:0",
            "--policy",
            policy,
        ];
        args.extend(admins.iter().flat_map(|file| ["--admin", path(file)]));
        args
    }
}

const POLICY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/policy.toml");

#[test]
fn an_instance_for_production_has_no_authority_no_client_and_no_personal_key() {
    let brought = Brought::for_name("registry.example/reads");
    let dir = brought.folder.path().join("site");
    let [one, two] = &brought.files;
    let told = said(&brought.init(path(&dir), POLICY, &[one, two]));
    assert!(told.contains("pki/server.csr") && told.contains("admin-1, admin-2"), "{told}");
    let mut there: Vec<String> = Vec::new();
    for folder in ["", "pki", "keys"] {
        let entries = fs::read_dir(dir.join(folder)).expect("a folder").flatten();
        there.extend(entries.map(|entry| entry.file_name().into_string().expect("UTF-8")));
    }
    there.sort();
    there.retain(|name| !name.starts_with("ledger.sqlite-"));
    assert_eq!(
        there,
        [
            "config.toml",
            "handle.key",
            "key.vkey",
            "keys",
            "ledger-signing.key",
            "ledger.high-water",
            "ledger.sqlite",
            "ledger.sqlite.lock",
            "ledger.sqlite.policy.toml",
            "pki",
            "policy.toml",
            "server.csr",
            "server.key",
            "tag.key",
        ]
    );
    let config = fs::read_to_string(dir.join("config.toml")).expect("config.toml");
    assert!(!config.contains("development") && !config.contains('@'), "{config}");
    assert!(config.contains("name = \"registry.example/reads\""), "{config}");
    assert_eq!(fs::read(dir.join("policy.toml")).ok(), fs::read(POLICY).ok());
    let ledger = Connection::open(dir.join("ledger.sqlite")).expect("the ledger");
    let kinds = |seq: u64| -> String {
        let sql = "SELECT json_extract(body, '$.kind') FROM entries WHERE seq = ?1";
        ledger.query_row(sql, [seq], |row| row.get(0)).expect("an entry")
    };
    assert_eq!([0, 1, 2, 3].map(kinds), ["genesis", "act", "act", "policy"]);
    let covered: u64 =
        ledger.query_row("SELECT min(size) FROM checkpoints", [], |row| row.get(0)).expect("one");
    assert!(covered > 3, "keys and policy stand in the first commit");
    drop(ledger);
    let sound =
        said(&["verify", path(&dir.join("ledger.sqlite")), "--key", path(&dir.join("key.vkey"))]);
    assert!(sound.starts_with("SOUND"), "{sound}");
    // What is missing is told, and nothing is made up for it.
    let missing = refused(&["serve", "--config", path(&dir.join("config.toml"))], 2);
    assert!(missing.contains("agency-login.jwks"), "{missing}");
    // The key of RFC 7515, A.3.
    let keys = r#"{"keys": [{"kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;
    fs::write(dir.join("agency-login.jwks"), keys).expect("a file");
    let missing = refused(&["serve", "--config", path(&dir.join("config.toml"))], 2);
    assert!(missing.contains("source.sqlite"), "{missing}");
}

#[test]
fn an_instance_for_production_is_made_of_what_holds_or_not_at_all() {
    let brought = Brought::for_name("registry.example/reads");
    let elsewhere = Brought::for_name("other.example/reads");
    let dir = brought.folder.path().join("site");
    let [one, two] = &brought.files;
    let unsigned = brought.folder.path().join("unsigned.json");
    let text = fs::read_to_string(one).expect("the file");
    let mut act: Value = serde_json::from_str(&text).expect("JSON");
    act["signatures"] = Value::Array(Vec::new());
    fs::write(&unsigned, act.to_string()).expect("a file");
    let broken = brought.folder.path().join("policy.toml");
    fs::write(&broken, "revoked = 1").expect("a file");
    let renamed = brought.folder.path().join("renamed.toml");
    let policy = fs::read_to_string(POLICY).expect("the policy").replace("admin-2", "admin-9");
    fs::write(&renamed, policy).expect("a file");
    for (policy, admins, words) in [
        (POLICY, vec![one], "two administrators or more"),
        (POLICY, vec![one, one], "two administrators or more"),
        (POLICY, vec![one, &unsigned], "two administrators or more"),
        (POLICY, vec![two, &unsigned], "1 to 8 are needed"),
        (POLICY, vec![one, &elsewhere.files[1]], "signed for other.example/reads"),
        (path(&renamed), vec![one, two], "`admin-2` is no administrator of the policy"),
        (path(&broken), vec![one, two], "revoked"),
        ("/nowhere/policy.toml", vec![one, two], "/nowhere/policy.toml"),
    ] {
        let admins: Vec<&Path> = admins.into_iter().map(PathBuf::as_path).collect();
        let told = refused(&brought.init(path(&dir), policy, &admins), 2);
        assert!(told.contains(words), "{told}");
        assert!(!dir.exists(), "{told}");
    }
    let mut wrong = brought.init(path(&dir), POLICY, &[one, two]);
    wrong[5] = "Registry\" \n";
    assert!(refused(&wrong, 2).contains("--trust-domain"));
    let dev = ["init", path(&dir), "--dev", path(&dir)];
    assert!(refused(&dev, 2).contains("cannot be used with"));
    assert!(!dir.exists());
}
