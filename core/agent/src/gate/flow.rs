//! One direction of a relayed connection: bytes from one socket to the other, and then the end of them.
//! It keeps no buffer of its own but for the rest of a read that the other side did not take, so that thousands of
//! waiting connections cost next to nothing. It never writes a byte twice.

use rustix::fd::BorrowedFd;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown};

/// The size of the buffer all connections share; what one of them can have stuck at most.
pub(crate) const BUFFER: usize = 16 * 1024;
/// Reads in one turn, after which other connections have theirs: one fast pair must not starve the rest.
const READS_PER_TURN: usize = 16;

/// The bytes of one direction.
#[derive(Default)]
pub(crate) struct Flow {
    /// Read, not yet taken by the other side.
    stuck: Vec<u8>,
    /// The source may have something.
    readable: bool,
    /// The source has said that it is ending, so that a short read is not the last one.
    ending: bool,
    /// The source has ended.
    ended: bool,
    /// The end has been passed on, or the other side takes nothing any more.
    closed: bool,
    /// How its first bytes begin, once there were some.
    head: Option<Head>,
}

/// The first bytes of a direction: enough to know a method by.
type Head = [u8; 8];

/// Methods that by their definition change nothing (RFC 9110, 9.2.1), as a request begins with them.
const READING: [&[u8]; 3] = [b"GET ", b"HEAD ", b"OPTIONS "];

/// Why a turn ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The source has nothing more for now.
    Idle,
    /// The other side takes nothing more for now.
    Stuck,
    /// There may be more; it was only the others' turn.
    Again,
    /// All has been passed on, the end included.
    Closed,
    /// The source broke: whether all has been read is unknown.
    Broken,
}

impl Flow {
    /// The poller said that the source can be read.
    pub(crate) fn source_ready(&mut self, ending: bool) {
        self.readable = true;
        self.ending |= ending;
    }

    /// Whether nothing will be passed on any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether a request that may change something has been read. Whatever does not begin like one that reads counts
    /// as such, also one of which only a few bytes came at first.
    pub(crate) fn may_write(&self) -> bool {
        let reads = |head: &Head| READING.iter().any(|method| head.starts_with(method));
        self.head.as_ref().is_some_and(|head| !reads(head))
    }

    /// Moves what can be moved without waiting.
    pub(crate) fn turn(
        &mut self,
        from: BorrowedFd<'_>,
        to: BorrowedFd<'_>,
        buffer: &mut [u8],
    ) -> Turn {
        for _ in 0..READS_PER_TURN {
            if self.closed {
                return Turn::Closed;
            }
            if !self.stuck.is_empty() && !self.push_stuck(to) {
                return Turn::Stuck;
            }
            if self.ended {
                self.pass_on_the_end(to);
                continue;
            }
            if !self.readable {
                return Turn::Idle;
            }
            match recv(from, &mut *buffer, RecvFlags::DONTWAIT) {
                Ok((0, _)) => self.ended = true,
                Ok((count, _)) => self.took(&buffer[..count], buffer.len(), to),
                Err(Errno::AGAIN) => self.readable = false,
                Err(Errno::INTR) => {}
                Err(_) => return Turn::Broken,
            }
        }
        Turn::Again
    }

    /// A read that did not fill the buffer has emptied the source, unless the source is ending (epoll(7)).
    fn took(&mut self, bytes: &[u8], asked: usize, to: BorrowedFd<'_>) {
        self.head.get_or_insert_with(|| {
            let mut head = Head::default();
            head.iter_mut()
                .zip(bytes)
                .for_each(|(to, from)| *to = *from);
            head
        });
        if bytes.len() < asked && !self.ending {
            self.readable = false;
        }
        let sent = self.push(bytes, to);
        if !self.closed {
            self.stuck.extend_from_slice(&bytes[sent..]);
        }
    }

    /// Whether nothing is stuck any more.
    fn push_stuck(&mut self, to: BorrowedFd<'_>) -> bool {
        let stuck = std::mem::take(&mut self.stuck);
        let sent = self.push(&stuck, to);
        if !self.closed && sent < stuck.len() {
            self.stuck = stuck[sent..].to_vec();
        }
        self.stuck.is_empty()
    }

