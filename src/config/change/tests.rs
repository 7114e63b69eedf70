use proptest::prelude::*;

use super::*;
use crate::admission::{CaseForm, FieldClass, Hours, SearchKey};
use crate::config::policy::parse;
use crate::config::policy::tests::{SHIPPED, changed};

fn shipped() -> Policy {
    parse(SHIPPED).unwrap()
}

/// The changes between the shipped policy and one with the first `from` written `to`.
fn by(from: &str, to: &str) -> Vec<Change> {
    assert!(SHIPPED.contains(from), "the shipped policy has no {from:?}");
    let new = parse(&SHIPPED.replacen(from, to, 1)).unwrap_or_else(|f| panic!("{to}: {f:#?}"));
    changes(&shipped(), &new)
}

/// That change alone, in one direction and back.
fn one(from: &str, to: &str, looser: bool, place: &str, what: &str) {
    let found = by(from, to);
    let [change] = &found[..] else { panic!("{to}: {found:#?}") };
    assert_eq!((change.looser, &*change.place), (looser, place), "{change}");
    assert!(change.what.contains(what), "{what}: {change}");
    let new = parse(&SHIPPED.replacen(from, to, 1)).unwrap();
    let back = changes(&new, &shipped());
    assert_eq!(back.len(), 1, "{back:#?}");
    // Back the other way nothing is hidden: what tightens one way loosens the other.
    assert!(back[0].looser || looser, "{} and back {}", change, back[0]);
}

#[test]
fn a_figure_that_rises_or_falls_is_told_with_both_values() {
    let (nord, detectors) = ("provider langues-nord", "detectors.roster");
    for (from, to, looser, what) in [
        ("requests_per_second = 20", "requests_per_second = 21", true, "second of all agents"),
        ("burst = 40", "burst = 39", false, "burst of all agents together 40 -> 39"),
        ("requests_per_second = 10", "requests_per_second = 9", false, "each agent 10 -> 9"),
        ("burst = 20", "burst = 21", true, "burst of each agent 20 -> 21"),
        ("agent_minute = 30", "agent_minute = 31", true, "budget agent_minute 30 -> 31"),
        ("agent_hour = 60", "agent_hour = 59", false, "budget agent_hour 60 -> 59"),
        ("agent_day = 120", "agent_day = 0", false, "budget agent_day 120 -> 0"),
        (
            "entries_per_day = 50000",
            "entries_per_day = 50001",
            true,
            "entries_per_day 50000 -> 50001",
        ),
        (
            "entries_per_day = 50000",
            "entries_per_day = 49999",
            false,
            "entries_per_day 50000 -> 49999",
        ),
        ("provider_day = 400", "provider_day = 401", true, "provider_day 400 -> 401"),
        ("provider_30_days = 1500", "provider_30_days = 1", false, "1500 -> 1"),
        ("off_roster_day = 0", "off_roster_day = 1", true, "off_roster_day 0 -> 1"),
        ("off_roster_30_days = 0", "off_roster_30_days = 9", true, "0 -> 9"),
    ] {
        one(from, to, looser, nord, what);
    }
    let staff = "staff_entries_per_day = 10000";
    one(staff, "staff_entries_per_day = 10001", true, "policy", "10000 -> 10001");
    one(staff, "staff_entries_per_day = 1", false, "policy", "staff_entries_per_day 10000 -> 1");
    let written = crate::config::detectors::tests::shown();
    let rule = |from: &str, to: &str| {
        assert!(written.contains(from));
        parse(&format!("{SHIPPED}\n{}", written.replacen(from, to, 1))).unwrap()
    };
    let same = rule("off", "off");
    assert_eq!(changes(&shipped(), &same), []);
    for (from, to, looser) in [
        ("off = 3219", "off = 3218", true),
        ("off = 3219", "off = 3220", false),
        ("on = 673", "on = 674", true),
        ("on = 673", "on = 672", false),
        ("withheld = 673", "withheld = 1", true),
        ("withheld = 673", "withheld = 700", false),
        ("medium = 40000", "medium = 40001", true),
        ("medium = 40000", "medium = 39999", false),
        ("high = 45000", "high = 45001", true),
        ("high = 45000", "high = 44999", false),
    ] {
        let found = changes(&same, &rule(from, to));
        assert_eq!(found.len(), 1, "{found:#?}");
        assert_eq!((found[0].looser, &*found[0].place), (looser, detectors), "{}", found[0]);
    }
}

