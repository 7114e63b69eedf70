//! What one entry says, and its bytes. `docs/ledger-format.md` is the contract; this file is its
//! code. It knows nothing of files, keys or rules.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{Context, SHA256};
use serde::de::{self, IgnoredAny, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A name from a closed list of the policy: a provider, a dataset, a purpose, a view.
pub type Word = Arc<str>;
/// Milliseconds: since the Unix epoch for `at`, since the genesis for `tick`.
pub type Millis = u64;

/// Largest body, in bytes.
pub const BODY_MAX: usize = 65_535;
/// Longest string in a body, in characters.
pub const TEXT_MAX: usize = 256;
/// Integers are below this: every JSON reader holds them exactly.
pub const INTEGER_END: u64 = 1 << 53;

/// SHA-256 output: a leaf, a root, a digest, a fingerprint. Written in lowercase hex.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Hash(pub [u8; 32]);

/// A pseudonym: 16 bytes of HMAC-SHA256. Written in base64url without padding.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(pub [u8; 16]);

/// SHA-256 of parts laid end to end.
pub fn sha256(parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    Hash(out)
}

/// The two times of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Moment {
    /// The gateway's clock, Unix milliseconds.
    pub at: Millis,
    /// The judge's clock: see `docs/ledger-format.md`.
    pub tick: Millis,
}

/// One row of the ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Entry number, from 0.
    pub seq: u64,
    /// Leaf hash of the entry before.
    pub prev: Hash,
    /// When it was written.
    pub now: Moment,
    /// What it says.
    pub what: What,
}

/// The kinds of entry that this version writes and reads.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// Entry 0 of a segment.
    Genesis(Genesis),
    /// A part of the rules, or their head.
    Policy(Policy),
    /// One disclosure attempt.
    Read(Box<Read>),
    /// A digest of calls refused before the judge.
    Refusals(Refusals),
    /// Somebody was given a part of the ledger.
    Access(Access),
}

impl What {
    /// The word that stands under `kind`.
    pub fn kind(&self) -> &'static str {
        match self {
            What::Genesis(_) => "genesis",
            What::Policy(_) => "policy",
            What::Read(_) => "read",
            What::Refusals(_) => "refusals",
            What::Access(_) => "access",
        }
    }
}

/// The first entry of a segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Genesis {
    /// Version of the format.
    pub format: u64,
    /// `<ledger name>/<period>`.
    pub origin: String,
    /// Ed25519 public key, standard base64 of 32 bytes.
    pub key: String,
    /// Where the segment before ended.
    pub previous: Option<Previous>,
    /// Digest of the judge's state; none in a first segment.
    pub state: Option<Hash>,
}

/// The end of the segment before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Previous {
    /// Its origin.
    pub origin: String,
    /// Its size, in entries.
    pub size: u64,
    /// Its root at that size.
    pub root: Hash,
    /// Its last leaf hash.
    pub leaf: Hash,
}

/// A policy entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Which part of the policy.
    pub section: Section,
}

/// One part of a policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// The rules for one provider.
    Provider(ProviderRules),
    /// The end of a policy: reads name this entry.
    Head(Head),
}

/// What the judge decides by, for one provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderRules {
    /// Provider id.
    pub provider: Word,
    /// Budgets of persons.
    pub budgets: Budgets,
}

/// Sizes of the budgets, in persons; each refills over its span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budgets {
    /// New persons to one agent, over a minute.
    pub agent_minute: u64,
    /// ... over an hour.
    pub agent_hour: u64,
    /// ... over a day.
    pub agent_day: u64,
    /// New persons to the provider, over a day.
    pub provider_day: u64,
    /// ... over 30 days.
    pub provider_30_days: u64,
    /// New persons off its roster, over a day.
    pub off_roster_day: u64,
    /// ... over 30 days.
    pub off_roster_30_days: u64,
}

/// The end of a policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// SHA-256 of the policy file.
    pub digest: Hash,
    /// How many provider sections it has.
    pub sections: u64,
    /// Version of the judge that rules from here on.
    pub judge: u64,
}

