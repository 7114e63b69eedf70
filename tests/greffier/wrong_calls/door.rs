//! Who calls, and what: certificates, roles and methods.

use greffier::proto::{ExportRecordsRequest, GetConsistencyProofRequest};
use rcgen::{BasicConstraints, IsCa, KeyUsagePurpose, SanType, date_time_ymd};

use super::asked::Names;
use super::{DENIED, Left, MALFORMED, NO_ENTRY, NO_JOB, Place, REJECTED, Table, UNKNOWN};
use crate::instance::{CIR, context, off_roster};
use crate::pki::{AUTHORITY, Authority, Shown};
use crate::wire::{Wire, alert, framed};

const NAMED: &str = "spiffe://greffier.example/provider/provider-02";
const PROVIDER: &str = "provider";
/// Role, the client of `init` that has it.
const ROLES: [(&str, &str); 5] = [
    (PROVIDER, "provider-02"),
    ("security", "security-soc"),
    ("auditor", "auditor-1"),
    ("admin", "admin-1"),
    ("agency", "agency-1"),
];
/// Every method, and whom it is for.
const METHODS: [(&str, &[&str]); 12] = [
    ("Records/GetRecord", &[PROVIDER]),
    ("Records/ListRecords", &[PROVIDER]),
    ("Records/SearchRecords", &[PROVIDER]),
    ("Records/ExportRecords", &[PROVIDER]),
    ("Ledger/GetCheckpoint", &[PROVIDER, "security", "auditor", "admin"]),
    ("Ledger/GetReceipt", &[PROVIDER, "security", "auditor"]),
    ("Ledger/GetConsistencyProof", &[PROVIDER, "security", "auditor"]),
    ("Alerts/TailAlerts", &["security", "auditor"]),
    ("Alerts/ListAlerts", &["security", "auditor"]),
    ("Alerts/AcknowledgeAlert", &["security"]),
    ("Admin/SubmitAct", &["admin"]),
    ("Admin/ListProviders", &["admin"]),
];

/// Certificates that never get so far as to be asked anything.
pub(super) async fn handshakes(table: &mut Table, place: &Place) {
    let ours = &place.authority;
    let (foreign, namesake) =
        (Authority::foreign("another authority"), Authority::foreign(AUTHORITY));
    let expired = ours.sign(&[NAMED], |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    let early = ours.sign(&[NAMED], |params| params.not_before = date_time_ymd(2999, 1, 1));
    let authority = ours.sign(&[NAMED], |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    });
    let layout = &place.instance.layout;
    let ca = (layout.ca(), layout.ca_key());
    let server = (layout.server_certificate(), layout.server_key());
    let foreign = foreign.client(PROVIDER, "provider-02");
    let namesake = namesake.client(PROVIDER, "provider-02");
    let cases: [(&str, Option<&Shown>, &str); 8] = [
        ("no certificate", None, "CertificateRequired"),
        ("a certificate of another authority", Some(&foreign), "UnknownCA"),
        ("... of a namesake of our authority", Some(&namesake), "DecryptError"),
        ("... that has expired", Some(&expired), "CertificateExpired"),
        ("... that is not yet valid", Some(&early), "CertificateExpired"),
        ("... of an authority, our own", Some(&ca), ""),
        ("... of an authority, with a provider's name", Some(&authority), ""),
        ("... of a server", Some(&server), ""),
    ];
    for (what, shown, expected) in cases {
        let alert = alert(&place.daemon, shown).await;
        let fatal = alert.contains("received fatal alert") && alert.contains(expected);
        assert!(fatal, "{what}: {alert}");
        table.add(what, ("TLS", "HANDSHAKE", expected), Left::Count);
    }
}

