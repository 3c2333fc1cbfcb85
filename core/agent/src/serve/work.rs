//! What can be asked: to run a part of a plan, to resolve an operation's journal, to close it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use homeport_engine::check::check;
use homeport_engine::event::Event;
use homeport_engine::journal::Record;
use homeport_engine::local::Local;
use homeport_engine::plan::{Place, Plan};
use homeport_engine::recover::{self, Course, Outcome, Standing};
use homeport_engine::require::Observations;
use homeport_engine::run::{self, Fault, FaultKind};
use homeport_engine::wire::{Answer, Ask};

use super::VERSION;
use super::handed::{Handed, Last};
use super::voice::Voice;
use crate::lock::Lock;
use crate::machine::Machine;
use crate::recover::{Failure, end_leftovers, failure, resolve, standing};
use crate::state::StateDir;

/// The agent at work.
pub(super) struct Work<'a> {
    pub(super) state: StateDir,
    pub(super) lock: Lock,
    pub(super) voice: &'a Voice,
    pub(super) stop: &'a Arc<AtomicBool>,
}

impl Work<'_> {
    /// Does what is asked; the answer that ends the ask.
    pub(super) fn answer(&mut self, ask: Ask) -> Answer {
        let done = match ask {
            Ask::Run { plan, seen } => self.run(*plan, seen),
            Ask::Recover { operation } => self.recover(&operation),
            Ask::Close { operation } => self.close(&operation),
        };
        done.unwrap_or_else(|Failure { number, fault }| Answer::Failed { number, fault })
    }

    fn run(&mut self, part: Plan, elsewhere: Observations) -> Result<Answer, Failure> {
        let records = self.records(&part.operation)?;
        let mut journal = self.state.journal(&part.operation)?;
        let standing = standing(&journal)?;
        match standing.course() {
            Course::Closed(Outcome::Done) if !standing.goes_on(&part) => {
                return self.tell_again(&records, &standing, &part);
            }
            Course::Closed(Outcome::RolledBack) => {
                return Err(refused("it was taken back in the guest"));
            }
            _ if goes_back(&records) => {
                return Err(refused("it is being taken back in the guest"));
            }
            _ => {}
        }
        end_leftovers(&standing)?;
        let known = standing.known_for(&part, &elsewhere);
        let plan = check(part, &known).map_err(|why| refused(&why.to_string()))?;
        let last = Last::default();
        let mut machine = self.machine();
        if plan.plan().commit_after.is_none() {
            machine.local = machine.local.giving_up(self.stop);
        }
        let mut machine = Handed {
            machine,
            elsewhere,
            last: last.clone(),
        };
        let mut tell = |event: Event| self.tell(event, &last);
        self.voice
            .beating(|| {
                run::stage(
                    &mut journal,
                    &mut machine,
                    &plan,
                    VERSION,
                    self.stop,
                    &mut tell,
                )
            })
            .map_err(failure)?;
        Ok(Answer::Finished)
    }

    /// The event, and for a step that is done the fact that the host writes into its own journal.
    fn tell(&self, event: Event, last: &Last) {
        let done = match event {
            Event::Done { number, .. } => Some(number),
            _ => None,
        };
        self.voice.say(&Answer::Told { told: event });
        if let Some(number) = done {
            let seen = last.borrow_mut().take();
            self.voice.say(&Answer::StepDone { number, seen });
        }
    }

    /// The host did not hear the end of an operation that the guest has since brought to its end by itself.
    fn tell_again(
        &self,
        records: &[Record],
        standing: &Standing,
        part: &Plan,
    ) -> Result<Answer, Failure> {
        for (number, step) in part.numbered() {
            let same = standing
                .plans()
                .iter()
                .flat_map(Plan::numbered)
                .any(|known| known == (number, step));
            let done = records.iter().rev().find_map(|record| match record {
                Record::Done {
                    number: n, seen, ..
                } if *n == number => Some(seen.clone()),
                _ => None,
            });
            match done {
                Some(seen) if same => self.voice.say(&Answer::StepDone { number, seen }),
                _ => return Err(refused("it has ended in the guest, without this step")),
            }
        }
        Ok(Answer::Finished)
    }

    fn recover(&mut self, operation: &str) -> Result<Answer, Failure> {
        if self.records(operation)?.is_empty() {
            // Nothing of it ever reached the guest.
            let outcome = Outcome::RolledBack;
            return Ok(Answer::Resolved { outcome });
        }
        let mut journal = self.state.journal(operation)?;
        let mut tell = |event| self.voice.say(&Answer::Told { told: event });
        let outcome = self
            .voice
            .beating(|| resolve(&mut journal, self.machine(), &mut tell))?;
        Ok(Answer::Resolved { outcome })
    }

    fn close(&mut self, operation: &str) -> Result<Answer, Failure> {
        if self.records(operation)?.is_empty() {
            return Err(refused("the guest does not know it"));
        }
        let mut journal = self.state.journal(operation)?;
        match standing(&journal)?.course() {
            Course::Closed(Outcome::Done) => {}
            Course::Closed(Outcome::RolledBack) => {
                return Err(refused("it was taken back in the guest"));
            }
            _ => {
                recover::close(&mut journal, &mut self.machine(), Outcome::Done).map_err(failure)?
            }
        }
        Ok(Answer::Finished)
    }

    /// This machine; nothing stops a step that has begun.
    fn machine(&self) -> Machine {
        Machine {
            local: Local::new(Place::Guest, Arc::new(AtomicBool::new(false))),
            state: self.state.clone(),
            booting: false,
        }
    }

    /// What the guest knows of the operation – asked only while no other is open: one thing at a time, and the first
    /// one first.
    fn records(&mut self, operation: &str) -> Result<Vec<Record>, Failure> {
        let open = self.state.open()?;
        if let Some(other) = open.iter().find(|open| *open != operation) {
            let why = format!("the operation {other} is still open in the guest");
            let fault = Fault::new(FaultKind::Locked, why);
            return Err(fault
                .with_remedy(
                    "Have it resolved by the host that began it: any verb there does so first",
                )
                .with_remedy("If that host is no more: homeport-agent recover --take-back")
                .into());
        }
        let records = self.state.records(operation)?;
        self.lock.name(operation)?;
        Ok(records)
    }
}

fn goes_back(records: &[Record]) -> bool {
    let undone = |record: &Record| matches!(record, Record::Undone { .. });
    records.iter().any(undone)
}

fn refused(why: &str) -> Failure {
    let why = format!("the guest refuses the operation: {why}");
    Fault::new(FaultKind::Failed, why).into()
}
