//! For what: a request held against the purposes, views and reasons of the policy.

use super::handle::HandleKind;
use super::{AdmissionError, Caller, Dataset, RunBy, Scope, Word, grammar};

/// What a request says about itself, as it came off the wire; an absent field is `None` and never
/// an empty text.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// Name of the dataset whose records are asked for.
    pub dataset: String,
    /// Name of the purpose that the records are read for.
    pub purpose: String,
    /// Reference of the case that the read belongs to.
    pub case_reference: String,
    /// Name of the view, that is which fields; `BASIC` if absent.
    pub view: Option<String>,
    /// Why persons off the roster may be met.
    pub off_roster_reason: Option<String>,
    /// The client's own id of the request.
    pub request_id: Option<String>,
    /// Most records wanted, of a request that takes a page: 0 asks for 10.
    pub page_size: Option<i32>,
    /// The job that it is an export of: the entry that declared it.
    pub job: Option<u64>,
}

/// Records on a page, unless the request says.
pub const PAGE_DEFAULT: u64 = 10;
/// How many records a page may have at most.
pub const PAGE_MAX: u64 = 500;

/// A field of a request that cannot be read (AIP-193, `BadRequest`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Name of the field, as the request calls it.
    pub field: &'static str,
    /// What the field must be, in words.
    pub description: String,
}

/// Why a request that can be read is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PurposeFault {
    /// The dataset is not granted to the provider; whether there is one is not told.
    #[error("this dataset is not granted to this provider")]
    Dataset,
    /// The purpose is unknown, or another provider's.
    #[error("this purpose is not granted to this provider for this dataset")]
    Purpose,
    /// The view is not one of those that the purpose may use.
    #[error("this purpose may not use this view")]
    View,
    /// The policy gives the form for this purpose.
    #[error("the case reference has not the form that this purpose takes")]
    CaseReference,
    /// The reason is not in the closed list of the dataset.
    #[error("this off-roster reason is not in the policy's list for this dataset")]
    Reason,
    /// No reason opens what the policy keeps shut.
    #[error("this provider may meet only persons on its roster: an off-roster reason has no place")]
    Roster,
}

/// Proof that the policy allows this caller this purpose.
pub struct Permit {
    caller: Caller,
    dataset: Word,
    purpose: Word,
    view: Word,
    reason: Option<Word>,
    case_reference: String,
    request_id: Option<String>,
    page_size: u64,
    job: Option<u64>,
}

impl Permit {
    /// Holds what is asked against what the policy grants.
    ///
    /// # Errors
    /// [`AdmissionError::Malformed`] with every faulty field at once, else
    /// [`AdmissionError::Purpose`].
    pub fn grant(caller: Caller, ask: &Ask) -> Result<Permit, AdmissionError> {
        let violations = ask.violations();
        if !violations.is_empty() {
            return Err(AdmissionError::Malformed(violations));
        }
        // Owned words out of the policy, so that the permit keeps no text that the caller chose.
        let terms = &caller.terms;
        let provider = terms.providers.get(&caller.provider).ok_or(PurposeFault::Dataset)?;
        let granted = provider.datasets.get(ask.dataset.as_str()).ok_or(PurposeFault::Dataset)?;
        let (name, dataset) =
            terms.datasets.get_key_value(ask.dataset.as_str()).ok_or(PurposeFault::Dataset)?;
        let purpose = find(&granted.purposes, &ask.purpose).ok_or(PurposeFault::Purpose)?;
        let may = dataset.purposes.get(purpose).ok_or(PurposeFault::Purpose)?;
        if may.case_reference.as_ref().is_some_and(|form| !form.holds(&ask.case_reference)) {
            return Err(PurposeFault::CaseReference.into());
        }
        let view = find(&may.views, ask.view.as_deref().unwrap_or(grammar::VIEWS[0]))
            .filter(|view| dataset.views.contains_key(*view))
            .ok_or(PurposeFault::View)?;
        let reason = match (&ask.off_roster_reason, granted.scope) {
            (None, _) => None,
            (Some(_), Scope::Roster) => return Err(PurposeFault::Roster.into()),
            (Some(reason), Scope::Open) => {
                Some(find(&dataset.off_roster_reasons, reason).ok_or(PurposeFault::Reason)?)
            }
        };
        let (dataset, purpose) = (name.clone(), purpose.clone());
        let (view, reason) = (view.clone(), reason.cloned());
        // One spelling, so that the same UUID is always the same request.
        let request_id = ask.request_id.as_ref().map(|id| id.to_ascii_lowercase());
        let case_reference = ask.case_reference.clone();
        let page_size = match ask.page_size {
            None => 1,
            Some(0) => PAGE_DEFAULT,
            Some(size) => u64::from(size.unsigned_abs()),
        };
        let job = ask.job;
        Ok(Permit {
            caller,
            dataset,
            purpose,
            view,
            reason,
            case_reference,
            request_id,
            page_size,
            job,
        })
    }

