//! Bodies: what is written is read back the same, and nothing is read that would not be written.

use std::num::NonZeroU64;

use greffier::format::entry::{
    Access, Acknowledgement, Act, Alert, BODY_MAX, Budgets, CertificateOf, CertificateRefusals,
    Contract, Counts, CreepRule, Deed, Detectors, Entry, EntryBudget, Facts, FirstTouchRule, Flag,
    Genesis, Given, Hash, Head, INTEGER_END, JobTerms, Level, Malformed, Matter, Measure, Method,
    Moment, NAME_MAX, Nonce, Outcome, OwnedKey, PaceRule, Payload, Policy, ProbingRule,
    ProviderAgent, ProviderRules, PublicKey, Read, RefusalCount, Refusals, Roster, RosterRule,
    Rule, Ruling, SearchKey, Section, SecurityDeed, Severity, Signature, SignatureBytes, SignedAct,
    SignsRule, StaffRules, Statement, StrangersRule, TEXT_MAX, Tag, Warning, Whom, Word,
};
use proptest::prelude::*;

/// Choices that an entry is made of, taken in turn and over again.
#[derive(Debug, Clone)]
struct Draw {
    numbers: Vec<u64>,
    texts: Vec<String>,
    names: Vec<String>,
    taken: usize,
}

impl Draw {
    fn number(&mut self) -> u64 {
        self.taken += 1;
        self.numbers[self.taken % self.numbers.len()] % INTEGER_END
    }

    fn text(&mut self) -> String {
        self.taken += 1;
        self.texts[self.taken % self.texts.len()].clone()
    }

    fn name(&mut self) -> String {
        self.taken += 1;
        self.names[self.taken % self.names.len()].clone()
    }

    fn hash(&mut self) -> Hash {
        let mut hash = [0; 32];
        hash.chunks_exact_mut(8).for_each(|c| c.copy_from_slice(&self.number().to_le_bytes()));
        Hash(hash)
    }

