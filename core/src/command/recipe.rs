//! `homeport recipe …`: what those need who write recipes.

use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::answer;
use crate::cli::args::{Common, Recipe};
use crate::error::{Error, Kind};
use crate::recipe::{self, RecipeError};
use crate::settings::{Finding, Origin};

/// Runs the verb.
pub fn recipe(common: Common, verb: &Recipe) -> Result<ExitCode, Error> {
    match verb {
        Recipe::Check { recipe } => check(common, recipe),
    }
}

/// What is wrong is the answer, not a failure; the exit code tells it apart from nothing.
fn check(common: Common, path: &Path) -> Result<ExitCode, Error> {
    let found = match recipe::examine(path) {
        Ok(_) => Vec::new(),
        Err(RecipeError::Invalid(found)) => found,
        Err(error) => return Err(error.into()),
    };
    let result = json!({
        "recipe": path,
        "findings": found.iter().map(finding).collect::<Vec<_>>(),
    });
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

fn finding(found: &Finding) -> Value {
    let (file, line) = match &found.origin {
        Origin::File { name, line } => (Some(name), Some(line)),
        _ => (None, None),
    };
    json!({
        "file": file,
        "line": line,
        "key": found.key,
        "why": found.why,
        "nearest": found.nearest,
    })
}
