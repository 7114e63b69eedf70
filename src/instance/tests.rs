//! What a made instance holds, and what a failure leaves.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate, parse_x509_pem};

use super::person::{MAIL_DOMAINS, TELEPHONES};
use super::*;
use crate::files::read_secret;
use crate::format::entry::sha256;
use crate::format::signer::read_key;

fn plan(dir: &Path) -> Plan {
    Plan {
        dir: dir.to_owned(),
        persons: 5_003,
        providers: 4,
        agents: 0,
        seed: 7,
        listen: "127.0.0.1:8443".to_owned(),
    }
}

/// Everything but the ledger, under its own name.
fn make(plan: &Plan, progress: Progress<'_>) -> Result<Made, InstanceError> {
    prepare(plan, progress)?.finish()
}

fn made_in(dir: &Path) -> Made {
    make(&plan(dir), &mut |_, _, _| {}).unwrap()
}

fn source(made: &Made) -> Connection {
    Connection::open_with_flags(made.layout.source(), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

/// All values of a query, each row as one text.
fn rows(made: &Made, query: &str) -> Vec<String> {
    let db = source(made);
    let mut statement = db.prepare(query).unwrap();
    let columns = statement.column_count();
    let row = |row: &rusqlite::Row<'_>| {
        (0..columns)
            .map(|i| row.get_ref(i).map(text))
            .collect::<Result<Vec<_>, _>>()
            .map(|values| values.join("|"))
    };
    statement.query_map([], row).unwrap().map(Result::unwrap).collect()
}

fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Text(text) => String::from_utf8(text.to_owned()).unwrap(),
        other => format!("{other:?}"),
    }
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<_> =
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn one_seed_makes_one_stock_and_another_seed_another() {
    let around = TempDir::new().unwrap();
    let digest = |name: &str, seed| {
        let plan = Plan { seed, ..plan(&around.path().join(name)) };
        let made = make(&plan, &mut |_, _, _| {}).unwrap();
        ["SELECT * FROM dossiers ORDER BY id", "SELECT * FROM roster ORDER BY provider, id"]
            .map(|query| sha256(&[rows(&made, query).join("\n").as_bytes()]))
    };
    let first = digest("a", 7);
    assert_eq!(first, digest("b", 7));
    let other = digest("c", 8);
    assert!(first[0] != other[0] && first[1] != other[1]);
}

#[test]
fn the_number_of_providers_does_not_change_the_stock() {
    let around = TempDir::new().unwrap();
    let of = |name: &str, providers| {
        let plan = Plan { providers, ..plan(&around.path().join(name)) };
        rows(&make(&plan, &mut |_, _, _| {}).unwrap(), "SELECT * FROM dossiers ORDER BY id")
    };
    assert_eq!(of("a", 1), of("b", 3));
}

#[test]
fn private_files_are_their_owners_alone() {
    let around = TempDir::new().unwrap();
    let made = made_in(&around.path().join("dev"));
    let root = made.layout.root();
    for dir in [root, &root.join("pki"), &root.join("pki/clients"), &root.join("keys")] {
        assert_eq!(mode(dir), 0o700, "{}", dir.display());
        for name in names(dir).iter().filter(|name| name.ends_with(".key")) {
            assert_eq!(mode(&dir.join(name)), 0o600, "{name}");
        }
    }
    assert_eq!(mode(&made.layout.source()), 0o600);
    assert_eq!(mode(&made.layout.verifier_key()), 0o644);
    assert_eq!(mode(&made.layout.ca()), 0o644);
}

#[test]
fn a_folder_with_something_in_it_is_refused_and_left_alone() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("mine"), "x").unwrap();
    let refused = make(&plan(dir.path()), &mut |_, _, _| {});
    assert!(matches!(refused, Err(InstanceError::Occupied(_))));
    let refused = make(&plan(&dir.path().join("mine")), &mut |_, _, _| {});
    assert!(matches!(refused, Err(InstanceError::NotAFolder(_))));
    let refused = make(&plan(&dir.path().join("not/there")), &mut |_, _, _| {});
    assert!(matches!(refused, Err(InstanceError::NoParent(_))));
    assert_eq!(names(dir.path()), ["mine"]);
}

#[test]
fn an_empty_folder_is_filled_and_stays_the_same_folder() {
    let dir = TempDir::new().unwrap();
    let made = made_in(dir.path());
    assert_eq!(made.layout.root(), dir.path());
    let there = names(dir.path());
    assert_eq!(
        there,
        [
            "README.txt",
            "agents.jwks",
            "config.toml",
            "key.vkey",
            "keys",
            "pki",
            "policy.toml",
            "source.sqlite"
        ]
    );
}

