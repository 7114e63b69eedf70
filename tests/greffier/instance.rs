//! A development instance in a temporary folder, and the daemon that serves it: the built program,
//! real TLS, real gRPC. The daemon ends with its handle; nothing here waits for time to pass.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant, SystemTime};

use greffier::anomaly::AnomalyJudge;
use greffier::client::token::{Fresh, TokenSource};
use greffier::client::{Client, ClientSettings};
use greffier::config::{in_force, policy};
use greffier::format::checkpoint::VerifierKey;
use greffier::format::entry::{Detectors, Entry, Hash, Looser, Millis, Payload, Read, Refusals};
use greffier::format::signer::{Signer, read_key};
use greffier::instance::{AgentIssuer, Layout, Login};
use greffier::proto::{
    Context, GetReceiptRequest, GetRecordRequest, GetRecordResponse, ListRecordsRequest,
    ListRecordsResponse, SearchRecordsRequest, SearchRecordsResponse, View,
};
use greffier::registrar::Commits;
use greffier::registrar::clock;
use greffier::registrar::clock::{Clocks, Readings};
use greffier::registrar::{start, wall};
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;
use toml_edit::{DocumentMut, Item, value};
use tonic::Status;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_greffier");
/// The dataset of a development instance.
pub(crate) const CIR: &str = "datasets/cir";

/// A development instance. `provider-01` has scope `open`, `provider-02` and `-03` scope `roster`.
pub(crate) struct Instance {
    pub(crate) layout: Layout,
    _folder: TempDir,
}

/// Detectors that find nothing.
pub(crate) fn blind() -> Item {
    let mut detectors = toml_edit::Table::new();
    for (rule, figures) in Detectors::default().rules() {
        let mut table = toml_edit::Table::new();
        for figure in figures {
            let least = if figure.looser == Looser::Lower { 1 } else { 1_000_000_000 };
            table.insert(figure.name, value(least));
        }
        detectors.insert(rule, Item::Table(table));
    }
    Item::Table(detectors)
}

impl Instance {
    /// 2,000 persons, three providers.
    pub(crate) fn new() -> Instance {
        Instance::of(2_000, 3)
    }

    pub(crate) fn of(persons: u64, providers: u32) -> Instance {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let dir = folder.path().join("instance");
        let (persons, providers) = (persons.to_string(), providers.to_string());
        let made = Command::new(PROGRAM)
            .args(["init", "--listen", "127.0.0.1:0"])
            .args(["--persons", &persons, "--providers", &providers, "--dev"])
            .arg(&dir)
            .output()
            .expect("the program starts");
        assert!(made.status.success(), "init: {}", String::from_utf8_lossy(&made.stderr));
        Instance { layout: Layout::new(&dir), _folder: folder }
    }

    /// Changes policy.toml before the first start, with which it is the ledger's first; later a
    /// daemon takes it up, if it loosens nothing.
    pub(crate) fn policy(&self, change: impl FnOnce(&mut DocumentMut)) {
        edit(&self.layout.policy(), change);
        let last = self.entries().pop().expect("a genesis");
        let good = policy::load(&self.layout.policy()).is_ok();
        if good && matches!(last.payload, Payload::Policy(_)) {
            self.begin_anew();
        }
    }

    /// Begins the ledger anew under the policy as it is now, as `init` does: a policy that comes
    /// later resizes budgets and fills none.
    fn begin_anew(&self) {
        self.begin_at(wall());
    }

    /// The same by a clock that stands at `at`.
    pub(crate) fn begin_at(&self, at: Millis) {
        let (path, high_water) = (self.layout.ledger(), self.layout.high_water());
        std::fs::remove_file(&path).expect("the ledger of `init`");
        std::fs::remove_file(&high_water).expect("its high-water file");
        let settings = start::LedgerSettings {
            path,
            high_water,
            queue: 1,
            share: 1,
            clock: clock::ClockSettings {
                clocks: Clocks::new(0, move || Readings { wall: at, monotonic: 0, boot: 0 }),
                confirmed: None,
            },
            commits: Commits::default(),
        };
        let policy = policy::load(&self.layout.policy()).expect("a policy");
        let seed = read_key(&self.layout.signing_key()).expect("the signing key");
        let key = self.key();
        let signer = Signer::new(key.name(), &seed).expect("a name for a note");
        let founding = self.layout.founding(key.name(), at + 60_000);
        let founding = founding.expect("the administrators' keys");
        let made =
            start::create(&settings, &signer, &policy.rules(), &founding, AnomalyJudge::fresh());
        made.expect("a ledger");
        in_force::keep(&settings.path, &policy).expect("a copy of the policy");
    }

