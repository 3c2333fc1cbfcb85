//! All instances of the cluster, from the tags of their guests: nothing of ours is needed to list them. What the host's
//! registry and its last look at each know of them beside that is added.

use std::fs;

use crate::error::Error;
use crate::places;
use crate::report::Listed;
use crate::state::Registered;
use crate::target::{GuestStatus, Target};
use crate::verbs::last_look::LastLook;
use crate::verbs::living::{self, Living};

/// Lists.
pub fn list(target: &mut dyn Target) -> Result<Vec<Listed>, Error> {
    Ok(living::all(target)?.into_iter().map(line).collect())
}

fn line(living: Living) -> Listed {
    let doubt = living.doubt.as_ref().map(|doubt| doubt.remark(&living));
    let (version, url) = living
        .registered
        .map_or_else(Default::default, |entry| (entry.version, entry.url));
    let last = LastLook::in_guest(&living.guest.instance, &living.guest.id)
        .filter(|_| living.seen.here && living.seen.status == GuestStatus::Running);
    Listed {
        doubt,
        health: last.as_ref().map(|last| last.status.overall),
        health_age_s: last.as_ref().map(LastLook::age_s),
        instance: living.guest.instance,
        app: living.app,
        version,
        guest: living.guest.id,
        node: living.seen.node,
        state: living
            .seen
            .lock
            .unwrap_or_else(|| word(living.seen.status).to_owned()),
        url,
    }
}

/// The registry's entry. It is a cache: one that is missing or cannot be read is no entry.
pub(crate) fn registered(instance: &str) -> Option<Registered> {
    serde_json::from_slice(&fs::read(places::registry(instance)).ok()?).ok()
}

/// The status as a word.
pub(crate) fn word(status: GuestStatus) -> &'static str {
    match status {
        GuestStatus::Running => "running",
        GuestStatus::Stopped => "stopped",
        GuestStatus::Unknown => "unknown",
    }
}
