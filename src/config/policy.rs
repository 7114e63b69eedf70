//! `policy.toml`: what is allowed and what is judged. Read in one go, and every fault is told at
//! once with its line.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml_edit::Document;

use super::faults::Faults;
use super::table::{CONTACT, Table};
use super::{datasets, detectors, issuers, providers, weights};
use crate::admission::{Dataset, Handles, Issuer, Keyring, Provider, Role, Terms, Weights, Word};
use crate::files;
use crate::format::entry::{Detectors, Hash, ProviderRules, StaffRules, sha256};
use crate::registrar::rules::Rules;

pub use super::faults::FileFault;

/// Largest size of a policy file, in bytes.
pub const POLICY_MAX: usize = 1 << 20;

/// A policy that was read and has no fault.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The text of the file, as it was read.
    pub text: Arc<str>,
    /// Of the file: where the key files lie that it names, unless it says where.
    pub folder: PathBuf,
    /// SHA-256 of the file, as it was read.
    pub digest: Hash,
    /// The thresholds that the detectors go by.
    pub detectors: Detectors,
    /// What the judge decides by for each provider, in the order of their ids.
    pub rules: Vec<ProviderRules>,
    /// The agency's security team: whom a caller who is contained may call.
    pub contact: Option<Word>,
    /// Fingerprints of certificates that are good no more.
    pub revoked: HashSet<[u8; 32]>,
    /// The datasets that can be read, by name.
    pub datasets: BTreeMap<Word, Dataset>,
    /// What the fields of a read weigh.
    pub weights: Weights,
    /// The issuers that vouch for agents, by name.
    pub issuers: BTreeMap<Word, Issuer>,
    /// The providers that can read, by id.
    pub providers: BTreeMap<Word, Provider>,
    /// Ids known in each of the other roles.
    pub staff: BTreeMap<Role, BTreeSet<Word>>,
    /// What holds for each of them.
    pub staff_rules: StaffRules,
}

impl Policy {
    /// The policy as the judge uses it.
    pub fn rules(&self) -> Rules {
        let (detectors, digest) = (self.detectors, self.digest);
        let staff = Some(self.staff_rules);
        Rules { detectors, staff, providers: self.rules.clone(), digest, loosens_not: None }
    }

    /// The policy as the door uses it: recorded in the ledger at `head`, with the handle keys that
    /// come of the master key and the keys of its issuers.
    pub fn terms(
        &self,
        head: u64,
        trust_domain: &str,
        master: &[u8; 32],
        keyring: Keyring,
    ) -> Terms {
        Terms {
            keyring,
            head,
            trust_domain: trust_domain.into(),
            contact: self.contact.clone(),
            revoked: self.revoked.clone(),
            datasets: self.datasets.clone(),
            weights: self.weights,
            handles: Handles::derive(master, self.providers.keys()),
            providers: self.providers.clone(),
            staff: self.staff.clone(),
        }
    }
}

/// Why there is no policy to go by.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The policy file cannot be read at all.
    #[error("cannot read the policy {}: {reason}; check `policy` in config.toml", .path.display())]
    File {
        /// Path of the policy file.
        path: PathBuf,
        /// The error that the system gives.
        reason: io::Error,
    },
    /// It can be read, and has faults.
    #[error("{}", listed(.path, .faults))]
    Faults {
        /// Path of the policy file.
        path: PathBuf,
        /// Its faults, from top to bottom.
        faults: Vec<FileFault>,
    },
}

fn listed(path: &Path, faults: &[FileFault]) -> String {
    let lines: Vec<_> = faults.iter().map(|f| format!("{}:{f}", path.display())).collect();
    lines.join("\n")
}

/// Reads a policy file.
///
/// # Errors
/// [`PolicyError`], with all faults of the file.
pub fn load(path: &Path) -> Result<Policy, PolicyError> {
    parse_file(path, files::read(path, POLICY_MAX as u64))
}