#[test]
fn a_bad_plan_makes_nothing() {
    let around = TempDir::new().unwrap();
    let good = plan(&around.path().join("dev"));
    for bad in [
        Plan { persons: 0, ..good.clone() },
        Plan { persons: PERSONS_MAX + 1, ..good.clone() },
        Plan { providers: 0, ..good.clone() },
        Plan { providers: PROVIDERS_MAX + 1, ..good.clone() },
        Plan { agents: AGENTS_MAX + 1, ..good.clone() },
        Plan { listen: "localhost".to_owned(), ..good.clone() },
    ] {
        assert!(make(&bad, &mut |_, _, _| {}).is_err());
    }
    assert!(names(around.path()).is_empty());
}

#[test]
fn what_is_not_finished_is_removed() {
    let around = TempDir::new().unwrap();
    let inside = around.path().join("inside");
    fs::create_dir(&inside).unwrap();
    for dir in [&inside, &around.path().join("new")] {
        let prepared = prepare(&plan(dir), &mut |_, _, _| {}).unwrap();
        assert!(prepared.made().layout.source().exists());
        drop(prepared);
    }
    assert_eq!(names(around.path()), ["inside"]);
    assert!(names(&inside).is_empty());
}

#[test]
fn a_failure_in_any_step_leaves_nothing() {
    for at in [Stage::Certificates, Stage::Persons, Stage::Index, Stage::Rosters] {
        let around = TempDir::new().unwrap();
        let dir = around.path().join("dev");
        // Taking the folder away under it makes the next new file fail, in whichever step.
        let mut pull = |stage, _, _| {
            if stage == at {
                for name in names(around.path()) {
                    fs::remove_dir_all(around.path().join(name)).unwrap();
                }
            }
        };
        assert!(make(&plan(&dir), &mut pull).is_err(), "{at}");
        assert!(names(around.path()).is_empty(), "{at}");
    }
}

#[test]
fn a_name_taken_meanwhile_is_a_failure_that_leaves_nothing() {
    let around = TempDir::new().unwrap();
    let dir = around.path().join("dev");
    let prepared = prepare(&plan(&dir), &mut |_, _, _| {}).unwrap();
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("theirs"), "x").unwrap();
    assert!(prepared.finish().is_err());
    assert_eq!(names(around.path()), ["dev"]);
    assert_eq!(names(&dir), ["theirs"]);

    fs::remove_file(dir.join("theirs")).unwrap();
    let prepared = prepare(&plan(&dir), &mut |_, _, _| {}).unwrap();
    fs::write(dir.join("policy.toml"), "theirs").unwrap();
    assert!(prepared.finish().is_err());
    assert_eq!(names(&dir), ["policy.toml"]);
    assert_eq!(fs::read_to_string(dir.join("policy.toml")).unwrap(), "theirs");
}

#[test]
fn a_client_certificate_has_exactly_one_uri_and_serves_clients_only() {
    let around = TempDir::new().unwrap();
    let plan = Plan { agents: 2, ..plan(&around.path().join("dev")) };
    let made = make(&plan, &mut |_, _, _| {}).unwrap();
    let ca = fs::read(made.layout.ca()).unwrap();
    let (_, ca) = parse_x509_pem(&ca).unwrap();
    let (_, ca) = X509Certificate::from_der(&ca.contents).unwrap();
    assert!(ca.is_ca());
    let years = ca.validity().not_after.timestamp() - ca.validity().not_before.timestamp();
    assert_eq!(years / 86_400, 3_653);

    let clients = [
        ("provider-01", "provider/provider-01"),
        ("provider-04", "provider/provider-04"),
        ("provider-01-agent-1", "provider/provider-01"),
        ("provider-04-agent-2", "provider/provider-04"),
        ("security-soc", "security/security-soc"),
        ("auditor-1", "auditor/auditor-1"),
        ("admin-1", "admin/admin-1"),
        ("admin-2", "admin/admin-2"),
        ("agency-1", "agency/agency-1"),
    ];
    for (name, path) in clients {
        let (certificate, key) = made.layout.client(name);
        assert!(read_secret(&key).unwrap().contains("PRIVATE KEY"));
        let pem = fs::read(certificate).unwrap();
        let (_, pem) = parse_x509_pem(&pem).unwrap();
        let (_, leaf) = X509Certificate::from_der(&pem.contents).unwrap();
        leaf.verify_signature(Some(ca.public_key())).unwrap();
        assert!(!leaf.is_ca());
        let sans = &leaf.subject_alternative_name().unwrap().unwrap().value.general_names;
        assert_eq!(sans, &[GeneralName::URI(&format!("spiffe://greffier.example/{path}"))]);
        let usage = leaf.extended_key_usage().unwrap().unwrap().value;
        assert!(usage.client_auth && !usage.server_auth);
        let validity = leaf.validity();
        assert!(validity.is_valid());
        let seconds = validity.not_after.timestamp() - validity.not_before.timestamp();
        assert_eq!(seconds, 397 * 86_400);
    }
}

