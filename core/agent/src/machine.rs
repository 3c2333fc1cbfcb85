//! This guest as plans see it: files, commands, units and probes as [`Local`] has them, and the cut-over, which only an
//! agent can do.

use homeport_engine::cutover::{CutOver, Ending};
use homeport_engine::event::Event;
use homeport_engine::journal::Child;
use homeport_engine::local::Local;
use homeport_engine::op::Op;
use homeport_engine::plan::Place;
use homeport_engine::require::Observation;
use homeport_engine::run::{Executor, Fault, Hands};

use crate::cutover::{self, How, follow};
use crate::state::StateDir;

/// The guest.
pub(crate) struct Machine {
    pub(crate) local: Local,
    pub(crate) state: StateDir,
    /// Whether units wait for this program.
    pub(crate) booting: bool,
}

impl Executor for Machine {
    fn place(&self) -> Place {
        self.local.place()
    }

    fn apply(&mut self, op: &Op, hands: Hands<'_>) -> Result<Option<Observation>, Fault> {
        let Op::CutOver(cut_over) = op else {
            return self.local.apply(op, hands);
        };
        let Hands { tell, number, .. } = hands;
        let mut say = |text: &str| {
            tell(Event::Working {
                number,
                text: text.to_owned(),
            });
        };
        follow(&self.state, cut_over, &mut say)?.told().map(Some)
    }

    fn undo(&mut self, op: &Op, child: Option<&Child>) -> Result<(), Fault> {
        self.local.undo(op, child)
    }

    fn before_image(&mut self, op: &Op) -> Result<Op, Fault> {
        self.local.before_image(op)
    }

    fn end_cut_over(&mut self, cut_over: &CutOver) -> Result<Option<Observation>, Fault> {
        let operation = &cut_over.operation;
        if cutover::stage(&self.state, operation)?.is_none() {
            return Ok(None);
        }
        let how = if self.booting {
            How::Boot
        } else {
            How::Resolve
        };
        let outcome = cutover::end(&self.state, operation, how)?;
        match outcome.ending {
            Ending::Switched { .. } => outcome.told().map(Some),
            // Where the old side serves, or should: nothing of the new one is in force.
            Ending::NotBegun { .. } | Ending::Undone(_) | Ending::Stuck(_) => Ok(None),
        }
    }
}
