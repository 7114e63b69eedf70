use std::io::{Cursor, Read};

use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<Past, EventsError> {
    Past::parse(Cursor::new(text), &mut |_| ())
}

fn refusal(text: &str) -> String {
    parse(text).expect_err(text).to_string()
}

const HEADER: &str = "at,provider,agent,subject\n";
const LONG: &str = "at,provider,agent,subject,in_roster\n";
const LINE: &str = "2026-01-31T08:30:00+01:00,alpha,anna,17\n";

#[test]
fn a_line_is_a_read_and_names_are_numbers() {
    let text = "\u{feff}at,provider,agent,subject,in_roster\r\n\
                2026-01-31T08:30:00+01:00,alpha,anna,17,1\r\n\r\n\
                2026-01-31T07:30:00.250Z,\"beta\",\"b, c\",17,false\r\n\
                1769844601000,alpha,anna,\"1\"\"8\",true";
    let past = parse(text).unwrap();
    let provider = |id: &str, agent: &str, subjects| PastProvider {
        id: id.into(),
        agents: vec![agent.into()],
        subjects,
    };
    assert_eq!(past.providers, [provider("alpha", "anna", 2), provider("beta", "b, c", 1)]);
    let read = |line, at, provider, subject, in_roster| PastRead {
        line,
        at,
        provider,
        agent: 0,
        subject,
        in_roster,
    };
    let reads = [
        read(2, 1_769_844_600_000, 0, 0, true),
        read(4, 1_769_844_600_250, 1, 0, false),
        read(5, 1_769_844_601_000, 0, 1, true),
    ];
    assert_eq!(past.reads, reads);
}

#[test]
fn columns_may_stand_in_any_order_and_without_a_roster_everybody_is_on_it() {
    let past = parse("subject,at,agent,provider\n17,1769844600000,anna,alpha\n").unwrap();
    assert_eq!((&*past.providers[0].id, &*past.providers[0].agents[0]), ("alpha", "anna"));
    assert!(past.reads[0].in_roster);
}

#[test]
fn a_header_alone_is_a_past_without_a_read() {
    assert_eq!(parse(HEADER).unwrap(), Past::default());
}

#[test]
fn a_bad_line_is_told_by_its_number_and_by_what_was_expected() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("", "line 1", &["a header"]),
        ("at,provider,agent\n", "line 1", &["`subject` is missing", "at,provider,agent,subject"]),
        ("at,provider,agent,person\n", "line 1", &["\"person\" is no column"]),
        ("at,at,provider,agent,subject\n", "line 1", &["`at` stands there twice"]),
        ("a,b,c,d,e,f,g\n", "line 1", &["more fields than 5"]),
        ("2026-01-31T08:30:00Z,a,b,c\n", "line 1", &["is no column", "header"]),
    ];
    for (text, line, says) in cases {
        let why = refusal(text);
        assert!(why.starts_with(line) && says.iter().all(|part| why.contains(part)), "{why}");
    }
    let cases: &[(&str, &[&str])] = &[
        ("2026-01-31T08:30:00Z,a,b\n", &["3 fields", "expected 4"]),
        ("2026-01-31T08:30:00Z,a,b,c,1\n", &["5 fields", "expected 4"]),
        ("2026-01-31T08:30:00Z,a,b,c,1,2,3\n", &["more fields than 5"]),
        ("2026-01-31T08:30:00,a,b,c\n", &["2026-01-31T08:30:00+01:00", "milliseconds"]),
        ("yesterday,a,b,c\n", &["\"yesterday\"", "expected a time"]),
        (",a,b,c\n", &["expected a time"]),
        ("1769844600,a,b,c\n", &["not seconds"]),
        ("1960-01-31T08:30:00Z,a,b,c\n", &["expected a time"]),
        ("253402300800000,a,b,c\n", &["expected a time"]),
        ("99999999999999999999,a,b,c\n", &["expected a time"]),
        ("2026-01-31T08:30:00Z,,b,c\n", &["`provider` is empty", "1 to 64 bytes"]),
        ("2026-01-31T08:30:00Z,a,,c\n", &["`agent` is empty", "1 to 256 bytes"]),
        ("2026-01-31T08:30:00Z,a,b,\n", &["`subject` is empty"]),
        ("2026-01-31T08:30:00Z,a,\"b\nb\",c\n", &["`agent` is \"b\\nb\""]),
        ("2026-01-31T06:30:00Z,a,b,c\n", &["earlier than the line before"]),
    ];
    for (text, says) in cases {
        let why = refusal(&format!("{HEADER}\n{LINE}{text}"));
        let line = why.starts_with("line 4: ");
        assert!(line && says.iter().all(|part| why.contains(part)), "{text:?}: {why}");
    }
    for bad in ["", "2", "yes", "True"] {
        let why = refusal(&format!("{LONG}2026-01-31T08:30:00Z,a,b,c,{bad}\n"));
        assert!(why.starts_with("line 2: `in_roster` is") && why.contains("1, 0, true"), "{why}");
    }
    let bytes = [HEADER.as_bytes(), b"2026-01-31T08:30:00Z,a,\xff,c\n"].concat();
    let why = Past::parse(Cursor::new(bytes), &mut |_| ()).unwrap_err().to_string();
    assert!(why.starts_with("line 2: `agent` is not UTF-8"), "{why}");
}

