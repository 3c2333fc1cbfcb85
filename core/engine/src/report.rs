//! What `homeport-agent status` is asked and what it answers: everything about a guest in one call.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::exec::Exec;
use crate::fingerprint::Fingerprint;
use crate::journal::Child;
use crate::local::listener::Listener;
use crate::local::unit::Unit;
use crate::probe::Probe;
use crate::require::Observation;

/// Longest JSON body a report carries, bytes: an app's word on itself, not its data.
pub const BODY_LIMIT: usize = 8 << 10;

/// What to look at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// Units whose state is wanted.
    #[serde(default)]
    pub units: Vec<String>,
    /// Directories whose file systems matter.
    #[serde(default)]
    pub directories: Vec<String>,
    /// TCP ports of which it matters who listens on them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<u16>,
    /// Probes, by name. All are run at the same time.
    #[serde(default)]
    pub probes: BTreeMap<String, Probe>,
    /// Read-only commands, by name. All are run at the same time.
    #[serde(default)]
    pub commands: BTreeMap<String, Exec>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Version of the agent.
    pub version: String,
    /// Content of the instance's state file; null if there is none.
    pub state: Value,
    /// The guest's marks, as they are now; `None`: they cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// Why the state is about another guest, of which this one is a copy; `None`: it is about this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign: Option<String>,
    /// Operation whose journal is open.
    pub open: Option<String>,
    /// A cut-over that is under way, or was left in the middle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut_over: Option<OpenCutOver>,
    /// Who is at work, if anybody is.
    pub holder: Option<Holder>,
    /// The units asked for, in the same order.
    pub units: Vec<Unit>,
    /// Who listens on the ports asked for. One on which nobody listens is missing.
    #[serde(default)]
    pub listeners: Vec<Listener>,
    /// Probes and commands, by name.
    pub outcomes: BTreeMap<String, Outcome>,
    /// Memory of the guest.
    pub memory: Room,
    /// File systems, by the directory asked for. One that cannot be read is missing here and named in `errors`.
    pub disks: BTreeMap<String, Room>,
    /// Load average over the last minute, in hundredths.
    pub load_percent: u64,
    /// What could not be found out, as sentences.
    pub errors: Vec<String>,
}

/// A cut-over that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenCutOver {
    /// Operation it belongs to.
    pub operation: String,
    /// Version of the side it comes from.
    pub from: String,
    /// Version of the side it goes to.
    pub to: String,
    /// Whether its Commit is written: then it ends on the new side, else on the old one.
    pub committed: bool,
    /// Unix time requests began to wait, milliseconds; `None`: they did not.
    pub held_at_ms: Option<u64>,
}

/// How a probe or a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Whether it was as expected; a command: whether it ended with 0.
    pub passed: bool,
    /// Duration of the last try, milliseconds.
    pub milliseconds: u64,
    /// What was wrong; empty if nothing was.
    pub said: String,
    /// Last lines of the log of the unit a failed probe names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
    /// Status of the HTTP answer, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// The HTTP answer's body, if it is JSON and not longer than [`BODY_LIMIT`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// What a command observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Observation>,
}

/// How much there is of something, bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// In all.
    pub total: u64,
    /// Free for programs, or for users.
    pub free: u64,
}

/// Who holds the guest's lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Whoever asked for the operation, e.g. `root@pve`.
    pub who: String,
    /// The agent at work. It holds the lock only while it runs.
    pub process: Child,
    /// Operation, once it is known.
    pub operation: Option<String>,
    /// Unix time, seconds.
    pub since: u64,
}
