//! The conversation with the agent in a guest: one `pct exec` for all steps of an operation. It costs 0.65 s to open and
//! 0.01 ms per word, where every call of its own would cost 0.6 s.
//!
//! The program between is never signalled while the agent works: a signal to its group would end the agent in the middle
//! of a step. To stop the agent its input is closed; it finishes its step and begins no other.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use homeport_engine::cmd::{self, Command, last_lines};
use homeport_engine::event::Event;
use homeport_engine::run::{Fault, FaultKind};
use homeport_engine::wire::{Answer, Ask, WireError, receive, send};

use super::fault::broken;

/// An agent sends a sign of life every 5 s; without one for so long it is lost.
const SILENCE: Duration = Duration::from_secs(30);

/// How often the wish to stop is looked at.
const GLANCE: Duration = Duration::from_millis(100);

/// Time the agent gets to end when nothing is asked of it any more.
const FAREWELL: Duration = Duration::from_secs(5);

/// Messages that may wait to be looked at; more make the agent wait.
const WAITING: usize = 256;

/// A conversation.
pub(super) struct Channel {
    id: u32,
    partner: cmd::Channel,
    heard: Receiver<Result<Answer, WireError>>,
    /// Nothing can be asked any more once the agent's input is closed.
    open: bool,
    /// Operation whose journal was open in the guest when the conversation began.
    left_open: Option<String>,
}

/// What an answer means for whoever waits.
pub(super) enum Heard {
    /// It was taken note of; go on.
    Noted,
    /// The ask is done.
    Finished,
}

/// How an ask went wrong.
pub(super) enum Unheard {
    /// The agent says so, or whoever heard its answer.
    Fault(Fault),
    /// The agent is out of reach.
    Lost(String),
}

impl From<Fault> for Unheard {
    fn from(fault: Fault) -> Unheard {
        Unheard::Fault(fault)
    }
}

impl Channel {
    /// Starts the agent and waits for its first word.
    pub(super) fn open(id: u32, command: Command, patience: Duration) -> Result<Channel, Fault> {
        let (partner, mut from) = command
            .open()
            .map_err(|error| broken("the agent in the container", &error))?;
        let (say, heard) = sync_channel(WAITING);
        thread::spawn(move || while relay(receive(&mut from), &say) {});
        let mut channel = Channel {
            id,
            partner,
            heard,
            open: true,
            left_open: None,
        };
        match channel.next(patience, &AtomicBool::new(false)) {
            Ok(Answer::Hello { open, .. }) => {
                channel.left_open = open;
                Ok(channel)
            }
            Ok(Answer::Failed { fault, .. }) => Err(fault),
            Ok(_) => Err(channel.lost("it did not introduce itself")),
            Err(why) => Err(channel.lost(&why)),
        }
    }

    /// An operation somebody else left open in the guest.
    pub(super) fn left_open(&mut self, mine: &str) -> Option<String> {
        self.left_open.take().filter(|open| open != mine)
    }

    /// The guest it leads to, as long as something can be asked.
    pub(super) fn leads_to(&self, id: u32) -> bool {
        self.open && self.id == id
    }

    /// Asks something and hears everything that is said until it is done. `stop`, once set, has the agent finish its
    /// step and begin no other; then nothing more can be asked.
    pub(super) fn ask(
        &mut self,
        ask: &Ask,
        stop: &AtomicBool,
        tell: &mut dyn FnMut(Event),
        hear: &mut dyn FnMut(Answer) -> Result<Heard, Fault>,
    ) -> Result<(), Unheard> {
        let said = self
            .partner
            .to()
            .map_err(WireError::Io)
            .and_then(|to| send(to, ask));
        said.map_err(|error| Unheard::Lost(error.to_string()))?;
        loop {
            match self.next(SILENCE, stop) {
                Ok(Answer::Heartbeat) => {}
                // Stages, Commit and the way back are told by whoever sees the whole operation.
                Ok(Answer::Told {
                    told: Event::Stage { .. } | Event::Committed | Event::Undoing { .. },
                }) => {}
                Ok(Answer::Told { told }) => tell(told),
                Ok(Answer::Failed { fault, .. }) => return Err(fault.into()),
                Ok(other) => match hear(other) {
                    Ok(Heard::Noted) => {}
                    Ok(Heard::Finished) => return Ok(()),
                    Err(fault) => {
                        self.hang_up();
                        return Err(fault.into());
                    }
                },
                Err(_) if stop.load(Ordering::SeqCst) => return Err(cancelled().into()),
                Err(why) => return Err(Unheard::Lost(why)),
            }
        }
    }

    /// Ends the conversation. What the agent is doing it finishes.
    pub(super) fn close(self) {
        // It has nothing more to say, and how its client ends means nothing.
        let _ = self.partner.end(FAREWELL);
    }

    /// The agent is out of reach: what it has begun it finishes, and its journal knows.
    pub(super) fn lost(self, why: &str) -> Fault {
        let id = self.id;
        let errors = self
            .partner
            .end(FAREWELL)
            .map(|(_, errors)| errors)
            .unwrap_or_default();
        let said = last_lines(&errors, 1).concat();
        let said = if said.is_empty() {
            said
        } else {
            format!(" ({})", said.trim())
        };
        Fault::new(
            FaultKind::Failed,
            format!("the agent in container {id} is lost: {why}{said}"),
        )
        .with_lines(last_lines(&errors, 30))
        .with_remedy("Run the same command again: it goes on where this one stopped")
        .with_remedy(format!("See whether the container runs: pct status {id}"))
    }

    fn hang_up(&mut self) {
        self.open = false;
        self.partner.hang_up();
    }

    /// The next answer, or why there is none.
    fn next(&mut self, patience: Duration, stop: &AtomicBool) -> Result<Answer, String> {
        let until = Instant::now() + patience;
        loop {
            if self.open && stop.load(Ordering::SeqCst) {
                self.hang_up();
            }
            match self.heard.recv_timeout(GLANCE) {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => return Err(error.to_string()),
                Err(RecvTimeoutError::Timeout) if Instant::now() < until => {}
                Err(RecvTimeoutError::Timeout) => {
                    return Err(format!(
                        "it has given no sign of life for {} s",
                        patience.as_secs()
                    ));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err("the conversation is over".to_owned());
                }
            }
        }
    }
}

/// Passes one answer on; whether there may be another.
fn relay(answer: Result<Answer, WireError>, say: &SyncSender<Result<Answer, WireError>>) -> bool {
    let more = answer.is_ok();
    say.send(answer).is_ok() && more
}

fn cancelled() -> Fault {
    Fault::new(FaultKind::Cancelled, "you asked to stop")
}

#[cfg(test)]
#[path = "channel_tests.rs"]
mod tests;
