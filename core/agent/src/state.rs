//! The agent's directory, `/var/lib/homeport` unless another is named: where its journals, its lock and the instance's
//! state lie. Every name that comes from outside is checked before it becomes part of a path.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use homeport_engine::cutover::{Note, Standing};
use homeport_engine::journal::{self, Journal, JournalError, Record};
use homeport_engine::run::{Fault, FaultKind};

/// Where it is, unless another is named.
pub(crate) const ROOT: &str = "/var/lib/homeport";

/// Directory of the cut-overs' journals.
const CUT_OVERS: &str = "cutover";

/// Longest operation id, bytes.
const ID_LIMIT: usize = 128;

/// The directory.
#[derive(Debug, Clone)]
pub(crate) struct StateDir(PathBuf);

impl StateDir {
    pub(crate) fn new(root: impl Into<PathBuf>) -> StateDir {
        StateDir(root.into())
    }

    /// Makes what is missing. The directory itself may be entered by all: units look for files in it.
    pub(crate) fn prepare(&self) -> Result<(), Fault> {
        for (path, mode) in [
            (self.0.clone(), 0o755),
            (self.journals(), 0o700),
            (self.0.join(CUT_OVERS), 0o700),
        ] {
            let made = DirBuilder::new().recursive(true).mode(mode).create(&path);
            made.map_err(|error| unusable(&path, &error))?;
        }
        Ok(())
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.0.join("state.json")
    }

    pub(crate) fn health(&self) -> PathBuf {
        self.0.join("health.json")
    }

    /// Opens an operation's journal, making it if there is none.
    pub(crate) fn journal(&self, operation: &str) -> Result<Journal, Fault> {
        Journal::open(&self.path(operation)?).map_err(|error| damaged(&error))
    }

    /// The records of an operation's journal; none if it has no journal.
    pub(crate) fn records(&self, operation: &str) -> Result<Vec<Record>, Fault> {
        let records = journal::load(&self.path(operation)?).map_err(|error| damaged(&error))?;
        Ok(records.unwrap_or_default())
    }

    /// Ids of all operations that have a journal, in the order of their names. No directory is no operation.
    pub(crate) fn operations(&self) -> Result<Vec<String>, Fault> {
        named(&self.journals())
    }

    /// The lock of whoever works on a cut-over.
    pub(crate) fn cut_over_lock(&self) -> PathBuf {
        self.0.join(CUT_OVERS).join("lock")
    }

    /// Opens a cut-over's journal, making it if there is none.
    pub(crate) fn cut_over(&self, operation: &str) -> Result<Journal<Note>, Fault> {
        Journal::open(&below(&self.0.join(CUT_OVERS), operation)?).map_err(|error| damaged(&error))
    }

    /// How far a cut-over has come; none if it was not begun.
    pub(crate) fn cut_over_standing(&self, operation: &str) -> Result<Option<Standing>, Fault> {
        let path = below(&self.0.join(CUT_OVERS), operation)?;
        let notes = journal::load(&path).map_err(|error| damaged(&error))?;
        Standing::of(&notes.unwrap_or_default()).map_err(|why| {
            damaged(&JournalError::Damaged {
                path: path.display().to_string(),
                line: 0,
                why,
            })
        })
    }

    /// Ids of all cut-overs that have a journal, in the order of their names.
    pub(crate) fn cut_overs(&self) -> Result<Vec<String>, Fault> {
        named(&self.0.join(CUT_OVERS))
    }

    /// Operations whose journal was begun and not closed. There is at most one, unless someone copied files about.
    pub(crate) fn open(&self) -> Result<Vec<String>, Fault> {
        let mut open = Vec::new();
        for operation in self.operations()? {
            if !matches!(
                self.records(&operation)?.last(),
                None | Some(Record::Closed { .. })
            ) {
                open.push(operation);
            }
        }
        Ok(open)
    }

    fn journals(&self) -> PathBuf {
        self.0.join("journal")
    }

    fn path(&self, operation: &str) -> Result<PathBuf, Fault> {
        below(&self.journals(), operation)
    }
}

/// The names of a directory's journals, in order. No directory is no journal.
fn named(directory: &Path) -> Result<Vec<String>, Fault> {
    let unreadable = |error: io::Error| unusable(directory, &error);
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut ids = Vec::new();
    for entry in entries {
        let name = entry.map_err(unreadable)?.file_name();
        let id = name.to_str().and_then(|name| name.strip_suffix(".jsonl"));
        ids.extend(id.filter(|id| plain(id)).map(str::to_owned));
    }
    ids.sort_unstable();
    Ok(ids)
}

/// The journal of an operation in a directory.
fn below(directory: &Path, operation: &str) -> Result<PathBuf, Fault> {
    if !plain(operation) {
        let why = format!("`{operation}` cannot be the id of an operation");
        return Err(Fault::new(FaultKind::Failed, why));
    }
    Ok(directory.join(format!("{operation}.jsonl")))
}

/// Letters, digits and `._-`, the first a letter or digit: a file name that hides nowhere and leads nowhere.
fn plain(operation: &str) -> bool {
    operation.len() <= ID_LIMIT
        && operation.starts_with(|first: char| first.is_ascii_alphanumeric())
        && operation
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// A fault about a journal that cannot be used.
pub(crate) fn damaged(error: &JournalError) -> Fault {
    Fault::new(FaultKind::Failed, error.to_string())
        .with_remedy("Look at the file it names; nothing is changed while it cannot be read")
}

fn unusable(path: &Path, error: &io::Error) -> Fault {
    let why = format!("`{}` cannot be used: {error}", path.display());
    Fault::new(FaultKind::Failed, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_journals_with_plain_names_are_operations() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path().join("state"));
        assert!(state.operations().unwrap().is_empty());
        state.prepare().unwrap();
        for name in [
            "b.jsonl",
            "a-1.jsonl",
            ".hidden.jsonl",
            "c.json",
            "x y.jsonl",
        ] {
            fs::write(state.journals().join(name), "").unwrap();
        }
        assert_eq!(state.operations().unwrap(), ["a-1", "b"]);
        for id in ["", ".", "..", "../x", "a/b", "-a", "a b", &"x".repeat(129)] {
            assert!(state.journal(id).is_err(), "{id}");
        }
    }

    #[test]
    fn open_is_what_was_begun_and_not_closed() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path());
        state.prepare().unwrap();
        state.journal("empty").unwrap();
        let closed = Record::Closed {
            outcome: homeport_engine::recover::Outcome::Done,
            at: 1,
        };
        state.journal("closed").unwrap().append([closed]).unwrap();
        state
            .journal("open")
            .unwrap()
            .append([Record::Commit])
            .unwrap();
        assert_eq!(state.open().unwrap(), ["open"]);
        fs::write(state.path("bad").unwrap(), "garbage\n").unwrap();
        assert!(state.open().unwrap_err().why.contains("bad.jsonl"));
    }
}
