//! Runs a checked plan: intent on disk, effect, done on disk – step by step.
//! It never undoes anything: what a failed run left is for [`crate::recover::resolve`].

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::WIRE;
use crate::check::Checked;
use crate::cutover::CutOver;
use crate::event::Event;
use crate::journal::{Child, Journal, JournalError, Record};
use crate::op::Op;
use crate::plan::{Place, Plan, Step, Undo};
use crate::recover::{Outcome, Standing, foreign, observes};
use crate::require::{Observation, Observations};

pub use crate::fault::{Fault, FaultKind};

/// Where events go.
pub type Tell<'a> = &'a mut dyn FnMut(Event);

/// Why a run or a recovery stopped.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A step failed; the journal is open.
    #[error("{title}: {fault}")]
    Step {
        /// Number of the step.
        number: u32,
        /// Title of the step.
        title: String,
        /// Why.
        fault: Fault,
    },
    /// A step could not be taken back; the journal is open.
    #[error("taking back `{title}` failed: {fault}")]
    Undo {
        /// Number of the step.
        number: u32,
        /// Title of the step.
        title: String,
        /// Why.
        fault: Fault,
    },
    /// The journal itself failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl RunError {
    pub(crate) fn closing(fault: Fault) -> RunError {
        RunError::Step {
            number: u32::MAX,
            title: "close the guest's journal".to_owned(),
            fault,
        }
    }
}

/// What a step may use while it is carried out.
pub struct Hands<'a> {
    /// Observations of the operation so far.
    pub seen: &'a Observations,
    /// Where events go.
    pub tell: &'a mut dyn FnMut(Event),
    /// Number of the step.
    pub number: u32,
    /// Writes the step's child process into the journal; called before the child does anything.
    pub child: &'a mut dyn FnMut(Child) -> Result<(), JournalError>,
}

/// Takes note that a guest step is done.
pub type NoteDone<'a> = &'a mut dyn FnMut(u32, Option<Observation>) -> Result<(), JournalError>;

/// Carries ops out. One per kind of machine: the agent in a guest, a target on a host, [`crate::sim::Sim`]. One below which
/// there is no guest leaves out what is asked of a guest's agent.
pub trait Executor {
    /// Where this executor's own steps are carried out.
    fn place(&self) -> Place;

