//! Backups: one consistent dump of the database, and an archive on the host that was opened and counted.

use std::collections::BTreeMap;

use homeport_engine::exec::{Exec, Stdin, Stdout};
use homeport_engine::op::Op;
use homeport_engine::plan::{Plan, Step};
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

/// An archive that an update has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its path on the host.
    pub archive: String,
    /// Its size, bytes.
    pub bytes: u64,
}

/// The ones to let go of `all`, newest first: what is beyond the newest `count`, or beyond what `mb` MiB hold. The newest
/// is never among them: it is the last one that was proven.
pub fn surplus(all: &[Kept], count: u32, mb: Option<u32>) -> &[Kept] {
    let room = mb.map_or(u64::MAX, |mb| u64::from(mb) << 20);
    let mut bytes = 0u64;
    let fitting = all.iter().take_while(|kept| {
        bytes = bytes.saturating_add(kept.bytes);
        bytes <= room
    });
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let stays = fitting.count().min(count).max(1);
    all.get(stays..).unwrap_or_default()
}

/// Removes them, after Commit, each with the file that has its digest.
pub fn pruned(operation: &Operation, first: u32, directory: &str, surplus: &[Kept]) -> Plan {
    let away = |kept: &Kept| {
        let digest = format!("{}.sha256", kept.archive);
        let title = format!("Remove the older backup {}", kept.archive);
        [
            Step::host(title, absent(kept.archive.clone())),
            Step::host("Remove its digest", absent(digest)),
        ]
    };
    let steps = surplus.iter().flat_map(away).collect();
    let mut plan = operation.stage("prune", first, None, steps);
    plan.owns.push(directory.to_owned());
    plan
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

#[cfg(test)]
mod tests {
    use super::*;

    fn left(sizes: &[u64], count: u32, mb: Option<u32>) -> usize {
        let kept = sizes.iter().enumerate().map(|(number, mb)| Kept {
            archive: number.to_string(),
            bytes: mb << 20,
        });
        let all: Vec<Kept> = kept.collect();
        let gone = surplus(&all, count, mb);
        assert!(
            gone.iter().all(|kept| kept.archive != "0"),
            "the newest is gone"
        );
        assert_eq!(gone, &all[all.len() - gone.len()..], "an older one stayed");
        all.len() - gone.len()
    }

    #[test]
    fn the_newest_stay_and_one_at_least() {
        assert_eq!(left(&[10, 10, 10], 5, None), 3);
        assert_eq!(left(&[10, 10, 10], 2, None), 2);
        assert_eq!(left(&[10, 10, 10], 5, Some(20)), 2);
        assert_eq!(left(&[10, 10, 10], 5, Some(29)), 2);
        assert_eq!(left(&[10, 1, 1], 5, Some(5)), 1);
        assert_eq!(left(&[1, 10, 1], 5, Some(5)), 1);
        assert_eq!(left(&[10], 1, Some(1)), 1);
        assert_eq!(left(&[], 1, None), 0);
    }
}