    /// Id of the provider that calls.
    pub fn provider(&self) -> &Word {
        &self.caller.provider
    }

    /// SHA-256 of the client certificate's DER form.
    pub fn certificate(&self) -> [u8; 32] {
        self.caller.peer.fingerprint()
    }

    /// The person at the provider: the issuer's name, 0x00 and the token's subject; where no token
    /// is carried, the certificate's fingerprint in lowercase hex.
    pub fn agent(&self) -> &Word {
        self.caller.vouched.as_ref().map_or(self.caller.peer.agent(), |vouched| &vouched.agent)
    }

    /// Who vouched for the person, by its name in the policy; none where no token is carried.
    pub fn issuer(&self) -> Option<&Word> {
        self.caller.vouched.as_ref().map(|vouched| &vouched.issuer)
    }

    /// Whether it is the provider's own word who the person is: then the agency must have enrolled
    /// it.
    pub fn own_word(&self) -> bool {
        self.caller.vouched.as_ref().is_some_and(|vouched| vouched.run_by == RunBy::Provider)
    }

    /// How the person authenticated: words of RFC 8176.
    pub fn methods(&self) -> &[Word] {
        self.caller.vouched.as_ref().map_or(&[], |vouched| &vouched.methods)
    }

    /// How many seconds before the call the agent logged in; none without a token.
    pub fn auth_age(&self) -> Option<u64> {
        self.caller.vouched.as_ref().map(|vouched| vouched.auth_age)
    }

    /// SHA-256 over the issuer's name, 0x00 and the token's id.
    pub fn token(&self) -> Option<[u8; 32]> {
        self.caller.vouched.as_ref().map(|vouched| vouched.token)
    }

    /// Whether another connection that is open has carried the same token.
    pub fn concurrent(&self) -> bool {
        self.caller.vouched.as_ref().is_some_and(|vouched| vouched.concurrent)
    }

    /// Where the call comes from, cut to /24 or /48.
    pub fn network(&self) -> &Word {
        self.caller.peer.network()
    }

    /// What the policy says of the dataset.
    pub fn dataset(&self) -> &Dataset {
        // `grant` took the name out of this very map.
        &self.caller.terms.datasets[&self.dataset]
    }

    /// Whether the call comes at a time when its provider does not work as a rule.
    pub fn off_hours(&self) -> bool {
        self.caller.off_hours
    }

    /// Name of the dataset whose records may be read.
    pub fn dataset_name(&self) -> &Word {
        &self.dataset
    }

    /// Name of the purpose that they are read for.
    pub fn purpose(&self) -> &Word {
        &self.purpose
    }

    /// Reference of the case that the read belongs to.
    pub fn case_reference(&self) -> &str {
        &self.case_reference
    }

    /// Name of the view, which fixes the fields.
    pub fn view(&self) -> &Word {
        &self.view
    }

    /// Names of the fields in the view.
    pub fn view_fields(&self) -> &[Word] {
        // `grant` saw the view in this very map.
        &self.dataset().views[&self.view]
    }

    /// The stated reason to meet persons off the roster.
    pub fn reason(&self) -> Option<&Word> {
        self.reason.as_ref()
    }

    /// Whether persons off the roster may be met: scope `open`, and a reason stated.
    pub fn open(&self) -> bool {
        self.reason.is_some()
    }

    /// The job that it is an export of.
    pub fn job(&self) -> Option<u64> {
        self.job
    }