/// Certificates of our authority that name nobody who may come in.
pub(super) async fn certificates(table: &mut Table, place: &Place) {
    let ours = &place.authority;
    let plain = |uri: &str| ours.sign(&[uri], |_| {});
    let cases = [
        ("two URIs", ours.sign(&[NAMED, NAMED], |_| {})),
        ("no name", ours.sign(&[], |_| {})),
        (
            "a DNS name",
            ours.sign(&[], |params| {
                let name = "provider-02.greffier.example".try_into().unwrap();
                params.subject_alt_names = vec![SanType::DnsName(name)];
            }),
        ),
        ("another trust domain", plain("spiffe://elsewhere.example/provider/provider-02")),
        ("a longer trust domain", plain("spiffe://greffier.example.org/provider/provider-02")),
        ("another spelling", plain("SPIFFE://greffier.example/provider/provider-02")),
        ("a longer path", plain("spiffe://greffier.example/provider/provider-02/x")),
        ("an unknown role", plain("spiffe://greffier.example/prefect/provider-02")),
        ("an unknown provider", ours.client(PROVIDER, "provider-99")),
        ("an id in capitals", ours.client(PROVIDER, "PROVIDER-02")),
        ("an unknown auditor", ours.client("auditor", "auditor-9")),
        ("a provider's id in another role", ours.client("auditor", "provider-02")),
        (
            "the right to sign",
            ours.sign(&[NAMED], |params| params.key_usages.push(KeyUsagePurpose::KeyCertSign)),
        ),
        ("revoked", place.revoked.clone()),
    ];
    for (what, shown) in cases {
        let mut caller = place.daemon.client_with(shown).await;
        let what = format!("certificate: {what}");
        table.row(&what, caller.list(1, "", context()).await, REJECTED, "");
        // Whatever is called, and whatever is wrong besides.
        let what = format!("{what}, a receipt");
        table.row(&what, caller.receipt(u64::MAX).await, REJECTED, "");
    }
}

/// Every role at every service that is not its own.
pub(super) async fn roles(table: &mut Table, place: &Place) {
    for (role, name) in ROLES {
        let wire = Wire::open(&place.daemon, &place.instance.layout.client(name)).await;
        for (method, of) in METHODS {
            if !of.contains(&role) {
                let path = format!("/greffier.v1.{method}");
                let status = wire.call(&path, &[], &framed(0, b"")).await;
                table.row(&format!("{role} calls {method}"), Err::<(), _>(status), REJECTED, "");
            }
        }
    }
}

/// What there is not, and what of the ledger is somebody else's.
pub(super) async fn methods(table: &mut Table, place: &mut Place, names: &Names) {
    let wire = Wire::open(&place.daemon, &place.instance.layout.client("provider-02")).await;
    for path in [
        "/greffier.v1.Records/DeleteRecord",
        "/greffier.v1.Records/listRecords",
        "/greffier.v1.Records/ListRecords/",
        "/greffier.v1.Records//ListRecords",
        "/greffier.v1.Records/%4cistRecords",
        "/greffier.v1.Records/",
        "/greffier.v1.Records",
        "/greffier.v1.records/ListRecords",
        "/greffier.v1.Ledger/Rewrite",
        "/greffier.v2.Records/ListRecords",
        "/google.longrunning.Operations/ListOperations",
        "/",
        "/x",
    ] {
        let status = wire.call(path, &[], &framed(0, b"")).await;
        table.row(&format!("calls {path}"), Err::<(), _>(status), UNKNOWN, "");
    }
    let caller = &mut place.roster;
    for (what, entry) in [
        ("a receipt of another provider's read", names.entry),
        ("... of its own read, withheld", names.withheld),
        ("... of the genesis", 0),
        ("... of no entry", u64::MAX),
    ] {
        // Whose read was withheld asks for it itself.
        let caller = if entry == names.withheld { &mut place.spent } else { &mut *caller };
        table.row(what, caller.receipt(entry).await, NO_ENTRY, "");
    }
    for (first_size, second_size) in [(0, 0), (2, 1), (u64::MAX, 0), (1, u64::MAX)] {
        let request = GetConsistencyProofRequest { first_size, second_size };
        let what = format!("a proof from size {first_size} to {second_size}");
        table.row(&what, caller.0.ledger.get_consistency_proof(request).await, NO_ENTRY, "");
    }
    let field = "context.off_roster_reason";
    let exports = [
        ("an export of no job", 0, context(), (NO_JOB, "")),
        ("... of an entry that is no job", names.entry, context(), (NO_JOB, "")),
        ("... of a job that is not there", u64::MAX, context(), (NO_JOB, "")),
        ("... off the roster", 1, off_roster(), (MALFORMED, field)),
    ];
    for (what, job, context, (fate, fields)) in exports {
        let (parent, context) = (CIR.to_owned(), Some(context));
        let request = ExportRecordsRequest { parent, context, job, ..Default::default() };
        let pages = caller.0.records.export_records(request).await.unwrap();
        table.row(what, pages.into_inner().message().await, fate, fields);
    }
    let elsewhere = ExportRecordsRequest {
        parent: "datasets/visa".to_owned(),
        context: Some(context()),
        job: 1,
        ..Default::default()
    };
    let pages = caller.0.records.export_records(elsewhere).await.unwrap();
    table.row("... of another dataset", pages.into_inner().message().await, DENIED, "");
}
