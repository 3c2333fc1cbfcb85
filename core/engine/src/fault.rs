//! Why a step could not be done, as data: it crosses the wire and ends on the user's screen.

use serde::{Deserialize, Serialize};

/// Why a step could not be done. Crosses the wire, so it carries text only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{why}")]
pub struct Fault {
    /// What kind of failure it is; decides exit code and remedy.
    pub kind: FaultKind,
    /// Why, as a sentence without a full stop.
    pub why: String,
    /// Last lines of output or log, oldest first, at most 30.
    #[serde(default)]
    pub lines: Vec<String>,
    /// What to do, as sentences or commands to paste.
    #[serde(default)]
    pub remedy: Vec<String>,
}

/// Kind of a [`Fault`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// A command or call failed.
    Failed,
    /// A requirement does not hold.
    Requirement,
    /// A probe did not succeed before its deadline.
    Unhealthy,
    /// The network or a name was not there.
    Network,
    /// Something could not be fetched.
    Download,
    /// What is built from source could not be built.
    Build,
    /// What was fetched is not what it must be: its digest is wrong.
    Untrusted,
    /// Not enough of something, or something missing on the machine.
    Resources,
    /// Another operation or an administrator's lock is in the way.
    Locked,
    /// It is not ours to touch.
    NotOurs,
    /// The user asked to stop.
    Cancelled,
    /// A cut-over was not begun; the old release never stopped.
    NotBegun,
    /// A cut-over was taken back; the old release serves again.
    Undone,
    /// A cut-over could be neither finished nor taken back.
    Stuck,
}

impl Fault {
    /// A fault without lines or remedy.
    pub fn new(kind: FaultKind, why: impl Into<String>) -> Fault {
        Fault {
            kind,
            why: why.into(),
            lines: Vec::new(),
            remedy: Vec::new(),
        }
    }

    /// The same fault with these last lines of output.
    pub fn with_lines(mut self, lines: Vec<String>) -> Fault {
        self.lines = lines;
        self
    }

    /// The same fault with one more remedy.
    pub fn with_remedy(mut self, remedy: impl Into<String>) -> Fault {
        self.remedy.push(remedy.into());
        self
    }
}
