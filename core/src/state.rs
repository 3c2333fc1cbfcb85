//! What is kept about an instance: its state in the guest, which is the truth, and the host's registry, a cache of it.
//! Both carry a schema number; fields a reader does not know survive.

use homeport_engine::op::GuestIdentity;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::settings::{Color, Settings};

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
    /// Slot in service.
    pub active_colour: Color,
    /// Rises at each Commit; the data carries the same number.
    pub epoch: u64,
    /// Generation of the database in service.
    pub generation: u64,
    /// Address people open.
    pub url: String,
    /// Version of Homeport that wrote this.
    pub homeport: String,
    /// Id, verb and Unix time of the last operation.
    pub last_operation: Value,
    /// Fields of a newer Homeport.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
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
    /// Fields of a newer Homeport.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl Registered {
    /// The entry of a deployment.
    pub fn new(settings: &Settings, guest: &GuestIdentity, version: &str) -> Registered {
        Registered {
            schema: SCHEMA,
            instance: guest.instance.clone(),
            app: settings.app.clone(),
            guest: guest.id.clone(),
            tag: guest.tag.clone(),
            storage: guest.storage.clone(),
            version: version.to_owned(),
            url: settings.public_url(),
            address: settings.network.ip_address.address().to_string(),
            rest: Map::new(),
        }
    }

    /// As the registry's file holds it.
    pub fn to_json(&self) -> String {
        pretty(self)
    }
}

impl State {
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
