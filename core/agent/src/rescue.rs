//! What a person in the guest can do without the host: `homeport-agent rollback` and `homeport-agent release-hold`.
//! `status` tells what is open. Never does anything without being asked twice that could lose what was written.

use std::fs;

use homeport_engine::cutover::{CutOver, Ending, Outcome, Side, Stage};
use homeport_engine::op::{Content, PutFile};
use homeport_engine::run::{Fault, FaultKind, unix_now};
use serde_json::{Value, json};

use crate::cutover::{self, follow, release_everywhere};
use crate::lock::Lock;
use crate::state::StateDir;

/// Goes back to the release that served before the last switch; without `yes`, only says what that means.
///
/// # Errors
/// When there is no way back, somebody else is at work, or the old release does not come back.
pub(crate) fn rollback(state: &StateDir, yes: bool) -> Result<String, Fault> {
    state.prepare()?;
    let mut lock = Lock::take(&state.lock(), "homeport-agent rollback")?;
    if let Some(open) = state.open()?.into_iter().next() {
        let why = format!("the operation {open} is still open");
        return Err(Fault::new(FaultKind::Locked, why)
            .with_remedy("Have it resolved first: homeport-agent recover --take-back"));
    }
    let (last, at) = last_switch(state)?;
    if !yes {
        return Err(Fault::new(FaultKind::Cancelled, meaning(&last, at))
            .with_remedy("To do it: homeport-agent rollback --yes"));
    }
    let operation = format!("rescue-{}", unix_now());
    lock.name(&operation)?;
    let back = last.reversed(&operation);
    let back = CutOver {
        to: newest(&back, state)?,
        ..back
    };
    let outcome = follow(state, &back, &mut |_| {})?;
    told(&back, &outcome)
}

/// Lets waiting requests go. Refused while a cut-over is under way: it ends the hold itself, on one of its sides.
///
/// # Errors
/// When one is under way, or a gate cannot be told.
pub(crate) fn release_hold(state: &StateDir) -> Result<String, Fault> {
    state.prepare()?;
    if let Some(open) = cutover::open(state)? {
        let operation = open.operation;
        let why = format!("the cut-over of {operation} is not over");
        return Err(Fault::new(FaultKind::Locked, why).with_remedy(format!(
            "To take it back: homeport-agent cutover resolve {operation}"
        )));
    }
    let told = release_everywhere()?;
    Ok(format!("Requests pass at: {}\n", told.join(", ")))
}

/// The last switch that holds, and when it was: the one that put the side in service that is.
fn last_switch(state: &StateDir) -> Result<(CutOver, u64), Fault> {
    let mut last: Option<(CutOver, u64)> = None;
    for operation in state.cut_overs()? {
        let Some(standing) = state.cut_over_standing(&operation)? else {
            continue;
        };
        let switched = match &standing.stage {
            Stage::Closed(outcome) => matches!(outcome.ending, Ending::Switched { .. }),
            _ => false,
        };
        let at = standing.held_at_ms.unwrap_or(0) / 1000;
        if switched && last.as_ref().is_none_or(|(_, before)| *before < at) {
            last = Some((standing.cut_over, at));
        }
    }
    last.ok_or_else(|| {
        Fault::new(
            FaultKind::Failed,
            "there is no earlier release to go back to",
        )
    })
}

fn meaning(last: &CutOver, at: u64) -> String {
    let minutes = unix_now().saturating_sub(at) / 60;
    let lost = match last.shares_data() {
        true => "Both work on the same data: nothing is lost".to_owned(),
        false => format!(
            "{} works on the data as it was {minutes} minutes ago: whatever was written since will not be seen any more \
             (it stays where it is, and the same command goes there again)",
            last.from.version,
        ),
    };
    format!(
        "This goes back from {} to {}. {lost}",
        last.to.version, last.from.version
    )
}

/// The side to be, as it is to be written down now: what it once was, with an epoch above everything before.
fn newest(back: &CutOver, state: &StateDir) -> Result<Side, Fault> {
    let path = state.state();
    let unreadable = |error: &dyn std::fmt::Display| {
        let why = format!("`{}` cannot be read: {error}", path.display());
        Fault::new(FaultKind::Failed, why)
    };
    let bytes = fs::read(&path).map_err(|error| unreadable(&error))?;
    let now: Value = serde_json::from_slice(&bytes).map_err(|error| unreadable(&error))?;
    let epoch = now.get("epoch").and_then(Value::as_u64).unwrap_or(0) + 1;
    let raised = |file: PutFile| match &file.content {
        Content::Text(text) if file.path == path.display().to_string() => {
            let mut then: Value = serde_json::from_str(text).map_err(|error| unreadable(&error))?;
            if let Some(fields) = then.as_object_mut() {
                fields.insert("epoch".to_owned(), epoch.into());
                fields.insert("previous".to_owned(), left(&now, back.shares_data()));
            }
            Ok(PutFile {
                content: Content::Text(then.to_string()),
                ..file
            })
        }
        _ => Ok(file),
    };
    let files = back.to.files.iter().cloned().map(raised);
    Ok(Side {
        files: files.collect::<Result<_, Fault>>()?,
        ..back.to.clone()
    })
}

/// What the state remembers of the release that goes out of service. By how many rows it has changed the other's data,
/// nobody has counted.
fn left(now: &Value, shares_data: bool) -> Value {
    let mut left = json!({
        "version": now["version"],
        "release": now.get("release").unwrap_or(&now["version"]),
        "colour": now["active_colour"],
        "generation": now["generation"],
        "until": unix_now(),
    });
    if let Some(commit) = now.get("commit") {
        left["commit"] = commit.clone();
    }
    if !shares_data {
        left["migrated"] = json!({});
    }
    left
}

fn told(back: &CutOver, outcome: &Outcome) -> Result<String, Fault> {
    let seconds = outcome.held_ms / 1000;
    let version = &back.to.version;
    outcome.told()?;
    match &outcome.ending {
        Ending::Switched {
            trouble: Some(trouble),
        } => Err(Fault::new(
            FaultKind::Unhealthy,
            format!("{version} is in service, but: {}", trouble.why),
        )
        .with_lines(trouble.log_tail.clone())),
        _ => Ok(format!(
            "{version} is in service again; requests waited for {seconds}.{:03} s.\n",
            outcome.held_ms % 1000
        )),
    }
}
