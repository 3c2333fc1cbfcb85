//! Finds an instance that is there, and what its guest says of it.

use homeport_engine::local::unit::Unit;
use homeport_engine::op::GuestIdentity;
use homeport_engine::probe::Probe;
use homeport_engine::report::Report;
use homeport_plugin_api::wire::health;
use serde::Deserialize;

use crate::error::{Error, Kind};
use crate::places;
use crate::state::State;
use crate::target::{GuestKind, GuestSeen, GuestStatus, Target};
use crate::verbs::identity;

/// An instance as the platform shows it.
#[derive(Debug, Clone)]
pub struct Living {
    /// Its guest.
    pub guest: GuestIdentity,
    /// Name of its recipe.
    pub app: String,
    /// Its guest as seen.
    pub seen: GuestSeen,
}

/// What a running guest says.
#[derive(Debug)]
pub struct Told {
    /// Everything the agent saw.
    pub report: Report,
    /// The health plugin's probes, as the guest keeps them.
    pub probes: Vec<health::Probe>,
    /// Its state.
    pub state: State,
    /// Probes of its components, for a start or restart.
    pub asks: Vec<Probe>,
}

/// All instances on all nodes.
pub fn all(target: &mut dyn Target) -> Result<Vec<Living>, Error> {
    Ok(target.guests()?.into_iter().filter_map(living).collect())
}

fn living(seen: GuestSeen) -> Option<Living> {
    let (instance, app, tag) = identity::read(&seen.tags)?;
    if seen.kind != GuestKind::Container {
        return None;
    }
    let storage = seen.storage.clone().unwrap_or_default();
    let guest = GuestIdentity {
        id: seen.id.clone(),
        instance,
        tag,
        storage,
    };
    Some(Living { guest, app, seen })
}

/// The instance of this name, or the only one if no name is given.
pub fn find(target: &mut dyn Target, name: Option<&str>) -> Result<Living, Error> {
    let mut all = all(target)?;
    let names: Vec<String> = all
        .iter()
        .map(|living| living.guest.instance.clone())
        .collect();
    let Some(name) = name else {
        return if all.len() == 1 {
            Ok(all.remove(0))
        } else {
            Err(Error::which_instance(&names))
        };
    };
    let wanted = name.to_lowercase();
    let mut found = all
        .into_iter()
        .filter(|living| living.guest.instance == wanted);
    match (found.next(), found.next()) {
        (Some(living), None) => Ok(living),
        (None, _) => Err(Error::no_such_instance(name, &names)),
        (Some(one), Some(two)) => Err(Error::conflict(
            format!(
                "two guests say they are `{name}`: {} and {}",
                one.guest.id, two.guest.id
            ),
            "One is a copy of the other. Remove the copy's tags, or the copy.",
        )),
    }
}

impl Living {
    /// An error if the guest lives on another node: it is named, not touched.
    pub fn here(&self) -> Result<(), Error> {
        if self.seen.here {
            return Ok(());
        }
        let why = format!(
            "`{}` lives on node `{}`",
            self.guest.instance, self.seen.node
        );
        Err(
            Error::new(Kind::Machine, "It is not on this node.", why).with_remedy(format!(
                "Run the same command on node `{}`.",
                self.seen.node
            )),
        )
    }

    /// Whether its guest runs.
    pub fn running(&self) -> bool {
        self.seen.status == GuestStatus::Running
    }

    /// Asks the guest everything in one call.
    pub fn told(&self, target: &mut dyn Target) -> Result<Told, Error> {
        let script = format!(
            "cat {probes} && {agent} status --spec {spec} && cat {spec}",
            probes = places::guest::PROBES,
            agent = places::guest::AGENT,
            spec = places::guest::HEALTH,
        );
        let text = target.ask_guest(&self.guest, &["sh", "-c", &script], b"")?;
        self.parse(&text)
            .map_err(|why| Error::new(Kind::Machine, "The guest's answer makes no sense.", why))
    }

    fn parse(&self, text: &str) -> Result<Told, String> {
        let mut documents = serde_json::Deserializer::from_str(text);
        let wrong = |error: serde_json::Error| format!("container {}: {error}", self.guest.id);
        let probes = Vec::<health::Probe>::deserialize(&mut documents).map_err(wrong)?;
        let report = Report::deserialize(&mut documents).map_err(wrong)?;
        let spec = homeport_engine::report::Spec::deserialize(&mut documents).map_err(wrong)?;
        let state: State = serde_json::from_value(report.state.clone()).map_err(wrong)?;
        if !state.instance.eq_ignore_ascii_case(&self.guest.instance) {
            return Err(format!(
                "container {} is tagged `{}` but holds `{}`",
                self.guest.id, self.guest.instance, state.instance
            ));
        }
        Ok(Told {
            report,
            probes,
            state,
            asks: spec.probes.into_values().collect(),
        })
    }
}

impl Told {
    /// Units of the app's components: what the health plugin watches beside gates and proxy.
    pub fn app_units(&self, app: &str) -> Vec<Unit> {
        let prefix = format!("{app}-");
        let ours = |unit: &&Unit| unit.unit.starts_with(&prefix);
        self.report.units.iter().filter(ours).cloned().collect()
    }
}