    /// How many of the bytes the other side took. One that is gone takes none for ever: what else comes from the
    /// source is of no use, but the other direction may still bring an answer.
    fn push(&mut self, bytes: &[u8], to: BorrowedFd<'_>) -> usize {
        loop {
            match send(to, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
                Ok(count) => return count,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return 0,
                Err(_) => {
                    self.closed = true;
                    return 0;
                }
            }
        }
    }

    fn pass_on_the_end(&mut self, to: BorrowedFd<'_>) {
        // A socket whose other end is gone cannot be shut down; it has then heard of the end in its own way.
        let _ = shutdown(to, Shutdown::Write);
        self.closed = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    /// source → (our end of it, our end of the sink) → sink
    fn line() -> (UnixStream, UnixStream, UnixStream, UnixStream) {
        let (source, from) = UnixStream::pair().unwrap();
        let (to, sink) = UnixStream::pair().unwrap();
        (source, from, to, sink)
    }

    #[test]
    fn bytes_and_the_end_arrive() {
        let (mut source, from, to, mut sink) = line();
        let mut flow = Flow::default();
        let mut buffer = vec![0; BUFFER];
        source.write_all(b"GET").unwrap();
        flow.source_ready(false);
        assert_eq!(flow.turn(from.as_fd(), to.as_fd(), &mut buffer), Turn::Idle);
        drop(source);
        flow.source_ready(true);
        assert_eq!(
            flow.turn(from.as_fd(), to.as_fd(), &mut buffer),
            Turn::Closed
        );
        let mut text = String::new();
        sink.read_to_string(&mut text).unwrap();
        assert_eq!(text, "GET");
    }

    #[test]
    fn only_what_begins_like_a_request_that_reads_counts_as_one() {
        for (text, writes) in [
            ("GET / HTTP/1.1", false),
            ("HEAD / HTTP/1.1", false),
            ("OPTIONS * HTTP/1.1", false),
            ("PUT /x HTTP/1.1", true),
            ("GETX / HTTP/1.1", true),
            ("GE", true),
        ] {
            let (mut source, from, to, _sink) = line();
            let mut flow = Flow::default();
            assert!(!flow.may_write(), "nothing was sent");
            source.write_all(text.as_bytes()).unwrap();
            flow.source_ready(false);
            flow.turn(from.as_fd(), to.as_fd(), &mut vec![0; BUFFER]);
            assert_eq!(flow.may_write(), writes, "{text}");
        }
    }

    #[test]
    fn a_sink_that_does_not_read_stops_the_source_and_loses_nothing() {
        let (source, from, to, mut sink) = line();
        let sent: Vec<u8> = (0..2_000_000_u32).map(|n| n as u8).collect();
        let expected = sent.clone();
        let writing = std::thread::spawn(move || (&source).write_all(&sent));
        let mut flow = Flow::default();
        let mut buffer = vec![0; BUFFER];
        let mut received = Vec::new();
        let mut was_stuck = false;
        let mut part = vec![0; 50_000];
        while received.len() < expected.len() {
            flow.source_ready(false);
            if flow.turn(from.as_fd(), to.as_fd(), &mut buffer) == Turn::Stuck {
                was_stuck = true;
                assert!(flow.stuck.len() <= BUFFER);
                let count = sink.read(&mut part).unwrap();
                received.extend_from_slice(&part[..count]);
            } else {
                sink.set_nonblocking(true).unwrap();
                while let Ok(count @ 1..) = sink.read(&mut part) {
                    received.extend_from_slice(&part[..count]);
                }
                sink.set_nonblocking(false).unwrap();
            }
        }
        writing.join().unwrap().unwrap();
        assert!(was_stuck, "the test never filled the sink");
        assert!(received == expected);
    }

    #[test]
    fn a_sink_that_is_gone_closes_the_flow() {
        let (mut source, from, to, sink) = line();
        drop(sink);
        source.write_all(b"late").unwrap();
        let mut flow = Flow::default();
        flow.source_ready(false);
        assert_eq!(
            flow.turn(from.as_fd(), to.as_fd(), &mut vec![0; BUFFER]),
            Turn::Closed
        );
    }
}
