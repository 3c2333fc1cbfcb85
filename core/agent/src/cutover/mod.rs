//! The cut-over, run by the agent alone: `homeport-agent cutover run|resolve OPERATION`. `serve` begins one and has
//! systemd run it as `homeport-cutover@OPERATION.service`; from then on nobody is needed for it to end on one of its two
//! sides. The order of things is the engine's ([`homeport_engine::cutover`]); here is the machine it happens on.

mod alone;
mod follow;
pub(crate) mod gates;
mod site;
mod units;

use std::thread;
use std::time::{Duration, Instant};

use homeport_engine::cutover::{Book, Outcome, Stage, bring_to_end};
use homeport_engine::report::OpenCutOver;
use homeport_engine::run::{Fault, FaultKind};

pub(crate) use follow::follow;
pub(crate) use gates::release_everywhere;

use crate::lock::Lock;
use crate::state::StateDir;
use site::Ground;

/// Longest wait for another process that works on a cut-over: as long as one can take.
const TURN: Duration = Duration::from_secs(1200);

/// Time between two tries to have one's turn.
const PAUSE: Duration = Duration::from_millis(20);

/// How it is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// By its unit: one that was not begun yet is begun.
    Begin,
    /// Only to its end: one that was not begun is left at that.
    Resolve,
    /// Only to its end, while the machine boots and its units wait.
    Boot,
}

/// Brings a cut-over to its end. One at a time; another process that is at it is waited for.
///
/// # Errors
/// When it cannot be brought to its end now; the same again goes on.
pub(crate) fn end(state: &StateDir, operation: &str, how: How) -> Result<Outcome, Fault> {
    let _turn = turn(state)?;
    if how != How::Boot && units::closing() {
        let why = "the machine is shutting down: the cut-over is brought to its end when it boots";
        return Err(Fault::new(FaultKind::Locked, why));
    }
    let mut book = Book::new(state.cut_over(operation)?);
    let mut ground = Ground::new(how == How::Boot);
    bring_to_end(&mut book, &mut ground, how == How::Begin)
}

/// Brings every cut-over that is open to its end.
///
/// # Errors
/// The first that cannot be.
pub(crate) fn end_all(state: &StateDir, how: How) -> Result<(), Fault> {
    for operation in state.cut_overs()? {
        let open = |stage: Stage| !matches!(stage, Stage::Closed(_));
        if stage(state, &operation)?.is_some_and(open) {
            end(state, &operation, how)?;
        }
    }
    Ok(())
}

/// The one that has not ended; none if all have.
pub(crate) fn open(state: &StateDir) -> Result<Option<OpenCutOver>, Fault> {
    for operation in state.cut_overs()? {
        let standing = state.cut_over_standing(&operation)?;
        let open = standing.filter(|standing| !matches!(standing.stage, Stage::Closed(_)));
        if let Some(standing) = open {
            return Ok(Some(OpenCutOver {
                operation,
                from: standing.cut_over.from.version,
                to: standing.cut_over.to.version,
                committed: standing.committed,
                held_at_ms: standing.held_at_ms,
            }));
        }
    }
    Ok(None)
}

/// How far one has come; none if there is no such.
pub(crate) fn stage(state: &StateDir, operation: &str) -> Result<Option<Stage>, Fault> {
    let standing = state.cut_over_standing(operation)?;
    Ok(standing.map(|standing| standing.stage))
}

/// The turn of this process.
fn turn(state: &StateDir) -> Result<Lock, Fault> {
    let deadline = Instant::now() + TURN;
    loop {
        match Lock::take(&state.cut_over_lock(), "homeport-agent cutover") {
            Err(fault) if fault.kind == FaultKind::Locked && Instant::now() < deadline => {
                thread::sleep(PAUSE);
            }
            other => return other,
        }
    }
}
