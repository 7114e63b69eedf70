//! A development instance as `greffier init --dev` makes it, and a ledger that its registrar wrote.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use greffier::admission::Keyring;
use greffier::anomaly::AnomalyJudge;
use greffier::config::policy::{self, Policy};
use greffier::format::checkpoint::VerifierKey;
use greffier::format::entry::{
    Access, Act, CertificateRefusals, Deed, Facts, Given, Matter, Method, Nonce, Read,
    RefusalCount, Refusals, Roster, Ruling, Signature, SignedAct, Statement, Tag, Warning, Whom,
    Word, sha256,
};
use greffier::format::personal::PersonalKey;
use greffier::format::signer::{Signer, random, read_key};
use greffier::format::tag::Tagger;
use greffier::instance::{ADMINS, Layout, Plan, prepare};
use greffier::registrar::{Commits, Draft, Ledger, Registrar, bind, clock, start, wall};
use greffier::state::memory::Reach;
use greffier::verify::store::Store;
use rusqlite::Connection;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const ORIGIN: &str = "greffier.example/reads";
/// Providers of the instance. The first may go off its roster.
const PROVIDERS: [&str; 3] = ["provider-01", "provider-02", "provider-03"];
/// The one whose certificate stands in for its agent.
pub const CERTIFIED: &str = PROVIDERS[2];
const HOUR: u64 = 3_600_000;

/// An instance with a ledger.
pub struct Instance {
    pub layout: Layout,
    /// Where it listens, if it is started.
    pub address: String,
    /// The key of its ledger.
    pub key: VerifierKey,
    pub policy: Policy,
    _folder: TempDir,
}

impl Instance {
    /// Makes one, with a ledger that has its policy and nothing else.
    pub fn new() -> Instance {
        let folder = TempDir::new().expect("a temporary folder");
        let address = {
            let free = TcpListener::bind("127.0.0.1:0").expect("a port");
            free.local_addr().expect("an address").to_string()
        };
        let plan = Plan {
            dir: folder.path().join("instance"),
            persons: 300,
            providers: PROVIDERS.len() as u32,
            agents: 0,
            seed: 1,
            listen: address.clone(),
        };
        let prepared = prepare(&plan, &mut |_, _, _| ()).expect("an instance");
        let layout = &prepared.made().layout;
        fs::write(layout.policy(), often(&layout.policy())).expect("its policy");
        let policy = policy::load(&layout.policy()).expect("its policy");
        let founding = layout.founding(ORIGIN, wall() + HOUR).expect("its administrators");
        let (settings, signer) = (settings(layout), signer(layout));
        let made =
            start::create(&settings, &signer, &policy.rules(), &founding, AnomalyJudge::fresh());
        made.expect("a ledger");
        let made = prepared.finish().expect("the instance in its place");
        // Its folder is another one now.
        let policy = policy::load(&made.layout.policy()).expect("its policy");
        Instance { layout: made.layout, address, key: made.verifier, policy, _folder: folder }
    }

    /// Makes one whose ledger has entries of every kind.
    pub fn written() -> Instance {
        let instance = Instance::new();
        let runtime = Runtime::new().expect("a runtime");
        let _inside = runtime.enter();
        let registrar = Registrar::start(
            settings(&instance.layout),
            signer(&instance.layout),
            instance.policy.rules(),
            Box::new(AnomalyJudge::fresh),
        );
        let registrar = registrar.expect("a ledger that can be taken up");
        runtime.block_on(instance.write(&registrar.ledger, registrar.head));
        registrar.finish();
        instance
    }

    /// Where its ledger is.
    pub fn settings(&self) -> start::LedgerSettings {
        settings(&self.layout)
    }

    /// The signer of its ledger.
    pub fn signer(&self) -> Signer {
        signer(&self.layout)
    }

    async fn write(&self, ledger: &Ledger, head: u64) {
        let written = "a writable ledger";
        let [open, second, third] = PROVIDERS;
        for (provider, persons) in [(open, 40), (second, 30), (third, 20)] {
            ledger.roster(roster(provider, persons)).await.expect(written);
        }
        for n in 0..6 {
            read(ledger, head, second, (&[person(second, n)], &[])).await;
        }
        let page: Vec<_> = (0..9).map(|n| person(third, n)).collect();
        read(ledger, head, third, (&page, &[])).await;
        read(ledger, head, third, (&[], &[])).await;
        // Until strangers bring about an alert.
        for n in 0..16 {
            read(ledger, head, open, (&[], &[person(open, 100 + n)])).await;
        }
        let warning = Warning { matter: Matter::Wal, observed: 80, expected: 64 };
        ledger.warn(warning).await.expect(written);
        ledger.refusals(refusals()).await.expect(written);
        ledger.access(access()).await.expect(written);
        for act in self.acts() {
            ledger.act(act).await.expect(written);
        }
    }

    /// Acts of administrators, as they would sign them.
    fn acts(&self) -> Vec<Act> {
        let whom = |provider: &str| Whom { provider: provider.into(), agent: None };
        let [open, second, _] = PROVIDERS;
        vec![
            self.signed(Deed::Suspend(whom(second)), &ADMINS[..1]),
            self.signed(Deed::Reinstate(whom(second)), &ADMINS[..1]),
            self.signed(Deed::Lift(whom(open)), &ADMINS),
        ]
    }

