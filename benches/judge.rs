//! What one read costs the judge and the memory: 120 providers, 3,000 agents and 2,000,000 persons,
//! all of whom the memory knows. Each read is counted against the memory, decided and folded, as the
//! registrar does it, but for what is written; beside it stands what the same entry costs to encode
//! and to hash, which every ledger pays. Memory is what the process has grown by.
//!
//! `cargo bench --bench judge`

#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

use std::fs;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use gauge::{Failed, Spread, figure};
use greffier::anomaly::AnomalyJudge;
use greffier::format::entry::{
    Budgets, Detectors, Entry, Facts, Hash, Head, Method, Moment, Payload, Policy, ProviderRules,
    Read, Ruling, SearchKey, Section, Tag, Word, sha256,
};
use greffier::format::tag::Tagger;
use greffier::state::State;
use greffier::state::judge::Judge;
use greffier::state::judge_input::JudgeInput;
use greffier::state::memory::Reach;

#[path = "gauge/mod.rs"]
#[expect(dead_code, reason = "the other benchmarks use the rest")]
mod gauge;

const PROVIDERS: u64 = 120;
/// Agents of each provider.
const AGENTS: u64 = 25;
/// Persons on the roster of each provider: together 2,000,000.
const ROSTER: u64 = 2_000_000 / PROVIDERS;
/// A budget that is never reached.
const ENOUGH: u64 = 10_000_000;
/// Events of a measurement, and how many measurements there are.
const EVENTS: u64 = 200_000;
const RUNS: usize = 7;
/// Milliseconds between two reads: some 40,000 of them in a day.
const APART: u64 = 2_000;

/// Judge and state, fed as the registrar feeds them.
struct Bench {
    tagger: Tagger,
    providers: Vec<Word>,
    state: State,
    judge: Box<dyn Judge>,
    next: u64,
    now: Moment,
}

/// How long the parts of one event took, in nanoseconds.
struct Cost {
    judge: f64,
    entry: f64,
}

impl Bench {
    fn new() -> Bench {
        let providers = (0..PROVIDERS).map(|n| Word::from(format!("provider-{n:03}"))).collect();
        let mut bench = Bench {
            tagger: Tagger::new(&[7; 32]),
            providers,
            state: State::default(),
            judge: AnomalyJudge::fresh(),
            next: 1,
            now: Moment { at: 20_000 * 86_400_000, tick: 0 },
        };
        let section = |section| Payload::Policy(Policy { section });
        bench.fold(section(Section::Detectors(Detectors::default())));
        for provider in bench.providers.clone() {
            let budgets = Budgets {
                agent_minute: ENOUGH,
                agent_hour: ENOUGH,
                agent_day: ENOUGH,
                provider_day: ENOUGH,
                provider_30_days: ENOUGH,
                off_roster_day: ENOUGH,
                off_roster_30_days: ENOUGH,
            };
            let (roster_growth, entries_day, contract) = (50, None, None);
            let rules = ProviderRules { provider, budgets, roster_growth, entries_day, contract };
            bench.fold(section(Section::Provider(rules)));
        }
        let judge = bench.judge.version();
        let head = Head { digest: Hash::default(), sections: PROVIDERS + 2, judge };
        bench.fold(section(Section::Head(head)));
        bench
    }

    fn entry(&self, payload: Payload) -> Entry {
        Entry { seq: self.next, prev: Hash::default(), now: self.now, payload }
    }

    fn fold(&mut self, payload: Payload) {
        let entry = self.entry(payload);
        self.judge.apply(&entry);
        self.state.apply(&[entry], None);
        self.next += 1;
    }

