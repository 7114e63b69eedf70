//! What the headers of a request must be so that it is a call (gRPC over HTTP/2). Whoever speaks no
//! gRPC is told so in the terms of HTTP; whoever asks for a form of messages that is not read here,
//! in those of gRPC.

use std::time::Duration;

use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use tonic::Status;
use tonic::body::Body;

use crate::admission::Violation;
use crate::service::grpc::status::ApiError;

const WORDS: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const MEDIA_TYPE: &str = "application/grpc";
const TIMEOUT: &str = "grpc-timeout";

/// Why a request is no call that can be answered.
pub(in crate::service) enum Unfit {
    /// It is no call at all; holds what HTTP answers.
    Http(StatusCode, &'static str),
    /// It is a call, and carries messages in another form than is read here.
    Encoding,
    /// It is a call, and its deadline cannot be read.
    Timeout,
}

impl Unfit {
    /// What is answered to a request of this method; `refuse` counts the refusal.
    pub(in crate::service) fn response(
        &self,
        method: &Method,
        refuse: impl FnOnce(ApiError) -> Status,
    ) -> Response<Body> {
        match self {
            Unfit::Http(code, english) => {
                let status = refuse(ApiError::no_call(english));
                let words = format!("{}\n", status.message());
                let body = if method == Method::HEAD { Body::empty() } else { Body::new(words) };
                let mut response = Response::new(body);
                *response.status_mut() = *code;
                response.headers_mut().insert(CONTENT_TYPE, WORDS);
                if *code == StatusCode::METHOD_NOT_ALLOWED {
                    response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
                }
                response
            }
            Unfit::Encoding => {
                let mut response = refuse(ApiError::encoding()).into_http();
                let accepted = HeaderValue::from_static("identity");
                response.headers_mut().insert("grpc-accept-encoding", accepted);
                response
            }
            Unfit::Timeout => {
                let description = "must be 1 to 8 digits and one of H, M, S, m, u, n".to_owned();
                let violation = Violation { field: TIMEOUT, description };
                refuse(ApiError::malformed(&[violation])).into_http()
            }
        }
    }
}

/// How long a call may take, if it says so.
///
/// # Errors
/// [`Unfit`] if it is no call.
pub(in crate::service) fn deadline(
    method: &Method,
    headers: &HeaderMap,
) -> Result<Option<Duration>, Unfit> {
    if method != Method::POST {
        return Err(Unfit::Http(StatusCode::METHOD_NOT_ALLOWED, "a call is a POST"));
    }
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let codec = media_type.and_then(codec).ok_or(Unfit::Http(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "calls are gRPC: their content type is application/grpc",
    ))?;
    let compressed = headers.get_all("grpc-encoding").iter().any(|value| value != "identity");
    if compressed || !["", "+proto"].contains(&codec) {
        return Err(Unfit::Encoding);
    }
    let mut timeouts = headers.get_all(TIMEOUT).iter();
    match (timeouts.next(), timeouts.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => timeout(value).map(Some).ok_or(Unfit::Timeout),
        (Some(_), Some(_)) => Err(Unfit::Timeout),
    }
}

/// What a content type of gRPC says of its messages: nothing, or `+` and a word.
fn codec(media_type: &str) -> Option<&str> {
    let (start, rest) = media_type.split_at_checked(MEDIA_TYPE.len())?;
    if !start.eq_ignore_ascii_case(MEDIA_TYPE) {
        return None;
    }
    let codec = rest.split(';').next().unwrap_or_default().trim_ascii_end();
    (codec.is_empty() || codec.starts_with('+')).then_some(codec)
}

/// Reads a deadline of at most eight digits and a unit, as gRPC has it.
fn timeout(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let n: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(n * 3_600)),
        "M" => Some(Duration::from_secs(n * 60)),
        "S" => Some(Duration::from_secs(n)),
        "m" => Some(Duration::from_millis(n)),
        "u" => Some(Duration::from_micros(n)),
        "n" => Some(Duration::from_nanos(n)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_type_of_grpc_is_one_however_it_is_written() {
        for (text, expected) in [
            ("application/grpc", Some("")),
            ("Application/gRPC; charset=utf-8", Some("")),
            ("application/grpc ;x", Some("")),
            ("application/grpc+proto", Some("+proto")),
            ("application/grpc+json", Some("+json")),
            ("application/grpc-web", None),
            ("application/grpcx", None),
            ("application/json", None),
            ("", None),
        ] {
            assert_eq!(codec(text), expected, "{text}");
        }
    }

    #[test]
    fn a_timeout_is_eight_digits_at_most_and_a_unit() {
        let read = |text| timeout(&HeaderValue::from_static(text));
        assert_eq!(read("200m"), Some(Duration::from_millis(200)));
        assert_eq!(read("99999999H"), Some(Duration::from_secs(99_999_999 * 3_600)));
        assert_eq!(read("0n"), Some(Duration::ZERO));
        for text in ["", "m", "1", "123456789S", "-1S", "+1S", "1.5S", "1 S", "1s", "1SS"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
