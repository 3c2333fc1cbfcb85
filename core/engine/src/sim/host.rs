//! The simulated host: makes and removes guests, hands guest steps to the simulated agent.

use std::sync::atomic::{AtomicBool, Ordering};

use super::platform::{make, not_ours, power, push, remove};
use super::{
    Agent, Effect, Fuse, Guest, Script, Shared, Victim, World, before, open_journal, put, ran,
};
use crate::check::check;
use crate::event::Event;
use crate::exec::Exec;
use crate::journal::{Child, Journal, Record};
use crate::op::{Content, Fetch, GuestIdentity, Op, PutFile, Unpack};
use crate::plan::{Place, Plan};
use crate::recover::{Course, Outcome, Standing, close, resolve};
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

    /// Does something to the world, unless this process is or becomes dead.
    fn touch(
        &self,
        change: impl FnOnce(&mut World, Effect) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let fate = self.fuse.burn(Victim::Host).ok_or_else(broken)?;
        change(&mut self.world.borrow_mut(), fate.effect)?;
        if fate.replies { Ok(()) } else { Err(broken()) }
    }

    /// Starts an agent and asks it something; whether anybody will hear what becomes of it.
    fn call(&self, plan: &Plan) -> Result<(Agent, Journal, bool), Fault> {
        let fate = self.fuse.burn(Victim::Host).ok_or_else(broken)?;
        if fate.effect != Effect::Whole {
            return Err(broken());
        }
        self.fuse.connect();
        let (agent, journal) = self.agent(plan)?;
        Ok((agent, journal, fate.replies))
    }

    /// Whether what the agent said at the end was heard.
    fn hear(&self, heard: bool) -> Result<(), Fault> {
        if heard && !self.fuse.cut() {
            Ok(())
        } else {
            Err(Fault::new(FaultKind::Failed, "the agent is lost"))
        }
    }

    fn runs(&self, plan: &Plan) -> bool {
        let world = self.world.borrow();
        let guest = plan
            .guest
            .as_ref()
            .and_then(|guest| world.guests.get(&guest.id));
        guest.is_some_and(|guest| guest.running)
    }

    /// Makes a guest; the child that does so is written down first.
    fn make(&self, identity: &GuestIdentity, hands: Hands<'_>) -> Result<(), Fault> {
        let maker = 1000 + u32::try_from(self.fuse.burnt()).unwrap_or(0);
        let child = Child {
            pid: maker,
            started: 1,
            boot: "sim".to_owned(),
        };
        (hands.child)(child).map_err(text)?;
        self.touch(|world, effect| make(world, identity, maker, effect))
    }

    fn remove(&self, identity: &GuestIdentity, child: Option<&Child>) -> Result<(), Fault> {
        self.touch(|world, effect| remove(world, identity, child, effect))
    }

    /// Does something to a guest of ours.
    fn guest(
        &self,
        identity: &GuestIdentity,
        change: impl FnOnce(&mut Guest, Effect),
    ) -> Result<(), Fault> {
        self.touch(|world, effect| {
            let guest = world.guests.get_mut(&identity.id);
            let ours = guest.filter(|guest| guest.identity.as_ref() == Some(identity));
            let ours = ours.ok_or_else(|| not_ours(identity))?;
            change(ours, effect);
            Ok(())
        })
    }

    fn template(&self, name: String) -> Result<(), Fault> {
        self.touch(|world, effect| {
            if effect == Effect::Whole {
                world.templates.insert(name);
            }
            Ok(())
        })
    }

    fn put(&self, path: &str, content: &Content) -> Result<(), Fault> {
        self.touch(|world, effect| {
            put(&mut world.files, path, content, effect);
            Ok(())
        })
    }

    fn exec(&self, exec: &Exec) -> Result<(), Fault> {
        self.touch(|world, effect| {
            ran(&mut world.files, exec, &self.script, effect);
            Ok(())
        })?;
        self.script.fails(exec)
    }

    fn agent(&self, plan: &Plan) -> Result<(Agent, Journal), Fault> {
        let guest = plan
            .guest
            .as_ref()
            .map(|guest| guest.id.clone())
            .unwrap_or_default();
        let journal = open_journal(&self.world, &self.fuse, Victim::Agent, &guest).map_err(text)?;
        let agent = Agent::new(&self.world, &self.fuse, &self.script, &guest);
        Ok((agent, journal))
    }
}

fn broken() -> Fault {
    Fault::new(FaultKind::Failed, "it failed, or this process is dead")
}

/// The guest has brought the operation to its end by itself: steps it did are told again, others refused.
fn told_again(
    outcome: Outcome,
    records: &[Record],
    batch: &Plan,
    note: NoteDone<'_>,
) -> Result<(), Fault> {
    for (number, _) in batch.numbered() {
        let done = records.iter().find_map(|record| match record {
            Record::Done {
                number: n, seen, ..
            } if *n == number => Some(seen.clone()),
            _ => None,
        });
        match done {
            Some(seen) if outcome == Outcome::Done => note(number, seen).map_err(text)?,
            _ => return Err(text("it has ended in the guest, without this step")),
        }
    }
    Ok(())
}