/// How a record was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// One record by its handle.
    Get,
    /// A page.
    List,
    /// By exact declared keys.
    Search,
    /// A page of an approved job.
    Export,
}

/// Name and tagged value of a search key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// As declared by the dataset.
    pub name: Word,
    /// Of the value as searched.
    pub tag: Tag,
}

/// Circumstances that tighten the judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// Outside the provider's hours.
    OffHours,
    /// A network not seen for this provider.
    NewNetwork,
    /// A credential with few active days.
    YoungCredential,
    /// Sessions at once.
    ConcurrentSessions,
}

/// Distinct persons of one read, counted against the memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// New today to this agent.
    pub agent_day: u64,
    /// New today to this provider.
    pub provider_day: u64,
    /// New in 30 days to this provider.
    pub provider_30_days: u64,
    /// Never released to this provider in this segment.
    pub never: u64,
}

/// The integers that the judge folds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// New persons that the read could hold.
    pub could: u64,
    /// ... off the roster.
    pub could_off: u64,
    /// Over all its subjects.
    pub all: Counts,
    /// Over those off the roster.
    pub off: Counts,
}

/// Whether the rows may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// They may.
    Released,
    /// They may not, none of them.
    Withheld,
}

/// The rules that can withhold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// [`Budgets::agent_minute`]
    AgentMinute,
    /// [`Budgets::agent_hour`]
    AgentHour,
    /// [`Budgets::agent_day`]
    AgentDay,
    /// [`Budgets::provider_day`]
    ProviderDay,
    /// [`Budgets::provider_30_days`]
    #[serde(rename = "provider_30_days")]
    Provider30Days,
    /// [`Budgets::off_roster_day`]
    OffRosterDay,
    /// [`Budgets::off_roster_30_days`]
    #[serde(rename = "off_roster_30_days")]
    OffRoster30Days,
}

/// What the judge ruled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ruling {
    /// Released or withheld.
    pub outcome: Outcome,
    /// The budget with the smallest remainder among those that do not hold the read.
    pub rule: Option<Rule>,
    /// Persons left in it.
    pub remaining: Option<u64>,
    /// When all budgets would hold the read, Unix milliseconds; none if never.
    pub fits_at: Option<Millis>,
}

impl Ruling {
    /// No ruling yet: releases nothing.
    pub const PENDING: Ruling =
        Ruling { outcome: Outcome::Withheld, rule: None, remaining: None, fits_at: None };
    /// The ruling that lets the rows go.
    pub const RELEASED: Ruling =
        Ruling { outcome: Outcome::Released, rule: None, remaining: None, fits_at: None };
}

/// One disclosure attempt. Field by field as in `docs/ledger-format.md`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the format page has the table, and the reason of each field")]
pub struct Read {
    pub policy: u64,
    pub request: Option<String>,
    pub replay_of: Option<u64>,
    pub provider: Word,
    pub certificate: Hash,
    pub agent: Tag,
    pub issuer: Option<Word>,
    pub methods: Vec<Word>,
    pub auth_age: Option<u64>,
    pub token: Option<Hash>,
    pub network: Word,
    pub dataset: Word,
    pub purpose: Word,
    pub case: Tag,
    pub reason: Option<Word>,
    pub method: Method,
    pub view: Word,
    pub job: Option<String>,
    pub keys: Vec<Key>,
    pub asked: u64,
    pub misses: u64,
    pub rows: u64,
    pub on: Vec<Tag>,
    pub off: Vec<Tag>,
    pub facts: Facts,
    pub context: Vec<Flag>,
    pub decoys: u64,
    pub weight: u64,
    pub ruling: Ruling,
    pub reply: Option<Hash>,
}

/// Calls refused before the judge, counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusals {
    /// The first of them.
    pub since: Millis,
    /// The certificates with the most.
    pub certificates: Vec<Refused>,
    /// Everyone else together.
    pub others: Vec<Refusal>,
}

