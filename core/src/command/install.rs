//! `homeport install`: asks what is missing, if there is somebody to ask; then installs, or shows how.

use std::process::ExitCode;

use super::interview::{self, Ended};
use super::session::Session;
use super::{answer, planned, style};
use crate::cli::args::{Common, Install, OnFailure};
use crate::cli::{ask, show};
use crate::error::Error;
use crate::settings::{SettingsError, Sources};
use crate::verbs::install::{self, Installed, Known, Request};

pub(super) fn install(common: Common, given: &Install) -> Result<ExitCode, Error> {
    let (common, sources, known) = settled(common, given)?;
    let request = request(given, sources);
    let mut session = Session::new(common, install::VERB, given.dry_run)?;
    let ended = session.run("removes what was made", |cx| {
        install::install(cx, &request, known)
    })?;
    match ended {
        Installed::Planned(found) => planned(common, &found.plans, &found.findings),
        Installed::Done(done) => answer(common, &done, || show::installed(&done, style())),
    }
}

fn request(given: &Install, sources: Sources) -> Request {
    Request {
        sources,
        keep_on_failure: given.on_failure == OnFailure::Keep,
        dry_run: given.dry_run,
    }
}

/// What was given, with what was missing answered, and what is known of the app if it was found out by just that.
/// Whoever has answered and agreed is not asked again.
fn settled(common: Common, given: &Install) -> Result<(Common, Sources, Option<Known>), Error> {
    let sources = given.sources()?;
    if common.yes || given.dry_run {
        return Ok((common, sources, None));
    }
    let session = Session::new(common, install::VERB, true)?;
    let wanted = install::wanted(session.program(), &sources)?;
    let missing = match &wanted.settings {
        Ok(_) => &[],
        Err(SettingsError::Missing(missing)) => missing.as_slice(),
        Err(_) => return Ok((common, sources, Some(wanted.known))),
    };
    if common.json || !ask::possible() {
        return Err(Error::nobody_to_ask(missing, &wanted.taken(&sources)));
    }
    if missing.is_empty() {
        return Ok((common, sources, Some(wanted.known)));
    }
    match interview::interview(session, sources, wanted.known, given.config.as_deref())? {
        Ended::Agreed(sources) => Ok((
            Common {
                yes: true,
                ..common
            },
            sources,
            None,
        )),
        Ended::Left => Err(Error::left()),
    }
}
