//! Peers, terms and permits for the tests of this room and of those behind it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{CertificateParams, KeyPair, SanType};

use super::{
    AgentAuth, Ask, Caller, Dataset, Field, FieldClass, Grant, Handles, Keyring, Peer, Permit,
    PresentedToken, Provider, Purpose, Rate, Role, Scope, Search, SearchKey, Terms, Tokens,
    Weights, Word,
};

/// The trust domain of the examples.
pub(crate) const DOMAIN: &str = "cir.example";

/// A moment in the middle of January 2026.
pub(crate) fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_768_500_000)
}

pub(crate) fn address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 40_000))
}

/// A certificate with these URIs and whatever else is changed, in DER.
pub(crate) fn der(uris: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.subject_alt_names =
        uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())).collect();
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().der().to_vec()
}

pub(crate) fn peer(role: Role, id: &str) -> Peer {
    let der = der(&[&format!("spiffe://{DOMAIN}/{role}/{id}")], |_| ());
    Peer::from_certificate(&der, address(), DOMAIN)
}

fn words(list: &[&str]) -> Vec<Word> {
    list.iter().map(|word| (*word).into()).collect()
}

/// Two providers: `alpha` sees its roster only, `beta` is open; both for course delivery.
pub(crate) fn terms() -> Terms {
    let field = |name: &str, class| Field { name: name.into(), column: name.into(), class };
    let cir = Dataset {
        table: "dossiers".into(),
        id_column: "id".into(),
        roster_table: "roster".into(),
        fields: vec![
            field("family_name", FieldClass::Identity),
            field("given_name", FieldClass::Identity),
            field("email", FieldClass::Contact),
            field("nationality", FieldClass::Sensitive),
        ],
        views: BTreeMap::from([
            ("BASIC".into(), words(&["family_name", "given_name"])),
            ("CONTACT".into(), words(&["family_name", "given_name", "email"])),
            ("FULL".into(), words(&["family_name", "given_name", "email", "nationality"])),
        ]),
        searches: vec![
            Search {
                name: "name".into(),
                keys: vec![SearchKey::Name {
                    of: words(&["family_name", "given_name"]),
                    column: "name_key".into(),
                }],
            },
            Search { name: "case_number".into(), keys: vec![SearchKey::Exact("id".into())] },
        ],
        purposes: BTreeMap::from([
            (
                "course_delivery".into(),
                Purpose { views: words(&["BASIC", "CONTACT"]), case_reference: None },
            ),
            ("placement_test".into(), Purpose { views: words(&["BASIC"]), case_reference: None }),
        ]),
        off_roster_reasons: words(&["walk_in", "transfer"]),
    };
    let provider = |id: &str, scope| Provider {
        id: id.into(),
        datasets: BTreeMap::from([(
            "cir".into(),
            Grant { scope, purposes: words(&["course_delivery"]) },
        )]),
        rate: Rate { requests_per_second: 10, burst: 5 },
        agent_rate: None,
        voucher: AgentAuth::Certificate,
        contact: None,
        habits: None,
    };
    let providers = [provider("alpha", Scope::Roster), provider("beta", Scope::Open)];
    let providers: BTreeMap<Word, _> = providers.into_iter().map(|p| (p.id.clone(), p)).collect();
    let staff = [(Role::Security, "soc-1"), (Role::Auditor, "audit-1"), (Role::Admin, "admin-1")];
    Terms {
        head: 3,
        trust_domain: DOMAIN.into(),
        contact: None,
        revoked: HashSet::new(),
        datasets: BTreeMap::from([("cir".into(), cir)]),
        weights: Weights::default(),
        handles: Handles::derive(&[7; 32], providers.keys()),
        providers,
        keyring: Keyring::default(),
        staff: staff.map(|(role, id)| (role, BTreeSet::from([id.into()]))).into(),
    }
}

pub(crate) fn ask() -> Ask {
    Ask {
        dataset: "cir".into(),
        purpose: "course_delivery".into(),
        case_reference: "CIR/2026-1".into(),
        ..Ask::default()
    }
}

pub(crate) fn permit(peer: &Peer, terms: &Arc<Terms>) -> Permit {
    let (shown, tokens) = (PresentedToken::new([]), Tokens::default());
    let caller = Caller::admit(peer, &shown, terms, &tokens, now()).ok().unwrap();
    Permit::grant(caller, &ask()).ok().unwrap()
}
