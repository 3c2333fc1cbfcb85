//! What an open journal demands – read off its records alone – and how it is resolved.
//!
//! Before Commit recovery only goes back, after it only forward. A failed run is resolved by the very same code as a
//! killed one.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::check::Known;
use crate::cutover::{self, CutOver};
use crate::event::Event;
use crate::journal::{Child, Journal, JournalError, Record};
use crate::op::Op;
use crate::plan::{Place, Plan, Step, Undo};
use crate::require::Observations;
use crate::run::{self, Executor, RunError, Tell};

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// All steps are done.
    Done,
    /// All steps are taken back.
    RolledBack,
}

/// One step as the journal knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Trace {
    number: u32,
    undo: Option<Op>,
    child: Option<Child>,
    done: bool,
    undone: bool,
}

/// Where an operation stands.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    plans: Vec<Plan>,
    traces: Vec<Trace>,
    committed: bool,
    closed: Option<Outcome>,
    seen: Observations,
    version: Option<String>,
}

/// One step to be taken back by whoever keeps the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Back {
    /// Its number.
    pub number: u32,
    /// The step.
    pub step: Step,
    /// The op that takes it back.
    pub op: Op,
    /// The process that was carrying the step out, if it had one.
    pub child: Option<Child>,
}

/// What has to be done with an open journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Course {
    /// Nothing: it is closed.
    Closed(Outcome),
    /// These steps are taken back, in this order. What was handed to the guest, its agent takes back.
    Back(Vec<Back>),
    /// These steps are (once more) carried out, in this order.
    Forward(Vec<(u32, Step)>),
}

impl Standing {
    /// Reads the standing off the records. Total: an order of records that cannot have been written is an error.
    pub fn of(journal: &Journal) -> Result<Standing, JournalError> {
        let mut standing = Standing::default();
        for (index, record) in journal.records().iter().enumerate() {
            standing.take(record).map_err(|why| JournalError::Damaged {
                path: journal.path().to_owned(),
                line: index + 1,
                why,
            })?;
        }
        Ok(standing)
    }

    fn take(&mut self, record: &Record) -> Result<(), String> {
        match (&self.closed, record) {
            (None, _) => {}
            // What is committed may go on after an end: the guest had ended all it knew of, and is given more.
            (Some(Outcome::Done), Record::Begin { .. }) if self.committed => self.closed = None,
            (Some(_), _) => return Err("a record after the end".to_owned()),
        }
        match record {
            Record::Begin { plan, version, .. } => {
                self.version = Some(version.clone());
                self.plans.push(plan.clone());
            }
            Record::Intent { number, undo } => {
                self.step(*number)
                    .ok_or_else(|| format!("step {number} is in no plan"))?;
                let fresh = Trace {
                    number: *number,
                    undo: undo.clone(),
                    child: None,
                    done: false,
                    undone: false,
                };
                match self.traces.iter_mut().find(|trace| trace.number == *number) {
                    // Carried out once more after Commit; before it, the first intent's undo is the true one.
                    Some(trace) => trace.done = false,
                    None => self.traces.push(fresh),
                }
            }
            Record::Child { number, child } => self.trace(*number)?.child = Some(child.clone()),
            Record::Done { number, seen, .. } => {
                self.trace(*number)?.done = true;
                let step = self.step(*number);
                let name = step.and_then(observes).map(str::to_owned);
                // A cut-over that is done is what Commit stands for, whether there was time to write that or not.
                let decided = step.is_some_and(|step| step.op.takes_itself_back());
                self.committed |= decided;
                if let (Some(seen), Some(name)) = (seen, name) {
                    self.seen.insert(name, seen.clone());
                }
            }
            Record::Commit => self.committed = true,
            Record::Undone { number } => self.trace(*number)?.undone = true,
            Record::Closed { outcome, .. } => self.closed = Some(*outcome),
        }
        Ok(())
    }

    fn trace(&mut self, number: u32) -> Result<&mut Trace, String> {
        self.traces
            .iter_mut()
            .find(|trace| trace.number == number)
            .ok_or_else(|| format!("step {number} has no intent"))
    }

    /// The latest plan that has the step: after Commit an agent may be given the same steps again.
    fn plan_of(&self, number: u32) -> Option<&Plan> {
        self.plans
            .iter()
            .rev()
            .find(|plan| (plan.first..plan.end()).contains(&number))
    }

    fn step(&self, number: u32) -> Option<&Step> {
        let plan = self.plan_of(number)?;
        plan.steps.get((number - plan.first) as usize)
    }

