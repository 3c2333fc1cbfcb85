//! Which version a component says it is, and whether that is the one that is meant to be in service.

use homeport_plugin_api::wire::health::{Body, Check, Outcome, Probe, Reading, Status};
use serde_json::Value;

use crate::findings::Meaning;
use crate::remedy::{log, restart};

/// The version a page tells, if the page was asked for one.
pub(crate) fn told<'a>(probe: &Probe, outcome: &'a Outcome) -> Option<&'a str> {
    outcome.body.as_ref()?.pointer(pointer(probe)?)?.as_str()
}

fn pointer(probe: &Probe) -> Option<&str> {
    let Check::Http { expect, .. } = &probe.check else {
        return None;
    };
    match &expect.body {
        Some(Body::Json { pointer, .. }) if pointer.ends_with("/version") => Some(pointer),
        _ => None,
    }
}

/// A version that is neither expected of the page nor meant to be in service: a release was exchanged and the old
/// process still runs, or program and state were changed without each other.
pub(crate) fn other(probe: &Probe, outcome: &Outcome, reading: &Reading) -> Option<Meaning> {
    let told = told(probe, outcome)?;
    let expected = expected(probe).filter(|expected| !same(expected, told));
    let state = Some(reading.version.as_str())
        .filter(|version| !version.is_empty() && !same(version, told));
    let message = match (expected, state) {
        (_, Some(state)) => format!("but the state of the instance says {state}"),
        (Some(expected), None) => format!("not {expected}"),
        (None, None) => return None,
    };
    let history = format!("homeport history {}", reading.instance);
    Some(Meaning {
        status: Status::Unhealthy,
        message: format!("{} is version {told}, {message}.", probe.component),
        remedy: [log(reading, &probe.component)]
            .into_iter()
            .chain(restart(reading, &probe.component))
            .chain((!reading.instance.is_empty()).then_some(history))
            .collect(),
    })
}

fn expected(probe: &Probe) -> Option<&str> {
    match &probe.check {
        Check::Http { expect, .. } => match &expect.body {
            Some(Body::Json {
                equals: Value::String(text),
                ..
            }) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// Tags have a `v` that versions lack.
fn same(one: &str, other: &str) -> bool {
    one.trim_start_matches('v') == other.trim_start_matches('v')
}
