//! Reads what Proxmox's files and programs say. Every function here is total: any bytes give a value or a reason.

mod config;
mod json;
mod storage_cfg;
mod text;

pub(super) use config::GuestConfig;
pub(super) use json::{Resource, members, resources, templates};
pub(super) use storage_cfg::{StorageConfig, storages};
pub(super) use text::{available, id_range, option, packages, template, volumes};

/// Why an answer is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the answer is not {expected}: {why}")]
pub(super) struct Malformed {
    /// What it should have been.
    pub(super) expected: &'static str,
    /// What is wrong with it.
    pub(super) why: String,
}

#[cfg(test)]
mod fuzz_tests;
#[cfg(test)]
mod tests;
