//! Facts into gRPC statuses: the one place where they are mapped (AIP-193). Every error carries
//! `google.rpc.ErrorInfo` with domain `greffier`, an English message and a French one.

use std::collections::HashMap;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::admission::{AdmissionError, MissingFactor, StepUp, TokenFault, Violation};
use crate::format::entry::{Millis, Rule, Tag, word};
use crate::quota::RateLimited;
use crate::registrar::{OtherDraft, Unrecorded};
use crate::service::read::{JobFault, ReadError};
use crate::source::{SourceError, WithheldReason};
use crate::state::acts::BadAct;
use crate::state::growth::UsedUp;
use crate::verify::store::Unreadable;

const DOMAIN: &str = "greffier";
/// The reason that somebody can do something about: whom to call comes with it.
const CONTAINED: &str = "ACCESS_CONTAINED";

/// An error on its way out: what it is called, in two languages, and what comes with it.
pub(in crate::service) struct ApiError {
    code: Code,
    reason: &'static str,
    english: String,
    french: &'static str,
    metadata: HashMap<String, String>,
    details: ErrorDetails,
}

impl ApiError {
    fn new(
        code: Code,
        reason: &'static str,
        english: impl Into<String>,
        french: &'static str,
    ) -> Self {
        let (metadata, details) = (HashMap::new(), ErrorDetails::new());
        ApiError { code, reason, english: english.into(), french, metadata, details }
    }

