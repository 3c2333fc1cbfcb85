//! Installs an app: from what the administrator wants to an app that has been asked and has answered.

use std::fs;
use std::path::Path;

use homeport_engine::event::Event;
use homeport_engine::op::{GuestIdentity, GuestNetwork, GuestSpec, Op};
use homeport_engine::plan::Plan;
use homeport_engine::recover::Outcome;
use homeport_engine::require::Observations;
use homeport_engine::run::unix_now;
use homeport_plugin_api::wire::Kind;

use crate::error::Error;
use crate::plan::Operation as About;
use crate::plan::deploy::{
    self, CERTIFICATE, Carry, DatabasePart, Deploy, Health, Program, ProxyPart,
};
use crate::plugin::Registry;
use crate::recipe::{self, Loaded};
use crate::report::{self, Finding};
use crate::settings::{
    self, ComponentDefaults, DatabaseDefaults, Defaults, Floors, Registration, Settings, Sources,
};
use crate::state::Registered;
use crate::target::HostFacts;
use crate::verbs::operation::{self, Operation};
use crate::verbs::parts::Partners;
use crate::verbs::preflight::Wanted;
use crate::verbs::{
    Context, choose, health, identity, list, parts, preflight, surround, template, uninstall,
};

/// The verb as it is typed.
pub(crate) const VERB: &str = "install";

/// The app that is installed when none is named.
pub(crate) const DEFAULT_APP: &str = "vikunja";

/// Where backups of all apps lie unless the administrator says otherwise.
const BACKUPS: &str = "/var/backups";

/// Swap of a new guest, MiB: Proxmox's own default.
const SWAP_MB: u32 = 512;

/// What the user asked for.
pub struct Request {
    /// Flags, environment, file.
    pub sources: Sources,
    /// Whether a failed install leaves its container for a look.
    pub keep_on_failure: bool,
    /// Only show what would be done.
    pub dry_run: bool,
}

/// How it ended.
pub enum Installed {
    /// It would do this, and this should be known before.
    Planned(Vec<Plan>, Vec<Finding>),
    /// It is there.
    Done(Box<report::Installed>),
}

/// Everything the stages are planned from.
struct Prepared {
    about: About,
    settings: Settings,
    recipe: Loaded,
    version: String,
    spec: GuestSpec,
    template: Option<Op>,
    neighbour6: bool,
    carry: Carry,
    program: Program,
    database: DatabasePart,
    proxy: ProxyPart,
    health: Health,
    remarks: Vec<Finding>,
}

/// Installs, or shows how.
pub fn install(cx: &mut Context<'_>, request: &Request) -> Result<Installed, Error> {
    let app = request
        .sources
        .peek("app")
        .unwrap_or_else(|| DEFAULT_APP.to_owned());
    let recipe = recipe::load(&cx.program.templates(), &app)?;
    let mut plugins = parts::registry(cx.program)?;
    let settings = settings::resolve(&request.sources, &defaults(&recipe, &plugins))?;
    let instance = settings.deployment.instance_id.clone();
    if request.dry_run {
        let (prepared, mut partners) = prepare(cx, settings, recipe, &mut plugins, true)?;
        let plans = preview(&prepared, &mut partners)?;
        return Ok(Installed::Planned(plans, prepared.remarks));
    }
    let _lock = cx.lock(&instance, VERB)?;
    let began = unix_now();
    if let Some(entry) = finished(cx, &instance)? {
        return Ok(told(cx, entry, &settings, &recipe, began));
    }
    let (prepared, mut partners) = prepare(cx, settings, recipe, &mut plugins, false)?;
    prepared
        .remarks
        .iter()
        .for_each(|remark| (cx.remark)(remark));
    let size = &prepared.settings.resources;
    let question = format!(
        "Install {} {} as `{instance}` in container {} ({} cores, {} MiB, {} GiB)?",
        prepared.recipe.recipe.title,
        prepared.version,
        prepared.about.guest.id,
        size.cpu_cores,
        size.memory_mb,
        size.disk_size_gb,
    );
    (cx.confirm)(&question)?;
    let steps = preview(&prepared, &mut partners)?
        .last()
        .map_or(0, Plan::end);
    (cx.tell)(Event::Expected { steps });
    run(cx, &prepared, partners, request.keep_on_failure)?;
    let Prepared {
        settings, recipe, ..
    } = &prepared;
    let entry = prepared.deploy().registered(None);
    Ok(told(cx, entry, settings, recipe, began))
}

/// Resolves what an earlier command left open. An install that had committed is finished by that: what the registry
/// then holds of it. An error if the instance is there for another reason.
fn finished(cx: &mut Context<'_>, instance: &str) -> Result<Option<Registered>, Error> {
    let Some((plan, Outcome::Done)) = operation::resolve_open(instance, cx.target, cx.tell)? else {
        return Ok(None);
    };
    match (plan.verb.as_str(), list::registered(instance)) {
        (VERB, Some(entry)) => Ok(Some(entry)),
        (uninstall::VERB, _) => operation::forget(instance).map(|()| None),
        _ => Err(Error::already_there(instance)),
    }
}

