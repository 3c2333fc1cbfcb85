//! The simulated agent: carries out guest ops on one guest of the world.

use std::cell::RefCell;
use std::rc::Rc;

use super::ground::Ground;
use super::{Effect, Fuse, Guest, Script, Shared, Unit, Victim, before, open_journal, put, ran};
use crate::cutover::{self, Book, Colour, CutOver, Ending, Stage, bring_to_end};
use crate::event::Event;
use crate::exec::Exec;
use crate::journal::Child;
use crate::op::{Content, Op, PutFile, ServiceState, Unpack};
use crate::plan::Place;
use crate::recover::{Standing, resolve, settle};
use crate::require::{Observation, Observations};
use crate::run::{Executor, Fault, FaultKind, Hands, RunError, require};

/// The agent in one guest.
pub struct Agent {
    pub(crate) world: Shared,
    pub(crate) fuse: Fuse,
    pub(crate) script: Script,
    pub(crate) guest: String,
    /// Whether the guest boots.
    booting: bool,
    /// What the step just done observed, for the host.
    pub(crate) last: Rc<RefCell<Option<Observation>>>,
}

impl Agent {
    /// Brings a cut-over to its end that a boot finds open, and finishes what is committed; all else the host has to
    /// decide.
    pub(crate) fn boot(
        world: &Shared,
        fuse: &Fuse,
        script: &Script,
        guest: &str,
    ) -> Result<(), RunError> {
        let mut agent = Agent::new(world, fuse, script, guest);
        agent.booting = true;
        agent.resolve_cut_over().map_err(RunError::closing)?;
        let mut journal = open_journal(world, fuse, Victim::Agent, guest)?;
        settle(&mut journal, &mut agent, &mut |_| {})?;
        if !Standing::of(&journal)?.committed() {
            return Ok(());
        }
        resolve(&mut journal, &mut agent, &mut |_| {}).map(|_| ())
    }

    pub(crate) fn new(world: &Shared, fuse: &Fuse, script: &Script, guest: &str) -> Agent {
        Agent {
            world: world.clone(),
            fuse: fuse.clone(),
            script: script.clone(),
            guest: guest.to_owned(),
            booting: false,
            last: Rc::default(),
        }
    }

    /// Does something to the guest, unless the agent is or becomes dead.
    fn touch(&self, change: impl FnOnce(&mut Guest, Effect)) -> Result<(), Fault> {
        self.touch_as(Victim::Agent, change)
    }

    /// Does something to the guest, unless that process is or becomes dead.
    pub(super) fn touch_as(
        &self,
        who: Victim,
        change: impl FnOnce(&mut Guest, Effect),
    ) -> Result<(), Fault> {
        let broken = |why| Fault::new(FaultKind::Failed, why);
        let fate = self.fuse.burn(who);
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

    fn book(&self, who: Victim) -> Result<Book, Fault> {
        let name = format!("{}/cutover", self.guest);
        let journal = open_journal(&self.world, &self.fuse, who, &name);
        let journal = journal.map_err(|error| Fault::new(FaultKind::Failed, error.to_string()))?;
        Ok(Book::new(journal))
    }

    /// The slot that is to be in service, by what is on the guest's disk.
    pub(super) fn heading(&self) -> Option<Colour> {
        let standing = self.book(Victim::Agent).ok()?.standing().ok()??;
        Some(match standing.stage {
            Stage::Committed => standing.cut_over.to.colour,
            _ => standing.cut_over.from.colour,
        })
    }

    /// Brings an open cut-over to its end in this process.
    fn resolve_cut_over(&self) -> Result<Option<cutover::Outcome>, Fault> {
        let mut book = self.book(Victim::Agent)?;
        if book.standing()?.is_none() {
            return Ok(None);
        }
        let mut ground = Ground {
            agent: self,
            who: Victim::Agent,
            booting: self.booting,
            clock: 0,
        };
        bring_to_end(&mut book, &mut ground, false).map(Some)
    }

    /// Begins a cut-over and has its unit run. That goes on whatever becomes of the agent, and is started again when it
    /// dies, as long as there is power.
    fn cut_over(&self, cut_over: &CutOver) -> Result<Observation, Fault> {
        let lost = || Fault::new(FaultKind::Failed, "the agent was killed");
        self.book(Victim::Agent)?.begin(cut_over, "sim", 0)?;
        let fate = self.fuse.burn(Victim::Agent).ok_or_else(lost)?;
        if fate.effect != Effect::Whole {
            return Err(lost());
        }
        let ended = loop {
            let mut ground = Ground {
                agent: self,
                who: Victim::CutOver,
                booting: false,
                clock: 0,
            };
            let ended = self.book(Victim::CutOver);
            let ended = ended.and_then(|mut book| bring_to_end(&mut book, &mut ground, true));
            match ended {
                Err(_) if self.fuse.restart() => {}
                ended => break ended,
            }
        };
        match fate.replies && !self.fuse.is_dead(Victim::Agent) {
            true => ended?.told(),
            false => Err(lost()),
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
            Op::CutOver(cut_over) => *self.last.borrow_mut() = Some(self.cut_over(cut_over)?),
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

    fn end_cut_over(&mut self, _: &CutOver) -> Result<Option<Observation>, Fault> {
        let ended = self.resolve_cut_over()?;
        let switched =
            |outcome: &cutover::Outcome| matches!(outcome.ending, Ending::Switched { .. });
        ended
            .filter(switched)
            .map(|outcome| outcome.told())
            .transpose()
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
}
