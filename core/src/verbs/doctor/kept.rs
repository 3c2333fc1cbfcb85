//! What Homeport keeps on the host – registry, journals, staged releases – and whether it fits the guests there are.
//! Gathering reads files; judging is pure.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind};
use crate::lock;
use crate::places;
use crate::report::Finding;
use crate::state::Registered;
use crate::verbs::install;
use crate::verbs::living::Living;
use crate::verbs::operation;

pub(super) const REGISTRY: &str = "registry";
pub(super) const JOURNAL: &str = "journal";
pub(super) const STAGING: &str = "staging";

/// What is kept.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// The registry's files, each with its entry or why it is none.
    pub(super) registry: Vec<(PathBuf, Result<Registered, String>)>,
    /// The instances that have journals.
    pub(super) journals: Vec<Journals>,
    /// Directories of staged releases, each with the operation it is for.
    pub(super) staging: Vec<(PathBuf, String)>,
}

/// An instance's journals.
#[derive(Debug)]
pub(super) struct Journals {
    /// Its name.
    pub(super) instance: String,
    /// Its open operation – id and verb –, or why that cannot be said.
    pub(super) open: Result<Option<(String, String)>, String>,
    /// Who is at work on it.
    pub(super) holder: Option<String>,
}

/// Reads it.
pub(super) fn gather() -> Result<Kept, Error> {
    let registry = inside(&places::instances())?.into_iter().map(|path| {
        let read = fs::read(&path).map_err(|error| error.to_string());
        let entry = read
            .and_then(|bytes| serde_json::from_slice(&bytes).map_err(|error| error.to_string()));
        (path, entry)
    });
    let staging = inside(&places::staging(""))?.into_iter();
    let journals = inside(&places::journals(""))?
        .into_iter()
        .map(|path| name(&path));
    Ok(Kept {
        registry: registry.collect(),
        journals: journals.map(journals_of).collect::<Result<_, _>>()?,
        staging: staging.map(|path| (path.clone(), name(&path))).collect(),
    })
}

fn journals_of(instance: String) -> Result<Journals, Error> {
    let directory = Path::new(lock::DIRECTORY);
    let holder =
        lock::holder(directory, &instance).map_err(|error| Error::state(directory, error))?;
    let open = operation::open(&instance)
        .map(|open| open.map(|open| (open.plan.operation, open.plan.verb)));
    Ok(Journals {
        holder: holder.map(|holder| holder.describe()),
        open: open.map_err(|error| error.why),
        instance,
    })
}

/// What lies in a directory, sorted; nothing if there is none.
fn inside(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| Error::state(directory, error))?,
    };
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    found.sort();
    Ok(found)
}

fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Judges it.
pub(super) fn judge(kept: &Kept, instances: &[Living]) -> Vec<Finding> {
    let journals = kept.journals.iter().filter_map(unresolved);
    let registry = kept
        .registry
        .iter()
        .filter_map(|(path, entry)| match entry {
            Ok(entry) => unfounded(path, entry, kept, instances),
            Err(why) => Some(stale(
                path,
                format!("`{}` cannot be read: {why}", path.display()),
            )),
        });
    let staging = kept.staging.iter().filter_map(|(path, operation)| {
        let found = format!(
            "`{}` was staged for an operation that has ended",
            path.display()
        );
        let texts = [
            "what is fetched goes with its operation".to_owned(),
            found,
            format!("`rm -r {}`", path.display()),
        ];
        (!kept.is_open(operation)).then(|| Finding::warns(STAGING, Kind::Machine, texts))
    });
    journals.chain(registry).chain(staging).collect()
}

impl Kept {
    /// Whether this operation is open – or may be, where a journal cannot be read.
    fn is_open(&self, operation: &str) -> bool {
        self.journals.iter().any(|journals| match &journals.open {
            Ok(open) => open.as_ref().is_some_and(|(id, _)| id == operation),
            Err(_) => true,
        })
    }

    /// Whether somebody is at work on an instance, or was and has not ended.
    fn in_the_making(&self, instance: &str) -> bool {
        let of = |journals: &&Journals| journals.instance == instance;
        let journals = self.journals.iter().find(of);
        journals
            .is_some_and(|journals| journals.holder.is_some() || !matches!(journals.open, Ok(None)))
    }
}

/// An operation that nobody is carrying out any more and nobody has resolved.
fn unresolved(journals: &Journals) -> Option<Finding> {
    let instance = &journals.instance;
    match &journals.open {
        Ok(Some((id, verb))) if journals.holder.is_none() => {
            let remedy = if verb == install::VERB {
                format!(
                    "Run the same install again, or take it back: `homeport uninstall {instance}`"
                )
            } else {
                format!("The same command resolves it first: `homeport {verb} {instance}`")
            };
            let texts = [
                "every operation has ended".to_owned(),
                format!("`{verb}` of `{instance}` was broken off (operation {id})"),
                remedy,
            ];
            Some(Finding::warns(JOURNAL, Kind::Machine, texts))
        }
        Ok(_) => None,
        Err(why) => {
            let directory = places::journals(instance);
            let texts = [
                format!("the journals of `{instance}` can be read"),
                why.clone(),
                format!(
                    "Keep the files and report this: `ls -l {}`",
                    directory.display()
                ),
            ];
            Some(Finding::blocks(JOURNAL, Kind::RecoveryFailed, texts))
        }
    }
}

/// An entry whose guest is not there, or is another. While an operation is open it may be.
fn unfounded(
    path: &Path,
    entry: &Registered,
    kept: &Kept,
    instances: &[Living],
) -> Option<Finding> {
    if kept.in_the_making(&entry.instance) {
        return None;
    }
    let mut ours = instances
        .iter()
        .filter(|living| living.guest.instance.eq_ignore_ascii_case(&entry.instance));
    let found = match ours.clone().next() {
        None => format!(
            "`{}` is in the registry, but no guest of the cluster is it",
            entry.instance
        ),
        // A guest in doubt is told as such, with what settles it.
        Some(_) if ours.any(|living| living.guest.tag == entry.tag || living.doubt.is_some()) => {
            return None;
        }
        Some(living) => format!(
            "`{}` is guest {} in the registry, but guest {} says it is",
            entry.instance, entry.guest, living.guest.id
        ),
    };
    Some(stale(path, found))
}

/// The registry is a cache: what is wrong in it may go.
fn stale(path: &Path, found: String) -> Finding {
    let texts = [
        "the registry names the guests there are".to_owned(),
        found,
        format!("It is only a cache: `rm {}`", path.display()),
    ];
    Finding::warns(REGISTRY, Kind::Machine, texts)
}
