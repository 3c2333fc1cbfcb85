//! The operation log as it lies on disk.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;

use flate2::read::GzDecoder;

use super::*;

#[test]
fn lines_have_the_agreed_form_and_cannot_be_forged() {
    assert_eq!(
        line("2026-01-02T03:04:05Z", Level::Info, "update", "text"),
        "[2026-01-02T03:04:05Z] [INFO] [update] text\n"
    );
    assert_eq!(
        line("T", Level::Error, "x", "a\x1b[31mb\rc"),
        "[T] [ERROR] [x] a [31mb c\n"
    );
    let dir = tempfile::tempdir().unwrap();
    let mut log = Log::open(dir.path(), "tasks", "install").unwrap();
    log.write(Level::Success, "one\ntwo").unwrap();
    log.event(&Event::Failed {
        number: 3,
        why: "no".to_owned(),
    })
    .unwrap();
    let path = path(dir.path(), "tasks");
    let text = fs::read_to_string(&path).unwrap();
    let ends: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split_once("Z] "))
        .map(|(_, end)| end)
        .collect();
    assert_eq!(
        ends,
        [
            "[SUCCESS] [install] one",
            "[SUCCESS] [install] two",
            "[ERROR] [install] step 3 failed: no"
        ]
    );
    assert_eq!(
        fs::metadata(path).unwrap().permissions().mode() & 0o777,
        0o640
    );
}

#[test]
fn a_full_file_is_rotated_and_five_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = Log::open(dir.path(), "tasks", "x").unwrap();
    log.rotate_at = 200;
    for number in 0..40 {
        log.write(Level::Info, &format!("line {number:02} {}", "x".repeat(40)))
            .unwrap();
    }
    drop(log);
    let mut names: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "tasks.log",
            "tasks.log.1.gz",
            "tasks.log.2.gz",
            "tasks.log.3.gz",
            "tasks.log.4.gz",
            "tasks.log.5.gz"
        ]
    );
    let mut text = fs::read_to_string(path(dir.path(), "tasks")).unwrap();
    for number in 1..=5 {
        let mut older = String::new();
        let file = File::open(dir.path().join(format!("tasks.log.{number}.gz"))).unwrap();
        GzDecoder::new(file).read_to_string(&mut older).unwrap();
        text.insert_str(0, &older);
    }
    let numbers: Vec<&str> = text
        .lines()
        .map(|line| line.split(' ').nth(4).unwrap())
        .collect();
    let expected: Vec<String> = (28..40).map(|number| format!("{number:02}")).collect();
    assert_eq!(numbers, expected);
}

#[test]
fn a_name_that_leads_elsewhere_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let error = Log::open(dir.path(), "../x", "stop").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}

#[test]
fn another_operation_goes_on_in_the_same_file() {
    let dir = tempfile::tempdir().unwrap();
    for operation in ["install", "stop"] {
        Log::open(dir.path(), "tasks", operation)
            .unwrap()
            .write(Level::Info, "x")
            .unwrap();
    }
    assert_eq!(
        fs::read_to_string(path(dir.path(), "tasks"))
            .unwrap()
            .lines()
            .count(),
        2
    );
}

/// Lines of the current file and all packed ones.
fn all_lines(directory: &Path) -> Vec<String> {
    read::last(&path(directory, "tasks"), usize::MAX)
        .unwrap()
        .into_iter()
        .map(|entry| entry.text)
        .collect()
}

#[test]
fn many_write_at_once_and_no_line_is_lost_or_torn() {
    let dir = tempfile::tempdir().unwrap();
    let written = |writer: usize, number: usize| format!("{writer} {number:03} {}", "x".repeat(40));
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let mut log = Log::open(dir.path(), "tasks", "x").unwrap();
            log.rotate_at = 8_000;
            scope.spawn(move || {
                for number in 0..100 {
                    log.write(Level::Info, &written(writer, number)).unwrap();
                }
            });
        }
    });
    let mut found = all_lines(dir.path());
    found.sort();
    let expected = (0..4).flat_map(|writer| (0..100).map(move |number| written(writer, number)));
    assert_eq!(found, expected.collect::<Vec<_>>());
}

/// Where the packed file is to lie there is a directory: packing cannot succeed.
#[test]
fn a_log_that_cannot_be_packed_loses_no_line_and_no_archive() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = Log::open(dir.path(), "tasks", "x").unwrap();
    log.rotate_at = 100;
    for number in 0..4 {
        log.write(Level::Info, &format!("line {number} {}", "x".repeat(40)))
            .unwrap();
    }
    let archives = |dir: &Path| {
        (1..=KEPT)
            .filter(|number| archive(&path(dir, "tasks"), *number).exists())
            .count()
    };
    let before = archives(dir.path());
    fs::create_dir(dir.path().join("tasks.log.gz.new")).unwrap();
    log.write(Level::Info, "the one that does not fit")
        .unwrap_err();
    for _ in 0..KEPT {
        log.write(Level::Info, "another").unwrap();
    }
    assert_eq!(archives(dir.path()), before);
    assert_eq!(all_lines(dir.path()).len(), 5 + KEPT as usize);
}

#[test]
fn a_full_disk_leaves_no_half_line() {
    let mut log = Log {
        path: PathBuf::from("/dev/full"),
        file: append(Path::new("/dev/full")).unwrap(),
        operation: "x".to_owned(),
        rotate_at: ROTATE_AT,
        unpacked: false,
    };
    assert!(log.write(Level::Info, "text").is_err());
}
