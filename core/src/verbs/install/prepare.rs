//! Everything an install is planned from: facts, choices, what plugins say. Changes nothing but the claim of an id.

use std::fs;
use std::path::Path;

use homeport_engine::op::{GuestIdentity, GuestNetwork, GuestSpec, Op};
use homeport_engine::run::unix_now;

use super::{VERB, defaults};
use crate::error::Error;
use crate::plan::Operation as About;
use crate::plan::deploy::{Carry, DatabasePart, Deploy, Health, Program, ProxyPart};
use crate::plugin::Registry;
use crate::recipe::Loaded;
use crate::report::Finding;
use crate::settings::{Color, Pages, Settings};
use crate::target::HostFacts;
use crate::verbs::parts::Partners;
use crate::verbs::preflight::Wanted;
use crate::verbs::{Context, choose, health, identity, preflight, surround, template};

/// Swap of a new guest, MiB: Proxmox's own default.
const SWAP_MB: u32 = 512;

/// Everything the stages are planned from.
pub(super) struct Prepared {
    pub(super) about: About,
    pub(super) settings: Settings,
    pub(super) pages: Pages,
    pub(super) recipe: Loaded,
    pub(super) version: String,
    pub(super) spec: GuestSpec,
    pub(super) template: Option<Op>,
    pub(super) neighbour6: bool,
    pub(super) carry: Carry,
    pub(super) program: Program,
    pub(super) database: DatabasePart,
    pub(super) proxy: ProxyPart,
    pub(super) health: Health,
    pub(super) remarks: Vec<Finding>,
}

/// Finds out what there is, chooses, and asks the plugins. Claims a container id unless this is a `dry_run`, and changes
/// nothing else.
pub(super) fn prepare(
    cx: &mut Context<'_>,
    settings: Settings,
    recipe: Loaded,
    plugins: &mut Registry,
    dry_run: bool,
) -> Result<(Prepared, Partners), Error> {
    let (facts, remarks) = looked_at(cx, &settings, &recipe, dry_run)?;
    let chosen =
        choose::choose(&facts, &settings).map_err(|found| Error::not_ready(vec![found]))?;
    // Who only looks claims nothing: a claim is a file.
    let id = match (settings.proxmox.container_id, &facts.free_id) {
        (Some(id), _) => id.to_string(),
        (None, Some(id)) if dry_run => id.clone(),
        (None, _) => cx.target.claim_id()?,
    };
    let about = about(id, &settings, chosen.storage)?;
    let mut partners = Partners::start(plugins, &recipe.recipe, &settings, 1, chain(&settings)?)?;
    let version = settings
        .source
        .version
        .as_ref()
        .unwrap_or(&recipe.recipe.source.release.version);
    let mut prepared = Prepared {
        version: version.trim_start_matches('v').to_owned(),
        spec: spec(
            &about.guest,
            &settings,
            &recipe,
            &chosen.template,
            surround::network(&facts, &settings),
        ),
        neighbour6: surround::neighbour6(&facts, &settings),
        carry: surround::carry(&facts, &chosen.template.volume),
        template: chosen.template.ensure,
        program: cx.program.deployed(),
        database: partners.database()?,
        proxy: partners.proxy()?,
        health: Health::default(),
        remarks,
        about,
        pages: Pages::of(&settings, &defaults(&recipe, plugins)),
        settings,
        recipe,
    };
    prepared.health = health::planned(&prepared.deploy(), plugins)?;
    Ok((prepared, partners))
}

/// The operation that makes this container.
fn about(id: String, settings: &Settings, storage: String) -> Result<About, Error> {
    let operation = identity::operation()?;
    let guest = GuestIdentity {
        id,
        instance: settings.deployment.instance_id.clone(),
        tag: identity::tag(&operation),
        storage,
    };
    Ok(About {
        id: operation,
        verb: VERB.to_owned(),
        guest,
        candidate: true,
        at: unix_now(),
    })
}

/// The facts, and what should be known of them. An error if something is in the way.
fn looked_at(
    cx: &mut Context<'_>,
    settings: &Settings,
    recipe: &Loaded,
    only_look: bool,
) -> Result<(HostFacts, Vec<Finding>), Error> {
    let recipe = &recipe.recipe;
    let mut facts = preflight::gather(cx.target, recipe, Some(settings))?;
    if !only_look {
        template::renew(cx, &mut facts.host, settings)?;
    }
    let wanted = Wanted { settings, recipe };
    let findings = preflight::install(&facts, wanted);
    // Who only looks is shown what is in the way beside what would be done.
    let remarks = match only_look && facts.host.platform.is_some() {
        true => findings,
        false => preflight::passed(findings)?,
    };
    Ok((facts.host, remarks))
}

/// The administrator's certificate. Its key is not read here: it travels as a file.
fn chain(settings: &Settings) -> Result<Option<String>, Error> {
    let Some(path) = &settings.services.frontend.ssl_cert else {
        return Ok(None);
    };
    fs::read_to_string(path)
        .map(Some)
        .map_err(|source| Error::unreadable(Path::new(path), source))
}

fn spec(
    guest: &GuestIdentity,
    settings: &Settings,
    recipe: &Loaded,
    template: &template::Template,
    network: GuestNetwork,
) -> GuestSpec {
    GuestSpec {
        identity: guest.clone(),
        hostname: guest.instance.to_lowercase(),
        template: template.volume.clone(),
        disk_gb: settings.resources.disk_size_gb,
        cores: settings.resources.cpu_cores,
        memory_mb: settings.resources.memory_mb,
        swap_mb: SWAP_MB,
        network,
        tags: identity::tags(&recipe.recipe.app, &guest.instance),
    }
}

impl Prepared {
    pub(super) fn deploy(&self) -> Deploy<'_> {
        Deploy {
            operation: &self.about,
            settings: &self.settings,
            pages: &self.pages,
            recipe: &self.recipe,
            version: &self.version,
            release: &self.version,
            colour: Color::Blue,
            spec: self.spec.clone(),
            template: self.template.clone(),
            neighbour6: self.neighbour6,
            carry: &self.carry,
            program: &self.program,
            database: &self.database,
            proxy: &self.proxy,
            health: &self.health,
        }
    }
}
