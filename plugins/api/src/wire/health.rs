//! What is said to a health plugin: which probes to run, and what their results mean.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Request;

/// Which probes show how these components and their machine are?
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probes {
    /// The app's parts.
    #[serde(default)]
    pub components: Vec<Component>,
    /// The machine they share; left out when only the components matter, as in a cut-over.
    #[serde(default)]
    pub machine: Option<Machine>,
    /// How long a probe may go on trying before it counts as failed.
    pub deadline_seconds: u32,
}

/// One part of an app.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Component {
    /// Its name.
    pub name: String,
    /// Its unit, if it must be active.
    #[serde(default)]
    pub unit: Option<String>,
    /// The ways it is reached; every expectation is probed on each that it names.
    pub ways: Vec<Way>,
    /// What the recipe expects of it.
    pub expects: Vec<Expect>,
    /// The user it runs as, who must be able to write to `directories`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Directories it keeps its data in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub directories: Vec<String>,
}

/// A way to a component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    /// `direct`, `proxy`, `public`.
    pub name: String,
    /// Where.
    pub address: Address,
    /// The `Host` header.
    pub host: String,
    /// The unit that must be the one that listens there, if that matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// Where something listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Address {
    /// Plain TCP, `host:port`.
    Tcp(String),
    /// TLS over TCP, `host:port`; the certificate is not judged here.
    Tls(String),
    /// A Unix socket's path.
    Unix(String),
}

/// An expectation of a page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expect {
    /// What is asked for.
    pub path: String,
    /// The status it must have.
    pub status: u16,
    /// What its body must be like.
    #[serde(default)]
    pub body: Option<Body>,
    /// What is posted; left out for a GET request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post: Option<Post>,
    /// Names of the ways it is asked on; left out for all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ways: Vec<String>,
}

/// What is posted. It changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Post {
    /// Headers beside those every request has.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Body.
    pub body: String,
}

/// What a body must be like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// This, white space around it cut off.
    Is(String),
    /// Contains this.
    Contains(String),
    /// JSON in which the value at `pointer` (RFC 6901) is `equals`.
    Json {
        /// The pointer.
        pointer: String,
        /// The value.
        equals: Value,
    },
}

/// The machine components share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Directories whose file systems matter.
    pub directories: Vec<String>,
    /// Where the certificate users see is served, `host:port`.
    #[serde(default)]
    pub certificate: Option<String>,
    /// The unit that serves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_unit: Option<String>,
    /// The file it is served from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_file: Option<String>,
}

/// One thing to try, once or again until it passes or its deadline is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// Unique among the probes of one answer.
    pub name: String,
    /// The component it belongs to; empty for the machine.
    #[serde(default)]
    pub component: String,
    /// What to try.
    pub check: Check,
    /// How long it may go on trying.
    pub deadline_seconds: u32,
    /// The unit that must be the one that listens at the address tried: its outcome then says who does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listener: Option<String>,
}

/// What to try. Each also says which `figures` its outcome has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "try", rename_all = "snake_case")]
pub enum Check {
    /// A request. Figure `status` if there was an answer.
    Http {
        /// Where.
        address: Address,
        /// The `Host` header.
        host: String,
        /// What must come.
        expect: Expect,
    },
    /// A connection. No figures.
    Connect {
        /// Where.
        address: Address,
    },
    /// A program that must end with status 0. No figures.
    Exec {
        /// Program and plain arguments.
        argv: Vec<String>,
        /// User name.
        user: String,
    },
    /// A unit that must be active. The outcome's `said` is its state, as in `activating (auto-restart), exit-code`;
    /// figures `restarts` and `uptime_seconds`.
    Unit {
        /// Its name.
        unit: String,
    },
    /// Room on a file system. Passes if it can be read; figures `total` and `free` (for users), bytes.
    Disk {
        /// A directory on it.
        path: String,
    },
    /// Memory. Passes if it can be read; figures `total` and `available`, bytes.
    Memory,
    /// A served certificate. Passes if it can be read; figure `expires_in`, seconds, 0 when expired.
    Certificate {
        /// `host:port`.
        address: String,
        /// The file it is served from, if that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<String>,
    },
}

/// How a probe ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The probe's name.
    pub probe: String,
    /// Whether it was as expected.
    pub passed: bool,
    /// The last try's duration.
    pub milliseconds: u64,
    /// What was wrong, or what was seen: one clause.
    #[serde(default)]
    pub said: String,
    /// What was measured; the [`Check`] says which.
    #[serde(default)]
    pub figures: BTreeMap<String, u64>,
    /// Who listens at the address, if the probe names a `listener` and anybody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listener: Option<Listener>,
    /// The page's body if it is JSON and short, as expected or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
}

/// A process that listens on a port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Its process id in the guest; 0: unknown.
    pub pid: u32,
    /// Its program; empty: unknown.
    pub program: String,
    /// Its unit; empty: none.
    pub unit: String,
}

/// What do these outcomes mean?
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The probes that were run.
    pub probes: Vec<Probe>,
    /// How they ended; one that is missing counts as failed.
    pub outcomes: Vec<Outcome>,
    /// Words that, put before a command, run it in the guest: `pct exec 105 --`.
    #[serde(default)]
    pub in_guest: Vec<String>,
    /// The version that is meant to be in service; empty: unknown.
    #[serde(default)]
    pub version: String,
    /// The instance, as Homeport's own verbs are told it: `homeport restart tasks`; empty: unknown.
    #[serde(default)]
    pub instance: String,
}

/// How it is. The order is from best to worst.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Everything as expected.
    #[default]
    Healthy,
    /// Users are served, but something needs attention.
    Degraded,
    /// Users are not served.
    Unhealthy,
}

/// What the outcomes mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The worst of all.
    pub status: Status,
    /// Per component, in the order asked.
    pub components: Vec<ComponentStatus>,
    /// What needs attention.
    pub warnings: Vec<Finding>,
    /// What is broken.
    pub errors: Vec<Finding>,
}

/// How one component is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentStatus {
    /// Its name.
    pub name: String,
    /// The worst of its probes.
    pub status: Status,
    /// Its slowest page, if one was asked for.
    pub milliseconds: Option<u64>,
    /// The version it says it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What it depends on, one by one: its directories, a Redis it says it has lost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Dependency>,
}

/// Something a component depends on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// What: a directory, `redis`.
    pub name: String,
    /// Whether it is as it must be.
    pub passed: bool,
}

/// Something a person should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The component; empty for the machine.
    pub component: String,
    /// What is the matter, as a sentence.
    pub message: String,
    /// What to do: commands to paste or sentences, one to a line, the first thing first. Never empty.
    pub remedy: String,
}

impl Request for Probes {
    const METHOD: &'static str = "probes";
    type Answer = Vec<Probe>;
}

impl Request for Reading {
    const METHOD: &'static str = "report";
    type Answer = Report;
}
