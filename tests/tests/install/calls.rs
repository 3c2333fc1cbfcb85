//! Counts the calls of the host's own programs, as those programs themselves write them down.

use std::fs;

use tempfile::TempDir;

/// Where the lab's programs look for settings when their caller clears the environment.
const KNOBS: &str = "/run/homeport-lab.conf";

/// A log of every call, written until this is dropped.
pub struct Calls {
    dir: TempDir,
    before: Option<String>,
}

impl Calls {
    pub fn record() -> Calls {
        let dir = TempDir::new().unwrap();
        let before = fs::read_to_string(KNOBS).ok();
        let line = format!("LAB_CALL_LOG={}\n", dir.path().join("calls").display());
        fs::write(KNOBS, before.clone().unwrap_or_default() + &line).unwrap();
        Calls { dir, before }
    }

    /// The calls since the last time this was asked, each as it was written down.
    pub fn so_far(&self) -> Vec<String> {
        let log = self.dir.path().join("calls");
        let text = fs::read_to_string(&log).unwrap_or_default();
        let _ = fs::remove_file(log);
        text.lines().map(str::to_owned).collect()
    }
}

impl Drop for Calls {
    fn drop(&mut self) {
        let _ = match &self.before {
            Some(text) => fs::write(KNOBS, text),
            None => fs::remove_file(KNOBS),
        };
    }
}