#[test]
fn whoever_and_whatever_is_added_loosens_and_what_is_taken_away_tightens() {
    let (cir, nord) = ("dataset cir", "provider langues-nord");
    for (from, to, looser, place, what) in [
        (
            "admin = [\"admin-1\", ",
            "admin = [\"admin-1\", \"admin-3\", ",
            true,
            "policy",
            "admin-3 added",
        ),
        ("admin = [\"admin-1\", ", "admin = [", true, "policy", "admin admin-1 removed"),
        ("\"walk_in\", ", "\"walk_in\", \"other\", ", true, cir, "off-roster reason other added"),
        ("\"walk_in\", ", "", false, cir, "off-roster reason walk_in removed"),
        (
            "telephone = \"contact\"",
            "telephone = \"sensitive\"",
            true,
            "dataset cir, field telephone",
            "class contact -> sensitive",
        ),
        (
            "telephone = \"contact\"",
            "telephone = \"identity\"",
            true,
            "dataset cir, field telephone",
            "contact -> identity",
        ),
        (
            "nationality = \"sensitive\"",
            "nationality = \"status\"",
            true,
            "dataset cir, field nationality",
            "sensitive -> status",
        ),
        (
            "hours_attended = \"status\"",
            "hours_attended = { column = \"x\", class = \"status\" }",
            true,
            "dataset cir, field hours_attended",
            "column hours_attended -> x",
        ),
        (
            "hours_attended = \"status\"",
            "hours_attended = \"status\"\nextra = \"status\"",
            true,
            cir,
            "field extra added",
        ),
        (
            "BASIC = [\n  \"family_name\", ",
            "BASIC = [\n  ",
            false,
            "dataset cir, view BASIC",
            "field family_name removed",
        ),
        (
            "BASIC = [\n  \"family_name\", ",
            "BASIC = [\n  \"family_name\", \"email\", ",
            true,
            "dataset cir, view BASIC",
            "field email added",
        ),
        ("case_number = [\"id\"]", "", false, cir, "search case_number removed"),
        (
            "case_number = [\"id\"]",
            "case_number = [\"id\"]\nname = [\"family_name\"]",
            true,
            cir,
            "search name added",
        ),
        (
            "dates = [\"birth_date\"]\n",
            "",
            true,
            "dataset cir, search name_and_birth_date",
            "by the name in family_name and given_name",
        ),
        (
            "case_number = [\"id\"]",
            "case_number = [\"id\", \"birth_date\"]",
            true,
            "dataset cir, search case_number",
            "by id -> by id, birth_date",
        ),
        (
            "attendance_report = [\"BASIC\"]",
            "attendance_report = [\"BASIC\", \"FULL\"]",
            true,
            "dataset cir, purpose attendance_report",
            "view FULL added",
        ),
        (
            "attendance_report = [\"BASIC\"]",
            "attendance_report = { views = [\"BASIC\"], case_reference = \"A*\" }",
            false,
            "dataset cir, purpose attendance_report",
            "of the form A* only",
        ),
        (
            "\"CIR/####-*\"",
            "\"CIR/*\"",
            true,
            "dataset cir, purpose exam_registration",
            "CIR/####-* -> CIR/*",
        ),
        ("table = \"dossiers\"", "table = \"others\"", true, cir, "table dossiers -> others"),
        (
            "roster_table = \"roster\"",
            "roster_table = \"others\"",
            true,
            cir,
            "roster_table roster -> others",
        ),
        (
            "scope = \"roster\"",
            "scope = \"open\"",
            true,
            "provider langues-nord, dataset cir",
            "scope roster -> open",
        ),
        (
            "scope = \"open\"\n",
            "scope = \"roster\"\n",
            false,
            "provider accueil-sud, dataset cir",
            "scope open -> roster",
        ),
        (
            "purposes = [\"course_delivery\", ",
            "purposes = [",
            false,
            "provider langues-nord, dataset cir",
            "purpose course_delivery removed",
        ),
        (
            "purposes = [\"course_delivery\", ",
            "purposes = [\"course_delivery\", \"placement_test\", ",
            true,
            "provider langues-nord, dataset cir",
            "purpose placement_test added",
        ),
        ("requests_per_second = 10\nburst = 20\n", "", true, nord, "the whole rate"),
        (
            "\"saturday\"]",
            "\"saturday\", \"sunday\"]",
            true,
            "provider accueil-sud",
            "usual day sunday added",
        ),
        (
            "\"08:00-20:00\"",
            "\"09:00-20:00\"",
            false,
            "provider accueil-sud",
            "08:00-20:00 -> 09:00-20:00",
        ),
        ("\"08:00-20:00\"", "\"09:00-20:01\"", true, "provider accueil-sud", "usual hours"),
        (
            "\"Europe/Paris\"",
            "\"Asia/Tokyo\"",
            true,
            "provider accueil-sud",
            "Europe/Paris -> Asia/Tokyo",
        ),
        ("soc@agency.example", "thief@elsewhere.example", true, "policy", "contact"),
        (
            "contact = \"duty manager",
            "contact = \"another manager",
            true,
            "provider accueil-sud",
            "contact",
        ),
    ] {
        one(from, to, looser, place, what);
    }
}