    /// The nth read: searches, one in eight of which finds nobody; one in sixty finds a stranger.
    fn read(&self, n: u64) -> Read {
        let turn = n.wrapping_mul(2_654_435_761);
        let provider = &self.providers[(turn % PROVIDERS) as usize];
        let agent = format!("agent-{}", turn / PROVIDERS % AGENTS);
        let person = format!("{:08}", n % PROVIDERS * ROSTER + n / PROVIDERS % ROSTER);
        let subject = self.tagger.subject(provider, "cir", &person);
        let key = self.tagger.key(provider, "cir", "names", &person);
        let missed = n % 8 == 7;
        let off = !missed && n % 60 == 1;
        let found = |is: bool| -> Vec<Tag> { if is { vec![subject] } else { Vec::new() } };
        Read {
            policy: self.next.min(PROVIDERS + 2),
            request: None,
            replay_of: None,
            provider: provider.clone(),
            certificate: sha256(&[provider.as_bytes()]),
            agent: self.tagger.agent(provider, &agent),
            issuer: None,
            methods: Vec::new(),
            auth_age: None,
            token: None,
            network: "192.0.2.0/24".into(),
            dataset: "cir".into(),
            purpose: "course_delivery".into(),
            case: self.tagger.case(provider, "CIR/2026-00417"),
            reason: off.then(|| "transfer".into()),
            method: Method::Search,
            view: "BASIC".into(),
            job: None,
            keys: vec![SearchKey { name: "names".into(), tag: key }],
            asked: 1,
            misses: u64::from(missed),
            rows: u64::from(!missed),
            on: found(!missed && !off),
            off: found(off),
            facts: Facts::default(),
            context: Vec::new(),
            decoys: 0,
            weight: 24,
            ruling: Ruling::PENDING,
            reply: Some(Hash::default()),
        }
    }

    /// Some reads, one after the other: what each costs on average.
    fn reads(&mut self, numbers: std::ops::Range<u64>) -> Result<Cost, Failed> {
        let events = (numbers.end - numbers.start) as f64;
        let (mut judge, mut entry) = (Duration::ZERO, Duration::ZERO);
        let mut alerts = 0;
        for n in numbers {
            let mut read = self.read(n);
            self.now = Moment { at: self.now.at + APART, tick: self.now.tick + APART };
            let began = Instant::now();
            read.facts = self.state.count(&read, Reach::Page(1), self.now).facts();
            let input = JudgeInput::of(self.next, &read);
            let decision = self.judge.decide(&input, self.state.standing(), self.now);
            read.ruling = Ruling::RELEASED;
            let made = self.entry(Payload::Read(Box::new(read)));
            self.judge.apply(&made);
            self.state.apply(std::slice::from_ref(&made), None);
            judge += began.elapsed();
            self.next += 1;
            alerts += decision.alerts.len();
            let began = Instant::now();
            black_box(sha256(&[made.encode()?.as_bytes()]));
            entry += began.elapsed();
        }
        black_box(alerts);
        let of = |all: Duration| all.as_secs_f64() * 1e9 / events;
        Ok(Cost { judge: of(judge), entry: of(entry) })
    }
}

/// Resident memory of this process, in bytes.
fn resident() -> Result<u64, Failed> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
    let words: Option<&str> = line.split_ascii_whitespace().nth(1);
    Ok(words.ok_or("no VmRSS")?.parse::<u64>()? * 1_024)
}

fn told(spread: &Spread) -> String {
    let Spread { median, least, greatest } = *spread;
    format!("{} ({} to {})", figure(median), figure(least), figure(greatest))
}

fn measure() -> Result<(), Failed> {
    let before = resident()?;
    let mut bench = Bench::new();
    let known = PROVIDERS * ROSTER;
    bench.reads(0..known)?;
    let grown = resident()?.saturating_sub(before);
    let starts = (0..RUNS as u64).map(|run| known + run * EVENTS);
    let costs: Vec<Cost> =
        starts.map(|n| bench.reads(n..n + EVENTS)).collect::<Result<_, Failed>>()?;
    let judge = Spread::of(costs.iter().map(|cost| cost.judge));
    let entry = Spread::of(costs.iter().map(|cost| cost.entry));
    let ratio = Spread::of(costs.iter().map(|cost| cost.judge / cost.entry));
    println!("{RUNS} times {EVENTS} reads, behind {known} by as many persons:");
    println!("  counted, judged and folded   {} ns a read", told(&judge));
    println!("  its entry encoded and hashed {} ns a read", told(&entry));
    println!("  the first of the second      {}", told(&ratio));
    println!(
        "  memory                       {} MiB, {} bytes a person",
        grown >> 20,
        grown / known
    );
    Ok(())
}

fn main() -> ExitCode {
    if !gauge::wanted() {
        println!("nothing measured: run it with `cargo bench --bench judge`");
        return ExitCode::SUCCESS;
    }
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("not measured: {error}");
            ExitCode::FAILURE
        }
    }
}
