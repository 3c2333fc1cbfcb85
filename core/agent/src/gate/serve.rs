//! The gate's loop: one thread that waits for events, moves bytes, and takes connections as [`Admission`] allows.

use super::admission::{Admission, LOOK_EVERY};
use super::colour::ColourDir;
use super::config::Config;
use super::control::{Question, Status, Verb};
use super::desk::Desk;
use super::error::GateError;
use super::flow::BUFFER;
use super::listen::Listeners;
use super::mark::HoldMark;
use super::poller::{EventFlags, Poller, Token};
use super::queue;
use super::relay::{Kind, Next, Relay};
use super::table::Table;
use nix::sys::signalfd::SignalFd;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{SocketFlags, accept_with};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How often a parked connection is tried again. A refused connection on the loopback interface costs some 20 µs.
const RETRY_EVERY: Duration = Duration::from_millis(25);
/// Connections taken in one turn, after which the open ones have theirs.
const ACCEPTS_PER_TURN: usize = 64;
/// Descriptors the gate needs besides those of the connections it relays.
const OWN_FILES: usize = 64;

/// A running gate.
pub(crate) struct Gate {
    config: Config,
    limit: usize,
    listeners: Listeners,
    poller: Poller,
    desk: Desk,
    ending: SignalFd,
    colours: ColourDir,
    mark: HoldMark,
    admission: Admission,
    table: Table,
    /// Accepted, not connected: the app refused.
    parked: VecDeque<u32>,
    /// When the parked are tried again, and connections taken again that the system had no room for.
    retry_at: Instant,
    /// Had their share of a turn and have more to move.
    again: Vec<u32>,
    requests: usize,
    streams: usize,
    /// Somebody may be waiting at the listening socket.
    requests_waiting: bool,
    streams_waiting: bool,
    /// The service is to end: nobody is taken any more.
    closing: bool,
    accepted_total: u64,
    given_up_total: u64,
    buffer: Vec<u8>,
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
        let poller = Poller::new()?;
        let desk = Desk::open(&config.control)?;
        desk.watch(&poller)
            .and_then(|()| poller.watch(&ending, Token::Signal))
            .and_then(|()| poller.watch(&listeners.requests, Token::Requests))
            .and_then(|()| poller.watch(&listeners.streams, Token::Streams))
            .map_err(GateError::system("wait for events"))?;
        Ok(Self {
            // Two kinds, two descriptors per connection.
            limit: config
                .max
                .min(open_files.saturating_sub(OWN_FILES) / 4)
                .max(1),
            colours: ColourDir::new(&config.colour_dir),
            admission: Admission::new(
                mark.is_set(),
                config.width,
                config.connect_wait,
                Instant::now(),
            ),
            config,
            listeners,
            poller,
            desk,
            ending,
            mark,
            table: Table::default(),
            parked: VecDeque::new(),
            retry_at: Instant::now(),
            again: Vec::new(),
            requests: 0,
            streams: 0,
            requests_waiting: true,
            streams_waiting: true,
            closing: false,
            accepted_total: 0,
            given_up_total: 0,
            buffer: vec![0; BUFFER],
        })
    }

    /// Relays until the service is to end and the last request has been answered. Streams are cut then: their clients
    /// connect again, and come to the next gate.
    ///
    /// # Errors
    /// [`GateError::System`] when the system refuses to report events.
    pub(crate) fn run(&mut self) -> Result<(), GateError> {
        let mut events = Vec::new();
        while !(self.closing && self.requests == 0) {
            self.poller.wait(self.patience(), &mut events)?;
            let now = Instant::now();
            for slot in std::mem::take(&mut self.again) {
                self.turn(slot, now);
            }
            for (token, flags) in events.drain(..) {
                self.event(token, flags, now);
            }
            self.retry_parked(now);
            self.take_requests(now);
            self.take_streams(now);
            self.look_at_release(now);
            self.table.turn_is_over();
        }
        Ok(())
    }

    /// How long nothing needs to be done unless something happens.
    fn patience(&self) -> Option<Duration> {
        let now = Instant::now();
        let short_of_room = self.retry_at > now;
        if !self.again.is_empty() {
            Some(Duration::ZERO)
        } else if short_of_room || (!self.parked.is_empty() && self.admission.may_pass()) {
            Some(self.retry_at.saturating_duration_since(now))
        } else if self.may_take_request(now) || self.may_take_stream(now) {
            Some(Duration::ZERO)
        } else {
            self.admission.releasing().map(|_| LOOK_EVERY)
        }
    }

    fn event(&mut self, token: Token, flags: EventFlags, now: Instant) {
        match token {
            Token::Requests => self.requests_waiting = true,
            Token::Streams => self.streams_waiting = true,
            Token::Signal => self.closing |= matches!(self.ending.read_signal(), Ok(Some(_))),
            Token::ControlDoor => self.desk.welcome(&self.poller),
            Token::Control(slot) => self.asked(slot, now),
            Token::Client(slot) => {
                if let Some(relay) = self.table.get(slot) {
                    relay.client_event(flags);
                    self.turn(slot, now);
                }
            }
            Token::App(slot) => {
                if let Some(relay) = self.table.get(slot) {
                    relay.app_event(flags);
                    self.turn(slot, now);
                }
            }
        }
    }

    fn may_take_request(&self, now: Instant) -> bool {
        !self.closing
            && self.requests_waiting
            && self.requests < self.limit
            && self.admission.may_accept(self.parked.len(), now)
    }

    fn may_take_stream(&self, now: Instant) -> bool {
        !self.closing
            && self.streams_waiting
            && self.streams < self.limit
            && self.admission.may_accept_stream(self.parked.len(), now)
    }

    fn take_requests(&mut self, now: Instant) {
        for _ in 0..ACCEPTS_PER_TURN {
            if now < self.retry_at || !self.may_take_request(now) {
                break;
            }
            match accept_with(&self.listeners.requests, ACCEPTED) {
                Ok(client) => self.admit(Kind::Request, client, now),
                Err(Errno::AGAIN) => self.requests_waiting = false,
                Err(_) => self.retry_at = now + RETRY_EVERY,
            }
        }
        if !self.requests_waiting {
            self.admission.queue_is_empty();
        }
    }

    fn take_streams(&mut self, now: Instant) {
        for _ in 0..ACCEPTS_PER_TURN {
            if now < self.retry_at || !self.may_take_stream(now) {
                break;
            }
            match accept_with(&self.listeners.streams, ACCEPTED) {
                Ok(client) => self.admit(Kind::Stream, client, now),
                Err(Errno::AGAIN) => self.streams_waiting = false,
                Err(_) => self.retry_at = now + RETRY_EVERY,
            }
        }
    }

    fn admit(&mut self, kind: Kind, client: OwnedFd, now: Instant) {
        self.accepted_total += 1;
        match kind {
            Kind::Request => self.requests += 1,
            Kind::Stream => self.streams += 1,
        }
        let slot = self.table.insert(Relay::new(kind, client, now));
        match self
            .table
            .get(slot)
            .map(|relay| relay.watch_client(slot, &self.poller))
        {
            Some(true) => self.dial(slot, now),
            _ => self.close(slot),
        }
    }

    /// Tries the app of the active colour. No colour is like an app that refuses: it may be decided in a moment.
    fn dial(&mut self, slot: u32, now: Instant) {
        let address = self
            .colours
            .read()
            .map(|colour| self.config.address(colour));
        let Some(relay) = self.table.get(slot) else {
            return;
        };
        relay.since = now;
        if relay.kind == Kind::Request {
            relay.pass = Some(self.admission.pass());
        }
        let next = address.map_or(Next::Park, |address| {
            relay.dial(address, slot, &self.poller)
        });
        match next {
            Next::Again => {
                self.admission.connected(now);
                self.turn(slot, now);
            }
            next => self.follow(slot, next, now),
        }
    }

    fn turn(&mut self, slot: u32, now: Instant) {
        let Some(relay) = self.table.get(slot) else {
            return;
        };
        let was_open = relay.is_open();
        let next = relay.turn(slot, &self.poller, &mut self.buffer);
        if !was_open && relay.is_open() {
            self.admission.connected(now);
        }
        // The next one may go as soon as the app is done with this one, not only when the proxy has closed it.
        if relay.is_answered() {
            self.admission.give_back(relay.pass.take());
        }
        self.follow(slot, next, now);
    }

    fn follow(&mut self, slot: u32, next: Next, now: Instant) {
        match next {
            Next::Wait => {}
            Next::Again => self.again.push(slot),
            Next::Park => self.park(slot, now),
            Next::Close => self.close(slot),
        }
    }

    fn park(&mut self, slot: u32, now: Instant) {
        self.admission.refused(now);
        let Some(relay) = self.table.get(slot) else {
            return;
        };
        relay.park();
        self.admission.give_back(relay.pass.take());
        if self.admission.given_up(now) {
            self.given_up_total += 1;
            self.close(slot);
        } else {
            self.parked.push_front(slot);
        }
    }

    fn close(&mut self, slot: u32) {
        let Some(relay) = self.table.remove(slot) else {
            return;
        };
        self.admission.give_back(relay.pass);
        match relay.kind {
            Kind::Request => self.requests -= 1,
            Kind::Stream => self.streams -= 1,
        }
        if !relay.is_open() {
            self.parked.retain(|parked| *parked != slot);
        }
    }

    /// The one that has waited longest is tried; the others follow once the app takes connections again.
    fn retry_parked(&mut self, now: Instant) {
        if now < self.retry_at || self.parked.is_empty() {
            return;
        }
        while let Some(slot) = self.parked.pop_front_if(|_| self.admission.may_pass()) {
            self.dial(slot, now);
            if self.parked.front() == Some(&slot) {
                self.retry_at = now + RETRY_EVERY;
                return;
            }
        }
    }

    fn look_at_release(&mut self, now: Instant) {
        if self.admission.look_is_due(now) {
            self.admission
                .look(queue::length(&self.listeners.requests), now);
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
        match question.verb {
            Verb::Hold => {
                self.mark.set().map_err(|error| error.to_string())?;
                self.admission.hold();
            }
            Verb::Release { width } => {
                self.mark.clear().map_err(|error| error.to_string())?;
                self.admission
                    .release(width.map(std::num::NonZeroU32::get), now);
            }
            Verb::Status => {}
        }
        Ok(self.status(now))
    }

    fn status(&self, now: Instant) -> Status {
        let in_flight = || self.table.iter().filter(|relay| relay.pass.is_some());
        let oldest = in_flight()
            .map(|relay| now.duration_since(relay.since))
            .max()
            .unwrap_or_default();
        Status {
            holding: self.admission.is_holding(),
            width: self.admission.releasing(),
            colour: self.colours.read(),
            in_flight: count(in_flight().count()),
            oldest_ms: u64::try_from(oldest.as_millis()).unwrap_or(u64::MAX),
            parked: count(self.parked.len()),
            streams: count(self.streams),
            waiting: queue::length(&self.listeners.requests),
            limit: count(self.limit),
            accepted_total: self.accepted_total,
            given_up_total: self.given_up_total,
        }
    }
}

const ACCEPTED: SocketFlags = SocketFlags::NONBLOCK.union(SocketFlags::CLOEXEC);

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
