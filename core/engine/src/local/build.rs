//! Runs a build: a systemd service of its own, as its unprivileged user, within its memory, able to write below its home
//! only. What ends it – its own failure, the lack of memory, the user, the time – is told apart. Knows no tool by name.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::exec::{LINES, broken, input, time_limit};
use super::owner::{Account, account};
use super::unit::systemctl;
use crate::cmd::{CmdError, Command, Finished, Record, last_lines};
use crate::exec::{Exec, PATH};
use crate::run::{Fault, FaultKind};

/// One build at a time runs on a machine: the name makes a second one, or a forgotten one, impossible.
const UNIT: &str = "homeport-build.service";

/// Exit status of a program that SIGKILL has ended, as shells and build tools hand it on.
const KILLED: i32 = 137;

/// Time for systemd to end one.
const ENDING: Duration = Duration::from_secs(100);

/// What build tools say when the kernel has ended a process of theirs, or memory was refused.
const SIGNS: [&str; 4] = [
    "signal: killed",
    "SIGKILL",
    "heap out of memory",
    "Cannot allocate memory",
];

/// Runs the command; it must end with 0. `stop`, once set, ends it.
pub(super) fn run(
    exec: &Exec,
    memory_mb: u32,
    record: Record<'_>,
    stop: &AtomicBool,
    told: &mut dyn FnMut(String),
) -> Result<(), Fault> {
    let account = account(&exec.user)?;
    // One whose Homeport was killed may still be at it.
    gone()?;
    let command = Command::new(argv(exec, memory_mb, &account), time_limit(exec));
    let end = command.input(input(exec)?).run_told(record, stop, told);
    if matches!(end, Ok(ref end) if end.ok()) {
        return Ok(());
    }
    let result = property("Result");
    gone()?;
    match end {
        Ok(end) => Err(failed(exec, memory_mb, &end, &result)),
        Err(error @ CmdError::TimedOut { .. }) => {
            Err(Fault::new(FaultKind::Build, error.to_string()))
        }
        Err(error) => Err(broken(error)),
    }
}

/// systemd takes the program, its environment and its limits as arguments; both streams come back as one.
fn argv(exec: &Exec, memory_mb: u32, account: &Account) -> Vec<String> {
    let mut argv: Vec<String> = ["systemd-run", "--quiet", "--wait", "--pipe"]
        .map(str::to_owned)
        .into();
    argv.push(format!("--unit={UNIT}"));
    let properties = [
        format!("User={}", account.uid),
        format!("Group={}", account.gid),
        format!("WorkingDirectory={}", account.home),
        format!("MemoryMax={memory_mb}M"),
        "OOMPolicy=stop".to_owned(),
        // It outlives nobody who waits for it by more than its time.
        format!("RuntimeMaxSec={}", exec.timeout_s),
        // What is in service comes first.
        "Nice=10".to_owned(),
        "CPUWeight=20".to_owned(),
        "IOWeight=20".to_owned(),
        "NoNewPrivileges=yes".to_owned(),
        "PrivateTmp=yes".to_owned(),
        "ProtectSystem=strict".to_owned(),
        format!("ReadWritePaths={}", account.home),
    ];
    argv.extend(properties.map(|property| format!("--property={property}")));
    let mut variables = BTreeMap::from([
        ("PATH", PATH),
        ("LANG", "C.UTF-8"),
        ("LC_ALL", "C.UTF-8"),
        ("HOME", account.home.as_str()),
    ]);
    let given = exec.env.iter();
    variables.extend(given.map(|(name, value)| (name.as_str(), value.as_str())));
    argv.extend(
        variables
            .iter()
            .map(|(name, value)| format!("--setenv={name}={value}")),
    );
    argv.extend(["--", "/bin/sh", "-c", "exec \"$@\" 2>&1", "sh"].map(str::to_owned));
    argv.extend(exec.argv.iter().cloned());
    // systemd would put variables of its own into the program's arguments.
    let program = argv.iter().position(|word| word == "--").unwrap_or(0);
    for word in argv.iter_mut().skip(program) {
        *word = word.replace('$', "$$");
    }
    argv
}