    /// Changes config.toml.
    pub(crate) fn config(&self, change: impl FnOnce(&mut DocumentMut)) {
        edit(&self.layout.config(), change);
    }

    /// Sets budgets of one provider, by their names in policy.toml, before the first start.
    pub(crate) fn budgets(&self, provider: &str, budgets: &[(&str, i64)]) {
        self.policy(|policy| {
            for (name, persons) in budgets {
                policy["provider"][provider]["budgets"][*name] = value(*persons);
            }
        });
        self.begin_anew();
    }

    /// Budgets of every provider so large that nothing exhausts them, detectors that find nothing,
    /// and a request rate that nothing here reaches, before the first start.
    pub(crate) fn widen(&self) {
        self.policy(|policy| {
            policy["detectors"] = blind();
            let providers = policy["provider"].as_table_mut().expect("providers");
            for (_, provider) in providers.iter_mut() {
                provider["requests_per_second"] = value(100_000);
                provider["burst"] = value(100_000);
                provider["entries_per_day"] = value(100_000_000);
                let agent = provider["agent"].as_table_mut().expect("who vouches for agents");
                ["requests_per_second", "burst"].iter().for_each(|rate| drop(agent.remove(rate)));
                let budgets = provider["budgets"].as_table_mut().expect("budgets");
                budgets.iter_mut().for_each(|(_, budget)| *budget = value(1_000_000));
            }
        });
        self.begin_anew();
    }

    /// Starts the daemon.
    pub(crate) fn serve(&self) -> Daemon {
        self.try_serve().unwrap_or_else(|not| panic!("serve: {}: {}", not.status, not.said))
    }

    /// Starts the daemon, unless it refuses.
    pub(crate) fn try_serve(&self) -> Result<Daemon, NotServing> {
        self.serve_by(Command::new(PROGRAM))
    }

    /// Starts the daemon by a command that runs the program with the arguments added to it, in a
    /// setting of its own, and becomes it: its process is the daemon's.
    pub(crate) fn serve_by(&self, program: Command) -> Result<Daemon, NotServing> {
        let log = self.layout.root().join("daemon.log");
        let stderr = OpenOptions::new().create(true).append(true).open(&log).expect("a log file");
        self.serve_with(program, stderr, "info")
    }

    /// Starts the daemon with another standard error, and a level of the log.
    pub(crate) fn serve_saying(&self, stderr: impl Into<Stdio>, level: &str) -> Daemon {
        let served = self.serve_with(Command::new(PROGRAM), stderr, level);
        served.unwrap_or_else(|not| panic!("serve: {}", not.status))
    }

    /// Starts the daemon with a standard output on which nothing can be said.
    pub(crate) async fn serve_unheard(&self) -> Daemon {
        let path = self.layout.root().join("daemon.log");
        let log = File::create(&path).expect("a log file");
        let full = OpenOptions::new().write(true).open("/dev/full").expect("a full device");
        let mut serve = Command::new(PROGRAM);
        let serve = serve.args(["serve", "--config"]).arg(self.layout.config());
        let child = serve.stdin(Stdio::null()).stdout(full).stderr(log).spawn();
        let (child, layout) = (child.expect("the program starts"), self.layout.clone());
        let mut daemon = Daemon { child, address: String::new(), layout, log: path };
        let said = daemon.until_said("taking calls address=").await;
        let address =
            said.split("taking calls address=").nth(1).and_then(|rest| rest.lines().next());
        daemon.address = address.expect("an address").to_owned();
        daemon
    }

