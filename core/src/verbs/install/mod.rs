//! Installs an app: from what the administrator wants to an app that has been asked and has answered.

mod defaults;
mod first_login;
mod offer;
mod prepare;

use homeport_engine::event::Event;
use homeport_engine::op::HostSecret;
use homeport_engine::plan::Plan;
use homeport_engine::recover::Outcome;
use homeport_engine::require::Observations;
use homeport_engine::run::unix_now;

pub use self::defaults::defaults;
use self::first_login::Password;
pub use self::offer::{Offer, offer};
use self::prepare::{Prepared, prepare};
use crate::error::Error;
use crate::plan::build::{BuildError, Revision};
use crate::plan::deploy::{self, CERTIFICATE, Deploy};
use crate::plugin::Registry;
use crate::program::Program;
use crate::recipe::{self, Loaded};
use crate::report::{self, Finding};
use crate::settings::{self, Defaults, Pages, Registration, Settings, SettingsError, Sources};
use crate::state::Registered;
use crate::verbs::operation::{self, Operation};
use crate::verbs::parts::Partners;
use crate::verbs::{Context, list, parts, tools, uninstall};

/// The verb as it is typed.
pub(crate) const VERB: &str = "install";

/// The app that is installed when none is named.
pub(crate) const DEFAULT_APP: &str = "vikunja";

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
    /// Nothing was done; this would be.
    Planned(Box<Preview>),
    /// It is there.
    Done(Box<report::Installed>),
}

/// What an install would do.
pub struct Preview {
    /// What somebody would have to agree to.
    pub question: String,
    /// All stages.
    pub plans: Vec<Plan>,
    /// What should be known before, or is in the way.
    pub findings: Vec<Finding>,
    /// By these settings.
    pub settings: Settings,
    /// The same as files.
    pub pages: Pages,
}

/// What is known of an app before any machine is looked at.
pub struct Known {
    /// Its recipe.
    pub recipe: Loaded,
    /// The plugins there are.
    pub plugins: Registry,
    /// What both say about settings.
    pub defaults: Defaults,
}

impl Known {
    /// Of the app that is named, or of the one that is installed when none is.
    pub fn of(program: &Program, sources: &Sources) -> Result<Known, Error> {
        let named = sources.peek("app");
        let app = named.unwrap_or_else(|| DEFAULT_APP.to_owned());
        let recipe = recipe::load(&program.templates(), &app)?;
        let plugins = parts::registry(program)?;
        let defaults = defaults(&recipe, &plugins, sources.builds());
        Ok(Known {
            recipe,
            plugins,
            defaults,
        })
    }
}

/// Installs, or shows how. `known`, if it was found out already, is by the same sources.
pub fn install(
    cx: &mut Context<'_>,
    request: &Request,
    known: Option<Known>,
) -> Result<Installed, Error> {
    let sources = &request.sources;
    let known = known.map_or_else(|| Known::of(cx.program, sources), Ok)?;
    let (recipe, mut plugins) = (known.recipe, known.plugins);
    let settings = settings::resolve(sources, &known.defaults)?;
    let instance = settings.deployment.instance_id.clone();
    if request.dry_run {
        let (prepared, mut partners) = prepare(cx, settings, recipe, &mut plugins, true)?;
        let plans = preview(&prepared, &mut partners)?;
        return Ok(Installed::Planned(Box::new(prepared.preview(plans))));
    }
    let _lock = cx.lock(&instance, VERB)?;
    let began = unix_now();
    if let Some(entry) = finished(cx, &instance)? {
        return told(cx, entry, (&settings, &recipe), began, None);
    }
    let password = password(&settings, &recipe)?;
    let (mut prepared, mut partners) = prepare(cx, settings, recipe, &mut plugins, false)?;
    prepared
        .remarks
        .iter()
        .for_each(|remark| (cx.remark)(remark));
    (cx.confirm)(&prepared.question())?;
    let steps = preview(&prepared, &mut partners)?
        .last()
        .map_or(0, Plan::end);
    (cx.tell)(Event::Expected { steps });
    if let Some(password) = &password {
        let text = password.text.clone();
        cx.target.keep(HostSecret::FirstPassword, text);
    }
    let from = Made {
        partners,
        plugins: &mut plugins,
    };
    run(cx, &mut prepared, from, request.keep_on_failure)?;
    let Prepared {
        settings, recipe, ..
    } = &prepared;
    let entry = prepared.deploy().registered(None);
    told(cx, entry, (settings, recipe), began, password)
}

/// The first account's password, if the app has one to be made.
fn password(settings: &Settings, recipe: &Loaded) -> Result<Option<Password>, Error> {
    let Some(first) = &recipe.recipe.first_login else {
        return first_login::unasked(&settings.admin).map(|()| None);
    };
    first_login::password(settings, first).map(Some)
}

/// What was given, before any machine is looked at.
pub struct Wanted {
    /// What is known of the app.
    pub known: Known,
    /// The settings, or why there are none.
    pub settings: Result<Settings, SettingsError>,
}

/// Reads what was given.
pub fn wanted(program: &Program, sources: &Sources) -> Result<Wanted, Error> {
    let known = Known::of(program, sources)?;
    let settings = settings::resolve(sources, &known.defaults);
    Ok(Wanted { known, settings })
}

