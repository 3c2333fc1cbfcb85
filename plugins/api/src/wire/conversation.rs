//! The staged talk that databases and proxies share: what to look at, what it says, what to do.
//! Looking and doing are Homeport's; the plugin only names commands, reads their output and plans.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{Facts, Request, step::Step};

/// What every request of a conversation brings along.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Context {
    /// The administrator's settings, valid by the plugin's own schema; secrets appear as their names.
    #[serde(default)]
    pub settings: Map<String, Value>,
    /// The unprivileged user the app runs as in the guest.
    pub user: String,
    /// What `read` made of the observations; empty in `observe`.
    #[serde(default)]
    pub facts: Facts,
}

/// A thing core issued for this operation: a plugin touches nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handle {
    /// How steps refer to it: `live`, `copy`, `scratch`, `file` …
    pub name: String,
    /// An absolute path only this handle uses; its directory may not exist yet. Engines on a server ignore it.
    pub path: String,
    /// A database name only this handle uses. Engines in a file ignore it.
    #[serde(default)]
    pub database: String,
}

/// A read-only command to run in the guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The name its output is read back under.
    pub name: String,
    /// Program and plain arguments.
    pub argv: Vec<String>,
    /// User name.
    pub user: String,
    /// What it reads.
    #[serde(default)]
    pub stdin: Option<String>,
    /// More output than this many bytes is an error.
    pub limit: u64,
    /// After which it is killed.
    pub timeout_seconds: u32,
}

/// What a command said. Bytes that are not UTF-8 arrive as U+FFFD.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Exit status; 128 + n if signal n ended it, 127 if the program does not exist.
    pub exit: i32,
    /// Its standard output.
    pub stdout: String,
}

/// A reason to talk: what is wanted, and the handles for it. On the wire an object with a `kind`.
pub trait Purpose: Serialize + DeserializeOwned {
    /// Every `kind` this version knows.
    const NAMES: &'static [&'static str];
    /// This one's `kind`.
    fn name(&self) -> &'static str;
}

/// Which read-only commands should be run first?
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Observe<P> {
    /// What for.
    pub purpose: P,
    /// Settings and user.
    pub context: Context,
}

/// What does this output mean? Asked for every observed command and every output a plan has kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Read<P> {
    /// What for.
    pub purpose: P,
    /// Under which name it was kept.
    pub name: String,
    /// The output.
    pub output: Output,
}

/// What is to be done?
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan<P> {
    /// What for.
    pub purpose: P,
    /// Settings, user and everything read so far.
    pub context: Context,
}

/// Which packages of the guest's distribution are needed?
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Packages {
    /// The administrator's settings.
    #[serde(default)]
    pub settings: Map<String, Value>,
}

impl<P: Purpose> Request for Observe<P> {
    const METHOD: &'static str = "observe";
    type Answer = Vec<Command>;

    fn purpose(&self) -> Option<&'static str> {
        Some(self.purpose.name())
    }
}

impl<P: Purpose> Request for Read<P> {
    const METHOD: &'static str = "read";
    type Answer = Facts;

    fn purpose(&self) -> Option<&'static str> {
        Some(self.purpose.name())
    }
}

impl<P: Purpose> Request for Plan<P> {
    const METHOD: &'static str = "plan";
    type Answer = Vec<Step>;

    fn purpose(&self) -> Option<&'static str> {
        Some(self.purpose.name())
    }
}

impl Request for Packages {
    const METHOD: &'static str = "packages";
    type Answer = Vec<String>;
}