    /// The stable word of the error.
    pub(in crate::service) fn reason(&self) -> &'static str {
        self.reason
    }

    fn retry_after(mut self, delay: Duration) -> Self {
        self.details.set_retry_info(Some(delay));
        self
    }

    fn with(mut self, key: &str, value: impl ToString) -> Self {
        self.metadata.insert(key.to_owned(), value.to_string());
        self
    }

    /// The status as tonic sends it.
    pub(in crate::service) fn status(mut self) -> Status {
        self.details.set_error_info(self.reason, DOMAIN, self.metadata);
        self.details.set_localized_message("fr", self.french);
        Status::with_error_details(self.code, self.english, self.details)
    }

    /// A request that cannot be read, field by field.
    pub(in crate::service) fn malformed(violations: &[Violation]) -> ApiError {
        let fields: Vec<&str> = violations.iter().map(|v| v.field).collect();
        let english = format!("malformed request: {}", fields.join(", "));
        let french = "Requête mal formée : voir le détail, champ par champ.";
        let mut fault = ApiError::new(Code::InvalidArgument, "REQUEST_MALFORMED", english, french);
        for violation in violations {
            fault.details.add_bad_request_violation(violation.field, &violation.description);
        }
        fault
    }

    /// A record that is absent, or that this caller may not know to be there.
    pub(in crate::service) fn not_available(entry: u64, checkpoint: &str) -> ApiError {
        let english = "this record is not available to you";
        let french = "Ce dossier ne vous est pas accessible.";
        ApiError::new(Code::PermissionDenied, "RECORD_NOT_AVAILABLE", english, french)
            .with("entry", entry)
            .with("checkpoint", checkpoint)
    }

    /// A record that no reply holds. That it is there is told, and was charged.
    pub(in crate::service) fn record_too_large(entry: u64, checkpoint: &str) -> ApiError {
        let english = "this record is larger than a reply may be, in the view asked for: ask for a smaller \
                       view, or have the agency hand it over otherwise";
        let french = "Ce dossier dépasse la taille d’une réponse : demandez une vue plus restreinte, ou \
                      adressez-vous à l’administration.";
        ApiError::new(Code::FailedPrecondition, "RECORD_TOO_LARGE", english, french)
            .with("entry", entry)
            .with("checkpoint", checkpoint)
    }

    /// An entry that is absent, or not this caller's to see.
    pub(in crate::service) fn no_entry() -> ApiError {
        let english = "this entry is not available to you";
        let french = "Cette entrée ne vous est pas accessible.";
        ApiError::new(Code::PermissionDenied, "ENTRY_NOT_AVAILABLE", english, french)
    }

    /// An alert that is not there.
    pub(in crate::service) fn no_alert(entry: u64) -> ApiError {
        let english = format!("entry {entry} is no alert of this ledger");
        let french = "Cette entrée n’est pas une alerte de ce registre.";
        ApiError::new(Code::NotFound, "ALERT_NOT_FOUND", english, french)
    }

    /// The refusal of a tail where as many are open as there may be.
    pub(in crate::service) fn tails_full() -> ApiError {
        let english = "as many tails are open as there may be: close one, or try again later";
        let french = "Trop de suivis d’alertes sont ouverts : réessayez plus tard.";
        ApiError::new(Code::ResourceExhausted, "TAILS_FULL", english, french)
            .retry_after(Duration::from_secs(10))
    }

    /// A tail whose reader does not take what there is.
    pub(in crate::service) fn tail_too_slow() -> ApiError {
        let english = "the tail was read too slowly and is cut: tail again after the last entry";
        let french = "Suivi lu trop lentement et coupé : reprenez après la dernière entrée reçue.";
        ApiError::new(Code::Aborted, "TAIL_TOO_SLOW", english, french)
    }

    /// A reply that its client does not take; it finds a stream that was reset.
    pub(in crate::service) fn reply_not_taken() -> ApiError {
        let english = "the reply was not taken in time: nothing more of it is sent";
        let french = "La réponse n’a pas été lue à temps.";
        ApiError::new(Code::DeadlineExceeded, "REPLY_NOT_TAKEN", english, french)
    }

    /// A provider has as many connections as it may have.
    pub(in crate::service) fn connections_full() -> ApiError {
        let english = "as many connections are open as you may have: use those, or close one";
        let french = "Trop de connexions sont ouvertes : réutilisez-les ou fermez-en une.";
        ApiError::new(Code::ResourceExhausted, "CONNECTIONS_FULL", english, french)
            .retry_after(Duration::from_secs(5))
    }

    /// A provider has as many calls in flight as it may have.
    pub(in crate::service) fn calls_full() -> ApiError {
        let english = "as many of your calls are in flight as there may be: wait for their replies";
        let french = "Trop d’appels sont en cours : attendez leurs réponses.";
        ApiError::new(Code::ResourceExhausted, "CALLS_FULL", english, french)
            .retry_after(Duration::from_millis(500))
    }

    /// An agent has as many calls in flight as one agent of a provider may have.
    pub(in crate::service) fn agents_calls_full() -> ApiError {
        let english = "as many calls of this agent are in flight as one agent may have, a quarter of the \
                       provider's: wait for their replies";
        let french = "Trop d’appels de cet agent sont en cours, un quart de ceux de l’opérateur au plus : \
                      attendez leurs réponses.";
        ApiError::new(Code::ResourceExhausted, "CALLS_FULL", english, french)
            .retry_after(Duration::from_millis(500))
    }

    /// The message of a call did not come.
    pub(in crate::service) fn message_late() -> ApiError {
        let english = "the message of this call did not come within 3 seconds of its headers: send both \
                       together";
        let french = "Le message de cet appel n’est pas arrivé dans les 3 secondes : envoyez-le avec les \
                      en-têtes.";
        ApiError::new(Code::DeadlineExceeded, "MESSAGE_LATE", english, french)
    }

    /// A caller has as many bytes of replies waiting as it may have.
    pub(in crate::service) fn replies_full() -> ApiError {
        let english = "as much of your replies waits to be read as there may be: nothing was read; take \
                       those first";
        let french = "Trop de réponses attendent d’être lues : lisez-les d’abord.";
        ApiError::new(Code::ResourceExhausted, "REPLIES_FULL", english, french)
            .retry_after(Duration::from_millis(500))
    }

    /// More headers than any call has need of.
    pub(in crate::service) fn too_much_metadata(most: usize) -> ApiError {
        let english = format!("a request has at most {most} headers");
        let french = "Requête aux en-têtes trop nombreux.";
        ApiError::new(Code::InvalidArgument, "REQUEST_TOO_LARGE", english, french)
    }

    /// A request of HTTP that is no call: who sent it speaks no gRPC.
    pub(in crate::service) fn no_call(english: &str) -> ApiError {
        let french = "Cette requête n’est pas un appel gRPC.";
        ApiError::new(Code::InvalidArgument, "NOT_GRPC", english, french)
    }

    /// Messages in a form that is not read here.
    pub(in crate::service) fn encoding() -> ApiError {
        let english = "messages are protocol buffers without compression: send no `grpc-encoding`, \
                       and `application/grpc` as content type";
        let french =
            "Messages compressés ou d’un autre format : envoyez du protobuf non compressé.";
        ApiError::new(Code::Unimplemented, "ENCODING_UNSUPPORTED", english, french)
    }

    /// A connection that is cut for its frames; there is no call to answer.
    pub(in crate::service) fn flood() -> ApiError {
        let english = "more frames than calls have need of: the connection is closed";
        let french = "Trop de trames sans appel : la connexion est coupée.";
        ApiError::new(Code::ResourceExhausted, "FLOOD", english, french)
    }

    /// The daemon stops while something goes on that would not end by itself.
    pub(in crate::service) fn stopping() -> ApiError {
        let english = "the gateway is stopping: come again";
        let french = "La passerelle s’arrête : reprenez plus tard.";
        ApiError::new(Code::Unavailable, "GATEWAY_STOPPING", english, french)
            .retry_after(Duration::from_secs(1))
    }

    /// Contained: in force already, or by what this very read showed.
    pub(in crate::service) fn contained() -> ApiError {
        let english = "access is contained: nothing was released; call the agency's security team";
        let french = "Accès restreint : aucune donnée n’a été communiquée ; contactez l’équipe de \
                      sécurité de l’administration.";
        ApiError::new(Code::PermissionDenied, CONTAINED, english, french)
    }

    /// A person whom only the provider knows. The tag is in its receipts too, and the agency needs
    /// it.
    pub(in crate::service) fn not_enrolled(agent: Tag) -> ApiError {
        let english = format!(
            "agent {agent} is not enrolled: nothing was released; ask the agency to enrol it"
        );
        let french = "Cet agent n’est pas habilité : aucune donnée n’a été communiquée ; demandez son \
                      habilitation à l’administration.";
        ApiError::new(Code::PermissionDenied, "AGENT_NOT_ENROLLED", english, french)
            .with("agent", agent)
    }

    /// Says whom the policy in force names for it, if somebody can give access back.
    pub(in crate::service) fn calling(mut self, contact: Option<&str>) -> ApiError {
        match contact {
            Some(contact) if self.reason == CONTAINED => {
                self.english = format!("{}: {contact}", self.english);
                self.with("contact", contact)
            }
            _ => self,
        }
    }

    /// The refusal of a read that the judge withheld, with the entry that says so.
    pub(in crate::service) fn withheld(
        refusal: WithheldReason,
        entry: u64,
        checkpoint: &str,
        now: Millis,
    ) -> ApiError {
        if refusal.rule == Some(Rule::Job) {
            let spent = ApiError::from(&JobFault::Spent);
            return spent.with("entry", entry).with("checkpoint", checkpoint);
        }
        if refusal.rule == Some(Rule::Contained) {
            let fault = ApiError::contained().with("entry", entry).with("checkpoint", checkpoint);
            let wait = refusal.fits_at.map(|at| Duration::from_millis(at.saturating_sub(now)));
            return wait.into_iter().fold(fault, ApiError::retry_after);
        }
        let budget = refusal.rule.as_ref().map(word).unwrap_or_default();
        let left = refusal.remaining;
        let later = if refusal.fits_at.is_some() { ", or later" } else { "" };
        let english = format!(
            "this request could return more persons than the budget `{budget}` has left ({left}): \
             ask for fewer{later}"
        );
        let french = "Cette requête pourrait renvoyer plus de personnes qu’il n’en reste au budget : \
                      demandez-en moins, ou plus tard.";
        let contract = matches!(refusal.rule, Some(Rule::Contract | Rule::ContractOff));
        let (english, french) = if contract {
            let english = format!(
                "this request could return more new persons than the contract of this provider has left \
                 ({left}), or it is not its time: records that were given before can still be read by their \
                 names within it; ask the agency"
            );
            let french = "Cette requête pourrait renvoyer plus de nouvelles personnes qu’il n’en reste au \
                          marché, ou ce n’en est pas le temps : adressez-vous à l’administration.";
            (english, french)
        } else {
            (english, french)
        };
        let mut fault = ApiError::new(Code::ResourceExhausted, "BUDGET_EXHAUSTED", english, french)
            .with("budget", &budget)
            .with("remaining", left)
            .with("entry", entry)
            .with("checkpoint", checkpoint);
        fault.details.add_quota_failure_violation(
            format!("budget:{budget}"),
            format!("{left} persons remain"),
        );
        match refusal.fits_at {
            Some(at) => fault
                .with("fits_at_unix_ms", at)
                .retry_after(Duration::from_millis(at.saturating_sub(now))),
            None => fault,
        }
    }

    /// A log-in that is not enough. The token itself is good, so its owner is told what to do.
    fn step_up(step_up: &StepUp) -> ApiError {
        let StepUp { lack, second_factor, max_age } = step_up;
        let english = format!("{lack}: log in again, and carry the new token");
        let french = match lack {
            MissingFactor::SecondFactor => {
                "Second facteur d’authentification requis : authentifiez-vous à nouveau."
            }
            MissingFactor::Recent => {
                "Authentification trop ancienne : authentifiez-vous à nouveau."
            }
        };
        let required = if *second_factor { "mfa" } else { "any" };
        ApiError::new(Code::Unauthenticated, "STEP_UP_REQUIRED", english, french)
            .with("required_methods", required)
            .with("max_age_seconds", max_age)
    }

    /// The deadline passed; the entry, if any, stands.
    pub(in crate::service) fn deadline() -> ApiError {
        let english = "the deadline passed before the reply was ready; its entry, if any, stands";
        let french = "Le délai est dépassé ; l’entrée au registre, s’il y en a une, demeure.";
        ApiError::new(Code::DeadlineExceeded, "DEADLINE_EXCEEDED", english, french)
    }

    /// The refusal by a fault of this program.
    pub(in crate::service) fn internal(english: &str) -> ApiError {
        ApiError::new(Code::Internal, "INTERNAL", english, "Erreur interne.")
    }

    /// A status that tonic made by itself, in our terms.
    pub(in crate::service) fn transport(code: Code, message: &str) -> ApiError {
        match code {
            Code::OutOfRange => ApiError::new(
                Code::InvalidArgument,
                "REQUEST_TOO_LARGE",
                message,
                "Requête trop volumineuse.",
            ),
            Code::Unimplemented => ApiError::new(
                Code::Unimplemented,
                "METHOD_UNKNOWN",
                "there is no such method; server reflection lists those that are there",
                "Cette méthode n’existe pas.",
            ),
            // Without details it is tonic's, and tonic says so of what it cannot decode.
            Code::Internal | Code::Unknown | Code::InvalidArgument => ApiError::new(
                Code::InvalidArgument,
                "REQUEST_MALFORMED",
                format!("the request cannot be decoded: {message}"),
                "Requête illisible.",
            ),
            other => ApiError::new(other, "TRANSPORT", message, "Erreur de transport."),
        }
    }
}

