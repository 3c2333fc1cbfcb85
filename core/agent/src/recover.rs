//! Resolves a journal that nobody finished: at boot, by hand, and for `serve`.
//!
//! Never touches anything while a living agent holds the lock, and never decides by itself about what it does not know to
//! be committed: the host may have committed and not have got round to saying so. A person may decide, if the host is no
//! more – but not about a candidate, which its maker throws away whole or goes on with.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use homeport_engine::journal::Journal;
use homeport_engine::local::{Local, end_leftover};
use homeport_engine::plan::Place;
use homeport_engine::recover::{self, Outcome, Standing};
use homeport_engine::run::{Fault, FaultKind, RunError, Tell};
use serde::Serialize;

use crate::args::Options;
use crate::cutover::{self, How};
use crate::identity;
use crate::lock::Lock;
use crate::machine::Machine;
use crate::state::damaged;

/// What became of an open journal, or of the attempt to look for one.
#[derive(Debug, Serialize)]
pub(crate) struct Resolved {
    /// The operation; none when none was looked at.
    operation: Option<String>,
    result: Ending,
    /// Why it was left alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

impl Resolved {
    /// No journal was looked at.
    fn none(result: Ending, why: String) -> Resolved {
        Resolved {
            operation: None,
            result,
            why: Some(why),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Ending {
    /// All its steps are done.
    Done,
    /// All its steps are taken back.
    RolledBack,
    /// It is left to the host, which knows whether it has committed, and which guest this is.
    LeftToHost,
    /// What is left of it has to wait for the machine, and is done after boot.
    AfterBoot,
    /// An agent is at work on it.
    UnderWay,
}

/// A fault, and the number of the step it happened at.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) number: Option<u32>,
    pub(crate) fault: Fault,
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Failure {
        Failure {
            number: None,
            fault,
        }
    }
}

/// Resolves every open journal. At boot units wait for this program, so it waits for none.
///
/// # Errors
/// What stands in the way of the first journal that cannot be resolved; it stays open.
pub(crate) fn run(options: &Options) -> Result<Vec<Resolved>, Fault> {
    let state = &options.state;
    state.prepare()?;
    if let Some(why) = identity::foreign(state).filter(|_| !options.take_back) {
        return Ok(vec![Resolved::none(Ending::LeftToHost, why)]);
    }
    let mut lock = match Lock::take(&state.lock(), "homeport-agent recover") {
        Ok(lock) => lock,
        Err(fault) if fault.kind == FaultKind::Locked => {
            return Ok(vec![Resolved::none(Ending::UnderWay, fault.why)]);
        }
        Err(fault) => return Err(fault),
    };
    let mut resolved = Vec::new();
    let how = if options.boot {
        How::Boot
    } else {
        How::Resolve
    };
    cutover::end_all(state, how)?;
    for operation in state.open()? {
        lock.name(&operation)?;
        let mut journal = state.journal(&operation)?;
        let result = one(&mut journal, options).map_err(|failure| failure.fault)?;
        resolved.push(Resolved {
            operation: Some(operation),
            result,
            why: None,
        });
    }
    Ok(resolved)
}

fn one(journal: &mut Journal, options: &Options) -> Result<Ending, Failure> {
    let booting = options.boot;
    let local = Local::new(Place::Guest, Arc::new(AtomicBool::new(false)));
    let mut machine = Machine {
        local: if booting { local.booting() } else { local },
        state: options.state.clone(),
        booting,
    };
    // Nothing is taken back here: a cut-over that cannot be ended says itself why.
    recover::settle(journal, &mut machine, &mut |_| {}).map_err(|error| match error {
        RunError::Undo { fault, .. } => fault.into(),
        other => failure(other),
    })?;
    let standing = standing(journal)?;
    let candidate = standing.plans().iter().any(|plan| plan.candidate);
    if !standing.committed() && (candidate || !options.take_back) {
        return Ok(Ending::LeftToHost);
    }
    match resolve(journal, machine, &mut |_| {}) {
        Ok(Outcome::Done) => Ok(Ending::Done),
        Ok(Outcome::RolledBack) => Ok(Ending::RolledBack),
        Err(failure) if booting && failure.fault.kind == FaultKind::Locked => Ok(Ending::AfterBoot),
        Err(failure) => Err(failure),
    }
}

/// Resolves a journal on this machine, once nothing of the run that left it is alive.
pub(crate) fn resolve(
    journal: &mut Journal,
    mut machine: Machine,
    tell: Tell<'_>,
) -> Result<Outcome, Failure> {
    end_leftovers(&standing(journal)?)?;
    recover::resolve(journal, &mut machine, tell).map_err(failure)
}

/// Ends what an earlier run left behind.
pub(crate) fn end_leftovers(standing: &Standing) -> Result<(), Fault> {
    standing.leftovers().try_for_each(end_leftover)
}

/// Where the operation stands, by its journal.
pub(crate) fn standing(journal: &Journal) -> Result<Standing, Fault> {
    Standing::of(journal).map_err(|error| damaged(&error))
}

/// The failure of a run or a recovery.
pub(crate) fn failure(error: RunError) -> Failure {
    let (number, fault) = match error {
        RunError::Step { number, fault, .. } => (Some(number), fault),
        RunError::Undo {
            number,
            title,
            fault,
        } => {
            let why = format!("taking back `{title}` failed: {}", fault.why);
            (Some(number), Fault { why, ..fault })
        }
        RunError::Journal(error) => (None, damaged(&error)),
    };
    Failure { number, fault }
}
