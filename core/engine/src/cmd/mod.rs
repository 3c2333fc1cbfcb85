//! The only place that starts processes. Every one has a declared environment, stdin, output limit and time limit, and
//! leads a process group of its own: a Ctrl-C at the terminal reaches `homeport`, not the command half-way through.

mod channel;
mod pipes;
mod running;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{self, ChildStdout, Stdio};
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Pid;

pub use channel::Channel;

use self::pipes::{absorb, feed, input, output, tail};
use self::running::Running;
use crate::exec::PATH;
use crate::journal::{Child, JournalError};
use crate::process::identity;

/// Writes a command's stdin, on a thread of its own.
pub type Fill = Box<dyn FnOnce(&mut dyn Write) -> io::Result<()> + Send>;

/// Reads a command's stdout, on a thread of its own.
pub type Drain = Box<dyn FnOnce(&mut dyn Read) -> io::Result<()> + Send>;

/// Writes the child down before it does anything.
pub type Record<'a> = &'a mut dyn FnMut(Child) -> Result<(), JournalError>;

/// Standard input of a command.
pub enum Input {
    /// `/dev/null`.
    Null,
    /// These bytes.
    Bytes(Vec<u8>),
    /// This file.
    File(File),
    /// Whatever this writes.
    Fill(Fill),
}

/// Standard output of a command.
pub enum Output {
    /// `/dev/null`.
    Discard,
    /// Its end is kept, for the message of a failure.
    Tail,
    /// The same, and every line is sent here as it is said.
    Lines(Sender<String>),
    /// Kept, up to so many bytes; more ends the command.
    Keep(usize),
    /// Into this file.
    File(File),
    /// Whatever this makes of it.
    Drain(Drain),
}

/// A command to run.
pub struct Command {
    argv: Vec<String>,
    env: BTreeMap<String, String>,
    user: Option<(u32, u32)>,
    input: Input,
    output: Output,
    timeout: Duration,
}

/// A command that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Exit status; 128 + n if signal n ended it.
    pub code: i32,
    /// Kept stdout.
    pub stdout: Vec<u8>,
    /// The end of stderr.
    pub stderr: Vec<u8>,
}

