//! Removes an instance with everything that was made for it – or leaves a verified archive of its data.

use std::collections::BTreeMap;
use std::path::Path;

use homeport_engine::plan::Plan;
use homeport_engine::recover::Outcome;
use homeport_engine::run::unix_now;
use homeport_plugin_api::wire::Kind;
use homeport_plugin_api::wire::conversation::{Handle, Observe, Plan as Asked};
use homeport_plugin_api::wire::database::Purpose;
use homeport_plugin_api::wire::step::Step;
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::Error;
use crate::places;
use crate::plan::Operation as About;
use crate::plan::parts::Plugin;
use crate::plan::uninstall::{self, DUMP, Keep};
use crate::plugin::Registry;
use crate::recipe;
use crate::settings::{self, ConfigFile, Settings};
use crate::verbs::living::{self, Living, Told};
use crate::verbs::operation::{self, Operation};
use crate::verbs::{Context, identity, install, parts};

/// The verb as it is typed.
pub(crate) const VERB: &str = "uninstall";

/// What the user asked for.
pub struct Request<'a> {
    /// Name of the instance.
    pub name: Option<&'a str>,
    /// Whether a verified archive is left.
    pub keep_data: bool,
    /// Only show what would be done.
    pub dry_run: bool,
}

/// How it ended.
pub enum Uninstalled {
    /// It would do this.
    Planned(Vec<Plan>),
    /// It is gone.
    Done(Summary),
}

/// What the user is told.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Summary {
    /// Id of the instance.
    pub instance: String,
    /// Its guest, which is gone.
    pub guest: String,
    /// The archive that is left.
    pub archive: Option<String>,
}

/// Uninstalls, or shows how.
pub fn uninstall(cx: &mut Context<'_>, request: &Request<'_>) -> Result<Uninstalled, Error> {
    if let Some(done) = resolved(cx, request)? {
        return Ok(Uninstalled::Done(done));
    }
    let (living, _lock) = match request.dry_run {
        true => (living::changeable(cx.target, request.name)?, None),
        false => cx
            .take(request.name, VERB)
            .map(|(living, lock)| (living, Some(lock)))?,
    };
    let instance = living.guest.instance.clone();
    let about = About {
        id: identity::operation()?,
        verb: VERB.to_owned(),
        guest: living.guest.clone(),
        candidate: false,
        at: unix_now(),
    };
    let keep = if request.keep_data {
        Some(keep(cx, &living, &about)?)
    } else {
        None
    };
    let archive = keep.as_ref().map(|keep| keep.archive.clone());
    let plan = uninstall::uninstall(&about, keep);
    if request.dry_run {
        return Ok(Uninstalled::Planned(vec![plan]));
    }
    (cx.confirm)(&question(&living, archive.as_deref()))?;
    let mut operation = Operation::begin(&instance, &about.id, cx.target, cx.stop, cx.tell)?;
    match operation.stage(plan) {
        Ok(_) => operation.finish()?,
        Err(error) => operation.resolve_after(error)?,
    }
    operation::forget(&instance)?;
    Ok(Uninstalled::Done(Summary {
        instance,
        guest: living.guest.id,
        archive,
    }))
}

/// An open operation is resolved first. A half-made install is gone by that, and an uninstall that had committed is
/// finished by it: then nothing is left to do.
fn resolved(cx: &mut Context<'_>, request: &Request<'_>) -> Result<Option<Summary>, Error> {
    let Some(name) = request.name.filter(|_| !request.dry_run) else {
        return Ok(None);
    };
    let instance = name.to_lowercase();
    if operation::open(&instance)?.is_none() {
        return Ok(None);
    }
    let _lock = cx.lock(&instance, VERB)?;
    let Some((plan, outcome)) = operation::resolve_open(&instance, cx.target, cx.tell)? else {
        return Ok(None);
    };
    let gone = match outcome {
        Outcome::RolledBack => plan.candidate,
        Outcome::Done => plan.verb == VERB,
    };
    if !gone {
        return Ok(None);
    }
    operation::forget(&instance)?;
    let guest = plan.guest.map(|guest| guest.id).unwrap_or_default();
    Ok(Some(Summary {
        instance,
        guest,
        archive: None,
    }))
}

