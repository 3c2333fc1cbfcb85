//! The simulated agent: carries out guest ops on one guest of the world.

use std::cell::RefCell;
use std::rc::Rc;

use super::{Entry, Fate, Fuse, Guest, Script, Shared, Victim, before, put};
use crate::event::Event;
use crate::exec::Exec;
use crate::journal::Child;
use crate::op::{Content, Op, PutFile};
use crate::plan::{Place, Plan};
use crate::require::{Observation, Observations};
use crate::run::{Executor, Fault, FaultKind, Hands, NoteDone, Tell, require};

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
    /// Does something to the guest, unless the agent is or becomes dead.
    fn touch(&self, change: impl FnOnce(&mut Guest, Fate)) -> Result<(), Fault> {
        let dead = || Fault::new(FaultKind::Failed, "the agent is dead");
        let fate = self.fuse.burn(Victim::Agent).ok_or_else(dead)?;
        let mut world = self.world.borrow_mut();
        let gone = || Fault::new(FaultKind::Failed, "the guest is gone");
        let guest = world
            .guests
            .get_mut(&self.guest)
            .filter(|guest| guest.running)
            .ok_or_else(gone)?;
        change(guest, fate);
        if fate == Fate::Lives {
            Ok(())
        } else {
            Err(dead())
        }
    }

    fn exec(&self, exec: &Exec) -> Result<Observation, Fault> {
        let title = exec.argv.join(" ");
        let path = format!("ran: {title}");
        self.touch(|guest, fate| {
            for handle in &exec.creates {
                effect(guest, &format!("handle: {handle}"), fate);
            }
            effect(guest, &path, fate);
            if fate == Fate::Lives || fate == Fate::DiesAfter {
                guest.files.retain(|path, _| {
                    !exec
                        .destroys
                        .iter()
                        .any(|handle| *path == format!("handle: {handle}"))
                });
            }
        })?;
        if self.script.failing.contains(&title) {
            return Err(Fault::new(FaultKind::Failed, format!("`{title}` failed")));
        }
        Ok(Observation::default())
    }
}

fn effect(guest: &mut Guest, path: &str, fate: Fate) {
    match fate {
        Fate::DiesBefore => None,
        Fate::Tears => guest.files.insert(path.to_owned(), Entry::Torn),
        Fate::Lives | Fate::DiesAfter => guest
            .files
            .insert(path.to_owned(), Entry::Whole(Content::Directory)),
    };
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
                self.touch(|guest, fate| put(&mut guest.files, path, content, fate))?;
            }
            Op::Exec(exec) => {
                self.exec(exec)?;
            }
            Op::Service { unit, state } => self.touch(|guest, fate| {
                if matches!(fate, Fate::Lives | Fate::DiesAfter) {
                    guest.services.insert(unit.clone(), *state);
                }
            })?,
            Op::Probe(_) => self.touch(|_, _| {})?,
            Op::Observe { name, .. } => {
                self.touch(|_, _| {})?;
                let seen = self
                    .script
                    .observations
                    .get(name)
                    .cloned()
                    .unwrap_or_default();
                *self.last.borrow_mut() = Some(seen);
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
