//! Runs the bootstrap in a clean environment with a temporary directory of its own, and looks at what is left.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::craft::{dir_from, is_empty};

/// A bootstrap about to be run.
pub struct Run {
    pub command: Command,
    /// Holds the temporary directory and the marker.
    dir: TempDir,
}

pub fn bootstrap() -> PathBuf {
    dir_from("HOMEPORT_BIN_DIR").join("bootstrap")
}

impl Run {
    pub fn new() -> Self {
        Self::of(Command::new(bootstrap()))
    }

    /// With another program around the bootstrap, such as `unshare -n`.
    pub fn under(words: &[&str]) -> Self {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg(bootstrap());
        Self::of(command)
    }

    pub fn of(mut command: Command) -> Self {
        let dir = TempDir::new().unwrap();
        fs::create_dir(dir.path().join("tmp")).unwrap();
        command
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOMEPORT_TIMEOUT", "1");
        command
            .env("TMPDIR", dir.path().join("tmp"))
            .env("MARKER", dir.path().join("marker"));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self { command, dir }
    }

    pub fn bundle(path: &Path) -> Self {
        Self::new().args(["--bundle".as_ref(), path.as_os_str()])
    }

    pub fn from(url: &str) -> Self {
        Self::new().args(["--base-url", url])
    }

    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn tmp(&self) -> PathBuf {
        self.dir.path().join("tmp")
    }

    /// What the core has left as a trace, if it ran.
    pub fn trace(&self) -> Option<String> {
        fs::read_to_string(self.dir.path().join("marker")).ok()
    }

    pub fn output(&mut self) -> Output {
        self.command.output().unwrap()
    }

    /// The core ran with these arguments, and nothing is left.
    pub fn runs(mut self, arguments: &str) {
        let output = self.output();
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(
            self.trace().as_deref(),
            Some(format!("ran {arguments}\n").as_str())
        );
        assert!(is_empty(&self.tmp()));
    }

    /// Refused with this code and a reason that says this; nothing ran and nothing is left.
    pub fn refuses(mut self, code: i32, reason: &str) {
        let output = self.output();
        self.was_refused(&output, code, reason);
    }

    pub fn was_refused(&self, output: &Output, code: i32, reason: &str) {
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        for part in [
            "Error: ",
            "  Why:   ",
            "  State: nothing was started or installed",
            "  To do: ",
        ] {
            assert!(said.contains(part), "{part} is missing in {said}");
        }
        assert!(said.contains(reason), "`{reason}` is missing in {said}");
        assert_eq!(self.trace(), None);
        assert!(is_empty(&self.tmp()), "left in {}", self.tmp().display());
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Waits until `done`, at most five seconds.
pub fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(
            start.elapsed() < Duration::from_secs(5),
            "{what} did not happen"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}
