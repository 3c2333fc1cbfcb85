//! `update` and `rollback`: what was asked for, and what is said in the end.

use std::path::Path;
use std::process::ExitCode;

use super::session::Session;
use super::{answer, plans};
use crate::cli::args::{Common, Rollback, Update};
use crate::cli::show;
use crate::error::Error;
use crate::verbs::rollback;
use crate::verbs::update::{self, Ended, PlanFile, Request};

pub(super) fn updated(common: Common, given: &Update) -> Result<ExitCode, Error> {
    let request = Request {
        name: given.change.one.instance.as_deref(),
        to: given.to.as_deref(),
        from: given.from.as_deref(),
        sha256: given.source_sha256.as_deref(),
        pre_releases: given.pre_releases,
        check: given.check,
        rehearse: given.rehearse,
        accept_loss: given.accept_loss,
        max_pause_ms: u64::from(given.max_pause) * 1000,
        dry_run: given.change.dry_run || given.plan_out.is_some(),
        plan_out: given.plan_out.as_deref(),
        planned: None,
    };
    carried_out(common, &request)
}

/// A plan that was written into a file.
pub(super) fn applied(common: Common, file: &Path) -> Result<ExitCode, Error> {
    carried_out(common, &PlanFile::read(file)?.request())
}

fn carried_out(common: Common, request: &Request<'_>) -> Result<ExitCode, Error> {
    let looks = request.check || request.dry_run;
    let mut session = Session::new(common, update::VERB, looks)?;
    let ended = session.run("takes back what was done", |cx| update::update(cx, request))?;
    match ended {
        Ended::Planned(found) => plans(common, &found),
        Ended::Checked(found) => answer(common, &found, || show::offers(&found)),
        Ended::Newest(found) => answer(common, &found, || show::newest(&found)),
        Ended::Rehearsed(found) => answer(common, &found, || show::rehearsed(&found)),
        Ended::Done(done) => answer(common, &*done, || show::updated(&done)),
    }
}

pub(super) fn rolled_back(common: Common, given: &Rollback) -> Result<ExitCode, Error> {
    let request = rollback::Request {
        name: given.change.one.instance.as_deref(),
        to: given.to,
        lose_newer: given.lose_newer,
        export_newer: given.export_newer.as_deref(),
        dry_run: given.change.dry_run,
    };
    let mut session = Session::new(common, rollback::VERB, request.dry_run)?;
    let interrupt = "takes back what was done";
    match session.run(interrupt, |cx| rollback::rollback(cx, &request))? {
        rollback::Ended::Planned(found) => plans(common, &found),
        rollback::Ended::Done(done) => answer(common, &*done, || show::rolled_back(&done)),
    }
}