    fn serve_with(
        &self,
        mut program: Command,
        stderr: impl Into<Stdio>,
        level: &str,
    ) -> Result<Daemon, NotServing> {
        let log = self.layout.root().join("daemon.log");
        let begins = std::fs::metadata(&log).map_or(0, |log| log.len());
        let mut child = program
            .args(["serve", "--config"])
            .arg(self.layout.config())
            .env("GREFFIER_LOG", level)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .expect("the program starts");
        // What it may have been given of a pipe is the child's alone.
        drop(program);
        let mut line = String::new();
        let out = child.stdout.take().expect("standard output is piped");
        BufReader::new(out).read_line(&mut line).expect("a line that is text");
        let Some(address) = line.trim().strip_prefix("listening on ") else {
            let status = child.wait().expect("a child ends once");
            let said = std::fs::read(&log).expect("the log");
            let said = said.get(begins as usize..).unwrap_or_default();
            return Err(NotServing { status, said: String::from_utf8_lossy(said).into_owned() });
        };
        let address = address.to_owned();
        Ok(Daemon { child, address, layout: self.layout.clone(), log })
    }

    /// Asserts that `verify --replay --all-signatures` calls the ledger sound.
    pub(crate) fn assert_sound(&self) {
        self.assert_verified(&[]);
    }

    /// The same with a checkpoint that somebody kept.
    pub(crate) fn assert_anchored(&self, anchor: &Path) {
        self.assert_verified(&["--anchor".as_ref(), anchor.as_os_str()]);
    }

    fn assert_verified(&self, anchors: &[&std::ffi::OsStr]) {
        let (ledger, key) = (self.layout.ledger(), self.layout.verifier_key());
        let mut verify = Command::new(PROGRAM);
        verify.arg("verify").arg(ledger).arg("--key").arg(key);
        let done = verify.args(["--replay", "--all-signatures"]).args(anchors).output();
        let done = done.expect("the program starts");
        let said = [done.stdout, done.stderr].concat();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&said));
    }

    /// Every entry written so far, a running daemon's too.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let parse = |body: &String| Entry::parse(body).expect("an entry of the ledger");
        self.bodies().iter().map(parse).collect()
    }

    /// Their bodies, as they are stored.
    pub(crate) fn bodies(&self) -> Vec<String> {
        let mode = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let ledger = Connection::open_with_flags(self.layout.ledger(), mode).expect("the ledger");
        let mut bodies = ledger.prepare("SELECT body FROM entries ORDER BY seq").expect("SQL");
        let bodies = bodies.query_map([], |row| row.get(0)).expect("rows");
        bodies.collect::<Result<_, _>>().expect("bodies")
    }

    /// The entry of a read.
    pub(crate) fn read(&self, entry: u64) -> Read {
        match self.entries().swap_remove(entry as usize).payload {
            Payload::Read(read) => *read,
            other => panic!("entry {entry} is no read: {other:?}"),
        }
    }

    /// The digests of refused calls.
    pub(crate) fn refusals(&self) -> Vec<Refusals> {
        let refusals = |entry: Entry| match entry.payload {
            Payload::Refusals(refusals) => Some(refusals),
            _ => None,
        };
        self.entries().into_iter().filter_map(refusals).collect()
    }

    /// What a client of bytes that has this certificate sends to be known.
    pub(crate) fn bearer(&self, name: &str) -> String {
        let (certificate, _) = self.layout.client(name);
        format!("Bearer {}", mint(&self.layout, &certificate).token)
    }

    /// The ledger's verifier key.
    pub(crate) fn key(&self) -> VerifierKey {
        let text = std::fs::read_to_string(self.layout.verifier_key()).expect("key.vkey");
        text.trim().parse().expect("a verifier key")
    }

    /// The records, to look into or to change while no daemon serves them.
    pub(crate) fn source(&self) -> Connection {
        Connection::open(self.layout.source()).expect("the records")
    }

    /// Takes SQLite's write lock on the ledger. The daemon waits some seconds for it, so that reads
    /// stay in flight until it is released, before it gives up.
    pub(crate) fn hold_ledger(&self) -> HeldLedger {
        let ledger = Connection::open(self.layout.ledger()).expect("the ledger");
        ledger.busy_timeout(Duration::from_secs(5)).expect("a timeout");
        ledger.execute_batch("BEGIN IMMEDIATE").expect("the write lock");
        HeldLedger(ledger)
    }

    /// Ids on the roster of a provider, in order.
    pub(crate) fn roster(&self, provider: &str) -> Vec<String> {
        let source = self.source();
        let mut ids = source.prepare("SELECT id FROM roster WHERE provider = ?1 ORDER BY id");
        let ids = ids.as_mut().expect("SQL").query_map([provider], |row| row.get(0));
        ids.expect("rows").collect::<Result<_, _>>().expect("ids")
    }
}

