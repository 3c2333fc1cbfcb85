//! Updates an instance: the new release is rehearsed on a copy of its data, then put in service while requests wait.

mod act;
mod built;
mod findings;
mod planfile;
mod prepare;
mod prober;
mod report;
mod room;
mod sources;
mod stages;
mod versions;

use std::path::Path;

use homeport_engine::plan::Plan;

use crate::error::Error;
use crate::plan::Operation as About;
use crate::plan::deploy::Program;
use crate::settings::SourceKind;
use crate::verbs::operation::Operation;
use crate::verbs::parts::Partners;
use crate::verbs::slots::Found;
use crate::verbs::{Context, surround};

pub(crate) use act::{by_hand, requests, told};
use built::Unbuilt;
pub use planfile::PlanFile;
use planfile::Plannable;
use prepare::{Prepared, Version};
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
    /// Where is looked this time: a directory of this host or a URL; `None`: where the settings say.
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
    /// Write what would be done into this file, too, which is not there yet.
    pub plan_out: Option<&'a Path>,
    /// What it was planned to be: with anything else it ends.
    pub planned: Option<&'a PlanFile>,
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
    if let Some(planned) = request.planned {
        planned.still_so(cx, &living)?;
    }
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
    let (program, about) = (cx.program.deployed(), found.living.operation(VERB)?);
    if request.dry_run {
        let plannable = Plannable {
            found: &found,
            checked: &checked,
            about: &about,
            to: &version,
            room_mb,
        };
        let file = plannable.file(request);
        let plans = planned(program, about, found, (version, room_mb), request)?;
        if let Some(path) = request.plan_out {
            file.write(path, &plans)?;
        }
        return Ok(Ended::Planned(plans));
    }
    let ready = match found.held.settings.source.kind {
        SourceKind::Release => {
            let wanted = Version::released(version);
            let both = prepare::prepare(program, about, found, wanted, room_mb, request)?;
            Ready::Planned(Box::new(both))
        }
        _ => {
            let registries = surround::registries(&cx.target.facts()?, &found.held.settings);
            let unbuilt = Unbuilt {
                program,
                about,
                found,
                registries,
                room_mb,
            };
            Ready::Unbuilt(Box::new(unbuilt.asked_for(request)))
        }
    };
    (cx.confirm)(&question(&ready, request))?;
    act::act(cx, ready, request)
}

/// What an update begins with.
enum Ready {
    /// A release that is known: everything is planned from it.
    Planned(Box<(Prepared, Partners)>),
    /// A source, of which is known what it is once it lies in the guest.
    Unbuilt(Box<Unbuilt>),
}

/// The stages as they look before anything was seen. `wanted` are the version and how much room may be used in the guest,
/// MiB.
///
/// # Errors
/// When a plugin or the recipe is in the way.
pub fn planned(
    program: Program,
    about: About,
    mut found: Found,
    (version, room_mb): (String, u64),
    request: &Request<'_>,
) -> Result<Vec<Plan>, Error> {
    let wanted = match found.held.settings.source.kind {
        SourceKind::Release => Version::released(version),
        _ => {
            sources::settle(&mut found.held.settings, request);
            built::unseen(&found, &version)
        }
    };
    let (prepared, mut partners) =
        prepare::prepare(program, about, found, wanted, room_mb, request)?;
    stages::preview(&prepared, &mut partners)
}

fn question(ready: &Ready, request: &Request<'_>) -> String {
    let what = match request.rehearse {
        true => "Rehearse the update of",
        false => "Update",
    };
    match ready {
        Ready::Planned(both) => {
            let slots = &both.0.slots;
            format!(
                "{what} `{}` from {} {} to {}?",
                slots.about.guest.instance,
                slots.held.recipe.recipe.title,
                slots.service.version,
                slots.candidate.version
            )
        }
        Ready::Unbuilt(unbuilt) => format!(
            "{what} `{}` from {} to what is built from {}?",
            unbuilt.about.guest.instance,
            unbuilt.found.told.state.version,
            unbuilt.from()
        ),
    }
}

/// Ends an operation of which nothing is to be left.
fn take_back(operation: Operation<'_>, rehearsed: Rehearsed) -> Result<Ended, Error> {
    operation.take_back()?;
    Ok(Ended::Rehearsed(rehearsed))
}
