//! Figures for the tool that watches an agency's services: `GET /metrics`, through the same door as
//! every call and for staff alone, in the text of OpenMetrics 1.0. They name providers, members of
//! staff and reasons, and no agent, subject or record.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::time::SystemTime;

use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tonic::body::Body;
use tonic::{Code, Status};

use super::expiry;
use super::sizes::Sizes;
use crate::admission::{Peer, Role};
use crate::format::checkpoint::Checkpoint;
use crate::format::entry::{Outcome, Tag, Word, word};
use crate::registrar::{self, Ledger};
use crate::service::Shared;
use crate::service::door::refusals::{HANDSHAKE, HANDSHAKES_FULL};
use crate::service::grpc::status::ApiError;
use crate::source::sqlite::FindingEffect;
use crate::state::containment::Contained;

/// Path under which the figures are served.
pub(in crate::service) const PATH: &str = "/metrics";
const FIGURES: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const WORDS: &str = "text/plain; charset=utf-8";
/// Who may have them: all but those who are watched.
const STAFF: [Role; 4] = [Role::Security, Role::Auditor, Role::Admin, Role::Agency];

/// The reply to a request for figures.
pub(in crate::service) fn answer(shared: &Shared, peer: &Peer, method: &Method) -> Response<Body> {
    if let Err(status) = shared.reader_of(peer, &STAFF) {
        return refused(&status, method);
    }
    if ![Method::GET, Method::HEAD].contains(method) {
        let told = format!("GET {PATH} gives figures\n");
        let mut response = reply(StatusCode::METHOD_NOT_ALLOWED, (WORDS, told), method);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    match text(shared) {
        Ok(text) => reply(StatusCode::OK, (FIGURES, text), method),
        Err(fmt::Error) => reply(StatusCode::INTERNAL_SERVER_ERROR, (WORDS, String::new()), method),
    }
}

/// A refusal in the terms of HTTP: whoever asks here speaks no gRPC.
pub(in crate::service) fn refused(status: &Status, method: &Method) -> Response<Body> {
    let code = match status.code() {
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::InvalidArgument => StatusCode::BAD_REQUEST,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::FORBIDDEN,
    };
    reply(code, (WORDS, format!("{}\n", status.message())), method)
}

fn reply(
    status: StatusCode,
    (kind, text): (&'static str, String),
    method: &Method,
) -> Response<Body> {
    let body = if method == Method::HEAD { Body::empty() } else { Body::new(text) };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn text(shared: &Shared) -> Result<String, fmt::Error> {
    let mut sheet = Sheet(Registry::with_prefix("greffier"));
    sheet.calls(shared);
    sheet.ledger(&shared.rooms.ledger, &shared.sizes);
    sheet.contained(&shared.rooms.ledger.contained());
    let (connections, handshakes) = shared.places.taken_now();
    sheet.gauge("connections", "Connections that are open", connections as u64);
    sheet.gauge("handshakes", "Handshakes that are open", handshakes as u64);
    sheet.gauge("tails", "Tails of alerts that are open", shared.tails.taken());
    sheet.certificates(shared);
    sheet.contracts(shared);
    let help = "Lines of the log that could not be written since the start, or not fast enough";
    sheet.counter("log_lines_lost", help, shared.log.lost());
    sheet.records(shared);
    let mut text = String::new();
    encode(&mut text, &sheet.0)?;
    Ok(text)
}

type Labels = Vec<(&'static str, String)>;

/// Figures as they are at one moment.
struct Sheet(Registry);

impl Sheet {
    fn calls(&mut self, shared: &Shared) {
        let ruled = [Outcome::Released, Outcome::Withheld];
        let ruled = ruled.map(|outcome| (word(&outcome), shared.rooms.ledger.ruled(outcome)));
        self.counters("reads", "Reads that were ruled on since the start", "outcome", ruled);
        shared.latency.register(&mut self.0);
        let build = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
        self.gauges("build_info", "Which version of the program runs", [(build, 1)]);
        // A reason that appears with its first refusal would not be seen to rise.
        let told = [ApiError::flood().reason(), ApiError::connections_full().reason()];
        let all = [HANDSHAKE, HANDSHAKES_FULL].into_iter().chain(told).map(|reason| (reason, 0));
        let refused = all.chain(shared.tally.since_start());
        let refused = refused.map(|(reason, count)| (reason.to_owned(), count));
        let help = "Calls and handshakes refused before the judge since the start";
        self.counters("refused", help, "reason", refused);
        let probes = Counter::<u64>::default();
        probes.inc_by(shared.tally.silent_since_start());
        let help = "Connections that ended without a byte since the start";
        self.0.register("probes", help, probes);
    }

    fn ledger(&mut self, ledger: &Ledger, sizes: &Sizes) {
        let counts = ledger.notices().counts();
        let alerts = counts.alerts().map(|(severity, count)| (word(&severity), count));
        self.counters("alerts", "Alerts in the ledger", "severity", alerts);
        let warnings = counts.warnings().map(|(matter, count)| (word(&matter), count));
        self.counters("warnings", "Warnings in the ledger", "matter", warnings);
        let entries = Checkpoint::parse(&ledger.newest()).map_or(0, |checkpoint| checkpoint.size);
        self.gauge("ledger_entries", "Entries under the newest checkpoint", entries);
        let (bytes, wal) = sizes.now();
        self.gauge("ledger_bytes", "Size of the ledger's file", bytes);
        self.gauge("ledger_wal_bytes", "Size of its write-ahead log", wal);
        let help = "Bytes that are free on the disk of the ledger";
        self.gauge("ledger_disk_free_bytes", help, sizes.free());
        let writable = *ledger.status().borrow() == registrar::Status::Writable;
        self.gauge("ledger_writable", "Whether the ledger can be written", u64::from(writable));
    }

    fn contained(&mut self, contained: &Contained) {
        let agents =
            |of: &HashMap<Word, HashSet<Tag>>| of.values().map(HashSet::len).sum::<usize>();
        let held = [
            ("providers_suspended", contained.providers.len()),
            ("providers_roster_only", contained.closed.len()),
            ("providers_exports_closed", contained.exports.len()),
            ("agents_suspended", agents(&contained.agents)),
            ("agents_frozen", agents(&contained.frozen)),
        ];
        let held = held.map(|(what, count)| (vec![("what", what.to_owned())], count as u64));
        self.gauges("contained", "Who is contained, beyond being throttled", held);
    }

    fn certificates(&mut self, shared: &Shared) {
        let policy = shared.rooms.policies.now();
        let soonest = shared.certificates.soonest(&policy.terms, SystemTime::now()).into_iter();
        let callers = soonest.map(|((role, id), at)| (role.to_string(), id.to_string(), at));
        let own = shared.own.borrow().map(expiry::Own::not_after);
        let own = own.map(|at| ("gateway".to_owned(), String::new(), at));
        let all = callers.chain(own);
        let all = all.map(|(role, id, at)| (vec![("role", role), ("id", id)], at));
        self.gauges(
            "certificate_expiry_timestamp_seconds",
            "When a certificate runs out: the gateway's, and the first of those that each caller \
             has shown within a day",
            all,
        );
    }

    fn contracts(&mut self, shared: &Shared) {
        let (policy, known) = (shared.rooms.policies.now(), shared.rooms.ledger.contracts());
        let of_each = policy.terms.providers.keys().filter_map(|id| {
            let used = known.of(id)?;
            Some((vec![("provider", id.to_string())], used.contract?, used))
        });
        let of_each: Vec<_> = of_each.collect();
        let both = |provider: &Labels, all: u64, off: u64| {
            [("all", all), ("off_roster", off)].map(|(which, count)| {
                let which = ("which", which.to_owned());
                (provider.iter().cloned().chain([which]).collect::<Labels>(), count)
            })
        };
        let used = of_each.iter().flat_map(|(id, _, used)| both(id, used.persons, used.off));
        let help = "Different persons that a provider with a contract was ever given";
        self.gauges("contract_persons", help, used);
        let most = of_each.iter().flat_map(|(id, it, _)| both(id, it.persons, it.off_persons));
        let help = "Different persons that a provider may ever be given under its contract";
        self.gauges("contract_persons_most", help, most);
        let ends = of_each.iter().map(|(id, it, _)| (id.clone(), it.ends / 1_000));
        let help = "When the contract of a provider ends";
        self.gauges("contract_end_timestamp_seconds", help, ends);
    }

    fn records(&mut self, shared: &Shared) {
        let standings = shared.rooms.policies.now().source.standings();
        let passed = standings.iter().map(|of| (of.dataset.to_string(), of.passed_over));
        let help = "Faulty records that reads passed over since the records were opened";
        self.counters("records_passed_over", help, "dataset", passed);
        let stopped = standings
            .iter()
            .map(|of| (vec![("dataset", of.dataset.to_string())], u64::from(of.stopped())));
        let help = "Whether nothing can be read from a dataset until its records are mended";
        self.gauges("dataset_stopped", help, stopped);
        let weights = FindingEffect::ALL.into_iter();
        let faults = weights.flat_map(|weight| {
            standings.iter().map(move |of| {
                let of_it = of.findings.iter().filter(|finding| finding.weight == weight);
                let rows = of_it.map(|finding| finding.rows.max(1)).sum();
                (
                    vec![
                        ("dataset", of.dataset.to_string()),
                        ("outcome", weight.word().to_owned()),
                    ],
                    rows,
                )
            })
        });
        let help = "Faulty rows, and faults of the whole, that the last look at all records found";
        self.gauges("records_faulty", help, faults);
    }

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

    fn counter(&mut self, name: &str, help: &str, count: u64) {
        let counter = Counter::<u64>::default();
        counter.inc_by(count);
        self.0.register(name, help, counter);
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
