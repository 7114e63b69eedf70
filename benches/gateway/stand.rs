//! What stands before the first call: an instance whose limits refuse nothing, the gateway and the
//! plain service as processes, connections to both, and the names of the records to read.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use greffier::anomaly::AnomalyJudge;
use greffier::client::token::{Fresh, TokenSource};
use greffier::client::{Client, ClientSettings, Records};
use greffier::config::policy;
use greffier::format::signer::{Signer, read_key};
use greffier::instance::{AgentIssuer, InstanceError, Layout, Login, Plan, prepare};
use greffier::proto::{Context, ListRecordsRequest};
use greffier::registrar::{start, wall};
use rusqlite::{Connection, OpenFlags};

use crate::gauge::{Failed, cpu};
use crate::nginx::Nginx;

/// Who calls: the second provider of an instance has scope `roster`, and here no issuer.
pub(crate) const PROVIDER: &str = "provider-02";
/// The same with agents' tokens.
const VOUCHED: &str = "provider-03";
/// The hidden argument that makes this program the plain service; behind its folder stands how.
pub(crate) const AS_PLAIN: &str = "--as-plain-server";
/// It lays the replies of a connection together.
pub(crate) const COALESCED: &str = "coalesced";
/// It leaves TLS to what stands before it.
pub(crate) const PLAINTEXT: &str = "plaintext";
/// Synthetic persons in the source.
const PERSONS: u64 = 100_000;
/// Of them on the caller's roster; every read is of one of these.
const ROSTER: u64 = 5_000;
/// Largest page.
pub(crate) const PAGE: i32 = 500;
/// Connections to each server.
const CONNECTIONS: usize = 4;
/// Budgets and rates that nothing in a benchmark reaches.
const ENOUGH: i64 = 10_000_000;
const FAST: i64 = 100_000;

/// One server process with connections to it. Ends the process when dropped.
pub(crate) struct Target {
    /// Before the process, if something is.
    front: Option<Nginx>,
    /// None if another target's process is called.
    child: Option<Child>,
    pid: u32,
    pub(crate) clients: Vec<Records>,
    pub(crate) names: Vec<String>,
}

impl Target {
    /// Process id.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether something stands before the process.
    pub(crate) fn is_fronted(&self) -> bool {
        self.front.is_some()
    }

