//! Figures for the tool that watches an agency's services: `GET /metrics`, through the same door as
//! every call and for staff alone, in the text of OpenMetrics 1.0. They name providers and members of
//! staff, rules and reasons, and no person, no agent and no record.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::SystemTime;

use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tonic::body::Body;

use super::Shared;
use crate::admission::{Peer, Role};
use crate::ledger::Status;
use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::entry::{Outcome, Tag, What, Word, word};

/// Where they are.
pub(super) const PATH: &str = "/metrics";
const TEXT: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
const GET: HeaderValue = HeaderValue::from_static("GET");
/// Who may have them: all but those who are watched.
const STAFF: [Role; 4] = [Role::Security, Role::Auditor, Role::Admin, Role::Agency];

/// Reads since the start, by what the judge ruled.
#[derive(Default)]
pub(super) struct Reads {
    released: AtomicU64,
    withheld: AtomicU64,
}

impl Reads {
    pub(super) fn count(&self, outcome: Outcome) {
        let count = match outcome {
            Outcome::Released => &self.released,
            Outcome::Withheld => &self.withheld,
        };
        count.fetch_add(1, Relaxed);
    }
}

/// The reply to a request for figures.
pub(super) fn answer(shared: &Shared, peer: &Peer, method: &Method) -> Response<Body> {
    if method != Method::GET {
        let mut response = bare(StatusCode::METHOD_NOT_ALLOWED);
        response.headers_mut().insert(ALLOW, GET);
        return response;
    }
    match shared.reader_of(peer, &STAFF) {
        Err(refused) => self::refused(&refused),
        Ok(_) => match text(shared) {
            Err(fmt::Error) => bare(StatusCode::INTERNAL_SERVER_ERROR),
            Ok(text) => {
                let mut response = Response::new(Body::new(text));
                response.headers_mut().insert(CONTENT_TYPE, TEXT);
                response
            }
        },
    }
}

/// A refusal in the terms of HTTP: whoever asks here speaks no gRPC.
pub(super) fn refused(status: &tonic::Status) -> Response<Body> {
    bare(match status.code() {
        tonic::Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        tonic::Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::FORBIDDEN,
    })
}

fn bare(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn text(shared: &Shared) -> Result<String, fmt::Error> {
    let (ledger, mut sheet) = (&shared.rooms.ledger, Sheet(Registry::with_prefix("greffier")));
    let [released, withheld] = [&shared.reads.released, &shared.reads.withheld];
    let reads = [("released", released), ("withheld", withheld)];
    let reads = reads.map(|(outcome, count)| (outcome.to_owned(), count.load(Relaxed)));
    sheet.counters("reads", "Reads that the judge ruled on since the start", "outcome", reads);
    let refused = shared.tally.since_start();
    let refused = refused.into_iter().map(|(reason, count)| (reason.to_owned(), count));
    let help = "Calls and handshakes refused before the judge since the start";
    sheet.counters("refused", help, "reason", refused);

    let (mut alerts, mut warnings) = (BTreeMap::new(), BTreeMap::new());
    for notice in ledger.notices().after(0, usize::MAX) {
        match &notice.what {
            What::Alert(alert) => *alerts.entry(word(&alert.severity)).or_default() += 1,
            What::Warning(warning) => *warnings.entry(word(&warning.matter)).or_default() += 1,
            _ => {}
        }
    }
    sheet.counters("alerts", "Alerts in the ledger", "severity", alerts);
    sheet.counters("warnings", "Warnings in the ledger", "matter", warnings);

    let checkpoint = Checkpoint::parse(&ledger.newest());
    let entries = checkpoint.map_or(0, |checkpoint| checkpoint.size);
    sheet.gauge("ledger_entries", "Entries under the newest checkpoint", entries);
    let writable = *ledger.status().borrow() == Status::Writable;
    sheet.gauge("ledger_writable", "Whether the ledger can be written", u64::from(writable));
    let (connections, handshakes) = shared.places.taken_now();
    sheet.gauge("connections", "Connections that are open", connections as u64);
    sheet.gauge("handshakes", "Handshakes that are open", handshakes as u64);

    let contained = ledger.contained();
    let agents =
        |held: &HashMap<Word, HashSet<Tag>>| held.values().map(HashSet::len).sum::<usize>();
    let held = [
        ("providers_suspended", contained.providers.len()),
        ("providers_kept_to_roster", contained.closed.len()),
        ("providers_without_exports", contained.exports.len()),
        ("agents_suspended", agents(&contained.agents)),
        ("agents_frozen", agents(&contained.frozen)),
    ];
    let held = held.map(|(what, count)| (vec![("what", what.to_owned())], count as u64));
    sheet.gauges("contained", "Who is contained", held);

    let soonest = shared.shown.soonest(SystemTime::now()).into_iter();
    let clients = soonest.map(|((role, id), at)| (role.to_string(), id.to_string(), at));
    let own = shared.own.map(|at| ("gateway".to_owned(), String::new(), at));
    let expiry = clients.chain(own).map(|(role, id, at)| (vec![("role", role), ("id", id)], at));
    sheet.gauges(
        "certificate_expiry_timestamp_seconds",
        "When a certificate runs out: the gateway's, and the first of those that each caller has \
         shown within a day",
        expiry,
    );
    let mut text = String::new();
    encode(&mut text, &sheet.0)?;
    Ok(text)
}

type Labels = Vec<(&'static str, String)>;

/// Figures as they are at one moment.
struct Sheet(Registry);

impl Sheet {
    fn counters(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        counts: impl IntoIterator<Item = (String, u64)>,
    ) {
        let family = Family::<Labels, Counter>::default();
        for (value, count) in counts {
            family.get_or_create(&vec![(label, value)]).inc_by(count);
        }
        self.0.register(name, help, family);
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) {
        let gauge = Gauge::<u64, AtomicU64>::default();
        gauge.set(value);
        self.0.register(name, help, gauge);
    }

    fn gauges(&mut self, name: &str, help: &str, values: impl IntoIterator<Item = (Labels, u64)>) {
        let family = Family::<Labels, Gauge<u64, AtomicU64>>::default();
        for (labels, value) in values {
            family.get_or_create(&labels).set(value);
        }
        self.0.register(name, help, family);
    }
}