    /// What has to be done.
    pub fn course(&self) -> Course {
        match self.closed {
            Some(outcome) => Course::Closed(outcome),
            None if self.committed => Course::Forward(self.remaining()),
            None => Course::Back(self.back()),
        }
    }

    fn remaining(&self) -> Vec<(u32, Step)> {
        let done = |number: &u32| {
            self.traces
                .iter()
                .any(|trace| trace.number == *number && trace.done)
        };
        let all = self
            .plans
            .iter()
            .flat_map(Plan::numbered)
            .map(|(number, _)| number);
        let open = all
            .filter(|number| !done(number))
            .collect::<BTreeSet<u32>>();
        open.into_iter()
            .filter_map(|number| Some((number, self.step(number)?.clone())))
            .collect()
    }

    fn back(&self) -> Vec<Back> {
        let open = self.traces.iter().rev().filter(|trace| !trace.undone);
        open.filter_map(|trace| {
            Some(Back {
                number: trace.number,
                step: self.step(trace.number)?.clone(),
                op: trace.undo.clone()?,
                child: trace.child.clone(),
            })
        })
        .collect()
    }

    /// Steps that were handed to the guest and are not known to be taken back, latest first. The agent keeps a journal
    /// of them, and has to close it even if they only looked – unless the guest is thrown away, journal and all.
    fn handed(&self, here: Place) -> Vec<(u32, &Plan)> {
        let open = self.traces.iter().rev().filter(|trace| !trace.undone);
        let there = open.filter_map(|trace| {
            let (plan, step) = (self.plan_of(trace.number)?, self.step(trace.number)?);
            let kept = !plan.candidate || matches!(step.undo, Undo::Op(_) | Undo::BeforeImage);
            (foreign(step, here) && kept).then_some((trace.number, plan))
        });
        there.collect()
    }

    /// A cut-over that was begun and may have gone either way, with its number and its plan.
    fn in_doubt(&self) -> Option<(u32, &Plan, &CutOver)> {
        let mut open = self.traces.iter().filter(|trace| !trace.undone);
        let doubt = open.find_map(|trace| match &self.step(trace.number)?.op {
            Op::CutOver(cut_over) => {
                Some((trace.number, self.plan_of(trace.number)?, cut_over.as_ref()))
            }
            _ => None,
        });
        doubt.filter(|_| !self.committed && self.closed.is_none())
    }

    /// Processes that were carrying out a step when whoever ran it went away. They may be alive, and have to be ended
    /// before the step is carried out once more.
    pub fn leftovers(&self) -> impl Iterator<Item = &Child> {
        let open = self.traces.iter().filter(|trace| !trace.done);
        open.filter_map(|trace| trace.child.as_ref())
    }

    /// Observations made so far.
    pub fn seen(&self) -> &Observations {
        &self.seen
    }

    /// The stages begun so far.
    pub fn plans(&self) -> &[Plan] {
        &self.plans
    }

    /// Version of the program that wrote the journal last.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Whether Commit is written.
    pub fn committed(&self) -> bool {
        self.committed
    }

    /// Whether a part is more of what was committed: the guest ended all it had been given, and knew of no more.
    pub fn goes_on(&self, part: &Plan) -> bool {
        part.commit_after == Some(0) && self.committed && part.first >= self.known().next
    }

    /// What a part of a plan that was handed to the guest may refer to: the host's observations count as its own, and
    /// a part that is handed over once more – the host did not hear the end of it – begins anew.
    pub fn known_for(&self, part: &Plan, seen: &Observations) -> Known {
        let again = |name: &String| part.steps.iter().any(|step| observes(step) == Some(name));
        let observed = seen.keys().filter(|name| !again(name)).cloned().collect();
        Known {
            observed,
            committed: false,
            next: part.first,
            ..self.known()
        }
    }

    /// What a following stage may refer to.
    pub fn known(&self) -> Known {
        let creates = |plan: &Plan| {
            plan.steps
                .iter()
                .filter_map(|step| match &step.op {
                    Op::Exec(exec) => Some(exec.creates.clone()),
                    _ => None,
                })
                .flatten()
                .collect::<Vec<_>>()
        };
        Known {
            observed: self.seen.keys().cloned().collect(),
            handles: self.plans.iter().flat_map(creates).collect(),
            committed: self.committed,
            next: self.plans.iter().map(Plan::end).max().unwrap_or(0),
        }
    }
}

/// The name under which a step's output is kept.
pub(crate) fn observes(step: &Step) -> Option<&str> {
    match &step.op {
        Op::Observe { name, .. } => Some(name),
        Op::CutOver(_) => Some(cutover::OBSERVED),
        _ => None,
    }
}

