//! Updates an instance: the new release is rehearsed on a copy of its data, then put in service while requests wait.

mod act;
mod findings;
mod prepare;
mod prober;
mod report;
mod room;
mod stages;
mod versions;

use homeport_engine::plan::Plan;

use crate::error::Error;
use crate::plan::Operation as About;
use crate::plan::deploy::Program;
use crate::verbs::Context;
use crate::verbs::operation::Operation;
use crate::verbs::slots::Found;

pub(crate) use act::{requests, told};
use prepare::Prepared;
pub(crate) use prober::Prober;
pub use report::{Checked, Offer, Rehearsed, Requests, Updated};

/// The verb as it is typed.
pub(crate) const VERB: &str = "update";

/// What the user asked for.
pub struct Request<'a> {
    /// Name of the instance.
    pub name: Option<&'a str>,
    /// Version wanted; `None`: the newest.
    pub to: Option<&'a str>,
    /// Where releases are looked for from now on: a directory of this host or a URL; `None`: where the settings say.
    pub from: Option<&'a str>,
    /// SHA-256 of the archive, from a source the administrator trusts.
    pub sha256: Option<&'a str>,
    /// Whether versions that are not finished count.
    pub pre_releases: bool,
    /// Only look what is new.
    pub check: bool,
    /// Only rehearse.
    pub rehearse: bool,
    /// Whether a migration may leave fewer rows than there were.
    pub accept_loss: bool,
    /// A longer predicted pause is refused, milliseconds.
    pub max_pause_ms: u64,
    /// Only show what would be done.
    pub dry_run: bool,
}

/// How it ended.
pub enum Ended {
    /// This is new.
    Checked(Checked),
    /// It would do this.
    Planned(Vec<Plan>),
    /// There is nothing newer.
    Newest(Checked),
    /// It was rehearsed, and nothing is left of it.
    Rehearsed(Rehearsed),
    /// It is in service.
    Done(Box<Updated>),
}

/// Updates, or shows how, or only what is new.
///
/// # Errors
/// When anything is wrong with the new release: nothing was changed then, or it was taken back.
pub fn update(cx: &mut Context<'_>, request: &Request<'_>) -> Result<Ended, Error> {
    let only_look = request.check || request.dry_run;
    let (living, _lock) = cx.found(request.name, VERB, only_look)?;
    let mut found = Found::of(cx, living, VERB)?;
    let mut checked = versions::checked(&found.held, &found.told.state, request)?;
    room::fill(&mut checked, &found.told, &mut found.plugins)?;
    if request.check {
        return Ok(Ended::Checked(checked));
    }
    let Some(version) = versions::wanted(&checked, request)? else {
        return Ok(Ended::Newest(checked));
    };
    let room_mb = room::enough(&checked)?;
    let (program, about) = (cx.program.deployed(), found.operation(VERB)?);
    if request.dry_run {
        let plans = planned(program, about, found, version, request)?;
        return Ok(Ended::Planned(plans));
    }
    let (prepared, partners) = prepare::prepare(program, about, found, version, room_mb, request)?;
    (cx.confirm)(&question(&prepared, request))?;
    act::act(cx, &prepared, partners, request)
}

/// The stages as they look before anything was seen.
///
/// # Errors
/// When a plugin or the recipe is in the way.
pub fn planned(
    program: Program,
    about: About,
    found: Found,
    version: String,
    request: &Request<'_>,
) -> Result<Vec<Plan>, Error> {
    let room_mb = found
        .told
        .report
        .disks
        .get("/")
        .map_or(0, |room| room.free >> 20);
    let (prepared, mut partners) =
        prepare::prepare(program, about, found, version, room_mb, request)?;
    stages::preview(&prepared, &mut partners)
}

fn question(prepared: &Prepared, request: &Request<'_>) -> String {
    let slots = &prepared.slots;
    let (instance, old) = (&slots.about.guest.instance, &slots.service.version);
    let what = match request.rehearse {
        true => "Rehearse the update of",
        false => "Update",
    };
    format!(
        "{what} `{instance}` from {} {old} to {}?",
        slots.held.recipe.recipe.title, slots.candidate.version
    )
}

/// Ends an operation of which nothing is to be left.
fn take_back(operation: Operation<'_>, rehearsed: Rehearsed) -> Result<Ended, Error> {
    operation.take_back()?;
    Ok(Ended::Rehearsed(rehearsed))
}
