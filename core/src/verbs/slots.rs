//! The two slots of an instance that is there: the release in service, and the one that is to be. What both are planned
//! from; changes nothing.

use homeport_bootstrap::utc;
use homeport_engine::op::{GuestIdentity, GuestNetwork, GuestSpec};

use crate::error::{Error, Kind};
use crate::plan::Operation as About;
use crate::plan::build::Revision;
use crate::plan::deploy::{Carry, DatabasePart, Deploy, Health, Program, ProxyPart};
use crate::plan::update::settled;
use crate::plugin::Registry;
use crate::settings::{Color, Pages, Settings, Source, SourceKind};
use crate::state::State;
use crate::verbs::held::{self, Held};
use crate::verbs::living::{Living, Told};
use crate::verbs::parts::{self, Partners};
use crate::verbs::{Context, health};

/// An instance, and everything it says of itself.
pub struct Found {
    /// The instance.
    pub living: Living,
    /// What its guest says.
    pub told: Told,
    /// What its guest holds.
    pub held: Held,
    /// The plugins there are.
    pub plugins: Registry,
}

/// A release in its slot.
pub struct Slot {
    /// Its version.
    pub version: String,
    /// Directory of its release.
    pub release: String,
    /// Which slot.
    pub colour: Color,
    /// Number of its generation of the database.
    pub generation: u64,
    /// What the database plugin says of that generation.
    pub database: DatabasePart,
    /// How its health is looked at.
    pub health: Health,
    /// What it was built from, if it was built.
    pub revision: Option<Revision>,
}

/// What the release to be is known by.
pub struct Wanted {
    /// Its version.
    pub version: String,
    /// Directory of its release.
    pub release: String,
    /// Which slot.
    pub colour: Color,
    /// Number of its generation of the database.
    pub generation: u64,
    /// Where its files come from.
    pub source: Source,
    /// What it is built from, if it is built.
    pub revision: Option<Revision>,
}

/// Both slots, and what they have in common.
pub struct Slots {
    /// The operation.
    pub about: About,
    /// The instance.
    pub living: Living,
    /// What its guest says.
    pub told: Told,
    /// What its guest holds.
    pub held: Held,
    /// The settings, with the source of the release to be.
    pub settings: Settings,
    /// The release in service.
    pub service: Slot,
    /// The release to be.
    pub candidate: Slot,
    /// Text of the deployment's configuration once the release to be is in service.
    pub config_after: String,
    pages: Pages,
    carry: Carry,
    program: Program,
    proxy: ProxyPart,
}

impl Slot {
    /// The one in service, of which the plugin and the guest say this.
    fn of(state: &State, kind: SourceKind, database: DatabasePart, health: Health) -> Slot {
        Slot {
            revision: kind
                .builds()
                .then(|| Revision::known(&state.version, state.commit.as_deref())),
            version: state.version.clone(),
            release: state.release().to_owned(),
            colour: state.active_colour,
            generation: state.generation,
            database,
            health,
        }
    }
}

impl Found {
    /// Asks the guest everything.
    ///
    /// # Errors
    /// When it is stopped, or may be another instance's.
    pub fn of(cx: &mut Context<'_>, living: Living, verb: &str) -> Result<Found, Error> {
        if !living.running() {
            let instance = &living.guest.instance;
            let why = format!("`{instance}` is stopped");
            let what = format!("There is nothing to {verb} in an instance that is stopped.");
            return Err(Error::new(Kind::Usage, what, why)
                .with_remedy(format!("homeport start {instance}")));
        }
        let told = living.told_to_change(cx.target)?;
        let (held, plugins) = held::read(cx, &living)?;
        Ok(Found {
            living,
            told,
            held,
            plugins,
        })
    }
}

impl Slots {
    /// Asks the plugins about both.
    ///
    /// # Errors
    /// When one refuses, or the configuration cannot be kept up to date.
    pub fn prepare(
        program: Program,
        about: About,
        found: Found,
        wanted: Wanted,
    ) -> Result<(Slots, Partners), Error> {
        let Found {
            living,
            told,
            held,
            mut plugins,
        } = found;
        let recipe = &held.recipe.recipe;
        let mut settings = held.settings.clone();
        settings.source = wanted.source;
        let mut partners = Partners::start(&mut plugins, recipe, &settings, None)?;
        let mut database = |generation| partners.database(&parts::live(recipe, generation));
        let database_now = database(told.state.generation)?;
        let kind = held.settings.source.kind;
        let service = Slot::of(&told.state, kind, database_now, held.health.clone());
        let candidate = Slot {
            version: wanted.version,
            release: wanted.release,
            colour: wanted.colour,
            generation: wanted.generation,
            database: database(wanted.generation)?,
            health: Health::default(),
            revision: wanted.revision,
        };
        let mut slots = Slots {
            about,
            pages: Pages::default(),
            carry: Carry::default(),
            program,
            proxy: partners.proxy()?,
            config_after: String::new(),
            living,
            told,
            held,
            settings,
            service,
            candidate,
        };
        slots.candidate.health = health::planned(&slots.to_come(), &mut plugins)?;
        slots.config_after = slots.config()?;
        Ok((slots, partners))
    }

    /// The release to be.
    pub fn to_come(&self) -> Deploy<'_> {
        self.deploy(&self.candidate)
    }

    /// The release in service.
    pub fn in_service(&self) -> Deploy<'_> {
        self.deploy(&self.service)
    }

    fn deploy<'a>(&'a self, slot: &'a Slot) -> Deploy<'a> {
        Deploy {
            operation: &self.about,
            settings: &self.settings,
            pages: &self.pages,
            recipe: &self.held.recipe,
            version: &slot.version,
            release: &slot.release,
            colour: slot.colour,
            build: None,
            revision: slot.revision.as_ref(),
            spec: spec(&self.living.guest, &self.settings),
            template: None,
            neighbour6: false,
            carry: &self.carry,
            program: &self.program,
            database: &slot.database,
            proxy: &self.proxy,
            health: &slot.health,
            first_login: false,
        }
    }

    fn config(&self) -> Result<String, Error> {
        let time = utc::unix(self.about.at);
        settled(&self.held.config, &self.to_come(), &time).map_err(|error| {
            let what = "The deployment's configuration cannot be kept up to date.";
            Error::new(Kind::Configuration, what, error.to_string())
        })
    }
}

/// The guest as it is; nothing is made of this.
fn spec(guest: &GuestIdentity, settings: &Settings) -> GuestSpec {
    let network = &settings.network;
    GuestSpec {
        identity: guest.clone(),
        hostname: guest.instance.clone(),
        template: String::new(),
        disk_gb: settings.resources.disk_size_gb,
        cores: settings.resources.cpu_cores,
        memory_mb: settings.resources.memory_mb,
        swap_mb: 0,
        network: GuestNetwork {
            bridge: network.bridge.clone(),
            address: network.ip_address.to_string(),
            gateway: None,
            address6: None,
            gateway6: None,
            mtu: None,
            nameservers: Vec::new(),
        },
        tags: Vec::new(),
    }
}