#[test]
fn a_certificate_that_is_revoked_no_more_loosens() {
    let print = "ab".repeat(32);
    let revoked = parse(&SHIPPED.replacen("revoked = []", &format!("revoked = [\"{print}\"]"), 1));
    let revoked = revoked.unwrap();
    let tighter = changes(&shipped(), &revoked);
    assert_eq!(tighter[0].to_string(), format!("tighter: policy: certificate {print} revoked"));
    let looser = changes(&revoked, &shipped());
    assert_eq!((looser.len(), looser[0].looser), (1, true));
    assert!(looser[0].what.ends_with("revoked no more"));
}

#[test]
fn one_who_watches_or_decides_less_loosens() {
    let found = by("security = [\"soc-1\"]", "security = []");
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].to_string(), "looser: policy: security soc-1 removed");
    let found = by("agency = [\"agency-1\"]", "agency = []");
    assert_eq!(found[0].to_string(), "tighter: policy: agency agency-1 removed");
}

#[test]
fn a_provider_or_a_dataset_is_one_change() {
    let mut without = shipped();
    without.providers.remove("accueil-sud");
    without.rules.retain(|rules| &*rules.provider != "accueil-sud");
    let gone = changes(&shipped(), &without);
    assert_eq!(gone[0].to_string(), "tighter: policy: provider accueil-sud removed");
    let come = changes(&without, &shipped());
    assert_eq!(come[0].to_string(), "looser: policy: provider accueil-sud added");
    assert_eq!((gone.len(), come.len()), (1, 1));
    let mut more = shipped();
    let cir = more.datasets["cir"].clone();
    more.datasets.insert("visa".into(), cir);
    let found = changes(&shipped(), &more);
    assert_eq!(found[0].to_string(), "looser: policy: dataset visa added");
}

#[test]
fn comments_and_the_order_of_lists_change_nothing() {
    let turned = SHIPPED.replace("\"walk_in\", \"transfer\"", "\"transfer\", \"walk_in\"");
    let turned = turned.replace("[\"BASIC\", \"CONTACT\"]", "[\"CONTACT\", \"BASIC\"] # both");
    let turned = parse(&turned).unwrap();
    assert_ne!(turned.digest, shipped().digest);
    assert_eq!(changes(&shipped(), &turned), []);
}

