//! What is asked for: purposes, names of records, page tokens, searches, sizes, and what the judge
//! and the door say of them.

use greffier::proto::{Context, ListRecordsRequest, View};

use super::{
    CONTAINED, DENIED, EXHAUSTED, MALFORMED, NOT_AVAILABLE, NOT_ENROLLED, Place, TOO_LARGE, Table,
};
use crate::instance::{CIR, Caller, context, off_roster};
use crate::told::told;

const REQUEST: &str = "6f1c2a9e-0b7d-4c11-9a55-2d3f0c8b7e10";

fn with(change: impl FnOnce(&mut Context)) -> Context {
    let mut context = context();
    change(&mut context);
    context
}

fn of_visa() -> Context {
    with(|c| c.purpose = "counter".to_owned())
}

/// A page of a dataset.
fn page(parent: &str, page_size: i32, context: Context) -> ListRecordsRequest {
    let (parent, context) = (parent.to_owned(), Some(context));
    ListRecordsRequest { parent, context, page_size, page_token: String::new() }
}

/// What others were given, and what is of something else.
pub(super) struct Names {
    /// A record and a page token of `provider-02`.
    own: (String, String),
    /// ... of `provider-01`.
    other: (String, String),
    /// ... of `provider-01`, in the dataset `visa`.
    visa: (String, String),
    /// A page token of `provider-01` with a reason to meet persons off the roster.
    off: String,
    /// A person on the roster of `provider-03` and not of `provider-02`.
    stranger: String,
    /// A read of `provider-01`, and one of `provider-03` that was withheld.
    pub(super) entry: u64,
    pub(super) withheld: u64,
}

impl Names {
    pub(super) async fn of(place: &mut Place) -> Names {
        let list = async |caller: &mut Caller, parent: &str, context: Context| {
            let reply = caller.0.records.list_records(page(parent, 1, context)).await.unwrap();
            let reply = reply.into_inner();
            let (record, token) = (reply.records[0].name.clone(), reply.next_page_token);
            assert!(!token.is_empty());
            ((record, token), reply.proof.unwrap().entry)
        };
        let (own, _) = list(&mut place.roster, CIR, context()).await;
        let (other, entry) = list(&mut place.open, CIR, context()).await;
        let (visa, _) = list(&mut place.open, "datasets/visa", of_visa()).await;
        let ((_, off), _) = list(&mut place.open, CIR, off_roster()).await;
        let withheld = told(place.spent.list(4, "", context()).await).entry();
        let known = place.instance.roster("provider-02");
        let mut strangers = place.instance.roster("provider-03").into_iter();
        let stranger = strangers.find(|id| !known.contains(id)).expect("rosters differ");
        Names { own, other, visa, off, stranger, entry, withheld }
    }
}

/// Purposes, views, case references and reasons.
pub(super) async fn contexts(table: &mut Table, place: &mut Place) {
    let purpose = |purpose: &str| with(|c| c.purpose = purpose.to_owned());
    let case = |case: &str| with(|c| c.case_reference = case.to_owned());
    let reason = |reason: &str| with(|c| c.off_roster_reason = reason.to_owned());
    let view = |view: i32| with(|c| c.view = view);
    let exam = |case: &str| {
        let purpose = "exam_registration".to_owned();
        Context { purpose, case_reference: case.to_owned(), ..context() }
    };
    let (why, which) = ("context.purpose", "context.case_reference");
    let cases = [
        ("purpose: unknown", purpose("marketing"), DENIED, ""),
        ("purpose: not granted to this provider", purpose("placement_test"), DENIED, ""),
        ("purpose: of another dataset", of_visa(), DENIED, ""),
        ("purpose: none", purpose(""), MALFORMED, why),
        ("purpose: no word", purpose("Marketing!"), MALFORMED, why),
        ("purpose: longer than a word", purpose(&"a".repeat(64)), MALFORMED, why),
        ("view: not of the purpose", view(View::Full.into()), DENIED, ""),
        ("view: no number of the enum", view(99), MALFORMED, "context.view"),
        ("view: a negative number", view(-1), MALFORMED, "context.view"),
        ("case: none", case(""), MALFORMED, which),
        ("case: too long", case(&"x".repeat(65)), MALFORMED, which),
        ("case: two words", case("two words"), MALFORMED, which),
        ("case: SQL", case("x' OR 1=1 --"), MALFORMED, which),
        ("case: letters with accents", case("dossier-né"), MALFORMED, which),
        ("case: begins with a sign", case("/2026-1"), MALFORMED, which),
        ("case: not of the purpose's form", exam("CASE/2026-1"), DENIED, ""),
        ("case: too short for the form", exam("CIR/202-1"), DENIED, ""),
        ("case: a pattern for the form", exam("CIR/####-*"), MALFORMED, which),
        ("reason: in roster scope", off_roster(), DENIED, ""),
        ("reason: no word", reason("Some Reason"), MALFORMED, "context.off_roster_reason"),
    ];
    for (what, context, fate, fields) in cases {
        table.row(what, place.roster.list(1, "", context).await, fate, fields);
    }
    let made_up = reason("curiosity");
    table.row("reason: not in the list", place.open.list(1, "", made_up).await, DENIED, "");
    for (parent, fate, field) in [
        ("datasets/visa", DENIED, ""),
        ("datasets/none", DENIED, ""),
        ("datasets/CIR", MALFORMED, "parent"),
        ("datasets/cir/records", MALFORMED, "parent"),
        ("cir", MALFORMED, "parent"),
        ("", MALFORMED, "parent"),
    ] {
        let came = place.roster.0.records.list_records(page(parent, 1, context())).await;
        table.row(&format!("parent: {parent:?}"), came, fate, field);
    }
}

