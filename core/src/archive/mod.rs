//! Backup archives: `tar.gz` with the members of an agent's stream and, last, `metadata.json`; beside it `.sha256`.
//!
//! One writer and one verifier serve `--keep-data`, backup and restore. An archive gets its name only after it has been
//! read back from disk and every digest in it has held; whatever goes wrong before leaves nothing behind.

mod members;
mod metadata;
mod verify;
mod write;

use std::io;
use std::path::PathBuf;

pub use metadata::{ABOUT, FORMAT, FileEntry, METADATA, Metadata};
pub use verify::verify;
pub use write::{Summary, write};

/// Most members of an archive.
const MEMBERS_LIMIT: usize = 1_000_000;

/// Most bytes of all names together.
const NAMES_LIMIT: usize = 256 << 20;

/// Most bytes of all files together, before compression.
const CONTENT_LIMIT: u64 = 1 << 40;

/// Why an archive was not written, or is not one.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// A file could not be written or read.
    #[error("`{path}` {what}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What could not be done with it, as half a sentence.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
    /// An archive of that name is there; it is never written over.
    #[error("`{0}` is there already")]
    Exists(PathBuf),
    /// What the archive must say of itself was not given.
    #[error("an archive must say its `{0}`")]
    About(&'static str),
    /// The stream or archive ended too early or is not what its end says.
    #[error("it is not whole: {0}")]
    Incomplete(String),
    /// It cannot be read as an archive.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// A member that no archive of ours has.
    #[error("the member `{name}` is refused: {why}")]
    Member {
        /// Its name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// It holds more than is ever read.
    #[error("it is too large: {0}")]
    TooLarge(&'static str),
    /// What is in it is not what was put into it.
    #[error("the digest of `{name}` is not the one that was written down")]
    Digest {
        /// The member, or the archive itself.
        name: String,
    },
    /// It was written by a newer Homeport.
    #[error("it has format {found}, this Homeport reads up to {FORMAT}")]
    Newer {
        /// Its format.
        found: u32,
    },
}

impl ArchiveError {
    fn io(path: &std::path::Path, what: &'static str) -> impl FnOnce(io::Error) -> ArchiveError {
        let path = path.to_owned();
        move |source| ArchiveError::Io { path, what, source }
    }
}

#[cfg(test)]
mod tests;
