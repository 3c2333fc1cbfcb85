//! What verbs have to say when they are done: plain data, shown as prose or as JSON. Knows neither terminals nor machines.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Kind;
use crate::log::Level;

/// How something is.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// As it should be.
    Healthy,
    /// It serves, but something needs attention.
    Degraded,
    /// It does not do its work.
    Unhealthy,
    /// It could not be found out.
    #[default]
    Unknown,
}

/// An instance has been installed, and has been asked and has answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Installed {
    /// Id of the instance.
    pub instance: String,
    /// Name of the app for people.
    pub title: String,
    /// Version that answers.
    pub version: String,
    /// Address it answers at.
    pub url: String,
    /// IP address of the guest.
    pub address: String,
    /// Id of the guest.
    pub guest: String,
    /// How the first person gets in, as sentences.
    pub first_login: String,
    /// The first account's password, if it was made here: it is kept nowhere, and told this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// The command that gives the first account another password, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub another_password: Option<String>,
    /// Whether its certificate is self-signed.
    pub self_signed: bool,
    /// Calls of the platform's programs it took.
    pub host_calls: u32,
    /// Seconds it took.
    pub seconds: u64,
}

/// One line of `homeport list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Listed {
    /// Id of the instance.
    pub instance: String,
    /// Name of the recipe.
    pub app: String,
    /// Version in service; empty: unknown.
    pub version: String,
    /// Id of the guest.
    pub guest: String,
    /// Node it is on.
    pub node: String,
    /// State in one word: `running`, `stopped`, `deploying` …
    pub state: String,
    /// How it was when it was looked at last, which may be long ago; `None`: it was not, or is not the same guest.
    pub health: Option<Health>,
    /// How long ago that was, seconds.
    pub health_age_s: Option<u64>,
    /// Address people open; empty: unknown.
    pub url: String,
    /// Why it is not sure that this is the instance's guest; `None`: it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doubt: Option<Remark>,
}

/// What `homeport status` found out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct Status {
    /// Id of the instance.
    pub instance: String,
    /// Name of the recipe.
    pub app: String,
    /// Version in service; empty: unknown.
    pub version: String,
    /// Id of the guest.
    pub guest: String,
    /// Node it is on.
    pub node: String,
    /// State in one word.
    pub state: String,
    /// Address people open.
    pub url: String,
    /// All in all: the worst of what is below.
    pub overall: Health,
    /// When it was looked at, UTC.
    pub looked_at: String,
    /// How long ago that was, seconds, if this is an earlier look; `None`: this is how it is now.
    pub age_s: Option<u64>,
    /// The first look that found it so, UTC.
    pub since: String,
    /// The app's components and the proxy.
    pub components: Vec<Component>,
    /// The database, as far as it can be asked.
    pub database: Option<Database>,
    /// Processors of the guest; `None`: unknown.
    pub cpu: Option<Cpu>,
    /// Memory of the guest; `None`: unknown.
    pub memory: Option<Room>,
    /// File systems of the guest.
    pub disks: Vec<Disk>,
    /// When the certificate users see expires, UTC; `None`: unknown.
    pub certificate_until: Option<String>,
    /// Who is at work on it and since when, in a few words; `None`: nobody.
    pub holder: Option<String>,
    /// Operation that is unfinished; `None`: none.
    pub open: Option<String>,
    /// What needs attention or does not work, the worst first.
    pub remarks: Vec<Remark>,
    /// Calls of the platform's programs it took.
    pub host_calls: u32,
}

/// The database, and how it answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct Database {
    /// As any component.
    #[serde(flatten)]
    pub component: Component,
    /// How large it is, bytes.
    pub size_bytes: Option<u64>,
    /// How many connections are open to it.
    pub connections: Option<u64>,
}

/// Something a component depends on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct Dependency {
    /// What: a directory, `redis`.
    pub name: String,
    /// Whether it is as it must be.
    pub passed: bool,
}

/// Use of processors, as the platform measured some seconds before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct Cpu {
    /// How many there are.
    pub cores: u32,
    /// Their use, percent of all of them.
    pub used_percent: u32,
}