/// What came of reading the policy file at `path`.
///
/// # Errors
/// As [`load`].
pub fn parse_file(path: &Path, read: io::Result<Vec<u8>>) -> Result<Policy, PolicyError> {
    let parsed = match read {
        Err(reason) if reason.kind() == ErrorKind::FileTooLarge => Err(vec![too_large()]),
        Err(reason) => return Err(PolicyError::File { path: path.into(), reason }),
        Ok(bytes) => parse_bytes(&bytes),
    };
    let policy = parsed.map_err(|faults| PolicyError::Faults { path: path.into(), faults })?;
    Ok(Policy { folder: path.parent().map(Path::to_owned).unwrap_or_default(), ..policy })
}

fn parse_bytes(bytes: &[u8]) -> Result<Policy, Vec<FileFault>> {
    let wrong = match std::str::from_utf8(bytes) {
        Ok(text) => return parse(text),
        Err(wrong) => wrong,
    };
    let good = std::str::from_utf8(&bytes[..wrong.valid_up_to()]).unwrap_or_default();
    let faults = Faults::new(good);
    faults.add(good.len(), "this is not UTF-8: save the file in that encoding");
    Err(faults.sorted())
}

/// Reads the text of a policy.
///
/// # Errors
/// Every fault, from top to bottom. A fault of TOML itself stands alone, as what lies behind it
/// cannot be read.
pub fn parse(text: &str) -> Result<Policy, Vec<FileFault>> {
    if text.len() > POLICY_MAX {
        return Err(vec![too_large()]);
    }
    let faults = Faults::new(text);
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(wrong) => {
            let at = wrong.span().map_or(0, |span| span.start);
            let what = wrong.message().replace('\n', ", ");
            faults.add(
                at,
                format!("this is not TOML: {what}. Correct it; what is below may have faults too"),
            );
            return Err(faults.sorted());
        }
    };
    let mut root = Table::root(document.as_table(), &faults);
    let contact = root.optional_text("contact", CONTACT);
    let revoked = providers::revoked(&mut root);
    let staff = providers::staff(&mut root);
    let staff_rules = providers::staff_rules(&mut root);
    let datasets = datasets::read(&mut root);
    let issuers = issuers::read(&mut root);
    let found = providers::read(&mut root, &datasets, &issuers);
    let weights = weights::read(&mut root);
    let detectors = detectors::read(&mut root);
    root.close();
    let faults = faults.sorted();
    if !faults.is_empty() {
        return Err(faults);
    }
    let digest = sha256(&[text.as_bytes()]);
    let providers::Providers { terms: providers, rules } = found;
    Ok(Policy {
        text: text.into(),
        folder: PathBuf::new(),
        digest,
        detectors,
        rules,
        contact,
        revoked,
        datasets,
        weights,
        issuers,
        providers,
        staff,
        staff_rules,
    })
}

fn too_large() -> FileFault {
    let what = format!("the policy is larger than {POLICY_MAX} bytes: shorten it");
    FileFault { line: 1, column: 1, what }
}

