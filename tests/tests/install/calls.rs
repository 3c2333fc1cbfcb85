//! Counts the calls of the host's own programs, as those programs themselves write them down, and has one go wrong.

use std::fs;

use serde::Deserialize;
use tempfile::TempDir;

/// Where the lab's programs look for settings when their caller clears the environment.
const KNOBS: &str = "/run/homeport-lab.conf";

/// Settings of the lab, until this is dropped.
pub struct Knobs {
    before: Option<String>,
}

impl Knobs {
    /// Lines `NAME=value`, beside those that are set already.
    pub fn set(lines: &str) -> Knobs {
        let before = fs::read_to_string(KNOBS).ok();
        fs::write(
            KNOBS,
            format!("{}{lines}\n", before.clone().unwrap_or_default()),
        )
        .unwrap();
        Knobs { before }
    }
}

impl Drop for Knobs {
    fn drop(&mut self) {
        let _ = match &self.before {
            Some(text) => fs::write(KNOBS, text),
            None => fs::remove_file(KNOBS),
        };
    }
}

/// A log of every call, written until this is dropped.
pub struct Calls {
    dir: TempDir,
    _knobs: Knobs,
}

/// One call, as the lab writes it down.
#[derive(Debug, Deserialize)]
pub struct Call {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// The fault that hit it.
    pub fault: Option<String>,
}

impl Call {
    /// Program, verb and object.
    pub fn title(&self) -> String {
        let words = self.argv.iter().take_while(|word| !word.starts_with("--"));
        words
            .take(3)
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(" ")
    }
}

impl Calls {
    pub fn record() -> Calls {
        let dir = TempDir::new().unwrap();
        let line = format!("LAB_CALL_LOG={}", dir.path().join("calls").display());
        Calls {
            dir,
            _knobs: Knobs::set(&line),
        }
    }

    /// The calls since the last time this was asked.
    pub fn so_far(&self) -> Vec<Call> {
        let log = self.dir.path().join("calls");
        let text = fs::read_to_string(&log).unwrap_or_default();
        let _ = fs::remove_file(log);
        let call = |line| serde_json::from_str(line).expect("the lab writes a line of JSON");
        text.lines().map(call).collect()
    }
}