fn edit(path: &Path, change: impl FnOnce(&mut DocumentMut)) {
    let text = std::fs::read_to_string(path).expect("a file of the instance");
    let mut document: DocumentMut = text.parse().expect("TOML");
    change(&mut document);
    File::create(path).and_then(|mut file| write!(file, "{document}")).expect("a file to write");
}

/// A token of the instance's issuer, good with a certificate, for an agent who is called as that.
pub(crate) fn mint(layout: &Layout, certificate: &Path) -> Fresh {
    let issuer = AgentIssuer::open(layout).expect("the issuer of `init`");
    let mut login = Login::now("", certificate).expect("a certificate");
    login.agent = Hash(login.certificate).to_string();
    let token = issuer.token(&login, SystemTime::now()).expect("randomness");
    Fresh { token, lifetime: login.lifetime }
}

/// One such token after another.
pub(crate) fn minted(layout: &Layout, certificate: &Path) -> TokenSource {
    let (layout, certificate) = (layout.clone(), certificate.to_owned());
    TokenSource::made(move || Ok(mint(&layout, &certificate)))
}

/// A list of texts as TOML has it.
pub(crate) fn texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Item {
    value(toml_edit::Array::from_iter(texts))
}

/// While it lives, the ledger cannot be written.
pub(crate) struct HeldLedger(Connection);

impl HeldLedger {
    pub(crate) fn release(self) {
        self.0.execute_batch("ROLLBACK").expect("the end of a transaction");
    }
}

/// A daemon that refused to start.
#[derive(Debug)]
pub(crate) struct NotServing {
    pub(crate) status: ExitStatus,
    /// What it said on standard error.
    pub(crate) said: String,
}

/// A daemon that takes calls. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    pub(crate) address: String,
    layout: Layout,
    log: PathBuf,
}

impl Daemon {
    /// Where it is, for the client whose certificate and key `init` made under this name.
    pub(crate) fn settings(&self, name: &str) -> ClientSettings {
        let (certificate, key) = self.layout.client(name);
        self.settings_of(certificate, key)
    }

    /// Where it is, for a client with another certificate and key. It carries tokens of an agent of
    /// its own: whoever has another certificate is somebody else.
    pub(crate) fn settings_of(&self, certificate: PathBuf, key: PathBuf) -> ClientSettings {
        let (address, server_name) = (self.address.clone(), "localhost".to_owned());
        let token = Some(minted(&self.layout, &certificate));
        ClientSettings { address, server_name, ca: self.layout.ca(), certificate, key, token }
    }

    /// A connection as one of the clients that `init` made.
    pub(crate) async fn client(&self, name: &str) -> Caller {
        self.client_with(self.layout.client(name)).await
    }

    /// The same with the token of this agent, as its issuer calls them.
    pub(crate) async fn client_as(&self, name: &str, agent: &str) -> Caller {
        let login = Login::now(agent, &self.layout.client(name).0).expect("a certificate");
        let issuer = AgentIssuer::open(&self.layout).expect("the issuer of `init`");
        let token = issuer.token(&login, SystemTime::now()).expect("randomness");
        let settings =
            ClientSettings { token: Some(TokenSource::fixed(&token)), ..self.settings(name) };
        Caller(Client::connect(&settings).await.expect("a connection"))
    }

