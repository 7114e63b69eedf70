//! Declared bulk operations over the real daemon: who opens a job, what goes out under it, what
//! ends it, and what is left of a call that it does not cover.

mod endings;
mod forged;
mod hostile;
mod raced;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use greffier::client::Client;
use greffier::client::token::TokenSource;
use greffier::format::entry::{Deed, JobTerms, Method, Millis, Outcome, OwnedKey, Payload};
use greffier::instance::{AgentIssuer, Layout, Login};
use greffier::proto::{
    self, Context, ExportRecordsRequest, ExportRecordsResponse, ListRecordsResponse,
};
use greffier::registrar::wall;
use toml_edit::value;
use tonic::{Code, Status, Streaming};

use crate::given::{Given, assert_proven, assert_receipts};
use crate::instance::{CIR, Caller, Daemon, Instance, context};
use crate::signed::{HOUR, personal, signatures, statement};
use crate::told::told;

/// Whose jobs they are, unless a test says otherwise.
const PROVIDER: &str = "provider-02";

/// A job of an hour for what the tests read.
fn terms(rows: u64) -> JobTerms {
    let now = wall();
    JobTerms {
        purpose: "course_delivery".into(),
        view: "BASIC".into(),
        rows,
        from: now - 1,
        until: now + HOUR,
    }
}

/// An administrator with a connection.
struct Admin {
    client: Client,
    layout: Layout,
    id: &'static str,
}

impl Admin {
    async fn of(instance: &Instance, daemon: &Daemon, id: &'static str) -> Admin {
        let client = daemon.client(id).await.0;
        Admin { client, layout: instance.layout.clone(), id }
    }

    /// Submits what this one and others have signed.
    async fn submit(&mut self, deed: Deed, others: &[&str]) -> Result<proto::Act, Status> {
        let origin = self.client.origin().await?;
        let statement = statement(deed, "an exercise");
        let admins = [&[self.id], others].concat();
        let keys: Vec<_> = admins.iter().map(|id| (*id, personal(&self.layout, id))).collect();
        let signers: Vec<_> = keys.iter().map(|(id, key)| (*id, key)).collect();
        let (text, signatures) = signatures(&origin, &statement, &signers);
        self.client.submit(text, &signatures).await
    }

    async fn declare(&mut self, provider: &str, job: JobTerms) -> Result<u64, Status> {
        let (provider, dataset) = (provider.into(), "cir".into());
        Ok(self.submit(Deed::DeclareJob { provider, dataset, job }, &[]).await?.entry)
    }

    async fn approve(&mut self, declared: u64) -> Result<u64, Status> {
        Ok(self.submit(Deed::ApproveJob { declared }, &[]).await?.entry)
    }

    async fn withdraw(&mut self, declared: u64) -> Result<u64, Status> {
        Ok(self.submit(Deed::WithdrawJob { declared }, &[]).await?.entry)
    }
}

/// A job of so many rows that one administrator declared and another approved; its number.
pub(crate) async fn approved(instance: &Instance, daemon: &Daemon, rows: u64) -> u64 {
    let mut one = Admin::of(instance, daemon, "admin-1").await;
    let mut two = Admin::of(instance, daemon, "admin-2").await;
    let job = one.declare(PROVIDER, terms(rows)).await.expect("a job that is declared");
    two.approve(job).await.expect("a job that is approved");
    job
}

/// A daemon, and two administrators of it.
struct Office {
    daemon: Daemon,
    one: Admin,
    two: Admin,
}

impl Office {
    async fn of(instance: &Instance) -> Office {
        let daemon = instance.serve();
        let one = Admin::of(instance, &daemon, "admin-1").await;
        let two = Admin::of(instance, &daemon, "admin-2").await;
        Office { daemon, one, two }
    }

    /// Declares a job and has it approved; its number.
    async fn job(&mut self, terms: JobTerms) -> u64 {
        let job = self.one.declare(PROVIDER, terms).await.expect("a job that is declared");
        self.two.approve(job).await.expect("a job that is approved");
        job
    }

