//! What a component says of the things it depends on, on a page that is JSON: `{"redis": "connected"}`,
//! `{"checks": {"filesystem": {"status": "ok"}}}`.

use homeport_plugin_api::wire::health::{Dependency, Outcome, Probe, Reading, Status};
use serde_json::Value;

use crate::findings::Meaning;
use crate::remedy::{in_guest, log};

/// Things a page speaks of by these names outside an object `checks`.
const KNOWN: [&str; 3] = ["redis", "filesystem", "database"];
/// Words that say that all is well. Any other word says that it is not: better a look too many.
const WELL: [&str; 9] = [
    "ok",
    "up",
    "connected",
    "healthy",
    "ready",
    "pass",
    "passed",
    "true",
    "enabled",
];
/// A page that is deeper than this is not followed.
const DEPTH: usize = 3;

/// Everything the page speaks of.
pub(crate) fn told(outcome: &Outcome) -> Vec<Dependency> {
    let Some(Value::Object(body)) = &outcome.body else {
        return Vec::new();
    };
    let known = body
        .iter()
        .filter(|(name, _)| KNOWN.contains(&name.as_str()));
    let checks = body.get("checks").and_then(Value::as_object);
    let all = known.chain(checks.into_iter().flatten());
    let dependency = |(name, value): (&String, &Value)| {
        Some(Dependency {
            name: name.clone(),
            passed: well(value, DEPTH)?,
        })
    };
    all.filter_map(dependency).collect()
}

/// Whether it says that all is well; `None` if it says nothing.
fn well(value: &Value, depth: usize) -> Option<bool> {
    match value {
        Value::Bool(well) => Some(*well),
        Value::String(word) => Some(WELL.contains(&word.to_lowercase().as_str())),
        Value::Object(inner) if depth > 0 => well(inner.get("status")?, depth - 1),
        _ => None,
    }
}

/// The first thing it says it has lost.
pub(crate) fn lost(probe: &Probe, outcome: &Outcome, reading: &Reading) -> Option<Meaning> {
    let lost = told(outcome).into_iter().find(|told| !told.passed)?;
    let look = match lost.name.as_str() {
        "redis" => in_guest(
            reading,
            &["systemctl", "status", "--no-pager", "redis-server"],
        ),
        "filesystem" => in_guest(reading, &["findmnt", "--df"]),
        _ => in_guest(reading, &["systemctl", "--failed", "--no-pager"]),
    };
    Some(Meaning {
        status: Status::Unhealthy,
        message: format!(
            "{} says that its {} is not well.",
            probe.component, lost.name
        ),
        remedy: vec![look, log(reading, &probe.component)],
    })
}
