//! What the agent saw, as outcomes of the health plugin's probes, and what the plugin makes of them.

use std::collections::BTreeMap;

use homeport_engine::local::unit::Unit;
use homeport_engine::report::{Report as Looked, Room};
use homeport_plugin_api::wire::health::{Check, Listener, Outcome, Probe, Reading, Report};

use super::{plugin, spec};
use crate::error::Error;
use crate::plugin::Registry;

/// What was seen of an instance, and what it is meant to be.
pub struct Looks<'a> {
    /// The health plugin's probes.
    pub probes: &'a [Probe],
    /// What the agent saw.
    pub report: &'a Looked,
    /// Words that run a command in the guest.
    pub in_guest: &'a [String],
    /// The version that is meant to be in service.
    pub version: &'a str,
    /// Id of the instance.
    pub instance: &'a str,
}

/// What the health plugin makes of what was seen.
pub fn read(plugins: &mut Registry, looks: &Looks<'_>) -> Result<Report, Error> {
    let outcomes = looks.probes.iter().filter_map(|probe| {
        let outcome = outcome(probe, looks.report)?;
        Some(Outcome {
            listener: listener(probe, looks.report),
            ..outcome
        })
    });
    Ok(plugin(plugins)?.call(&Reading {
        probes: looks.probes.to_vec(),
        outcomes: outcomes.collect(),
        in_guest: looks.in_guest.to_vec(),
        version: looks.version.to_owned(),
        instance: looks.instance.to_owned(),
    })?)
}

fn outcome(probe: &Probe, looked: &Looked) -> Option<Outcome> {
    let outcome = match &probe.check {
        Check::Unit { unit } => of_unit(looked.units.iter().find(|found| found.unit == *unit)?),
        Check::Disk { path } => of_room(*looked.disks.get(path)?, "free"),
        Check::Memory => of_room(looked.memory, "available"),
        Check::Certificate { .. } => of_certificate(probe, looked)?,
        Check::Http { .. } | Check::Connect { .. } | Check::Exec { .. } => of_look(probe, looked)?,
    };
    Some(Outcome {
        probe: probe.name.clone(),
        ..outcome
    })
}

fn of_unit(found: &Unit) -> Outcome {
    let ended = match found.result.as_str() {
        "" | "success" => String::new(),
        result => format!(", {result}"),
    };
    Outcome {
        passed: found.active == "active",
        said: format!("{} ({}){ended}", found.active, found.sub),
        figures: figures([
            ("restarts", u64::from(found.restarts)),
            ("uptime_seconds", found.uptime_ms / 1000),
        ]),
        ..Outcome::default()
    }
}

fn of_room(room: Room, free: &str) -> Outcome {
    Outcome {
        passed: true,
        figures: figures([("total", room.total), (free, room.free)]),
        ..Outcome::default()
    }
}

/// The agent saw how many seconds are left.
fn of_certificate(probe: &Probe, looked: &Looked) -> Option<Outcome> {
    let outcome = of_look(probe, looked)?;
    let seen = looked.outcomes.get(&probe.name)?.seen.as_ref();
    let left = seen.and_then(|seen| seen.stdout.trim().parse::<i64>().ok());
    let left = left.map(|left| u64::try_from(left).unwrap_or(0));
    Some(Outcome {
        passed: outcome.passed && left.is_some(),
        figures: left.map_or_else(BTreeMap::new, |left| figures([("expires_in", left)])),
        ..outcome
    })
}

fn of_look(probe: &Probe, looked: &Looked) -> Option<Outcome> {
    let seen = looked.outcomes.get(&probe.name)?;
    let status = seen.http_status.map(u64::from);
    Some(Outcome {
        passed: seen.passed,
        milliseconds: seen.milliseconds,
        said: seen.said.clone(),
        figures: status.map_or_else(BTreeMap::new, |status| figures([("status", status)])),
        body: seen.body.clone(),
        ..Outcome::default()
    })
}

fn figures<const N: usize>(figures: [(&str, u64); N]) -> BTreeMap<String, u64> {
    figures
        .map(|(name, figure)| (name.to_owned(), figure))
        .into()
}

/// Who listens where the probe asks, if that matters to it.
fn listener(probe: &Probe, looked: &Looked) -> Option<Listener> {
    probe.listener.as_ref()?;
    let port = spec::port(&probe.check)?;
    let found = looked.listeners.iter().find(|found| found.port == port)?;
    Some(Listener {
        pid: found.pid,
        program: found.program.clone(),
        unit: found.unit.clone(),
    })
}
