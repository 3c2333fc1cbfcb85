//! The simulated host: makes and removes guests, hands guest steps to the simulated agent.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Agent, Fate, Fuse, Guest, Script, Shared, Victim, World, before, open_journal, put};
use crate::check::check;
use crate::event::Event;
use crate::journal::{Child, Journal};
use crate::op::{Content, Fetch, GuestIdentity, Op, Power, PushFile, PutFile, Unpack};
use crate::plan::{Place, Plan};
use crate::recover::{Outcome, Standing, close, resolve};
use crate::require::{Observation, Observations};
use crate::run::{self, Executor, Fault, FaultKind, Hands, NoteDone, RunError, Tell, require};

/// `homeport` on the simulated host. Dropped and made anew over the same world it is a new process.
pub struct Sim {
    world: Shared,
    fuse: Fuse,
    script: Script,
}

impl Sim {
    /// A process on this world.
    pub fn new(world: &Shared, fuse: &Fuse, script: &Script) -> Sim {
        Sim {
            world: world.clone(),
            fuse: fuse.clone(),
            script: script.clone(),
        }
    }

    fn touch(
        &self,
        change: impl FnOnce(&mut World, Fate) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let fate = self.fuse.burn(Victim::Host).ok_or_else(dead)?;
        change(&mut self.world.borrow_mut(), fate)?;
        if fate == Fate::Lives {
            Ok(())
        } else {
            Err(dead())
        }
    }

    fn agent(&self, plan: &Plan) -> Result<(Agent, Journal), Fault> {
        let guest = plan
            .guest
            .as_ref()
            .map(|guest| guest.id.clone())
            .unwrap_or_default();
        let journal = open_journal(&self.world, &self.fuse, Victim::Agent, &guest).map_err(text)?;
        let (world, fuse, script) = (self.world.clone(), self.fuse.clone(), self.script.clone());
        Ok((
            Agent {
                world,
                fuse,
                script,
                guest,
                last: Rc::new(RefCell::new(None)),
            },
            journal,
        ))
    }
}

fn dead() -> Fault {
    Fault::new(FaultKind::Failed, "the host process is dead")
}

fn text(error: impl std::fmt::Display) -> Fault {
    Fault::new(FaultKind::Failed, error.to_string())
}

fn done(fate: Fate) -> bool {
    matches!(fate, Fate::Lives | Fate::DiesAfter)
}

fn make(world: &mut World, identity: &GuestIdentity, maker: u32, fate: Fate) -> Result<(), Fault> {
    let guest = world.guests.entry(identity.id.clone()).or_default();
    if guest
        .identity
        .as_ref()
        .is_some_and(|other| other != identity)
    {
        return Err(Fault::new(
            FaultKind::NotOurs,
            format!("guest {} is not ours", identity.id),
        ));
    }
    if done(fate) {
        guest.identity = Some(identity.clone());
        guest.maker = None;
    } else if guest.identity.is_none() {
        guest.maker = Some(maker);
    }
    if fate == Fate::DiesBefore
        && *guest
            == (Guest {
                maker: Some(maker),
                ..Guest::default()
            })
    {
        world.guests.remove(&identity.id);
    }
    Ok(())
}

fn remove(
    world: &mut World,
    identity: &GuestIdentity,
    child: Option<&Child>,
    fate: Fate,
) -> Result<(), Fault> {
    let Some(guest) = world.guests.get_mut(&identity.id) else {
        return Ok(());
    };
    let half_made = guest.identity.is_none()
        && guest.maker.is_some()
        && guest.maker == child.map(|child| child.pid);
    if guest.identity.as_ref() != Some(identity) && !half_made {
        return Err(Fault::new(
            FaultKind::NotOurs,
            format!("guest {} is not ours", identity.id),
        ));
    }
    match fate {
        Fate::DiesBefore => {}
        // A destroy that was killed: volumes gone, configuration still there.
        Fate::Tears => {
            guest.running = false;
            guest.files.clear();
        }
        Fate::Lives | Fate::DiesAfter => {
            world.guests.remove(&identity.id);
            world.journals.remove(&identity.id);
        }
    }
    Ok(())
}

fn push(guest: &mut Guest, files: &[PushFile], fate: Fate) {
    let half = if fate == Fate::Tears {
        files.len() / 2
    } else {
        files.len()
    };
    for (index, file) in files.iter().enumerate() {
        let fate = if index < half { Fate::Lives } else { fate };
        put(
            &mut guest.files,
            &file.to,
            &Content::Text(file.from.clone()),
            fate,
        );
    }
}

impl Executor for Sim {
    fn place(&self) -> Place {
        Place::Host
    }

