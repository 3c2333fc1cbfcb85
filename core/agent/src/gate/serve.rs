//! The gate's loop: one thread that waits for events, hands them on, and answers at the control socket.

use super::admission::Admission;
use super::config::Config;
use super::control::{Question, Status, Verb};
use super::desk::Desk;
use super::error::GateError;
use super::listen::Listeners;
use super::mark::HoldMark;
use super::poller::{EventFlags, Token};
use super::relay::Kind;
use super::traffic::Traffic;
use nix::sys::signalfd::SignalFd;
use std::num::NonZeroU32;
use std::time::Instant;

/// Descriptors the gate needs besides those of the connections it relays.
const OWN_FILES: usize = 64;

/// A running gate.
pub(crate) struct Gate {
    traffic: Traffic,
    desk: Desk,
    mark: HoldMark,
    ending: SignalFd,
    /// The service is to end: nobody is taken any more.
    closing: bool,
}

impl Gate {
    /// Sets everything up; from the first turn on requests pass, or wait if a hold is in force.
    ///
    /// # Errors
    /// Whatever the system refuses.
    pub(crate) fn new(
        config: Config,
        listeners: Listeners,
        ending: SignalFd,
        open_files: usize,
    ) -> Result<Self, GateError> {
        let mark = HoldMark::new(config.hold_mark.clone());
        let desk = Desk::open(&config.control)?;
        let now = Instant::now();
        let admission = Admission::new(mark.is_set(), config.width, config.connect_wait, now);
        // Two kinds, two descriptors per connection.
        let room = open_files.saturating_sub(OWN_FILES) / 4;
        let limit = config.max.min(room).max(1);
        let traffic = Traffic::new(config, listeners, admission, limit)?;
        desk.watch(&traffic.poller)
            .and_then(|()| traffic.poller.watch(&ending, Token::Signal))
            .map_err(GateError::system("wait for events"))?;
        Ok(Self {
            traffic,
            desk,
            mark,
            ending,
            closing: false,
        })
    }

    /// Relays until the service is to end and the last request has been answered. Streams are cut then: their clients
    /// connect again, and come to the next gate.
    ///
    /// # Errors
    /// [`GateError::System`] when the system refuses to report events.
    pub(crate) fn run(&mut self) -> Result<(), GateError> {
        let mut events = Vec::new();
        while !(self.closing && self.traffic.has_no_requests()) {
            let patience = self.traffic.patience(self.closing, Instant::now());
            self.traffic.poller.wait(patience, &mut events)?;
            let now = Instant::now();
            self.traffic.go_on(now);
            for (token, flags) in events.drain(..) {
                self.event(token, flags, now);
            }
            self.traffic.end_turn(self.closing, now);
        }
        Ok(())
    }

    fn event(&mut self, token: Token, flags: EventFlags, now: Instant) {
        match token {
            Token::Requests => self.traffic.arrived(Kind::Request),
            Token::Streams => self.traffic.arrived(Kind::Stream),
            Token::Signal => self.closing |= matches!(self.ending.read_signal(), Ok(Some(_))),
            Token::ControlDoor => self.desk.welcome(&self.traffic.poller),
            Token::Control(slot) => self.asked(slot, now),
            Token::Client(slot) => self.traffic.client_event(slot, flags, now),
            Token::App(slot) => self.traffic.app_event(slot, flags, now),
        }
    }

    fn asked(&mut self, slot: u32, now: Instant) {
        while let Some(question) = self.desk.next(slot) {
            let outcome = question.and_then(|question| self.obey(question, now));
            self.desk.answer(slot, outcome);
        }
    }

    /// The mark changes before the gate does: whatever has been answered survives a kill.
    fn obey(&mut self, question: Question, now: Instant) -> Result<Status, String> {
        let admission = &mut self.traffic.admission;
        match question.verb {
            Verb::Hold => {
                self.mark.set().map_err(|error| error.to_string())?;
                admission.hold();
            }
            Verb::Release { width } => {
                self.mark.clear().map_err(|error| error.to_string())?;
                admission.release(width.map(NonZeroU32::get), now);
            }
            Verb::Status => {}
        }
        Ok(self.traffic.status(now))
    }
}
