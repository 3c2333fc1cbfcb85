//! The connections: taken from the kernel's queue as [`Admission`] allows, joined to the app of the active colour,
//! relayed, tried again while the app refuses, and counted.

use super::admission::{Admission, LOOK_EVERY};
use super::colour::ColourDir;
use super::config::Config;
use super::control::Status;
use super::error::GateError;
use super::flow::BUFFER;
use super::listen::Listeners;
use super::poller::{EventFlags, Poller, Token};
use super::queue;
use super::relay::{Kind, Next, Relay};
use super::table::Table;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{SocketFlags, accept_with};
use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How often a parked connection is tried again. A refused connection on the loopback interface costs some 20 µs.
const RETRY_EVERY: Duration = Duration::from_millis(25);
/// Connections taken in one turn, after which the open ones have theirs.
const ACCEPTS_PER_TURN: usize = 64;
const ACCEPTED: SocketFlags = SocketFlags::NONBLOCK.union(SocketFlags::CLOEXEC);

/// All connections of one gate.
pub(crate) struct Traffic {
    pub(crate) poller: Poller,
    pub(crate) admission: Admission,
    config: Config,
    colours: ColourDir,
    requests: Door,
    streams: Door,
    /// Most connections of each kind.
    limit: usize,
    table: Table,
    /// Accepted, not connected: the app refused.
    parked: VecDeque<u32>,
    /// When the parked are tried again, and connections taken again that the system had no room for.
    retry_at: Instant,
    /// Had their share of a turn and have more to move.
    again: Vec<u32>,
    accepted_total: u64,
    given_up_total: u64,
    writes_total: u64,
    /// Which run of this program counts.
    run: u64,
    buffer: Vec<u8>,
}

/// A listening socket.
struct Door {
    listener: OwnedFd,
    /// Somebody may be waiting there.
    waiting: bool,
    /// Connections that came through it and are open.
    open: usize,
}

impl Traffic {
    /// # Errors
    /// When the system refuses to report events.
    pub(crate) fn new(
        config: Config,
        listeners: Listeners,
        admission: Admission,
        limit: usize,
    ) -> Result<Self, GateError> {
        let poller = Poller::new()?;
        poller
            .watch(&listeners.requests, Token::Requests)
            .and_then(|()| poller.watch(&listeners.streams, Token::Streams))
            .map_err(GateError::system("wait for events"))?;
        Ok(Self {
            poller,
            admission,
            colours: ColourDir::new(&config.colour_dir),
            config,
            requests: Door::new(listeners.requests),
            streams: Door::new(listeners.streams),
            limit,
            table: Table::default(),
            parked: VecDeque::new(),
            retry_at: Instant::now(),
            again: Vec::new(),
            accepted_total: 0,
            given_up_total: 0,
            writes_total: 0,
            run: now_ns(),
            buffer: vec![0; BUFFER],
        })
    }

    /// Whether no request is open any more.
    pub(crate) fn has_no_requests(&self) -> bool {
        self.requests.open == 0
    }

    /// Somebody arrived at a listening socket.
    pub(crate) fn arrived(&mut self, kind: Kind) {
        self.door(kind).waiting = true;
    }

    /// Something happened on the proxy's side of a connection.
    pub(crate) fn client_event(&mut self, slot: u32, flags: EventFlags, now: Instant) {
        if let Some(relay) = self.table.get(slot) {
            relay.client_event(flags);
            self.turn(slot, now);
        }
    }

    /// Something happened on the app's side of a connection.
    pub(crate) fn app_event(&mut self, slot: u32, flags: EventFlags, now: Instant) {
        if let Some(relay) = self.table.get(slot) {
            relay.app_event(flags);
            self.turn(slot, now);
        }
    }

    /// Those that had their share of the last turn and have more to move.
    pub(crate) fn go_on(&mut self, now: Instant) {
        for slot in std::mem::take(&mut self.again) {
            self.turn(slot, now);
        }
    }

