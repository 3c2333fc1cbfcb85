//! A change of an instance that is there, in one stage – after another that starts its guest, if that is off: only a guest
//! that runs tells what there is to change.

use homeport_engine::plan::Plan;

use crate::error::Error;
use crate::plan::{Operation as About, power};
use crate::target::Target;
use crate::verbs::Context;
use crate::verbs::living::Living;
use crate::verbs::operation::Operation;

/// Asks the guest, and makes the plan of it; the number is that of its first step.
pub(crate) type Planned<'a> = &'a dyn Fn(&mut dyn Target, u32) -> Result<Plan, Error>;

/// Carries the change out.
pub(crate) fn change(
    cx: &mut Context<'_>,
    living: &Living,
    about: &About,
    planned: Planned<'_>,
) -> Result<(), Error> {
    // A guest that runs is asked before anything is written down: what is refused has left no trace.
    let plan = match living.running() {
        true => Some(planned(cx.target, 0)?),
        false => None,
    };
    let mut operation = Operation::begin(
        &about.guest.instance,
        &about.id,
        cx.target,
        cx.stop,
        cx.tell,
    )?;
    let done = match plan {
        Some(plan) => operation.stage(plan).map(|_| ()),
        None => booted(&mut operation, about, planned),
    };
    match done {
        Ok(()) => operation.finish(),
        Err(error) => operation.resolve_after(error),
    }
}

fn booted(operation: &mut Operation<'_>, about: &About, planned: Planned<'_>) -> Result<(), Error> {
    operation.stage(power::boot(about))?;
    let first = operation.next()?;
    let plan = operation.between(|target| planned(target, first))?;
    operation.stage(plan).map(|_| ())
}