impl Wanted {
    /// Every setting that has a value by now, as `PATH: VALUE`.
    pub fn taken(&self, sources: &Sources) -> Vec<String> {
        settings::values(sources, &self.known.defaults)
    }
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

/// What the user is told of an instance that is there now; `began` is the Unix time its install began, or went on,
/// `password` that of the first account, if this command has made the account.
fn told(
    cx: &Context<'_>,
    entry: Registered,
    (settings, recipe): (&Settings, &Loaded),
    began: u64,
    password: Option<Password>,
) -> Result<Installed, Error> {
    let told = password.is_some();
    let (first_login, another_password) = how_to_log_in((settings, recipe), &entry, told)?;
    Ok(Installed::Done(Box::new(report::Installed {
        title: recipe.recipe.title.clone(),
        first_login,
        another_password,
        password: password
            .filter(|password| password.made)
            .map(|password| password.text),
        self_signed: settings.services.frontend.ssl_cert.is_none(),
        host_calls: cx.target.host_calls(),
        seconds: unix_now().saturating_sub(began),
        instance: entry.instance,
        version: entry.version,
        url: entry.url,
        address: entry.address,
        guest: entry.guest,
    })))
}

/// How the first person gets in, and the command that gives another password where there is one. `told`: this command
/// knows the password, and says it if it has made it.
fn how_to_log_in(
    (settings, recipe): (&Settings, &Loaded),
    entry: &Registered,
    told: bool,
) -> Result<(String, Option<String>), Error> {
    if let Some(reset) = deploy::new_password(recipe, settings)? {
        let name = settings.admin_username();
        let who = match told {
            true => format!("As {name}."),
            false => {
                format!("As {name}, with the password given before the first try was cut off.")
            }
        };
        return Ok((who, Some(format!("pct exec {} -- {reset}", entry.guest))));
    }
    let how = match settings.registration {
        Registration::Open => {
            let url = &entry.url;
            format!("Open {url} and register. Anyone who reaches the page may.")
        }
        Registration::Closed => format!(
            "Strangers cannot register. Make the first account inside the container: pct enter {}",
            entry.guest
        ),
    };
    Ok((how, None))
}

/// The stages as they look before anything was seen in the guest: plugins may plan otherwise once they have looked,
/// and the certificate of the last stage is made in the one before.
fn preview(prepared: &Prepared, partners: &mut Partners) -> Result<Vec<Plan>, Error> {
    let deploy = prepared.deploy();
    let guest = deploy.guest()?;
    let base = deploy.base(guest.end())?;
    let mut plans = vec![guest, base];
    let end = |plans: &[Plan]| plans.last().map_or(0, Plan::end);
    if let Some(build) = &deploy.build {
        let unseen = Revision::unseen(build.wanted());
        plans.extend(deploy.source(end(&plans)));
        let tools = tools::unseen(build.how);
        plans.extend(deploy.release_built(end(&plans), &unseen, &tools)?);
    }
    let recipe = prepared.narrowed(&Observations::new())?;
    partners.serve(&recipe.recipe, &prepared.settings);
    let deploy = Deploy {
        recipe: &recipe,
        ..deploy
    };
    plans.push(deploy.app(end(&plans), &partners.steps(&deploy, &Observations::new())?)?);
    plans.push(deploy.prove(end(&plans), "", &[], None)?);
    Ok(plans)
}

/// What answers while it is being installed.
struct Made<'a> {
    partners: Partners,
    plugins: &'a mut Registry,
}

fn run(
    cx: &mut Context<'_>,
    prepared: &mut Prepared,
    from: Made<'_>,
    keep_on_failure: bool,
) -> Result<(), Error> {
    let guest = prepared.about.guest.clone();
    let mut operation = Operation::begin(
        &guest.instance,
        &prepared.about.id,
        cx.target,
        cx.stop,
        cx.tell,
    )?;
    match stages(&mut operation, prepared, from) {
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
    prepared: &mut Prepared,
    from: Made<'_>,
) -> Result<(), Error> {
    let Made {
        mut partners,
        plugins,
    } = from;
    operation.stage(prepared.deploy().guest()?)?;
    let seen = operation.stage(prepared.deploy().base(operation.next()?)?)?;
    let fingerprint = deploy::fingerprint(&seen)?;
    let built = build(operation, prepared, plugins)?;
    prepared.settle(built.as_ref().unwrap_or(&seen), plugins)?;
    partners.serve(&prepared.recipe.recipe, &prepared.settings);
    let deploy = prepared.deploy();
    let seen = operation.stage(deploy.app(operation.next()?, &partners.steps(&deploy, &seen)?)?)?;
    let certificate = seen
        .get(CERTIFICATE)
        .map(|seen| seen.stdout.clone())
        .unwrap_or_default();
    let verify = partners.verify(&deploy, &seen)?;
    let first = operation.next()?;
    operation.stage(deploy.prove(first, &certificate, &verify, Some(&fingerprint))?)?;
    Ok(())
}

/// The two stages of an app that is built: look at the source, then build what it says with the tools it says. Says what
/// was seen of the release.
fn build(
    operation: &mut Operation<'_>,
    prepared: &mut Prepared,
    plugins: &mut Registry,
) -> Result<Option<Observations>, Error> {
    let Some(source) = prepared.deploy().source(operation.next()?) else {
        return Ok(None);
    };
    let seen = operation.stage(source)?;
    let Some((revision, told)) = prepared
        .build()
        .map(|build| Ok((build.revision(&seen)?, build.wanted().to_owned())))
        .transpose()
        .map_err(|error: BuildError| Error::from(error))?
    else {
        return Ok(None);
    };
    let text = format!("Built is {}: {}.", revision.reported, revision.told(&told));
    operation.tell(Event::Noticed { text });
    let tools = operation.asking(|stop, tell| prepared.tools(&revision, stop, tell))?;
    prepared.found(revision, plugins)?;
    let deploy = prepared.deploy();
    if let Some(revision) = &prepared.revision {
        let first = operation.next()?;
        if let Some(plan) = deploy.release_built(first, revision, &tools)? {
            return operation.stage(plan).map(Some);
        }
    }
    Ok(None)
}
