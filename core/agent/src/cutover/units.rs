//! Starts and ends the units of a side, within a time, and sees that nothing of one that ended is left.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use homeport_engine::cutover::Life;
use homeport_engine::local::unit::{self, Unit};
use homeport_engine::run::{Fault, FaultKind};

/// Time for what systemd does from memory.
const ASK: Duration = Duration::from_secs(10);

/// Time between two looks at a control group.
const LOOK: Duration = Duration::from_millis(5);

/// Time the kernel gets to end what was killed.
const KILLED: Duration = Duration::from_secs(10);

/// Starts the units, one after another; `wait`: until they run.
pub(super) fn start(units: &[String], limit: Duration, wait: bool) -> Result<(), Fault> {
    let deadline = Instant::now() + limit;
    for name in units {
        ask(name, &told("start", wait, name), left(deadline)?)?;
        if wait {
            running(name)?;
        }
    }
    Ok(())
}

/// A unit whose condition does not hold is skipped by systemd without a failure.
fn running(name: &str) -> Result<(), Fault> {
    let seen = unit::one(name)?;
    if seen.active == "active" {
        return Ok(());
    }
    let why = format!(
        "`{name}` is {} ({}) after its start",
        seen.active, seen.result
    );
    Err(Fault::new(FaultKind::Failed, why).with_lines(unit::log(name)))
}

/// Ends the units, one after another, each by its own signal.
pub(super) fn stop(units: &[String], limit: Duration, wait: bool) -> Result<(), Fault> {
    let deadline = Instant::now() + limit;
    for name in units {
        let group = unit::one(name)?.group;
        ask(name, &told("stop", wait, name), left(deadline)?)?;
        if wait {
            empty(name, &group, deadline)?;
        }
    }
    Ok(())
}

/// Ends the units at once. First they are to stop, so that systemd does not start them again.
pub(super) fn kill(units: &[String], wait: bool) -> Result<(), Fault> {
    for name in units {
        if unit::one(name)?.load == "not-found" {
            continue;
        }
        ask(name, &told("stop", false, name), ASK)?;
        if wait {
            // Nothing to be killed is no failure.
            let _ = unit::systemctl(["kill", "--signal=KILL", "--", name], ASK)?;
        }
    }
    stop(units, KILLED, wait)
}

/// Whether the units live.
pub(super) fn lives(units: &[String]) -> Result<Vec<Life>, Fault> {
    let life = |unit: Unit| Life {
        active: unit.active == "active",
        incarnation: u64::from(unit.restarts) << 32 | u64::from(unit.main_pid),
    };
    Ok(unit::show(units)?.into_iter().map(life).collect())
}

/// Whether the machine is shutting down: then nothing can be started, and a way back would only seem to fail.
pub(super) fn closing() -> bool {
    let said = unit::systemctl(["is-system-running"], ASK);
    said.is_ok_and(|said| said.text().trim() == "stopping")
}

fn told<'a>(verb: &'a str, wait: bool, name: &'a str) -> Vec<&'a str> {
    let mut words = vec![verb];
    if !wait {
        words.push("--no-block");
    }
    words.extend(["--", name]);
    words
}

fn ask(name: &str, words: &[&str], limit: Duration) -> Result<(), Fault> {
    let end = unit::systemctl(words.iter().copied(), limit)?;
    if end.ok() {
        return Ok(());
    }
    let why = format!(
        "`systemctl {}` ended with status {}",
        words.join(" "),
        end.code
    );
    Err(Fault::new(FaultKind::Failed, why)
        .with_lines(unit::log(name))
        .with_remedy(format!("systemctl status {name}")))
}

/// Waits until no process is left in the control group a unit had.
fn empty(name: &str, group: &str, deadline: Instant) -> Result<(), Fault> {
    if group.is_empty() {
        return Ok(());
    }
    let list = Path::new("/sys/fs/cgroup").join(group.trim_start_matches('/'));
    let list = list.join("cgroup.procs");
    // A group that is gone has nobody in it.
    while fs::read_to_string(&list).is_ok_and(|pids| !pids.trim().is_empty()) {
        if Instant::now() >= deadline {
            let why = format!("something of `{name}` is left after its end");
            return Err(Fault::new(FaultKind::Failed, why)
                .with_remedy(format!("See what it is: systemctl status {name}")));
        }
        thread::sleep(LOOK);
    }
    Ok(())
}

fn left(deadline: Instant) -> Result<Duration, Fault> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(Fault::new(
            FaultKind::Unhealthy,
            "there was no time left for it",
        ));
    }
    Ok(left)
}
