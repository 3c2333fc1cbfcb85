//! The simulated agent: carries out guest ops on one guest of the world.

use std::cell::RefCell;
use std::rc::Rc;

use super::{Effect, Fuse, Guest, Script, Shared, Unit, Victim, before, open_journal, put, ran};
use crate::event::Event;
use crate::exec::Exec;
use crate::journal::Child;
use crate::op::{Content, Op, PutFile, ServiceState, Unpack};
use crate::plan::{Place, Plan};
use crate::recover::{Standing, resolve};
use crate::require::{Observation, Observations};
use crate::run::{Executor, Fault, FaultKind, Hands, NoteDone, RunError, Tell, require};

/// The agent in one guest.
pub struct Agent {
    pub(crate) world: Shared,
    pub(crate) fuse: Fuse,
    pub(crate) script: Script,
    pub(crate) guest: String,
    /// What the step just done observed, for the host.
    pub(crate) last: Rc<RefCell<Option<Observation>>>,
}

impl Agent {
    /// Finishes what a boot finds open and committed; all else the host has to decide.
    pub(crate) fn boot(world: &Shared, script: &Script, guest: &str) -> Result<(), RunError> {
        let fuse = Fuse::safe();
        let mut journal = open_journal(world, &fuse, Victim::Agent, guest)?;
        if !Standing::of(&journal)?.committed() {
            return Ok(());
        }
        let mut agent = Agent::new(world, &fuse, script, guest);
        resolve(&mut journal, &mut agent, &mut |_| {}).map(|_| ())
    }

    pub(crate) fn new(world: &Shared, fuse: &Fuse, script: &Script, guest: &str) -> Agent {
        Agent {
            world: world.clone(),
            fuse: fuse.clone(),
            script: script.clone(),
            guest: guest.to_owned(),
            last: Rc::default(),
        }
    }

    /// Does something to the guest, unless the agent is or becomes dead.
    fn touch(&self, change: impl FnOnce(&mut Guest, Effect)) -> Result<(), Fault> {
        let broken = |why| Fault::new(FaultKind::Failed, why);
        let fate = self.fuse.burn(Victim::Agent);
        let fate = fate.ok_or_else(|| broken("the agent is dead"))?;
        let mut world = self.world.borrow_mut();
        let guest = world.guests.get_mut(&self.guest);
        let guest = guest.filter(|guest| guest.running);
        change(
            guest.ok_or_else(|| broken("the guest is off"))?,
            fate.effect,
        );
        if fate.replies {
            Ok(())
        } else {
            Err(broken("the agent was killed, or the disk is full"))
        }
    }

    fn exec(&self, exec: &Exec) -> Result<(), Fault> {
        self.touch(|guest, effect| ran(&mut guest.files, exec, &self.script, effect))?;
        self.script.fails(exec)
    }
}

/// Brings a unit into a state. Half of it is what `systemctl` does first.
fn service(unit: &mut Unit, state: ServiceState, effect: Effect) {
    let (first, whole) = (effect != Effect::None, effect == Effect::Whole);
    match state {
        ServiceState::EnabledAndRunning => {
            unit.enabled |= first;
            unit.running |= whole;
        }
        ServiceState::DisabledAndStopped => {
            unit.enabled &= !first;
            unit.running &= !whole;
        }
        ServiceState::Running => unit.running |= whole,
        ServiceState::Stopped => unit.running &= !whole,
        ServiceState::Restarted if effect == Effect::Half => unit.running = false,
        ServiceState::Restarted => unit.running |= whole,
    }
}

impl Executor for Agent {
    fn place(&self) -> Place {
        Place::Guest
    }

    fn apply(&mut self, op: &Op, hands: Hands<'_>) -> Result<Option<Observation>, Fault> {
        if let Some(required) = require(op, hands.seen) {
            return required.map(|()| None);
        }
        *self.last.borrow_mut() = None;
        match op {
            Op::PutFile(PutFile { path, content, .. }) => {
                self.touch(|guest, effect| put(&mut guest.files, path, content, effect))?;
            }
            Op::Exec(exec) => self.exec(exec)?,
            Op::Service { unit, state } => self.touch(|guest, effect| {
                service(guest.units.entry(unit.clone()).or_default(), *state, effect);
            })?,
            Op::Unpack(Unpack { to, .. }) => {
                let bytes = Content::Text("bytes".to_owned());
                self.touch(|guest, effect| put(&mut guest.files, to, &bytes, effect))?;
            }
            Op::Probe(_) | Op::Verify(_) => self.touch(|_, _| {})?,
            Op::Observe { name, .. } => {
                self.touch(|_, _| {})?;
                *self.last.borrow_mut() = Some(self.script.seen(name));
            }
            _ => {
                return Err(Fault::new(
                    FaultKind::Failed,
                    "only the host can carry this out",
                ));
            }
        }
        Ok(self.last.borrow().clone())
    }

    fn undo(&mut self, op: &Op, _: Option<&Child>) -> Result<(), Fault> {
        let seen = Observations::new();
        let hands = Hands {
            seen: &seen,
            tell: &mut |_: Event| {},
            number: 0,
            child: &mut |_| Ok(()),
        };
        self.apply(op, hands).map(|_| ())
    }

    fn before_image(&mut self, op: &Op) -> Result<Op, Fault> {
        let Op::PutFile(file) = op else {
            return Err(Fault::new(
                FaultKind::Failed,
                "only a file has a before-image",
            ));
        };
        let world = self.world.borrow();
        let content = world
            .guests
            .get(&self.guest)
            .map_or(Content::Absent, |guest| before(&guest.files, &file.path));
        Ok(Op::PutFile(PutFile {
            content,
            ..file.clone()
        }))
    }

    fn hand_over(
        &mut self,
        _: Plan,
        _: &Observations,
        _: Tell<'_>,
        _: NoteDone<'_>,
    ) -> Result<(), Fault> {
        Err(Fault::new(
            FaultKind::Failed,
            "there is no guest below a guest",
        ))
    }

    fn recover_guest(&mut self, _: &Plan, _: Tell<'_>) -> Result<(), Fault> {
        Err(Fault::new(
            FaultKind::Failed,
            "there is no guest below a guest",
        ))
    }

    fn close(&mut self, _: &Plan) -> Result<(), Fault> {
        Err(Fault::new(
            FaultKind::Failed,
            "there is no guest below a guest",
        ))
    }
}