    fn tag(&mut self) -> Tag {
        let mut tag = [0; 16];
        tag.copy_from_slice(&self.hash().0[..16]);
        Tag(tag)
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.number() as usize % all.len()]
    }

    fn option<T>(&mut self, some: impl Fn(&mut Draw) -> T) -> Option<T> {
        self.number().is_multiple_of(2).then(|| some(self))
    }

    fn list<T>(&mut self, one: impl Fn(&mut Draw) -> T) -> Vec<T> {
        (0..self.number() % 4).map(|_| one(self)).collect()
    }

    fn counts(&mut self) -> Counts {
        Counts {
            agent_day: self.number(),
            provider_day: self.number(),
            provider_30_days: self.number(),
            never: self.number(),
        }
    }

    fn rule(&mut self) -> Rule {
        self.one_of(&[
            Rule::AgentMinute,
            Rule::AgentHour,
            Rule::AgentDay,
            Rule::ProviderDay,
            Rule::Provider30Days,
            Rule::OffRosterDay,
            Rule::OffRoster30Days,
            Rule::Contained,
            Rule::Job,
            Rule::Roster,
        ])
    }

    fn ruling(&mut self) -> Ruling {
        Ruling {
            outcome: self.one_of(&[Outcome::Released, Outcome::Withheld]),
            rule: self.option(Draw::rule),
            remaining: self.option(Draw::number),
            fits_at: self.option(Draw::number),
        }
    }

    fn read(&mut self) -> Read {
        let flags = [Flag::OffHours, Flag::ConcurrentSessions];
        Read {
            policy: self.number(),
            request: self.option(Draw::name),
            replay_of: self.option(Draw::number),
            provider: self.name().into(),
            certificate: self.hash(),
            agent: self.tag(),
            issuer: self.option(|d| d.name().into()),
            methods: self.list(|d| d.name().into()),
            auth_age: self.option(Draw::number),
            token: self.option(Draw::hash),
            network: self.text().into(),
            dataset: self.name().into(),
            purpose: self.name().into(),
            case: self.tag(),
            reason: self.option(|d| d.name().into()),
            method: self.one_of(&[Method::Get, Method::List, Method::Search, Method::Export]),
            view: self.name().into(),
            job: self.option(Draw::number),
            keys: self.list(|d| SearchKey { name: d.name().into(), tag: d.tag() }),
            asked: self.number(),
            misses: self.number(),
            rows: self.number(),
            on: self.list(Draw::tag),
            off: self.list(Draw::tag),
            facts: Facts {
                could: self.number(),
                could_off: self.number(),
                could_never: self.number(),
                all: self.counts(),
                off: self.counts(),
            },
            context: self.list(|d| d.one_of(&flags)),
            decoys: self.number(),
            weight: self.number(),
            ruling: self.ruling(),
            reply: self.option(Draw::hash),
        }
    }

    fn alert(&mut self) -> Alert {
        let severities = [Severity::Info, Severity::Medium, Severity::High, Severity::Critical];
        let measures = [
            Measure::Throttle,
            Measure::Freeze,
            Measure::SuspendAgent,
            Measure::CloseOffRoster,
            Measure::CloseExports,
            Measure::SuspendProvider,
        ];
        Alert {
            incident: self.number(),
            rule: self.rule(),
            severity: self.one_of(&severities),
            provider: self.name().into(),
            agent: self.tag(),
            level: self.one_of(&[Level::Agent, Level::Provider]),
            observed: self.number(),
            expected: self.number(),
            since: self.number(),
            first: self.number(),
            last: self.number(),
            persons: self.number(),
            off: self.number(),
            measures: self.list(|d| d.one_of(&measures)),
            until: self.option(Draw::number),
        }
    }

    fn key(&mut self) -> PublicKey {
        PublicKey(self.hash().0)
    }

    fn nonce(&mut self) -> Nonce {
        Nonce(self.tag().0)
    }

    fn signature(&mut self) -> Signature {
        let (one, two) = (self.hash().0, self.hash().0);
        let signature = [one, two].concat().try_into().expect("64 bytes");
        let (admin, key) = (self.name().into(), self.key());
        Signature { admin, key, signature: SignatureBytes(signature) }
    }

    fn deed(&mut self) -> Deed {
        let (provider, dataset): (Word, Word) = (self.name().into(), self.name().into());
        let agent = self.tag();
        let whom = Whom { provider: provider.clone(), agent: self.option(Draw::tag) };
        let owned = OwnedKey { admin: self.name().into(), key: self.key() };
        let person = ProviderAgent { provider: provider.clone(), agent };
        let persons = NonZeroU64::MIN.saturating_add(self.number() / 2);
        match self.number() % 12 {
            0 => Deed::Suspend(whom),
            1 => Deed::Reinstate(whom),
            2 => Deed::Lift(whom),
            3 => Deed::EnrolKey(owned),
            4 => Deed::RevokeKey(owned),
            5 => Deed::EnrolAgent(person),
            6 => Deed::DismissAgent(person),
            7 => Deed::EnrolRoster { provider, dataset, persons },
            8 => Deed::Loosen { digest: self.hash() },
            9 => Deed::DeclareJob { provider, dataset, job: self.job() },
            10 => Deed::ApproveJob { declared: self.number() },
            _ => Deed::WithdrawJob { declared: self.number() },
        }
    }

    fn act(&mut self) -> Act {
        let id = self.name().into();
        if self.number().is_multiple_of(8) {
            let (certificate, reason) = (self.hash(), self.text());
            let deed = SecurityDeed::Acknowledge { alert: self.number() };
            return Act::Acknowledged(Acknowledgement { id, certificate, deed, reason });
        }
        let (certificate, statement) = (self.option(Draw::hash), self.statement());
        let signatures = self.list(Draw::signature);
        Act::Signed(SignedAct { id, certificate, statement, signatures })
    }

    fn job(&mut self) -> JobTerms {
        JobTerms {
            purpose: self.name().into(),
            view: self.name().into(),
            rows: self.number(),
            from: self.number(),
            until: self.number(),
        }
    }

    fn statement(&mut self) -> Statement {
        let (deed, reason) = (self.deed(), self.text());
        Statement { deed, reason, nonce: self.nonce(), expires: self.number() }
    }

    fn section(&mut self) -> Section {
        if self.number().is_multiple_of(4) {
            let (off, on, withheld) = (self.number(), self.number(), self.number());
            let (medium, high) = (self.number(), self.number());
            let roster = RosterRule { off, on, withheld, medium, high };
            let strangers = StrangersRule::of(&mut |_| self.number());
            let probing = ProbingRule::of(&mut |_| self.number());
            let pace = PaceRule::of(&mut |_| self.number());
            let creep = CreepRule::of(&mut |_| self.number());
            let first_touch = FirstTouchRule::of(&mut |_| self.number());
            let signs = SignsRule::of(&mut |_| self.number());
            return Section::Detectors(Detectors {
                roster,
                strangers,
                probing,
                pace,
                creep,
                first_touch,
                signs,
            });
        }
        if self.number().is_multiple_of(2) {
            return Section::Head(Head {
                digest: self.hash(),
                sections: self.number(),
                judge: self.number(),
            });
        }
        if self.number().is_multiple_of(3) {
            return Section::Staff(StaffRules { entries_day: self.number() });
        }
        Section::Provider(ProviderRules {
            provider: self.name().into(),
            budgets: Budgets {
                agent_minute: self.number(),
                agent_hour: self.number(),
                agent_day: self.number(),
                provider_day: self.number(),
                provider_30_days: self.number(),
                off_roster_day: self.number(),
                off_roster_30_days: self.number(),
            },
            roster_growth: self.number(),
            entries_day: self.option(Draw::number),
            contract: self.option(|d| Contract {
                begins: d.number(),
                ends: d.number(),
                persons: d.number(),
                off_persons: d.number(),
            }),
        })
    }

    fn refusal(&mut self) -> RefusalCount {
        RefusalCount { reason: self.name().into(), count: self.number() }
    }

    fn what(&mut self) -> Payload {
        match self.number() % 10 {
            0 => Payload::Genesis(Genesis {
                format: self.number(),
                origin: self.text(),
                key: self.text(),
            }),
            1 => Payload::Policy(Policy { section: self.section() }),
            2 => Payload::Refusals(Refusals {
                since: self.number(),
                certificates: self.list(|d| CertificateRefusals {
                    certificate: d.hash(),
                    provider: d.option(|d| d.name().into()),
                    counts: d.list(Draw::refusal),
                }),
                others: self.list(Draw::refusal),
            }),
            3 => Payload::Access(Access {
                role: self.name().into(),
                id: self.name().into(),
                certificate: self.hash(),
                what: Given::Receipt,
                entry: self.number(),
            }),
            4 => Payload::Alert(self.alert()),
            5 => Payload::Act(self.act()),
            6 => Payload::Roster(Roster {
                provider: self.name().into(),
                dataset: self.name().into(),
                persons: self.number(),
                digest: self.hash(),
                added: self.option(Draw::number),
                removed: self.option(Draw::number),
            }),
            7 => Payload::Warning(self.warning()),
            _ => Payload::Read(Box::new(self.read())),
        }
    }

    fn warning(&mut self) -> Warning {
        Warning { matter: self.matter(), observed: self.number(), expected: self.number() }
    }

    fn matter(&mut self) -> Matter {
        let (provider, id) = (self.name().into(), self.name().into());
        let (dataset, role) = (self.name().into(), self.name().into());
        let (agent, certificate, digest) = (self.tag(), self.hash(), self.hash());
        match self.number() % 17 {
            0 => Matter::Roster { provider, dataset },
            1 => Matter::RosterUnseen { provider, dataset },
            2 => Matter::Policy { digest: self.option(Draw::hash) },
            3 => Matter::Certificate(CertificateOf::Client { role, id, certificate }),
            4 => Matter::Certificate(CertificateOf::Own { certificate }),
            5 => Matter::Keys { issuer: id, digest },
            6 => Matter::Authorities { digest: self.option(Draw::hash) },
            7 => Matter::Revoked,
            8 => Matter::Door { provider, agent: self.option(Draw::tag), certificate },
            9 => Matter::Clock,
            10 => Matter::ClockHeld,
            11 => Matter::Wal,
            12 => Matter::Entries(EntryBudget::Agent { provider, agent }),
            13 => Matter::Entries(EntryBudget::Receipts { provider, certificate }),
            14 => Matter::Entries(EntryBudget::Provider { provider }),
            _ => Matter::Entries(EntryBudget::Staff { role, id }),
        }
    }

    fn entry(&mut self) -> Entry {
        Entry {
            seq: self.number(),
            prev: self.hash(),
            now: Moment { at: self.number(), tick: self.number() },
            payload: self.what(),
        }
    }
}

