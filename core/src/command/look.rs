//! `status`, once or again and again.

use std::process::ExitCode;
use std::time::Duration;

use super::session::Session;
use super::{answer, style};
use crate::cli::args::{Common, Look};
use crate::cli::{json, output, show};
use crate::error::{Error, Kind};
use crate::report::{Health, Status};
use crate::verbs::status;

pub(super) fn status(common: Common, given: &Look) -> Result<ExitCode, Error> {
    let mut session = Session::new(common, "status", true)?;
    match given.watch {
        Some(seconds) => watch(common, given, &mut session, seconds),
        None => {
            let found = look(given, &mut session)?;
            answer(common, &found, || show::status(&found, style()))?;
            Ok(code(&found))
        }
    }
}

fn look(given: &Look, session: &mut Session) -> Result<Status, Error> {
    let (name, max_age) = (given.one.instance.as_deref(), given.max_age.into());
    session.run("stops looking", |cx| status::status(cx, name, max_age))
}

/// 10 unless users are served.
fn code(found: &Status) -> ExitCode {
    match found.overall {
        Health::Healthy | Health::Degraded => ExitCode::SUCCESS,
        Health::Unhealthy | Health::Unknown => ExitCode::from(Kind::Unhealthy.code()),
    }
}

/// Looks until it is told to stop, and ends as the last look did. A first look that fails ends it: what is not there
/// will not come.
fn watch(
    common: Common,
    given: &Look,
    session: &mut Session,
    seconds: u32,
) -> Result<ExitCode, Error> {
    let mut last = None;
    loop {
        match (look(given, session), last) {
            (Err(_), Some(last)) if session.stopped() => return Ok(last),
            (Err(error), None) => return Err(error),
            (Err(error), Some(_)) => last = Some(failed(common, &error)),
            (Ok(found), _) => {
                draw(common, &found, seconds);
                last = Some(code(&found));
            }
        }
        if !session.pause(Duration::from_secs(seconds.into())) {
            return Ok(last.unwrap_or(ExitCode::SUCCESS));
        }
    }
}

fn draw(common: Common, found: &Status, seconds: u32) {
    if common.json {
        output::result(&json::line(found));
    } else {
        let end = format!("Looks again every {seconds} s. Ctrl-C ends this.");
        output::again(&show::status(found, style()), &end);
    }
}

/// A look that failed is told like any other; the next one may not.
fn failed(common: Common, error: &Error) -> ExitCode {
    if common.json {
        output::result(&json::line(
            &serde_json::json!({ "error": error.to_json() }),
        ));
        return ExitCode::from(error.code());
    }
    output::fail(error, false)
}