/// Names of records that are nobody's for whom they are told.
pub(super) async fn handles(table: &mut Table, place: &mut Place, names: &Names) {
    let own = &*names.own.0;
    let handle = own.rsplit('/').next().unwrap();
    let named = |handle: &str| format!("{CIR}/records/{handle}");
    let visa = names.visa.0.replace("datasets/visa", CIR);
    let cases = [
        ("name: another provider's", names.other.0.clone(), NOT_AVAILABLE, ""),
        ("name: cut", own[..own.len() - 1].to_owned(), NOT_AVAILABLE, ""),
        ("name: longer", format!("{own}A"), NOT_AVAILABLE, ""),
        ("name: a letter changed", named(&format!("A{}", &handle[1..])), NOT_AVAILABLE, ""),
        ("name: in capitals", named(&handle.to_uppercase()), NOT_AVAILABLE, ""),
        ("name: garbage", named("garbage"), NOT_AVAILABLE, ""),
        ("name: the id itself", named(&names.stranger), NOT_AVAILABLE, ""),
        ("name: a page token", named(&names.own.1), NOT_AVAILABLE, ""),
        ("name: SQL", named("' OR 1=1 --"), NOT_AVAILABLE, ""),
        ("name: a zero byte", named(&format!("{handle}\0")), NOT_AVAILABLE, ""),
        ("name: a path", named(&format!("../records/{handle}")), NOT_AVAILABLE, ""),
        ("name: no handle", named(""), NOT_AVAILABLE, ""),
        ("name: of 10,000 letters", named(&"A".repeat(10_000)), NOT_AVAILABLE, ""),
        ("name: of a dataset not granted", own.replace(CIR, "datasets/visa"), DENIED, ""),
        ("name: the handle alone", handle.to_owned(), MALFORMED, "name"),
        ("name: none", String::new(), MALFORMED, "name"),
    ];
    for (what, name, fate, fields) in cases {
        table.row(what, place.roster.get(&name, context()).await, fate, fields);
    }
    let what = "name: of another dataset, though both are granted";
    table.row(what, place.open.get(&visa, context()).await, NOT_AVAILABLE, "");
    let what = "name: another provider's, with a reason in open scope";
    table.row(what, place.open.get(own, off_roster()).await, NOT_AVAILABLE, "");
}

/// Page tokens that are not of this agent's list.
pub(super) async fn page_tokens(table: &mut Table, place: &mut Place, names: &Names) {
    let token = &*names.own.1;
    let handle = names.own.0.rsplit('/').next().unwrap();
    let cases = [
        ("page token: garbage", "garbage", context()),
        ("page token: short", "AAAA", context()),
        ("page token: a zero byte", "\0", context()),
        ("page token: longer", &format!("{token}A"), context()),
        ("page token: cut", &token[..token.len() - 1], context()),
        ("page token: of 10,000 letters", &"A".repeat(10_000), context()),
        ("page token: a handle", handle, context()),
        ("page token: another provider's", &names.other.1, context()),
        ("page token: of another view", token, with(|c| c.view = View::Contact.into())),
        (
            "page token: of another purpose",
            token,
            with(|c| c.purpose = "attendance_report".to_owned()),
        ),
        ("page token: of another case", token, with(|c| c.case_reference = "CASE/2".to_owned())),
    ];
    for (what, token, context) in cases {
        table.row(what, place.roster.list(2, token, context).await, MALFORMED, "page_token");
    }
    let transfer = Context { off_roster_reason: "transfer".to_owned(), ..context() };
    for (what, token, context) in [
        ("page token: of another reason", &names.off, transfer),
        ("page token: of a reason, without one", &names.off, context()),
        ("page token: of another dataset", &names.visa.1, context()),
    ] {
        table.row(what, place.open.list(2, token, context).await, MALFORMED, "page_token");
    }
    let shown = place.authority.client("provider", "provider-02");
    let mut colleague = place.daemon.client_with(shown).await;
    let came = colleague.list(2, token, context()).await;
    table.row("page token: another agent's", came, MALFORMED, "page_token");
}