    fn signed(&self, deed: Deed, admins: &[&str]) -> Act {
        let (reason, nonce) = ("an exercise".to_owned(), Nonce(random().expect("randomness")));
        let statement = Statement { deed, reason, nonce, expires: wall() + HOUR };
        let text = statement.encode(ORIGIN).expect("a statement");
        let sign = |admin: &&str| -> Signature {
            let key = PersonalKey::read(&self.layout.personal_key(admin)).expect("a key");
            key.sign(&Word::from(*admin), &text)
        };
        let signatures = admins.iter().map(sign).collect();
        let (id, certificate) = (admins[0].into(), Some(sha256(&[b"admin"])));
        Act::Signed(SignedAct { id, certificate, statement, signatures })
    }

    /// The certificate of one of its clients, DER.
    pub fn certificate(&self, name: &str) -> Vec<u8> {
        let (certificate, _) = self.layout.client(name);
        CertificateDer::from_pem_file(certificate).expect("a certificate").to_vec()
    }

    /// A whole copy of its ledger that is no longer a WAL.
    pub fn copy(&self, to: &Path) -> PathBuf {
        let from = Connection::open(self.layout.ledger()).expect("the ledger");
        from.execute("VACUUM INTO ?1", [to.to_str()]).expect("a copy");
        to.to_owned()
    }

    /// The bodies of its ledger's entries, in their order.
    pub fn bodies(&self) -> Vec<String> {
        let store = Store::open(&self.layout.ledger()).expect("the ledger");
        (0..).map_while(|seq| store.body(seq).ok()).collect()
    }

    /// The keys of its agents' issuer.
    pub fn keyring(&self) -> Keyring {
        Keyring::open(&self.policy.issuers, &self.policy.folder).expect("the keys of its issuer")
    }
}

impl Default for Instance {
    fn default() -> Instance {
        Instance::new()
    }
}

/// The policy with rates that the fuzzer does not reach, and without tokens for one provider.
fn often(path: &Path) -> String {
    let policy = fs::read_to_string(path).expect("its policy");
    let often = policy.replace("burst = 100", "burst = 10000").replace("= 50\n", "= 10000\n");
    let with = |issuer: &str| format!("[provider.{CERTIFIED}.agent]\nissuer = \"{issuer}\"\n");
    let rates = "requests_per_second = 20\nburst = 40\n";
    let vouched = with("development") + rates;
    assert!(often.contains(&vouched), "the instance has another policy than before");
    often.replace(&vouched, &with("certificate"))
}

fn settings(layout: &Layout) -> start::LedgerSettings {
    start::LedgerSettings {
        path: layout.ledger(),
        high_water: layout.high_water(),
        queue: 64,
        share: 64,
        clock: clock::ClockSettings::default(),
        commits: Commits::default(),
    }
}

fn signer(layout: &Layout) -> Signer {
    let seed = read_key(&layout.signing_key()).expect("its key");
    Signer::new(ORIGIN, &seed).expect("a name that notes can carry")
}

fn person(provider: &str, n: u32) -> Tag {
    Tagger::new(&[9; 32]).subject(provider, "cir", &format!("CIR-{n:07}"))
}

fn roster(provider: &str, persons: u64) -> Roster {
    Roster {
        provider: provider.into(),
        dataset: "cir".into(),
        persons,
        digest: sha256(&[provider.as_bytes()]),
        added: None,
        removed: None,
    }
}

fn refusals() -> Refusals {
    Refusals {
        since: wall(),
        certificates: vec![CertificateRefusals {
            certificate: sha256(&[b"refused"]),
            provider: Some(PROVIDERS[0].into()),
            counts: vec![RefusalCount { reason: "RATE_LIMITED".into(), count: 31 }],
        }],
        others: vec![RefusalCount { reason: "HANDSHAKE".into(), count: 4 }],
    }
}

fn access() -> Access {
    Access {
        role: "auditor".into(),
        id: "auditor-1".into(),
        certificate: sha256(&[b"auditor"]),
        what: Given::Receipt,
        entry: 3,
    }
}

/// Has a read of these persons judged and recorded, on the roster and off it.
async fn read(ledger: &Ledger, head: u64, provider: &str, (on, off): (&[Tag], &[Tag])) {
    let tagger = Tagger::new(&[9; 32]);
    let rows = (on.len() + off.len()) as u64;
    let read = Read {
        policy: head,
        request: None,
        replay_of: None,
        provider: provider.into(),
        certificate: sha256(&[provider.as_bytes()]),
        agent: tagger.agent(provider, "agent"),
        issuer: None,
        methods: Vec::new(),
        auth_age: None,
        token: None,
        network: "192.0.2.0/24".into(),
        dataset: "cir".into(),
        purpose: "course_delivery".into(),
        case: tagger.case(provider, "case"),
        reason: (!off.is_empty()).then(|| "transfer".into()),
        method: if rows == 1 { Method::Get } else { Method::List },
        view: "BASIC".into(),
        job: None,
        keys: Vec::new(),
        asked: rows,
        misses: 0,
        rows,
        on: on.to_vec(),
        off: off.to_vec(),
        facts: Facts::default(),
        context: Vec::new(),
        decoys: 0,
        weight: rows,
        ruling: Ruling::PENDING,
        reply: Some(sha256(&[b"reply"])),
    };
    let reach = match [on, off].concat()[..] {
        [one] => Reach::One(one),
        _ => Reach::Page(rows),
    };
    let (bound, _) = bind(Draft { read: Box::new(read), reach, asked: None, enrolled: false });
    ledger.record(bound).await.expect("a writable ledger");
}
