//! One relayed connection: the proxy's side, the app's side, and the bytes between them in both directions.

use super::admission::Pass;
use super::dial::{self, Dial};
use super::flow::{Flow, Turn};
use super::poller::{EventFlags, Poller, Token};
use rustix::fd::{AsFd, OwnedFd};
use std::net::SocketAddr;
use std::time::Instant;

/// At which socket a connection arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An ordinary request: counted as in flight, waited for.
    Request,
    /// A WebSocket or a stream the recipe names: counted apart, cut when the app stops.
    Stream,
}

/// The app's side.
enum App {
    /// Not tried, or refused: nothing has been sent.
    None,
    /// On its way.
    Dialling(OwnedFd, SocketAddr),
    /// There.
    Open(OwnedFd),
}

/// A connection that has been accepted.
pub(crate) struct Relay {
    pub(crate) kind: Kind,
    /// When the app's side was begun, or the connection accepted.
    pub(crate) since: Instant,
    /// The right of a request to be with the app, from the first try until the app has answered.
    pub(crate) pass: Option<Pass>,
    client: OwnedFd,
    app: App,
    up: Flow,
    down: Flow,
    client_gone: bool,
    client_writing: bool,
    app_writing: bool,
    /// It has been counted among those that may have written.
    counted: bool,
}

/// What is next for a connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// An event.
    Wait,
    /// Another turn, after the others.
    Again,
    /// The app did not take it; nothing has been sent.
    Park,
    /// It is over.
    Close,
}

impl Relay {
    pub(crate) fn new(kind: Kind, client: OwnedFd, now: Instant) -> Self {
        Self {
            kind,
            since: now,
            pass: None,
            client,
            app: App::None,
            up: Flow::default(),
            down: Flow::default(),
            client_gone: false,
            client_writing: false,
            app_writing: false,
            counted: false,
        }
    }

    /// Whether it may have changed something at the app, told once: a request of another method than those that only
    /// read, and every stream.
    pub(crate) fn newly_writes(&mut self) -> bool {
        let writes = self.up.may_write() || (self.kind == Kind::Stream && self.is_open());
        writes && !std::mem::replace(&mut self.counted, true)
    }

    /// Reports what the proxy's side does. Whether it will be heard.
    pub(crate) fn watch_client(&self, slot: u32, poller: &Poller) -> bool {
        poller.watch(&self.client, Token::Client(slot)).is_ok()
    }

    /// Begins the app's side. Whatever was tried before is forgotten.
    pub(crate) fn dial(&mut self, address: SocketAddr, slot: u32, poller: &Poller) -> Next {
        let Some(socket) = dial::dial(address) else {
            return Next::Park;
        };
        let token = Token::App(slot);
        let (watched, next) = match dial::progress(&socket, address) {
            Dial::Connected => (poller.watch(&socket, token), Next::Again),
            Dial::Pending => (poller.watch_both(&socket, token), Next::Wait),
            Dial::Refused => return Next::Park,
        };
        if watched.is_err() {
            return Next::Park;
        }
        match next {
            Next::Again => self.open(socket),
            _ => {
                self.app_writing = true;
                self.app = App::Dialling(socket, address);
            }
        }
        next
    }

    /// The request usually lies there already; its event may have come before the app's side.
    fn open(&mut self, socket: OwnedFd) {
        self.app = App::Open(socket);
        self.up.source_ready(false);
    }

    /// Gives up the app's side as long as it is only being tried, so that it can be tried again.
    pub(crate) fn park(&mut self) {
        self.app = App::None;
        self.app_writing = false;
    }

    /// Whether the app has taken the connection.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.app, App::Open(_))
    }

    /// Whether the app has said all it has to say; it may still have to reach the proxy's side.
    pub(crate) fn is_answered(&self) -> bool {
        self.down.is_closed()
    }

    /// Notes an event of the proxy's side.
    pub(crate) fn client_event(&mut self, flags: EventFlags) {
        self.client_gone |= flags.intersects(EventFlags::HUP | EventFlags::ERR);
        if flags.intersects(READ_OR_END) {
            self.up.source_ready(flags.intersects(END));
        }
    }

    /// Notes an event of the app's side.
    pub(crate) fn app_event(&mut self, flags: EventFlags) {
        if flags.intersects(READ_OR_END) {
            self.down.source_ready(flags.intersects(END));
        }
    }

    /// Does whatever can be done without waiting.
    pub(crate) fn turn(&mut self, slot: u32, poller: &Poller, buffer: &mut [u8]) -> Next {
        if self.client_gone && !self.is_open() {
            return Next::Close;
        }
        match std::mem::replace(&mut self.app, App::None) {
            App::None => return Next::Wait,
            App::Open(socket) => self.app = App::Open(socket),
            App::Dialling(socket, address) => match dial::progress(&socket, address) {
                Dial::Connected => self.open(socket),
                Dial::Refused => return Next::Park,
                Dial::Pending => {
                    self.app = App::Dialling(socket, address);
                    return Next::Wait;
                }
            },
        }
        self.move_bytes(slot, poller, buffer)
    }

    fn move_bytes(&mut self, slot: u32, poller: &Poller, buffer: &mut [u8]) -> Next {
        let App::Open(app) = &self.app else {
            return Next::Wait;
        };
        if self.client_gone && self.down.is_closed() {
            return Next::Close;
        }
        let up = self.up.turn(self.client.as_fd(), app.as_fd(), buffer);
        let down = self.down.turn(app.as_fd(), self.client.as_fd(), buffer);
        let answered = self.up.is_closed() && self.down.is_closed();
        // Nobody is left to read the answer; what the client sent before it went has been passed on.
        let abandoned = self.client_gone && self.up.is_closed();
        if answered || abandoned || up == Turn::Broken || down == Turn::Broken {
            return Next::Close;
        }
        let armed = (up != Turn::Stuck
            || arm(&mut self.app_writing, app, Token::App(slot), poller))
            && (down != Turn::Stuck
                || arm(
                    &mut self.client_writing,
                    &self.client,
                    Token::Client(slot),
                    poller,
                ));
        match (armed, up == Turn::Again || down == Turn::Again) {
            (false, _) => Next::Close,
            (true, true) => Next::Again,
            (true, false) => Next::Wait,
        }
    }
}

const END: EventFlags = EventFlags::RDHUP
    .union(EventFlags::HUP)
    .union(EventFlags::ERR);
const READ_OR_END: EventFlags = END.union(EventFlags::IN);

/// Asks to hear when that side takes bytes again. Whether it will be heard.
fn arm(armed: &mut bool, fd: &OwnedFd, token: Token, poller: &Poller) -> bool {
    *armed = *armed || poller.also_writing(fd, token).is_ok();
    *armed
}