    /// A connection of the provider for an agent whose tokens are issued as at `issued`.
    async fn agent(&self, layout: &Layout, agent: &str, issued: SystemTime) -> Caller {
        let (certificate, _) = layout.client(PROVIDER);
        let issuer = AgentIssuer::open(layout).expect("the issuer of `init`");
        let login = Login::now(agent, &certificate).expect("a certificate");
        let token = issuer.token(&login, issued).expect("randomness");
        let token = Some(TokenSource::fixed(&token));
        let settings = greffier::client::ClientSettings { token, ..self.daemon.settings(PROVIDER) };
        Caller(Client::connect(&settings).await.expect("a connection"))
    }
}

/// Requests that come slowly, so that an export has an end to wait for.
fn slowly(instance: &Instance, provider: &str, burst: i64) {
    instance.policy(|policy| {
        let provider = &mut policy["provider"][provider];
        provider["requests_per_second"] = value(8);
        provider["burst"] = value(burst);
        let agent = provider["agent"].as_table_mut().expect("who vouches for agents");
        ["requests_per_second", "burst"].iter().for_each(|rate| drop(agent.remove(rate)));
    });
}

fn request(job: u64, page_size: i32, page_token: &str) -> ExportRecordsRequest {
    ExportRecordsRequest {
        parent: CIR.to_owned(),
        context: Some(context()),
        job,
        page_size,
        page_token: page_token.to_owned(),
    }
}

fn with(change: impl FnOnce(&mut Context)) -> Context {
    let mut context = context();
    change(&mut context);
    context
}

/// What came of an export until its end.
#[derive(Debug, Default)]
struct Got {
    given: Vec<Given>,
    rows: usize,
    names: Vec<String>,
    /// From the last page.
    token: String,
    error: Option<Status>,
}

impl Got {
    fn take(&mut self, page: ExportRecordsResponse) {
        let ExportRecordsResponse { records, next_page_token, proof } = page;
        self.rows += records.len();
        self.names.extend(records.iter().map(|record| record.name.clone()));
        self.token = next_page_token.clone();
        // A page is a list's, but for the entry.
        let list = ListRecordsResponse { records, next_page_token, proof };
        self.given.push(Given::page(PROVIDER, list));
    }

    /// Takes at most so many pages more; whether the stream goes on.
    async fn pages(&mut self, stream: &mut Streaming<ExportRecordsResponse>, most: usize) -> bool {
        for _ in 0..most {
            match stream.message().await {
                Ok(Some(page)) => self.take(page),
                Ok(None) => return false,
                Err(status) => {
                    self.error = Some(status);
                    return false;
                }
            }
        }
        true
    }

    fn entries(&self) -> Vec<u64> {
        self.given.iter().map(Given::entry).collect()
    }

    /// Why it ended.
    fn told(self) -> crate::told::Told {
        told(self.error.map_or(Ok(()), Err))
    }
}

/// An export until its end.
async fn exported(caller: &mut Caller, request: ExportRecordsRequest) -> Got {
    let mut got = Got::default();
    match caller.0.export(request).await {
        Ok(mut stream) => drop(got.pages(&mut stream, usize::MAX).await),
        Err(status) => got.error = Some(status),
    }
    got
}

/// Alerts of an instance: number, rule and severity in words.
fn alerts(instance: &Instance) -> Vec<greffier::format::entry::Alert> {
    let alert = |entry: greffier::format::entry::Entry| match entry.payload {
        Payload::Alert(alert) => Some(alert),
        _ => None,
    };
    instance.entries().into_iter().filter_map(alert).collect()
}

/// Rows of all exports in the ledger.
fn rows_out(instance: &Instance) -> u64 {
    let rows = |entry: greffier::format::entry::Entry| match entry.payload {
        Payload::Read(read) if read.method == Method::Export => read.rows,
        _ => 0,
    };
    instance.entries().into_iter().map(rows).sum()
}

