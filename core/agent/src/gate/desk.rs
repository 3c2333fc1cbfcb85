//! The answering side of the control socket: who may ask, and one line in, one line out.
//! The socket is the gate user's, mode 0600, so that only that user and root can ask.

use super::control::{Answer, MAX_LINE, Question, Status, WIRE};
use super::error::GateError;
use super::poller::{Poller, Token};
use serde::Deserialize;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

/// Most that may ask at once; a further one is turned away.
const MAX_ASKING: usize = 16;

/// The control socket and those who ask.
pub(crate) struct Desk {
    door: UnixListener,
    asking: Vec<Option<Asking>>,
}

/// One connection and what it has said so far.
struct Asking {
    stream: UnixStream,
    said: Vec<u8>,
}

impl Desk {
    /// Opens the control socket in place of the one a killed gate has left.
    pub(crate) fn open(path: &Path) -> Result<Self, GateError> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(GateError::system("replace the control socket")(error));
            }
            _ => {}
        }
        // Nobody else shall be able to ask, not even between the creation of the socket and a change of its mode.
        let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o177));
        let door = UnixListener::bind(path);
        rustix::process::umask(before);
        let door = door.map_err(GateError::system("open the control socket"))?;
        door.set_nonblocking(true)
            .map_err(GateError::system("open the control socket"))?;
        Ok(Self {
            door,
            asking: Vec::new(),
        })
    }

    pub(crate) fn watch(&self, poller: &Poller) -> std::io::Result<()> {
        poller.watch(&self.door, Token::ControlDoor)
    }

    /// Lets in whoever has come. One that cannot be heard is turned away.
    pub(crate) fn welcome(&mut self, poller: &Poller) {
        while let Ok((stream, _)) = self.door.accept() {
            let Some(slot) = self.free_slot() else {
                continue;
            };
            let heard = stream
                .set_nonblocking(true)
                .and_then(|()| poller.watch(&stream, Token::Control(slot)));
            if heard.is_ok() {
                self.asking[slot as usize] = Some(Asking {
                    stream,
                    said: Vec::new(),
                });
            }
        }
    }

    fn free_slot(&mut self) -> Option<u32> {
        let slot = self
            .asking
            .iter()
            .position(Option::is_none)
            .unwrap_or(self.asking.len());
        if slot == MAX_ASKING {
            return None;
        }
        if slot == self.asking.len() {
            self.asking.push(None);
        }
        u32::try_from(slot).ok()
    }

    /// The next whole question from there, or why it is none. `None` when nothing more can be had for now.
    pub(crate) fn next(&mut self, slot: u32) -> Option<Result<Question, String>> {
        let place = self.asking.get_mut(slot as usize)?;
        match place.as_mut()?.line() {
            Line::Whole(line) => Some(understand(&line)),
            Line::Unfinished => None,
            Line::Over => {
                *place = None;
                None
            }
        }
    }

    /// Answers. Who does not take the few bytes of an answer is not asked again.
    pub(crate) fn answer(&mut self, slot: u32, outcome: Result<Status, String>) {
        let Some(place) = self.asking.get_mut(slot as usize) else {
            return;
        };
        let Some(asking) = place else { return };
        let (status, error) = match outcome {
            Ok(status) => (Some(status), None),
            Err(error) => (None, Some(error)),
        };
        let sent = serde_json::to_vec(&Answer {
            wire: WIRE,
            status,
            error,
        })
        .map(|mut line| {
            line.push(b'\n');
            asking.stream.write_all(&line)
        });
        if !matches!(sent, Ok(Ok(()))) {
            *place = None;
        }
    }
}

enum Line {
    Whole(Vec<u8>),
    Unfinished,
    Over,
}

impl Asking {
    fn line(&mut self) -> Line {
        loop {
            if let Some(end) = self.said.iter().position(|byte| *byte == b'\n') {
                return Line::Whole(self.said.drain(..=end).collect());
            }
            let mut more = [0; 512];
            match self.stream.read(&mut more) {
                Ok(0) => return Line::Over,
                Ok(count) if self.said.len() + count <= MAX_LINE => {
                    self.said.extend_from_slice(&more[..count])
                }
                Ok(_) => return Line::Over,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Line::Unfinished,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Line::Over,
            }
        }
    }
}

/// The version is looked at first: words of another version need not have our shape.
fn understand(line: &[u8]) -> Result<Question, String> {
    #[derive(Deserialize)]
    struct Version {
        wire: u32,
    }
    match serde_json::from_slice::<Version>(line) {
        Ok(Version { wire: WIRE }) => serde_json::from_slice(line)
            .map_err(|error| format!("unknown question ({error}); nothing was changed")),
        Ok(Version { wire }) => Err(format!(
            "speaks version {WIRE}, not {wire}; nothing was changed"
        )),
        Err(error) => Err(format!("not a question ({error}); nothing was changed")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::control::Verb;
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn versions_and_verbs_are_checked() {
        let verb = |line: &[u8]| understand(line).map(|question| question.verb);
        assert_eq!(verb(b"{\"wire\":1,\"do\":\"hold\"}\n"), Ok(Verb::Hold));
        assert!(
            verb(br#"{"wire":2,"do":"dance","x":[]}"#)
                .unwrap_err()
                .contains("speaks version 1, not 2")
        );
        assert!(
            verb(br#"{"wire":1,"do":"dance"}"#)
                .unwrap_err()
                .contains("unknown question")
        );
        assert!(verb(b"\xff\xfe").unwrap_err().contains("not a question"));
    }

    #[test]
    fn only_the_owner_may_ask_and_endless_lines_end_the_conversation() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("control");
        std::fs::write(&path, "left by a killed gate").unwrap();
        let poller = Poller::new().unwrap();
        let mut desk = Desk::open(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);

        let mut stream = UnixStream::connect(&path).unwrap();
        desk.welcome(&poller);
        stream
            .write_all(b"{\"wire\":1,\"do\":\"status\"}\nhal")
            .unwrap();
        assert_eq!(desk.next(0).unwrap().unwrap().verb, Verb::Status);
        assert!(desk.next(0).is_none() && desk.asking[0].is_some());
        stream.write_all(&vec![b'x'; 2 * MAX_LINE]).unwrap();
        assert!(desk.next(0).is_none() && desk.asking[0].is_none());
    }
}
