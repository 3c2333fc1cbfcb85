use std::time::Instant;

use super::*;
use crate::journal::Child;

static NEVER: AtomicBool = AtomicBool::new(false);

fn sh(script: &str) -> Exec {
    Exec::root(["/bin/sh", "-c", script], 10)
}

fn go(exec: &Exec) -> Result<Option<Observation>, Fault> {
    run(exec, &mut |_| Ok(()), &NEVER)
}

fn kept(exec: Exec) -> String {
    go(&exec.keep(1000)).unwrap().unwrap().stdout
}

#[test]
fn a_command_runs_as_its_user_with_its_environment_only() {
    let env = kept(Exec::root(["/usr/bin/env"], 10).env("X", "1"));
    let mut names: Vec<&str> = env
        .lines()
        .filter_map(|line| line.split('=').next())
        .filter(|name| !["PWD", "OLDPWD", "_"].contains(name))
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["HOME", "LANG", "LC_ALL", "PATH", "X"]);
    let nobody = kept(sh("id -u; id -G; echo $HOME").as_user("nobody"));
    assert_eq!(nobody, "65534\n65534\n/nonexistent\n");
    assert!(go(&sh("true").as_user("nobody-of-that-name")).is_err());
}

#[test]
fn stdin_is_nothing_or_a_text_or_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("in").display().to_string();
    fs::write(&path, "from a file").unwrap();
    let cat = |stdin| kept(Exec { stdin, ..sh("cat") });
    assert_eq!(cat(Stdin::None), "");
    assert_eq!(cat(Stdin::Text("a\nb\n".to_owned())), "a\nb\n");
    assert_eq!(cat(Stdin::File(path)), "from a file");
    let missing = Exec {
        stdin: Stdin::File("/nonexistent/in".to_owned()),
        ..sh("cat")
    };
    assert!(go(&missing).unwrap_err().why.contains("/nonexistent/in"));
}

#[test]
fn output_to_a_file_is_there_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out");
    let to = |script: &str| Exec {
        stdout: Stdout::File(path.display().to_string()),
        ..sh(script)
    };
    assert!(go(&to("echo half; exit 1")).is_err());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    go(&to("echo whole")).unwrap();
    assert!(go(&to("echo half; exit 1")).is_err());
    assert_eq!(fs::read(&path).unwrap(), b"whole\n");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_failure_carries_status_and_last_lines_of_both_streams() {
    let fault = go(&sh("seq 1 100; echo bad >&2; exit 3")).unwrap_err();
    assert_eq!(fault.why, "`/bin/sh` ended with status 3");
    assert_eq!(fault.lines.len(), LINES);
    assert_eq!(fault.lines.last().unwrap(), "bad");
    assert_eq!(fault.lines.first().unwrap(), "72");
    assert_eq!(
        go(&sh("kill -9 $$")).unwrap_err().why,
        "`/bin/sh` was ended by signal 9"
    );
    assert!(
        go(&Exec::root(["no-such-program"], 5))
            .unwrap_err()
            .why
            .contains("missing")
    );
}

#[test]
fn limits_hold() {
    assert!(go(&sh("seq 1 100000").keep(1000)).is_err());
    let begun = Instant::now();
    let slow = Exec {
        timeout_s: 1,
        ..sh("sleep 60")
    };
    assert!(
        go(&slow)
            .unwrap_err()
            .why
            .contains("did not end within 1 s")
    );
    assert!(begun.elapsed() < Duration::from_secs(8));
    let stopped = run(&sh("sleep 60"), &mut |_| Ok(()), &AtomicBool::new(true));
    assert_eq!(stopped.unwrap_err().kind, FaultKind::Cancelled);
}

#[test]
fn the_child_is_recorded_before_it_does_anything() {
    let dir = tempfile::tempdir().unwrap();
    let mark = dir.path().join("mark");
    let mut seen: Option<(Child, bool)> = None;
    let exec = Exec::root(["touch", mark.to_str().unwrap()], 5);
    let mut record = |child: Child| {
        seen = Some((child, mark.exists()));
        Ok(())
    };
    run(&exec, &mut record, &NEVER).unwrap();
    assert!(mark.exists() && seen.is_some_and(|(_, existed)| !existed));
}

#[test]
fn a_secret_that_everyone_can_read_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pgpass").display().to_string();
    fs::write(&path, "x").unwrap();
    let exec = Exec {
        secret_files: vec![path.clone()],
        ..sh("true")
    };
    fs::set_permissions(&path, PermissionsExt::from_mode(0o604)).unwrap();
    assert!(go(&exec).unwrap_err().remedy[0].starts_with("chmod "));
    fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
    go(&exec).unwrap();
    fs::remove_file(&path).unwrap();
    assert!(go(&exec).is_err());
}

#[test]
fn a_failing_look_is_an_observation() {
    let look = |exec: Exec| observe(&exec.keep(100), &NEVER);
    let end = look(sh("echo seen; exit 4")).unwrap();
    assert_eq!((end.exit, end.stdout.as_str()), (4, "seen\n"));
    let missing = look(Exec::root(["no-such-program"], 5)).unwrap();
    assert_eq!((missing.exit, missing.stdout.as_str()), (127, ""));
    assert!(look(sh("seq 1 1000")).is_err());
}
