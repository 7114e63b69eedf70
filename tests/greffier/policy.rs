//! What a policy says beside who may read what: whom to call, when a provider works, the form of
//! case references; and what is told of a policy before it runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{SystemTime, UNIX_EPOCH};

use greffier::format::entry::{Deed, Flag};
use greffier::proto::Context;
use serde_json::Value;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::instance::{Instance, PROGRAM, context, texts};
use crate::signed::{submit, whom};
use crate::told::told;

/// A policy that is shipped.
fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name)
}

fn policy(arguments: &[&Path]) -> Output {
    Command::new(PROGRAM).arg("policy").args(arguments).output().expect("the program starts")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_contained_is_told_whom_to_call() {
    let instance = Instance::new();
    let contact = "security duty, +33 1 99 00 00 01";
    instance.policy(|policy| {
        // Behind the tables it would be a key of the last of them.
        policy.insert("contact", toml_edit::value(contact));
    });
    let daemon = instance.serve();
    let mut admin = daemon.client("admin-1").await;
    let suspend = Deed::Suspend(whom("provider-02", ""));
    submit(&mut admin.0, &instance.layout, suspend, "an exercise", &["admin-1"])
        .await
        .expect("an act");
    let status = daemon.client("provider-02").await.list(1, "", context()).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    assert!(status.message().ends_with(&format!("security team: {contact}")), "{status:?}");
    let info = status.get_error_details().error_info().expect("ErrorInfo").clone();
    assert_eq!((&*info.reason, &*info.metadata["contact"]), ("ACCESS_CONTAINED", contact));
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_outside_of_the_habits_is_marked_and_not_refused() {
    let instance = Instance::new();
    instance.policy(|policy| {
        let days = ["thursday", "friday", "saturday", "sunday", "monday", "tuesday", "wednesday"];
        // Three days from now is today nowhere on earth. The first day of Unix time was a Thursday.
        let today = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let later = (today / 86_400 + 3) as usize % 7;
        for (provider, days) in [("provider-02", &days[..]), ("provider-03", &days[later..=later])]
        {
            let mut habits = toml_edit::Table::new();
            habits.insert("days", texts(days.iter().copied()));
            habits.insert("hours", toml_edit::value("00:00-24:00"));
            habits.insert("time_zone", toml_edit::value("Pacific/Kiritimati"));
            policy["provider"][provider]["habits"] = toml_edit::Item::Table(habits);
        }
    });
    let daemon = instance.serve();
    for (provider, flags) in
        [("provider-01", vec![]), ("provider-02", vec![]), ("provider-03", vec![Flag::OffHours])]
    {
        let page = daemon.client(provider).await.list(1, "", context()).await.expect("a page");
        let read = instance.read(page.proof.expect("a proof").entry);
        assert_eq!(read.context, flags, "{provider}");
    }
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_case_reference_of_another_form_is_refused() {
    let instance = Instance::new();
    instance.policy(|policy| {
        let purpose = "{ views = [\"BASIC\"], case_reference = \"CIR/####-*\" }";
        policy["dataset"]["cir"]["purposes"]["course_delivery"] =
            purpose.parse::<toml_edit::Value>().expect("TOML").into();
    });
    let daemon = instance.serve();
    let mut caller = daemon.client("provider-02").await;
    let case = |text: &str| Context { case_reference: text.to_owned(), ..context() };
    caller.list(1, "", case("CIR/2026-17")).await.expect("a page");
    let refused = told(caller.list(1, "", case("CASE/2026-1")).await);
    assert_eq!(refused.what(), (Code::PermissionDenied, "PURPOSE_NOT_ALLOWED"));
    // Of another purpose any reference is good.
    let other = Context { purpose: "civic_training".to_owned(), ..case("CASE/2026-1") };
    caller.list(1, "", other).await.expect("a page");
}

#[test]
fn diff_says_with_its_exit_code_whether_something_is_looser() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (old, new) = (shipped("policy.toml"), folder.path().join("new.toml"));
    let text = fs::read_to_string(&old).expect("the shipped policy");
    let diff = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        fs::write(&new, text.replacen(from, to, 1)).expect("a file");
        let output = policy(&["diff".as_ref(), &old, &new]);
        (output.status.code(), said(&output))
    };
    assert_eq!(diff("burst", "burst"), (Some(0), "nothing changes\n".to_owned()));
    let (code, said_so) = diff("agent_day = 120", "agent_day = 119");
    assert_eq!(code, Some(0));
    assert!(said_so.starts_with("tighter: provider langues-nord: budget agent_day 120 -> 119\n"));
    let (code, said_so) = diff("scope = \"roster\"", "scope = \"open\"");
    assert_eq!(code, Some(1));
    assert!(said_so.ends_with("1 of 1 changes is looser\n"), "{said_so}");
    assert_eq!(diff("burst = 40", "burst = 0").0, Some(2));
    let json = ["diff".as_ref(), &*old, &*old, "--json".as_ref()];
    let json: Value = serde_json::from_slice(&policy(&json).stdout).expect("JSON");
    assert_eq!(
        (json["looser"].as_u64(), json["changes"].as_array().map(Vec::len)),
        (Some(0), Some(0))
    );
    let missing = policy(&["diff".as_ref(), &old, Path::new("/nowhere/policy.toml")]);
    assert_eq!(missing.status.code(), Some(2));
}

#[test]
fn explain_says_what_one_provider_may_do_and_the_ceiling() {
    let file = shipped("policy.toml");
    let explain = |id: &str, more: &[&str]| {
        let mut all = vec!["explain".as_ref(), Path::new(id), "--policy".as_ref(), &*file];
        all.extend(more.iter().map(Path::new));
        policy(&all)
    };
    let text = said(&explain("accueil-sud", &[]));
    for part in [
        "one of these reasons: walk_in, transfer, replacement",
        "for exam_registration: BASIC, FULL; case references of the form CIR/####-*",
        "nationality (sensitive)",
        "search case_number: by exact id",
        "agent_day: 120 + 120 x 1 day / 1 day",
        "with\n    number 13 the agent is held",
        "by the clocks of Europe/Paris",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(said(&explain("langues-nord", &[])).contains("nobody: no dataset is open"));
    let json: Value =
        serde_json::from_slice(&explain("accueil-sud", &["--json"]).stdout).expect("JSON");
    let day = &json["ceilings"][0]["new_persons"][2];
    assert_eq!((day["persons"].as_u64(), day["budget"].as_str()), (Some(240), Some("agent_day")));
    assert_eq!(json["ceilings"][3]["new_persons"][3]["persons"].as_u64(), Some(320));
    let views = &json["datasets"]["cir"]["views"]["FULL"];
    assert_eq!(views.as_array().map(Vec::len), Some(12));
    let unknown = explain("nobody", &[]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(said(&unknown).contains("accueil-sud, langues-nord"));
}

#[test]
fn every_shipped_policy_is_good_and_every_provider_in_it_can_be_explained() {
    let folder = fs::read_dir(shipped("")).expect("the folder");
    let names = folder.map(|file| file.expect("a file").file_name().into_string().expect("UTF-8"));
    let policies: Vec<String> = names.filter(|name| name.starts_with("policy")).collect();
    assert!(policies.len() >= 3, "{policies:?}");
    for name in policies {
        let file = shipped(&name);
        let checked = policy(&["check".as_ref(), &file]);
        assert!(checked.status.success(), "{name}: {}", said(&checked));
        let text = fs::read_to_string(&file).expect("a policy");
        let document: toml_edit::DocumentMut = text.parse().expect("TOML");
        for (id, _) in document["provider"].as_table().expect("providers") {
            let told = policy(&["explain".as_ref(), id.as_ref(), "--policy".as_ref(), &file]);
            assert!(told.status.success(), "{name} {id}: {}", said(&told));
        }
    }
}
