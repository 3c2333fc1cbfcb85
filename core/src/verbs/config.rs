//! Looks at settings files, and changes single values of them. Touches no instance and no machine.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::Path;

use homeport_engine::durable;
use serde_json::Value;

use super::install::Known;
use crate::error::Error;
use crate::program::Program;
use crate::settings::{self, ConfigFile, Pages, Settings, Sources};

/// The settings of a file, if all of them are valid.
///
/// # Errors
/// Everything that is wrong with it, each with its line.
pub fn check(program: &Program, path: &Path) -> Result<Settings, Error> {
    let file = ConfigFile::read(path)?;
    let defaults = Known::of(program, &alone(&file))?.defaults;
    Ok(settings::from_yaml(file, &defaults)?)
}

/// Changes these settings (`PATH=VALUE`) in a file; comments, order and everything else in it stay. The new file
/// replaces the old one in one step, with the same owner and mode.
pub fn set(program: &Program, path: &Path, set: &[String]) -> Result<(), Error> {
    let file = ConfigFile::read(path)?;
    let defaults = Known::of(program, &alone(&file))?.defaults;
    let text = settings::assign(&file, set, &defaults)?;
    let unwritable = |source| Error::unwritable(path, source);
    let whole = fs::canonicalize(path).map_err(unwritable)?;
    let was = fs::metadata(&whole).map_err(unwritable)?;
    let mode = was.permissions().mode() & 0o7777;
    durable::replace_with(&whole, mode, |to| {
        fchown(&*to, Some(was.uid()), Some(was.gid()))?;
        to.write_all(text.as_bytes())
    })
    .map_err(unwritable)
}

/// Writes settings as a new file that others than root and its group cannot read, and their schema beside it.
pub fn write(path: &Path, pages: &Pages) -> Result<(), Error> {
    let unwritable = |source| Error::unwritable(path, source);
    let schema = path.with_file_name(Pages::SCHEMA_FILE);
    durable::replace(&schema, pages.schema.as_bytes(), 0o644).map_err(unwritable)?;
    durable::replace(path, pages.yaml.as_bytes(), 0o640).map_err(unwritable)
}

/// Why no new file can be written at this path.
pub fn no_place(path: &Path) -> Option<String> {
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    if path.exists() {
        return Some("is there already; name a new file".to_owned());
    }
    let there = directory.is_none_or(Path::is_dir) && path.file_name().is_some();
    (!there).then(|| "lies in a directory that is not there".to_owned())
}

/// The JSON schema of an app's settings file; without a name, of the app that is installed when none is named.
pub fn schema(program: &Program, app: Option<&str>) -> Result<Value, Error> {
    let sources = Sources {
        flags: app
            .map(|app| ("app".to_owned(), app.to_owned()))
            .into_iter()
            .collect(),
        ..Sources::default()
    };
    let known = Known::of(program, &sources)?;
    Ok(settings::json_schema(
        &known.defaults,
        &known.recipe.recipe.app,
    ))
}

fn alone(file: &ConfigFile) -> Sources {
    Sources {
        file: Some(file.clone()),
        ..Sources::default()
    }
}
