//! Brings a systemd unit into a state, and looks whether it is there.

use std::time::Duration;

use super::unit::{self, Unit};
use crate::op::ServiceState;
use crate::run::{Fault, FaultKind};

/// Time for one change. systemd's own limits (90 s to start, 90 s to stop) lie below it and say more.
const CHANGE: Duration = Duration::from_secs(200);

/// Ensures the state. A unit file that was written since systemd read it is read again first. `booting`: units are
/// started without waiting for them, and it is not looked whether they run.
///
/// # Errors
/// When systemd refuses, or the unit is not in its state afterwards; with the unit's last log lines.
pub fn ensure(name: &str, state: ServiceState, booting: bool) -> Result<(), Fault> {
    let before = unit::one(name)?;
    if before.stale {
        change(name, &["daemon-reload"])?;
    }
    for mut arguments in changes(name, state, &before) {
        if booting {
            arguments.insert(1, "--no-block");
        }
        change(name, &arguments)?;
    }
    let after = unit::one(name)?;
    if booting || reached(state, &after) {
        return Ok(());
    }
    let why = match after.load.as_str() {
        "not-found" => format!("there is no unit `{name}`"),
        _ => format!("`{name}` is {} ({})", after.active, after.result),
    };
    Err(Fault::new(FaultKind::Failed, why)
        .with_lines(unit::log(name))
        .with_remedy(format!("systemctl status {name}")))
}

/// What has to be said to systemd. Nothing has to be stopped or disabled of a unit that is not there.
fn changes<'a>(name: &'a str, state: ServiceState, before: &Unit) -> Vec<Vec<&'a str>> {
    let there = before.load != "not-found";
    match state {
        ServiceState::EnabledAndRunning => {
            vec![vec!["enable", "--", name], vec!["start", "--", name]]
        }
        ServiceState::Running => vec![vec!["start", "--", name]],
        ServiceState::Restarted => vec![vec!["restart", "--", name]],
        ServiceState::Stopped if there => vec![vec!["stop", "--", name]],
        ServiceState::DisabledAndStopped if there => {
            vec![vec!["disable", "--", name], vec!["stop", "--", name]]
        }
        ServiceState::Stopped | ServiceState::DisabledAndStopped => Vec::new(),
    }
}

fn reached(state: ServiceState, after: &Unit) -> bool {
    let active = after.active == "active";
    match state {
        ServiceState::EnabledAndRunning => active && after.file.starts_with("enabled"),
        ServiceState::Running | ServiceState::Restarted => active,
        ServiceState::Stopped => !active,
        ServiceState::DisabledAndStopped => !active && !after.file.starts_with("enabled"),
    }
}

fn change(name: &str, arguments: &[&str]) -> Result<(), Fault> {
    let end = unit::systemctl(arguments.iter().copied(), CHANGE)?;
    if end.ok() {
        return Ok(());
    }
    let why = format!(
        "`systemctl {}` ended with status {}",
        arguments.join(" "),
        end.code
    );
    let mut lines = unit::log(name);
    lines.extend(end.last_lines(super::exec::LINES));
    let surplus = lines.len().saturating_sub(super::exec::LINES);
    Err(Fault::new(FaultKind::Failed, why)
        .with_lines(lines.split_off(surplus))
        .with_remedy(format!("systemctl status {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(load: &str, active: &str, file: &str) -> Unit {
        Unit {
            load: load.to_owned(),
            active: active.to_owned(),
            file: file.to_owned(),
            ..Unit::default()
        }
    }

    #[test]
    fn the_words_to_systemd_are_these() {
        let there = unit("loaded", "active", "enabled");
        let said = |state| {
            let lines = changes("a.service", state, &there);
            let lines: Vec<String> = lines.iter().map(|words| words.join(" ")).collect();
            lines.join("; ")
        };
        let expected = [
            (
                ServiceState::EnabledAndRunning,
                "enable -- a.service; start -- a.service",
            ),
            (ServiceState::Running, "start -- a.service"),
            (ServiceState::Restarted, "restart -- a.service"),
            (ServiceState::Stopped, "stop -- a.service"),
            (
                ServiceState::DisabledAndStopped,
                "disable -- a.service; stop -- a.service",
            ),
        ];
        for (state, words) in expected {
            assert_eq!(said(state), words);
        }
    }

    #[test]
    fn a_unit_that_is_not_there_is_stopped_already() {
        let gone = unit("not-found", "inactive", "");
        for state in [ServiceState::Stopped, ServiceState::DisabledAndStopped] {
            assert!(changes("a.service", state, &gone).is_empty());
            assert!(reached(state, &gone));
        }
        assert!(!reached(ServiceState::Running, &gone));
    }

    #[test]
    fn running_but_not_enabled_is_not_enabled_and_running() {
        let running = unit("loaded", "active", "disabled");
        assert!(reached(ServiceState::Running, &running));
        assert!(!reached(ServiceState::EnabledAndRunning, &running));
        let failed = unit("loaded", "failed", "enabled");
        assert!(!reached(ServiceState::EnabledAndRunning, &failed));
        assert!(reached(ServiceState::Stopped, &failed));
        assert!(!reached(ServiceState::DisabledAndStopped, &failed));
    }
}
