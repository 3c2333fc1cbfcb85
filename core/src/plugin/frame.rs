//! What core and a plugin's process say to each other: one JSON line each way. Both ends are the same binary, so this
//! may change freely; what the plugin itself says travels inside, unread.

use serde::{Deserialize, Serialize};

use super::confine::Confinement;

/// The hidden argument with which core starts itself as a plugin's process.
pub(crate) const CHILD_ARGUMENT: &str = "__plugin-child";

/// The most bytes one line may have, either way.
pub(crate) const LINE_LIMIT: usize = 8 * 1024 * 1024;

/// What a plugin's process says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Said {
    /// The plugin is loaded: its manifest, and what holds the process.
    Ready {
        manifest: String,
        confinement: Confinement,
    },
    /// The process could not be confined; nothing was loaded.
    Unconfined(String),
    /// The library is no plugin.
    NotLoaded(String),
    /// The plugin's reply.
    Reply(String),
    /// The plugin's refusal.
    Refusal(String),
}