fn character() -> impl Strategy<Value = char> {
    prop_oneof![
        any::<char>(),
        prop::sample::select(vec!['"', '\\', '/', 'a', '0', '\u{a0}', '\u{2028}', '\u{10ffff}']),
    ]
    .prop_filter("control characters have no place in a body", |c| !c.is_control())
}

fn text() -> impl Strategy<Value = String> {
    let most = prop_oneof![9 => Just(12_usize), 1 => Just(TEXT_MAX)];
    most.prop_flat_map(|most| prop::collection::vec(character(), 1..=most))
        .prop_map(String::from_iter)
}

fn draw() -> impl Strategy<Value = Draw> {
    let number = prop_oneof![any::<u64>(), 0..3_u64, INTEGER_END - 2..INTEGER_END];
    let (texts, names) =
        (prop::collection::vec(text(), 7), prop::collection::vec("[A-Za-z0-9_-]{1,64}", 7));
    let parts = (prop::collection::vec(number, 97), texts, names);
    parts.prop_map(|(numbers, texts, names)| Draw { numbers, texts, names, taken: 0 })
}

fn entry() -> impl Strategy<Value = Entry> {
    draw().prop_map(|mut draw| draw.entry())
}

fn statement() -> impl Strategy<Value = Statement> {
    draw().prop_map(|mut draw| draw.statement())
}