    /// After the events of a turn: tries the parked, takes whom it may (nobody when `closing`), looks at a release.
    pub(crate) fn end_turn(&mut self, closing: bool, now: Instant) {
        self.retry_parked(now);
        if !closing {
            self.take(Kind::Request, now);
            self.take(Kind::Stream, now);
        }
        if !self.requests.waiting {
            self.admission.queue_is_empty();
        }
        if self.admission.look_is_due(now) {
            self.admission
                .look(queue::length(&self.requests.listener), now);
        }
        self.table.turn_is_over();
    }

    /// How long nothing needs to be done unless something happens.
    pub(crate) fn patience(&self, closing: bool, now: Instant) -> Option<Duration> {
        let short_of_room = self.retry_at > now;
        let may_take = || self.may_take(Kind::Request, now) || self.may_take(Kind::Stream, now);
        if !self.again.is_empty() {
            Some(Duration::ZERO)
        } else if short_of_room || (!self.parked.is_empty() && self.admission.may_pass()) {
            Some(self.retry_at.saturating_duration_since(now))
        } else if !closing && may_take() {
            Some(Duration::ZERO)
        } else {
            self.admission.releasing().map(|_| LOOK_EVERY)
        }
    }

    /// How things are at this moment.
    pub(crate) fn status(&self, now: Instant) -> Status {
        let in_flight = || self.table.iter().filter(|relay| relay.pass.is_some());
        let age = |relay: &Relay| now.duration_since(relay.since);
        let oldest = in_flight().map(age).max().unwrap_or_default();
        Status {
            holding: self.admission.is_holding(),
            width: self.admission.releasing(),
            colour: self.colours.read(),
            in_flight: figure(in_flight().count()),
            oldest_ms: u64::try_from(oldest.as_millis()).unwrap_or(u64::MAX),
            parked: figure(self.parked.len()),
            streams: figure(self.streams.open),
            waiting: queue::length(&self.requests.listener),
            limit: figure(self.limit),
            accepted_total: self.accepted_total,
            given_up_total: self.given_up_total,
            writes_total: self.writes_total,
            run: self.run,
        }
    }

    fn door(&mut self, kind: Kind) -> &mut Door {
        match kind {
            Kind::Request => &mut self.requests,
            Kind::Stream => &mut self.streams,
        }
    }

    fn may_take(&self, kind: Kind, now: Instant) -> bool {
        let parked = self.parked.len();
        let (door, admitted) = match kind {
            Kind::Request => (&self.requests, self.admission.may_accept(parked, now)),
            Kind::Stream => (&self.streams, self.admission.may_accept_stream(parked, now)),
        };
        admitted && door.waiting && door.open < self.limit
    }

    fn take(&mut self, kind: Kind, now: Instant) {
        for _ in 0..ACCEPTS_PER_TURN {
            if now < self.retry_at || !self.may_take(kind, now) {
                return;
            }
            match accept_with(&self.door(kind).listener, ACCEPTED) {
                Ok(client) => self.admit(kind, client, now),
                Err(Errno::AGAIN) => self.door(kind).waiting = false,
                Err(_) => self.retry_at = now + RETRY_EVERY,
            }
        }
    }

    fn admit(&mut self, kind: Kind, client: OwnedFd, now: Instant) {
        self.accepted_total += 1;
        self.door(kind).open += 1;
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
        match address.map_or(Next::Park, |address| {
            relay.dial(address, slot, &self.poller)
        }) {
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
        self.writes_total += u64::from(relay.newly_writes());
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
        self.door(relay.kind).open -= 1;
        if !relay.is_open() {
            self.parked.retain(|parked| *parked != slot);
        }
    }

    /// The one that has waited longest is tried; the others follow once the app takes connections again.
    fn retry_parked(&mut self, now: Instant) {
        if now < self.retry_at {
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
}

impl Door {
    fn new(listener: OwnedFd) -> Self {
        Self {
            listener,
            waiting: true,
            open: 0,
        }
    }
}

/// No two runs begin at the same moment.
fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(0))
}

fn figure(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
