//! In which form a receiver of JSON gets an event: as it is, or as a Detection Finding (2004) of the Open
//! Cybersecurity Schema Framework 1.3.0, <https://schema.ocsf.io/1.3.0/classes/detection_finding>.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::delivery::dispatch::Gravity;
use crate::delivery::spool::Waiting;

/// The form of JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// The object of `docs/delivery.md`.
    #[default]
    Json,
    /// A Detection Finding of OCSF 1.3.0. Acts are none, and are left out.
    Ocsf,
}

impl Form {
    /// The text of an event.
    pub(super) fn text(self, event: &Waiting) -> String {
        match self {
            Form::Json => event.body.clone(),
            Form::Ocsf => detection_finding(event).to_string(),
        }
    }
}

/// `severity_id` and `severity`.
fn severity(gravity: Gravity) -> (u8, &'static str) {
    match gravity {
        Gravity::Info => (1, "Informational"),
        Gravity::Medium => (3, "Medium"),
        Gravity::High => (4, "High"),
        Gravity::Critical => (5, "Critical"),
    }
}

fn detection_finding(event: &Waiting) -> Value {
    let body: Value = serde_json::from_str(&event.body).unwrap_or_default();
    let (severity_id, severity) = severity(event.gravity);
    let data = &body["data"];
    let at: Option<jiff::Timestamp> = body["at"].as_str().and_then(|at| at.parse().ok());
    let time = at.map_or(0, jiff::Timestamp::as_millisecond);
    // What it is about, in a word: its rule, or its matter.
    let about = data["rule"].as_str().or_else(|| data["matter"].as_str()).unwrap_or("alert");
    let provider = body["provider"].as_str();
    let title = match provider {
        Some(provider) => format!("{about}: {provider}"),
        None => about.to_owned(),
    };
    let mut finding = json!({
        "uid": event.id,
        "title": title,
        "desc": body["text"]["en"],
        "types": [about],
        "created_time": time,
    });
    if let Some(since) = data["since"].as_u64().filter(|since| *since > 0) {
        finding["first_seen_time"] = json!(since);
    }
    let mut found = json!({
        "activity_id": 1,
        "activity_name": "Create",
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": 2004,
        "class_name": "Detection Finding",
        "type_uid": 200_401,
        "type_name": "Detection Finding: Create",
        "severity_id": severity_id,
        "severity": severity,
        "status_id": 1,
        "status": "New",
        "time": time,
        "message": body["text"]["en"],
        "metadata": {
            "version": "1.3.0",
            "uid": event.id,
            "log_name": body["origin"],
            "product": {
                "name": "greffier",
                "vendor_name": "greffier",
                "version": env!("CARGO_PKG_VERSION"),
            },
        },
        "finding_info": finding,
        "unmapped": {
            "entry": body["entry"],
            "incident": body["incident"],
            "type": body["type"],
            "data": data,
        },
    });
    if let Some(provider) = provider {
        found["resources"] = json!([{"uid": provider, "type": "provider"}]);
    }
    found
}