/// Refused calls of one certificate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// Its fingerprint.
    pub certificate: Hash,
    /// The provider in it, if the policy knows it.
    pub provider: Option<Word>,
    /// How many, by reason.
    pub counts: Vec<Refusal>,
}

/// How many calls were refused for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// As in the gateway's errors.
    pub reason: Word,
    /// How many.
    pub count: u64,
}

/// Somebody was given a part of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// Role in the certificate.
    pub role: Word,
    /// Id in it.
    pub id: Word,
    /// Its fingerprint.
    pub certificate: Hash,
    /// What was given.
    pub what: Given,
    /// Of which entry.
    pub entry: u64,
}

/// Parts of the ledger that are given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Given {
    /// A receipt, which holds the body.
    Receipt,
}

/// Why bytes are not an entry.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Malformed {
    /// Too long to be one.
    #[error("the body has {0} bytes; at most {BODY_MAX} are allowed")]
    TooLong(usize),
    /// Not the JSON of an entry.
    #[error("{0}")]
    Json(String),
    /// It says what an entry says, but in other bytes than the one form allowed.
    #[error("the body is not in its one allowed form, from byte {0}")]
    Form(usize),
    /// A string or number outside the limits.
    #[error("{what} at byte {at}")]
    Limit {
        /// What is wrong.
        what: &'static str,
        /// Where, in bytes from the start.
        at: usize,
    },
}

/// A body that could not be written.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("an entry of {0} bytes is over the limit of {BODY_MAX}")]
pub struct Oversize(pub usize);

impl Entry {
    /// The bytes of the body: stored, hashed and proven as they are.
    ///
    /// # Errors
    /// If they are more than [`BODY_MAX`].
    pub fn encode(&self) -> Result<String, Oversize> {
        let Moment { at, tick } = self.now;
        let mut out = Vec::with_capacity(1_024);
        {
            use std::io::Write as _;
            let (seq, prev, kind) = (self.seq, self.prev, self.what.kind());
            // Writing to a Vec cannot fail.
            let _ = write!(
                out,
                r#"{{"seq":{seq},"prev":"{prev}","at":{at},"tick":{tick},"kind":"{kind}""#
            );
        }
        let rest = out.len();
        let written = match &self.what {
            What::Genesis(x) => serde_json::to_writer(&mut out, x),
            What::Policy(x) => serde_json::to_writer(&mut out, x),
            What::Read(x) => serde_json::to_writer(&mut out, x),
            What::Refusals(x) => serde_json::to_writer(&mut out, x),
            What::Access(x) => serde_json::to_writer(&mut out, x),
        };
        written.expect("derived Serialize of plain structs into memory does not fail");
        // The object that serde opened goes on in the one opened above.
        out[rest] = b',';
        if out.len() > BODY_MAX {
            return Err(Oversize(out.len()));
        }
        Ok(String::from_utf8(out).expect("serde_json writes UTF-8"))
    }

    /// Reads a body, strictly: it must be, byte for byte, what [`Entry::encode`] makes of it.
    ///
    /// # Errors
    /// [`Malformed`] says what is wrong and where.
    pub fn parse(body: &str) -> Result<Entry, Malformed> {
        if body.len() > BODY_MAX {
            return Err(Malformed::TooLong(body.len()));
        }
        let entry: Entry =
            serde_json::from_str(body).map_err(|e| Malformed::Json(e.to_string()))?;
        let again = entry.encode().map_err(|e| Malformed::TooLong(e.0))?;
        if again != body {
            let at = again.bytes().zip(body.bytes()).take_while(|(a, b)| a == b).count();
            return Err(Malformed::Form(at));
        }
        limits(body.as_bytes())?;
        Ok(entry)
    }
}

/// Holds every string and number of canonical JSON to the limits of the format.
fn limits(body: &[u8]) -> Result<(), Malformed> {
    let mut at = 0;
    while let Some(&byte) = body.get(at) {
        match byte {
            b'"' => at = string_end(body, at + 1)?,
            b'0'..=b'9' => {
                let digits = body[at..].iter().take_while(|b| b.is_ascii_digit()).count();
                let text = std::str::from_utf8(&body[at..at + digits]).unwrap_or_default();
                if !text.parse::<u64>().is_ok_and(|n| n < INTEGER_END) {
                    return Err(Malformed::Limit { what: "an integer of 2^53 or more", at });
                }
                at += digits;
            }
            _ => at += 1,
        }
    }
    Ok(())
}