    /// CPU time so far, of whatever stands before the process too.
    pub(crate) fn cpu(&self) -> std::io::Result<Duration> {
        let front = self.front.iter().flat_map(|front| &front.pids);
        front.chain([&self.pid]).map(|pid| cpu(*pid)).sum()
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Everything that is measured.
pub(crate) struct Stand {
    pub(crate) plain: Target,
    pub(crate) gateway: Target,
    /// The gateway again, called with tokens, if that is measured.
    pub(crate) vouched: Option<Target>,
    pub(crate) layout: Layout,
    address: String,
    // Last, so that the folder goes when nothing uses it any more.
    _folder: tempfile::TempDir,
}

impl Stand {
    /// Makes an instance below `place` and starts both servers on it. At the gateway the
    /// certificate stands in for the agent, but for a second set of connections, whose calls carry
    /// `tokens`. `plain`: how the plain service serves.
    pub(crate) async fn set_up(
        place: &Path,
        tokens: bool,
        plain: &[&str],
    ) -> Result<Stand, Failed> {
        let folder = tempfile::tempdir_in(place)?;
        let dir = folder.path().join("instance");
        let layout = init(&dir)?;
        let ids = assign(&layout)?;
        let this = std::env::current_exe()?;
        let behind_nginx = plain.contains(&PLAINTEXT);
        let mut service = Command::new(this);
        service.arg(AS_PLAIN).arg(&dir).args(plain);
        let (child, mut address) = start(&mut service)?;
        let (pid, child) = (child.id(), Some(child));
        let mut plain = Target { front: None, child, pid, clients: Vec::new(), names: Vec::new() };
        if behind_nginx {
            let front = Nginx::start(&layout, &address)?;
            address.clone_from(&front.address);
            plain.front = Some(front);
        }
        plain.names = ids.iter().map(|id| format!("datasets/cir/records/{id}")).collect();
        plain.clients = connect(&layout, &address, PROVIDER).await?;
        let mut serve = Command::new(env!("CARGO_BIN_EXE_greffier"));
        serve.args(["serve", "--config"]).arg(layout.config()).env("GREFFIER_LOG", "error");
        let (child, address) = start(&mut serve)?;
        let pid = child.id();
        let gateway = called(&layout, &address, PROVIDER, (Some(child), pid), &ids).await?;
        let vouched = match tokens {
            true => Some(called(&layout, &address, VOUCHED, (None, pid), &ids).await?),
            false => None,
        };
        Ok(Stand { plain, gateway, vouched, layout, address, _folder: folder })
    }

    /// Where the gateway is, for one of the clients that an instance has.
    pub(crate) fn settings(&self, name: &str) -> ClientSettings {
        settings(&self.layout, &self.address, name)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Number of the newest entry.
    pub(crate) async fn newest(&self) -> Result<u64, Failed> {
        let mode = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let ledger = Connection::open_with_flags(self.layout.ledger(), mode)?;
        Ok(ledger.query_row("SELECT max(seq) FROM entries", [], |row| row.get(0))?)
    }

    /// A folder on the ledger's disk.
    pub(crate) fn disk(&self) -> &Path {
        self.layout.root()
    }

    /// How many checkpoints cover entries `from..=to`: commits of that time.
    pub(crate) fn commits(&self, from: u64, to: u64) -> Result<u64, Failed> {
        let mode = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let ledger = Connection::open_with_flags(self.layout.ledger(), mode)?;
        let sql = "SELECT count(*) FROM checkpoints WHERE size > ?1 AND size <= ?2 + 1";
        Ok(ledger.query_row(sql, (from, to), |row| row.get(0))?)
    }
}

/// The gateway as one provider calls it.
async fn called(
    layout: &Layout,
    address: &str,
    provider: &str,
    (child, pid): (Option<Child>, u32),
    ids: &[String],
) -> Result<Target, Failed> {
    let clients = connect(layout, address, provider).await?;
    let mut target = Target { front: None, child, pid, clients, names: Vec::new() };
    target.names = list(&mut target.clients[0]).await?;
    if target.names.len() != ids.len() {
        return Err(format!("{} records were listed", target.names.len()).into());
    }
    Ok(target)
}

/// Makes an instance as `greffier init` does, but for the limits, which must be in the ledger's
/// first policy: a budget that is raised later fills up over its span and not at once.
fn init(dir: &Path) -> Result<Layout, Failed> {
    let plan = Plan {
        agents: 0,
        dir: dir.to_owned(),
        persons: PERSONS,
        providers: 3,
        seed: 1,
        listen: "127.0.0.1:0".to_owned(),
    };
    let prepared = prepare(&plan, &mut |_, _, _| ())?;
    let layout = &prepared.made().layout;
    raise_limits(layout)?;
    let policy = policy::load(&layout.policy())?;
    let name = prepared.made().verifier.name();
    let signer = Signer::new(name, &read_key(&layout.signing_key())?)?;
    let settings = start::LedgerSettings {
        path: layout.ledger(),
        high_water: layout.high_water(),
        queue: 1,
        share: 1,
        clock: greffier::registrar::clock::ClockSettings::default(),
        commits: greffier::registrar::Commits::default(),
    };
    let founding = layout.founding(name, wall() + 60_000)?;
    start::create(&settings, &signer, &policy.rules(), &founding, AnomalyJudge::fresh())?;
    Ok(prepared.finish()?.layout)
}

/// The callers' budgets and rates become such that nothing is refused.
fn raise_limits(layout: &Layout) -> Result<(), Failed> {
    let text = std::fs::read_to_string(layout.policy())?;
    let mut policy: toml_edit::DocumentMut = text.parse()?;
    for name in [PROVIDER, VOUCHED] {
        let provider = &mut policy["provider"][name];
        for rate in ["requests_per_second", "burst"] {
            provider[rate] = toml_edit::value(FAST);
        }
        provider["entries_per_day"] = toml_edit::value(100_000_000);
        let agent = provider["agent"].as_table_mut().ok_or("nobody vouches for the agents")?;
        ["requests_per_second", "burst"].iter().for_each(|rate| drop(agent.remove(rate)));
        if name == PROVIDER {
            agent["issuer"] = toml_edit::value("certificate");
        }
        let budgets = provider["budgets"].as_table_mut().ok_or("the provider has no budgets")?;
        for (_, budget) in budgets.iter_mut() {
            *budget = toml_edit::value(ENOUGH);
        }
    }
    std::fs::write(layout.policy(), policy.to_string())?;
    Ok(())
}

/// Puts persons from all over the source on the callers' rosters; returns their ids.
fn assign(layout: &Layout) -> Result<Vec<String>, Failed> {
    let mut source = Connection::open(layout.source())?;
    let all = source.transaction()?;
    let ids = all
        .prepare("SELECT id FROM dossiers ORDER BY id")?
        .query_map((), |row| row.get(0))?
        .step_by((PERSONS / ROSTER) as usize)
        .collect::<Result<Vec<String>, _>>()?;
    for provider in [PROVIDER, VOUCHED] {
        all.execute("DELETE FROM roster WHERE provider = ?1", [provider])?;
        for id in &ids {
            all.execute("INSERT INTO roster VALUES (?1, ?2)", [provider, id])?;
        }
    }
    all.commit()?;
    Ok(ids)
}

/// Starts a server and waits for the line that says where it listens.
fn start(command: &mut Command) -> Result<(Child, String), Failed> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut line = String::new();
    if let Some(out) = child.stdout.take() {
        BufReader::new(out).read_line(&mut line)?;
    }
    match line.trim().strip_prefix("listening on ") {
        Some(address) => Ok((child, address.to_owned())),
        None => Err(format!("a server did not start: {}", child.wait()?).into()),
    }
}

fn settings(layout: &Layout, address: &str, name: &str) -> ClientSettings {
    let (certificate, key): (PathBuf, PathBuf) = layout.client(name);
    let (address, server_name) = (address.to_owned(), "localhost".to_owned());
    ClientSettings { address, server_name, ca: layout.ca(), certificate, key, token: None }
}

async fn connect(layout: &Layout, address: &str, name: &str) -> Result<Vec<Records>, Failed> {
    let mut settings = settings(layout, address, name);
    if name == VOUCHED {
        settings.token = Some(source(layout, &settings.certificate));
    }
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        clients.push(Client::connect(&settings).await?.records);
    }
    Ok(clients)
}

/// One session of one agent.
fn source(layout: &Layout, certificate: &Path) -> TokenSource {
    let (layout, certificate) = (layout.clone(), certificate.to_owned());
    TokenSource::made(move || {
        let made = || {
            let login = Login::now("agent", &certificate)?;
            let token = AgentIssuer::open(&layout)?.token(&login, SystemTime::now())?;
            Ok(Fresh { token, lifetime: login.lifetime })
        };
        made().map_err(|error: InstanceError| error.to_string())
    })
}

/// The names of everybody on the roster, page by page. It also makes them known to the memory, so
/// that the reads to come are of persons met before.
async fn list(client: &mut Records) -> Result<Vec<String>, Failed> {
    let mut names = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListRecordsRequest {
            parent: "datasets/cir".to_owned(),
            context: Some(context()),
            page_size: PAGE,
            page_token,
        };
        let page = client.list_records(request).await?.into_inner();
        names.extend(page.records.into_iter().map(|record| record.name));
        if page.next_page_token.is_empty() {
            return Ok(names);
        }
        page_token = page.next_page_token;
    }
}

/// What every call says about itself.
pub(crate) fn context() -> Context {
    Context {
        purpose: "course_delivery".to_owned(),
        case_reference: "CIR/2026-00417".to_owned(),
        ..Context::default()
    }
}
