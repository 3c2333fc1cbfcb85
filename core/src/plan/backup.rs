//! Backups: one consistent dump of the database, and an archive on the host that was opened and counted.

use std::collections::BTreeMap;

use homeport_engine::exec::{Exec, Stdin, Stdout};
use homeport_engine::op::Op;
use homeport_engine::plan::Step;
use serde_json::json;

use crate::places;
use crate::plan::{Operation, absent, directory};

/// Directory in the guest where the database is dumped to.
pub const DUMP_DIRECTORY: &str = "/var/lib/homeport/export";
/// The dump.
pub const DUMP: &str = "/var/lib/homeport/export/database.dump";
/// The dump's place in the archive.
const DUMP_ENTRY: &str = "database/database.dump";

/// Dump and archive are read by a program that may take as long as the data is large.
const HOURS_S: u32 = 6 * 3600;

/// An archive to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// Directory of the app's backups on the host.
    pub directory: String,
    /// The archive on the host, in a directory of the instance's in that one.
    pub archive: String,
    /// What its metadata says beside what is counted.
    pub metadata: BTreeMap<String, String>,
    /// Guest path and name in the archive of everything but the dump.
    pub entries: Vec<(String, String)>,
}

/// The database plugin's steps, which dump into [`DUMP`] as `user`.
pub fn dumped(user: &str, dump: Vec<Step>) -> Vec<Step> {
    let place = directory(DUMP_DIRECTORY, 0o700, &format!("{user}:{user}"));
    let mut steps =
        vec![Step::guest("Make room for the dump", place).undone_by(absent(DUMP_DIRECTORY))];
    steps.extend(dump.into_iter().map(|step| {
        if step.op.only_reads() {
            step
        } else {
            step.undone_by(absent(DUMP))
        }
    }));
    steps
}

/// The archive of dump and entries, on the host.
pub fn kept(operation: &Operation, archive: &Archive) -> Vec<Step> {
    let dump = (DUMP.to_owned(), DUMP_ENTRY.to_owned());
    let entries = archive.entries.iter().chain([&dump]);
    let listed: Vec<_> = entries
        .map(|(from, to)| json!({"from": from, "to": to}))
        .collect();
    let exec = Exec {
        stdin: Stdin::Text(json!({"entries": listed}).to_string()),
        stdout: Stdout::Discard,
        ..Exec::root([places::guest::AGENT, "archive"], HOURS_S)
    };
    let above = format!(
        "{}/{}",
        archive.directory.trim_end_matches('/'),
        operation.guest.instance
    );
    let mut steps = Vec::new();
    // They stay on the way back: other instances may keep their backups there by then.
    for place in [archive.directory.clone(), above] {
        let made = directory(place.clone(), 0o700, "root:root");
        steps.push(Step::host(format!("Make {place}"), made.clone()).undone_by(made));
    }
    let pull = Op::Pull {
        guest: operation.guest.clone(),
        exec,
        archive: archive.archive.clone(),
        metadata: archive.metadata.clone(),
    };
    let title = format!("Write {}, open it and count it", archive.archive);
    steps.push(Step::host(title, pull).undone_by(absent(archive.archive.clone())));
    steps
}
