//! What is looked at before the first effect: facts of the host and its network, judged all at once. Gathering takes
//! three calls of the platform's programs and a second of asking around; judging is pure.

mod around;
mod host;
mod place;
mod room;
#[cfg(test)]
mod tests;

use std::path::Path;

use crate::error::Error;
use crate::recipe::Recipe;
use crate::report::{Finding, Severity};
use crate::settings::Settings;
use crate::target::network::{Neighbour, Server};
use crate::target::{HostFacts, Target};

pub(in crate::verbs) use room::{no_storage, no_template};

/// Everything that is judged.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The host.
    pub host: HostFacts,
    /// Servers an install needs.
    pub servers: Vec<Server>,
    /// Bytes free where releases are staged; `None`: it could not be found out.
    pub staging: Option<u64>,
    /// What was asked for one instance's sake.
    pub place: Option<Asked>,
}

impl Facts {
    /// The host alone: nobody is asked around.
    pub fn of_host(host: HostFacts) -> Facts {
        Facts {
            host,
            servers: Vec::new(),
            staging: None,
            place: None,
        }
    }
}

/// What was asked around for one instance.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Who has its address.
    pub address: Neighbour,
    /// Who has its gateway's; `None`: it has no gateway, or that is this host.
    pub gateway: Option<Neighbour>,
    /// What its domain leads to.
    pub domain: Result<Vec<std::net::IpAddr>, String>,
    /// Why the directory that its release or its source lies in is none; `None`: it is, or it lies elsewhere.
    pub no_directory: Option<String>,
}

/// What is to be installed.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Its settings.
    pub settings: &'a Settings,
    /// Its recipe.
    pub recipe: &'a Recipe,
}

/// Gathers what an install is judged by – or, without one, the host.
pub fn gather(
    target: &mut dyn Target,
    recipe: &Recipe,
    wanted: Option<&Settings>,
) -> Result<Facts, Error> {
    let host = target.facts()?;
    if !host.root || host.platform.is_none() {
        return Ok(Facts::of_host(host));
    }
    Ok(around::ask(host, recipe, wanted)?)
}

/// A word for everything that is looked at, in the order in which it is judged: what comes first is needed by what
/// follows.
pub const CHECKS: [&str; 24] = [
    ROOT, PLATFORM, VERSION, QUORUM, CLOCK, OVERLAY, STORAGE, TEMPLATE, STAGING, BUILD, MEMORY,
    CORES, ID, NAME, BRIDGE, ADDRESS, GATEWAY, PORTS, NAMES, PROXY, SOURCE, MIRROR, DOMAIN, NODE,
];

/// Those of them that need no instance.
pub const HOST: [&str; 13] = [
    ROOT, PLATFORM, VERSION, QUORUM, CLOCK, OVERLAY, STORAGE, TEMPLATE, ID, BRIDGE, NAMES, SOURCE,
    MIRROR,
];
const ROOT: &str = "root";
const PLATFORM: &str = "platform";
const VERSION: &str = "version";
const QUORUM: &str = "quorum";
const CLOCK: &str = "clock";
const OVERLAY: &str = "overlay";
const STORAGE: &str = "storage";
const TEMPLATE: &str = "template";
const STAGING: &str = "staging";
const BUILD: &str = "build";
const MEMORY: &str = "memory";
const CORES: &str = "cores";
const ID: &str = "id";
const NAME: &str = "name";
const BRIDGE: &str = "bridge";
const ADDRESS: &str = "address";
const GATEWAY: &str = "gateway";
const PORTS: &str = "ports";
const NAMES: &str = "names";
const PROXY: &str = "proxy";
const SOURCE: &str = "source";
const MIRROR: &str = "mirror";
const DOMAIN: &str = "domain";
const NODE: &str = "node";

/// Judges the host by itself.
pub fn host(facts: &Facts) -> Vec<Finding> {
    judged(facts, None)
}

/// Judges whether this can be installed here.
pub fn install(facts: &Facts, wanted: Wanted<'_>) -> Vec<Finding> {
    judged(facts, Some(wanted))
}

fn judged(facts: &Facts, wanted: Option<Wanted<'_>>) -> Vec<Finding> {
    let unfit = host::unfit(&facts.host);
    if !unfit.is_empty() {
        return unfit;
    }
    let mut found = host::judge(&facts.host, &facts.servers);
    found.extend(room::judge(facts, wanted));
    found.extend(place::judge(facts, wanted.map(|wanted| wanted.settings)));
    found.extend(around::judge(facts, wanted));
    let place = |finding: &Finding| CHECKS.iter().position(|check| *check == finding.check);
    found.sort_by_key(|finding| (finding.severity, place(finding)));
    found
}

/// What is only to be known, if nothing is in the way.
///
/// # Errors
/// Everything that is in the way, in one.
pub fn passed(findings: Vec<Finding>) -> Result<Vec<Finding>, Error> {
    let (blocking, rest): (Vec<_>, Vec<_>) = findings
        .into_iter()
        .partition(|finding| finding.severity == Severity::Blocks);
    if blocking.is_empty() {
        Ok(rest)
    } else {
        Err(Error::not_ready(blocking))
    }
}

/// The nearest directory above that is there.
fn existing(path: &Path) -> &Path {
    let mut above = path.ancestors();
    above.find(|path| path.exists()).unwrap_or(Path::new("/"))
}
