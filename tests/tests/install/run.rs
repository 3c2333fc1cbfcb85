//! Runs programs as a shell without a terminal would, bounded in time, and keeps what they said.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Nothing that is run here takes so long, seconds.
const LIMIT: &str = "400";

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; -1 after a signal.
    pub code: i32,
    /// What it wrote to stdout.
    pub out: String,
    /// What it wrote to stderr.
    pub err: String,
}

impl Ended {
    /// It ended well; what it wrote to stdout.
    #[track_caller]
    pub fn well(self) -> String {
        assert_eq!(self.code, 0, "{}\n{}", self.out, self.err);
        self.out
    }

    /// It ended well; the document it wrote to stdout.
    #[track_caller]
    pub fn json(self) -> Value {
        serde_json::from_str(&self.well()).unwrap()
    }

    /// It ended with this code and said this on stderr.
    #[track_caller]
    pub fn refuses(&self, code: i32, said: &str) {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        let text = self.words();
        assert!(text.contains(said), "`{said}` is missing in {text}");
    }

    /// What it wrote to stderr with every run of blanks and line ends as one blank: messages are wrapped.
    pub fn words(&self) -> String {
        self.err.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// A command in a session of its own: no terminal is near that it could ask on.
pub fn apart(program: &str) -> Command {
    let mut command = Command::new("setsid");
    command.arg(program).stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Ended {
    let output = command.output().expect("the program starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ended {
        code: output.status.code().unwrap_or(-1),
        out: text(&output.stdout),
        err: text(&output.stderr),
    }
}

/// Runs these words to their end.
pub fn call(words: &[&str]) -> Ended {
    run(apart("timeout").arg(LIMIT).args(words))
}

/// Runs the command that an install leaves on the host.
pub fn homeport(words: &[&str]) -> Ended {
    call(&[&["/usr/local/bin/homeport"], words].concat())
}

/// Starts the command that an install leaves on the host, one that goes on; what it says next, a document a line.
pub fn following(words: &[&str]) -> (Child, impl FnMut() -> Value + use<>) {
    let mut child = Command::new("/usr/local/bin/homeport")
        .args(words)
        .stdout(Stdio::piped())
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let next = move || serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    (child, next)
}

/// Runs a script in a container, which must end well.
#[track_caller]
pub fn inside(id: &str, script: &str) -> String {
    call(&["pct", "exec", id, "--", "sh", "-c", script]).well()
}

/// Waits until it is so.
#[track_caller]
pub fn eventually(what: &str, seconds: u64, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(
            begun.elapsed() < Duration::from_secs(seconds),
            "{what} did not happen within {seconds} s"
        );
        thread::sleep(Duration::from_millis(20));
    }
}
