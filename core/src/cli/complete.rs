//! What completes a word in a shell: verbs and flags, and names that are on this host. Reads directories; asks no program
//! and no guest, because somebody waits with a finger on the key.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;

use clap::CommandFactory;
use clap_complete::engine::CompletionCandidate;
use clap_complete::env::{CompleteEnv, Shells};

use super::args::Cli;
use crate::places;
use crate::program::Program;
use crate::recipe;
use crate::verbs::list;

/// Set by the script in the shell when it wants words completed.
const VARIABLE: &str = "HOMEPORT_COMPLETE";

/// Parts of every instance that have a log, beside its app's components.
const PARTS: [&str; 4] = ["gate", "proxy", "agent", "homeport"];

/// Completes words if that is what this process was started for; then nothing else is to be done.
pub fn completed(words: impl IntoIterator<Item = OsString>) -> bool {
    let directory = std::env::current_dir().ok();
    CompleteEnv::with_factory(Cli::command)
        .var(VARIABLE)
        .try_complete(words, directory.as_deref())
        .unwrap_or(true)
}

/// The script that has a shell ask this program. `None`: a shell nobody has written one for.
pub fn script(shell: &str) -> Option<io::Result<String>> {
    let shells = Shells::builtins();
    let shell = shells.completer(shell)?;
    let mut script = Vec::new();
    let written =
        shell.write_registration(VARIABLE, "homeport", "homeport", "homeport", &mut script);
    Some(written.map(|()| String::from_utf8_lossy(&script).into_owned()))
}

/// Instances this host knows.
pub(super) fn instances() -> Vec<CompletionCandidate> {
    candidates(names_in(&places::instances(), ".json"))
}

/// Parts of the apps that are installed on this host.
pub(super) fn components() -> Vec<CompletionCandidate> {
    let mut names = PARTS.map(str::to_owned).to_vec();
    if let Ok(program) = Program::find() {
        let templates = program.templates();
        let loaded = apps()
            .into_iter()
            .filter_map(|app| recipe::load(&templates, &app).ok());
        let components = loaded.flat_map(|loaded| loaded.recipe.components);
        names.extend(components.map(|component| component.name));
    }
    candidates(names)
}

/// Plugins by their files' names.
pub(super) fn plugins() -> Vec<CompletionCandidate> {
    let shipped = Program::find().map(|program| program.plugins()).ok();
    let places = shipped.into_iter().chain([places::PLUGINS.into()]);
    candidates(places.flat_map(|place| names_in(&place, ".so")).collect())
}

/// The apps of the instances this host knows, each once.
fn apps() -> BTreeSet<String> {
    let names = names_in(&places::instances(), ".json").into_iter();
    names
        .filter_map(|name| Some(list::registered(&name)?.app))
        .collect()
}

fn names_in(directory: &Path, ending: &str) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter_map(|name| Some(name.strip_suffix(ending)?.to_owned()))
        .collect()
}

fn candidates(mut names: Vec<String>) -> Vec<CompletionCandidate> {
    names.sort();
    names.dedup();
    names.into_iter().map(CompletionCandidate::new).collect()
}
