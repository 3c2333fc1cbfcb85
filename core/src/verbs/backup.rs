//! What goes into an instance's backup, whichever verb makes it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use homeport_bootstrap::utc;
use homeport_plugin_api::wire::Kind;
use homeport_plugin_api::wire::conversation::Handle;
use homeport_plugin_api::wire::database::Purpose;
use homeport_plugin_api::wire::step::Step;

use crate::error::Error;
use crate::places;
use crate::plan::Operation as About;
use crate::plan::backup::{Archive, DUMP, Kept};
use crate::plugin::Registry;
use crate::settings::Settings;
use crate::verbs::held::Held;
use crate::verbs::living::{Living, Told};
use crate::verbs::{history, parts};

/// The archive an operation makes.
pub fn archive(
    living: &Living,
    told: &Told,
    settings: &Settings,
    about: &About,
    files: &str,
) -> Archive {
    let directory = &settings.backup.directory;
    let name = format!("{}.tar.gz", utc::unix(about.at).replace(':', "-"));
    let archive = Path::new(directory).join(&living.guest.instance).join(name);
    let config = places::guest::deployment_config(&living.app);
    let environment = format!("/etc/{}/environment", living.app);
    let entry = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    Archive {
        directory: directory.clone(),
        archive: archive.display().to_string(),
        metadata: metadata(living, told, settings, &about.verb),
        entries: vec![
            entry(&config, "deployment-config.yaml"),
            entry(files, "files"),
            entry(&environment, "environment"),
        ],
    }
}

/// The archives that updates of an instance have made and that are there, newest first. Others – made by hand, or of an
/// earlier instance of that name – are nobody's to remove.
///
/// # Errors
/// When a journal cannot be read.
pub fn made_by_updates(instance: &str) -> Result<Vec<Kept>, Error> {
    let mut all: Vec<Kept> = Vec::new();
    for archive in history::history(instance)?
        .into_iter()
        .filter_map(|entry| entry.release?.noted.backup)
    {
        let there = fs::symlink_metadata(&archive).ok();
        let there = there.filter(|found| found.is_file());
        let known = all.iter().any(|kept| kept.archive == archive);
        all.extend(there.filter(|_| !known).map(|found| Kept {
            bytes: found.len(),
            archive,
        }));
    }
    Ok(all)
}

/// The dump as the database plugin's file.
pub fn dump_file() -> Handle {
    Handle {
        name: "file".to_owned(),
        path: DUMP.to_owned(),
        database: String::new(),
    }
}

/// How the database plugin dumps the database in service.
///
/// # Errors
/// When it refuses, or wants to look first.
pub fn dump(plugins: &mut Registry, held: &Held, told: &Told) -> Result<Vec<Step>, Error> {
    let (recipe, settings) = (&held.recipe.recipe, &held.settings);
    let mut database = plugins.take(Kind::Database, &settings.database.plugin)?;
    let dump = Purpose::Dump {
        database: parts::live(recipe, told.state.generation),
        file: dump_file(),
    };
    let context = parts::context(recipe, settings);
    parts::unseen(&mut database, &dump, "dump", &context)
}

/// What is known of the data without looking into it.
fn metadata(
    living: &Living,
    told: &Told,
    settings: &Settings,
    trigger: &str,
) -> BTreeMap<String, String> {
    let state = &told.state;
    let commit = settings.git.deployed_commit.as_deref();
    let pairs = [
        ("instance", state.instance.as_str()),
        ("app", &state.app),
        ("version", &state.version),
        ("commit", commit.unwrap_or_default()),
        ("database", &settings.database.plugin),
        ("host", &living.seen.node),
        ("trigger", trigger),
        ("active_colour", state.active_colour.name()),
    ];
    pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}
