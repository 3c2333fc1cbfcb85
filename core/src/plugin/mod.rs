//! Plugins as core sees them: files that are verified, processes that are confined, and questions they answer.
//! Core never maps a plugin into itself and knows none by name; what they are for is in their manifests.

pub mod child;
mod confine;
mod error;
mod frame;
mod host;
mod library;
mod manifest;
mod process;
mod registry;
mod trust;

pub use confine::Confinement;
pub use error::PluginError;
pub use host::{Host, Plugin};
pub use library::Library;
pub use registry::{Inspected, Listed, Registry};
pub use trust::{Trust, TrustedBy};
