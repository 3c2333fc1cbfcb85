use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::*;

fn file(dir: &Path, name: &str, text: &str, to: &str, mode: u32) -> PushFile {
    let from = dir.join(name);
    fs::write(&from, text).unwrap();
    PushFile {
        from: Origin::File(from.display().to_string()),
        to: to.to_owned(),
        mode,
        sha256: None,
    }
}

fn sources(files: &[PushFile]) -> Vec<Source> {
    let source = |file: &PushFile| Source {
        file: file.clone(),
        text: None,
    };
    files.iter().map(source).collect()
}

/// Carries the guest's side out here, below a directory of the test's own. Returns its stdout if it succeeded.
fn receive(dir: &Path, files: &[PushFile], spoil: impl FnOnce(&mut Vec<u8>)) -> Option<String> {
    receive_sources(dir, &sources(files), spoil)
}

fn receive_sources(
    dir: &Path,
    files: &[Source],
    spoil: impl FnOnce(&mut Vec<u8>),
) -> Option<String> {
    let mut bytes = Vec::new();
    archive(files, &mut bytes).unwrap().unwrap();
    spoil(&mut bytes);
    let script = RECEIVE.replace("/var/lib/homeport", dir.join("state").to_str().unwrap());
    let mut shell = Command::new("sh")
        .args(["-c", &script, "sh"])
        .args(files.iter().map(|source| &source.file.to))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _ = shell.stdin.take().unwrap().write_all(&bytes);
    let end = shell.wait_with_output().unwrap();
    assert!(!dir.join("state/push").exists());
    end.status
        .success()
        .then(|| String::from_utf8(end.stdout).unwrap())
}

#[test]
fn files_arrive_with_content_mode_and_odd_names() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let to = |name: &str| dir.path().join(name).display().to_string();
    let files = [
        file(dir.path(), "x", "one", &to("a b/-c $d'"), 0o755),
        file(dir.path(), "y", "", &to("e"), 0o600),
    ];
    assert_eq!(
        receive(dir.path(), &files, |_| {}).unwrap(),
        "homeport-pushed 2\n"
    );
    assert_eq!(fs::read_to_string(&files[0].to).unwrap(), "one");
    assert_eq!(
        fs::metadata(&files[0].to).unwrap().permissions().mode() & 0o7777,
        0o755
    );
    assert_eq!(
        fs::metadata(&files[1].to).unwrap().permissions().mode() & 0o7777,
        0o600
    );
    assert_eq!(
        receive(dir.path(), &files, |_| {}).unwrap(),
        "homeport-pushed 2\n"
    );
}

#[test]
fn a_stream_that_was_cut_or_damaged_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("to").display().to_string();
    fs::write(&to, "old").unwrap();
    let files = [file(dir.path(), "x", &"new ".repeat(1000), &to, 0o644)];
    assert_eq!(
        receive(dir.path(), &files, |bytes| bytes.truncate(2048)),
        None
    );
    assert_eq!(receive(dir.path(), &files, |bytes| bytes[600] ^= 1), None);
    assert_eq!(receive(dir.path(), &files, Vec::clear), None);
    assert_eq!(fs::read_to_string(&to).unwrap(), "old");
}

#[test]
fn a_file_that_is_not_the_planned_one_is_not_sent() {
    let dir = tempfile::tempdir().unwrap();
    let mut planned = file(dir.path(), "x", "one", "/to", 0o644);
    planned.sha256 = Some("00".repeat(32));
    let refused = archive(&sources(&[planned]), &mut Vec::new()).unwrap_err();
    assert!(
        refused.why.contains("is not the file that was planned"),
        "{refused}"
    );
    let absent = PushFile {
        from: Origin::File("/nonexistent/x".to_owned()),
        to: "/to".to_owned(),
        mode: 0,
        sha256: None,
    };
    assert!(
        archive(&sources(&[absent]), &mut Vec::new())
            .unwrap_err()
            .why
            .contains("/nonexistent/x")
    );
}

#[test]
fn a_secret_of_the_hosts_is_sent_as_a_file_that_only_root_reads() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("91proxy").display().to_string();
    let secret = HostSecret::AptProxy;
    let planned = PushFile {
        from: Origin::Secret { secret },
        to: to.clone(),
        mode: 0o600,
        sha256: None,
    };
    let plan = serde_json::to_string(&planned).unwrap();
    assert!(plan.contains(r#""from":{"secret":"apt-proxy"}"#), "{plan}");
    let source = Source {
        file: planned,
        text: Some("Proxy \"http://u:p@h\";\n".to_owned()),
    };
    let said = receive_sources(dir.path(), &[source], |_| {}).unwrap();
    assert_eq!(said, "homeport-pushed 1\n");
    assert!(fs::read_to_string(&to).unwrap().contains("u:p@h"));
    let mode = fs::metadata(&to).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
}

#[test]
fn destinations_are_files_below_the_root() {
    let dir = tempfile::tempdir().unwrap();
    for to in ["relative", "/dir/", "/a/../b", ""] {
        let file = file(dir.path(), "x", "", to, 0o644);
        assert!(acceptable(&[file]).is_err(), "{to}");
    }
    let many = PushFile {
        from: Origin::File(String::new()),
        to: format!("/{}", "x".repeat(1000)),
        mode: 0,
        sha256: None,
    };
    assert!(acceptable(&vec![many; 1100]).is_err());
}
