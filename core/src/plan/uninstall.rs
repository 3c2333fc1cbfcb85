//! Removes an instance: nothing before Commit hurts, and what is to be kept has been opened and counted by then.

use std::collections::BTreeMap;

use homeport_engine::exec::{Exec, Stdin, Stdout};
use homeport_engine::local::unit::Unit;
use homeport_engine::op::{Op, ServiceState};
use homeport_engine::plan::{Plan, Step};
use serde_json::json;

use crate::places;
use crate::plan::{Operation, absent, as_seen, directory};

/// What is left behind.
pub struct Keep {
    /// Directory of the app's backups on the host.
    pub backups: String,
    /// The archive on the host, in a directory of the instance's in that one.
    pub archive: String,
    /// What its metadata says beside what is counted.
    pub metadata: BTreeMap<String, String>,
    /// Units of the app, stopped so that nothing is written any more.
    pub units: Vec<Unit>,
    /// The database plugin's steps that dump into [`DUMP`].
    pub dump: Vec<Step>,
    /// Guest path and name in the archive of everything else.
    pub entries: Vec<(String, String)>,
    /// User the app runs as.
    pub user: String,
}

/// Directory in the guest where the database is dumped to.
pub const DUMP_DIRECTORY: &str = "/var/lib/homeport/export";
/// The dump.
pub const DUMP: &str = "/var/lib/homeport/export/database.dump";
/// The dump's place in the archive.
const DUMP_ENTRY: &str = "database/database.dump";

/// Dump and archive are read by a program that may take as long as the data is large.
const HOURS_S: u32 = 6 * 3600;

/// The plan: keep what is to be kept, commit, remove the rest.
pub fn uninstall(operation: &Operation, keep: Option<Keep>) -> Plan {
    let backups = keep.as_ref().map(|keep| keep.backups.clone());
    let before = keep.map(|keep| kept(operation, keep)).unwrap_or_default();
    let guest = operation.guest.clone();
    let registry = places::registry(&guest.instance).display().to_string();
    let after = [
        Step::host(
            format!("Remove container {} with all that is in it", guest.id),
            Op::RemoveGuest(guest),
        ),
        Step::host("Take it out of the registry", absent(registry)),
    ];
    let commit = Some(before.len());
    let steps = before.into_iter().chain(after).collect();
    let mut plan = operation.stage("uninstall", 0, commit, steps);
    plan.owns.extend(backups);
    plan
}

fn kept(operation: &Operation, keep: Keep) -> Vec<Step> {
    let mut steps: Vec<Step> = keep
        .units
        .iter()
        .map(|seen| {
            let (unit, state) = (seen.unit.clone(), ServiceState::Stopped);
            Step::guest(format!("Stop {unit}"), Op::Service { unit, state })
                .undone_by(as_seen(seen))
        })
        .collect();
    let place = directory(DUMP_DIRECTORY, 0o700, &format!("{0}:{0}", keep.user));
    steps.push(Step::guest("Make room for the dump", place).undone_by(absent(DUMP_DIRECTORY)));
    steps.extend(keep.dump.into_iter().map(|step| {
        if step.op.only_reads() {
            step
        } else {
            step.undone_by(absent(DUMP))
        }
    }));
    let exec = archiving(keep.entries);
    let above = format!(
        "{}/{}",
        keep.backups.trim_end_matches('/'),
        operation.guest.instance
    );
    // They stay on the way back: other instances may keep their backups there by then.
    for place in [keep.backups, above] {
        let made = directory(place.clone(), 0o700, "root:root");
        steps.push(Step::host(format!("Make {place}"), made.clone()).undone_by(made));
    }
    let (guest, archive) = (operation.guest.clone(), keep.archive);
    let pull = Op::Pull {
        guest,
        exec,
        archive: archive.clone(),
        metadata: keep.metadata,
    };
    steps.push(
        Step::host(format!("Write {archive}, open it and count it"), pull)
            .undone_by(absent(archive)),
    );
    steps
}

/// Has the guest write an archive of these and the dump.
fn archiving(mut entries: Vec<(String, String)>) -> Exec {
    entries.push((DUMP.to_owned(), DUMP_ENTRY.to_owned()));
    let listed: Vec<_> = entries
        .iter()
        .map(|(from, to)| json!({"from": from, "to": to}))
        .collect();
    Exec {
        stdin: Stdin::Text(json!({"entries": listed}).to_string()),
        stdout: Stdout::Discard,
        ..Exec::root([places::guest::AGENT, "archive"], HOURS_S)
    }
}
