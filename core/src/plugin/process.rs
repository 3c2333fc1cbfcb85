//! One child process with one plugin in it: started, asked, and stopped the moment it misbehaves.
//! Never trusts a byte it says: every line is bounded in length and time.

use std::{
    io::{self, Read, Write},
    os::{
        fd::OwnedFd,
        unix::{
            net::UnixStream,
            process::{CommandExt, ExitStatusExt},
        },
    },
    path::Path,
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::frame::{CHILD_ARGUMENT, LINE_LIMIT};

/// How much of what a plugin prints is kept for the error message.
const LAST_WORDS: usize = 2048;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// It ended: how, and its last words.
    Ended(String),
    /// Not in time.
    Silent,
    /// Without end.
    TooLong,
}

/// A running child.
pub(crate) struct Process {
    child: Child,
    channel: UnixStream,
    printed: Option<JoinHandle<Vec<u8>>>,
}

impl Process {
    /// Starts `program` as a plugin's process whose standard input is `library`.
    pub(crate) fn start(program: &Path, library: OwnedFd) -> io::Result<Self> {
        let (channel, theirs) = UnixStream::pair()?;
        let mut child = Command::new(program)
            .arg(CHILD_ARGUMENT)
            .env_clear()
            .process_group(0)
            .current_dir("/")
            .stdin(Stdio::from(library))
            .stdout(Stdio::from(OwnedFd::from(theirs)))
            .stderr(Stdio::piped())
            .spawn()?;
        let printed = child
            .stderr
            .take()
            .map(|stderr| thread::spawn(move || last_words(stderr)));
        Ok(Self {
            child,
            channel,
            printed,
        })
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it is still there: the system may have ended it between two questions.
    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Says one line (nothing if `None`) and waits for one line.
    pub(crate) fn exchange(
        &mut self,
        line: Option<&str>,
        patience: Duration,
    ) -> Result<Vec<u8>, NoAnswer> {
        let deadline = Instant::now() + patience;
        match line
            .map_or(Ok(()), |line| self.say(line, deadline))
            .and_then(|()| self.hear(deadline))
        {
            Ok(answer) => Ok(answer),
            Err(stop) => Err(self.stopped(stop)),
        }
    }

    fn say(&mut self, line: &str, deadline: Instant) -> Result<(), Stop> {
        let line = [line.as_bytes(), b"\n"].concat();
        let mut rest = line.as_slice();
        while !rest.is_empty() {
            self.channel.set_write_timeout(Some(left(deadline)?))?;
            let written = self.channel.write(rest)?;
            rest = rest.get(written..).unwrap_or_default();
        }
        Ok(())
    }

    fn hear(&mut self, deadline: Instant) -> Result<Vec<u8>, Stop> {
        let mut answer = Vec::new();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            self.channel.set_read_timeout(Some(left(deadline)?))?;
            let count = self.channel.read(&mut buffer)?;
            let piece = buffer.get(..count).unwrap_or_default();
            answer.extend_from_slice(piece);
            match piece.last() {
                None => return Err(Stop::Ended),
                Some(b'\n') => return Ok(answer),
                Some(_) if answer.len() > LINE_LIMIT => return Err(Stop::TooLong),
                Some(_) => {}
            }
        }
    }

    /// Whatever went wrong, the process does not live on.
    fn stopped(&mut self, stop: Stop) -> NoAnswer {
        match stop {
            Stop::Ended => NoAnswer::Ended(self.ended()),
            Stop::Late => NoAnswer::Silent,
            Stop::TooLong => NoAnswer::TooLong,
        }
    }

    /// The channel is closed, so the process is at its end or pretends to be: it gets a moment, then a signal.
    fn ended(&mut self) -> String {
        let deadline = Instant::now() + Duration::from_millis(500);
        while Instant::now() < deadline && matches!(self.child.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(2));
        }
        let _ = self.child.kill();
        let how = self.child.wait().map_or_else(|e| e.to_string(), describe);
        let printed = self
            .printed
            .take()
            .and_then(|thread| thread.join().ok())
            .unwrap_or_default();
        match String::from_utf8_lossy(&printed).trim() {
            "" => how,
            words => format!("{how}; its last words: {}", excerpt(words)),
        }
    }
}

impl Drop for Process {
    /// A plugin has nothing to finish: it is killed. Errors mean it is gone already.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

enum Stop {
    Ended,
    Late,
    TooLong,
}

impl From<io::Error> for Stop {
    /// A timeout is the deadline; any other error of a local socket means nobody is at its other end.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::Late,
            _ => Self::Ended,
        }
    }
}

fn left(deadline: Instant) -> Result<Duration, Stop> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        Err(Stop::Late)
    } else {
        Ok(left)
    }
}

/// Empties the pipe, so that a talkative plugin never blocks, and keeps its end.
fn last_words(mut stderr: ChildStderr) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stderr.read(&mut buffer) {
        kept.extend_from_slice(buffer.get(..count).unwrap_or_default());
        let surplus = kept.len().saturating_sub(LAST_WORDS);
        kept.drain(..surplus);
    }
    kept
}

fn describe(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("killed by signal {signal}{}", signal_name(signal)),
        (None, Some(code)) => format!("it ended itself with status {code}"),
        (None, None) => status.to_string(),
    }
}

fn signal_name(signal: i32) -> String {
    nix::sys::signal::Signal::try_from(signal)
        .map_or_else(|_| String::new(), |name| format!(" ({name})"))
}

/// At most 300 characters of foreign text, fit for a terminal.
pub(crate) fn excerpt(text: &str) -> String {
    let tail = text.chars().rev().take(300).collect::<Vec<_>>();
    tail.into_iter()
        .rev()
        .flat_map(|c| {
            if c == '\n' {
                " | ".chars().collect()
            } else {
                safe(c)
            }
        })
        .collect()
}

fn safe(c: char) -> Vec<char> {
    if c.is_control() {
        c.escape_default().collect()
    } else {
        vec![c]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_cut_and_harmless() {
        assert_eq!(excerpt("a\nb\u{1b}[2J\u{7}"), "a | b\\u{1b}[2J\\u{7}");
        assert_eq!(excerpt(&"ä".repeat(1000)).chars().count(), 300);
    }

    #[test]
    fn an_end_is_told_by_signal_or_status() {
        assert_eq!(
            describe(ExitStatus::from_raw(6)),
            "killed by signal 6 (SIGABRT)"
        );
        assert_eq!(
            describe(ExitStatus::from_raw(3 << 8)),
            "it ended itself with status 3"
        );
    }
}