/// Resolves an open journal – the operation failed, or whoever ran it is gone – and closes it.
///
/// Errors leave the journal open: the same call, made again, goes on where this one stopped.
pub fn resolve(
    journal: &mut Journal,
    executor: &mut dyn Executor,
    tell: Tell<'_>,
) -> Result<Outcome, RunError> {
    settle(journal, executor, tell)?;
    let standing = Standing::of(journal)?;
    let outcome = match standing.course() {
        Course::Closed(outcome) => return Ok(outcome),
        Course::Back(steps) => {
            back(journal, executor, steps, tell)?;
            Outcome::RolledBack
        }
        Course::Forward(steps) => {
            run::forward(journal, executor, standing, steps, tell)?;
            Outcome::Done
        }
    };
    close(journal, executor, outcome)?;
    Ok(outcome)
}

/// Finds out where a cut-over has ended before anything is decided about the operation: its word counts as Commit, and
/// is written down as such.
///
/// # Errors
/// When the cut-over cannot be brought to its end; nothing is decided then.
pub fn settle(
    journal: &mut Journal,
    executor: &mut dyn Executor,
    tell: Tell<'_>,
) -> Result<(), RunError> {
    let standing = Standing::of(journal)?;
    let Some((number, plan, cut_over)) = standing.in_doubt() else {
        return Ok(());
    };
    let here = executor.place() == Place::Guest;
    let ended = match here {
        true => executor
            .end_cut_over(cut_over)
            .map(|seen| (seen.is_some(), seen)),
        false => executor
            .recover_guest(plan, tell)
            .map(|outcome| (outcome == Outcome::Done, None)),
    };
    let (switched, seen) = ended.map_err(|fault| RunError::Undo {
        number,
        title: "what the cut-over was doing".to_owned(),
        fault,
    })?;
    match switched {
        true => {
            let at_ms = run::unix_now_ms();
            let done = Record::Done {
                number,
                seen,
                at_ms,
            };
            Ok(journal.append([done, Record::Commit])?)
        }
        false => Ok(()),
    }
}

/// Closes an operation that ended well or was resolved. The guest's journal is closed first: a host journal that is
/// closed while the guest's is open would never be looked at again.
pub fn close(
    journal: &mut Journal,
    executor: &mut dyn Executor,
    outcome: Outcome,
) -> Result<(), RunError> {
    let standing = Standing::of(journal)?;
    let here = executor.place();
    let handed = |plan: &&Plan| plan.steps.iter().any(|step| foreign(step, here));
    if let (Outcome::Done, Some(plan)) = (outcome, standing.plans.iter().rfind(handed)) {
        executor.close(plan).map_err(RunError::closing)?;
    }
    Ok(journal.append([Record::Closed {
        outcome,
        at: run::unix_now(),
    }])?)
}

fn back(
    journal: &mut Journal,
    executor: &mut dyn Executor,
    steps: Vec<Back>,
    tell: Tell<'_>,
) -> Result<(), RunError> {
    let standing = Standing::of(journal)?;
    let mut handed = standing.handed(executor.place());
    for back in steps {
        if handed
            .first()
            .is_some_and(|(latest, _)| *latest > back.number)
        {
            handed_back(journal, executor, std::mem::take(&mut handed), tell)?;
        }
        let (number, title) = (back.number, back.step.title);
        tell(Event::Undoing {
            number,
            title: title.clone(),
        });
        let undone = executor.undo(&back.op, back.child.as_ref());
        undone.map_err(|fault| RunError::Undo {
            number,
            title,
            fault,
        })?;
        journal.append([Record::Undone { number }])?;
    }
    handed_back(journal, executor, handed, tell)
}

/// Has the agent take back what was handed to it.
fn handed_back(
    journal: &mut Journal,
    executor: &mut dyn Executor,
    handed: Vec<(u32, &Plan)>,
    tell: Tell<'_>,
) -> Result<(), RunError> {
    let Some((number, plan)) = handed.first() else {
        return Ok(());
    };
    let resolved = executor.recover_guest(plan, tell);
    resolved.map_err(|fault| RunError::Undo {
        number: *number,
        title: "what was done in the guest".to_owned(),
        fault,
    })?;
    let undone = handed
        .iter()
        .map(|(number, _)| Record::Undone { number: *number });
    Ok(journal.append(undone)?)
}

/// Whether a step is for the other machine than the one that keeps the journal.
pub(crate) fn foreign(step: &Step, here: Place) -> bool {
    step.place != here
}
