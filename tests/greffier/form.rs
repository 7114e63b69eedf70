//! Requests that are no call, or carry messages in a form that is not read: what each is told, with
//! a client of bytes over real TLS.

use http::{HeaderMap, Request, StatusCode, request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tonic::{Code, Status};

use crate::instance::Instance;
use crate::told::Told;
use crate::wire::{Wire, framed, shake};

const LIST: &str = "/greffier.v1.Records/ListRecords";
const HEALTH: &str = "/grpc.health.v1.Health/Check";
const TYPE: &str = "content-type";
const ENCODING: &str = "grpc-encoding";

fn post(headers: &[(&str, &str)]) -> request::Builder {
    headers.iter().fold(Request::post("/"), |request, (name, value)| request.header(*name, *value))
}

fn told(headers: &HeaderMap) -> Told {
    Told::of(&Status::from_header_map(headers).expect("a status of gRPC"))
}

#[tokio::test]
async fn what_is_no_call_is_told_so_in_the_terms_of_http() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let wire = Wire::open(&daemon, &instance.layout.client("provider-02")).await;
    let body = framed(0, b"");
    let types = [
        None,
        Some("application/json"),
        Some("application/grpc-web"),
        Some("text/plain"),
        Some(""),
    ];
    for media_type in types {
        for path in [LIST, HEALTH, "/x"] {
            let headers: Vec<_> = media_type.iter().map(|of| (TYPE, *of)).collect();
            let (status, headers, text) = wire.exchange(post(&headers), path, &body).await;
            assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{media_type:?}");
            assert!(Status::from_header_map(&headers).is_none(), "{headers:?}");
            assert!(text.contains("application/grpc"), "{text}");
        }
    }
    for method in ["GET", "PUT", "DELETE", "OPTIONS", "PATCH", "HEAD"] {
        let request = Request::builder().method(method).header(TYPE, "application/grpc");
        let (status, headers, _) = wire.exchange(request, LIST, b"").await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(headers["allow"], "POST");
    }
    let all = types.len() * 3 + 6;
    daemon.stop().await;
    let digests = instance.refusals();
    let counts = digests.iter().flat_map(|d| &d.certificates).flat_map(|c| &c.counts);
    let counted: u64 = counts.filter(|c| &*c.reason == "NOT_GRPC").map(|c| c.count).sum();
    assert_eq!(counted, all as u64);
    instance.assert_sound();
}

#[tokio::test]
async fn messages_in_a_form_that_is_not_read_are_refused_with_what_is() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let wire = Wire::open(&daemon, &instance.layout.client("provider-02")).await;
    let (grpc, proto) = ((TYPE, "application/grpc"), (TYPE, "application/grpc+proto"));
    let refused: [&[(&str, &str)]; 5] = [
        &[grpc, (ENCODING, "gzip")],
        &[proto, (ENCODING, "deflate")],
        &[grpc, (ENCODING, "identity"), (ENCODING, "gzip")],
        &[grpc, (ENCODING, "")],
        &[(TYPE, "application/grpc+json")],
    ];
    for headers in refused {
        for path in [LIST, HEALTH] {
            // A byte that says so, and a message that is none.
            let body = framed(1, b"compressed?");
            let (status, answered, _) = wire.exchange(post(headers), path, &body).await;
            assert_eq!(status, StatusCode::OK);
            let refused = told(&answered);
            assert_eq!(
                refused.what(),
                (Code::Unimplemented, "ENCODING_UNSUPPORTED"),
                "{headers:?}"
            );
            assert_eq!(answered["grpc-accept-encoding"], "identity");
        }
    }
    // The same without compression is a call like any other, and so is one without `te`.
    let taken: [&[(&str, &str)]; 5] = [
        &[grpc],
        &[proto],
        &[grpc, (ENCODING, "identity")],
        &[grpc, ("grpc-accept-encoding", "gzip, identity"), ("te", "trailers")],
        &[(TYPE, "application/grpc; charset=utf-8")],
    ];
    for headers in taken {
        let (_, answered, _) = wire.exchange(post(headers), HEALTH, &framed(0, b"")).await;
        assert_eq!(answered["grpc-status"], "0", "{headers:?}");
        let (_, answered, _) = wire.exchange(post(headers), LIST, &framed(0, b"")).await;
        assert_eq!(told(&answered).reason, "TOKEN_REJECTED", "{headers:?}");
    }
}

#[tokio::test]
async fn a_deadline_that_cannot_be_read_is_said_and_one_that_is_past_holds() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let wire = Wire::open(&daemon, &instance.layout.client("provider-02")).await;
    let malformed = ["", "1", "S", "1s", "123456789S", "-1S", "1.5S"];
    for timeout in malformed {
        let status = wire.call(LIST, &[("grpc-timeout", timeout)], &framed(0, b"")).await;
        let refused = Told::of(&status);
        assert_eq!(refused.what(), (Code::InvalidArgument, "REQUEST_MALFORMED"), "{timeout}");
        assert_eq!(refused.fields, ["grpc-timeout"]);
    }
    let twice = [("grpc-timeout", "1S"), ("grpc-timeout", "2S")];
    let refused = Told::of(&wire.call(LIST, &twice, &framed(0, b"")).await);
    assert_eq!(refused.reason, "REQUEST_MALFORMED");
    let good = wire.call(LIST, &[("grpc-timeout", "99999999H")], &framed(0, b"")).await;
    assert_eq!(Told::of(&good).reason, "TOKEN_REJECTED");
}

/// Whoever offers HTTP/1.1 alone shakes no hands, and whoever speaks it all the same is not heard.
#[tokio::test]
async fn http_1_1_ends_the_connection() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let shown = instance.layout.client("provider-02");
    let mut stream = shake(&daemon, Some(&shown)).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    stream.flush().await.unwrap();
    let mut answered = Vec::new();
    // However it is closed.
    let _ = stream.read_to_end(&mut answered).await;
    assert!(!answered.starts_with(b"HTTP/1.1 200"), "{answered:?}");
    let mut caller = daemon.client("provider-02").await;
    assert_eq!(caller.list(1, "", crate::instance::context()).await.unwrap().records.len(), 1);
}
