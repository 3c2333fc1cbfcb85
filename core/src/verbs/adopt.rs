//! Settles which guest an instance is, after one was cloned, restored or rolled back: a copy becomes an instance of its
//! own, or what is in a guest is declared to be what the instance is. Touches no other guest.

use std::net::IpAddr;

use homeport_engine::plan::Plan;
use homeport_engine::recover::Outcome;
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::{Error, Kind};
use crate::plan::Operation as About;
use crate::plan::adopt::{self, Adoption};
use crate::plan::power::{self, Instance};
use crate::state::{Registered, State};
use crate::verbs::living::{self, Living, Told};
use crate::verbs::{Context, change, claim, identity, list, operation};

/// The verb as it is typed.
pub(crate) const VERB: &str = "adopt";

/// What the user asked for.
pub struct Request<'a> {
    /// Id of the guest.
    pub guest: &'a str,
    /// Name of the instance it is to be as a copy; `None`: it is the original.
    pub copy: Option<&'a str>,
    /// Only show what would be done.
    pub dry_run: bool,
}

/// How it ended.
pub enum Adopted {
    /// It would do this.
    Planned(Vec<Plan>),
    /// It is settled.
    Done(Summary),
}

/// What the user is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Summary {
    /// Id of the instance.
    pub instance: String,
    /// Its guest.
    pub guest: String,
    /// Address of the guest.
    pub address: String,
    /// Address people open. A copy has it from the original.
    pub url: String,
    /// Whether it is a copy.
    pub copy: bool,
}

/// Adopts, or shows how.
pub fn adopt(cx: &mut Context<'_>, request: &Request<'_>) -> Result<Adopted, Error> {
    if let Some(instance) = finished(cx, request)? {
        return Ok(Adopted::Done(summary(instance, request)));
    }
    let all = living::all(cx.target)?;
    let living = meant(&all, request)?;
    let instance = name(living, request);
    let mut about = living.operation(VERB)?;
    about.guest.instance.clone_from(&instance);
    if request.dry_run {
        return Ok(Adopted::Planned(vec![match living.running() {
            true => planned(living, &living.told(cx.target)?, &about, 0),
            false => power::boot(&about),
        }]));
    }
    (cx.confirm)(&question(living, request))?;
    let _lock = cx.lock(&instance, VERB)?;
    change::change(cx, living, &about, &|target, first| {
        Ok(planned(living, &living.told(target)?, &about, first))
    })?;
    Ok(Adopted::Done(summary(instance, request)))
}

/// What an earlier command left open on this guest is resolved first. The instance, if that has finished an adoption.
fn finished(cx: &mut Context<'_>, request: &Request<'_>) -> Result<Option<String>, Error> {
    if request.dry_run {
        return Ok(None);
    }
    let Some(open) = operation::open_about(request.guest)? else {
        return Ok(None);
    };
    let instance = open.plan.instance;
    let _lock = cx.lock(&instance, VERB)?;
    let ended = operation::resolve_open(&instance, cx.target, cx.tell)?;
    let adopted =
        ended.is_some_and(|(plan, outcome)| plan.verb == VERB && outcome == Outcome::Done);
    Ok(adopted.then_some(instance))
}

/// The guest that is meant, if it can be what it is to be.
fn meant<'a>(all: &'a [Living], request: &Request<'_>) -> Result<&'a Living, Error> {
    let living = all.iter().find(|one| one.guest.id == request.guest);
    let living = living.ok_or_else(|| {
        let why = format!(
            "container {} is not there, or not Homeport's",
            request.guest
        );
        Error::new(Kind::NotFound, "There is no such instance.", why)
            .with_remedy("See `homeport list`.")
    })?;
    living.here()?;
    let name = name(living, request);
    let others = all.iter().filter(|one| one.guest.id != living.guest.id);
    if request.copy.is_some()
        && let Some(other) = others.clone().find(|one| one.guest.instance == name)
    {
        return Err(Error::conflict(
            format!("container {} is `{name}`", other.guest.id),
            "Give the copy another name.",
        ));
    }
    let shared = |other: &Living| {
        let mut addresses = living.seen.addresses.iter();
        addresses
            .find(|address| other.seen.addresses.contains(address))
            .copied()
    };
    let at_once = |other: &&Living| request.copy.is_some() || other.running();
    let taken = others
        .filter(at_once)
        .find_map(|other| Some((other, shared(other)?)));
    match taken {
        Some((other, address)) => Err(same_address(living, other, address)),
        None => Ok(living),
    }
}

/// A clone comes with the address of the original, and both at once would disturb each other.
fn same_address(living: &Living, other: &Living, address: IpAddr) -> Error {
    let (id, others) = (&living.guest.id, &other.guest.id);
    let error = Error::conflict(
        format!("containers {id} and {others} both have the address {address}"),
        "Give one of them another, written with its prefix length where it says ADDRESS:",
    );
    let commands = [&living.seen.readdress, &other.seen.readdress];
    commands
        .into_iter()
        .flatten()
        .fold(error, |error, command| error.with_remedy(command))
}

fn name(living: &Living, request: &Request<'_>) -> String {
    match request.copy {
        Some(name) => name.to_lowercase(),
        None => living.guest.instance.clone(),
    }
}

fn question(living: &Living, request: &Request<'_>) -> String {
    let (id, instance) = (&living.guest.id, &living.guest.instance);
    match request.copy {
        Some(name) => {
            format!("Make container {id} an instance of its own, `{name}`, with the data in it?")
        }
        None => format!("Take what is in container {id} for what `{instance}` is, from now on?"),
    }
}

fn planned(living: &Living, told: &Told, about: &About, first: u32) -> Plan {
    let state = State {
        instance: about.guest.instance.clone(),
        last_operation: about.noted(),
        ..claim::raised(living, told)
    };
    let registered = Registered {
        instance: state.instance.clone(),
        tag: identity::tag(&about.id),
        ..living.entry(&state)
    };
    let instance = Instance {
        state: &state,
        registered: &registered,
        units: &told.app_units(&living.app),
        probes: &told.asks,
    };
    let renamed = living.guest.instance != state.instance;
    let known = living.registered.as_ref();
    let ours = known.filter(|known| renamed && known.guest == living.guest.id);
    let adoption = Adoption {
        tags: identity::adopted(&living.seen.tags, &state.instance, &about.id),
        released: ours.map(|known| known.instance.clone()),
    };
    adopt::adopt(about, &instance, adoption, first)
}

fn summary(instance: String, request: &Request<'_>) -> Summary {
    let known = list::registered(&instance);
    let (address, url) = known.map_or_else(Default::default, |known| (known.address, known.url));
    Summary {
        instance,
        guest: request.guest.to_owned(),
        address,
        url,
        copy: request.copy.is_some(),
    }
}
