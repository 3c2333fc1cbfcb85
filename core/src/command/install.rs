//! `homeport install`: asks what is missing, if there is somebody to ask; then installs, or shows how.

use std::process::ExitCode;

use super::interview::{self, Ended};
use super::session::Session;
use super::{answer, planned, style};
use crate::cli::args::{Common, Install, OnFailure};
use crate::cli::{ask, show};
use crate::error::Error;
use crate::settings::{SettingsError, Sources};
use crate::verbs::install::{self, Installed, Request};

pub(super) fn install(common: Common, given: &Install) -> Result<ExitCode, Error> {
    let (common, sources) = settled(common, given)?;
    let request = request(given, sources);
    let mut session = Session::new(common, install::VERB, given.dry_run)?;
    let ended = session.run("removes what was made", |cx| install::install(cx, &request))?;
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

/// What was given, with what was missing answered. Whoever has answered and agreed is not asked again.
fn settled(common: Common, given: &Install) -> Result<(Common, Sources), Error> {
    let sources = given.sources()?;
    if common.yes || given.dry_run {
        return Ok((common, sources));
    }
    let session = Session::new(common, install::VERB, true)?;
    let wanted = install::wanted(session.program(), &sources)?;
    let missing = match &wanted.settings {
        Ok(_) => &[],
        Err(SettingsError::Missing(missing)) => missing.as_slice(),
        Err(_) => return Ok((common, sources)),
    };
    if common.json || !ask::possible() {
        return Err(Error::nobody_to_ask(missing, &wanted.taken(&sources)));
    }
    if missing.is_empty() {
        return Ok((common, sources));
    }
    match interview::interview(session, sources, given.config.as_deref())? {
        Ended::Agreed(sources) => Ok((
            Common {
                yes: true,
                ..common
            },
            sources,
        )),
        Ended::Left => Err(Error::left()),
    }
}