/// One edit of a policy: which, and with what figure.
fn edit(policy: &mut Policy, which: u8, n: u8) {
    let small = u64::from(n % 3);
    let words: [Word; 3] = ["email".into(), "telephone".into(), "course".into()];
    let one = &words[usize::from(n % 3)];
    let flip = |list: &mut Vec<Word>, word: &Word| match list.iter().position(|w| w == word) {
        Some(at) => drop(list.remove(at)),
        None => list.push(word.clone()),
    };
    let id: Word = if n.is_multiple_of(2) { "langues-nord" } else { "accueil-sud" }.into();
    let views: [Word; 3] = ["BASIC".into(), "CONTACT".into(), "FULL".into()];
    let view = &views[usize::from(n % 3)];
    let cir = policy.datasets.get_mut("cir").unwrap();
    let rules = policy.rules.iter_mut().find(|rules| rules.provider == id);
    let provider = policy.providers.get_mut(&id);
    match (which % 18, rules, provider) {
        (0, Some(rules), _) => rules.budgets.agent_minute = small,
        (1, Some(rules), _) => rules.budgets.off_roster_30_days = small,
        (2, _, Some(provider)) => provider.rate.burst = 1 + u32::from(n % 3),
        (3, _, Some(provider)) => {
            let rate = Rate { requests_per_second: 1 + u32::from(n % 2), burst: 1 };
            provider.agent_rate = (!n.is_multiple_of(3)).then_some(rate);
        }
        (4, _, Some(provider)) => {
            let days = [n & 1 == 0, n & 2 == 0, true, true, true, n & 4 == 0, false];
            let hours = Hours { from: 60 * u16::from(n % 5), to: 600 + 60 * u16::from(n % 7) };
            let zone = jiff::tz::TimeZone::UTC;
            provider.habits = (!n.is_multiple_of(3)).then_some(Habits { days, hours, zone });
        }
        (5, _, Some(provider)) => {
            let grant = provider.datasets.get_mut("cir").unwrap();
            grant.scope = if n & 1 == 0 { Scope::Open } else { Scope::Roster };
        }
        (6, _, Some(provider)) => {
            let grant = provider.datasets.get_mut("cir").unwrap();
            flip(&mut grant.purposes, &"placement_test".into());
        }
        (7, ..) => flip(cir.views.get_mut(view).unwrap(), one),
        (8, ..) => {
            let class = [
                FieldClass::Identity,
                FieldClass::Contact,
                FieldClass::Status,
                FieldClass::Sensitive,
            ];
            cir.fields[usize::from(n % 5)].class = class[usize::from(n % 4)];
        }
        (9, ..) => flip(&mut cir.off_roster_reasons, one),
        (10, ..) => {
            let keys = &mut cir.searches[0].keys;
            let key = SearchKey::Exact(one.clone());
            match keys.iter().position(|known| *known == key) {
                Some(at) => drop(keys.remove(at)),
                None => keys.push(key),
            }
        }
        (11, ..) => {
            let purpose = cir.purposes.get_mut("course_delivery").unwrap();
            flip(&mut purpose.views, view);
        }
        (12, ..) => {
            let form: Option<CaseForm> = ["*", "A*", "B*"][usize::from(n % 3)].parse().ok();
            let purpose = cir.purposes.get_mut("course_delivery").unwrap();
            purpose.case_reference = form.filter(|_| n & 4 == 0);
        }
        (13, ..) => {
            let print = [n % 3; 32];
            let was_good = policy.revoked.insert(print);
            policy.revoked.retain(|one| was_good || *one != print);
        }
        (14, ..) => {
            let role = Role::ALL[1 + usize::from(n % 4)];
            let ids = policy.staff.entry(role).or_default();
            if !ids.remove(one) {
                ids.insert(one.clone());
            }
        }
        (15, ..) => policy.detectors.roster.off = 1 + small,
        (16, ..) => policy.detectors.roster.high = 40_000 + small,
        (17, Some(_), Some(_)) => {
            policy.providers.remove(&id);
            policy.rules.retain(|rules| rules.provider != id);
        }
        _ => {}
    }
}

fn edited(edits: &[(u8, u8)]) -> Policy {
    let mut policy = shipped();
    edits.iter().for_each(|(which, n)| edit(&mut policy, *which, *n));
    policy
}

