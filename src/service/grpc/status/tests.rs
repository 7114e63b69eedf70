//! Every kind of error that a room hands up: code, reason, and whether to try again. Clients try
//! again what is UNAVAILABLE, so nothing is that does not pass by itself.

use std::path::PathBuf;

use rusqlite::{Error, ffi};
use tonic_types::StatusExt as _;

use super::*;

type Row = (Code, &'static str, bool);

const LEDGER: Row = (Code::Unavailable, "LEDGER_UNAVAILABLE", true);
const SOURCE: Row = (Code::Unavailable, "SOURCE_UNAVAILABLE", true);
const FAULTY: Row = (Code::FailedPrecondition, "LEDGER_FAULTY", false);
const INTERNAL: Row = (Code::Internal, "INTERNAL", false);
const MALFORMED: Row = (Code::InvalidArgument, "REQUEST_MALFORMED", false);

fn sqlite(code: i32) -> Error {
    Error::SqliteFailure(ffi::Error::new(code), None)
}

fn io() -> std::io::Error {
    std::io::Error::other("an exercise")
}

fn rows() -> Vec<(ApiError, Row)> {
    let path = PathBuf::from;
    let ledger = [
        (Unrecorded::Busy, LEDGER),
        (Unrecorded::Unwritable, LEDGER),
        (Unrecorded::Outdated, LEDGER),
        (Unrecorded::Unanswered, INTERNAL),
        (Unrecorded::Unapproved, INTERNAL),
        (Unrecorded::Unfit, (Code::Internal, "ENTRY_UNFIT", false)),
        (Unrecorded::OtherArguments, MALFORMED),
        (
            Unrecorded::NotEnrolled(Tag([0; 16])),
            (Code::PermissionDenied, "AGENT_NOT_ENROLLED", false),
        ),
        (UsedUp { wait: 5 }.into(), (Code::ResourceExhausted, "ENTRY_BUDGET", true)),
        (BadAct::Expired.into(), (Code::PermissionDenied, "SIGNATURE_REJECTED", false)),
        (BadAct::Known.into(), (Code::FailedPrecondition, "ACT_NOT_POSSIBLE", false)),
        (BadAct::Form.into(), MALFORMED),
    ];
    let file = [
        (Unreadable::Missing(path("l")), FAULTY),
        (Unreadable::NotOurs(path("l")), FAULTY),
        (Unreadable::Journal(path("l")), FAULTY),
        (Unreadable::Tiles, FAULTY),
        (Unreadable::Newer(2), FAULTY),
        (sqlite(ffi::SQLITE_CORRUPT).into(), FAULTY),
        (sqlite(ffi::SQLITE_NOTADB).into(), FAULTY),
        (Error::InvalidQuery.into(), FAULTY),
        (sqlite(ffi::SQLITE_BUSY).into(), LEDGER),
        (sqlite(ffi::SQLITE_IOERR).into(), LEDGER),
        (sqlite(ffi::SQLITE_CANTOPEN).into(), LEDGER),
        (Unreadable::Copy(io()), LEDGER),
        (Unreadable::NoEntry(1), (Code::PermissionDenied, "ENTRY_NOT_AVAILABLE", false)),
    ];
    let faulty = (Code::FailedPrecondition, "SOURCE_FAULTY", false);
    let source = [
        (SourceError::Busy, SOURCE),
        (SourceError::Random(io()), SOURCE),
        (sqlite(ffi::SQLITE_BUSY).into(), SOURCE),
        (sqlite(ffi::SQLITE_CORRUPT).into(), faulty),
        (Error::InvalidQuery.into(), faulty),
        (SourceError::Program("an exercise"), INTERNAL),
        (SourceError::Malformed(Vec::new()), MALFORMED),
    ];
    let ended = [
        (ReadError::Contained, (Code::PermissionDenied, "ACCESS_CONTAINED", false)),
        (JobFault::Closed.into(), (Code::PermissionDenied, "JOB_NOT_OPEN", false)),
        (JobFault::Spent.into(), (Code::ResourceExhausted, "JOB_EXHAUSTED", false)),
        (OtherDraft.into(), INTERNAL),
    ];
    let own = [
        (ApiError::replies_full(), (Code::ResourceExhausted, "REPLIES_FULL", true)),
        (ApiError::calls_full(), (Code::ResourceExhausted, "CALLS_FULL", true)),
        (ApiError::connections_full(), (Code::ResourceExhausted, "CONNECTIONS_FULL", true)),
        (ApiError::tails_full(), (Code::ResourceExhausted, "TAILS_FULL", true)),
        (ApiError::stopping(), (Code::Unavailable, "GATEWAY_STOPPING", true)),
        (ApiError::record_too_large(1, "c"), (Code::FailedPrecondition, "RECORD_TOO_LARGE", false)),
        (ApiError::not_available(1, "c"), (Code::PermissionDenied, "RECORD_NOT_AVAILABLE", false)),
        (ApiError::encoding(), (Code::Unimplemented, "ENCODING_UNSUPPORTED", false)),
        (ApiError::internal("an exercise"), INTERNAL),
    ];
    let mut rows = Vec::from(own);
    rows.extend(ledger.iter().map(|(error, row)| (error.into(), *row)));
    rows.extend(file.iter().map(|(error, row)| (error.into(), *row)));
    rows.extend(source.iter().map(|(error, row)| (error.into(), *row)));
    rows.extend(ended.iter().map(|(error, row)| (error.into(), *row)));
    rows
}

#[test]
fn only_what_passes_by_itself_is_to_be_tried_again() {
    for (n, (fault, (code, reason, again))) in rows().into_iter().enumerate() {
        let status = fault.status();
        let details = status.get_error_details();
        let info = details.error_info().expect("a reason");
        assert_eq!((status.code(), &*info.reason), (code, reason), "row {n}");
        assert_eq!(details.retry_info().is_some(), again, "{reason}");
        assert!(code != Code::Unavailable || again, "{reason}");
        assert_eq!(details.localized_message().map(|text| &*text.locale), Some("fr"));
    }
}
