//! A process one talks with: both its pipes stay open.

use std::io;
use std::process::{Child, ChildStdin};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::pipes::joined;
use super::running::code;

/// A process one talks with.
pub struct Channel {
    pub(super) to: Option<ChildStdin>,
    pub(super) child: Child,
    pub(super) errors: Option<JoinHandle<io::Result<Vec<u8>>>>,
}

impl Channel {
    /// Where to speak. Fails once the channel was [hung up](Channel::hang_up).
    pub fn to(&mut self) -> io::Result<&mut ChildStdin> {
        self.to
            .as_mut()
            .ok_or_else(|| io::Error::from(io::ErrorKind::BrokenPipe))
    }

    /// Closes its stdin. It may still speak.
    pub fn hang_up(&mut self) {
        self.to = None;
    }

    /// Hangs up and waits for its end; exit code and the end of its stderr. When patience is at its end so is the process
    /// – itself only: what it has started may finish what it is doing.
    pub fn end(mut self, patience: Duration) -> io::Result<(i32, Vec<u8>)> {
        self.hang_up();
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline && self.child.try_wait()?.is_none() {
            thread::sleep(Duration::from_millis(5));
        }
        // Of a process that has ended the standard library takes no second notice.
        self.child.kill()?;
        let code = code(self.child.wait()?);
        let errors = self.errors.take().map(|thread| joined(thread, deadline));
        Ok((code, errors.and_then(Result::ok).unwrap_or_default()))
    }
}
