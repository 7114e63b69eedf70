//! What an error says, taken apart. Every error of ours says it in the same form, so the form is
//! checked here, once.

use std::collections::HashMap;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// An error of ours.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    pub(crate) code: Code,
    pub(crate) reason: String,
    pub(crate) message: String,
    pub(crate) french: String,
    pub(crate) metadata: HashMap<String, String>,
    pub(crate) retry: Option<Duration>,
    /// Subjects.
    pub(crate) quotas: Vec<String>,
    /// Names of fields, in alphabetical order.
    pub(crate) fields: Vec<String>,
}

impl Told {
    /// Takes a status apart.
    pub(crate) fn of(status: &Status) -> Told {
        let details = status.get_error_details();
        let info = details.error_info().unwrap_or_else(|| panic!("no ErrorInfo: {status:?}"));
        assert_eq!(info.domain, "greffier");
        let french = details.localized_message().expect("a French message");
        assert_eq!(french.locale, "fr");
        assert!(!french.message.is_empty() && !status.message().is_empty());
        let quotas = details.quota_failure().map_or(&[][..], |quota| &quota.violations);
        let fields = details.bad_request().map_or(&[][..], |bad| &bad.field_violations);
        assert!(fields.iter().all(|field| !field.description.is_empty()));
        let mut fields: Vec<String> = fields.iter().map(|field| field.field.clone()).collect();
        fields.sort();
        Told {
            code: status.code(),
            reason: info.reason.clone(),
            message: status.message().to_owned(),
            french: french.message.clone(),
            metadata: info.metadata.clone(),
            retry: details.retry_info().and_then(|retry| retry.retry_delay),
            quotas: quotas.iter().map(|quota| quota.subject.clone()).collect(),
            fields,
        }
    }

    /// Code and reason.
    pub(crate) fn what(&self) -> (Code, &str) {
        (self.code, &self.reason)
    }

    /// The number of the entry that the error names.
    pub(crate) fn entry(&self) -> u64 {
        self.metadata["entry"].parse().expect("an entry number")
    }

    /// The error without what may differ between two that must be the same.
    pub(crate) fn without_entry(mut self) -> Told {
        assert!(self.metadata.remove("entry").is_some());
        assert!(self.metadata.remove("checkpoint").is_some());
        self
    }
}

/// The error that came instead of a reply.
pub(crate) fn told<T>(outcome: Result<T, Status>) -> Told {
    match outcome {
        Ok(_) => panic!("a reply came where an error was due"),
        Err(status) => Told::of(&status),
    }
}
