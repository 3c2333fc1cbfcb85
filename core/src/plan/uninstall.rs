//! Removes an instance: nothing before Commit hurts, and what is to be kept has been opened and counted by then.

use homeport_engine::local::unit::Unit;
use homeport_engine::op::{Op, ServiceState};
use homeport_engine::plan::{Plan, Step};

use crate::places;
use crate::plan::backup::{self, Archive};
use crate::plan::{Operation, absent, as_seen};

/// What is left behind.
pub struct Keep {
    /// The archive.
    pub archive: Archive,
    /// Units of the app, stopped so that nothing is written any more.
    pub units: Vec<Unit>,
    /// The database plugin's steps that dump into [`backup::DUMP`].
    pub dump: Vec<Step>,
    /// User the app runs as.
    pub user: String,
}

/// The plan: keep what is to be kept, commit, remove the rest.
pub fn uninstall(operation: &Operation, keep: Option<Keep>) -> Plan {
    let backups = keep.as_ref().map(|keep| keep.archive.directory.clone());
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
    steps.extend(backup::dumped(&keep.user, keep.dump));
    steps.extend(backup::kept(operation, &keep.archive));
    steps
}
