//! All instances of the cluster, from the tags of their guests: nothing of ours is needed to list them.

use serde::Serialize;

use crate::error::Error;
use crate::target::{GuestStatus, Target};
use crate::verbs::living;

/// One line of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Id of the instance.
    pub instance: String,
    /// Name of its recipe.
    pub app: String,
    /// Id of its guest.
    pub guest: String,
    /// Node it lives on.
    pub node: String,
    /// What its guest does: `running`, `stopped`, `unknown`.
    pub status: &'static str,
    /// The platform's lock on it.
    pub lock: Option<String>,
}

/// Lists.
pub fn list(target: &mut dyn Target) -> Result<Vec<Listed>, Error> {
    let line = |living: living::Living| Listed {
        instance: living.guest.instance,
        app: living.app,
        guest: living.guest.id,
        node: living.seen.node,
        status: word(living.seen.status),
        lock: living.seen.lock,
    };
    Ok(living::all(target)?.into_iter().map(line).collect())
}

/// The status as a word.
pub(crate) fn word(status: GuestStatus) -> &'static str {
    match status {
        GuestStatus::Running => "running",
        GuestStatus::Stopped => "stopped",
        GuestStatus::Unknown => "unknown",
    }
}