/// Why a command did not end by itself.
#[derive(Debug, thiserror::Error)]
pub enum CmdError {
    /// The argument list is empty.
    #[error("the command is empty")]
    Empty,
    /// It could not be started.
    #[error("`{program}` could not be started: {source}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// It ran out of time and was ended.
    #[error("`{program}` did not end within {seconds} s and was stopped")]
    TimedOut {
        /// The program.
        program: String,
        /// The limit.
        seconds: u64,
    },
    /// The user asked to stop and it was ended.
    #[error("`{program}` was stopped because you asked to")]
    Stopped {
        /// The program.
        program: String,
    },
    /// It printed more than allowed.
    #[error("`{program}` printed more than {limit} bytes")]
    TooMuch {
        /// The program.
        program: String,
        /// The limit.
        limit: usize,
    },
    /// Its stdin or stdout broke.
    #[error("the exchange with `{program}` broke: {source}")]
    Pipe {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// It could not be written down, and so was never let go.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl Command {
    /// A command with an otherwise empty environment, nothing on stdin and up to 1 MiB of kept stdout.
    pub fn new<S: Into<String>>(argv: impl IntoIterator<Item = S>, timeout: Duration) -> Command {
        let fixed = [
            ("PATH", PATH),
            ("LANG", "C.UTF-8"),
            ("LC_ALL", "C.UTF-8"),
            ("HOME", "/root"),
        ];
        Command {
            argv: argv.into_iter().map(Into::into).collect(),
            env: fixed
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            user: None,
            input: Input::Null,
            output: Output::Keep(1 << 20),
            timeout,
        }
    }

    /// With one more variable.
    pub fn env(mut self, name: &str, value: &str) -> Command {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// As this user and group, without supplementary groups. Needs root.
    pub fn user(mut self, uid: u32, gid: u32) -> Command {
        self.user = Some((uid, gid));
        self
    }

    /// With this stdin.
    pub fn input(mut self, input: Input) -> Command {
        self.input = input;
        self
    }

    /// With this stdout.
    pub fn output(mut self, output: Output) -> Command {
        self.output = output;
        self
    }

    /// Runs it to its end. `stop`, once set, ends it.
    pub fn run(self, stop: &AtomicBool) -> Result<Finished, CmdError> {
        self.start(None)?.finish(stop)
    }

    /// Like [`Command::run`], but the process is written down before the program begins: a shell waits for a word on
    /// its stdin and only then becomes the program. A writer that dies in between leaves a shell that ends at once.
    /// What follows the word on a pipe is the program's: a shell's `read` takes no byte beyond the line.
    pub fn run_recorded(self, record: Record<'_>, stop: &AtomicBool) -> Result<Finished, CmdError> {
        self.waiting_for_a_word().start(Some(record))?.finish(stop)
    }

    /// Like [`Command::run_recorded`]; every line of its stdout is told as it is said, and the end is kept.
    pub fn run_told(
        mut self,
        record: Record<'_>,
        stop: &AtomicBool,
        told: &mut dyn FnMut(String),
    ) -> Result<Finished, CmdError> {
        let (said, heard) = channel();
        self.output = Output::Lines(said);
        let running = self.waiting_for_a_word().start(Some(record))?;
        let end = running.finish_with(stop, &mut || heard.try_iter().for_each(&mut *told));
        heard.try_iter().for_each(told);
        end
    }

    /// The same command behind a shell that waits for a word on its stdin.
    fn waiting_for_a_word(mut self) -> Command {
        let script = match self.input {
            Input::Null => "read -r go && exec \"$@\" </dev/null",
            Input::Bytes(_) | Input::File(_) | Input::Fill(_) => "read -r go && exec \"$@\"",
        };
        let mut argv: Vec<String> = ["/bin/sh", "-c", script, "sh"].map(str::to_owned).into();
        argv.append(&mut self.argv);
        self.argv = argv;
        self
    }

    fn program(&self) -> String {
        let recorded = self.argv.get(1).is_some_and(|flag| flag == "-c");
        self.argv
            .get(if recorded { 4 } else { 0 })
            .cloned()
            .unwrap_or_default()
    }

    fn build(&self) -> Result<process::Command, CmdError> {
        let (program, arguments) = self.argv.split_first().ok_or(CmdError::Empty)?;
        let mut command = process::Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .envs(&self.env)
            .current_dir("/")
            .process_group(0)
            .stderr(Stdio::piped());
        if let Some((uid, gid)) = self.user {
            command.gid(gid).uid(uid);
        }
        Ok(command)
    }

    fn start(self, record: Option<Record<'_>>) -> Result<Running, CmdError> {
        let program = self.program();
        let broken = |source| CmdError::Start {
            program: program.clone(),
            source,
        };
        let mut command = self.build()?;
        let (stdin, fill) = input(self.input, record.is_some());
        let (stdout, sink, limit) = output(self.output);
        let mut child = command
            .stdin(stdin)
            .stdout(stdout)
            .spawn()
            .map_err(broken)?;
        let pid = Pid::from_child(&child);
        let mut stdin = child.stdin.take();
        if let Some(record) = record {
            record(identity(child.id()).map_err(broken)?)?;
            // The shell may already be gone; then its status says so.
            let _ = stdin.as_mut().map(|stdin| stdin.write_all(b"go\n"));
        }
        let writer = stdin.zip(fill).map(|(stdin, fill)| feed(stdin, fill));
        let reader = child.stdout.take().map(|stdout| absorb(stdout, sink));
        let errors = child
            .stderr
            .take()
            .map(|stderr| thread::spawn(move || tail(stderr)));
        Ok(Running {
            program,
            child,
            pid,
            writer,
            reader,
            errors,
            limit,
            timeout: self.timeout,
            deadline: Instant::now() + self.timeout,
        })
    }

    /// Starts it as a conversation partner: both pipes stay open. What it says can be read on a thread of its own. Its
    /// time limit does not count.
    pub fn open(self) -> Result<(Channel, BufReader<ChildStdout>), CmdError> {
        let program = self.program();
        let broken = |source| CmdError::Start {
            program: program.clone(),
            source,
        };
        let mut child = self
            .build()?
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(broken)?;
        let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(broken(io::Error::other("no pipes")));
        };
        let errors = child
            .stderr
            .take()
            .map(|stderr| thread::spawn(move || tail(stderr)));
        let channel = Channel {
            to: Some(to),
            child,
            errors,
        };
        Ok((channel, BufReader::new(from)))
    }
}

impl Finished {
    /// Whether it ended with 0.
    pub fn ok(&self) -> bool {
        self.code == 0
    }

    /// Kept stdout as text, foreign bytes replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// The last lines of stderr, at most `count`.
    pub fn last_lines(&self, count: usize) -> Vec<String> {
        last_lines(&self.stderr, count)
    }
}

/// The last lines of some output that are not empty, at most `count`, oldest first.
pub fn last_lines(output: &[u8], count: usize) -> Vec<String> {
    let text = String::from_utf8_lossy(output);
    let mut lines: Vec<String> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(str::to_owned)
        .collect();
    lines.split_off(lines.len().saturating_sub(count))
}

#[cfg(test)]
mod tests;