impl From<&AdmissionError> for ApiError {
    fn from(refused: &AdmissionError) -> ApiError {
        match refused {
            AdmissionError::Malformed(violations) => ApiError::malformed(violations),
            AdmissionError::Certificate(why) => ApiError::new(
                Code::Unauthenticated,
                refused.reason(),
                format!("certificate rejected: {why}"),
                "Certificat refusé.",
            ),
            AdmissionError::Token(TokenFault::Missing) => ApiError::new(
                Code::Unauthenticated,
                refused.reason(),
                "token rejected: there is none; carry one as `authorization: Bearer TOKEN`",
                "Jeton refusé : il n’y en a pas.",
            ),
            // Which check failed is for the log: whoever tries tokens learns nothing.
            AdmissionError::Token(_) => ApiError::new(
                Code::Unauthenticated,
                refused.reason(),
                "token rejected",
                "Jeton refusé.",
            ),
            AdmissionError::StepUp(step_up) => ApiError::step_up(step_up),
            AdmissionError::Purpose(why) => ApiError::new(
                Code::PermissionDenied,
                refused.reason(),
                why.to_string(),
                "Finalité, vue ou motif non autorisé.",
            ),
        }
    }
}

impl From<&RateLimited> for ApiError {
    fn from(limited: &RateLimited) -> ApiError {
        let french = "Trop de requêtes : réessayez plus tard.";
        let mut fault = ApiError::new(
            Code::ResourceExhausted,
            RateLimited::REASON,
            limited.to_string(),
            french,
        );
        fault.details.add_quota_failure_violation("rate", "requests a second");
        fault.retry_after(limited.retry_after)
    }
}