    /// Ensures the op. Twice is once.
    fn apply(&mut self, op: &Op, hands: Hands<'_>) -> Result<Option<Observation>, Fault>;

    /// Ensures the op that takes a step back. `child` is the process that was carrying the step out; it may be alive.
    fn undo(&mut self, op: &Op, child: Option<&Child>) -> Result<(), Fault>;

    /// The op that would restore what the op is about to replace. Only reads.
    fn before_image(&mut self, op: &Op) -> Result<Op, Fault>;

    /// Has the guest's agent run consecutive guest steps, `done` being called for each one that it has journalled.
    fn hand_over(
        &mut self,
        _batch: Plan,
        _seen: &Observations,
        _tell: Tell<'_>,
        _done: NoteDone<'_>,
    ) -> Result<(), Fault> {
        Err(no_guest())
    }

    /// Has the guest's agent resolve its journal of this operation. How it ended there: a cut-over may have committed
    /// the operation without the host's having heard of it. `plan` names operation and guest.
    fn recover_guest(&mut self, _plan: &Plan, _tell: Tell<'_>) -> Result<Outcome, Fault> {
        Err(no_guest())
    }

    /// Brings a cut-over that was begun on this machine to its end; what it observed if the new side is in service, none
    /// if the old one is. One that was not begun stays so.
    fn end_cut_over(&mut self, cut_over: &CutOver) -> Result<Option<Observation>, Fault> {
        let why = format!(
            "the cut-over of {} is not for this machine",
            cut_over.operation
        );
        Err(Fault::new(FaultKind::Failed, why))
    }

    /// Has the guest's agent close its journal of this operation, which has ended well.
    /// `plan` names operation and guest.
    fn close(&mut self, _plan: &Plan) -> Result<(), Fault> {
        Err(no_guest())
    }
}

fn no_guest() -> Fault {
    Fault::new(FaultKind::Failed, "there is no guest below")
}

/// Runs one stage. On an error the journal is open and [`crate::recover::resolve`] decides.
///
/// `stop` is looked at between steps: set, the run ends with [`FaultKind::Cancelled`] – but not after Commit.
pub fn stage(
    journal: &mut Journal,
    executor: &mut dyn Executor,
    plan: &Checked,
    version: &str,
    stop: &AtomicBool,
    tell: Tell<'_>,
) -> Result<Observations, RunError> {
    let plan = plan.plan();
    let mut seen = Standing::of(journal)?.seen().clone();
    journal.append([Record::Begin {
        plan: plan.clone(),
        version: version.to_owned(),
        at: unix_now(),
    }])?;
    tell(Event::Stage {
        name: plan.stage.clone(),
        first: plan.first,
        steps: plan.end() - plan.first,
    });
    let commit_at = plan
        .commit_after
        .map(|count| plan.first + u32::try_from(count).unwrap_or(u32::MAX));
    let mut steps = plan.numbered().collect::<Vec<_>>();
    let after = steps.split_off(
        steps
            .iter()
            .position(|(number, _)| Some(*number) == commit_at)
            .unwrap_or(steps.len()),
    );
    go(journal, executor, plan, &steps, &mut seen, stop, tell)?;
    if commit_at.is_some() {
        journal.append([Record::Commit])?;
        tell(Event::Committed);
        go(
            journal,
            executor,
            plan,
            &after,
            &mut seen,
            &AtomicBool::new(false),
            tell,
        )?;
    }
    Ok(seen)
}

/// Carries out what is left after Commit.
pub(crate) fn forward(
    journal: &mut Journal,
    executor: &mut dyn Executor,
    standing: Standing,
    steps: Vec<(u32, Step)>,
    tell: Tell<'_>,
) -> Result<(), RunError> {
    let Some(plan) = standing.plans().last() else {
        return Ok(());
    };
    let steps = steps
        .iter()
        .map(|(number, step)| (*number, step))
        .collect::<Vec<_>>();
    go(
        journal,
        executor,
        plan,
        &steps,
        &mut standing.seen().clone(),
        &AtomicBool::new(false),
        tell,
    )
}

fn go(
    journal: &mut Journal,
    executor: &mut dyn Executor,
    plan: &Plan,
    mut steps: &[(u32, &Step)],
    seen: &mut Observations,
    stop: &AtomicBool,
    tell: Tell<'_>,
) -> Result<(), RunError> {
    while let Some((number, step)) = steps.first().copied() {
        cancelled(stop, number, step)?;
        let handed = steps
            .iter()
            .take_while(|(_, step)| foreign(step, executor.place()))
            .count();
        if handed > 0 {
            let (batch, rest) = steps.split_at(handed);
            hand_over(journal, executor, plan, batch, seen, tell)?;
            steps = rest;
        } else {
            let observed = single(journal, executor, number, step, seen, tell)?;
            note(seen, step, observed);
            steps = steps.get(1..).unwrap_or_default();
        }
    }
    Ok(())
}

fn single(
    journal: &mut Journal,
    executor: &mut dyn Executor,
    number: u32,
    step: &Step,
    seen: &Observations,
    tell: Tell<'_>,
) -> Result<Option<Observation>, RunError> {
    let failed = |fault| RunError::Step {
        number,
        title: step.title.clone(),
        fault,
    };
    tell(Event::Started {
        number,
        title: step.title.clone(),
    });
    let since = Instant::now();
    let undo = match &step.undo {
        Undo::Op(op) => Some((**op).clone()),
        Undo::BeforeImage => Some(executor.before_image(&step.op).map_err(failed)?),
        Undo::Nothing | Undo::Candidate => None,
    };
    journal.append([Record::Intent { number, undo }])?;
    let mut child = |child| journal.append([Record::Child { number, child }]);
    let hands = Hands {
        seen,
        tell: &mut *tell,
        number,
        child: &mut child,
    };
    let observed = executor.apply(&step.op, hands).map_err(|fault| {
        let why = fault.why.clone();
        tell(Event::Failed { number, why });
        failed(fault)
    })?;
    journal.append([Record::Done {
        number,
        seen: observed.clone(),
        at_ms: unix_now_ms(),
    }])?;
    let ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
    tell(Event::Done { number, ms });
    Ok(observed)
}

/// Guest steps: the host notes that they may happen, the guest's own journal says what did.
fn hand_over(
    journal: &mut Journal,
    executor: &mut dyn Executor,
    plan: &Plan,
    batch: &[(u32, &Step)],
    seen: &mut Observations,
    tell: Tell<'_>,
) -> Result<(), RunError> {
    let Some((first, _)) = batch.first().copied() else {
        return Ok(());
    };
    journal.append(batch.iter().map(|(number, _)| Record::Intent {
        number: *number,
        undo: None,
    }))?;
    let steps: Vec<Step> = batch.iter().map(|(_, step)| (*step).clone()).collect();
    // What a cut-over decides, the guest knows first.
    let decided = steps.last().is_some_and(|step| step.op.takes_itself_back());
    let part = Plan {
        wire: WIRE,
        first,
        commit_after: match plan.after_commit(first) {
            true => Some(0),
            false => decided.then_some(steps.len()),
        },
        steps,
        ..plan.clone()
    };
    let before = seen.clone();
    let mut at = first;
    let mut done = |number: u32, observed: Option<Observation>| {
        at = number.saturating_add(1);
        if let Some((_, step)) = batch.iter().find(|(n, _)| *n == number) {
            note(seen, step, observed.clone());
        }
        journal.append([Record::Done {
            number,
            seen: observed,
            at_ms: unix_now_ms(),
        }])
    };
    executor
        .hand_over(part, &before, tell, &mut done)
        .map_err(|fault| {
            let title = batch
                .iter()
                .find(|(number, _)| *number == at)
                .map_or_else(String::new, |(_, step)| step.title.clone());
            RunError::Step {
                number: at,
                title,
                fault,
            }
        })
}

fn note(seen: &mut Observations, step: &Step, observed: Option<Observation>) {
    if let (Some(name), Some(observed)) = (observes(step), observed) {
        seen.insert(name.to_owned(), observed);
    }
}

fn cancelled(stop: &AtomicBool, number: u32, step: &Step) -> Result<(), RunError> {
    if !stop.load(Ordering::SeqCst) {
        return Ok(());
    }
    let fault = Fault::new(FaultKind::Cancelled, "you asked to stop");
    Err(RunError::Step {
        number,
        title: step.title.clone(),
        fault,
    })
}

/// Carries out `Require`, the one op that needs no machine.
pub fn require(op: &Op, seen: &Observations) -> Option<Result<(), Fault>> {
    let Op::Require {
        that,
        otherwise,
        remedy,
    } = op
    else {
        return None;
    };
    Some(that.holds(seen).map_err(|found| Fault {
        kind: FaultKind::Requirement,
        why: format!("{otherwise} ({found})"),
        lines: Vec::new(),
        remedy: remedy.clone(),
    }))
}

/// Seconds since 1970.
pub fn unix_now() -> u64 {
    unix_now_ms() / 1000
}

/// Milliseconds since 1970.
pub fn unix_now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}
