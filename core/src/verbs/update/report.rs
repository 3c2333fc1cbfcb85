//! What the user is told of an update.

use std::collections::BTreeMap;

use homeport_engine::cutover::Outcome;
use homeport_engine::rehearsal::{Asked, Interface};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// What is new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Checked {
    /// Id of the instance.
    pub instance: String,
    /// Version in service.
    pub version: String,
    /// Where was looked.
    pub source: String,
    /// Newer versions, newest first. Where it is built: the branch, tag or commit, if it is not the one in service.
    pub newer: Vec<Offer>,
    /// Whether it is built here.
    pub built: bool,
    /// Room an update needs in the guest, MiB: the release, and three times the database beside the next generation.
    pub needs_mb: u64,
    /// Room there is in the guest, MiB.
    pub free_mb: u64,
}

/// A version that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Offer {
    /// The version.
    pub version: String,
    /// Whether its publisher does not call it finished.
    pub pre_release: bool,
}

/// What a rehearsal has shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Rehearsed {
    /// Id of the instance.
    pub instance: String,
    /// Version in service.
    pub from: String,
    /// Version that was rehearsed.
    pub to: String,
    /// Whether it changes the database.
    pub migrates: bool,
    /// Rows its migrations add, by table.
    pub rows_added: BTreeMap<String, i64>,
    /// Rows in all tables.
    pub rows: u64,
    /// The same by table.
    pub rows_by_table: BTreeMap<String, u64>,
    /// Copying the database, milliseconds.
    pub copy_ms: u64,
    /// The migrations, milliseconds.
    pub migration_ms: u64,
    /// How long requests will wait, milliseconds.
    pub pause_ms: u64,
    /// How long they will wait if it is taken back at the end, milliseconds.
    pub undo_ms: u64,
    /// What was asked of it.
    #[schemars(with = "Vec<Map<String, Value>>")]
    pub asked: Vec<Asked>,
    /// Its network interfaces, and what went through them.
    #[schemars(with = "Vec<Map<String, Value>>")]
    pub interfaces: Vec<Interface>,
}

/// An update that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Updated {
    /// What its rehearsal had shown.
    pub rehearsed: Rehearsed,
    /// How the cut-over went.
    #[schemars(with = "Map<String, Value>")]
    pub cut_over: Outcome,
    /// Users' requests meanwhile; `None`: the proxy's log could not be read.
    pub requests: Option<Requests>,
    /// Questions of the built-in prober through the public address, and how many failed.
    pub probed: (u64, u64),
    /// The backup on the host.
    pub backup: String,
    /// Older backups that were let go of: there were more than are to be kept.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pruned: Vec<String>,
    /// How long everything took, seconds.
    pub seconds: u64,
    /// Calls of the host's own tools.
    pub host_calls: u32,
}

/// Users' requests in a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Requests {
    /// How many ended.
    pub all: u64,
    /// How many of them failed.
    pub failed: u64,
}
