//! Everything an install is planned from: facts, choices, what plugins say. Changes nothing but the claim of an id.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use homeport_engine::event::Event;
use homeport_engine::op::{GuestIdentity, GuestNetwork, GuestSpec, Op};
use homeport_engine::plan::Plan;
use homeport_engine::require::Observations;
use homeport_engine::run::unix_now;

use super::{Preview, VERB, defaults};
use crate::error::{Error, Kind};
use crate::plan::Operation as About;
use crate::plan::build::{Build, Registries, Revision, Tool};
use crate::plan::deploy::{self, Carry, DatabasePart, Deploy, Health, Program, ProxyPart};
use crate::plugin::Registry;
use crate::recipe::Loaded;
use crate::report::Finding;
use crate::settings::{Color, Pages, Settings, SourceKind};
use crate::target::HostFacts;
use crate::verbs::parts::{self, Partners};
use crate::verbs::preflight::Wanted;
use crate::verbs::{Context, choose, health, identity, preflight, surround, template, tools};

/// Swap of a new guest, MiB: Proxmox's own default.
const SWAP_MB: u32 = 512;

/// Everything the stages are planned from.
pub(super) struct Prepared {
    pub(super) about: About,
    pub(super) settings: Settings,
    pub(super) pages: Pages,
    pub(super) recipe: Loaded,
    /// Until a source has been looked at, what was asked for.
    pub(super) version: String,
    /// What is built, once that is known.
    pub(super) revision: Option<Revision>,
    pub(super) registries: Registries,
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
    let mut partners = Partners::start(plugins, &recipe.recipe, &settings, chain(&settings)?)?;
    let settings = named(settings, &recipe)?;
    let mut prepared = Prepared {
        version: asked_for(&settings, &recipe),
        revision: None,
        registries: surround::registries(&facts, &settings),
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
        database: partners.database(&parts::live(&recipe.recipe, 1))?,
        proxy: partners.proxy()?,
        health: Health::default(),
        remarks,
        about,
        pages: pages(&settings, &recipe, plugins),
        settings,
        recipe,
    };
    let recipe = prepared.narrowed(&Observations::new())?;
    let deploy = Deploy {
        recipe: &recipe,
        ..prepared.deploy()
    };
    prepared.health = health::planned(&deploy, plugins)?;
    Ok((prepared, partners))
}

fn pages(settings: &Settings, recipe: &Loaded, plugins: &Registry) -> Pages {
    let defaults = defaults(recipe, plugins, settings.source.kind.builds());
    Pages::of(settings, &defaults)
}

/// The settings with the repository and the branch that are built when none is named.
fn named(mut settings: Settings, recipe: &Loaded) -> Result<Settings, Error> {
    let recipe = &recipe.recipe;
    if !settings.source.kind.builds() {
        return Ok(settings);
    }
    let Some((git, _)) = recipe.source.git.as_ref().zip(recipe.build.as_ref()) else {
        let why = format!("the recipe of {} knows no way to build it.", recipe.title);
        return Err(Error::new(
            Kind::Configuration,
            "The app cannot be built from its source.",
            why,
        )
        .with_remedy("Install a release: `--source-kind release`."));
    };
    if settings.source.kind == SourceKind::Git {
        let named = &mut settings.git;
        named
            .repository
            .get_or_insert_with(|| git.repository.clone());
        named.branch.get_or_insert_with(|| git.branch.clone());
    }
    Ok(settings)
}

/// A version, or what stands for one until the source has been looked at.
fn asked_for(settings: &Settings, recipe: &Loaded) -> String {
    let version = match settings.source.kind {
        SourceKind::Release => settings.source.version.as_ref(),
        SourceKind::Git => return settings.git.branch.clone().unwrap_or_default(),
        SourceKind::Local => return "local".to_owned(),
    };
    let version = version.unwrap_or(&recipe.recipe.source.release.version);
    version.trim_start_matches('v').to_owned()
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
    /// How it is built, if it is.
    pub(super) fn build(&self) -> Option<Build<'_>> {
        Build::of(&self.about, &self.recipe, &self.settings, &self.registries)
    }

    /// The tools that the revision wants.
    pub(super) fn tools(
        &self,
        revision: &Revision,
        stop: &AtomicBool,
        tell: &mut dyn FnMut(Event),
    ) -> Result<Vec<Tool>, Error> {
        let Some(build) = self.build() else {
            return Ok(Vec::new());
        };
        let wanted = tools::Wanted {
            recipe: &self.recipe,
            how: build.how,
            revision,
            from: self.settings.source.toolchains,
            registries: &self.registries,
        };
        tools::find(&wanted, stop, tell)
    }

    /// From here on the version is the one that is built. What shows how the app is asks for it.
    pub(super) fn found(
        &mut self,
        revision: Revision,
        plugins: &mut Registry,
    ) -> Result<(), Error> {
        self.version.clone_from(&revision.version);
        self.settings.git.deployed_commit = Some(revision.commit.clone());
        self.pages = pages(&self.settings, &self.recipe, plugins);
        self.revision = Some(revision);
        self.health = health::planned(&self.deploy(), plugins)?;
        Ok(())
    }

    /// What somebody has to agree to.
    pub(super) fn question(&self) -> String {
        let what = match self.build() {
            None => self.version.clone(),
            Some(build) => format!("built from {}", build.from),
        };
        format!(
            "Install {} {what} as `{}` in container {} ({})?",
            self.recipe.recipe.title,
            self.about.guest.instance,
            self.about.guest.id,
            deploy::size(&self.spec),
        )
    }

    pub(super) fn preview(self, plans: Vec<Plan>) -> Preview {
        Preview {
            question: self.question(),
            plans,
            findings: self.remarks,
            settings: self.settings,
            pages: self.pages,
        }
    }

    /// The recipe of what the release was seen to have.
    pub(super) fn narrowed(&self, seen: &Observations) -> Result<Loaded, Error> {
        let absent = self.deploy().absent(seen)?;
        Ok(self.recipe.without(&absent))
    }

    /// From here on everything is about what the release was seen to have.
    pub(super) fn settle(
        &mut self,
        seen: &Observations,
        plugins: &mut Registry,
    ) -> Result<(), Error> {
        self.recipe = self.narrowed(seen)?;
        self.health = health::planned(&self.deploy(), plugins)?;
        Ok(())
    }

    pub(super) fn deploy(&self) -> Deploy<'_> {
        Deploy {
            operation: &self.about,
            settings: &self.settings,
            pages: &self.pages,
            recipe: &self.recipe,
            version: &self.version,
            release: &self.version,
            colour: Color::Blue,
            build: self.build(),
            revision: self.revision.as_ref(),
            spec: self.spec.clone(),
            template: self.template.clone(),
            neighbour6: self.neighbour6,
            carry: &self.carry,
            program: &self.program,
            database: &self.database,
            proxy: &self.proxy,
            health: &self.health,
            first_login: true,
        }
    }
}
