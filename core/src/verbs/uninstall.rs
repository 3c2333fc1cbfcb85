//! Removes an instance with everything that was made for it – or leaves a verified archive of its data.

use homeport_engine::plan::Plan;
use homeport_engine::recover::Outcome;
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::Error;
use crate::plan::Operation as About;
use crate::plan::parts::Plugin;
use crate::plan::uninstall::{self, Keep};
use crate::verbs::living::Living;
use crate::verbs::operation::{self, Operation};
use crate::verbs::{Context, backup, held};

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
    let (living, _lock) = cx.found(request.name, VERB, request.dry_run)?;
    let instance = living.guest.instance.clone();
    let about = living.operation(VERB)?;
    let keep = if request.keep_data {
        Some(keep(cx, &living, &about)?)
    } else {
        None
    };
    let archive = keep.as_ref().map(|keep| keep.archive.archive.clone());
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
        swept(cx, &instance)?;
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

/// What a command left that was killed before it had begun anything: no instance is there to be told of.
fn swept(cx: &mut Context<'_>, instance: &str) -> Result<(), Error> {
    if !operation::never_began(instance)? {
        return Ok(());
    }
    let _lock = cx.lock(instance, VERB)?;
    if operation::never_began(instance)? {
        operation::forget(instance)?;
    }
    Ok(())
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
    let (held, mut plugins) = held::read(cx, living)?;
    let (recipe, settings) = (&held.recipe.recipe, &held.settings);
    let part = Plugin {
        name: &settings.database.plugin,
        purpose: "dump",
        app: &living.app,
    };
    Ok(Keep {
        archive: backup::archive(living, &told, settings, about, &recipe.data.files),
        units: told.app_units(&living.app),
        dump: part.steps(&backup::dump(&mut plugins, &held, &told)?)?,
        user: recipe.user.clone(),
    })
}