fn encoded(entry: &Entry) -> String {
    entry.encode().expect("an entry that is short enough")
}

/// A change of some bytes, as an editor or a disk would make it.
#[derive(Debug, Clone)]
enum Edit {
    Set(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index, usize),
    Repeat(prop::sample::Index, usize),
}

impl Edit {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let at = |index: &prop::sample::Index, len: usize| index.index(len.max(1));
        let len = bytes.len();
        match self {
            Edit::Set(index, byte) if len > 0 => bytes[at(index, len)] = *byte,
            Edit::Set(..) => {}
            Edit::Insert(index, more) => {
                bytes.splice(at(index, len)..at(index, len), more.iter().copied());
            }
            Edit::Remove(index, count) => {
                bytes.drain(at(index, len)..(at(index, len) + count).min(len));
            }
            Edit::Repeat(index, count) => {
                let from = at(index, len);
                let to = (from + count).min(len);
                let again = bytes[from..to].to_vec();
                bytes.splice(to..to, again);
            }
        }
    }
}

fn edit() -> impl Strategy<Value = Edit> {
    let index = any::<prop::sample::Index>;
    let byte =
        || prop_oneof![any::<u8>(), prop::sample::select(b"0123456789\"\\,:{}[]. \n".to_vec())];
    prop_oneof![
        (index(), byte()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        (index(), prop::collection::vec(byte(), 1..4)).prop_map(|(at, b)| Edit::Insert(at, b)),
        (index(), 1..40_usize).prop_map(|(at, count)| Edit::Remove(at, count)),
        (index(), 1..40_usize).prop_map(|(at, count)| Edit::Repeat(at, count)),
    ]
}

/// Whatever is let through is, byte for byte, what would be written.
fn only_its_own_form(text: &str) -> Result<(), TestCaseError> {
    if let Ok(entry) = Entry::parse(text) {
        prop_assert_eq!(encoded(&entry), text);
    }
    Ok(())
}

proptest! {
    #[test]
    fn an_entry_is_read_back_as_it_was_written(entry in entry()) {
        let body = encoded(&entry);
        prop_assert_eq!(Entry::parse(&body), Ok(entry));
    }

    #[test]
    fn text_from_anywhere_is_refused_without_panic(text in ".*") {
        prop_assert!(Entry::parse(&text).is_err());
        prop_assert!(Statement::parse(&text).is_err());
    }

    #[test]
    fn a_statement_is_read_back_as_it_was_written(origin in text(), statement in statement()) {
        let text = statement.encode(&origin).expect("a statement that is short enough");
        prop_assert_eq!(Statement::parse(&text), Ok((origin, statement)));
    }

    #[test]
    fn an_edited_statement_is_refused_or_in_the_one_form(
        origin in text(),
        statement in statement(),
        edits in prop::collection::vec(edit(), 1..4),
    ) {
        let text = statement.encode(&origin).expect("a statement that is short enough");
        let mut bytes = text.into_bytes();
        edits.iter().for_each(|edit| edit.apply(&mut bytes));
        if let Ok(text) = std::str::from_utf8(&bytes)
            && let Ok((origin, statement)) = Statement::parse(text)
        {
            prop_assert_eq!(statement.encode(&origin), Ok(text.to_owned()));
        }
    }

    #[test]
    fn an_edited_body_is_refused_or_in_the_one_form(
        entry in entry(),
        edits in prop::collection::vec(edit(), 1..4),
    ) {
        let mut bytes = encoded(&entry).into_bytes();
        edits.iter().for_each(|edit| edit.apply(&mut bytes));
        if let Ok(text) = std::str::from_utf8(&bytes) {
            only_its_own_form(text)?;
        }
    }

    #[test]
    fn an_entry_with_a_control_character_is_refused(
        at in 0..20_usize,
        control in (0..0xa0_u32).prop_filter_map("a control character", |code| {
            char::from_u32(code).filter(|c| c.is_control())
        }),
    ) {
        let mut id = "an id of some length".to_owned();
        id.insert(at, control);
        prop_assert!(seen(&id, 0).encode().is_err());
        prop_assert!(Entry::parse(&unheld(&id, 0)).is_err());
    }
}

/// The same entry as bytes that nobody has held to the limits.
fn unheld(reason: &str, alert: u64) -> String {
    let reason = serde_json::to_string(reason).expect("any text is JSON");
    let body = encoded(&seen("a.z", 7));
    body.replace("\"a.z\"", &reason).replace("\"alert\":7", &format!("\"alert\":{alert}"))
}

/// A small entry whose text and number the test chooses.
fn seen(reason: &str, alert: u64) -> Entry {
    let (certificate, deed) = (Hash::default(), SecurityDeed::Acknowledge { alert });
    let (id, reason) = ("soc-1".into(), reason.to_owned());
    let act = Act::Acknowledged(Acknowledgement { id, certificate, deed, reason });
    Entry { seq: 1, prev: Hash::default(), now: Moment::default(), payload: Payload::Act(act) }
}

/// One all of whose keys must be there.
fn given(role: &str) -> Entry {
    let access = Access {
        role: role.into(),
        id: "cnil".into(),
        certificate: Hash::default(),
        what: Given::Receipt,
        entry: 0,
    };
    Entry { payload: Payload::Access(access), ..seen("x", 0) }
}

#[test]
fn integers_end_below_2_to_the_53() {
    let largest = seen("cnil", INTEGER_END - 1);
    assert_eq!(Entry::parse(&encoded(&largest)), Ok(largest));
    let body = unheld("cnil", INTEGER_END);
    let at = body.find("9007199254740992").expect("the number");
    let what = "an integer of 2^53 or more";
    assert_eq!(Entry::parse(&body), Err(Malformed::Limit { what, at }));
    assert!(seen("cnil", INTEGER_END).encode().is_err());
    let far = unheld("cnil", u64::MAX);
    assert!(matches!(Entry::parse(&far), Err(Malformed::Limit { .. })));
}

#[test]
fn strings_have_256_characters_at_most_however_many_bytes_they_take() {
    for character in ["x", "é", "€", "\u{1f600}", "\"", "\\"] {
        let longest = seen(&character.repeat(TEXT_MAX), 0);
        assert_eq!(Entry::parse(&encoded(&longest)), Ok(longest), "256 of {character}");
        let longer = character.repeat(TEXT_MAX + 1);
        assert!(seen(&longer, 0).encode().is_err(), "257 of {character}");
        let refused = Entry::parse(&unheld(&longer, 0));
        assert!(matches!(refused, Err(Malformed::Limit { .. })), "257 of {character}");
    }
}

#[test]
fn no_string_is_empty_in_an_entry_of_any_kind() {
    let body = encoded(&seen("cnil", 0));
    let empty = Entry::parse(&body.replace("cnil", ""));
    let at = body.find("\"cnil").expect("the text");
    assert_eq!(empty, Err(Malformed::Limit { what: "an empty string", at }));
    assert!(seen("", 0).encode().is_err());
    let all = include_str!("../../../docs/vectors/bodies.jsonl");
    let mut emptied = 0;
    for body in all.lines() {
        let colons = body.match_indices(":\"").map(|(at, _)| at + 2);
        for from in colons.collect::<Vec<_>>() {
            let to = from + body[from..].find('"').expect("its end");
            let other = format!("{}{}", &body[..from], &body[to..]);
            assert!(Entry::parse(&other).is_err(), "{other}");
            emptied += 1;
        }
    }
    assert!(emptied > 300, "{emptied}");
}

#[test]
fn a_name_has_64_letters_digits_and_two_signs_at_most() {
    let good = encoded(&given("a-z"));
    for name in ["a", "-", "_Az09", &"x".repeat(NAME_MAX)] {
        let entry = given(name);
        assert_eq!(Entry::parse(&encoded(&entry)), Ok(entry), "{name}");
    }
    let long = "x".repeat(NAME_MAX + 1);
    for name in [" ", "a b", "a.b", "a/b", "a:b", "é", "a\u{202e}b", "\"", "\\", &long] {
        let refused = given(name).encode();
        assert!(matches!(refused, Err(Malformed::Limit { .. })), "{name}");
        let said = serde_json::to_string(name).expect("any text is JSON");
        let refused = Entry::parse(&good.replace("\"a-z\"", &said));
        assert!(matches!(refused, Err(Malformed::Limit { .. })), "{name}");
    }
}

#[test]
fn every_control_character_is_refused_raw_and_escaped_and_its_neighbours_are_not() {
    for code in (0..0x100_u32).filter_map(char::from_u32) {
        let id = format!("a{code}z");
        assert_eq!(seen(&id, 0).encode().is_ok(), !code.is_control(), "{code:?} written");
        let ours = Entry::parse(&unheld(&id, 0));
        assert_eq!(ours.is_ok(), !code.is_control(), "{code:?} as serde writes it");
        if code != '"' && code != '\\' {
            let raw = encoded(&seen("a.z", 0)).replace("a.z", &id);
            assert_eq!(Entry::parse(&raw).is_ok(), !code.is_control(), "{code:?} raw");
        }
        let escape = format!("a\\u{:04x}z", u32::from(code));
        let escaped = encoded(&seen("a.z", 0)).replace("a.z", &escape);
        assert!(Entry::parse(&escaped).is_err(), "{escape}");
    }
}

#[test]
fn a_body_has_65_535_bytes_at_most() {
    let (texts, names) = (vec!["word".into()], vec!["word".into()]);
    let mut read = Draw { numbers: vec![1], texts, names, taken: 0 }.read();
    let of = |read: Read| Entry { payload: Payload::Read(Box::new(read)), ..seen("x", 0) };
    read.on = vec![Tag([0; 16]); 2_500];
    let missing = BODY_MAX - encoded(&of(read.clone())).len();
    // A tag takes 25 bytes with quotes and comma; the network takes up the rest.
    read.on.extend(vec![Tag([0; 16]); missing / 25 - 1]);
    read.network = "x".into();
    let missing = BODY_MAX - encoded(&of(read.clone())).len();
    read.network = "x".repeat(1 + missing).into();
    let longest = of(read.clone());
    let body = encoded(&longest);
    assert_eq!(body.len(), BODY_MAX);
    assert_eq!(Entry::parse(&body), Ok(longest));
    read.network = "x".repeat(missing + 2).into();
    assert_eq!(of(read).encode(), Err(Malformed::TooLong(BODY_MAX + 1, BODY_MAX)));
    let longer = body.replacen(r#""network":"x"#, r#""network":"xx"#, 1);
    assert_eq!(Entry::parse(&longer), Err(Malformed::TooLong(BODY_MAX + 1, BODY_MAX)));
}

#[test]
fn white_space_is_refused_wherever_it_stands() {
    let body = encoded(&seen("cnil", 0));
    let tokens = body.match_indices(['{', '}', ':', ',', '"']).map(|(at, _)| at);
    for at in tokens.flat_map(|at| [at, at + 1]) {
        for space in [" ", "\n", "\t", "\r"] {
            let spaced = format!("{}{space}{}", &body[..at], &body[at..]);
            // Between quotes a space is a character of the string, which has another meaning.
            let inside = Entry::parse(&spaced).is_ok_and(|entry| encoded(&entry) == spaced);
            assert!(Entry::parse(&spaced).is_err() || (inside && space == " "), "{spaced}");
        }
    }
}

#[test]
fn keys_that_are_moved_repeated_missing_or_unknown_are_refused() {
    let body = encoded(&given("auditor"));
    let inner = body.trim_start_matches('{').trim_end_matches('}');
    let pairs: Vec<&str> = inner.split(',').collect();
    let refused = |pairs: &[&str]| {
        let body = format!("{{{}}}", pairs.join(","));
        assert!(Entry::parse(&body).is_err(), "{body}");
    };
    assert!(Entry::parse(&format!("{{{}}}", pairs.join(","))).is_ok());
    for at in 0..pairs.len() {
        let mut other = pairs.clone();
        other.insert(at, pairs[at]);
        refused(&other);
        other = pairs.clone();
        other.remove(at);
        refused(&other);
        other = pairs.clone();
        other.insert(at, r#""more":null"#);
        refused(&other);
        if at > 0 {
            other = pairs.clone();
            other.swap(at - 1, at);
            refused(&other);
        }
    }
}
