//! The settings of a deployment: one table drives flags, environment, YAML file, checks and texts alike.
//!
//! Reading order: [`model`] (what they are) → `fields` (the table) → `schema` (what recipe and plugins add) → `sources`
//! and `yaml` (what was given) → `resolve` (which wins, is it valid) → `write` and `json` (the file in the guest,
//! and its schema for editors) → `edit` (one value of a file that people wrote).
//! Nothing here looks at a machine; only [`ConfigFile::read`] opens a file.

mod check;
mod cidr;
mod cidr6;
mod cross;
mod edit;
mod error;
mod fields;
mod json;
mod kind;
mod model;
mod resolve;
mod schema;
mod sources;
mod write;
mod yaml;

#[cfg(test)]
mod tests;

pub use cidr::Cidr;
pub use cidr6::Cidr6;
pub use edit::{EditError, assign, edit};
pub use error::{Finding, Origin, SettingsError};
pub use json::json_schema;
pub use model::{
    Admin, Backup, Color, Component, Database, Deployment, Frontend, Git, Network, Presence,
    Proxmox, Registration, Resources, SCHEMA, Services, Settings, Source, SourceKind,
    ToolchainSource,
};
pub use resolve::{from_yaml, resolve, values};
pub use schema::{AppSetting, ComponentDefaults, DatabaseDefaults, Defaults, Floors};
pub use sources::{ConfigFile, Sources};
pub use write::{Pages, to_yaml};

pub(crate) use check::instance_id;
pub(crate) use fields::{FIELDS, Field, Need};
pub(crate) use kind::Kind;
pub(crate) use resolve::answered;
pub(crate) use schema::{Schema, nearest};
