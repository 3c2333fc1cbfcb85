//! Refuses a plan that could hurt: nothing runs that has not passed here.
//!
//! Before Commit a step must be able to go back, must destroy nothing that was there before, and must touch only what
//! the instance owns. These are the engine's promises; they do not depend on who wrote the plan.

use std::collections::BTreeSet;

use crate::WIRE;
use crate::cutover;
use crate::exec::Exec;
use crate::op::{GuestIdentity, Op};
use crate::plan::{Place, Plan, Step, Undo};

/// A plan that has passed [`check`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked(Plan);

impl Checked {
    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.0
    }
}

/// What earlier stages of the operation left for later ones to refer to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Names observed so far.
    pub observed: BTreeSet<String>,
    /// Handles created so far.
    pub handles: BTreeSet<String>,
    /// Whether the operation has committed.
    pub committed: bool,
    /// Number the next step must have.
    pub next: u32,
}

/// Why a plan is refused. Always a defect of whoever made it, never of the user's input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the plan `{verb}/{stage}` is refused at step {number} ({title}): {why}")]
pub struct Refused {
    /// Verb of the plan.
    pub verb: String,
    /// Stage of the plan.
    pub stage: String,
    /// Number of the step.
    pub number: u32,
    /// Title of the step.
    pub title: String,
    /// The rule it breaks.
    pub why: String,
}

/// Checks a plan against the rules and against what the operation has done so far. Pure.
pub fn check(plan: Plan, known: &Known) -> Result<Checked, Refused> {
    let refused = |number: u32, title: &str, why: String| Refused {
        verb: plan.verb.clone(),
        stage: plan.stage.clone(),
        number,
        title: title.to_owned(),
        why,
    };
    whole(&plan, known).map_err(|why| refused(plan.first, "the plan as a whole", why))?;
    let mut known = known.clone();
    for (number, step) in plan.numbered() {
        let committed = known.committed || plan.after_commit(number);
        one(&plan, step, &mut known, committed).map_err(|why| refused(number, &step.title, why))?;
    }
    Ok(Checked(plan))
}

/// What holds of all steps together.
fn whole(plan: &Plan, known: &Known) -> Result<(), String> {
    ensure(plan.wire == WIRE, || {
        format!("wire version {} instead of {WIRE}", plan.wire)
    })?;
    ensure(plan.first == known.next, || {
        format!("numbers start at {} instead of {}", plan.first, known.next)
    })?;
    ensure(
        plan.commit_after
            .is_none_or(|count| count <= plan.steps.len()),
        || "Commit lies behind the last step".to_owned(),
    )?;
    ensure(plan.commit_after.is_none() || !known.committed, || {
        "a second Commit".to_owned()
    })?;
    let ours = |guest: &GuestIdentity| guest.instance == plan.instance;
    ensure(plan.guest.as_ref().is_none_or(ours), || {
        "its guest belongs to another instance".to_owned()
    })?;
    cut_over(plan)
}

/// A cut-over decides by itself whether the operation goes forward or back: it is what Commit stands for, and so stands
/// right before it.
fn cut_over(plan: &Plan) -> Result<(), String> {
    for (index, step) in plan.steps.iter().enumerate() {
        let Op::CutOver(cut_over) = &step.op else {
            continue;
        };
        ensure(plan.commit_after == Some(index + 1), || {
            "Commit does not follow right after the cut-over".to_owned()
        })?;
        ensure(step.place == Place::Guest && !plan.candidate, || {
            "a cut-over is for the agent of a guest that lives".to_owned()
        })?;
        ensure(cut_over.operation == plan.operation, || {
            "the cut-over belongs to another operation".to_owned()
        })?;
        cutover::sound(cut_over)?;
    }
    Ok(())
}

fn one(plan: &Plan, step: &Step, known: &mut Known, committed: bool) -> Result<(), String> {
    ensure(!(step.op.host_only() && step.place == Place::Guest), || {
        "only the host can carry this out".to_owned()
    })?;
    owned(plan, step)?;
    if !committed {
        reversible(plan, step)?;
        harmless(plan, step, known)?;
    }
    consistent(step, known)
}

/// Before Commit every effect has its way back.
fn reversible(plan: &Plan, step: &Step) -> Result<(), String> {
    if let Op::EnsureGuest(spec) = &step.op {
        let candidate = plan.candidate && plan.guest.as_ref() == Some(&spec.identity);
        let removed = step.undo == Undo::Op(Box::new(Op::RemoveGuest(spec.identity.clone())));
        return ensure(candidate && removed, || {
            "a new guest must be the candidate, its undo the removal of just this guest".to_owned()
        });
    }
    let self_reliant = |op: &Op| op.only_reads() || op.only_caches() || op.takes_itself_back();
    match &step.undo {
        Undo::Nothing => ensure(self_reliant(&step.op), || {
            "it changes something before Commit and has no undo".to_owned()
        }),
        Undo::Candidate => ensure(in_candidate(plan, step), || {
            "it does not lie in the candidate".to_owned()
        }),
        Undo::BeforeImage => ensure(matches!(step.op, Op::PutFile(_)), || {
            "only a file has a before-image".to_owned()
        }),
        Undo::Op(op) => ensure(
            op.host_only() == (step.op.host_only()) || step.place == Place::Host,
            || "its undo belongs to another place".to_owned(),
        ),
    }
}