#[tokio::test]
async fn a_roster_goes_out_page_by_page_beside_the_budgets_and_the_memory_counts() {
    let instance = Instance::new();
    let roster = instance.roster(PROVIDER).len();
    assert!(roster > 25, "{roster}");
    let mut office = Office::of(&instance).await;
    let job = office.job(terms(2 * roster as u64)).await;
    let mut provider = office.daemon.client(PROVIDER).await;
    // A page of all that the minute's budget holds goes out besides: the export took nothing of it.
    let before = told(provider.list(500, "", context()).await);
    let left: i32 = before.metadata["remaining"].parse().unwrap();
    let whole = exported(&mut provider, request(job, 10, "")).await;
    assert!(whole.error.is_none(), "{whole:?}");
    assert_eq!((whole.rows, whole.token.as_str()), (roster, ""));
    let mut names = whole.names.clone();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), roster);
    for (n, entry) in whole.entries().into_iter().enumerate() {
        let read = instance.read(entry);
        assert_eq!((read.method, read.job), (Method::Export, Some(job)));
        assert_eq!((read.off.len(), read.reason.clone()), (0, None));
        assert_eq!(read.rows, read.on.len() as u64);
        // The memory counts each of them once.
        assert_eq!(read.facts.all.agent_day, read.rows, "page {n}");
    }
    let after = told(provider.list(500, "", context()).await);
    assert!(after.metadata["remaining"].parse::<i32>().unwrap() >= left);
    let page = provider.list(left.min(roster as i32), "", context()).await.expect("a page");
    let read = instance.read(page.proof.as_ref().unwrap().entry);
    let all = read.facts.all;
    assert_eq!(all.provider_day, 0, "the provider was given them by the export");
    assert_eq!(all.agent_day, read.rows, "an export opens no file to the agent: a list is charged");
    // The same again is as much again.
    let again = exported(&mut provider, request(job, 500, "")).await;
    assert_eq!(again.rows, roster);
    let third = exported(&mut provider, request(job, 500, "")).await;
    assert_eq!(third.rows, 0);
    assert_eq!(third.told().what(), (Code::ResourceExhausted, "JOB_EXHAUSTED"));
    let infos = alerts(&instance);
    assert!(infos.iter().all(|alert| alert.measures.is_empty()), "{infos:?}");
    let mut given = whole.given;
    given.extend(again.given);
    assert_proven(&instance.layout.ledger(), &instance.key(), &given);
    assert_receipts(&instance.layout.ledger(), &instance.key(), &given);
    office.daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn a_job_takes_two_administrators_whatever_keys_one_of_them_has() {
    let instance = Instance::new();
    let mut office = Office::of(&instance).await;
    let job = office.one.declare(PROVIDER, terms(10)).await.expect("a job that is declared");
    let mut provider = office.daemon.client(PROVIDER).await;
    let closed = (Code::PermissionDenied, "JOB_NOT_OPEN");
    let impossible = (Code::FailedPrecondition, "ACT_NOT_POSSIBLE");
    let Office { one, two, .. } = &mut office;
    assert_eq!(exported(&mut provider, request(job, 5, "")).await.told().what(), closed);
    assert_eq!(told(one.approve(job).await).what(), impossible);
    let approval = Deed::ApproveJob { declared: job };
    let both = one.submit(approval.clone(), &["admin-2"]).await;
    assert_eq!(told(both).what(), impossible, "who declared it hands it in");
    // A second key is the same person.
    let second = greffier::format::personal::PersonalKey::new(&[77; 32]);
    let enrolment = OwnedKey { admin: "admin-1".into(), key: second.public() };
    one.submit(Deed::EnrolKey(enrolment), &["admin-2"]).await.expect("a second key");
    let origin = one.client.origin().await.unwrap();
    let by_second = statement(approval, "an exercise");
    let (text, signed) = signatures(&origin, &by_second, &[("admin-1", &second)]);
    assert_eq!(told(one.client.submit(text, &signed).await).what(), impossible);
    assert_eq!(exported(&mut provider, request(job, 5, "")).await.told().what(), closed);
    two.approve(job).await.expect("another approves");
    assert_eq!(told(two.approve(job).await).what(), impossible, "once");
    assert_eq!(exported(&mut provider, request(job, 5, "")).await.rows, 10);
    one.withdraw(job).await.expect("either withdraws");
    assert_eq!(told(two.approve(job).await).what(), impossible);
    assert_eq!(told(two.withdraw(job).await).what(), impossible);
    // No entry but an act that declares is a job.
    for number in [0, job + 1, 1 << 40] {
        assert_eq!(told(two.approve(number).await).what(), impossible);
    }
    let withdrawn = one.declare(PROVIDER, terms(10)).await.expect("another job");
    one.withdraw(withdrawn).await.expect("before it was approved");
    assert_eq!(told(two.approve(withdrawn).await).what(), impossible);
    office.daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn who_watches_is_told_what_a_job_allows_and_which_was_approved() {
    let instance = Instance::new();
    let mut office = Office::of(&instance).await;
    let asked = terms(10);
    let job = office.job(asked.clone()).await;
    let mut soc = office.daemon.client("security-soc").await.0;
    let request = proto::TailAlertsRequest { after_entry: job - 1 };
    let mut tail = soc.alerts.tail_alerts(request).await.expect("a tail").into_inner();
    let mut acts = Vec::new();
    while acts.len() < 2 {
        let message = tail.message().await.expect("an event").expect("no end");
        if let Some(proto::tail_alerts_response::Event::Act(act)) = message.event {
            acts.push(act);
        }
    }
    let [declared, approved] = &acts[..] else { unreachable!("two") };
    let told = declared.job.clone().expect("what it allows");
    assert_eq!((&*told.purpose, &*told.view), (&*asked.purpose, &*asked.view));
    let times = (told.from_unix_ms, told.until_unix_ms);
    assert_eq!((told.rows, times), (10, (asked.from, asked.until)));
    assert_eq!((declared.entry, declared.declared), (job, 0));
    assert_eq!((approved.job.clone(), approved.declared), (None, job));
}

/// Rows, from and until of a job, by the time from now.
fn timed(rows: u64, from: i64, until: i64) -> JobTerms {
    let at = |ms: i64| Millis::try_from(i64::try_from(wall()).unwrap() + ms).unwrap();
    JobTerms { from: at(from), until: at(until), ..terms(rows) }
}

#[tokio::test]
async fn a_declaration_is_held_to_the_policy_and_to_its_time() {
    let instance = Instance::new();
    let mut office = Office::of(&instance).await;
    let one = &mut office.one;
    let cases: [(&str, &str, JobTerms); 4] = [
        ("job.purpose", PROVIDER, JobTerms { purpose: "marketing".into(), ..terms(1) }),
        ("job.view", PROVIDER, JobTerms { view: "FULL".into(), ..terms(1) }),
        ("job.view", PROVIDER, JobTerms { view: "EVERYTHING".into(), ..terms(1) }),
        ("provider", "provider-99", terms(1)),
    ];
    for (field, provider, job) in cases {
        let refused = told(one.declare(provider, job.clone()).await);
        assert_eq!(refused.what(), (Code::InvalidArgument, "REQUEST_MALFORMED"), "{job:?}");
        assert_eq!(refused.fields, [field], "{job:?}");
    }
    let (provider, dataset) = (PROVIDER.into(), "visa".into());
    let elsewhere = Deed::DeclareJob { provider, dataset, job: terms(1) };
    let refused = told(one.submit(elsewhere, &[]).await);
    assert_eq!(refused.fields, ["dataset"]);
    let (hour, month) = (HOUR as i64, 31 * 24 * HOUR as i64);
    for job in [
        timed(0, 0, hour),
        timed(1, hour, hour),
        timed(1, 2 * hour, hour),
        timed(1, -2 * hour, -hour),
        timed(1, 0, month + 60_000),
    ] {
        let refused = told(one.declare(PROVIDER, job.clone()).await);
        assert_eq!(refused.what(), (Code::FailedPrecondition, "ACT_NOT_POSSIBLE"), "{job:?}");
    }
    one.declare(PROVIDER, timed(1, 0, month - 60_000)).await.expect("a job of a month");
    office.daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exports_side_by_side_take_what_the_job_allows_and_alarm_nobody() {
    let instance = Instance::new();
    instance.widen();
    let mut office = Office::of(&instance).await;
    let job = office.job(terms(101)).await;
    let pages = AtomicU64::new(0);
    let mut calls = Vec::new();
    for n in 0..8 {
        let mut caller = office.daemon.client(PROVIDER).await;
        let pages = &pages;
        calls.push(async move {
            let got = exported(&mut caller, request(job, 3 + n % 3, "")).await;
            pages.fetch_add(got.given.len() as u64, Ordering::Relaxed);
            got
        });
    }
    let mut got = futures_util::future::join_all(calls).await;
    // Each has a roster to get through, and there is not enough for all: who is still there finds
    // out.
    let mut last = office.daemon.client(PROVIDER).await;
    while got.iter().map(|got| got.rows).sum::<usize>() < 101 {
        got.push(exported(&mut last, request(job, 50, "")).await);
    }
    let none = exported(&mut last, request(job, 50, "")).await;
    assert_eq!(none.told().what(), (Code::ResourceExhausted, "JOB_EXHAUSTED"));
    assert_eq!(got.iter().map(|got| got.rows).sum::<usize>(), 101);
    assert_eq!(rows_out(&instance), 101);
    for error in got.iter().filter_map(|got| got.error.clone()) {
        assert_eq!(told::<()>(Err(error)).reason, "JOB_EXHAUSTED");
    }
    assert_eq!(alerts(&instance), []);
    let given: Vec<Given> = got.into_iter().flat_map(|got| got.given).collect();
    assert_proven(&instance.layout.ledger(), &instance.key(), &given);
    office.daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn a_request_rate_slows_an_export_and_does_not_break_it() {
    let instance = Instance::new();
    slowly(&instance, PROVIDER, 2);
    let mut office = Office::of(&instance).await;
    let job = office.job(terms(1_000)).await;
    let mut provider = office.daemon.client(PROVIDER).await;
    let roster = instance.roster(PROVIDER).len();
    let size = i32::try_from(roster / 6).unwrap();
    let got = exported(&mut provider, request(job, size, "")).await;
    assert!(got.error.is_none() && got.given.len() > 5, "{got:?}");
    assert_eq!(got.rows, roster);
    assert!(instance.refusals().is_empty(), "a wait is no refusal");
    office.daemon.stop().await;
}

/// Nothing of an export outside of what its job says.
fn assert_nothing_else_went(instance: &Instance, job: u64) {
    for entry in instance.entries() {
        if let Payload::Read(read) = entry.payload
            && read.method == Method::Export
        {
            assert_eq!(read.job, Some(job));
            let of_job = (&*read.purpose, &*read.view) == ("course_delivery", "BASIC");
            assert!(of_job || read.ruling.outcome == Outcome::Withheld);
        }
    }
}

#[tokio::test]
async fn a_job_is_open_by_the_time_of_the_entries_and_not_by_the_clock() {
    let instance = Instance::new();
    let ahead = wall() + 10 * 60_000;
    instance.begin_at(ahead);
    let mut office = Office::of(&instance).await;
    let mut provider = office.daemon.client(PROVIDER).await;
    let begun = office.job(JobTerms { from: ahead, until: ahead + HOUR, ..terms(500) }).await;
    let got = exported(&mut provider, request(begun, 10, "")).await;
    assert!(got.error.is_none() && got.rows > 0, "{got:?}");
    let (_, now) = provider.0.origin_and_time().await.unwrap();
    let over = JobTerms { from: ahead - HOUR, until: now + 5_000, ..terms(1_000_000) };
    let over = office.job(over).await;
    // Behind a clock that is ahead time goes at half speed: it ends all the same.
    let closed = loop {
        let got = exported(&mut provider, request(over, 1, "")).await;
        if let Some(status) = got.error {
            break told(Err::<(), _>(status));
        }
    };
    assert_eq!(closed.reason, "JOB_NOT_OPEN");
    office.daemon.stop().await;
    instance.assert_sound();
}
