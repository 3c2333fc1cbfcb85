//! A journal on a disk that is full: no half record stays, and it goes on once there is room.

use std::env;
use std::path::Path;
use std::process::Command;

use homeport_engine::journal::{Journal, JournalError, Record, load};

/// Names the directory to work in, in the process whose files may not grow.
const INSIDE: &str = "HOMEPORT_TEST_FULL";

/// Largest file of that process, KiB.
const LIMIT: u64 = 8;

fn append(journal: &mut Journal, number: u32) -> Result<(), JournalError> {
    journal.append([Record::Intent { number, undo: None }])
}

/// Fills the journal until the system refuses, in the middle of a line.
fn fill(path: &Path) {
    let mut journal = Journal::open(path).unwrap();
    let refused = (0..1000).find(|number| append(&mut journal, *number).is_err());
    assert_eq!(
        refused,
        Some(u32::try_from(journal.records().len()).unwrap())
    );
    assert_eq!(load::<Record>(path).unwrap().unwrap(), journal.records());
    let bytes = std::fs::read(path).unwrap();
    assert_eq!(bytes.last(), Some(&b'\n'), "half a record stays");
    let room = LIMIT * 1024 - bytes.len() as u64;
    assert!(
        (1..100).contains(&room),
        "the limit fell between two lines: {room}"
    );
}

#[test]
fn a_full_disk_leaves_no_half_record() {
    if let Some(directory) = env::var_os(INSIDE) {
        return fill(&Path::new(&directory).join("op.jsonl"));
    }
    let directory = tempfile::tempdir().unwrap();
    // Ignored, the signal stays ignored in the program the shell becomes, and writing fails instead.
    let script = format!("trap '' XFSZ; ulimit -f {LIMIT}; exec \"$@\"");
    // Through pipes: a log of the test run would be a file that may not grow, too.
    let filled = Command::new("bash")
        .args(["-c", &script, "bash"])
        .arg(env::current_exe().unwrap())
        .arg("--nocapture")
        .env(INSIDE, directory.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&filled.stdout);
    assert!(filled.status.success(), "{said}");
    let path = directory.path().join("op.jsonl");
    let mut journal = Journal::open(&path).unwrap();
    let before = journal.records().len();
    assert!(before > 10);
    append(&mut journal, 0).unwrap();
    assert_eq!(load::<Record>(&path).unwrap().unwrap().len(), before + 1);
}