/// The index behind the closing quote of the string that begins at `from`.
fn string_end(body: &[u8], from: usize) -> Result<usize, Malformed> {
    let (mut at, mut characters) = (from, 0);
    loop {
        match body.get(at) {
            None | Some(b'"') => break,
            Some(b'\\') if !matches!(body.get(at + 1), Some(b'"' | b'\\')) => {
                return Err(Malformed::Limit { what: "a control character in a string", at });
            }
            Some(b'\\') => at += 2,
            // DEL and the C1 controls, which JSON allows raw but a terminal acts on.
            Some(0x7f) => {
                return Err(Malformed::Limit { what: "a control character in a string", at });
            }
            Some(0xc2) if matches!(body.get(at + 1), Some(0x80..=0x9f)) => {
                return Err(Malformed::Limit { what: "a control character in a string", at });
            }
            Some(_) => at += 1,
        }
        // Continuation bytes of UTF-8 begin no character.
        characters += usize::from(!matches!(body.get(at), Some(0x80..=0xbf)));
    }
    if characters > TEXT_MAX {
        return Err(Malformed::Limit { what: "a string of more than 256 characters", at: from });
    }
    Ok(at + 1)
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an entry of the ledger")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry, A::Error> {
        let seq = head(&mut map, "seq")?;
        let prev = head(&mut map, "prev")?;
        let at = head(&mut map, "at")?;
        let tick = head(&mut map, "tick")?;
        let kind: &str = head(&mut map, "kind")?;
        let rest = MapAccessDeserializer::new(&mut map);
        let what = match kind {
            "genesis" => What::Genesis(Genesis::deserialize(rest)?),
            "policy" => What::Policy(Policy::deserialize(rest)?),
            "read" => What::Read(Box::new(Read::deserialize(rest)?)),
            "refusals" => What::Refusals(Refusals::deserialize(rest)?),
            "access" => What::Access(Access::deserialize(rest)?),
            _ => return Err(de::Error::custom("a kind of entry that this version does not know")),
        };
        if map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            return Err(de::Error::custom("keys behind the end of the entry"));
        }
        Ok(Entry { seq, prev, now: Moment { at, tick }, what })
    }
}

/// The next key of the map, which must be `name`, and its value.
fn head<'de, A: MapAccess<'de>, T: Deserialize<'de>>(
    map: &mut A,
    name: &'static str,
) -> Result<T, A::Error> {
    match map.next_key::<&str>()? {
        Some(key) if key == name => map.next_value(),
        _ => Err(de::Error::custom(format_args!("`{name}` is not where it belongs"))),
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 64];
        for (i, byte) in self.0.iter().enumerate() {
            text[2 * i] = b"0123456789abcdef"[usize::from(byte >> 4)];
            text[2 * i + 1] = b"0123456789abcdef"[usize::from(byte & 15)];
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Hash {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Hash, Self::Err> {
        let nibble = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err("not 64 lowercase hexadecimal digits"),
        };
        let text = text.as_bytes();
        if text.len() != 64 {
            return Err("not 64 lowercase hexadecimal digits");
        }
        let mut out = [0; 32];
        for (byte, pair) in out.iter_mut().zip(text.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Ok(Hash(out))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 22];
        let n = URL_SAFE_NO_PAD.encode_slice(self.0, &mut text).unwrap_or(0);
        f.write_str(std::str::from_utf8(&text[..n]).unwrap_or_default())
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Tag {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Tag, Self::Err> {
        let wrong = "not 22 characters of base64url";
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong)?;
        Ok(Tag(bytes.try_into().map_err(|_| wrong)?))
    }
}

macro_rules! as_text {
    ($($type:ty),*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <&str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    )*};
}

as_text!(Hash, Tag);
