//! Writes what the fuzzer begins with: for each target a folder of inputs, made by the real code or
//! shipped with it.

use std::fs;
use std::path::Path;

use greffier::format::entry::{Deed, Nonce, Statement, Whom};
use greffier::verify::store::Store;
use greffier_fuzz::instance::Instance;
use greffier_fuzz::issuer::{good, key_set, peer};

/// Beside the targets' own folders.
const CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config");
const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/vectors");

fn main() {
    let to = std::env::args_os().nth(1).expect("the folder to write to");
    let to = Path::new(&to);
    let instance = Instance::written();
    let put = |target: &str, seeds: Vec<Vec<u8>>| {
        let folder = to.join(target);
        fs::create_dir_all(&folder).expect("a folder");
        for (n, seed) in seeds.iter().enumerate() {
            fs::write(folder.join(format!("seed-{n}")), seed).expect("a file");
        }
    };
    let mut bodies: Vec<Vec<u8>> = instance.bodies().into_iter().map(String::into_bytes).collect();
    bodies.extend(lines("bodies.jsonl"));
    bodies.push(statement());
    put("body", bodies);
    put("note", vec![note(&instance), vector("checkpoint.txt"), vector("vkey.txt")]);
    put("receipt", vec![receipt(&instance), vector("entry-5.tlog-proof"), vector("read.receipt")]);
    let layout = &instance.layout;
    put("config", vec![shipped("config.toml"), read(&layout.config())]);
    let policies = ["policy.toml", "policy-visa.toml", "policy-missions-locales.toml"];
    let mut policies: Vec<_> = policies.map(shipped).into();
    policies.push(read(&layout.policy()));
    put("policy", policies);
    put(
        "name",
        vec!["Éloïse d'Ångström-Ølsen".into(), "ΣΊΣΥΦΟΣ ǅ ﬃ İı".into(), "李 小龙 2".into()],
    );
    let names = ["provider-01", "auditor-1", "security-soc"];
    put("certificate", names.map(|name| instance.certificate(name)).into());
    let (header, payload) = good(&peer(&instance).fingerprint());
    put("token", vec![[header, payload].join("\n").into_bytes()]);
    put("keys", vec![key_set().into_bytes(), read(&layout.agents_jwks())]);
    put("revoked", greffier_fuzz::revoked::seeds(&instance));
    put("frames", greffier_fuzz::frames::seeds());
    // These two are programs: they change what the real code made in their own process.
    put("ledger", vec![vec![0; 64]]);
    put("chain", vec![vec![0; 64], vec![255; 64]]);
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).expect("a file that can be read")
}

fn shipped(name: &str) -> Vec<u8> {
    read(&Path::new(CONFIG).join(name))
}

fn vector(name: &str) -> Vec<u8> {
    read(&Path::new(VECTORS).join(name))
}

fn lines(name: &str) -> Vec<Vec<u8>> {
    vector(name).split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

fn statement() -> Vec<u8> {
    let deed = Deed::Lift(Whom { provider: "provider-01".into(), agent: None });
    let (reason, nonce) = ("why".to_owned(), Nonce([1; 16]));
    let statement = Statement { deed, reason, nonce, expires: 1 << 41 };
    statement.encode("greffier.example/reads").expect("a statement").into_bytes()
}

fn note(instance: &Instance) -> Vec<u8> {
    let newest = store(instance).newest_checkpoint().expect("the ledger");
    newest.expect("a checkpoint").1.into_bytes()
}

fn receipt(instance: &Instance) -> Vec<u8> {
    store(instance).receipt(12).expect("an entry").to_string().into_bytes()
}

fn store(instance: &Instance) -> Store {
    Store::open(&instance.layout.ledger()).expect("the ledger")
}
