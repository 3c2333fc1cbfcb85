//! What ends an update in its rehearsal: nothing was changed then.

use homeport_engine::rehearsal::Report;
use homeport_engine::require::Observations;

use crate::error::{Error, Kind};
use crate::plan::update::{Counted, TOUCHED, lost};

/// How an act went. What went wrong in it ends the update.
pub(super) fn act(seen: &Observations, name: &str) -> Result<Report, Error> {
    let text = seen.get(name).map_or("", |seen| seen.stdout.as_str());
    let report: Report = serde_json::from_str(text).map_err(|error| {
        let what = "The guest's account of the rehearsal makes no sense.";
        Error::new(Kind::Machine, what, error.to_string())
    })?;
    match report.wrong {
        None => Ok(report),
        Some(why) => Err(unfit(why, report.lines)),
    }
}

fn unfit(why: String, lines: Vec<String>) -> Error {
    let mut error = Error::new(
        Kind::Unhealthy,
        "The new release did not pass its rehearsal; it was never in service.",
        why,
    );
    error.lines = lines;
    error.with_remedy("Stay with this version, and tell the app's publisher what its log says.")
}

/// Nothing got lost in its migrations.
pub(super) fn kept_everything(
    before: &Counted,
    after: &Counted,
    volatile: &[String],
) -> Result<(), Error> {
    let gone = lost(before, after, volatile);
    if gone.is_empty() {
        return Ok(());
    }
    let told = gone.iter().map(|one| match one.after {
        Some(after) => format!("`{}` has {after} rows instead of {}", one.table, one.before),
        None => format!("`{}` with {} rows is gone", one.table, one.before),
    });
    let why = format!(
        "its migrations lose rows: {}",
        told.collect::<Vec<_>>().join(", ")
    );
    let remedy =
        "If its publisher says that this is meant to be: the same command with `--accept-loss`.";
    Err(unfit(why, Vec::new()).with_remedy(remedy))
}

/// It changed no file that was there.
pub(super) fn left_files_alone(seen: &Observations) -> Result<(), Error> {
    let touched = seen.get(TOUCHED).cloned().unwrap_or_default();
    if touched.exit != 0 {
        let why = "the files before and after cannot be compared".to_owned();
        return Err(unfit(why, Vec::new()));
    }
    let names = touched.stdout.lines();
    let names: Vec<&str> = names.filter_map(|line| line.split('\t').next()).collect();
    match names.as_slice() {
        [] => Ok(()),
        names => {
            let why = format!("it changes or removes existing files: {}", names.join(", "));
            Err(unfit(why, Vec::new()))
        }
    }
}