/// What recipe and plugins say about settings that nobody gives.
pub fn defaults(recipe: &Loaded, plugins: &Registry) -> Defaults {
    let recipe = &recipe.recipe;
    let component = |component: &recipe::Component| ComponentDefaults {
        name: component.name.clone(),
        port_blue: component.port_blue,
        port_green: component.port_green,
    };
    let databases = plugins
        .manifests(Kind::Database)
        .map(|manifest| DatabaseDefaults {
            plugin: manifest.name.clone(),
            also: Vec::new(),
            settings: manifest.settings.clone(),
        });
    let databases: Vec<_> = databases.collect();
    let values = [
        ("app", recipe.app.clone()),
        ("backup.directory", format!("{BACKUPS}/{}", recipe.app)),
        (
            "resources.cpu_cores",
            recipe.resources.cpu_cores.to_string(),
        ),
        (
            "resources.memory_mb",
            recipe.resources.memory_mb.to_string(),
        ),
        (
            "resources.disk_size_gb",
            recipe.resources.disk_size_gb.to_string(),
        ),
    ];
    let only = match databases.as_slice() {
        [only] => Some(("database.plugin", only.plugin.clone())),
        _ => None,
    };
    let values = values
        .into_iter()
        .chain(only)
        .map(|(path, value)| (path.to_owned(), value))
        .collect();
    let floors = Floors {
        memory_mb: recipe.resources.least_memory_mb,
        disk_size_gb: recipe.resources.least_disk_gb,
    };
    Defaults {
        values,
        components: recipe.components.iter().map(component).collect(),
        databases,
        floors,
    }
}

fn prepare(
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
    let instance = settings.deployment.instance_id.clone();
    let operation = identity::operation()?;
    let guest = GuestIdentity {
        id,
        instance,
        tag: identity::tag(&operation),
        storage: chosen.storage,
    };
    let about = About {
        id: operation,
        verb: VERB.to_owned(),
        guest,
        candidate: true,
        at: unix_now(),
    };
    let mut partners = Partners::start(plugins, &recipe.recipe, &settings, chain(&settings)?)?;
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
        settings,
        recipe,
    };
    prepared.health = health::planned(&prepared.deploy(), plugins)?;
    Ok((prepared, partners))
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
    fn deploy(&self) -> Deploy<'_> {
        Deploy {
            operation: &self.about,
            settings: &self.settings,
            recipe: &self.recipe,
            version: &self.version,
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

/// What the user is told of an instance that is there now; `began` is the Unix time its install began, or went on.
fn told(
    cx: &Context<'_>,
    entry: Registered,
    settings: &Settings,
    recipe: &Loaded,
    began: u64,
) -> Installed {
    Installed::Done(Box::new(report::Installed {
        title: recipe.recipe.title.clone(),
        first_login: first_login(settings, &entry),
        self_signed: settings.services.frontend.ssl_cert.is_none(),
        host_calls: cx.target.host_calls(),
        seconds: unix_now().saturating_sub(began),
        instance: entry.instance,
        version: entry.version,
        url: entry.url,
        address: entry.address,
        guest: entry.guest,
    }))
}

/// How the first person gets in.
fn first_login(settings: &Settings, entry: &Registered) -> String {
    match settings.registration {
        Registration::Open => {
            let url = &entry.url;
            format!("Open {url} and register. Anyone who reaches the page may.")
        }
        Registration::Closed => format!(
            "Strangers cannot register. Make the first account inside the container: pct enter {}",
            entry.guest
        ),
    }
}

/// The stages as they look before anything was seen in the guest: plugins may plan otherwise once they have looked,
/// and the certificate of the last stage is made in the one before.
fn preview(prepared: &Prepared, partners: &mut Partners) -> Result<Vec<Plan>, Error> {
    let deploy = prepared.deploy();
    let guest = deploy.guest()?;
    let base = deploy.base(guest.end());
    let app = deploy.app(base.end(), &partners.steps(&deploy, &Observations::new())?)?;
    let prove = deploy.prove(app.end(), "", &[], None)?;
    Ok(vec![guest, base, app, prove])
}

fn run(
    cx: &mut Context<'_>,
    prepared: &Prepared,
    partners: Partners,
    keep_on_failure: bool,
) -> Result<(), Error> {
    let guest = &prepared.about.guest;
    let mut operation = Operation::begin(
        &guest.instance,
        &prepared.about.id,
        cx.target,
        cx.stop,
        cx.tell,
    )?;
    match stages(&mut operation, &prepared.deploy(), partners) {
        Ok(()) => operation.finish(),
        Err(error) if keep_on_failure => Err(error.with_remedy(format!(
            "Container {id} is kept for a look (`pct enter {id}`); the same command removes it first.",
            id = guest.id
        ))),
        Err(error) => operation.resolve_after(error),
    }
}

fn stages(
    operation: &mut Operation<'_>,
    deploy: &Deploy<'_>,
    mut partners: Partners,
) -> Result<(), Error> {
    operation.stage(deploy.guest()?)?;
    let seen = operation.stage(deploy.base(operation.next()?))?;
    let fingerprint = deploy::fingerprint(&seen)?;
    let seen = operation.stage(deploy.app(operation.next()?, &partners.steps(deploy, &seen)?)?)?;
    let certificate = seen
        .get(CERTIFICATE)
        .map(|seen| seen.stdout.clone())
        .unwrap_or_default();
    let verify = partners.verify(deploy, &seen)?;
    let first = operation.next()?;
    operation.stage(deploy.prove(first, &certificate, &verify, Some(&fingerprint))?)?;
    Ok(())
}