#[test]
fn the_server_answers_to_this_machine_and_is_no_client() {
    let around = TempDir::new().unwrap();
    let made = made_in(&around.path().join("dev"));
    let pem = fs::read(made.layout.server_certificate()).unwrap();
    let (_, pem) = parse_x509_pem(&pem).unwrap();
    let (_, leaf) = X509Certificate::from_der(&pem.contents).unwrap();
    let sans = &leaf.subject_alternative_name().unwrap().unwrap().value.general_names;
    let mut v6 = [0; 16];
    v6[15] = 1;
    assert_eq!(
        sans,
        &[
            GeneralName::DNSName("localhost"),
            GeneralName::IPAddress(&[127, 0, 0, 1]),
            GeneralName::IPAddress(&v6),
        ]
    );
    let usage = leaf.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.server_auth && !usage.client_auth);
}

#[test]
fn keys_read_back_and_belong_together() {
    let around = TempDir::new().unwrap();
    let made = made_in(&around.path().join("dev"));
    let seed = read_key(&made.layout.signing_key()).unwrap();
    let signer = Signer::new(super::LEDGER_NAME, &seed).unwrap();
    let written = fs::read_to_string(made.layout.verifier_key()).unwrap();
    let written: VerifierKey = written.trim_end().parse().unwrap();
    assert_eq!(written, made.verifier);
    assert_eq!(&written, signer.key());
    assert_eq!(written.name(), "greffier.example/reads");
    let tag = read_key(&made.layout.tag_key()).unwrap();
    let handle = read_key(&made.layout.handle_key()).unwrap();
    assert!(tag != handle && tag != [0; 32]);
}

#[test]
fn every_address_and_number_is_reserved() {
    let around = TempDir::new().unwrap();
    let made = made_in(&around.path().join("dev"));
    let db = source(&made);
    let mut query = db.prepare("SELECT email, telephone, family_name FROM dossiers").unwrap();
    let row = |row: &rusqlite::Row<'_>| -> rusqlite::Result<(String, String, String)> {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    };
    let mut seen = 0;
    for person in query.query_map([], row).unwrap() {
        let (email, telephone, family_name) = person.unwrap();
        let (_, domain) = email.split_once('@').unwrap();
        assert!(MAIL_DOMAINS.contains(&domain), "{email}");
        assert!(TELEPHONES.contains(&&telephone[..8]), "{telephone}");
        let rest = telephone[8..].replace(' ', "");
        assert!(rest.len() == 4 && rest.bytes().all(|b| b.is_ascii_digit()), "{telephone}");
        assert!(family_name.starts_with("Synth-"), "{family_name}");
        seen += 1;
    }
    assert_eq!(seen, 5_003);
}

#[test]
fn a_roster_has_distinct_persons_of_the_stock() {
    let around = TempDir::new().unwrap();
    let made = made_in(&around.path().join("dev"));
    let said: u64 = made.rosters.iter().map(|(_, size)| size).sum();
    let count = |query| -> u64 {
        let count: i64 = source(&made).query_row(query, [], |row| row.get(0)).unwrap();
        count.cast_unsigned()
    };
    assert_eq!(count("SELECT count(*) FROM roster"), said);
    assert_eq!(count("SELECT count(DISTINCT id) FROM roster"), said, "rosters are disjoint");
    assert_eq!(count("SELECT count(*) FROM roster JOIN dossiers USING (id)"), said);
    assert_eq!(count("SELECT count(DISTINCT provider) FROM roster"), 4);
}

#[test]
fn a_small_stock_is_shared_and_no_roster_exceeds_it() {
    let around = TempDir::new().unwrap();
    let plan = Plan { persons: 10, providers: 5, ..plan(&around.path().join("dev")) };
    let made = make(&plan, &mut |_, _, _| {}).unwrap();
    assert!(made.rosters.iter().all(|&(_, size)| (1..=10).contains(&size)));
}

