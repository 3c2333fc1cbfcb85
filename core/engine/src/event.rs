//! What happened, as data: shown as prose or JSON lines, and copied to the log. Carries no secret.

use serde::{Deserialize, Serialize};

/// One thing that happened while a plan ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Event {
    /// An operation begins.
    Expected {
        /// How many steps all its stages will have together, as far as can be said beforehand.
        steps: u32,
    },
    /// A stage begins.
    Stage {
        /// Its name.
        name: String,
        /// Number of its first step.
        first: u32,
        /// How many steps it has.
        steps: u32,
    },
    /// A step begins.
    Started {
        /// Its number.
        number: u32,
        /// Its title.
        title: String,
    },
    /// A step is still under way.
    Working {
        /// Its number.
        number: u32,
        /// What it is doing, or its last line of output.
        text: String,
    },
    /// A step waits for something that is not there yet: a name, a way out, somebody else's task.
    Waiting {
        /// Its number.
        number: u32,
        /// For what, and what happens then.
        text: String,
    },
    /// Something the user should know that stops nothing.
    Noticed {
        /// What, as a sentence.
        text: String,
    },
    /// A step is done.
    Done {
        /// Its number.
        number: u32,
        /// How long it took, milliseconds.
        ms: u64,
    },
    /// A step failed.
    Failed {
        /// Its number.
        number: u32,
        /// Why.
        why: String,
    },
    /// The operation is committed: from here on it only goes forward.
    Committed,
    /// A step is taken back.
    Undoing {
        /// Its number.
        number: u32,
        /// Its title.
        title: String,
    },
}
