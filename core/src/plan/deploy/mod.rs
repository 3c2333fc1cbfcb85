//! Deploys a candidate: from nothing to an app that has been asked and has answered.
//!
//! Four stages: `guest` fetches the release and makes the guest, `base` gives it what the app stands on and lets the
//! plugins look at it, `app` fills and starts it, `prove` asks the app through its public address and commits. An app
//! that is built has two more before `app`: `source` and `build`.

mod app;
mod base;
mod first_login;
mod gate;
mod guest;
mod keep;
mod optional;
mod prove;
mod release;
mod values;

use homeport_engine::fingerprint::Fingerprint;
use homeport_engine::op::{GuestSpec, Op};
use homeport_engine::plan::{Plan, Step};
use homeport_plugin_api::wire::conversation::{Command, Handle};
use homeport_plugin_api::wire::database::Attachment;
use homeport_plugin_api::wire::proxy::Placed;
use homeport_plugin_api::wire::step;

use crate::plan::Operation;
use crate::plan::build::{Build, BuildError, Revision, Tool};
use crate::plan::parts::{Breach, Plugin};
use crate::recipe::{Loaded, RecipeError};
use crate::settings::{Color, Pages, Settings};
use crate::state::{Registered, Status};

pub use app::CERTIFICATE;
pub(crate) use app::written;
pub(crate) use base::look as marks_read;
pub use base::{FINGERPRINT, fingerprint};
pub use first_login::new_password;
pub use gate::{UNITS as GATE_UNITS, is_gate};
pub(crate) use gate::{systemd_reads, units as gate_units};
pub(crate) use guest::size;
pub(crate) use optional::looks;
pub(crate) use release::{fetched, packages, pushed, unpacked};
pub use values::Values;

/// Name of the secret that holds the key of a given certificate.
pub const TLS_KEY: &str = "tls-key";

/// Everything a deployment is planned from.
pub struct Deploy<'a> {
    /// The operation.
    pub operation: &'a Operation,
    /// What the administrator wants.
    pub settings: &'a Settings,
    /// The same as the guest keeps it.
    pub pages: &'a Pages,
    /// The app.
    pub recipe: &'a Loaded,
    /// Version to deploy; while the source of a build has not been looked at, what was asked for.
    pub version: &'a str,
    /// Name of the release's directory.
    pub release: &'a str,
    /// The slot it goes to.
    pub colour: Color,
    /// How it is built; `None`: its publisher has built it.
    pub build: Option<Build<'a>>,
    /// What is built, once the source has been looked at.
    pub revision: Option<&'a Revision>,
    /// The guest to make.
    pub spec: GuestSpec,
    /// What makes sure that the template is there and whole.
    pub template: Option<Op>,
    /// Whether the host has an address in the guest's IPv6 network.
    pub neighbour6: bool,
    /// What of the host's surroundings the guest needs, too.
    pub carry: &'a Carry,
    /// This Homeport.
    pub program: &'a Program,
    /// The database plugin's part.
    pub database: &'a DatabasePart,
    /// The proxy plugin's part.
    pub proxy: &'a ProxyPart,
    /// What shows how it is.
    pub health: &'a Health,
    /// Whether the first account is made: not where there are accounts already.
    pub first_login: bool,
}

/// What of the host's surroundings a guest needs to reach the same things the host reaches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Carry {
    /// Certificate authorities the host trusts beyond its distribution's, PEM.
    pub authorities: Option<String>,
    /// Whether the guest's package manager needs the host's HTTP proxy.
    pub proxy: bool,
    /// The host's package sources, when they are not the template's.
    pub package_sources: Option<String>,
}

/// The Homeport that plans this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its version.
    pub version: String,
    /// Directory it runs from: `bin`, `plugins`, `templates` lie in it.
    pub directory: String,
    /// Whether that directory is only there for this run, so that it must be kept.
    pub passing: bool,
}

/// What shows how the app is, as the guest keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// What `homeport-agent status` looks at, JSON.
    pub spec: String,
    /// The health plugin's probes, by which it reads what was seen, JSON.
    pub probes: String,
    /// Whom to ask what was seen of the database means, JSON.
    pub database: String,
}

/// What the database plugin said beforehand.
#[derive(Debug, Clone, PartialEq)]
pub struct DatabasePart {
    /// Name of the plugin.
    pub plugin: String,
    /// Packages it needs in the guest.
    pub packages: Vec<String>,
    /// What it wants to look at before it makes a place for the app's tables.
    pub looks: Vec<Command>,
    /// The database in service.
    pub live: Handle,
    /// What shows how it is.
    pub status_looks: Vec<Command>,
    /// What the app must be told.
    pub attachment: Attachment,
}

/// What the proxy plugin said beforehand.
#[derive(Debug, Clone, PartialEq)]
pub struct ProxyPart {
    /// Name of the plugin.
    pub plugin: String,
    /// Packages it needs in the guest.
    pub packages: Vec<String>,
    /// What it wants to look at before it serves the site.
    pub looks: Vec<Command>,
    /// What it wants to look at before it proves that it can hold the queue.
    pub verify_looks: Vec<Command>,
    /// Where it keeps things.
    pub placed: Placed,
}

/// What the plugins said once they had seen the guest.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Steps {
    /// The database plugin's: make a place for the app's tables.
    pub provision: Vec<step::Step>,
    /// The proxy plugin's: serve the site.
    pub site: Vec<step::Step>,
}

fn exchanged(component: &str, release: &str, brings: bool) -> String {
    match brings {
        true => format!("{release} brings {component}, which is not installed here"),
        false => format!("{release} has no {component}, which is in service here"),
    }
}