#[test]
fn each_person_has_the_key_of_its_names() {
    let around = TempDir::new().unwrap();
    let made = made_in(&around.path().join("dev"));
    for person in rows(&made, "SELECT family_name, given_name, name_key FROM dossiers") {
        let (written, key) = person.rsplit_once('|').unwrap();
        assert_eq!(crate::names::key(written).as_deref(), Some(key));
    }
}

#[test]
fn reads_and_searches_use_the_keys() {
    let around = TempDir::new().unwrap();
    let made = made_in(&around.path().join("dev"));
    let plan = |query: &str| rows(&made, &format!("EXPLAIN QUERY PLAN {query}")).join("\n");
    let search = plan("SELECT * FROM dossiers WHERE name_key = 'a b' AND birth_date = 'c'");
    assert!(search.contains("dossiers_by_name_and_birth_date"), "{search}");
    let page = plan("SELECT * FROM dossiers WHERE id > 'a' ORDER BY id LIMIT 10");
    assert!(page.contains("PRIMARY KEY") && !page.contains("TEMP B-TREE"), "{page}");
}

#[test]
fn progress_of_each_step_rises_to_its_end() {
    let around = TempDir::new().unwrap();
    let mut last = Vec::new();
    let mut note = |stage, done, total| match last.last_mut() {
        Some((s, d, t)) if *s == stage => {
            assert!(*d <= done && *t == total);
            *d = done;
        }
        _ => last.push((stage, done, total)),
    };
    make(&plan(&around.path().join("dev")), &mut note).unwrap();
    assert!(last.iter().all(|(_, done, total)| done == total));
    assert_eq!(
        last.iter().map(|l| l.0).collect::<Vec<_>>(),
        [Stage::Certificates, Stage::Persons, Stage::Index, Stage::Rosters]
    );
}

#[test]
fn both_files_of_configuration_are_toml_and_filled_in() {
    let around = TempDir::new().unwrap();
    let made = made_in(&around.path().join("dev"));
    let text = |path| fs::read_to_string(path).unwrap();
    let read = |path| -> toml_edit::DocumentMut { text(path).parse().unwrap() };
    for filled in [made.layout.config(), made.layout.readme()] {
        assert!(!text(filled.clone()).contains('@'), "{}", filled.display());
    }
    let policy = text(made.layout.policy());
    for of_the_example in ["agency-login", "langues-nord", "accueil-sud", "soc-1", "audit-1"] {
        assert!(!policy.contains(of_the_example), "{of_the_example}");
    }

    let config = read(made.layout.config());
    assert_eq!(config["listen"].as_str(), Some("127.0.0.1:8443"));
    let named = [
        config["policy"].as_str(),
        config["tls"]["certificate"].as_str(),
        config["tls"]["key"].as_str(),
        config["tls"]["client_ca"].as_str(),
        config["ledger"]["signing_key"].as_str(),
        config["ledger"]["tag_key"].as_str(),
        config["source"]["path"].as_str(),
        config["handles"]["key"].as_str(),
    ];
    for name in named {
        assert!(made.layout.root().join(name.unwrap()).is_file(), "{name:?}");
    }

    let policy = read(made.layout.policy());
    for (role, _) in pki::STAFF {
        let ids = policy["staff"][role].as_array().unwrap().iter();
        let made = pki::STAFF.into_iter().filter(|(of, _)| *of == role);
        let made: Vec<_> = made.map(|(_, id)| id).collect();
        assert_eq!(ids.map(|id| id.as_str().unwrap()).collect::<Vec<_>>(), made);
    }
    for (n, (provider, roster)) in made.rosters.iter().enumerate() {
        let section = &policy["provider"][provider.as_ref()];
        let scope = if n == 0 { "open" } else { "roster" };
        assert_eq!(section["dataset"]["cir"]["scope"].as_str(), Some(scope));
        let month = section["budgets"]["provider_30_days"].as_integer();
        assert_eq!(month, Some((roster * 3 / 2 + 88).cast_signed()));
    }
}

#[test]
fn the_policy_declares_the_columns_of_the_stock() {
    let policy = super::settings::example();
    let fields = policy["dataset"]["cir"]["fields"].as_table().unwrap();
    let fields: Vec<&str> = fields.iter().map(|(name, _)| name).collect();
    // The id leaves as a handle and the key of the name not at all; everything else is a field.
    let shown = person::COLUMNS.iter().filter(|column| !["id", "name_key"].contains(column));
    assert!(fields.iter().eq(shown), "{fields:?}");
}
