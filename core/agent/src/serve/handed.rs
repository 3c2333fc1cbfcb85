//! The machine as an operation that also has steps elsewhere sees it: what was observed there counts here, and what is
//! observed here is kept for telling.

use std::cell::RefCell;
use std::rc::Rc;

use homeport_engine::journal::Child;
use homeport_engine::op::Op;
use homeport_engine::plan::Place;
use homeport_engine::require::{Observation, Observations};
use homeport_engine::run::{Executor, Fault, Hands};

use crate::machine::Machine;

/// What the step just done observed.
pub(super) type Last = Rc<RefCell<Option<Observation>>>;

/// A [`Machine`] that carries out its part of a wider operation.
pub(super) struct Handed {
    pub(super) machine: Machine,
    pub(super) elsewhere: Observations,
    pub(super) last: Last,
}

impl Executor for Handed {
    fn place(&self) -> Place {
        self.machine.place()
    }

    fn apply(&mut self, op: &Op, hands: Hands<'_>) -> Result<Option<Observation>, Fault> {
        let mut seen = self.elsewhere.clone();
        seen.extend(hands.seen.clone());
        let hands = Hands {
            seen: &seen,
            tell: hands.tell,
            number: hands.number,
            child: hands.child,
        };
        let observed = self.machine.apply(op, hands)?;
        self.last.borrow_mut().clone_from(&observed);
        Ok(observed)
    }

    fn undo(&mut self, op: &Op, child: Option<&Child>) -> Result<(), Fault> {
        self.machine.undo(op, child)
    }

    fn before_image(&mut self, op: &Op) -> Result<Op, Fault> {
        self.machine.before_image(op)
    }
}
