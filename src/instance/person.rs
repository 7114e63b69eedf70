//! Synthetic persons. Nothing about them is taken from anybody: names are made of invented
//! syllables and say `Synth-`, mail domains and telephone numbers are reserved, nationalities are
//! codes that stand for no country.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use crate::names;

/// Columns of a dossier, in the order of [`Person`].
pub(super) const COLUMNS: [&str; 14] = [
    "id",
    "family_name",
    "given_name",
    "name_key",
    "birth_date",
    "nationality",
    "entry_date",
    "stay_reason",
    "email",
    "telephone",
    "course",
    "course_site",
    "course_level",
    "hours_attended",
];

/// Invented, and not the syllables of common names.
const SYLLABLES: [&str; 24] = [
    "bru", "cro", "dra", "dwi", "fex", "fli", "gol", "jor", "kex", "lum", "mox", "nur", "pla",
    "qua", "riz", "sko", "tev", "ulf", "vor", "wex", "xal", "yun", "zib", "zwo",
];
/// ISO 3166 leaves these to its users: they are nobody's country.
const NATIONALITIES: [&str; 12] =
    ["XAA", "XAB", "XAC", "XAD", "XAE", "XAF", "XAG", "XAH", "XAI", "XAJ", "XAK", "XAL"];
/// RFC 2606 and RFC 6761 reserve these: no mail to them arrives anywhere.
pub(super) const MAIL_DOMAINS: [&str; 5] =
    ["example.org", "example.com", "example.net", "mail.example", "courriel.example"];
/// ARCEP keeps these for fiction: no number that begins so is anybody's.
pub(super) const TELEPHONES: [&str; 6] =
    ["01 99 00", "02 61 91", "03 53 01", "04 65 71", "05 36 49", "06 39 98"];
const STAY_REASONS: [&str; 5] = ["family", "work", "study", "protection", "other"];
/// Courses with their length in hours.
const COURSES: [(&str, u32); 5] = [
    ("french_100h", 100),
    ("french_200h", 200),
    ("french_400h", 400),
    ("french_600h", 600),
    ("civic_training", 28),
];
const LEVELS: [&str; 4] = ["A1", "A2", "B1", "B2"];
const SITES: u32 = 240;

/// One record of the stock, a synthetic person's dossier.
pub(super) struct Person {
    pub(super) id: String,
    pub(super) family_name: String,
    pub(super) given_name: String,
    /// The key of both names, by which searches find the person.
    pub(super) name_key: String,
    pub(super) birth_date: String,
    pub(super) nationality: &'static str,
    pub(super) entry_date: String,
    pub(super) stay_reason: &'static str,
    pub(super) email: String,
    pub(super) telephone: String,
    pub(super) course: &'static str,
    pub(super) course_site: String,
    pub(super) course_level: &'static str,
    pub(super) hours_attended: u32,
}

/// The record id of person `n`, counted from 0.
pub(super) fn id(n: u64) -> String {
    format!("CIR-{:07}", n + 1)
}

impl Person {
    /// Person `n`, counted from 0, out of the next numbers of `rng`.
    pub(super) fn draw(n: u64, rng: &mut ChaCha8Rng) -> Person {
        let given = [one_of(&SYLLABLES, rng), one_of(&SYLLABLES, rng)].concat();
        let family =
            [one_of(&SYLLABLES, rng), one_of(&SYLLABLES, rng), one_of(&SYLLABLES, rng)].concat();
        let (course, hours) = one_of(&COURSES, rng);
        let name_key = names::key(&format!("Synth-{family} {given}"));
        Person {
            id: id(n),
            // The number makes the address one person's alone.
            email: format!("{given}.{family}.{}@{}", n + 1, one_of(&MAIL_DOMAINS, rng)),
            family_name: format!("Synth-{}", capital(family)),
            given_name: capital(given),
            name_key: name_key.expect("syllables are letters"),
            birth_date: date(1950, 2006, rng),
            nationality: one_of(&NATIONALITIES, rng),
            entry_date: date(2019, 2025, rng),
            stay_reason: one_of(&STAY_REASONS, rng),
            telephone: telephone(rng),
            course,
            course_site: format!("Site {:03}", rng.random_range(1..=SITES)),
            course_level: one_of(&LEVELS, rng),
            hours_attended: rng.random_range(0..=hours),
        }
    }
}

fn one_of<T: Copy>(list: &[T], rng: &mut ChaCha8Rng) -> T {
    list[rng.random_range(0..list.len() as u32) as usize]
}

/// The first letter as a capital; syllables are ASCII.
fn capital(mut name: String) -> String {
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    name
}

/// A day within whole years. None falls on the 29th to the 31st, so that each exists.
fn date(first: u32, last: u32, rng: &mut ChaCha8Rng) -> String {
    let (year, month, day) =
        (rng.random_range(first..=last), rng.random_range(1..=12), rng.random_range(1..=28));
    format!("{year}-{month:02}-{day:02}")
}

fn telephone(rng: &mut ChaCha8Rng) -> String {
    let rest = rng.random_range(0..10_000);
    format!("{} {:02} {:02}", one_of(&TELEPHONES, rng), rest / 100, rest % 100)
}
