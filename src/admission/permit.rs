//! For what: a request held against the purposes, views and reasons of the policy.

use super::handle::Kind;
use super::{Caller, Dataset, Refused, RunBy, Scope, Word, grammar};

/// What a request says about itself, as it came off the wire; an absent field is `None` and never
/// an empty text.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// Which records.
    pub dataset: String,
    /// Why.
    pub purpose: String,
    /// In whose case.
    pub case_reference: String,
    /// Which fields; `BASIC` if absent.
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
/// Most records on a page.
pub const PAGE_MAX: u64 = 500;

/// A field of a request that cannot be read (AIP-193, `BadRequest`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// As the request calls it.
    pub field: &'static str,
    /// What it must be.
    pub description: String,
}

/// Why a request that can be read is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PurposeFault {
    /// Nor is it told whether there is such a dataset.
    #[error("this dataset is not granted to this provider")]
    Dataset,
    /// Unknown, or another provider's.
    #[error("this purpose is not granted to this provider for this dataset")]
    Purpose,
    /// The purpose fixes its views.
    #[error("this purpose may not use this view")]
    View,
    /// The policy gives the form for this purpose.
    #[error("the case reference has not the form that this purpose takes")]
    CaseReference,
    /// The list is closed.
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
    /// [`Refused::Malformed`] with every faulty field at once, else [`Refused::Purpose`].
    pub fn grant(caller: Caller, ask: &Ask) -> Result<Permit, Refused> {
        let violations = ask.violations();
        if !violations.is_empty() {
            return Err(Refused::Malformed(violations));
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

    /// The provider that calls.
    pub fn provider(&self) -> &Word {
        &self.caller.provider
    }

    /// SHA-256 of its certificate.
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

    /// Whether it is the provider's own word who the person is: then the agency must have enrolled it.
    pub fn own_word(&self) -> bool {
        self.caller.vouched.as_ref().is_some_and(|vouched| vouched.run_by == RunBy::Provider)
    }

    /// How the person authenticated: words of RFC 8176.
    pub fn methods(&self) -> &[Word] {
        self.caller.vouched.as_ref().map_or(&[], |vouched| &vouched.methods)
    }

    /// How long before, in seconds.
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

    /// Which records.
    pub fn dataset_name(&self) -> &Word {
        &self.dataset
    }

    /// Why.
    pub fn purpose(&self) -> &Word {
        &self.purpose
    }

    /// In whose case.
    pub fn case_reference(&self) -> &str {
        &self.case_reference
    }

    /// Which view.
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

    /// Most records that the reply may hold; 1 for a request that takes no page.
    pub fn page_size(&self) -> u64 {
        self.page_size
    }

    /// Ledger entry number of the policy that it was granted under.
    pub fn policy_head(&self) -> u64 {
        self.caller.terms.head
    }

    /// The handle of a record, made for this provider.
    pub fn seal_handle(&self, id: &str) -> String {
        self.caller.key.seal(Kind::Record, &[&self.dataset], id)
    }

    /// The record id, if the handle was made for this provider and dataset.
    pub fn open_handle(&self, handle: &str) -> Option<String> {
        self.caller.key.open(Kind::Record, &[&self.dataset], handle)
    }

    /// A page token that only this agent can give back, and only with the same arguments but for
    /// the page's size (AIP-158). It lasts as long as the key, and allows nothing.
    pub fn seal_page(&self, text: &str) -> String {
        self.page_of(|page| self.caller.key.seal(Kind::Page, page, text))
    }

    /// What [`Permit::seal_page`] was given.
    pub fn open_page(&self, token: &str) -> Option<String> {
        self.page_of(|page| self.caller.key.open(Kind::Page, page, token))
    }

    /// What makes two requests ask for pages of the same list. The provider is in the key.
    fn page_of<T>(&self, with: impl FnOnce(&[&str]) -> T) -> T {
        let reason = self.reason.as_deref().unwrap_or_default();
        let job = self.job.map_or_else(String::new, |job| job.to_string());
        let Permit { dataset, purpose, view, case_reference, .. } = self;
        with(&[self.agent(), dataset, purpose, view, reason, case_reference, &job])
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
        let mut hold = |field, holds: bool, must: &dyn Fn() -> String| {
            if !holds {
                found.push(Violation { field, description: must() });
            }
        };
        let word = || format!("must be {}", grammar::WORD);
        hold("dataset", grammar::is_word(&self.dataset), &word);
        hold("purpose", grammar::is_word(&self.purpose), &word);
        hold("case_reference", grammar::is_case_reference(&self.case_reference), &|| {
            format!("is required and must be {}", grammar::CASE_REFERENCE)
        });
        let or_absent =
            |field: &Option<String>, holds: fn(&str) -> bool| field.as_deref().is_none_or(holds);
        hold("view", or_absent(&self.view, |v| grammar::VIEWS.contains(&v)), &|| {
            format!("must be one of {}, or absent", grammar::VIEWS.join(", "))
        });
        hold("off_roster_reason", or_absent(&self.off_roster_reason, grammar::is_word), &word);
        let on_roster = self.job.is_none() || self.off_roster_reason.is_none();
        hold("off_roster_reason", on_roster, &|| {
            "must be absent: an export holds the roster alone".to_owned()
        });
        hold("request_id", or_absent(&self.request_id, grammar::is_uuid), &|| {
            format!("must be {}, or absent", grammar::UUID)
        });
        // Each page is a read with arguments of its own, and the job's rows bound what goes out twice.
        hold("request_id", self.job.is_none() || self.request_id.is_none(), &|| {
            "must be absent: an export is many reads".to_owned()
        });
        let size = |size| u64::try_from(size).is_ok_and(|size| size <= PAGE_MAX);
        hold("page_size", self.page_size.is_none_or(size), &|| {
            format!("must be 1 to {PAGE_MAX}, or 0 for {PAGE_DEFAULT}")
        });
        found
    }
}

fn find<'a>(words: &'a [Word], wanted: &str) -> Option<&'a Word> {
    words.iter().find(|word| &***word == wanted)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::super::example::{ask, now, peer, terms};
    use super::super::{Habits, Hours, Peer, Role, Shown, Terms, Tokens};
    use super::*;

    fn grant_to(provider: &str, ask: Ask) -> Result<Permit, Refused> {
        grant_under(&Arc::new(terms()), &peer(Role::Provider, provider), ask)
    }

    fn grant_under(terms: &Arc<Terms>, peer: &Peer, ask: Ask) -> Result<Permit, Refused> {
        Permit::grant(Caller::admit(peer, &Shown::new([]), terms, &Tokens::default(), now())?, &ask)
    }

    fn purpose_fault(provider: &str, ask: Ask) -> Option<PurposeFault> {
        match grant_to(provider, ask).err()? {
            Refused::Purpose(fault) => Some(fault),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn a_permit_says_who_asks_for_what_under_which_policy() {
        let peer = peer(Role::Provider, "alpha");
        let permit = grant_under(&Arc::new(terms()), &peer, ask()).ok().unwrap();
        assert_eq!(&**permit.provider(), "alpha");
        assert_eq!(permit.certificate(), peer.fingerprint());
        assert_eq!(permit.agent().len(), 64);
        assert_eq!(&**permit.network(), "127.0.0.0/24");
        assert_eq!(&**permit.dataset_name(), "cir");
        assert_eq!(&*permit.dataset().table, "dossiers");
        assert_eq!(&**permit.purpose(), "course_delivery");
        assert_eq!(permit.case_reference(), "CIR/2026-1");
        assert_eq!(permit.policy_head(), 3);
        assert_eq!(permit.request_id(), None);
        assert_eq!(permit.reason(), None);
        assert!(!permit.open());
    }

    #[test]
    fn an_absent_view_is_the_smallest() {
        let permit = grant_to("alpha", ask()).ok().unwrap();
        assert_eq!(&**permit.view(), "BASIC");
        assert_eq!(permit.view_fields(), &["family_name".into(), "given_name".into()]);
        let permit = grant_to("alpha", Ask { view: Some("CONTACT".into()), ..ask() });
        assert_eq!(permit.ok().unwrap().view_fields().len(), 3);
    }

    #[test]
    fn every_malformed_field_is_reported_at_once() {
        let ask = Ask {
            page_size: None,
            dataset: "CIR".into(),
            purpose: String::new(),
            case_reference: " ".into(),
            view: Some("basic".into()),
            off_roster_reason: Some("no reason".into()),
            request_id: Some("1".into()),
            job: None,
        };
        let Err(Refused::Malformed(violations)) = grant_to("alpha", ask) else { panic!() };
        let fields: Vec<_> = violations.iter().map(|v| v.field).collect();
        let expected =
            ["dataset", "purpose", "case_reference", "view", "off_roster_reason", "request_id"];
        assert_eq!(fields, expected);
        assert!(violations.iter().all(|v| v.description.contains("must be")));
        assert_eq!(Refused::Malformed(violations).reason(), "REQUEST_MALFORMED");
    }

    #[test]
    fn what_the_policy_does_not_grant_is_refused() {
        let change = |f: &dyn Fn(&mut Ask)| {
            let mut ask = ask();
            f(&mut ask);
            purpose_fault("alpha", ask)
        };
        assert_eq!(change(&|a| a.dataset = "visa".into()), Some(PurposeFault::Dataset));
        assert_eq!(change(&|a| a.purpose = "curiosity".into()), Some(PurposeFault::Purpose));
        // In the dataset's list, but not granted to this provider.
        assert_eq!(change(&|a| a.purpose = "placement_test".into()), Some(PurposeFault::Purpose));
        assert_eq!(change(&|a| a.view = Some("FULL".into())), Some(PurposeFault::View));
        assert_eq!(
            grant_to("alpha", Ask { purpose: "x".into(), ..ask() }).err().unwrap().reason(),
            "PURPOSE_NOT_ALLOWED"
        );
    }

    #[test]
    fn a_case_reference_has_the_form_that_the_purpose_takes() {
        let mut terms = terms();
        let cir = terms.datasets.get_mut("cir").unwrap();
        cir.purposes.get_mut("course_delivery").unwrap().case_reference = "CIR/####-#".parse().ok();
        let (terms, peer) = (Arc::new(terms), peer(Role::Provider, "alpha"));
        assert!(grant_under(&terms, &peer, ask()).is_ok());
        let other = Ask { case_reference: "CIR/26-1".into(), ..ask() };
        let refused = grant_under(&terms, &peer, other).err();
        assert_eq!(refused, Some(PurposeFault::CaseReference.into()));
    }

    #[test]
    fn a_permit_says_whether_the_provider_works_at_that_time() {
        let hours = Hours::parse("00:00-24:00").unwrap();
        let habits = |days| Habits { days, hours, zone: jiff::tz::TimeZone::UTC };
        let peer = peer(Role::Provider, "alpha");
        let off_hours = |habits| {
            let mut terms = terms();
            terms.providers.get_mut("alpha").unwrap().habits = habits;
            grant_under(&Arc::new(terms), &peer, ask()).ok().unwrap().off_hours()
        };
        assert!(!off_hours(None));
        assert!(!off_hours(Some(habits([true; 7]))));
        assert!(off_hours(Some(habits([false; 7]))));
    }

    #[test]
    fn a_reason_opens_only_an_open_scope() {
        let with = |reason: &str| Ask { off_roster_reason: Some(reason.into()), ..ask() };
        assert_eq!(purpose_fault("alpha", with("walk_in")), Some(PurposeFault::Roster));
        assert_eq!(purpose_fault("beta", with("curiosity")), Some(PurposeFault::Reason));
        let permit = grant_to("beta", with("walk_in")).ok().unwrap();
        assert_eq!(permit.reason().map(|r| &**r), Some("walk_in"));
        assert!(permit.open());
        assert!(!grant_to("beta", ask()).ok().unwrap().open());
    }

    #[test]
    fn an_export_has_no_reason_to_leave_the_roster_and_no_request_id() {
        let fields = |ask: Ask| match grant_to("alpha", ask) {
            Err(Refused::Malformed(violations)) => violations.iter().map(|v| v.field).collect(),
            _ => Vec::new(),
        };
        let export = Ask { job: Some(8), page_size: Some(5), ..ask() };
        assert!(grant_to("alpha", export.clone()).is_ok_and(|permit| permit.job() == Some(8)));
        let reason = Ask { off_roster_reason: Some("walk_in".into()), ..export.clone() };
        assert_eq!(fields(reason), ["off_roster_reason"]);
        let id = Some("6f1c2a9e-0b7d-4c11-9a55-2d3f0c8b7e10".to_owned());
        assert_eq!(fields(Ask { request_id: id, ..export }), ["request_id"]);
    }

    #[test]
    fn a_request_id_has_one_spelling() {
        let id = "6F1C2A9E-0B7D-4C11-9A55-2D3F0C8B7E10";
        let permit = grant_to("alpha", Ask { request_id: Some(id.into()), ..ask() }).ok().unwrap();
        assert_eq!(permit.request_id(), Some(&*id.to_lowercase()));
    }

    #[test]
    fn a_handle_of_one_provider_is_nothing_to_another() {
        let (alpha, beta) =
            (grant_to("alpha", ask()).ok().unwrap(), grant_to("beta", ask()).ok().unwrap());
        let handle = alpha.seal_handle("0001");
        assert_eq!(alpha.open_handle(&handle).as_deref(), Some("0001"));
        assert_eq!(beta.open_handle(&handle), None);
        assert_eq!(alpha.open_page(&handle), None);
        let token = alpha.seal_page("0001");
        assert_eq!(alpha.open_page(&token).as_deref(), Some("0001"));
        assert_eq!(alpha.open_handle(&token), None);
        assert_eq!(beta.open_page(&token), None);
    }

    #[test]
    fn a_page_token_opens_for_its_own_agent_and_query_only() {
        let terms = Arc::new(terms());
        let (one, other) = (peer(Role::Provider, "beta"), peer(Role::Provider, "beta"));
        let with = |peer: &Peer, change: &dyn Fn(&mut Ask)| {
            let mut ask = Ask { off_roster_reason: Some("walk_in".into()), ..ask() };
            change(&mut ask);
            grant_under(&terms, peer, ask).ok().unwrap()
        };
        let token = with(&one, &|_| ()).seal_page("0001");
        let opens = |peer: &Peer, change: &dyn Fn(&mut Ask)| with(peer, change).open_page(&token);
        assert_eq!(opens(&one, &|_| ()).as_deref(), Some("0001"));
        assert_eq!(opens(&one, &|a| a.page_size = Some(500)).as_deref(), Some("0001"));
        let id = "6f1c2a9e-0b7d-4c11-9a55-2d3f0c8b7e10";
        assert!(opens(&one, &|a| a.request_id = Some(id.into())).is_some());
        assert_eq!(opens(&other, &|_| ()), None, "another certificate is another agent");
        assert_eq!(opens(&one, &|a| a.view = Some("CONTACT".into())), None);
        assert_eq!(opens(&one, &|a| a.off_roster_reason = Some("transfer".into())), None);
        assert_eq!(opens(&one, &|a| a.off_roster_reason = None), None);
        assert_eq!(opens(&one, &|a| a.case_reference = "CIR/2026-2".into()), None);
        let mut terms = super::super::example::terms();
        let beta = terms.providers.get_mut("beta").unwrap();
        beta.datasets.get_mut("cir").unwrap().purposes.push("placement_test".into());
        let reason = Some("walk_in".into());
        let ask = |purpose: &str| Ask {
            purpose: purpose.into(),
            off_roster_reason: reason.clone(),
            ..ask()
        };
        // Under another policy the token is the same, as long as the query is granted.
        let terms = Arc::new(Terms { head: 9, ..terms });
        let grant = |purpose| grant_under(&terms, &one, ask(purpose)).ok().unwrap();
        assert_eq!(grant("course_delivery").open_page(&token).as_deref(), Some("0001"));
        assert_eq!(grant("placement_test").open_page(&token), None);
    }

    #[test]
    fn a_row_weighs_what_the_fields_of_its_view_do() {
        let weight = |view: &str, terms: Terms| {
            let ask = Ask { view: Some(view.into()), ..ask() };
            grant_under(&Arc::new(terms), &peer(Role::Provider, "alpha"), ask)
                .ok()
                .unwrap()
                .row_weight()
        };
        assert_eq!((weight("BASIC", terms()), weight("CONTACT", terms())), (20, 30));
        let weights = super::super::Weights { contact: 7, ..Default::default() };
        assert_eq!(weight("CONTACT", Terms { weights, ..terms() }), 27);
    }

    proptest! {
        #[test]
        fn only_words_of_the_policy_enter_a_permit(
            dataset in "cir|[a-z]{1,4}|\\PC{0,8}", purpose in "course_delivery|\\PC{0,8}",
            view in proptest::option::of("BASIC|CONTACT|FULL|\\PC{0,8}"),
            reason in proptest::option::of("walk_in|\\PC{0,8}"),
        ) {
            let ask = Ask { dataset, purpose, view, off_roster_reason: reason, ..ask() };
            if let Ok(permit) = grant_to("beta", ask) {
                prop_assert!(permit.dataset().purposes.contains_key(permit.purpose()));
                prop_assert!(permit.dataset().views.contains_key(permit.view()));
            }
        }
    }
}
