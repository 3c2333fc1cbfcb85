//! Plans and drives everything Homeport does to a machine.

pub mod archive;
pub mod bundle;
pub mod cli;
pub mod command;
pub mod error;
pub mod lock;
pub mod log;
pub mod places;
pub mod plan;
pub mod plugin;
pub mod program;
pub mod recipe;
pub mod refs;
pub mod report;
pub mod settings;
pub mod source;
pub mod state;
pub mod sums;
pub mod target;
pub mod verbs;
pub mod wizard;
mod yaml;

#[cfg(test)]
mod fuzz_tests;
