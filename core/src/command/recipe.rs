//! `homeport recipe …`: what those need who write recipes.

use std::path::Path;
use std::process::ExitCode;

use super::answer;
use super::session::Session;
use crate::cli::args::{Common, Pin, Recipe};
use crate::cli::schema;
use crate::error::{Error, Kind};
use crate::recipe::{self, RecipeError};
use crate::settings::{Finding, Origin};
use crate::verbs::pin;

/// Runs the verb.
pub fn recipe(common: Common, verb: &Recipe) -> Result<ExitCode, Error> {
    match verb {
        Recipe::Check { recipe } => check(common, recipe),
        Recipe::Pin(given) => pinned(common, given),
    }
}

/// What is wrong is the answer, not a failure; the exit code tells it apart from nothing.
fn check(common: Common, path: &Path) -> Result<ExitCode, Error> {
    let found = match recipe::examine(path) {
        Ok(_) => Vec::new(),
        Err(RecipeError::Invalid(found)) => found,
        Err(error) => return Err(error.into()),
    };
    let result = schema::Recipe {
        recipe: path.to_owned(),
        findings: found.iter().map(wrong).collect(),
    };
    answer(common, &result, || match found.as_slice() {
        [] => format!("{}: nothing is wrong.", path.display()),
        found => {
            let lines: Vec<String> = found.iter().map(Finding::to_string).collect();
            format!("{}\nWrong: {}.", lines.join("\n"), found.len())
        }
    })?;
    Ok(match found.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(Kind::Configuration.code()),
    })
}

fn pinned(common: Common, given: &Pin) -> Result<ExitCode, Error> {
    let request = pin::Request {
        recipe: &given.recipe,
        version: given.release.trim_start_matches('v'),
        url: given.url.as_deref(),
    };
    let mut session = Session::new(common, "pin", false)?;
    let done = session.run("pins nothing", |cx| pin::pin(cx, &request))?;
    answer(common, &done, || {
        let what = format!("{} of version {}", done.sha256, done.version);
        match done.changed {
            true => format!("{}: pinned {what}.", done.recipe.display()),
            false => format!("{}: {what} was pinned already.", done.recipe.display()),
        }
    })
}

fn wrong(found: &Finding) -> schema::Wrong {
    let (file, line) = match &found.origin {
        Origin::File { name, line } => (Some(name.clone()), Some(*line)),
        _ => (None, None),
    };
    schema::Wrong {
        file,
        line,
        key: found.key.clone(),
        why: found.why.clone(),
        nearest: found.nearest.clone(),
    }
}
