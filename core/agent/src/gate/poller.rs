//! What the gate waits for, each named by a token. A thin cover over epoll(7), edge-triggered for the relayed sockets:
//! two registrations per connection and no further calls, unless a side stops taking bytes.

use super::error::GateError;
use rustix::event::{Timespec, epoll};
use rustix::fd::{AsFd, OwnedFd};
use std::io;
use std::time::Duration;

pub(crate) use rustix::event::epoll::EventFlags;

/// Events read in one turn.
const EVENTS: usize = 256;

/// Whose event it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    /// Somebody arrived at the socket for requests.
    Requests,
    /// Somebody arrived at the socket for streams.
    Streams,
    /// The service is to end.
    Signal,
    /// Somebody arrived at the control socket.
    ControlDoor,
    /// A control connection has something to say.
    Control(u32),
    /// The proxy's side of a relayed connection.
    Client(u32),
    /// The app's side of a relayed connection.
    App(u32),
}

impl Token {
    fn encode(self) -> u64 {
        let (kind, slot) = match self {
            Self::Requests => (0, 0),
            Self::Streams => (1, 0),
            Self::Signal => (2, 0),
            Self::ControlDoor => (3, 0),
            Self::Control(slot) => (4, slot),
            Self::Client(slot) => (5, slot),
            Self::App(slot) => (6, slot),
        };
        kind << 32 | u64::from(slot)
    }

    fn decode(word: u64) -> Option<Self> {
        let slot = u32::try_from(word & u64::from(u32::MAX)).ok()?;
        Some(match word >> 32 {
            0 => Self::Requests,
            1 => Self::Streams,
            2 => Self::Signal,
            3 => Self::ControlDoor,
            4 => Self::Control(slot),
            5 => Self::Client(slot),
            6 => Self::App(slot),
            _ => return None,
        })
    }
}

/// All that is waited for.
pub(crate) struct Poller {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
}

impl Poller {
    pub(crate) fn new() -> Result<Self, GateError> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)
            .map_err(GateError::system("create a poller"))?;
        Ok(Self {
            epoll,
            events: Vec::with_capacity(EVENTS),
        })
    }

    /// Reports each arrival of something to read, and each end.
    pub(crate) fn watch(&self, fd: impl AsFd, token: Token) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, fd, data(token), READ)?)
    }

    /// Reports each new room to write as well.
    pub(crate) fn watch_both(&self, fd: impl AsFd, token: Token) -> io::Result<()> {
        Ok(epoll::add(
            &self.epoll,
            fd,
            data(token),
            READ | EventFlags::OUT,
        )?)
    }

    /// From now on reports each new room to write as well; room that is there already is reported at once.
    pub(crate) fn also_writing(&self, fd: impl AsFd, token: Token) -> io::Result<()> {
        Ok(epoll::modify(
            &self.epoll,
            fd,
            data(token),
            READ | EventFlags::OUT,
        )?)
    }

    /// Waits for events, at most for that long, and appends them to `into`.
    pub(crate) fn wait(
        &mut self,
        timeout: Option<Duration>,
        into: &mut Vec<(Token, EventFlags)>,
    ) -> Result<(), GateError> {
        let timeout = timeout.map(|time| Timespec {
            tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: time.subsec_nanos().into(),
        });
        self.events.clear();
        match epoll::wait(
            &self.epoll,
            rustix::buffer::spare_capacity(&mut self.events),
            timeout.as_ref(),
        ) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(GateError::system("wait for events")(errno)),
        }
        into.extend(self.events.iter().filter_map(|event| {
            let (word, flags) = (event.data, event.flags);
            Some((Token::decode(word.u64())?, flags))
        }));
        Ok(())
    }
}

const READ: EventFlags = EventFlags::IN
    .union(EventFlags::RDHUP)
    .union(EventFlags::ET);

fn data(token: Token) -> epoll::EventData {
    epoll::EventData::new_u64(token.encode())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_survive_the_kernel() {
        for token in [
            Token::Requests,
            Token::Streams,
            Token::Signal,
            Token::ControlDoor,
        ] {
            assert_eq!(Token::decode(token.encode()), Some(token));
        }
        for slot in [0, 1, u32::MAX] {
            for token in [Token::Control(slot), Token::Client(slot), Token::App(slot)] {
                assert_eq!(Token::decode(token.encode()), Some(token));
            }
        }
        assert_eq!(Token::decode(u64::MAX), None);
    }
}