/// Searches that are none, and those that ask for more than one may.
pub(super) async fn searches(table: &mut Table, place: &mut Place, names: &Names) {
    let caller = &mut place.roster;
    let long = "x".repeat(201);
    let name =
        |given, born| vec![("family_name", "X"), ("given_name", given), ("birth_date", born)];
    let number = |id| vec![("id", id)];
    let cases = [
        ("search: unknown", "surname", vec![("family_name", "X")], "search"),
        ("search: none", "", vec![], "search"),
        ("search: no key", "case_number", vec![], "values"),
        ("search: another key", "case_number", vec![("family_name", "X")], "values"),
        ("search: an extra key", "case_number", vec![("id", "1"), ("family_name", "X")], "values"),
        ("search: a column as key", "case_number", vec![("id OR 1=1", "1")], "values"),
        ("search: an empty value", "case_number", number(""), "values"),
        ("search: a long value", "case_number", number(&long), "values"),
        ("search: a zero byte", "case_number", number("CIR-0000001\0"), "values"),
        (
            "search: a key missing",
            "name_and_birth_date",
            name("X", "1980-05-31")[..2].to_vec(),
            "values",
        ),
        ("search: a name of signs", "name_and_birth_date", name("-", "1980-05-31"), "values"),
        ("search: a wildcard as name", "name_and_birth_date", name("%", "1980-05-31"), "values"),
        (
            "search: a date of another form",
            "name_and_birth_date",
            name("X", "31/05/1980"),
            "values",
        ),
        ("search: no date", "name_and_birth_date", name("X", "1980-05-%"), "values"),
    ];
    for (what, search, values, field) in cases {
        table.row(what, caller.search(search, &values, 1, context()).await, MALFORMED, field);
    }
    let begun = &names.stranger[..names.stranger.len() - 1];
    for (what, value) in [
        ("search: %", "%"),
        ("search: _", "___________"),
        ("search: *", "CIR-*"),
        ("search: SQL", "' OR 1=1 --"),
        ("search: the beginning of a number", begun),
        ("search: somebody off the roster", &names.stranger),
    ] {
        table.nobody(what, caller.search("case_number", &number(value), 10, context()).await);
    }
}

/// Ids of requests, and how much is asked for.
pub(super) async fn repeats_and_sizes(table: &mut Table, place: &mut Place) {
    let caller = &mut place.roster;
    let asked = |id: &str| with(|c| c.request_id = id.to_owned());
    let field = "context.request_id";
    for (what, id) in [
        ("request id: no UUID", "1"),
        ("request id: a UUID in braces", &*format!("{{{REQUEST}}}")),
        ("request id: a UUID without hyphens", &REQUEST.replace('-', "")),
    ] {
        table.row(what, caller.list(1, "", asked(id)).await, MALFORMED, field);
    }
    let unknown = caller.search("case_number", &[("id", "none")], 1, asked(REQUEST)).await;
    table.nobody("request id: first used for a miss", unknown);
    let again = [
        (
            "... again, for more",
            caller.search("case_number", &[("id", "none")], 2, asked(REQUEST)).await,
        ),
        (
            "... again, for another",
            caller.search("case_number", &[("id", "x")], 1, asked(REQUEST)).await,
        ),
    ];
    for (what, came) in again {
        table.row(what, came, MALFORMED, field);
    }
    let came = caller.list(1, "", asked(&REQUEST.to_uppercase())).await;
    table.row("... again, in capitals, for a list", came, MALFORMED, field);
    for size in [-1, 501, i32::MAX, i32::MIN] {
        let came = caller.list(size, "", context()).await;
        table.row(&format!("a page of {size}"), came, MALFORMED, "page_size");
        let came = caller.search("case_number", &[("id", "1")], size, context()).await;
        table.row(&format!("a search for {size}"), came, MALFORMED, "page_size");
    }
    let large = with(|c| c.case_reference = "x".repeat(70 << 10));
    table.row("a message of 70 KiB", caller.list(1, "", large).await, TOO_LARGE, "");
}

/// What is well asked, and not to be had: for now, or by whom.
pub(super) async fn judged(table: &mut Table, place: &mut Place, names: &Names) {
    let caller = &mut place.spent;
    let came = caller.list(3, "", context()).await;
    table.row("budget: a page larger than what remains", came, EXHAUSTED, "");
    let came = caller.list(500, "", context()).await;
    table.row("budget: a page larger than the budget", came, EXHAUSTED, "");
    let nobody = caller.search("case_number", &[("id", "none")], 3, context()).await;
    table.row("budget: a search for nobody that could find more", nobody, EXHAUSTED, "");
    // Of who is suspended nothing is looked at but the headers.
    for (who, caller, fate, (malformed, field)) in [
        ("suspended", &mut place.suspended, CONTAINED, (CONTAINED, "")),
        ("unknown", &mut place.unknown, NOT_ENROLLED, (MALFORMED, "page_size")),
    ] {
        let found = caller.search("case_number", &[("id", "CIR-0000001")], 1, context()).await;
        table.row(&format!("{who} agent: a search"), found, fate, "");
        let got = caller.get(&names.own.0, context()).await;
        table.row(&format!("{who} agent: a record"), got, fate, "");
        let got = caller.get("datasets/cir/records/garbage", context()).await;
        table.row(&format!("{who} agent: no record"), got, fate, "");
        let listed = caller.list(1, "garbage", context()).await;
        table.row(&format!("{who} agent: a page of garbage"), listed, fate, "");
        let listed = caller.list(-1, "", context()).await;
        table.row(&format!("{who} agent: a page of -1"), listed, malformed, field);
    }
}