    fn apply(&mut self, op: &Op, hands: Hands<'_>) -> Result<Option<Observation>, Fault> {
        if let Some(required) = require(op, hands.seen) {
            return required.map(|()| None);
        }
        let ours =
            |world: &mut World, identity: &GuestIdentity, change: &mut dyn FnMut(&mut Guest)| {
                let guest = world
                    .guests
                    .get_mut(&identity.id)
                    .filter(|guest| guest.identity.as_ref() == Some(identity));
                guest
                    .map(change)
                    .ok_or_else(|| Fault::new(FaultKind::NotOurs, "no such guest of ours"))
            };
        match op {
            Op::EnsureGuest(spec) => {
                let maker = 1000 + u32::try_from(self.fuse.burnt()).unwrap_or(0);
                let child = Child {
                    pid: maker,
                    started: 1,
                    boot: "sim".to_owned(),
                };
                (hands.child)(child).map_err(text)?;
                self.touch(|world, fate| make(world, &spec.identity, maker, fate))?;
            }
            Op::RemoveGuest(identity) => {
                self.touch(|world, fate| remove(world, identity, None, fate))?
            }
            Op::Power { guest, to } => self.touch(|world, fate| {
                ours(world, guest, &mut |guest| {
                    if done(fate) {
                        guest.running = *to == Power::Running;
                    }
                })
            })?,
            Op::Describe { guest, text } => self.touch(|world, fate| {
                ours(world, guest, &mut |guest| {
                    if done(fate) {
                        guest.description.clone_from(text);
                    }
                })
            })?,
            Op::Push { guest, files } => {
                self.touch(|world, fate| {
                    ours(world, guest, &mut |guest| push(guest, files, fate))
                })?;
            }
            Op::Pull { archive: path, .. }
            | Op::Fetch(Fetch { to: path, .. })
            | Op::Unpack(Unpack { to: path, .. }) => self.touch(|world, fate| {
                put(
                    &mut world.files,
                    path,
                    &Content::Text("bytes".to_owned()),
                    fate,
                );
                Ok(())
            })?,
            Op::PutFile(PutFile { path, content, .. }) => self.touch(|world, fate| {
                put(&mut world.files, path, content, fate);
                Ok(())
            })?,
            Op::EnsureTemplate { storage, name } => self.touch(|world, fate| {
                let path = format!("{storage}/{name}");
                put(
                    &mut world.files,
                    &path,
                    &Content::Text("template".to_owned()),
                    fate,
                );
                Ok(())
            })?,
            Op::Exec(_) | Op::Service { .. } | Op::Probe(_) => self.touch(|_, _| Ok(()))?,
            Op::Observe { name, .. } => {
                self.touch(|_, _| Ok(()))?;
                return Ok(Some(
                    self.script
                        .observations
                        .get(name)
                        .cloned()
                        .unwrap_or_default(),
                ));
            }
            Op::Require { .. } => {}
        }
        Ok(None)
    }

    fn undo(&mut self, op: &Op, child: Option<&Child>) -> Result<(), Fault> {
        if let Op::RemoveGuest(identity) = op {
            return self.touch(|world, fate| remove(world, identity, child, fate));
        }
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
        let content = before(&self.world.borrow().files, &file.path);
        Ok(Op::PutFile(PutFile {
            content,
            ..file.clone()
        }))
    }

    fn hand_over(
        &mut self,
        batch: Plan,
        seen: &Observations,
        _: Tell<'_>,
        note: NoteDone<'_>,
    ) -> Result<(), Fault> {
        self.fuse
            .burn(Victim::Host)
            .filter(|fate| *fate == Fate::Lives)
            .ok_or_else(dead)?;
        let (mut agent, mut journal) = self.agent(&batch)?;
        let known = Standing::of(&journal)
            .map_err(text)?
            .known_for(&batch, seen);
        let plan = check(batch, &known).map_err(text)?;
        let (last, stop) = (agent.last.clone(), AtomicBool::new(false));
        let mut host = Ok(());
        let mut tell = |event: Event| {
            if let (Event::Done { number, .. }, Ok(())) = (event, &host) {
                host = note(number, last.borrow().clone());
                // A dead host has closed the agent's input: it finishes and journals this step and starts no more.
                stop.store(host.is_err(), Ordering::SeqCst);
            }
        };
        let ran = run::stage(&mut journal, &mut agent, &plan, "sim", &stop, &mut tell);
        host.map_err(text)?;
        ran.map(|_| ()).map_err(|error| match error {
            RunError::Step { fault, .. } => fault,
            other => text(other),
        })
    }

    fn recover_guest(&mut self, plan: &Plan, tell: Tell<'_>) -> Result<(), Fault> {
        self.fuse
            .burn(Victim::Host)
            .filter(|fate| *fate == Fate::Lives)
            .ok_or_else(dead)?;
        let (mut agent, mut journal) = self.agent(plan)?;
        resolve(&mut journal, &mut agent, tell)
            .map(|_| ())
            .map_err(text)
    }

    fn close(&mut self, plan: &Plan) -> Result<(), Fault> {
        self.fuse
            .burn(Victim::Host)
            .filter(|fate| *fate == Fate::Lives)
            .ok_or_else(dead)?;
        let (mut agent, mut journal) = self.agent(plan)?;
        match Standing::of(&journal).map_err(text)?.course() {
            crate::recover::Course::Closed(_) => Ok(()),
            _ => close(&mut journal, &mut agent, Outcome::Done).map_err(text),
        }
    }
}