    /// The client's own id of the request: a UUID in lowercase.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// Most records that the reply may check; 1 for a request that takes no page.
    pub fn page_size(&self) -> u64 {
        self.page_size
    }

    /// Ledger entry number of the policy that it was granted under.
    pub fn policy_head(&self) -> u64 {
        self.caller.terms.head
    }

    /// The handle of a record, made for this provider.
    pub fn seal_handle(&self, id: &str) -> String {
        self.caller.key.seal(HandleKind::Record, &[&self.dataset], id)
    }

    /// The record id, if the handle was made for this provider and dataset.
    pub fn open_handle(&self, handle: &str) -> Option<String> {
        self.caller.key.open(HandleKind::Record, &[&self.dataset], handle)
    }

    /// A page token that only this agent can give back, and only with the same arguments but for
    /// the page's size (AIP-158). It lasts as long as the key, and allows nothing. `of`: what the
    /// request asks for besides what a permit knows.
    pub fn seal_page(&self, of: &str, text: &str) -> String {
        self.page_of(of, |page| self.caller.key.seal(HandleKind::Page, page, text))
    }

    /// The text that [`Permit::seal_page`] was given; none if the token is another agent's, of
    /// another request, or forged.
    pub fn open_page(&self, of: &str, token: &str) -> Option<String> {
        self.page_of(of, |page| self.caller.key.open(HandleKind::Page, page, token))
    }

    /// What makes two requests ask for pages of the same list. The provider is in the key.
    fn page_of<T>(&self, of: &str, with: impl FnOnce(&[&str]) -> T) -> T {
        let reason = self.reason.as_deref().unwrap_or_default();
        let job = self.job.map_or_else(String::new, |job| job.to_string());
        let Permit { dataset, purpose, view, case_reference, .. } = self;
        with(&[self.agent(), dataset, purpose, view, reason, case_reference, &job, of])
    }

    /// What one row of the view weighs: the sum over its fields.
    pub fn row_weight(&self) -> u64 {
        let class = |field: &Word| self.dataset().class(field);
        let weights = &self.caller.terms.weights;
        self.view_fields().iter().filter_map(class).map(|class| weights.of(class)).sum()
    }
}

impl Ask {
    fn violations(&self) -> Vec<Violation> {
        let mut found = Vec::new();
        let mut check = |field, holds: bool, must: &dyn Fn() -> String| {
            if !holds {
                found.push(Violation { field, description: must() });
            }
        };
        let word = || format!("must be {}", grammar::WORD);
        check("dataset", grammar::is_word(&self.dataset), &word);
        check("purpose", grammar::is_word(&self.purpose), &word);
        check("case_reference", grammar::is_case_reference(&self.case_reference), &|| {
            format!("is required and must be {}", grammar::CASE_REFERENCE)
        });
        let or_absent =
            |field: &Option<String>, holds: fn(&str) -> bool| field.as_deref().is_none_or(holds);
        check("view", or_absent(&self.view, |v| grammar::VIEWS.contains(&v)), &|| {
            format!("must be one of {}, or absent", grammar::VIEWS.join(", "))
        });
        check("off_roster_reason", or_absent(&self.off_roster_reason, grammar::is_word), &word);
        let on_roster = self.job.is_none() || self.off_roster_reason.is_none();
        check("off_roster_reason", on_roster, &|| {
            "must be absent: an export holds the roster alone".to_owned()
        });
        check("request_id", or_absent(&self.request_id, grammar::is_uuid), &|| {
            format!("must be {}, or absent", grammar::UUID)
        });
        // Each page is a read with arguments of its own, and the job's rows bound what goes out
        // twice.
        check("request_id", self.job.is_none() || self.request_id.is_none(), &|| {
            "must be absent: an export is many reads".to_owned()
        });
        let size = |size| u64::try_from(size).is_ok_and(|size| size <= PAGE_MAX);
        check("page_size", self.page_size.is_none_or(size), &|| {
            format!("must be 1 to {PAGE_MAX}, or 0 for {PAGE_DEFAULT}")
        });
        found
    }
}

fn find<'a>(words: &'a [Word], wanted: &str) -> Option<&'a Word> {
    words.iter().find(|word| &***word == wanted)
}

#[cfg(test)]
mod tests;