fn question(living: &Living, archive: Option<&str>) -> String {
    let (instance, guest) = (&living.guest.instance, &living.guest.id);
    match archive {
        Some(archive) => {
            format!("Remove `{instance}` (container {guest})? Its data will be kept in {archive}.")
        }
        None => format!(
            "Remove `{instance}` (container {guest}) with ALL its data? `--keep-data` would keep a verified archive."
        ),
    }
}

/// What is needed to leave an archive.
fn keep(cx: &mut Context<'_>, living: &Living, about: &About) -> Result<Keep, Error> {
    if !living.running() {
        let instance = &living.guest.instance;
        return Err(Error::host(
            format!("`{instance}` is stopped, so its data cannot be read"),
            format!("homeport start {instance}"),
        ));
    }
    let told = living.told_to_change(cx.target)?;
    let loaded = recipe::load(&cx.program.templates(), &living.app)?;
    let recipe = &loaded.recipe;
    let path = places::guest::deployment_config(&living.app);
    let text = cx.target.ask_guest(&living.guest, &["cat", &path], b"")?;
    let mut plugins = parts::registry(cx.program)?;
    let file = ConfigFile {
        name: path.clone(),
        bytes: text.into_bytes(),
    };
    let defaults = install::defaults(&loaded, &plugins, false);
    let settings: Settings = settings::from_yaml(file, &defaults)?;
    let steps = dump(&mut plugins, &loaded, &settings, &told)?;
    let part = Plugin {
        name: &settings.database.plugin,
        purpose: "dump",
        app: &living.app,
    };
    let directory = Path::new(&settings.backup.directory).join(&living.guest.instance);
    let entry = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    Ok(Keep {
        backups: settings.backup.directory.clone(),
        archive: directory
            .join(format!("{}.tar.gz", timestamp(about.at)))
            .display()
            .to_string(),
        metadata: about_archive(living, &told, &settings),
        units: told.app_units(&living.app),
        dump: part.steps(&steps)?,
        entries: vec![
            entry(&path, "deployment-config.yaml"),
            entry(&recipe.data.files, "files"),
            entry(&format!("/etc/{}/environment", living.app), "environment"),
        ],
        user: recipe.user.clone(),
    })
}

/// How the database plugin dumps the database in service.
fn dump(
    plugins: &mut Registry,
    loaded: &recipe::Loaded,
    settings: &Settings,
    told: &Told,
) -> Result<Vec<Step>, Error> {
    let recipe = &loaded.recipe;
    let mut database = plugins.take(Kind::Database, &settings.database.plugin)?;
    let purpose = Purpose::Dump {
        database: parts::live(recipe, told.state.generation),
        file: Handle {
            name: "file".to_owned(),
            path: DUMP.to_owned(),
            database: String::new(),
        },
    };
    let context = parts::context(recipe, settings);
    let looks = database.call(&Observe {
        purpose: purpose.clone(),
        context: context.clone(),
    })?;
    match looks.first() {
        Some(command) => Err(Error::plugin_needs(
            &settings.database.plugin,
            "dump",
            &command.name,
        )),
        None => Ok(database.call(&Asked { purpose, context })?),
    }
}

/// What is known of the data without looking into it.
fn about_archive(living: &Living, told: &Told, settings: &Settings) -> BTreeMap<String, String> {
    let state = &told.state;
    let colour = crate::plan::deploy::colour_name(state.active_colour);
    let pairs = [
        ("instance", state.instance.as_str()),
        ("app", &state.app),
        ("version", &state.version),
        (
            "commit",
            settings.git.deployed_commit.as_deref().unwrap_or_default(),
        ),
        ("database", &settings.database.plugin),
        ("host", &living.seen.node),
        ("trigger", "uninstall"),
        ("active_colour", colour),
    ];
    pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

/// `2026-01-02T03-04-05Z`: sortable, and a plain file name.
fn timestamp(at: u64) -> String {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(at);
    homeport_bootstrap::utc::format(time).replace(':', "-")
}
