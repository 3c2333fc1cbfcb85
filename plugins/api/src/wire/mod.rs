//! The messages that cross the door, as JSON. These are contracts: fields are added (optional), never changed or
//! removed; who does not know a field ignores it. Never core's own types, so that core may change.

pub mod conversation;
pub mod database;
pub mod health;
pub mod proxy;
pub mod refusal;
pub mod schema;
pub mod step;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use self::{refusal::Refusal, schema::Schema};

/// The version every message carries. It rises only if the meaning of something existing must change.
pub const WIRE: u32 = 1;

/// What was learnt so far, by name.
pub type Facts = Map<String, Value>;

/// What a plugin is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Keeps an app's tables.
    Database,
    /// Stands before an app.
    Proxy,
    /// Says how an app is.
    Health,
}

/// What a plugin says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`WIRE`] of the crate it was built with.
    pub wire: u32,
    /// What it is for.
    pub kind: Kind,
    /// What users type; unique within its kind.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// One line.
    #[serde(default)]
    pub summary: String,
    /// The methods it knows; no other is ever called.
    pub methods: Vec<String>,
    /// The purposes it can plan for; no other is ever asked.
    #[serde(default)]
    pub purposes: Vec<String>,
    /// The settings an administrator may give it.
    #[serde(default)]
    pub settings: Schema,
}

/// One request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Call {
    /// [`WIRE`].
    pub wire: u32,
    /// One of the manifest's `methods`.
    pub method: String,
    /// The method's request type as JSON.
    #[serde(default)]
    pub params: Value,
}

/// The answer to a request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reply<A> {
    /// [`WIRE`].
    pub wire: u32,
    /// The method's answer type.
    pub answer: A,
}

/// The answer "no".
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Refused {
    /// [`WIRE`].
    pub wire: u32,
    /// Why.
    pub refusal: Refusal,
}

impl Refused {
    /// Wraps a refusal.
    pub fn new(refusal: Refusal) -> Self {
        Self {
            wire: WIRE,
            refusal,
        }
    }

    /// As JSON. Total: a struct of strings cannot fail to be written.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// A request type: which method it asks and what comes back.
pub trait Request: Serialize {
    /// The method's name on the wire.
    const METHOD: &'static str;
    /// What a reply holds.
    type Answer: Serialize + DeserializeOwned;

    /// The purpose it is about, if its method is asked for several.
    fn purpose(&self) -> Option<&'static str> {
        None
    }
}
