//! The vectors in `docs/vectors`: bytes that other implementations of the public formats accept.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use greffier::format::checkpoint::{BadNote, Checkpoint, VerifierKey};
use greffier::format::entry::{Act, Deed, Entry, Hash, Malformed, Millis, Payload};
use greffier::format::merkle;
use greffier::format::merkle::{Frontier, Hashes};
use greffier::format::receipt::Receipt;
use greffier::format::signer::Signer;
use greffier::format::tag::Tagger;
use greffier::state::acts::{Acts, BadAct};
use greffier::state::jobs::Jobs;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::Value;

use crate::properties::Leaves;

const NAME: &str = "audit.example/agency-reads";

fn vector(name: &str) -> String {
    let path = format!("{}/docs/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn signer() -> Signer {
    Signer::new(NAME, &[1; 32]).expect("a name that notes can carry")
}

fn base64(hash: Hash) -> String {
    STANDARD.encode(hash.0)
}

/// `entry-0` to `entry-6`.
fn seven() -> Leaves {
    Leaves((0..7).map(|n| merkle::leaf(format!("entry-{n}").as_bytes())).collect())
}

fn root(size: usize) -> Hash {
    let mut edge = Frontier::default();
    seven().0[..size].iter().for_each(|leaf| edge.push(*leaf));
    edge.root()
}

/// The log's note of all seven, as it signs it.
fn note() -> String {
    signer().sign(7, root(7))
}

#[test]
fn the_hashes_are_those_of_rfc_6962() {
    for line in vector("rfc6962.txt").lines() {
        let (what, hash) = line.split_once(" = ").expect("two sides");
        let hash: Hash = hash.parse().expect("a hash");
        let (function, parts) = what.trim_end_matches(')').split_once('(').expect("a call");
        let parts: Vec<&str> = parts.split(',').map(|p| p.trim_matches('"')).collect();
        let ours = match (function, parts.as_slice()) {
            ("leaf", [body]) => merkle::leaf(body.as_bytes()),
            ("node", [left, right]) => {
                greffier::format::entry::sha256(&[&[1], left.as_bytes(), right.as_bytes()])
            }
            other => panic!("no such call: {other:?}"),
        };
        assert_eq!(ours, hash, "{what}");
    }
    // `node` takes hashes; the constant above is of short strings laid out in the same way.
    let (left, right) = (merkle::leaf(b"a"), merkle::leaf(b"b"));
    let laid_out = greffier::format::entry::sha256(&[&[1], &left.0, &right.0]);
    assert_eq!(merkle::node(&left, &right), laid_out);
}

#[test]
fn the_verifier_key_prints_and_parses_as_the_vector_has_it() {
    let text = vector("vkey.txt");
    assert_eq!(signer().key().to_string(), text.trim_end());
    let parsed: VerifierKey = text.parse().expect("a verifier key");
    assert_eq!(&parsed, signer().key());
    assert_eq!(parsed.name(), NAME);
    assert!(text.contains("+c31d1ab7+"));
}

#[test]
fn the_signer_makes_the_checkpoint_of_the_vector() {
    let vector = vector("checkpoint.txt");
    let (log, witness) = vector.split_at(note().len());
    assert_eq!(log, note());
    assert!(witness.starts_with("\u{2014} witness.example/w1 ") && witness.lines().count() == 1);
}

#[test]
fn a_note_that_a_witness_has_cosigned_opens() {
    let key: VerifierKey = vector("vkey.txt").parse().expect("a verifier key");
    let opened = Checkpoint::open(&vector("checkpoint.txt"), &key).expect("a signed note");
    assert_eq!(opened, Checkpoint { origin: NAME.into(), size: 7, root: root(7) });
    // A key of another name is another ledger's, be it the beginning of this one's.
    let other = VerifierKey::new("audit.example", *key.public()).expect("a name");
    let opened = Checkpoint::open(&vector("checkpoint.txt"), &other);
    assert_eq!(opened, Err(BadNote::Foreign(NAME.into())));
}

#[test]
fn the_cosignature_of_the_vector_is_the_witness_s() {
    let (note, key) = (vector("checkpoint.txt"), vector("witness-vkey.txt"));
    let key = STANDARD.decode(key.trim_end().splitn(3, '+').nth(2).expect("a key")).expect("key");
    let line = note.lines().next_back().expect("the witness's line");
    let line = STANDARD.decode(line.rsplit(' ').next().expect("a signature")).expect("base64");
    let (id, line) = line.split_at(4);
    let (time, signature) = line.split_at(8);
    assert_eq!((id, key[0]), (&[0xdf, 0x1c, 0x0a, 0x35][..], 4));
    let time = u64::from_be_bytes(time.try_into().expect("eight bytes"));
    assert_eq!(time, 1_700_000_000);
    let text = Checkpoint { origin: NAME.into(), size: 7, root: root(7) }.text();
    let signed = format!("cosignature/v1\ntime {time}\n{text}");
    let key = UnparsedPublicKey::new(&ED25519, &key[1..]);
    key.verify(signed.as_bytes(), signature).expect("the witness's signature");
}

#[test]
fn the_roots_and_the_consistency_proof_are_those_of_the_vector() {
    assert_eq!(base64(root(3)), "pkvybgkSj2/i/m+LLYyAHhZrV8BHp82bK4Ceepai8cs=");
    let proof = merkle::consistency(3, 7, &seven()).expect("hashes in memory");
    let text: String = proof.iter().map(|hash| base64(*hash) + "\n").collect();
    assert_eq!(text, vector("consistency-3-7.txt"));
    assert!(merkle::is_consistent(3, root(3), 7, root(7), &proof));
}

#[test]
fn the_proof_of_the_vector_is_made_of_our_parts() {
    let path = merkle::inclusion(5, 7, &seven()).expect("hashes in memory");
    let leaf = seven().hash(0, 5).expect("a leaf");
    assert_eq!(merkle::root_of_inclusion(5, 7, leaf, &path), Some(root(7)));
    let path: String = path.iter().map(|hash| base64(*hash) + "\n").collect();
    let checkpoint = vector("checkpoint.txt");
    let proof = format!("c2sp.org/tlog-proof@v1\nindex 5\n{path}\n{checkpoint}");
    assert_eq!(proof, vector("entry-5.tlog-proof"));
}

#[test]
fn a_receipt_is_the_proof_of_the_vector_with_the_body_in_it() {
    let vector = vector("entry-5.tlog-proof");
    let extra = format!("extra {}\n", STANDARD.encode("entry-5"));
    let text = vector.replacen("index ", &format!("{extra}index "), 1);
    let receipt: Receipt = text.parse().expect("a receipt");
    assert_eq!((receipt.body.as_str(), receipt.index, receipt.path.len()), ("entry-5", 5, 3));
    assert_eq!(receipt.to_string(), text);
    let leaf = merkle::leaf(receipt.body.as_bytes());
    let checkpoint = Checkpoint::open(&receipt.checkpoint, signer().key()).expect("a signed note");
    let root = merkle::root_of_inclusion(5, 7, leaf, &receipt.path);
    assert_eq!(root, Some(checkpoint.root));
    // It is included, and still no entry of a ledger.
    assert!(receipt.check(signer().key()).is_err());
    assert!(vector.parse::<Receipt>().is_err(), "a receipt without its entry proves nothing");
}

#[test]
fn the_bodies_of_the_vectors_are_a_chain_and_have_the_leaves_that_stand_beside_them() {
    let (bodies, leaves) = (vector("bodies.jsonl"), vector("bodies.leaves"));
    let leaves: Vec<Hash> = leaves.lines().map(|leaf| leaf.parse().expect("a leaf")).collect();
    assert_eq!(bodies.lines().count(), leaves.len());
    let mut prev = Hash::default();
    let mut kinds = Vec::new();
    for ((seq, body), leaf) in (0..).zip(bodies.lines()).zip(leaves) {
        let entry = Entry::parse(body).expect("an entry");
        assert_eq!((entry.seq, entry.prev), (seq, prev));
        assert_eq!(entry.encode().as_deref(), Ok(body));
        assert_eq!(merkle::leaf(body.as_bytes()), leaf);
        prev = leaf;
        if let Payload::Genesis(genesis) = &entry.payload {
            let key = VerifierKey::new(&genesis.origin, *signer().key().public()).expect("a name");
            assert_eq!(genesis.key, key.public_text(), "signed like the other vectors");
        }
        kinds.push(entry.payload.kind());
    }
    let count = |kind: &str| kinds.iter().filter(|of| **of == kind).count();
    let all =
        ["genesis", "policy", "roster", "read", "alert", "warning", "act", "refusals", "access"];
    assert_eq!((all.map(count), kinds.len()), ([1, 7, 3, 4, 2, 12, 15, 1, 1], 46));
}

/// What the first bodies of the vectors have enrolled.
fn acts_of(bodies: usize) -> (Acts, Jobs) {
    let (mut acts, mut jobs) = (Acts::default(), Jobs::default());
    for body in vector("bodies.jsonl").lines().take(bodies) {
        let entry = Entry::parse(body).expect("an entry");
        acts.apply(&entry);
        jobs.apply(&entry);
    }
    (acts, jobs)
}

/// What the first bodies have to say of an act.
fn checked(bodies: usize, at: Millis, act: &Act) -> Result<(), BadAct> {
    let (acts, jobs) = acts_of(bodies);
    acts.check(at, act, &jobs)
}

#[test]
fn the_acts_of_the_vectors_stand() {
    let mut deeds = HashSet::new();
    for (seq, body) in vector("bodies.jsonl").lines().enumerate() {
        let entry = Entry::parse(body).expect("an entry");
        if let Payload::Act(act) = &entry.payload {
            assert_eq!(checked(seq, entry.now.at, act), Ok(()), "entry {seq}");
            deeds.extend(act.deed().map(Deed::name));
        }
    }
    assert_eq!(deeds.len(), 12, "each that administrators sign: {deeds:?}");
    let approved = acts_of(41).0.approved();
    assert_eq!(approved.agents("alpha-langues"), 0, "enrolled, and dismissed");
    assert!(approved.policy(&Hash([0xab; 32])) && !approved.policy(&Hash([0xcd; 32])));
    // The policy at the end of the chain comes behind it: it was for the one in force then.
    assert!(!acts_of(usize::MAX).0.approved().policy(&Hash([0xab; 32])));
}

#[test]
fn acts_that_do_not_stand_are_refused() {
    let mut refused = 0;
    for line in vector("bad-acts.jsonl").lines() {
        let line: Value = serde_json::from_str(line).expect("a line of JSON");
        let (why, body) = (line["why"].as_str(), line["body"].as_str().expect("a body"));
        let after = line["after"].as_u64().expect("how many stand before it");
        refused += 1;
        let entry = match Entry::parse(body) {
            Ok(entry) => entry,
            // Its deed has another place for what it says.
            Err(Malformed::Json(_)) => continue,
            Err(other) => panic!("{why:?} is no entry: {other}"),
        };
        let Payload::Act(act) = &entry.payload else { panic!("{why:?} is no act") };
        assert_eq!(entry.seq, after);
        let outcome = checked(after as usize, entry.now.at, act);
        eprintln!("{why:?}: {outcome:?}");
        assert!(outcome.is_err(), "{why:?} is let through: {body}");
    }
    assert!(refused > 25);
}

#[test]
fn a_receipt_of_a_body_of_the_vectors_checks() {
    let bodies = vector("bodies.jsonl");
    let receipt: Receipt = vector("read.receipt").parse().expect("a receipt");
    // Of the first 32: more have been added since, and it still holds.
    let leaves = bodies.lines().take(32).map(|body| merkle::leaf(body.as_bytes()));
    let leaves: Vec<Hash> = leaves.collect();
    let mut edge = Frontier::default();
    leaves.iter().for_each(|leaf| edge.push(*leaf));
    let key = VerifierKey::new("registry.example/reads", *signer().key().public());
    let key = key.expect("a name that notes can carry");
    let proven = receipt.check(&key).expect("a receipt that holds");
    assert_eq!(Some(receipt.body.as_str()), bodies.lines().nth(6));
    assert_eq!(proven.entry.payload.kind(), "read");
    assert_eq!(proven.checkpoint.root, edge.root());
    assert_eq!(receipt.path, merkle::inclusion(6, 32, &Leaves(leaves)).expect("hashes"));
}

#[test]
fn malformed_bodies_are_refused() {
    let mut refused = 0;
    for line in vector("bad-bodies.jsonl").lines() {
        let line: Value = serde_json::from_str(line).expect("a line of JSON");
        let (why, body) = (line["why"].as_str(), line["body"].as_str().expect("a body"));
        assert!(Entry::parse(body).is_err(), "{why:?} is let through: {body}");
        refused += 1;
    }
    assert!(refused > 20);
}

#[test]
fn tags_are_those_of_the_vectors() {
    let tags: Value = serde_json::from_str(&vector("tags.json")).expect("JSON");
    let key: Hash = tags["key"].as_str().expect("a key").parse().expect("hex");
    let tagger = Tagger::new(&key.0);
    for tag in tags["tags"].as_array().expect("a list") {
        let inputs: Vec<&str> =
            tag["inputs"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
        let ours = match (tag["of"].as_str().expect("what of"), inputs.as_slice()) {
            ("subject", [provider, dataset, id]) => tagger.subject(provider, dataset, id),
            ("agent", [provider, id]) => tagger.agent(provider, id),
            ("case", [provider, reference]) => tagger.case(provider, reference),
            ("key", [provider, dataset, name, value]) => tagger.key(provider, dataset, name, value),
            other => panic!("no such tag: {other:?}"),
        };
        assert_eq!(ours.to_string(), tag["tag"].as_str().expect("a tag"));
    }
}
