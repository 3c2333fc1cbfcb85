//! What the guest's agent is asked to do: run steps, resolve its journal, close it.

use std::sync::Arc;
use std::time::Duration;

use homeport_engine::event::Event;
use homeport_engine::plan::Plan;
use homeport_engine::recover::Outcome;
use homeport_engine::require::Observations;
use homeport_engine::run::{Fault, FaultKind, NoteDone, Tell};
use homeport_engine::wire::{Answer, Ask};

use super::Proxmox;
use super::alive;
use super::argv;
use super::channel::{Channel, Heard, Unheard};
use super::guest::vmid;
use super::host::fault;
use crate::places::guest::AGENT;

/// The first word may take as long as a busy host's `pct exec`.
const FIRST_WORD: Duration = Duration::from_secs(60);

impl Proxmox {
    /// Has the agent run the steps.
    pub(super) fn agent_runs(
        &mut self,
        batch: Plan,
        seen: &Observations,
        tell: Tell<'_>,
        done: NoteDone<'_>,
    ) -> Result<(), Fault> {
        // After Commit there is only forward.
        let stoppable = batch.commit_after.is_none();
        let ask = Ask::Run {
            plan: Box::new(batch.clone()),
            seen: seen.clone(),
        };
        self.converse(&batch, &ask, stoppable, tell, &mut |answer| match answer {
            Answer::StepDone { number, seen } => match done(number, seen) {
                Ok(()) => Ok(Heard::Noted),
                Err(error) => fault(FaultKind::Failed, error.to_string()),
            },
            Answer::Finished => Ok(Heard::Finished),
            other => unexpected(&other),
        })
    }

    /// Has the agent resolve its journal.
    pub(super) fn agent_recovers(&mut self, plan: &Plan, tell: Tell<'_>) -> Result<Outcome, Fault> {
        let ask = Ask::Recover {
            operation: plan.operation.clone(),
        };
        let mut ended = Outcome::RolledBack;
        self.converse(plan, &ask, false, tell, &mut |answer| match answer {
            Answer::Resolved { outcome } => {
                ended = outcome;
                Ok(Heard::Finished)
            }
            other => unexpected(&other),
        })?;
        Ok(ended)
    }

    /// Has the agent close its journal, and ends the conversation: an operation's last word.
    ///
    /// A guest that is gone has taken its journal along. One that is off after Commit closes it when it boots.
    pub(super) fn agent_closes(&mut self, plan: &Plan) -> Result<(), Fault> {
        if self.ended_with_its_guest(plan)? {
            self.hang_up();
            return Ok(());
        }
        let ask = Ask::Close {
            operation: plan.operation.clone(),
        };
        let ignore = &mut |_: Event| {};
        self.converse(plan, &ask, false, ignore, &mut |answer| match answer {
            Answer::Finished => Ok(Heard::Finished),
            other => unexpected(&other),
        })?;
        self.hang_up();
        Ok(())
    }

    fn ended_with_its_guest(&self, plan: &Plan) -> Result<bool, Fault> {
        let Some(guest) = &plan.guest else {
            return Ok(false);
        };
        let id = vmid(guest)?;
        let off = plan.commit_after.is_some() && !alive::running()?.contains(&id);
        Ok(off || self.etc.locate(id)?.is_none())
    }

    /// Ends the conversation with the agent, if there is one.
    pub(super) fn hang_up(&mut self) {
        if let Some(channel) = self.channel.take() {
            channel.close();
        }
    }

    fn converse(
        &mut self,
        plan: &Plan,
        ask: &Ask,
        stoppable: bool,
        tell: Tell<'_>,
        hear: &mut dyn FnMut(Answer) -> Result<Heard, Fault>,
    ) -> Result<(), Fault> {
        let mut channel = self.channel_to(plan)?;
        let stop = if stoppable {
            self.host.stop().clone()
        } else {
            Arc::default()
        };
        match channel.ask(ask, &stop, tell, hear) {
            Err(Unheard::Lost(why)) => Err(channel.lost(&why)),
            Err(Unheard::Fault(fault)) => {
                self.channel = Some(channel);
                Err(fault)
            }
            Ok(()) => {
                self.channel = Some(channel);
                Ok(())
            }
        }
    }

    /// The open channel to the plan's guest, or a new one.
    fn channel_to(&mut self, plan: &Plan) -> Result<Channel, Fault> {
        let Some(guest) = &plan.guest else {
            return fault(FaultKind::Failed, "the plan names no guest");
        };
        let (id, _) = self.ours(guest)?;
        if let Some(channel) = self.channel.take() {
            if channel.leads_to(id) {
                return Ok(channel);
            }
            channel.close();
        }
        let who = format!("homeport on {}, process {}", self.node, std::process::id());
        let command = self
            .host
            .command(argv::inside(id, [AGENT, "serve", "--who", &who]), 0);
        let mut channel = Channel::open(id, command, FIRST_WORD)?;
        if let Some(operation) = channel.left_open(&plan.operation) {
            resolve(&mut channel, operation)?;
        }
        Ok(channel)
    }
}

/// Whoever begins an operation has resolved the host's journals before: what is open in the guest belongs to an operation
/// the host has closed or lost, and the guest's own journal knows what to do about it.
fn resolve(channel: &mut Channel, operation: String) -> Result<(), Fault> {
    let ask = Ask::Recover { operation };
    let ignore = &mut |_: Event| {};
    let ended = channel.ask(&ask, &Arc::default(), ignore, &mut |answer| match answer {
        Answer::Resolved { .. } | Answer::Finished => Ok(Heard::Finished),
        other => unexpected(&other),
    });
    ended.map_err(|error| match error {
        Unheard::Fault(fault) => fault,
        Unheard::Lost(why) => Fault::new(FaultKind::Failed, format!("the agent is lost: {why}")),
    })
}

fn unexpected(answer: &Answer) -> Result<Heard, Fault> {
    let words = format!("{answer:?}");
    let name = words.split([' ', '{']).next().unwrap_or_default();
    fault(
        FaultKind::Failed,
        format!("the agent answered with {name}, which makes no sense here"),
    )
}