impl From<&BadAct> for ApiError {
    fn from(bad: &BadAct) -> ApiError {
        let english = format!("the act was not written: {bad}");
        let rejected = |why: &str| {
            let french = "Signature refusée : l’acte n’a pas été inscrit.";
            ApiError::new(Code::PermissionDenied, "SIGNATURE_REJECTED", english.clone(), french)
                .with("why", why)
        };
        match bad {
            BadAct::Expired => rejected("expired"),
            BadAct::TooLong => rejected("good_for_too_long"),
            BadAct::Reused => rejected("used_before"),
            BadAct::Twice(admin) => rejected("one_key_twice").with("admin", admin),
            BadAct::NotEnrolled(admin) => rejected("key_not_enrolled").with("admin", admin),
            BadAct::False(admin) => rejected("false").with("admin", admin),
            BadAct::Submitter(admin) => rejected("not_signed_by_submitter").with("admin", admin),
            BadAct::Second(deed) => {
                let french = "Cet acte demande la signature d’un second administrateur.";
                ApiError::new(Code::PermissionDenied, "SECOND_SIGNATURE_REQUIRED", english, french)
                    .with("deed", deed.name())
            }
            BadAct::Known | BadAct::Weak | BadAct::Nothing(_) | BadAct::Job => {
                let french = "Acte impossible dans l’état présent du registre.";
                ApiError::new(Code::FailedPrecondition, "ACT_NOT_POSSIBLE", english, french)
            }
            BadAct::Form | BadAct::Signatures(_) | BadAct::Founding => {
                ApiError::malformed(&[Violation {
                    field: "statement",
                    description: bad.to_string(),
                }])
            }
        }
    }
}

