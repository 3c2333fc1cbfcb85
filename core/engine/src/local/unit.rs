//! What systemd says of units, asked with one call for all of them.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::cmd::{CmdError, Command, Finished};
use crate::run::{Fault, FaultKind};

/// Properties asked for. `systemctl show` names each and leaves out none it knows.
const PROPERTIES: &str = "Id,LoadState,ActiveState,SubState,UnitFileState,MainPID,ExecMainStartTimestampMonotonic,\
                          ActiveEnterTimestampMonotonic,NRestarts,Result,NeedDaemonReload,ControlGroup";

/// Time systemd has to answer a question.
const ASK: Duration = Duration::from_secs(10);

/// A unit as systemd sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// Name with suffix.
    pub unit: String,
    /// `loaded`, `not-found`, `masked` …
    pub load: String,
    /// `active`, `inactive`, `failed`, `activating` …
    pub active: String,
    /// The finer state, such as `running` or `exited`.
    pub sub: String,
    /// `enabled`, `disabled`, `static` …; empty for a unit without a file.
    pub file: String,
    /// Its main process, 0 if it has none.
    pub main_pid: u32,
    /// Milliseconds since its main process – without one, the unit – started; 0 if it is not active.
    pub uptime_ms: u64,
    /// How often systemd has restarted it.
    pub restarts: u32,
    /// How its last run ended: `success`, `exit-code`, `oom-kill` …
    pub result: String,
    /// Whether its file on disk is newer than what systemd works by.
    pub stale: bool,
    /// Path of its control group; empty if it has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
}

/// Asks for the state of these units, in this order.
///
/// # Errors
/// When systemd cannot be asked, or does not answer for each of them.
pub fn show<S: AsRef<str>>(units: &[S]) -> Result<Vec<Unit>, Fault> {
    if units.is_empty() {
        return Ok(Vec::new());
    }
    let argv = ["show", "--no-pager", "--property", PROPERTIES, "--"].into_iter();
    let argv = argv.chain(units.iter().map(AsRef::as_ref));
    let end = systemctl(argv, ASK)?;
    let found = parse(&end.text(), monotonic_us());
    if end.ok() && found.len() == units.len() {
        return Ok(found);
    }
    Err(
        Fault::new(FaultKind::Failed, "systemd does not say how the units are")
            .with_lines(end.last_lines(super::exec::LINES)),
    )
}

/// Asks for the state of one unit.
///
/// # Errors
/// When systemd cannot be asked, or does not answer.
pub fn one(name: &str) -> Result<Unit, Fault> {
    let mut found = show(&[name])?;
    found
        .pop()
        .ok_or_else(|| Fault::new(FaultKind::Failed, "systemd says nothing"))
}

/// Runs `systemctl` with these arguments, for at most so long.
///
/// # Errors
/// When it cannot be started or does not end in time; the job it asked for may go on.
pub fn systemctl<'a>(
    arguments: impl IntoIterator<Item = &'a str>,
    limit: Duration,
) -> Result<Finished, Fault> {
    program("systemctl", arguments, limit).map_err(|error| {
        Fault::new(
            FaultKind::Failed,
            format!("systemd cannot be asked: {error}"),
        )
    })
}

/// The unit's last log lines; none if the journal cannot be read, for they only explain another failure.
pub fn log(unit: &str) -> Vec<String> {
    let arguments = ["-u", unit, "-n", "30", "--no-pager", "-o", "cat"];
    program("journalctl", arguments, ASK)
        .map(|end| crate::cmd::last_lines(&end.stdout, super::exec::LINES))
        .unwrap_or_default()
}

fn program<'a>(
    name: &'a str,
    arguments: impl IntoIterator<Item = &'a str>,
    limit: Duration,
) -> Result<Finished, CmdError> {
    let argv = std::iter::once(name).chain(arguments);
    Command::new(argv, limit).run(&AtomicBool::new(false))
}

/// Blocks of `Name=value` lines, one per unit, with an empty line between. Total.
fn parse(text: &str, now_us: u64) -> Vec<Unit> {
    text.split("\n\n")
        .filter(|block| !block.trim().is_empty())
        .map(|block| {
            let fields = block.lines().filter_map(|line| line.split_once('='));
            unit(&fields.collect(), now_us)
        })
        .collect()
}

fn unit(fields: &BTreeMap<&str, &str>, now_us: u64) -> Unit {
    let text = |name: &str| fields.get(name).copied().unwrap_or_default().to_owned();
    let number = |name: &str| text(name).parse::<u64>().unwrap_or(0);
    let main_pid = u32::try_from(number("MainPID")).unwrap_or(0);
    let since = match main_pid {
        0 => number("ActiveEnterTimestampMonotonic"),
        _ => number("ExecMainStartTimestampMonotonic"),
    };
    let active = text("ActiveState");
    let up = active == "active" && since > 0;
    Unit {
        unit: text("Id"),
        load: text("LoadState"),
        sub: text("SubState"),
        file: text("UnitFileState"),
        main_pid,
        uptime_ms: if up {
            now_us.saturating_sub(since) / 1000
        } else {
            0
        },
        restarts: u32::try_from(number("NRestarts")).unwrap_or(0),
        result: text("Result"),
        stale: text("NeedDaemonReload") == "yes",
        group: text("ControlGroup"),
        active,
    }
}

/// The clock of systemd's monotonic timestamps. `/proc/uptime` is another one in a container.
fn monotonic_us() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let micros = u64::try_from(now.tv_nsec / 1000).unwrap_or(0);
    seconds.saturating_mul(1_000_000).saturating_add(micros)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TWO: &str = "MainPID=812\nNRestarts=2\nExecMainStartTimestampMonotonic=5000000\nResult=success\nId=app.service\n\
        LoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\nNeedDaemonReload=yes\n\
        ActiveEnterTimestampMonotonic=4000000\n\nMainPID=0\nNRestarts=0\nId=none.service\nLoadState=not-found\n\
        ActiveState=inactive\nSubState=dead\nUnitFileState=\nActiveEnterTimestampMonotonic=0\n";

    #[test]
    fn every_unit_is_read_off_its_block() {
        let [app, none] = parse(TWO, 7_500_000).try_into().unwrap();
        let expected = Unit {
            unit: "app.service".to_owned(),
            load: "loaded".to_owned(),
            active: "active".to_owned(),
            sub: "running".to_owned(),
            file: "enabled".to_owned(),
            main_pid: 812,
            uptime_ms: 2500,
            restarts: 2,
            result: "success".to_owned(),
            stale: true,
            group: String::new(),
        };
        assert_eq!(app, expected);
        assert_eq!((none.load.as_str(), none.uptime_ms), ("not-found", 0));
    }

    #[test]
    fn a_unit_without_a_process_is_up_since_it_became_active() {
        let text = "MainPID=0\nActiveState=active\nActiveEnterTimestampMonotonic=1000\n";
        assert_eq!(parse(text, 5000).remove(0).uptime_ms, 4);
    }

    proptest! {
        #[test]
        fn parsing_is_total(text in "(MainPID|Id|ActiveState|\\PC|=|\\n|[0-9]){0,60}", now in any::<u64>()) {
            let _ = parse(&text, now);
        }
    }
}