#[cfg(test)]
pub(super) mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;
    use crate::admission::{FieldClass, Scope};

    pub(in crate::config) const SHIPPED: &str = include_str!("../../config/policy.toml");

    /// The policies of all three situations.
    const ALL: [&str; 3] = [
        SHIPPED,
        include_str!("../../config/policy-missions-locales.toml"),
        include_str!("../../config/policy-visa.toml"),
    ];

    pub(in crate::config) fn faults(text: &str) -> Vec<FileFault> {
        parse(text).err().unwrap_or_default()
    }

    /// The shipped policy with the first `from` written `to`.
    pub(in crate::config) fn changed(from: &str, to: &str) -> String {
        assert!(SHIPPED.contains(from), "the shipped policy has no {from:?}");
        SHIPPED.replacen(from, to, 1)
    }

    /// The policy has one fault, on the line that holds `place`, and its text has each of `says`.
    pub(in crate::config) fn one_fault(text: &str, place: &str, says: &[&str]) {
        let found = faults(text);
        let [fault] = &found[..] else { panic!("{found:#?}") };
        let before = text.find(place).map(|at| &text[..at]).expect(place);
        let line = before.matches('\n').count() + 1;
        assert_eq!(fault.line, line, "{fault}");
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        assert_eq!(fault.column, column, "{fault}");
        for part in says {
            assert!(fault.what.contains(part), "{part:?} is not in {fault}");
        }
    }

    #[test]
    fn the_shipped_policy_has_no_fault() {
        let policy = parse(SHIPPED).unwrap_or_else(|faults| panic!("{faults:#?}"));
        assert_eq!(policy.digest, sha256(&[SHIPPED.as_bytes()]));
        let cir = &policy.datasets["cir"];
        assert_eq!(
            (&*cir.table, &*cir.id_column, &*cir.roster_table),
            ("dossiers", "id", "roster")
        );
        assert_eq!(cir.fields.len(), 12);
        assert_eq!(cir.fields[0].class, FieldClass::Identity);
        assert_eq!(cir.column("birth_date").map(|c| &**c), Some("birth_date"));
        assert_eq!(cir.column("id").map(|c| &**c), Some("id"));
        assert_eq!(cir.column("rowid"), None);
        assert_eq!(cir.search("case_number").map(|s| &**s.keys[0].name()), Some("id"));
        assert_eq!(cir.purposes.len(), 5);
        assert_eq!(policy.providers["langues-nord"].datasets["cir"].scope, Scope::Roster);
        assert_eq!(policy.providers["accueil-sud"].datasets["cir"].scope, Scope::Open);
        assert!(policy.staff[&Role::Admin].contains("admin-2"));
        let rules: Vec<_> = policy.rules.iter().map(|r| &*r.provider).collect();
        assert_eq!(rules, ["accueil-sud", "langues-nord"]);
        assert_eq!(policy.rules[0].budgets.off_roster_30_days, 160);
        let terms = policy.terms(9, "cir.example", &[1; 32], Keyring::default());
        assert_eq!(
            (terms.head, &*terms.trust_domain, terms.providers.len()),
            (9, "cir.example", 2)
        );
    }

    #[test]
    fn a_fault_of_toml_has_its_line() {
        one_fault(&changed("burst = 40", "burst = = 40"), "= 40", &["not TOML"]);
        one_fault(&changed("burst = 40", "burst = 40\nburst = 41"), "burst = 41", &["duplicate"]);
    }

    #[test]
    fn a_missing_table_is_a_fault() {
        let found = faults("");
        let expected = ["`staff`", "`dataset`", "`provider`"];
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for part in expected {
            assert!(found.iter().any(|f| f.what.contains(part) && f.line == 1), "{part}");
        }
        for table in ["fields", "views", "searches", "purposes"] {
            let found = faults("[staff]\n[provider]\n[dataset.cir]\ntable = \"t\"");
            let says = format!("`{table}` is missing in [dataset.cir]");
            assert!(found.iter().any(|f| f.line == 3 && f.what.contains(&says)), "{found:#?}");
        }
        let found = faults("[staff]\n[dataset]\n[provider]\n");
        assert!(found[0].what.contains("no dataset") && found[0].line == 2, "{found:#?}");
        assert!(found[1].what.contains("no provider") && found[1].line == 3, "{found:#?}");
    }

    #[test]
    fn every_fault_is_reported_at_once_from_top_to_bottom() {
        let text = SHIPPED
            .replace("revoked = []", "revoked = [\"xyz\"]")
            .replace("auditor = ", "auditors = ")
            .replace("table = \"dossiers\"", "table = \"dossiers; drop\"")
            .replace("telephone = \"contact\"", "telephone = \"secret\"")
            .replace("case_number = [\"id\"]", "case_number = [\"number\"]")
            .replace("burst = 40", "burst = 0")
            .replace("agent_hour = 60\n", "")
            .replace("scope = \"open\"\n", "scope = \"wide\"\n");
        let found = faults(&text);
        for says in [
            "`xyz` in `revoked`",
            "`auditors` is no key in [staff]",
            "`table` has another form",
            "`telephone` has no known class",
            "`number` is not a field",
            "`burst` is out of range",
            "`agent_hour` is missing in [provider.langues-nord.budgets]",
            "`agent_hour` is missing in [provider.accueil-sud.budgets]",
            "`scope` has another form",
        ] {
            assert!(found.iter().any(|f| f.what.contains(says)), "{says}: {found:#?}");
        }
        assert!(found.is_sorted());
    }

    #[test]
    fn the_policy_of_each_situation_has_no_fault_and_says_whom_to_call() {
        for text in ALL {
            let policy = parse(text).unwrap_or_else(|faults| panic!("{faults:#?}"));
            assert!(policy.contact.is_some());
            assert!(policy.providers.len() >= 2);
        }
    }

    #[test]
    fn a_file_is_bounded_and_its_faults_name_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.toml");
        let refusal = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            load(&path).unwrap_err().to_string()
        };
        assert!(refusal(&vec![b'#'; POLICY_MAX + 1]).contains("larger than 1048576 bytes"));
        assert!(refusal(b"a = 1\n\xff").contains("policy.toml:2:1: this is not UTF-8"));
        assert_eq!(refusal(b"[provider]\n[staff]\n[dataset]\n").lines().count(), 2);
        let padded = format!("{SHIPPED}{}", "#".repeat(POLICY_MAX - SHIPPED.len()));
        fs::write(&path, padded).unwrap();
        assert!(load(&path).is_ok());
        fs::remove_file(&path).unwrap();
        let missing = load(&path).unwrap_err();
        assert!(matches!(missing, PolicyError::File { .. }));
        assert!(missing.to_string().contains("config.toml"));
    }

    const HEADER: &str = r"\[?\[(staff|dataset|provider)(\.[a-z]{1,3}){0,3}\]\]?";
    const PAIR: &str = r#"[a-zé]{1,5}(\.[a-z])? = (1|"x"|\[1, "é"\]|\{ a = 1 \}|\[\[\]\])"#;

    /// Every fault points into the text.
    fn check_places(text: &str) -> Result<(), TestCaseError> {
        for fault in faults(text) {
            let line = text.split('\n').nth(fault.line - 1);
            prop_assert!(line.is_some_and(|l| fault.column <= l.chars().count() + 1), "{}", fault);
            prop_assert!(!fault.what.is_empty() && !fault.what.contains('\n'));
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>()) {
            check_places(&text)?;
        }

        #[test]
        fn no_toml_makes_the_parser_panic(
            lines in prop::collection::vec(prop_oneof![HEADER, PAIR], 0..12),
        ) {
            check_places(&lines.join("\n"))?;
        }

        #[test]
        fn no_change_of_a_good_policy_makes_the_parser_panic(
            which in 0_usize..3,
            at in any::<prop::sample::Index>(), cut in 0_usize..12, put in "[\\PC\n]{0,6}",
        ) {
            let mut text = ALL[which].to_owned();
            let start = at.index(text.len());
            let end = (start + cut).min(text.len());
            prop_assume!(text.is_char_boundary(start) && text.is_char_boundary(end));
            text.replace_range(start..end, &put);
            check_places(&text)?;
        }

        #[test]
        fn no_exchange_of_two_lines_makes_the_parser_panic(
            one in any::<prop::sample::Index>(), other in any::<prop::sample::Index>(),
        ) {
            let mut lines: Vec<_> = SHIPPED.lines().collect();
            let (one, other) = (one.index(lines.len()), other.index(lines.len()));
            lines.swap(one, other);
            check_places(&lines.join("\n"))?;
        }
    }
}
