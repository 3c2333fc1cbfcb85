//! Finds an instance that is there, and what its guest says of it.

use std::collections::BTreeSet;

use homeport_engine::local::unit::Unit;
use homeport_engine::op::GuestIdentity;
use homeport_engine::probe::Probe;
use homeport_engine::report::Report;
use homeport_engine::run::unix_now;
use homeport_plugin_api::wire::health;
use serde::Deserialize;

use crate::error::{Error, Kind};
use crate::places;
use crate::plan::Operation as About;
use crate::state::{Registered, State};
use crate::target::{GuestKind, GuestSeen, GuestStatus, Target};
use crate::verbs::claim::{self, Doubt};
use crate::verbs::health::Asked;
use crate::verbs::{identity, list};

/// An instance as the platform shows it.
#[derive(Debug, Clone)]
pub struct Living {
    /// Its guest.
    pub guest: GuestIdentity,
    /// Name of its recipe.
    pub app: String,
    /// Its guest as seen.
    pub seen: GuestSeen,
    /// What this host remembers of the instance.
    pub registered: Option<Registered>,
    /// Why it is not sure that this is the instance's guest.
    pub doubt: Option<Doubt>,
}

/// What a running guest says.
#[derive(Debug)]
pub struct Told {
    /// Everything the agent saw.
    pub report: Report,
    /// The health plugin's probes, as the guest keeps them.
    pub probes: Vec<health::Probe>,
    /// Whom to ask about its database; `None`: it was installed by a Homeport that asked nobody.
    pub database: Option<Asked>,
    /// Its state.
    pub state: State,
    /// Probes of its components, for a start or restart.
    pub asks: Vec<Probe>,
}

/// All instances on all nodes.
pub fn all(target: &mut dyn Target) -> Result<Vec<Living>, Error> {
    Ok(among(target.guests()?))
}

/// The instances among these guests.
pub fn among(guests: Vec<GuestSeen>) -> Vec<Living> {
    claim::judge(guests.into_iter().filter_map(living).collect())
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
    Some(Living {
        registered: list::registered(&guest.instance),
        doubt: None,
        guest,
        app,
        seen,
    })
}

/// The instance of this name, or the only one if no name is given. Of several guests that say they are it, the one this
/// host knows.
pub fn find(target: &mut dyn Target, name: Option<&str>) -> Result<Living, Error> {
    let all = all(target)?;
    let names: BTreeSet<String> = all.iter().map(|one| one.guest.instance.clone()).collect();
    let names: Vec<String> = names.into_iter().collect();
    let wanted = match (name, names.as_slice()) {
        (Some(name), _) => name.to_lowercase(),
        (None, [only]) => only.clone(),
        (None, _) => return Err(Error::which_instance(&names)),
    };
    let named = all.into_iter().filter(|one| one.guest.instance == wanted);
    let known = |one: &Living| match &one.registered {
        Some(known) => known.guest == one.guest.id,
        None => false,
    };
    named
        .max_by_key(|one| (one.doubt.is_none(), known(one)))
        .ok_or_else(|| Error::no_such_instance(&wanted, &names))
}

/// The same, to be changed.
///
/// # Errors
/// When it lives on another node, or another guest may be the instance.
pub fn changeable(target: &mut dyn Target, name: Option<&str>) -> Result<Living, Error> {
    let living = find(target, name)?;
    living.here()?;
    match &living.doubt {
        Some(doubt) => Err(doubt.refusal(&living)),
        None => Ok(living),
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

    /// An operation about it that begins now.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn operation(&self, verb: &str) -> Result<About, Error> {
        Ok(About {
            id: identity::operation()?,
            verb: verb.to_owned(),
            guest: self.guest.clone(),
            candidate: false,
            at: unix_now(),
        })
    }

    /// Whether its guest runs.
    pub fn running(&self) -> bool {
        self.seen.status == GuestStatus::Running
    }

    /// Asks the guest everything in one call.
    pub fn told(&self, target: &mut dyn Target) -> Result<Told, Error> {
        let script = format!(
            "cat {probes} && {{ cat {database} 2>/dev/null || echo null; }} && {agent} status --spec {spec} && cat {spec}",
            probes = places::guest::PROBES,
            database = places::guest::DATABASE,
            agent = places::guest::AGENT,
            spec = places::guest::HEALTH,
        );
        let text = target.ask_guest(&self.guest, &["sh", "-c", &script], b"")?;
        self.parse(&text)
            .map_err(|why| Error::new(Kind::Machine, "The guest's answer makes no sense.", why))
    }

    /// The same, to change it.
    ///
    /// # Errors
    /// When what it says shows that it was cloned, restored or rolled back.
    pub fn told_to_change(&self, target: &mut dyn Target) -> Result<Told, Error> {
        let told = self.told(target)?;
        match claim::inside(self, &told) {
            Some(doubt) => Err(doubt.refusal(self)),
            None => Ok(told),
        }
    }

    /// What the host remembers of it once it has this state.
    pub fn entry(&self, state: &State) -> Registered {
        let kept = self.registered.as_ref();
        let address = match self.seen.addresses.first() {
            Some(address) => address.to_string(),
            None => kept.map(|kept| kept.address.clone()).unwrap_or_default(),
        };
        Registered {
            rest: kept.map(|kept| kept.rest.clone()).unwrap_or_default(),
            ..Registered::of(state, &self.guest, &address)
        }
    }

    fn parse(&self, text: &str) -> Result<Told, String> {
        let mut documents = serde_json::Deserializer::from_str(text);
        let wrong = |error: serde_json::Error| format!("container {}: {error}", self.guest.id);
        let probes = Vec::<health::Probe>::deserialize(&mut documents).map_err(wrong)?;
        let database = Option::<Asked>::deserialize(&mut documents).map_err(wrong)?;
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
            database,
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