    /// A connection with another certificate and key.
    pub(crate) async fn client_with(&self, (certificate, key): (PathBuf, PathBuf)) -> Caller {
        let settings = self.settings_of(certificate, key);
        Caller(Client::connect(&settings).await.expect("a connection"))
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Says SIGTERM.
    pub(crate) fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        let (name, id) = (format!("-{name}"), self.child.id().to_string());
        let said = Command::new("kill").args([name, id]).status().expect("kill starts");
        assert!(said.success());
    }

    /// How it ended, once it has. Meanwhile the test's clients run on: they must answer its
    /// goodbye.
    pub(crate) async fn ended(mut self) -> ExitStatus {
        let ended = tokio::task::spawn_blocking(move || self.child.wait()).await;
        ended.expect("waiting does not panic").expect("a child ends once")
    }

    /// SIGTERM, and a clean end.
    pub(crate) async fn stop(self) {
        self.terminate();
        let ended = self.ended().await;
        assert!(ended.success(), "{ended}");
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("a child that runs");
        self.child.wait().expect("a child ends once");
    }

    /// Reads its log until it says so.
    pub(crate) async fn until_said(&self, words: &str) -> String {
        let began = Instant::now();
        loop {
            let log = self.log();
            if log.contains(words) {
                return log;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "not said: {words}");
            tokio::task::yield_now().await;
        }
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).expect("the log")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!(
                "the daemon's log:\n{}",
                std::fs::read_to_string(&self.log).unwrap_or_default()
            );
        }
    }
}

/// Why the tests read, unless they say otherwise.
pub(crate) fn context() -> Context {
    Context {
        purpose: "course_delivery".to_owned(),
        case_reference: "CASE/2026-1".to_owned(),
        view: View::Basic.into(),
        off_roster_reason: String::new(),
        request_id: String::new(),
    }
}

/// The same with a reason to meet persons off the roster.
pub(crate) fn off_roster() -> Context {
    Context { off_roster_reason: "walk_in".to_owned(), ..context() }
}

/// A client of the gateway.
#[derive(Clone)]
pub(crate) struct Caller(pub(crate) Client);

impl Caller {
    pub(crate) async fn get(
        &mut self,
        name: &str,
        context: Context,
    ) -> Result<GetRecordResponse, Status> {
        let request = GetRecordRequest { name: name.to_owned(), context: Some(context) };
        Ok(self.0.records.get_record(request).await?.into_inner())
    }

    pub(crate) async fn list(
        &mut self,
        page_size: i32,
        page_token: &str,
        context: Context,
    ) -> Result<ListRecordsResponse, Status> {
        let request = ListRecordsRequest {
            parent: CIR.to_owned(),
            context: Some(context),
            page_size,
            page_token: page_token.to_owned(),
        };
        Ok(self.0.records.list_records(request).await?.into_inner())
    }

    pub(crate) async fn search(
        &mut self,
        search: &str,
        values: &[(&str, &str)],
        page_size: i32,
        context: Context,
    ) -> Result<SearchRecordsResponse, Status> {
        self.search_behind("", (search, values), page_size, context).await
    }

    pub(crate) async fn search_behind(
        &mut self,
        page_token: &str,
        (search, values): (&str, &[(&str, &str)]),
        page_size: i32,
        context: Context,
    ) -> Result<SearchRecordsResponse, Status> {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let request = SearchRecordsRequest {
            parent: CIR.to_owned(),
            context: Some(context),
            search: search.to_owned(),
            values: values.iter().map(pair).collect(),
            page_size,
            page_token: page_token.to_owned(),
        };
        Ok(self.0.records.search_records(request).await?.into_inner())
    }

    pub(crate) async fn receipt(&mut self, entry: u64) -> Result<String, Status> {
        let receipt = self.0.ledger.get_receipt(GetReceiptRequest { entry }).await?;
        Ok(receipt.into_inner().receipt)
    }
}

#[tokio::test]
async fn an_instance_serves_a_read_and_its_ledger_is_sound() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let mut provider = daemon.client("provider-02").await;
    let page = provider.list(5, "", context()).await.unwrap();
    assert_eq!(page.records.len(), 5);
    let proof = page.proof.unwrap();
    assert_eq!(instance.read(proof.entry).rows, 5);
    daemon.stop().await;
    instance.assert_sound();
}