/// Before Commit nothing is destroyed that this operation has not made.
fn harmless(plan: &Plan, step: &Step, known: &Known) -> Result<(), String> {
    if !step.op.destroys() || in_candidate(plan, step) {
        return Ok(());
    }
    match &step.op {
        Op::Exec(exec) => {
            let foreign = exec
                .destroys
                .iter()
                .find(|handle| !known.handles.contains(*handle));
            foreign.map_or(Ok(()), |handle| {
                Err(format!(
                    "it destroys `{handle}`, which this operation did not create"
                ))
            })
        }
        _ => Err("it destroys something before Commit".to_owned()),
    }
}

/// Nothing is touched that the instance does not own.
fn owned(plan: &Plan, step: &Step) -> Result<(), String> {
    for op in std::iter::once(&step.op).chain(undo_op(step)) {
        if let Some(guest) = guest_of(op) {
            ensure(plan.guest.as_ref() == Some(guest), || {
                format!(
                    "guest {} of `{}` is not the one this plan is about",
                    guest.id, guest.instance
                )
            })?;
        }
        ensure(step.place == Place::Host || plan.guest.is_some(), || {
            "the plan has no guest".to_owned()
        })?;
        if let Some(path) = written(op).filter(|_| step.place == Place::Host) {
            ensure(below(path, &plan.owns), || {
                format!("`{path}` is not the instance's to write")
            })?;
        }
    }
    Ok(())
}

/// Names are unique, referred to only after they exist, and commands are well-formed.
fn consistent(step: &Step, known: &mut Known) -> Result<(), String> {
    match &step.op {
        Op::Observe { name, exec } => {
            well_formed(exec)?;
            ensure(known.observed.insert(name.clone()), || {
                format!("`{name}` is observed twice")
            })
        }
        Op::Exec(exec) => {
            well_formed(exec)?;
            known.handles.extend(exec.creates.iter().cloned());
            Ok(())
        }
        Op::Pull { exec, .. } => well_formed(exec),
        Op::Tag { guest, tags } => ensure(tags.contains(&guest.tag), || {
            "without its ownership tag the guest would be nobody's".to_owned()
        }),
        Op::Require { that, .. } => {
            let name = that.name();
            ensure(known.observed.contains(name), || {
                format!("`{name}` is required before it is observed")
            })
        }
        _ => Ok(()),
    }
}

pub(crate) fn well_formed(exec: &Exec) -> Result<(), String> {
    ensure(!exec.argv.is_empty(), || "the command is empty".to_owned())?;
    ensure(!exec.user.is_empty(), || {
        "the command has no user".to_owned()
    })?;
    ensure(exec.timeout_s > 0, || {
        "the command has no time limit".to_owned()
    })
}

/// Whether all the step touches is the candidate guest or lies in it; that no other guest is named, [`owned`] has seen.
fn in_candidate(plan: &Plan, step: &Step) -> bool {
    plan.candidate && (step.place == Place::Guest || guest_of(&step.op).is_some())
}

fn undo_op(step: &Step) -> Option<&Op> {
    match &step.undo {
        Undo::Op(op) => Some(op),
        _ => None,
    }
}

/// The guest an op names.
pub(crate) fn guest_of(op: &Op) -> Option<&GuestIdentity> {
    match op {
        Op::EnsureGuest(spec) => Some(&spec.identity),
        Op::RemoveGuest(guest)
        | Op::Power { guest, .. }
        | Op::Describe { guest, .. }
        | Op::Tag { guest, .. }
        | Op::Push { guest, .. }
        | Op::Pull { guest, .. } => Some(guest),
        _ => None,
    }
}

/// The path on the host an op writes.
fn written(op: &Op) -> Option<&str> {
    match op {
        Op::PutFile(file) => Some(&file.path),
        Op::Pull { archive, .. } => Some(archive),
        Op::Fetch(fetch) => Some(&fetch.to),
        Op::Unpack(unpack) => Some(&unpack.to),
        _ => None,
    }
}

/// Whether a path lies below one of the roots, without any way up.
fn below(path: &str, roots: &[String]) -> bool {
    let upward = path.split('/').any(|part| part == "..");
    !upward
        && roots.iter().any(|root| {
            path.strip_prefix(root.trim_end_matches('/'))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
}

pub(crate) fn ensure(holds: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(why()) }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
