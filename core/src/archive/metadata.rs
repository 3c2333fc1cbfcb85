//! What an archive says of itself: `metadata.json`, its last member.

use std::collections::{BTreeMap, BTreeSet};

use homeport_bootstrap::digest::Digest;
use serde::{Deserialize, Serialize};

use super::ArchiveError;

/// Name of the member.
pub const METADATA: &str = "metadata.json";

/// Format this program writes; it reads this and every lower one.
pub const FORMAT: u32 = 1;

/// What must be known of every archive. A commit may be empty: prebuilt releases need not name one.
pub const ABOUT: [&str; 8] = [
    "instance",
    "app",
    "version",
    "commit",
    "database",
    "host",
    "trigger",
    "active_colour",
];

/// Largest `metadata.json` that is read, bytes: a million files with names of usual length.
pub(super) const SIZE_LIMIT: u64 = 256 << 20;

/// Content of `metadata.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// [`FORMAT`] of whoever wrote it.
    pub format: u32,
    /// When it was written, e.g. `2026-11-21T09:05:00Z`.
    pub created: String,
    /// Where it comes from: the fields of [`ABOUT`] and any others, such as counted rows.
    pub about: BTreeMap<String, String>,
    /// Every regular file but this one, by name.
    pub files: BTreeMap<String, FileEntry>,
    /// Every directory, by name.
    pub directories: BTreeSet<String>,
    /// Bytes of all files together.
    pub bytes: u64,
}

/// One file of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its content.
    pub sha256: Digest,
}

impl Metadata {
    /// Nothing yet, from there.
    pub(super) fn new(
        about: &BTreeMap<String, String>,
        created: String,
    ) -> Result<Metadata, ArchiveError> {
        complete(about)?;
        Ok(Metadata {
            format: FORMAT,
            created,
            about: about.clone(),
            files: BTreeMap::new(),
            directories: BTreeSet::new(),
            bytes: 0,
        })
    }

    /// Reads it. Total.
    pub(super) fn parse(text: &[u8]) -> Result<Metadata, ArchiveError> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let damaged =
            |error: serde_json::Error| ArchiveError::Damaged(format!("{METADATA}: {error}"));
        let Version { format } = serde_json::from_slice(text).map_err(damaged)?;
        if format > FORMAT {
            return Err(ArchiveError::Newer { found: format });
        }
        let metadata: Metadata = serde_json::from_slice(text).map_err(damaged)?;
        complete(&metadata.about)?;
        Ok(metadata)
    }
}

fn complete(about: &BTreeMap<String, String>) -> Result<(), ArchiveError> {
    let missing = ABOUT.into_iter().find(|key| !about.contains_key(*key));
    missing.map_or(Ok(()), |key| Err(ArchiveError::About(key)))
}
