//! One operation from its journal to its end. Every changing verb goes through here and nowhere else.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use homeport_engine::check::check;
use homeport_engine::event::Event;
use homeport_engine::journal::{self, Journal, Record};
use homeport_engine::plan::Plan;
use homeport_engine::recover::{self, Outcome, Standing};
use homeport_engine::require::Observations;
use homeport_engine::run::{self, Tell};

use crate::error::{Aftermath, Error, Kind};
use crate::places;
use crate::program::VERSION;
use crate::target::Target;

/// An operation under way.
pub struct Operation<'a> {
    journal: Journal,
    target: &'a mut dyn Target,
    stop: &'a AtomicBool,
    tell: Tell<'a>,
}

impl<'a> Operation<'a> {
    /// Opens a new operation's journal. From here on it is resolved, whatever happens.
    pub fn begin(
        instance: &str,
        id: &str,
        target: &'a mut dyn Target,
        stop: &'a AtomicBool,
        tell: Tell<'a>,
    ) -> Result<Operation<'a>, Error> {
        let directory = places::journals(instance);
        fs::create_dir_all(&directory).map_err(|source| Error::state(&directory, source))?;
        let journal = Journal::open(&directory.join(format!("{id}.jsonl")))?;
        Ok(Operation {
            journal,
            target,
            stop,
            tell,
        })
    }

    /// Number the next stage's first step gets.
    pub fn next(&self) -> Result<u32, Error> {
        Ok(Standing::of(&self.journal)?.known().next)
    }

    /// Checks and runs a stage.
    pub fn stage(&mut self, plan: Plan) -> Result<Observations, Error> {
        let checked = check(plan, &Standing::of(&self.journal)?.known())?;
        Ok(run::stage(
            &mut self.journal,
            self.target,
            &checked,
            VERSION,
            self.stop,
            self.tell,
        )?)
    }

    /// Tells something.
    pub fn tell(&mut self, event: Event) {
        (self.tell)(event);
    }

    /// Asks somebody else than the target between two stages, as long as nobody wants to stop.
    pub fn asking<T>(
        &mut self,
        ask: impl FnOnce(&AtomicBool, &mut dyn FnMut(Event)) -> Result<T, Error>,
    ) -> Result<T, Error> {
        ask(self.stop, self.tell)
    }

    /// Looks at something between two stages.
    pub fn between<T>(
        &mut self,
        look: impl FnOnce(&mut dyn Target) -> Result<T, Error>,
    ) -> Result<T, Error> {
        look(self.target)
    }

    /// The operation has ended well.
    pub fn finish(mut self) -> Result<(), Error> {
        Ok(recover::close(
            &mut self.journal,
            self.target,
            Outcome::Done,
        )?)
    }

    /// The operation was to bring to light what it has brought to light, and nothing else: all of it is taken back.
    pub fn take_back(mut self) -> Result<(), Error> {
        recover::resolve(&mut self.journal, self.target, self.tell)?;
        Ok(())
    }

    /// The operation has failed before its Commit: what the user is told in the end.
    pub fn failed(self, error: Error) -> Error {
        let told = error.clone().after(Aftermath::Committed);
        self.resolve_after(error).err().unwrap_or(told)
    }

    /// The operation has failed: back before Commit, forward after it. What the user is told in the end.
    pub fn resolve_after(mut self, error: Error) -> Result<(), Error> {
        match recover::resolve(&mut self.journal, self.target, self.tell) {
            Ok(Outcome::RolledBack) => {
                never_was(
                    self.journal.path().as_ref(),
                    Standing::of(&self.journal)?.plans(),
                );
                // A cut-over has said that its own way back did not lead to an app that answers.
                let aftermath = match error.kind {
                    Kind::RecoveryFailed => Aftermath::NeedsHands,
                    _ => Aftermath::RolledBack,
                };
                Err(error.after(aftermath))
            }
            Ok(Outcome::Done) => Ok(()),
            Err(second) => Err(error.and_not_resolved(&second)),
        }
    }
}

/// An operation that somebody left open.
#[derive(Debug)]
pub struct Open {
    /// Its journal.
    pub path: PathBuf,
    /// Its first plan: verb, operation, guest.
    pub plan: Plan,
    /// Whether it has committed.
    pub committed: bool,
}

/// The instance's open operation, if there is one. Only reads.
pub fn open(instance: &str) -> Result<Option<Open>, Error> {
    for path in journals(instance)? {
        let Some(records) = journal::load(&path)? else {
            continue;
        };
        let closed = records
            .iter()
            .any(|record| matches!(record, Record::Closed { .. }));
        let committed = records.contains(&Record::Commit);
        let plan = records.into_iter().find_map(|record| match record {
            Record::Begin { plan, .. } => Some(plan),
            _ => None,
        });
        if let (false, Some(plan)) = (closed, plan) {
            return Ok(Some(Open {
                path,
                plan,
                committed,
            }));
        }
    }
    Ok(None)
}

/// The open operation about this guest, whichever instance it is of. Only reads.
pub fn open_about(guest: &str) -> Result<Option<Open>, Error> {
    let directory = places::all_journals();
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::state(&directory, source)),
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    for name in names {
        let open = open(&name)?;
        let about = |open: &Open| {
            open.plan
                .guest
                .as_ref()
                .is_some_and(|known| known.id == guest)
        };
        if let Some(open) = open.filter(about) {
            return Ok(Some(open));
        }
    }
    Ok(None)
}

/// Resolves what an earlier command left open. What it was and how it ended; `None` if nothing was open.
pub fn resolve_open(
    instance: &str,
    target: &mut dyn Target,
    tell: Tell<'_>,
) -> Result<Option<(Plan, Outcome)>, Error> {
    let Some(open) = open(instance)? else {
        return Ok(None);
    };
    let mut journal = Journal::open(&open.path)?;
    let outcome = recover::resolve(&mut journal, target, tell)?;
    if outcome == Outcome::RolledBack {
        never_was(&open.path, std::slice::from_ref(&open.plan));
    }
    Ok(Some((open.plan, outcome)))
}

/// An instance that was never finished has no history; what happened is in the log. The journal is closed: one that
/// cannot be removed is in nobody's way.
fn never_was(journal: &Path, plans: &[Plan]) {
    if plans.iter().any(|plan| plan.candidate) {
        let _ = fs::remove_file(journal);
        let _ = journal.parent().map(fs::remove_dir);
    }
}

/// Journals of an instance, oldest first: their names begin with the time.
pub fn journals(instance: &str) -> Result<Vec<PathBuf>, Error> {
    let directory = places::journals(instance);
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(Error::state(&directory, source)),
    };
    let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
    let mut paths: Vec<PathBuf> = paths.filter(|path| is_journal(path)).collect();
    paths.sort();
    Ok(paths)
}

fn is_journal(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "jsonl")
}

/// Whether there is a place for the instance's journals, but nothing in it was ever begun: its command was killed
/// before the first record, or right after the last had been taken away. Only reads.
pub fn never_began(instance: &str) -> Result<bool, Error> {
    let loaded = |path: PathBuf| Ok(journal::load::<Record>(&path)?.unwrap_or_default());
    let records: Result<Vec<_>, Error> = journals(instance)?.into_iter().map(loaded).collect();
    Ok(records?.iter().all(Vec::is_empty) && places::journals(instance).is_dir())
}

/// Removes the journals of an instance that is gone.
pub fn forget(instance: &str) -> Result<(), Error> {
    let directory = places::journals(instance);
    match fs::remove_dir_all(&directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::state(&directory, error))
        }
        _ => Ok(()),
    }
}