impl From<&Unrecorded> for ApiError {
    fn from(unrecorded: &Unrecorded) -> ApiError {
        let english = || format!("{unrecorded}: nothing was released");
        match unrecorded {
            Unrecorded::Act(bad) => bad.into(),
            Unrecorded::NotEnrolled(agent) => ApiError::not_enrolled(*agent),
            Unrecorded::Entries(used_up) => used_up.into(),
            Unrecorded::OtherArguments => {
                let description = "was used with other arguments: choose a new one".to_owned();
                ApiError::malformed(&[Violation { field: "context.request_id", description }])
            }
            // The same again would be no other entry.
            Unrecorded::Unfit => {
                let french = "Cette opération ne peut pas être inscrite au registre : aucune donnée n’a \
                              été communiquée.";
                ApiError::new(Code::Internal, "ENTRY_UNFIT", english(), french)
            }
            Unrecorded::Unanswered | Unrecorded::Unapproved => ApiError::internal(&english()),
            Unrecorded::Busy | Unrecorded::Unwritable | Unrecorded::Outdated => {
                let french = "Le registre est indisponible : aucune donnée n’a été communiquée.";
                let fault =
                    ApiError::new(Code::Unavailable, "LEDGER_UNAVAILABLE", english(), french);
                unrecorded.retry_after().into_iter().fold(fault, ApiError::retry_after)
            }
        }
    }
}