/// No build runs, and systemd remembers none.
fn gone() -> Result<(), Fault> {
    // Neither is an error of anything: mostly there is nothing to stop, and nothing to forget.
    systemctl(["stop", "--", UNIT], ENDING)?;
    systemctl(["reset-failed", "--", UNIT], ENDING)?;
    let state = property("ActiveState");
    if ["active", "activating", "deactivating"].contains(&state.as_str()) {
        let why = format!("a build of an earlier run cannot be ended; it is {state}");
        return Err(
            Fault::new(FaultKind::Locked, why).with_remedy(format!("systemctl status {UNIT}"))
        );
    }
    Ok(())
}

/// A property of the unit; empty if systemd does not say.
fn property(name: &str) -> String {
    let said = systemctl(["show", "--value", "-p", name, "--", UNIT], ENDING);
    said.map_or(String::new(), |end| end.text().trim().to_owned())
}

fn failed(exec: &Exec, memory_mb: u32, end: &Finished, result: &str) -> Fault {
    let mut lines = last_lines(&end.stdout, LINES);
    // What systemd-run itself says: it could not start the program, say.
    lines.extend(end.last_lines(LINES.saturating_sub(lines.len())));
    if starved(end.code, result, &lines) {
        let why = format!("the build was ended for lack of memory; it may use {memory_mb} MiB");
        return Fault::new(FaultKind::Build, why)
            .with_lines(lines)
            .with_remedy("Give the container more memory with `--memory-mb`, then run the same command again");
    }
    let why = match result {
        "timeout" => format!("the build did not end within {} s", exec.timeout_s),
        _ => format!("the build ended with status {}", end.code),
    };
    Fault::new(FaultKind::Build, why).with_lines(lines)
}

/// Whether the lack of memory ended it: systemd says so where the kernel tells it (cgroup v2), the status or the
/// tools' own words elsewhere.
fn starved(code: i32, result: &str, lines: &[String]) -> bool {
    let said = |line: &String| SIGNS.iter().any(|sign| line.contains(sign));
    result == "oom-kill" || code == KILLED || lines.iter().any(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build() -> Exec {
        Exec::root(["env", "-C", "/home/tree", "make", "all"], 10).env("MODE", "a b")
    }

    #[test]
    fn it_becomes_the_user_within_its_limits() {
        let account = Account {
            uid: 998,
            gid: 7,
            home: "/home".to_owned(),
        };
        let argv = argv(&build(), 512, &account).join(" ");
        for part in [
            "systemd-run --quiet --wait --pipe --unit=homeport-build.service --property=User=998 --property=Group=7",
            "--property=MemoryMax=512M",
            "--property=ProtectSystem=strict --property=ReadWritePaths=/home",
            "--setenv=HOME=/home",
            "--setenv=MODE=a b",
            "-- /bin/sh -c exec \"$$@\" 2>&1 sh env -C /home/tree make all",
        ] {
            assert!(argv.contains(part), "{part} is not in {argv}");
        }
    }

    #[test]
    fn the_lack_of_memory_is_told_from_other_failures() {
        let end = |code, said: &str| Finished {
            code,
            stdout: said.as_bytes().to_vec(),
            stderr: Vec::new(),
        };
        let starved = [
            (1, "x", "oom-kill"),
            (137, "", "exit-code"),
            (1, "x: signal: killed\n", "exit-code"),
        ];
        for (code, said, result) in starved {
            let fault = failed(&build(), 512, &end(code, said), result);
            assert!(
                fault
                    .why
                    .starts_with("the build was ended for lack of memory; it may use 512 MiB"),
                "{fault}"
            );
            assert_eq!((fault.kind, fault.remedy.len()), (FaultKind::Build, 1));
        }
        let fault = failed(&build(), 512, &end(2, "no rule\n"), "exit-code");
        assert_eq!(fault.why, "the build ended with status 2");
        assert_eq!(
            (fault.lines, fault.remedy),
            (vec!["no rule".to_owned()], Vec::new())
        );
    }
}
