//! What is said to a database plugin beyond the shared conversation.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as JsonValue};
use std::collections::BTreeMap;

use super::{
    Request,
    conversation::{Context, Handle, Purpose as PurposeOf},
};

/// What a database is asked to do, and with which handles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Purpose {
    /// Make a place in which the app can create its tables. Twice is once.
    Provision {
        /// The new database.
        database: Handle,
    },
    /// Prove that it can be reached, is whole and has tables.
    Check {
        /// A database in service or a copy.
        database: Handle,
    },
    /// Write one consistent state into a file, the app running or not.
    Dump {
        /// From here.
        database: Handle,
        /// To here.
        file: Handle,
    },
    /// Make a database from a dump. What `database` names does not exist yet.
    Load {
        /// From here.
        file: Handle,
        /// To here.
        database: Handle,
    },
    /// Count the rows of every table; `read` answers with the fact [`ROWS`].
    Count {
        /// A database in service or a copy.
        database: Handle,
    },
    /// Copy a database nobody uses any more to its next generation; the original stays whole.
    NextGeneration {
        /// From here.
        database: Handle,
        /// To here; does not exist yet.
        next: Handle,
    },
    /// Remove a copy with everything that belongs to it. One that is not there is removed.
    Remove {
        /// Never the database in service.
        copy: Handle,
    },
    /// Tell what `now` has that `then` has not; `read` answers with the fact [`NEWER`]. Both are read, neither is changed;
    /// `now` may be in use. Columns only one of them has are compared with what a new row has in them, where that is known.
    Compare {
        /// What was in service before, as it was left.
        then: Handle,
        /// What is in service.
        now: Handle,
        /// Tables that do not count: their rows come and go.
        leave_out: Vec<String>,
    },
    /// Write the rows that [`Purpose::Compare`] counts as new or changed into `file`, one JSON object per line: first a
    /// [`NewerTable`] for each table that has any, then an [`ExportedRow`] for each row. All of it is one state of `now`.
    ExportNewer {
        /// What was in service before, as it was left.
        then: Handle,
        /// What is in service.
        now: Handle,
        /// To here; does not exist yet.
        file: Handle,
        /// Tables that do not count.
        leave_out: Vec<String>,
    },
    /// Say how it is. Only `observe` and `read` are asked, and everything that is looked at is looked at at once, again
    /// and again, in the middle of service: what takes more than a moment is no look. `read` answers with [`SIZE`],
    /// [`CONNECTIONS`] and [`TROUBLE`] as far as it can tell them; of several troubles the first counts.
    Status {
        /// The database in service.
        database: Handle,
    },
}

/// The observation of [`Purpose::Status`] that asks the database itself: how long it takes is how long an answer takes.
pub const ANSWER: &str = "answer";
/// The fact that says how large the database is, bytes.
pub const SIZE: &str = "size_bytes";
/// The fact that says how many connections are open to it.
pub const CONNECTIONS: &str = "connections";
/// The fact that says what is wrong with it: a [`Trouble`].
pub const TROUBLE: &str = "trouble";

/// What is wrong with a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// What, as a sentence.
    pub message: String,
    /// Commands of the guest that show or cure it: program and plain arguments.
    #[serde(default)]
    pub commands: Vec<Vec<String>>,
    /// What to do, as sentences.
    pub remedy: String,
}

/// The fact that `Count` ends in: an object, table name to number of rows.
pub const ROWS: &str = "rows";
/// The fact that `Compare` ends in: a list of [`NewerTable`], without the tables that are the same in both.
pub const NEWER: &str = "newer";

/// How a table differs from what it was.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewerTable {
    /// The table.
    pub table: String,
    /// Rows it did not have.
    pub added: u64,
    /// Rows it had with other values. A table without a key has none: there it is an added and a removed row.
    #[serde(default)]
    pub changed: u64,
    /// Rows it has no more.
    #[serde(default)]
    pub removed: u64,
}

/// A row that is new or has changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExportedRow {
    /// The table it is in.
    pub of: String,
    /// Which of both.
    pub is: RowIs,
    /// By column. Bytes that are no text are an object with the one key `hex`.
    pub row: Map<String, JsonValue>,
}

/// Why a row is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowIs {
    /// It was not there.
    Added,
    /// It had other values.
    Changed,
}

/// The fact that `Count` may have beside it: a text that is the same as long as tables, columns and indexes are.
pub const SCHEMA: &str = "schema";

impl PurposeOf for Purpose {
    const NAMES: &'static [&'static str] = &[
        "provision",
        "check",
        "dump",
        "load",
        "count",
        "next_generation",
        "remove",
        "compare",
        "export_newer",
        "status",
    ];

    fn name(&self) -> &'static str {
        match self {
            Self::Provision { .. } => "provision",
            Self::Check { .. } => "check",
            Self::Dump { .. } => "dump",
            Self::Load { .. } => "load",
            Self::Count { .. } => "count",
            Self::NextGeneration { .. } => "next_generation",
            Self::Remove { .. } => "remove",
            Self::Compare { .. } => "compare",
            Self::ExportNewer { .. } => "export_newer",
            Self::Status { .. } => "status",
        }
    }
}

/// How does an app reach this database?
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AppSettings {
    /// The one the app shall use.
    pub database: Handle,
    /// Settings and user.
    pub context: Context,
}

/// What an app must be told. The recipe maps dialect and keys to the app's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// What the app must speak: `sqlite`, `postgresql`, `mysql`.
    pub dialect: String,
    /// By neutral key: `path`, `host`, `port`, `name`, `user`, `password`, `tls`, `ca`.
    pub values: BTreeMap<String, Value>,
}

/// One value for the app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// This text.
    Text(String),
    /// The secret of this name.
    Secret(String),
}

impl Request for AppSettings {
    const METHOD: &'static str = "app_settings";
    type Answer = Attachment;
}
