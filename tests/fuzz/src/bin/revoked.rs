//! The authorities that vouch for clients, and the lists of what they revoked: two files in PEM,
//! here one behind the other, as the server takes them up at its start.

#![no_main]

use std::fs;
use std::sync::LazyLock;
use std::time::Duration;

use greffier::admission::Tokens;
use greffier::anomaly::AnomalyJudge;
use greffier::format::tag::Tagger;
use greffier::log::Log;
use greffier::places::Limits;
use greffier::quota::Quota;
use greffier::registrar::Registrar;
use greffier::service::Server;
use greffier::service::door::tls::TlsSettings;
use greffier::service::policy::{ActivePolicy, CurrentPolicy, PolicySwitch};
use greffier::service::read::ReadPath;
use greffier::service::watch::sizes::LedgerFile;
use greffier::source::{Source, sqlite};
use greffier_fuzz::instance::Instance;
use greffier_fuzz::{file, put};
use libfuzzer_sys::fuzz_target;
use tempfile::NamedTempFile;
use tokio::runtime::Runtime;

/// What a server is made of, but for its TLS.
struct Gateway {
    instance: Instance,
    registrar: Registrar,
    policies: (CurrentPolicy, PolicySwitch),
    log: Log,
    authorities: NamedTempFile,
    revoked: NamedTempFile,
    runtime: Runtime,
}

static GATEWAY: LazyLock<Gateway> = LazyLock::new(|| {
    let (instance, runtime) = (Instance::new(), Runtime::new().expect("a runtime"));
    let registrar = {
        let _inside = runtime.enter();
        let (settings, signer) = (instance.settings(), instance.signer());
        Registrar::start(settings, signer, instance.policy.rules(), Box::new(AnomalyJudge::fresh))
    };
    let registrar = registrar.expect("a ledger that can be taken up");
    let records = sqlite::SqliteSettings { path: instance.layout.source(), readers: 1 };
    let records = sqlite::Sqlite::open(&records, &instance.policy.datasets).expect("records");
    let terms =
        instance.policy.terms(registrar.head, "greffier.example", &[7; 32], instance.keyring());
    let source = Source::new(records, Tagger::new(&[9; 32]));
    let quota = Quota::new(&terms);
    let policies = CurrentPolicy::new(ActivePolicy { terms: terms.into(), quota, source });
    let log = Log::start().expect("a log");
    let (authorities, revoked) = (file(), file());
    Gateway { instance, registrar, policies, log, authorities, revoked, runtime }
});

fuzz_target!(|bytes: &[u8]| {
    let gateway = &*GATEWAY;
    // Lists begin behind the first zero byte; without one, the authorities are the real ones.
    let layout = &gateway.instance.layout;
    match bytes.iter().position(|byte| *byte == 0) {
        Some(at) => {
            put(&gateway.authorities, &bytes[..at]);
            put(&gateway.revoked, &bytes[at + 1..]);
        }
        None => {
            let real = fs::read(layout.ca()).expect("the instance's authority");
            put(&gateway.authorities, &real);
            put(&gateway.revoked, bytes);
        }
    }
    let settings = TlsSettings {
        certificate: layout.server_certificate(),
        key: layout.server_key(),
        client_ca: gateway.authorities.path().to_owned(),
        client_crl: Some(gateway.revoked.path().to_owned()),
        handshake_timeout: Duration::from_secs(1),
    };
    let rooms = ReadPath {
        policies: gateway.policies.0.clone(),
        tokens: Tokens::default(),
        ledger: gateway.registrar.ledger.clone(),
    };
    let ledger_file = LedgerFile { path: layout.ledger(), wal_max: 1 << 30 };
    let log = gateway.log.clone();
    let server = Server::new(rooms, &settings, Limits::default(), ledger_file, log);
    if let Err(error) = gateway.runtime.block_on(server) {
        assert!(!error.to_string().is_empty());
    }
});