proptest! {
    #[test]
    fn a_policy_changes_nothing_of_itself(edits in any::<Vec<(u8, u8)>>()) {
        prop_assert_eq!(changes(&edited(&edits), &edited(&edits)), []);
    }

    /// Nobody loosens a policy by changes that all seem to tighten it, there and back.
    #[test]
    fn what_only_tightens_one_way_loosens_the_other(
        one in prop::collection::vec(any::<(u8, u8)>(), 0..6),
        other in prop::collection::vec(any::<(u8, u8)>(), 0..6),
    ) {
        let (a, b) = (edited(&one), edited(&[one, other].concat()));
        let (there, back) = (changes(&a, &b), changes(&b, &a));
        prop_assert_eq!(there.is_empty(), back.is_empty());
        if !there.is_empty() {
            let loosens = |changes: &[Change]| changes.iter().any(|change| change.looser);
            prop_assert!(loosens(&there) || loosens(&back), "{:#?}", there);
        }
    }

    /// A smaller budget is never called looser, nor a larger one tighter.
    #[test]
    fn a_change_of_one_figure_goes_one_way(old in 0_u64..9, new in 0_u64..9) {
        let with = |persons| {
            let mut policy = shipped();
            policy.rules[0].budgets.provider_day = persons;
            policy
        };
        let found = changes(&with(old), &with(new));
        prop_assert_eq!(found.len(), usize::from(old != new));
        prop_assert!(found.iter().all(|change| change.looser == (new > old)));
    }
}

#[test]
fn a_contract_that_ends_later_has_more_persons_or_is_gone_is_looser() {
    let header = "[provider.langues-nord.budgets]";
    let table = "[provider.langues-nord.contract]\nbegins = \"2026-01-05\"\nends = \"2026-06-30\"\n\
                 persons = 400\noff_persons = 20\n\n";
    let with = |table: &str| parse(&changed(header, &format!("{table}{header}"))).unwrap();
    let told = |old: &Policy, new: &Policy| {
        let all = changes(old, new);
        assert_eq!(all.len(), 1, "{all:?}");
        (all[0].looser, all[0].what.clone())
    };
    let (none, some) = (parse(SHIPPED).unwrap(), with(table));
    assert_eq!(told(&none, &some), (false, "contract added".to_owned()));
    assert_eq!(told(&some, &none), (true, "contract removed".to_owned()));
    for (from, to, looser) in [
        ("2026-06-30", "2026-07-01", true),
        ("2026-06-30", "2026-06-29", false),
        ("2026-01-05", "2026-01-04", true),
        ("2026-01-05", "2026-01-06", false),
        ("persons = 400", "persons = 401", true),
        ("off_persons = 20", "off_persons = 19", false),
    ] {
        let other = with(&table.replacen(from, to, 1));
        assert_eq!(told(&some, &other).0, looser, "{from} -> {to}");
        let loosens = |old: &Policy, new: &Policy| {
            new.rules.iter().zip(&old.rules).any(|(new, old)| new.loosens(old))
        };
        assert_eq!(loosens(&some, &other), looser, "{from} -> {to}");
    }
}

#[test]
fn a_contract_whose_days_no_clock_can_name_is_a_fault_and_not_none() {
    let header = "[provider.langues-nord.budgets]";
    for (begins, ends) in
        [("2026-01-05", "9999-12-31"), ("2026-01-05", "9999-12-30"), ("9999-12-31", "9999-12-31")]
    {
        let table = format!(
            "[provider.langues-nord.contract]\nbegins = \"{begins}\"\nends = \"{ends}\"\n\
             persons = 400\noff_persons = 20\n\n{header}"
        );
        assert!(parse(&changed(header, &table)).is_err(), "{begins} to {ends}");
    }
    let table = format!(
        "[provider.langues-nord.contract]\nbegins = \"1970-01-02\"\nends = \"9998-12-31\"\n\
         persons = 400\noff_persons = 20\n\n{header}"
    );
    let policy = parse(&changed(header, &table)).unwrap();
    assert!(policy.rules.iter().any(|rules| rules.contract.is_some()));
}
