//! What feeds a command's stdin and takes up its output, each on a thread of its own.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{ChildStdin, ChildStdout, Stdio};
use std::sync::mpsc::Sender;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{Drain, Fill, Input, Output};

/// So much of stderr – its end – is kept, bytes; of a stdout kept as [`Output::Tail`], too.
pub(super) const TAIL_KEPT: usize = 16 << 10;

pub(super) fn input(input: Input, recorded: bool) -> (Stdio, Option<Fill>) {
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
pub(super) enum Sink {
    Keep,
    Tail,
    Lines(Sender<String>),
    Drain(Drain),
}

pub(super) fn output(output: Output) -> (Stdio, Sink, usize) {
    match output {
        Output::Discard => (Stdio::null(), Sink::Keep, 0),
        Output::Tail => (Stdio::piped(), Sink::Tail, TAIL_KEPT),
        Output::Lines(to) => (Stdio::piped(), Sink::Lines(to), TAIL_KEPT),
        Output::Keep(limit) => (Stdio::piped(), Sink::Keep, limit),
        Output::File(file) => (file.into(), Sink::Keep, 0),
        Output::Drain(drain) => (Stdio::piped(), Sink::Drain(drain), 0),
    }
}

pub(super) fn feed(mut stdin: ChildStdin, fill: Fill) -> JoinHandle<io::Result<()>> {
    thread::spawn(move || {
        fill(&mut stdin)?;
        stdin.flush()
    })
}

/// More than this of unclaimed output is never held in memory, whatever limit was declared.
const HELD: u64 = 64 << 20;

pub(super) fn absorb(mut stdout: ChildStdout, sink: Sink) -> JoinHandle<io::Result<Vec<u8>>> {
    thread::spawn(move || {
        let mut kept = Vec::new();
        match sink {
            Sink::Drain(drain) => drain(&mut stdout)?,
            Sink::Tail => kept = tail(&mut stdout)?,
            Sink::Lines(to) => kept = lines(&mut stdout, &to)?,
            Sink::Keep => {
                (&mut stdout).take(HELD).read_to_end(&mut kept)?;
            }
        }
        io::copy(&mut stdout, &mut io::sink())?;
        Ok(kept)
    })
}

/// The last [`TAIL_KEPT`] bytes of a stream.
pub(super) fn tail(mut from: impl Read) -> io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let count = from.read(&mut chunk)?;
        if count == 0 {
            return Ok(kept);
        }
        keep_end(&mut kept, chunk.get(..count).unwrap_or_default());
    }
}

fn keep_end(kept: &mut Vec<u8>, more: &[u8]) {
    kept.extend_from_slice(more);
    let surplus = kept.len().saturating_sub(TAIL_KEPT);
    kept.drain(..surplus);
}

/// A line that is longer is told in pieces, bytes.
const LINE: u64 = 1000;

/// Sends every line that is not empty; the end of the stream is kept, too.
fn lines(from: impl Read, to: &Sender<String>) -> io::Result<Vec<u8>> {
    let mut from = BufReader::new(from);
    let mut kept = Vec::new();
    loop {
        let mut line = Vec::new();
        if (&mut from).take(LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(kept);
        }
        keep_end(&mut kept, &line);
        let text = String::from_utf8_lossy(&line);
        if !text.trim().is_empty() {
            // Nobody listens any more only when the command is being ended.
            let _ = to.send(text.trim_end().to_owned());
        }
    }
}

/// What the thread at a pipe made of it. A program may end and leave another behind that holds the pipe open; that one
/// has the rest of the time limit, and no more.
pub(super) fn joined<T>(thread: JoinHandle<io::Result<T>>, deadline: Instant) -> io::Result<T> {
    while !thread.is_finished() {
        if Instant::now() >= deadline {
            return Err(io::Error::other("something it started holds the pipe open"));
        }
        thread::sleep(Duration::from_millis(1));
    }
    let panicked = |_| Err(io::Error::other("the thread at the pipe panicked"));
    thread.join().unwrap_or_else(panicked)
}
