//! What a plugin may ask to have done: five kinds of step, run in order by Homeport, each journalled with its undo.
//! Never a shell line: arguments are plain and nothing expands them.

use serde::{Deserialize, Serialize};

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Step {
    /// Write a file.
    File(File),
    /// Make a directory.
    Directory(Directory),
    /// Run a program.
    Run(Run),
    /// Change a systemd unit.
    Service(Service),
    /// Go no further unless this holds.
    Require(Require),
}

/// A whole file in the guest, replaced atomically. Its directory must exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Absolute.
    pub path: String,
    /// Octal, four digits: `0644`.
    pub mode: String,
    /// User name.
    pub owner: String,
    /// Group name.
    pub group: String,
    /// What is in it.
    pub content: Content,
}

/// A directory in the guest. One that is there keeps what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directory {
    /// Absolute; the one above must exist.
    pub path: String,
    /// Octal, four digits: `0750`.
    pub mode: String,
    /// User name.
    pub owner: String,
    /// Group name.
    pub group: String,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// This text.
    Text(String),
    /// The secret of this name; the plugin never sees its value.
    Secret(String),
}

/// A program run in the guest with an empty environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// What the user is told, as an imperative: `Copy the database`.
    pub title: String,
    /// Program and plain arguments.
    pub argv: Vec<String>,
    /// User name: the one core gave, or `root` where only root can.
    pub user: String,
    /// What it reads.
    #[serde(default)]
    pub stdin: Stdin,
    /// Where what it says goes. Anything but exit status 0 fails the step and shows its stderr.
    #[serde(default)]
    pub stdout: Stdout,
    /// After which it is killed and the step has failed.
    pub timeout_seconds: u32,
    /// Names of files with secrets that must exist while it runs.
    #[serde(default)]
    pub secret_files: Vec<String>,
    /// Handles it reads.
    #[serde(default)]
    pub reads: Vec<String>,
    /// Handles it creates.
    #[serde(default)]
    pub creates: Vec<String>,
    /// Handles it destroys; only ones this operation created.
    #[serde(default)]
    pub destroys: Vec<String>,
}

/// What a program reads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stdin {
    /// Nothing.
    #[default]
    None,
    /// This text.
    Text(String),
    /// The part of the backup archive that belongs to this purpose.
    Archive,
}

/// Where a program's output goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stdout {
    /// Nowhere.
    #[default]
    Discard,
    /// Kept under a name, for `Require` and for `read`; longer than `limit` bytes fails the step.
    Keep {
        /// The name.
        name: String,
        /// Bytes.
        limit: u64,
    },
    /// Into the backup archive.
    Archive,
}

/// A change to a systemd unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// With its suffix: `nginx.service`.
    pub unit: String,
    /// What to do with it.
    pub action: Action,
}

/// What to do with a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Run it now.
    Start,
    /// Stop it now.
    Stop,
    /// Stop and start it.
    Restart,
    /// Have it read its files again.
    Reload,
    /// Run it now and from every boot on.
    Enable,
    /// Run it neither now nor after a boot.
    Disable,
}

/// A condition on kept output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Require {
    /// The name the output was kept under, in this plan or the observation before it.
    pub name: String,
    /// What must hold for it, white space around it cut off.
    pub is: Is,
    /// What the user is told otherwise.
    pub otherwise: Otherwise,
}

/// What must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Is {
    /// Exactly this.
    Equal(String),
    /// A number not below this.
    AtLeast(u64),
    /// A number not above this.
    AtMost(u64),
    /// Anything at all.
    NotEmpty,
}

/// What is said when a requirement does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Otherwise {
    /// What is wrong, as a sentence.
    pub message: String,
    /// What to do, as a sentence or a command.
    pub remedy: String,
}

impl Run {
    /// A program with nothing to read and nothing kept. Ten minutes unless [`Run::within`] says otherwise.
    pub fn new<A: Into<String>>(
        title: &str,
        user: &str,
        argv: impl IntoIterator<Item = A>,
    ) -> Self {
        Self {
            title: title.to_owned(),
            argv: argv.into_iter().map(Into::into).collect(),
            user: user.to_owned(),
            stdin: Stdin::None,
            stdout: Stdout::Discard,
            timeout_seconds: 600,
            secret_files: Vec::new(),
            reads: Vec::new(),
            creates: Vec::new(),
            destroys: Vec::new(),
        }
    }

    /// Gives it `text` to read.
    pub fn text(self, text: impl Into<String>) -> Self {
        Self {
            stdin: Stdin::Text(text.into()),
            ..self
        }
    }

    /// Keeps at most `limit` bytes of its output under `name`.
    pub fn keep(self, name: &str, limit: u64) -> Self {
        Self {
            stdout: Stdout::Keep {
                name: name.to_owned(),
                limit,
            },
            ..self
        }
    }

    /// Kills it after this many seconds.
    pub fn within(self, seconds: u32) -> Self {
        Self {
            timeout_seconds: seconds,
            ..self
        }
    }

    /// Declares that it reads what `handle` names.
    pub fn reads(mut self, handle: &str) -> Self {
        self.reads.push(handle.to_owned());
        self
    }

    /// Declares that it makes what `handle` names.
    pub fn creates(mut self, handle: &str) -> Self {
        self.creates.push(handle.to_owned());
        self
    }

    /// Declares that it removes what `handle` names.
    pub fn destroys(mut self, handle: &str) -> Self {
        self.destroys.push(handle.to_owned());
        self
    }
}

impl Require {
    /// The output kept as `name` must be `is`; otherwise the user reads `message` and `remedy`.
    pub fn new(name: &str, is: Is, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        let otherwise = Otherwise {
            message: message.into(),
            remedy: remedy.into(),
        };
        Self {
            name: name.to_owned(),
            is,
            otherwise,
        }
    }
}

macro_rules! into_step {
    ($($part:ident),*) => {$(
        impl From<$part> for Step {
            fn from(part: $part) -> Self {
                Self::$part(part)
            }
        }
    )*};
}
into_step!(File, Directory, Run, Service, Require);
