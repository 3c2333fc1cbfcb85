//! Looks at settings files, and changes single values of them. Touches no instance and no machine.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::Path;

use homeport_engine::durable;
use serde_json::Value;

use super::install::{DEFAULT_APP, defaults};
use super::parts;
use crate::error::Error;
use crate::program::Program;
use crate::recipe;
use crate::settings::{self, ConfigFile, Defaults, Settings, Sources};

/// The settings of a file, if all of them are valid.
///
/// # Errors
/// Everything that is wrong with it, each with its line.
pub fn check(program: &Program, path: &Path) -> Result<Settings, Error> {
    let file = ConfigFile::read(path)?;
    let (_, defaults) = of_file(program, &file)?;
    Ok(settings::from_yaml(file, &defaults)?)
}

/// Changes these settings (`PATH=VALUE`) in a file; comments, order and everything else in it stay. The new file
/// replaces the old one in one step, with the same owner and mode.
pub fn set(program: &Program, path: &Path, set: &[String]) -> Result<(), Error> {
    let file = ConfigFile::read(path)?;
    let (_, defaults) = of_file(program, &file)?;
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

/// The JSON schema of an app's settings file; without a name, of the app that is installed when none is named.
pub fn schema(program: &Program, app: Option<&str>) -> Result<Value, Error> {
    let (app, defaults) = of(program, app.map(str::to_owned), false)?;
    Ok(settings::json_schema(&defaults, &app))
}

fn of_file(program: &Program, file: &ConfigFile) -> Result<(String, Defaults), Error> {
    let sources = Sources {
        file: Some(file.clone()),
        ..Sources::default()
    };
    of(program, sources.peek("app"), sources.builds())
}

/// The app, and what its recipe and the plugins say about settings.
fn of(program: &Program, app: Option<String>, builds: bool) -> Result<(String, Defaults), Error> {
    let app = app.unwrap_or_else(|| DEFAULT_APP.to_owned());
    let recipe = recipe::load(&program.templates(), &app)?;
    let plugins = parts::registry(program)?;
    Ok((app, defaults(&recipe, &plugins, builds)))
}