/// Of the ledger's file, read to answer a question. Its path is nobody's business but the log's.
impl From<&Unreadable> for ApiError {
    fn from(unreadable: &Unreadable) -> ApiError {
        match unreadable {
            Unreadable::NoEntry(_) => ApiError::no_entry(),
            Unreadable::Copy(_) => ApiError::from(&Unrecorded::Unwritable),
            Unreadable::Sqlite(error) if passes(error) => ApiError::from(&Unrecorded::Unwritable),
            Unreadable::Missing(_)
            | Unreadable::NotOurs(_)
            | Unreadable::Journal(_)
            | Unreadable::Tiles
            | Unreadable::Newer(_)
            | Unreadable::Sqlite(_) => {
                let english = "the ledger's file is not as it must be, and somebody must look at it: \
                               trying again does not help; tell the agency";
                let french =
                    "Le fichier du registre présente un défaut : prévenez l’administration.";
                ApiError::new(Code::FailedPrecondition, "LEDGER_FAULTY", english, french)
            }
        }
    }
}

/// Whether what SQLite says may be otherwise in a moment.
fn passes(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode as Of;
    matches!(
        error.sqlite_error_code(),
        Some(
            Of::DatabaseBusy
                | Of::DatabaseLocked
                | Of::OperationAborted
                | Of::OperationInterrupted
                | Of::OutOfMemory
                | Of::SystemIoFailure
                | Of::CannotOpen
                | Of::FileLockingProtocolFailed
                | Of::DiskFull
        )
    )
}

impl From<&UsedUp> for ApiError {
    fn from(used_up: &UsedUp) -> ApiError {
        let english = format!("{used_up}: nothing was written or released");
        let french = "Le nombre d’entrées au registre permis par jour est atteint : rien n’a été \
                      inscrit ni communiqué.";
        let mut fault = ApiError::new(Code::ResourceExhausted, "ENTRY_BUDGET", english, french);
        fault.details.add_quota_failure_violation("entries", "ledger entries a day");
        fault.retry_after(Duration::from_millis(used_up.wait))
    }
}

impl From<&JobFault> for ApiError {
    fn from(fault: &JobFault) -> ApiError {
        match fault {
            JobFault::Closed => {
                let french = "Aucune opération approuvée de ce numéro ne vous est ouverte.";
                ApiError::new(Code::PermissionDenied, "JOB_NOT_OPEN", fault.to_string(), french)
            }
            JobFault::Spent => {
                let french = "L’opération ne permet plus aucune ligne.";
                let code = Code::ResourceExhausted;
                let mut spent = ApiError::new(code, "JOB_EXHAUSTED", fault.to_string(), french);
                spent.details.add_quota_failure_violation("job", "no rows remain");
                spent
            }
        }
    }
}

impl From<&SourceError> for ApiError {
    fn from(error: &SourceError) -> ApiError {
        match error {
            SourceError::Malformed(violations) => ApiError::malformed(violations),
            SourceError::Busy | SourceError::Unavailable(_) | SourceError::Random(_) => {
                let english = "the records cannot be reached now: nothing was released";
                let french = "Les dossiers sont indisponibles : aucune donnée n’a été communiquée.";
                ApiError::new(Code::Unavailable, "SOURCE_UNAVAILABLE", english, french)
                    .retry_after(Duration::from_secs(1))
            }
            SourceError::Faulty(_) => {
                let english = "the records are faulty and somebody must mend them: nothing was \
                               released, and trying again does not help; tell the agency";
                let french = "Les dossiers présentent un défaut à corriger : aucune donnée n’a été \
                              communiquée ; prévenez l’administration.";
                ApiError::new(Code::FailedPrecondition, "SOURCE_FAULTY", english, french)
            }
            SourceError::Program(_) => {
                ApiError::internal("the records cannot be asked: nothing was released")
            }
        }
    }
}

impl From<&OtherDraft> for ApiError {
    fn from(_: &OtherDraft) -> ApiError {
        ApiError::internal("the reply does not belong to this request: nothing was released")
    }
}

impl From<&ReadError> for ApiError {
    fn from(stopped: &ReadError) -> ApiError {
        match stopped {
            ReadError::Refused(refused) => refused.into(),
            ReadError::RateLimited(limited) => limited.into(),
            ReadError::Contained => ApiError::contained(),
            ReadError::Job(fault) => fault.into(),
            ReadError::Source(error) => error.into(),
            ReadError::Unrecorded(unrecorded) => unrecorded.into(),
            ReadError::Foreign(foreign) => foreign.into(),
        }
    }
}

#[cfg(test)]
mod tests;
