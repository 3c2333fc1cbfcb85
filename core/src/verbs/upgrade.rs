//! Brings an instance's agent, gates and their units to this Homeport.

use std::fs::File;

use homeport_bootstrap::digest::Digest;
use homeport_engine::local::unit::Unit;
use homeport_engine::plan::Plan;

use crate::error::{Error, Kind};
use crate::places::guest::{AGENT, UNITS};
use crate::plan::power::Instance;
use crate::plan::upgrade::{self, Agent};
use crate::plan::{Operation as About, deploy};
use crate::program::VERSION;
use crate::state::State;
use crate::target::Target;
use crate::verbs::living::{Living, Told};
use crate::verbs::power::Powered;
use crate::verbs::{Context, change, claim};

/// The verb as it is typed.
pub const VERB: &str = "upgrade";

/// Brings them there, or shows how.
pub fn upgrade(cx: &mut Context<'_>, name: Option<&str>, dry_run: bool) -> Result<Powered, Error> {
    let (living, _lock) = cx.found(name, VERB, dry_run)?;
    let instance = living.guest.instance.clone();
    if !living.running() {
        return Err(stopped(&instance));
    }
    let agent = ours(cx)?;
    if is_there(cx.target, &living, &agent)? {
        return Ok(Powered::Already(instance));
    }
    let about = living.operation(VERB)?;
    if dry_run {
        let told = living.told_to_change(cx.target)?;
        return Ok(Powered::Planned(vec![planned(
            &living, &told, &about, &agent, 0,
        )]));
    }
    change::change(cx, &living, &about, &|target, first| {
        let told = living.told_to_change(target)?;
        Ok(planned(&living, &told, &about, &agent, first))
    })?;
    Ok(Powered::Done(instance))
}

fn stopped(instance: &str) -> Error {
    let why =
        format!("`{instance}` is stopped, and only an app that answers shows that it went well");
    Error::new(Kind::Usage, "Its agent cannot be exchanged now.", why)
        .with_remedy(format!("homeport start {instance}"))
}

/// The agent that came with this Homeport.
fn ours(cx: &Context<'_>) -> Result<Agent, Error> {
    let file = format!("{}/bin/homeport-agent", cx.program.deployed().directory);
    let digest = File::open(&file).and_then(Digest::of_reader);
    let (digest, _) = digest.map_err(|error| Error::unreadable(file.as_ref(), error))?;
    Ok(Agent {
        file,
        sha256: digest.to_string(),
    })
}

/// Whether the guest has exactly these already. What cannot be read there is not the same.
fn is_there(target: &mut dyn Target, living: &Living, agent: &Agent) -> Result<bool, Error> {
    let mut wanted = vec![(agent.sha256.clone(), AGENT.to_owned())];
    let units = deploy::GATE_UNITS.iter();
    wanted.extend(units.map(|(name, text)| {
        let digest = Digest::of(text.as_bytes()).to_string();
        (digest, format!("{UNITS}/{name}"))
    }));
    let mut words = vec!["sh", "-c", "sha256sum -- \"$@\" || true", "sh"];
    words.extend(wanted.iter().map(|(_, path)| path.as_str()));
    let said = target.ask_guest(&living.guest, &words, b"")?;
    let lines = wanted
        .iter()
        .map(|(digest, path)| format!("{digest}  {path}"));
    Ok(said.lines().eq(lines))
}

fn planned(living: &Living, told: &Told, about: &About, agent: &Agent, first: u32) -> Plan {
    let units = told.app_units(&living.app);
    let state = State {
        homeport: VERSION.to_owned(),
        ..claim::raised(living, told)
    };
    let instance = Instance {
        state: &state,
        registered: &living.entry(&state),
        units: &units,
        probes: &told.asks,
    };
    let gates = told.report.units.iter();
    let gates: Vec<Unit> = gates
        .filter(|unit| deploy::is_gate(&unit.unit))
        .cloned()
        .collect();
    upgrade::upgrade(about, &instance, agent, &gates, first)
}
