//! start, stop, restart.

use homeport_engine::plan::Plan;

use crate::error::{Error, Kind};
use crate::plan::Operation as About;
use crate::plan::power::{self, Instance};
use crate::verbs::living::{Living, Told};
use crate::verbs::{Context, change, claim};

/// What is to become of the instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// It runs and answers.
    Started,
    /// It is shut down.
    Stopped,
    /// Its components were restarted and answer.
    Restarted,
}

/// How it ended.
pub enum Powered {
    /// It would do this.
    Planned(Vec<Plan>),
    /// It is there; the name of the instance.
    Done(String),
    /// It was there already; the name of the instance.
    Already(String),
}

/// Brings it there, or shows how.
pub fn power(
    cx: &mut Context<'_>,
    name: Option<&str>,
    to: To,
    dry_run: bool,
) -> Result<Powered, Error> {
    let (living, _lock) = cx.found(name, verb(to), dry_run)?;
    let instance = living.guest.instance.clone();
    let about = living.operation(verb(to))?;
    match (to, living.running()) {
        (To::Stopped, false) => Ok(Powered::Already(instance)),
        (To::Restarted, false) => Err(stopped(&instance)),
        (To::Started, false) if dry_run => Ok(Powered::Planned(vec![power::boot(&about)])),
        (_, true) if dry_run => {
            let told = living.told_to_change(cx.target)?;
            Ok(Powered::Planned(vec![planned(
                &living, &told, &about, to, 0,
            )]))
        }
        _ => {
            change::change(cx, &living, &about, &|target, first| {
                let told = living.told_to_change(target)?;
                Ok(planned(&living, &told, &about, to, first))
            })?;
            Ok(Powered::Done(instance))
        }
    }
}

/// The verb as it is typed.
pub fn verb(to: To) -> &'static str {
    match to {
        To::Started => "start",
        To::Stopped => "stop",
        To::Restarted => "restart",
    }
}

fn stopped(instance: &str) -> Error {
    let why = format!("`{instance}` is stopped");
    Error::new(Kind::Usage, "There is nothing to restart.", why)
        .with_remedy(format!("homeport start {instance}"))
}

fn planned(living: &Living, told: &Told, about: &About, to: To, first: u32) -> Plan {
    let units = told.app_units(&living.app);
    let state = claim::raised(living, told);
    let instance = Instance {
        state: &state,
        registered: &living.entry(&state),
        units: &units,
        probes: &told.asks,
    };
    match to {
        To::Started => power::start(about, &instance, first),
        To::Stopped => power::stop(about, &instance),
        To::Restarted => power::restart(about, &instance),
    }
}