/// A component, and how it answered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct Component {
    /// Its name.
    pub name: String,
    /// How it is.
    pub health: Health,
    /// What it is doing or what is wrong with it, in a few words.
    pub detail: String,
    /// How long it took to answer, milliseconds.
    pub response_ms: Option<u64>,
    /// Status of its HTTP answer.
    pub http_status: Option<u16>,
    /// How long it has been running, seconds.
    pub uptime_s: Option<u64>,
    /// Since when that is, UTC.
    pub uptime_start: Option<String>,
    /// The version it says it is.
    pub version: Option<String>,
    /// The first look that found it as healthy or unhealthy as it is, UTC.
    pub since: String,
    /// What it depends on, one by one.
    pub checks: Vec<Dependency>,
}

/// How much there is of something, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct Room {
    /// In all.
    pub total: u64,
    /// Free.
    pub free: u64,
}

/// A file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct Disk {
    /// A directory on it.
    pub path: String,
    /// How much there is.
    pub room: Room,
}

/// One thing about a host that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// What was looked at, in one word of a fixed set: `bridge`, `storage`, …
    pub check: &'static str,
    /// Whether it is in the way.
    pub severity: Severity,
    /// What kind of failure it is or would become.
    pub kind: Kind,
    /// How it should be, as a clause.
    pub expected: String,
    /// How it is, as a clause.
    pub found: String,
    /// What cures it: a sentence, a command to paste in backticks.
    pub remedy: String,
}

/// Whether a finding is in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing can be begun before it is cured.
    Blocks,
    /// It works, but should be known.
    Warns,
}

/// What `homeport doctor` found out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Checkup {
    /// Node it looked at.
    pub node: String,
    /// Whether nothing is in the way of anything.
    pub ready: bool,
    /// What was looked at and is as it should be, in the words of [`Finding::check`].
    pub well: Vec<&'static str>,
    /// What is not, the blocking ones first.
    pub findings: Vec<Finding>,
    /// Calls of the platform's programs it took.
    pub host_calls: u32,
}

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Line {
    /// When, UTC; empty: not known.
    pub time: String,
    /// Component, `gate of …`, `proxy`, `agent` or `homeport`.
    pub component: String,
    /// systemd unit that said it; `None`: the line is Homeport's.
    pub unit: Option<String>,
    /// How much it matters.
    pub level: Level,
    /// What it says.
    pub text: String,
}

/// Something to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct Remark {
    /// How bad it is.
    pub health: Health,
    /// What, as a sentence.
    pub text: String,
    /// What to do: sentences or commands to paste.
    pub remedy: Vec<String>,
}

impl Finding {
    /// Something that is in the way.
    pub fn blocks(
        check: &'static str,
        kind: Kind,
        [expected, found, remedy]: [String; 3],
    ) -> Finding {
        Finding {
            check,
            severity: Severity::Blocks,
            kind,
            expected,
            found,
            remedy,
        }
    }

    /// Something to know.
    pub fn warns(check: &'static str, kind: Kind, texts: [String; 3]) -> Finding {
        Finding {
            severity: Severity::Warns,
            ..Finding::blocks(check, kind, texts)
        }
    }

    /// What is wrong, as one clause.
    pub fn clause(&self) -> String {
        format!("{} (expected: {})", self.found, self.expected)
    }
}

impl Status {
    /// Everything that can be healthy or not on its own: components, then the database.
    pub fn parts(&self) -> impl Iterator<Item = &Component> {
        let database = self.database.iter().map(|database| &database.component);
        self.components.iter().chain(database)
    }

    /// The same, to be changed.
    pub fn parts_mut(&mut self) -> impl Iterator<Item = &mut Component> {
        let database = self.database.iter_mut();
        let database = database.map(|database| &mut database.component);
        self.components.iter_mut().chain(database)
    }
}

impl Room {
    /// Free part in whole percent, rounded down; of nothing, nothing is free.
    pub fn free_percent(&self) -> u64 {
        let percent = u128::from(self.free) * 100 / u128::from(self.total.max(1));
        u64::try_from(percent).unwrap_or(100).min(100)
    }
}
