//! The only place that starts processes. Every one has a declared environment, stdin, output limit and time limit, and
//! leads a process group of its own: a Ctrl-C at the terminal reaches `homeport`, not the command half-way through.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{self, ChildStdin, ChildStdout, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::journal::{Child, JournalError};
use crate::process::identity;

/// The PATH every command gets.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// So much of stderr – its end – is kept, bytes; of a stdout kept as [`Output::Tail`], too.
const TAIL_KEPT: usize = 16 << 10;

/// Time a command gets between TERM and KILL.
const GRACE: Duration = Duration::from_secs(5);

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
    pub fn run_recorded(
        mut self,
        record: Record<'_>,
        stop: &AtomicBool,
    ) -> Result<Finished, CmdError> {
        let script = match self.input {
            Input::Null => "read -r go && exec \"$@\" </dev/null",
            Input::Bytes(_) | Input::File(_) | Input::Fill(_) => "read -r go && exec \"$@\"",
        };
        let mut argv: Vec<String> = ["/bin/sh", "-c", script, "sh"].map(str::to_owned).into();
        argv.append(&mut self.argv);
        self.argv = argv;
        self.start(Some(record))?.finish(stop)
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

/// A process one talks with.
pub struct Channel {
    to: Option<ChildStdin>,
    child: process::Child,
    errors: Option<JoinHandle<io::Result<Vec<u8>>>>,
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

struct Running {
    program: String,
    child: process::Child,
    pid: Pid,
    writer: Option<JoinHandle<io::Result<()>>>,
    reader: Option<JoinHandle<io::Result<Vec<u8>>>>,
    errors: Option<JoinHandle<io::Result<Vec<u8>>>>,
    limit: usize,
    timeout: Duration,
    deadline: Instant,
}

impl Running {
    fn finish(mut self, stop: &AtomicBool) -> Result<Finished, CmdError> {
        let status = self.wait(stop)?;
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

    fn wait(&mut self, stop: &AtomicBool) -> Result<ExitStatus, CmdError> {
        let mut pause = Duration::from_millis(1);
        loop {
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

fn input(input: Input, recorded: bool) -> (Stdio, Option<Fill>) {
    match input {
        Input::Null if recorded => (Stdio::piped(), None),
        Input::Null => (Stdio::null(), None),
        Input::File(mut file) if recorded => (
            Stdio::piped(),
            Some(Box::new(move |to: &mut dyn Write| {
                io::copy(&mut file, to).map(|_| ())
            })),
        ),
        Input::File(file) => (file.into(), None),
        Input::Bytes(bytes) => (
            Stdio::piped(),
            Some(Box::new(move |to: &mut dyn Write| to.write_all(&bytes))),
        ),
        Input::Fill(fill) => (Stdio::piped(), Some(fill)),
    }
}

/// What the thread at a command's stdout does with it.
enum Sink {
    Keep,
    Tail,
    Drain(Drain),
}

fn output(output: Output) -> (Stdio, Sink, usize) {
    match output {
        Output::Discard => (Stdio::null(), Sink::Keep, 0),
        Output::Tail => (Stdio::piped(), Sink::Tail, TAIL_KEPT),
        Output::Keep(limit) => (Stdio::piped(), Sink::Keep, limit),
        Output::File(file) => (file.into(), Sink::Keep, 0),
        Output::Drain(drain) => (Stdio::piped(), Sink::Drain(drain), 0),
    }
}

fn feed(mut stdin: ChildStdin, fill: Fill) -> JoinHandle<io::Result<()>> {
    thread::spawn(move || {
        fill(&mut stdin)?;
        stdin.flush()
    })
}

/// More than this of unclaimed output is never held in memory, whatever limit was declared.
const HELD: u64 = 64 << 20;

fn absorb(mut stdout: ChildStdout, sink: Sink) -> JoinHandle<io::Result<Vec<u8>>> {
    thread::spawn(move || {
        let mut kept = Vec::new();
        match sink {
            Sink::Drain(drain) => drain(&mut stdout)?,
            Sink::Tail => kept = tail(&mut stdout)?,
            Sink::Keep => {
                (&mut stdout).take(HELD).read_to_end(&mut kept)?;
            }
        }
        io::copy(&mut stdout, &mut io::sink())?;
        Ok(kept)
    })
}

/// The last [`TAIL_KEPT`] bytes of a stream.
fn tail(mut from: impl Read) -> io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let count = from.read(&mut chunk)?;
        if count == 0 {
            return Ok(kept);
        }
        kept.extend_from_slice(chunk.get(..count).unwrap_or_default());
        let surplus = kept.len().saturating_sub(TAIL_KEPT);
        kept.drain(..surplus);
    }
}

/// What the thread at a pipe made of it. A program may end and leave another behind that holds the pipe open; that one
/// has the rest of the time limit, and no more.
fn joined<T>(thread: JoinHandle<io::Result<T>>, deadline: Instant) -> io::Result<T> {
    while !thread.is_finished() {
        if Instant::now() >= deadline {
            return Err(io::Error::other("something it started holds the pipe open"));
        }
        thread::sleep(Duration::from_millis(1));
    }
    let panicked = |_| Err(io::Error::other("the thread at the pipe panicked"));
    thread.join().unwrap_or_else(panicked)
}

fn code(status: ExitStatus) -> i32 {
    status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
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
#[path = "cmd_tests.rs"]
mod tests;
