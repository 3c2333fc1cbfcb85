//! What is kept about an instance: its state in the guest, which is the truth, and the host's registry, a cache of it.
//! Both carry a schema number; fields a reader does not know survive.

use std::collections::BTreeMap;

use homeport_engine::fingerprint::Fingerprint;
use homeport_engine::op::GuestIdentity;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::settings::Color;

/// Number of both schemas. A reader takes this and lower ones.
pub const SCHEMA: u32 = 1;

/// How an instance is meant to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// A first release is being deployed.
    Deploying,
    /// In service.
    Running,
    /// A release is being exchanged.
    Updating,
    /// Stopped on purpose.
    Stopped,
    /// The last operation failed.
    Failed,
}

/// `/var/lib/homeport/state.json` in the guest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Id of the instance.
    pub instance: String,
    /// Name of the recipe.
    pub app: String,
    /// Name for people.
    pub title: String,
    /// How it is meant to be.
    pub status: Status,
    /// Version in service.
    pub version: String,
    /// Commit in service, if it was built here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Directory of its release, where that is not called as the version is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Slot in service.
    pub active_colour: Color,
    /// Rises at each Commit; the host remembers the last one it has seen.
    pub epoch: u64,
    /// Marks of the guest this is about; `None`: a Homeport that did not look wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// Generation of the database in service.
    pub generation: u64,
    /// Address people open.
    pub url: String,
    /// Version of Homeport that wrote this.
    pub homeport: String,
    /// The release before, while it is there to go back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Previous>,
    /// Id, verb and Unix time of the last operation.
    pub last_operation: Value,
    /// Fields of a newer Homeport.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// A release that was in service, whole beside the one that is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    /// Its version.
    pub version: String,
    /// Its commit, if it was built here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Directory of its release.
    pub release: String,
    /// Its slot.
    pub colour: Color,
    /// Its generation of the database, as it was when it went out of service.
    pub generation: u64,
    /// Unix time it went out of service, seconds.
    pub until: u64,
    /// By how many rows the release in service has changed each table when it came; `None`: it changed nothing, and both
    /// releases can work on each other's data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub migrated: Option<BTreeMap<String, i64>>,
}

/// `/var/lib/homeport/instances/<instance>.json` on the host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Registered {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Id of the instance.
    pub instance: String,
    /// Name of the recipe.
    pub app: String,
    /// Id of the guest.
    pub guest: String,
    /// The guest's ownership tag.
    pub tag: String,
    /// Storage of the guest's root file system.
    pub storage: String,
    /// Version deployed last.
    pub version: String,
    /// Address people open.
    pub url: String,
    /// Address of the guest.
    pub address: String,
    /// Epoch of its last change from this host. A guest with a lower one was rolled back or restored; one with a higher
    /// one was changed from another host.
    #[serde(default)]
    pub epoch: u64,
    /// Marks of the guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// Fields of a newer Homeport.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl Registered {
    /// The entry of an instance with this state, in this guest.
    pub fn of(state: &State, guest: &GuestIdentity, address: &str) -> Registered {
        Registered {
            schema: SCHEMA,
            instance: guest.instance.clone(),
            app: state.app.clone(),
            guest: guest.id.clone(),
            tag: guest.tag.clone(),
            storage: guest.storage.clone(),
            version: state.version.clone(),
            url: state.url.clone(),
            address: address.to_owned(),
            epoch: state.epoch,
            fingerprint: state.fingerprint.clone(),
            rest: Map::new(),
        }
    }

    /// As the registry's file holds it.
    pub fn to_json(&self) -> String {
        pretty(self)
    }
}

impl State {
    /// Directory of the release in service.
    pub fn release(&self) -> &str {
        self.release.as_deref().unwrap_or(&self.version)
    }

    /// The highest generation of the database there is.
    pub fn newest_generation(&self) -> u64 {
        let previous = self
            .previous
            .as_ref()
            .map_or(0, |previous| previous.generation);
        self.generation.max(previous)
    }

    /// As the guest's file holds it.
    pub fn to_json(&self) -> String {
        pretty(self)
    }
}

/// Total for these types: strings, numbers and maps with text keys.
fn pretty(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value)
        .map(|text| text + "\n")
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by Homeport 0.1; must be readable for ever.
    const FIRST: &str = include_str!("../tests/golden/state-1.json");

    #[test]
    fn a_state_of_every_released_schema_is_read_and_unknown_fields_survive() {
        let state: State = serde_json::from_str(FIRST).unwrap();
        assert_eq!(
            (state.instance.as_str(), state.status),
            ("todo", Status::Running)
        );
        assert_eq!(state.rest.get("from_the_future"), Some(&Value::from(1)));
        assert!(state.to_json().contains("from_the_future"));
    }
}