#[test]
fn names_and_records_have_a_longest() {
    let line = |provider: usize, agent: usize, subject: usize| {
        let [provider, agent, subject] =
            [provider, agent, subject].map(|length| "x".repeat(length));
        format!("{HEADER}2026-01-31T08:30:00Z,{provider},{agent},{subject}\n")
    };
    assert!(parse(&line(PROVIDER_MAX, NAME_MAX, NAME_MAX)).is_ok());
    for (text, name) in [
        (line(PROVIDER_MAX + 1, 1, 1), "provider"),
        (line(1, NAME_MAX + 1, 1), "agent"),
        (line(1, 1, NAME_MAX + 1), "subject"),
    ] {
        assert!(refusal(&text).contains(&format!("`{name}` is ")), "{name}");
    }
    let why = refusal(&line(1, 1, RECORD_MAX));
    assert!(why.starts_with("line 2: it is longer than 1024 bytes"), "{why}");
    // A quotation mark that nobody closes does not take the rest of the file.
    let open = format!("{HEADER}2026-01-31T08:30:00Z,a,\"b,c\n{}", LINE.repeat(100));
    let why = refusal(&open);
    assert!(why.starts_with("line 2: ") && why.contains("quotation mark"), "{why}");
}

#[test]
fn a_past_has_at_most_so_many_reads() {
    let at_most = |most| {
        let text = format!("{HEADER}{}", LINE.repeat(3));
        Past::parse_at_most(most, Cursor::new(text), &mut |_| ())
    };
    assert_eq!(at_most(3).unwrap().reads.len(), 3);
    let why = at_most(2).unwrap_err().to_string();
    assert!(why.starts_with("line 4: there are more than 2 reads"), "{why}");
}

/// Gives a byte at a time, as a pipe may.
struct Drip<'a>(&'a [u8]);

impl Read for Drip<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.0.len().min(into.len()).min(1);
        into[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        Ok(n)
    }
}

/// A field as a careful program writes it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

type Line = (u64, usize, usize, String, bool);

fn lines() -> impl Strategy<Value = Vec<Line>> {
    let line = (0_u64..100_000, 0_usize..3, 0_usize..3, "[\\PC\",]{1,20}", any::<bool>());
    prop::collection::vec(line, 0..40)
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        lines in lines(), names in prop::collection::vec("[\\PC\",]{1,20}", 6),
    ) {
        let mut at = 1_769_844_600_000;
        let mut text = LONG.to_owned();
        let mut written = Vec::new();
        for (after, provider, agent, subject, in_roster) in &lines {
            at += after;
            let (provider, agent) = (&names[*provider], &names[3 + agent]);
            let when = if at % 2 == 0 {
                at.to_string()
            } else {
                jiff::Timestamp::from_millisecond(at as i64).unwrap().to_string()
            };
            let fields = [&when, provider, agent, subject, &in_roster.to_string()];
            let fields: Vec<String> = fields.iter().map(|field| quoted(field)).collect();
            text += &(fields.join(",") + "\n");
            written.push((at, provider.clone(), agent.clone(), subject.clone(), *in_roster));
        }
        // A name may have so many characters that it has more bytes than a provider's may have.
        prop_assume!(names.iter().all(|name| name.len() <= PROVIDER_MAX));
        let past = parse(&text).unwrap();
        let one_by_one = io::BufReader::new(Drip(text.as_bytes()));
        prop_assert_eq!(&past, &Past::parse(one_by_one, &mut |_| ()).unwrap());
        prop_assert_eq!(past.reads.len(), written.len());
        let mut subjects = HashMap::new();
        for (read, (at, provider, agent, subject, in_roster)) in past.reads.iter().zip(&written) {
            let of = &past.providers[read.provider as usize];
            prop_assert_eq!((read.at, read.in_roster), (*at, *in_roster));
            prop_assert_eq!(&*of.id, &**provider);
            prop_assert_eq!(&*of.agents[read.agent as usize], &**agent);
            let known = subjects.entry((provider, subject)).or_insert(read.subject);
            prop_assert_eq!(*known, read.subject);
        }
        let counted: u32 = past.providers.iter().map(|one| one.subjects).sum();
        prop_assert_eq!(subjects.len(), counted as usize);
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Past::parse(Cursor::new(&bytes), &mut |_| ());
        let behind = [LONG.as_bytes(), &bytes].concat();
        let _ = Past::parse(Cursor::new(behind), &mut |_| ());
    }

    #[test]
    fn no_line_makes_the_parser_panic(
        fields in prop::collection::vec("[0-9a-zé\":,\r\nTZ+.-]{0,24}|2026-01-31T08:30:00Z", 0..24),
    ) {
        let text = format!("{HEADER}{}", fields.join(","));
        let one_by_one = io::BufReader::new(Drip(text.as_bytes()));
        let slowly = Past::parse(one_by_one, &mut |_| ()).map_err(|why| why.to_string());
        prop_assert_eq!(parse(&text).map_err(|why| why.to_string()), slowly);
    }
}