/// Why a deployment cannot be planned.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The recipe or a template of it is wrong.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// A plugin asks for something it may not.
    #[error(transparent)]
    Breach(#[from] Breach),
    /// The source cannot be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The agent told no marks of the guest.
    #[error("the guest's marks cannot be read: {0}")]
    Fingerprint(String),
    /// Nothing says that the release is what its publisher made.
    #[error("nothing says that {what} is what its publisher made: {why}")]
    Untrusted {
        /// App and version.
        what: String,
        /// Why, as a clause.
        why: String,
        /// What to do, as sentences or commands to paste.
        remedies: Vec<String>,
    },
    /// A component is asked for that the release does not have.
    #[error(
        "{component} is asked for, but the release {release} has none: there is no `{has}` in it"
    )]
    NotInRelease {
        /// The component.
        component: String,
        /// Version of the release.
        release: String,
        /// What it would have.
        has: String,
    },
    /// A release has other components than are installed.
    #[error("{}", exchanged(component, release, *brings))]
    OtherComponents {
        /// The component.
        component: String,
        /// Version of the release.
        release: String,
        /// Whether it brings the component, which is not installed – or lacks it, and it is.
        brings: bool,
    },
    /// The recipe does not fit the database.
    #[error("{app} does not speak `{dialect}`; it speaks {}", known.join(", "))]
    Dialect {
        /// The app.
        app: String,
        /// What the database speaks.
        dialect: String,
        /// What the app speaks.
        known: Vec<String>,
    },
}

impl Deploy<'_> {
    /// First stage: the release is on the host, the guest exists, runs, and has agent and release.
    pub fn guest(&self) -> Result<Plan, DeployError> {
        let steps = guest::steps(self)?;
        Ok(self.operation.stage("guest", 0, None, steps))
    }

    /// Second stage: the guest has packages, users and places, and the plugins have seen it.
    pub fn base(&self, first: u32) -> Result<Plan, DeployError> {
        Ok(self
            .operation
            .stage("base", first, None, base::steps(self)?))
    }

    /// Between the second and the third, if the app is built: its source is in the guest and has been looked at.
    pub fn source(&self, first: u32) -> Option<Plan> {
        let steps = self.build.as_ref()?.source();
        let steps = steps.into_iter().map(Step::in_candidate_guest).collect();
        Some(self.operation.stage("source", first, None, steps))
    }

    /// After that, from what was seen: the release is built.
    pub fn release_built(
        &self,
        first: u32,
        revision: &Revision,
        tools: &[Tool],
    ) -> Result<Option<Plan>, DeployError> {
        let Some(build) = &self.build else {
            return Ok(None);
        };
        let steps = build.release(revision, tools, &self.release())?.into_iter();
        let steps = steps.chain(optional::looks(&self.recipe.recipe, &self.release()));
        let steps = steps.map(Step::in_candidate_guest).collect();
        Ok(Some(self.operation.stage("build", first, None, steps)))
    }

    /// Third stage: the app runs in the guest and answers there.
    pub fn app(&self, first: u32, steps: &Steps) -> Result<Plan, DeployError> {
        Ok(self
            .operation
            .stage("app", first, None, app::steps(self, steps)?))
    }

    /// Fourth stage: the app answers at its public address. `certificate` is the one the proxy serves, PEM; `verify` are
    /// the proxy plugin's steps that prove its capacity; `fingerprint` are the guest's marks.
    pub fn prove(
        &self,
        first: u32,
        certificate: &str,
        verify: &[step::Step],
        fingerprint: Option<&Fingerprint>,
    ) -> Result<Plan, DeployError> {
        let (before, after) = (
            prove::before(self, certificate, verify)?,
            prove::after(self, fingerprint),
        );
        let commit = Some(before.len());
        Ok(self.operation.stage(
            "prove",
            first,
            commit,
            before.into_iter().chain(after).collect(),
        ))
    }

    /// The database plugin, asked for a place for the app's tables.
    pub fn provision(&self) -> Plugin<'_> {
        Plugin {
            name: &self.database.plugin,
            purpose: "provision",
            app: self.app_name(),
        }
    }

    /// The database plugin, asked for one of its purposes.
    pub(crate) fn database_for<'a>(&'a self, purpose: &'a str) -> Plugin<'a> {
        Plugin {
            name: &self.database.plugin,
            purpose,
            app: self.app_name(),
        }
    }

    /// The proxy plugin, asked for one of its purposes.
    pub fn proxy_for<'a>(&'a self, purpose: &'a str) -> Plugin<'a> {
        Plugin {
            name: &self.proxy.plugin,
            purpose,
            app: self.app_name(),
        }
    }

    /// What the host remembers of the instance once it is there.
    pub fn registered(&self, fingerprint: Option<&Fingerprint>) -> Registered {
        let state = prove::state(self, Status::Running, fingerprint);
        let address = self.settings.network.ip_address.address().to_string();
        Registered::of(&state, &self.spec.identity, &address)
    }

    fn app_name(&self) -> &str {
        &self.recipe.recipe.app
    }

    /// Directory of its generation of the database.
    pub(crate) fn generation(&self) -> String {
        let path = self.database.live.path.rsplit_once('/');
        path.map_or("", |(above, _)| above).to_owned()
    }

    /// Directory of the release in the guest.
    pub(crate) fn release(&self) -> String {
        format!(
            "{}/releases/{}",
            crate::places::guest::program(self.app_name()),
            self.release
        )
    }
}
