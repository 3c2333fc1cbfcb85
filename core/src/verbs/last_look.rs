//! The last look at each instance, kept on this host for root alone: since when something is as it is, and how it was for
//! those who do not ask anew. A cache: one that is missing, damaged or of another guest is none. Never told as current.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;

use homeport_engine::durable;
use homeport_engine::run::unix_now;
use serde::{Deserialize, Serialize};

use crate::places;
use crate::report::Status;

/// Number of the file's schema; a reader takes this one only.
const SCHEMA: u32 = 1;

/// A look and its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LastLook {
    schema: u32,
    /// When, Unix seconds.
    at: u64,
    /// What was found.
    pub status: Status,
}

impl LastLook {
    /// The last look at this instance.
    pub fn of(instance: &str) -> Option<LastLook> {
        let bytes = fs::read(places::health(instance)).ok()?;
        let found: LastLook = serde_json::from_slice(&bytes).ok()?;
        (found.schema == SCHEMA).then_some(found)
    }

    /// The last look at this instance in this guest: a new guest of an old name begins anew.
    pub fn in_guest(instance: &str, guest: &str) -> Option<LastLook> {
        LastLook::of(instance).filter(|last| last.status.guest == guest)
    }

    /// How long ago it was, seconds. A clock that was set back makes it as old as can be.
    pub fn age_s(&self) -> u64 {
        unix_now().checked_sub(self.at).unwrap_or(u64::MAX)
    }
}

/// Keeps a look that was taken now.
///
/// # Errors
/// When it cannot be written. The old one is whole then.
pub fn keep(status: &Status) -> io::Result<()> {
    let path = places::health(&status.instance);
    let look = LastLook {
        schema: SCHEMA,
        at: unix_now(),
        status: status.clone(),
    };
    if let Some(directory) = path.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
    }
    durable::replace(&path, &serde_json::to_vec(&look)?, 0o600)
}

/// Forgets the last look: the instance is about to change.
pub fn forget(instance: &str) {
    // One that stays is a look that tells its age, as before.
    let _ = fs::remove_file(places::health(instance));
}

/// Marks since when everything is as it is: since the look before, if that found it so.
pub fn mark_since(status: &mut Status, last: Option<&Status>) {
    let now = status.looked_at.clone();
    let same = last.filter(|last| last.overall == status.overall);
    status.since = same.map_or_else(|| now.clone(), |last| last.since.clone());
    let before = |name: &str, health| {
        let parts = last.into_iter().flat_map(Status::parts);
        let found = parts
            .filter(|part| part.name == name && part.health == health)
            .last();
        found.map_or_else(|| now.clone(), |part| part.since.clone())
    };
    for part in status.parts_mut() {
        part.since = before(&part.name, part.health);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Component, Health};

    fn look(at: &str, health: Health) -> Status {
        let component = Component {
            name: "backend".to_owned(),
            health,
            ..Component::default()
        };
        let mut status = Status {
            looked_at: at.to_owned(),
            overall: health,
            components: vec![component],
            ..Status::default()
        };
        mark_since(&mut status, None);
        status
    }

    #[test]
    fn what_stays_as_it_is_has_been_so_since_the_first_look_that_found_it_so() {
        let first = look("10:00", Health::Unhealthy);
        assert_eq!(
            (first.since.as_str(), first.components[0].since.as_str()),
            ("10:00", "10:00")
        );
        let mut second = look("10:05", Health::Unhealthy);
        mark_since(&mut second, Some(&first));
        assert_eq!(
            (second.since.as_str(), second.components[0].since.as_str()),
            ("10:00", "10:00")
        );
        let mut third = look("10:10", Health::Healthy);
        mark_since(&mut third, Some(&second));
        assert_eq!(
            (third.since.as_str(), third.components[0].since.as_str()),
            ("10:10", "10:10")
        );
    }
}
