//! What a guest holds of its deployment: settings, certificate, and how its health is looked at. Read with one call.

use crate::error::{Error, Kind};
use crate::places;
use crate::plan::deploy::Health;
use crate::plugin::Registry;
use crate::recipe::{self, Loaded};
use crate::settings::{self, ConfigFile, Settings};
use crate::verbs::living::Living;
use crate::verbs::{Context, install, parts};

/// What parts the files of one answer: a byte no text has in it.
const PART: char = '\u{1e}';

/// Files and names of directories, each followed by [`PART`]. What is not there is empty.
const READ: &str = r#"for path in "$@"; do
  if [ -d "$path" ]; then ls -1 "$path"; else cat "$path" 2>/dev/null || :; fi
  printf '\036'
done"#;

/// What a guest holds.
pub struct Held {
    /// The recipe as this Homeport has it, of what is installed.
    pub recipe: Loaded,
    /// The whole of it, with what only other releases have.
    pub whole: Loaded,
    /// The deployment's settings.
    pub settings: Settings,
    /// The file they were read from, as it is.
    pub config: String,
    /// How its health is looked at.
    pub health: Health,
    /// Names of its releases' directories.
    pub releases: Vec<String>,
}

/// Reads it, and the plugins there are.
///
/// # Errors
/// When the guest does not answer, or its settings are not valid.
pub fn read(cx: &mut Context<'_>, living: &Living) -> Result<(Held, Registry), Error> {
    let whole = recipe::load(&cx.program.templates(), &living.app)?;
    let plugins = parts::registry(cx.program)?;
    let config = places::guest::deployment_config(&living.app);
    let releases = format!("{}/releases", places::guest::program(&living.app));
    let paths = [
        config.as_str(),
        places::guest::HEALTH,
        places::guest::PROBES,
        places::guest::DATABASE,
        &releases,
        places::guest::GATES,
    ];
    let words = ["sh", "-c", READ, "sh"].into_iter().chain(paths);
    let words: Vec<&str> = words.collect();
    let text = cx.target.ask_guest(&living.guest, &words, b"")?;
    let told: Vec<&str> = text.split(PART).collect();
    let [text, spec, probes, database, releases, gates, _] = told.as_slice() else {
        let why = format!("container {}: {} parts", living.guest.id, told.len());
        return Err(Error::new(
            Kind::Machine,
            "The guest's answer makes no sense.",
            why,
        ));
    };
    let file = ConfigFile {
        name: config,
        bytes: text.as_bytes().to_vec(),
    };
    let settings = settings::from_yaml(file, &install::defaults(&whole, &plugins, false))?;
    let held = Held {
        recipe: installed(&whole, gates),
        whole,
        settings,
        config: (*text).to_owned(),
        health: Health {
            spec: (*spec).to_owned(),
            probes: (*probes).to_owned(),
            database: (*database).to_owned(),
        },
        releases: releases.lines().map(str::to_owned).collect(),
    };
    Ok((held, plugins))
}

/// The recipe of what has a gate here; `gates` are the names of their files, a line each.
fn installed(whole: &Loaded, gates: &str) -> Loaded {
    let optional = whole.recipe.components.iter();
    let optional = optional.filter(|component| component.optional.is_some());
    let names = optional.map(|component| component.name.clone());
    let gated = |name: &String| {
        let file = places::guest::gate_settings(name);
        gates
            .lines()
            .any(|gate| file.ends_with(&format!("/{gate}")))
    };
    let absent: Vec<String> = names.filter(|name| !gated(name)).collect();
    whole.without(&absent)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_has_a_gate_is_installed() {
        let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../templates");
        let whole = recipe::load(&templates, "vikunja").unwrap();
        let names = |gates: &str| -> Vec<String> {
            let components = installed(&whole, gates).recipe.components;
            components.into_iter().map(|found| found.name).collect()
        };
        assert_eq!(names("gate-backend.env\n"), ["backend"]);
        assert_eq!(
            names("gate-backend.env\ngate-mcp.env\n"),
            ["backend", "mcp"]
        );
    }
}
