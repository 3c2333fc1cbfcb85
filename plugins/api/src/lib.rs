//! What a Homeport plugin is built on: plain traits to implement, the messages that cross, and the frozen door.
//! Never does anything to a machine: a plugin computes, Homeport acts.
//!
//! An author implements [`Database`], [`Proxy`] or [`Health`] on a unit struct and writes
//! `export_plugin!(MyPlugin: Database);` in a crate of type `cdylib`. `plugins/README.md` is the guide.

pub mod abi;
pub mod export;
pub mod load;

pub mod wire;

mod database;
mod health;
mod paste;
mod proxy;
mod serve;

pub mod conformance;

pub use database::{Compared, Database, DatabaseDoor};
pub use health::{Health, HealthDoor};
pub use paste::pasted;
pub use proxy::{Proxy, ProxyDoor};
pub use serve::{About, Serve};
pub use wire::refusal::{Answer, Refusal};

/// The guide's example is compiled and keeps the contract.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Guide;