fn text(error: impl std::fmt::Display) -> Fault {
    Fault::new(FaultKind::Failed, error.to_string())
}

impl Executor for Sim {
    fn place(&self) -> Place {
        Place::Host
    }

    fn apply(&mut self, op: &Op, hands: Hands<'_>) -> Result<Option<Observation>, Fault> {
        if let Some(required) = require(op, hands.seen) {
            return required.map(|()| None);
        }
        match op {
            Op::EnsureGuest(spec) => self.make(&spec.identity, hands)?,
            Op::RemoveGuest(identity) => self.remove(identity, None)?,
            Op::Power { guest, to } => self.guest(guest, |guest, effect| {
                if effect == Effect::Whole {
                    power(guest, *to);
                }
            })?,
            Op::Describe { guest, text } => self.guest(guest, |guest, effect| {
                if effect == Effect::Whole {
                    guest.description.clone_from(text);
                }
            })?,
            Op::Tag { guest, tags } => self.guest(guest, |guest, effect| {
                if effect == Effect::Whole {
                    guest.tags.clone_from(tags);
                }
            })?,
            Op::Push { guest, files } => {
                self.guest(guest, |guest, effect| push(guest, files, effect))?;
            }
            Op::Pull { archive: path, .. }
            | Op::Fetch(Fetch { to: path, .. })
            | Op::Unpack(Unpack { to: path, .. }) => {
                self.put(path, &Content::Text("bytes".to_owned()))?;
            }
            Op::PutFile(PutFile { path, content, .. }) => self.put(path, content)?,
            Op::EnsureTemplate { storage, name } => self.template(format!("{storage}/{name}"))?,
            Op::Exec(exec) => self.exec(exec)?,
            Op::Service { .. } | Op::Probe(_) | Op::Observe { .. } | Op::Verify(_) => {
                self.touch(|_, _| Ok(()))?
            }
            Op::Require { .. } => {}
            Op::CutOver(_) => return Err(text("only the agent can carry this out")),
        }
        Ok(match op {
            Op::Observe { name, .. } => Some(self.script.seen(name)),
            _ => None,
        })
    }

    fn undo(&mut self, op: &Op, child: Option<&Child>) -> Result<(), Fault> {
        if let Op::RemoveGuest(identity) = op {
            return self.remove(identity, child);
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
        // After Commit there is only forward: the agent does all that it was given.
        let stoppable = batch.commit_after.is_none();
        let (mut agent, mut journal, heard) = self.call(&batch)?;
        let standing = Standing::of(&journal).map_err(text)?;
        if let (Course::Closed(outcome), false) = (standing.course(), standing.goes_on(&batch)) {
            return told_again(outcome, journal.records(), &batch, note);
        }
        let known = standing.known_for(&batch, seen);
        let plan = check(batch, &known).map_err(text)?;
        let (last, stop) = (agent.last.clone(), AtomicBool::new(!heard));
        let mut host = Ok(());
        let mut tell = |event: Event| {
            let hears = heard && !self.fuse.cut();
            if let (Event::Done { number, .. }, Ok(()), true) = (event, &host, hears) {
                host = note(number, last.borrow().clone());
            }
            // Its input is closed: it finishes and journals this step and starts no more.
            let asked = stoppable && self.fuse.stop().load(Ordering::SeqCst);
            stop.fetch_or(host.is_err() || !hears || asked, Ordering::SeqCst);
        };
        let ran = run::stage(&mut journal, &mut agent, &plan, "sim", &stop, &mut tell);
        host.map_err(text)?;
        self.hear(heard)?;
        ran.map(|_| ()).map_err(|error| match error {
            RunError::Step { fault, .. } => fault,
            other => text(other),
        })
    }

    fn recover_guest(&mut self, plan: &Plan, tell: Tell<'_>) -> Result<Outcome, Fault> {
        let (mut agent, mut journal, heard) = self.call(plan)?;
        // Nothing of it ever reached the guest.
        if journal.records().is_empty() {
            return self.hear(heard).map(|()| Outcome::RolledBack);
        }
        let resolved = resolve(&mut journal, &mut agent, tell);
        self.hear(heard)?;
        resolved.map_err(text)
    }

    fn close(&mut self, plan: &Plan) -> Result<(), Fault> {
        let (mut agent, mut journal, heard) = self.call(plan)?;
        // A guest that is gone has taken its journal along; one that is off closes it when it boots.
        if !self.runs(plan) {
            return self.hear(heard);
        }
        let closed = match Standing::of(&journal).map_err(text)?.course() {
            Course::Closed(_) => Ok(()),
            _ => close(&mut journal, &mut agent, Outcome::Done).map_err(text),
        };
        self.hear(heard)?;
        closed
    }
}
