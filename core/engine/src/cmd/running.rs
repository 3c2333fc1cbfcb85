//! A command under way: waited for, and ended with all its children when time or patience is over.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::pipes::joined;
use super::{CmdError, Finished};

/// Time a command gets between TERM and KILL.
const GRACE: Duration = Duration::from_secs(5);

pub(super) struct Running {
    pub(super) program: String,
    pub(super) child: Child,
    pub(super) pid: Pid,
    pub(super) writer: Option<JoinHandle<io::Result<()>>>,
    pub(super) reader: Option<JoinHandle<io::Result<Vec<u8>>>>,
    pub(super) errors: Option<JoinHandle<io::Result<Vec<u8>>>>,
    pub(super) limit: usize,
    pub(super) timeout: Duration,
    pub(super) deadline: Instant,
}

impl Running {
    pub(super) fn finish(self, stop: &AtomicBool) -> Result<Finished, CmdError> {
        self.finish_with(stop, &mut || {})
    }

    /// `meanwhile` is called again and again until it has ended.
    pub(super) fn finish_with(
        mut self,
        stop: &AtomicBool,
        meanwhile: &mut dyn FnMut(),
    ) -> Result<Finished, CmdError> {
        let status = self.wait(stop, meanwhile)?;
        let pipe = |source| CmdError::Pipe {
            program: self.program.clone(),
            source,
        };
        let wrote = self
            .writer
            .take()
            .map_or(Ok(()), |thread| joined(thread, self.deadline));
        let stdout = self
            .reader
            .take()
            .map_or(Ok(Vec::new()), |thread| joined(thread, self.deadline))
            .map_err(pipe)?;
        if stdout.len() > self.limit {
            return Err(CmdError::TooMuch {
                program: self.program,
                limit: self.limit,
            });
        }
        let code = code(status);
        // A program that fails early closes its stdin early: then its own words matter, not the broken pipe.
        if code == 0 {
            wrote.map_err(pipe)?;
        }
        let stderr = self
            .errors
            .take()
            .map_or(Ok(Vec::new()), |thread| joined(thread, self.deadline))
            .map_err(pipe)?;
        Ok(Finished {
            code,
            stdout,
            stderr,
        })
    }

    fn wait(
        &mut self,
        stop: &AtomicBool,
        meanwhile: &mut dyn FnMut(),
    ) -> Result<ExitStatus, CmdError> {
        let mut pause = Duration::from_millis(1);
        loop {
            meanwhile();
            let broken = |source| CmdError::Pipe {
                program: self.program.clone(),
                source,
            };
            if let Some(status) = self.child.try_wait().map_err(broken)? {
                return Ok(status);
            }
            if stop.load(Ordering::SeqCst) {
                self.end();
                return Err(CmdError::Stopped {
                    program: self.program.clone(),
                });
            }
            if Instant::now() >= self.deadline {
                self.end();
                return Err(CmdError::TimedOut {
                    program: self.program.clone(),
                    seconds: self.timeout.as_secs(),
                });
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(25));
        }
    }

    /// TERM to the whole group, KILL to what is left of it.
    fn end(&mut self) {
        let _ = kill_process_group(self.pid, Signal::TERM);
        let deadline = Instant::now() + GRACE;
        while Instant::now() < deadline && matches!(self.child.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(10));
        }
        let _ = kill_process_group(self.pid, Signal::KILL);
        let _ = self.child.wait();
    }
}

pub(super) fn code(status: ExitStatus) -> i32 {
    status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}
