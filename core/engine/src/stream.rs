//! The tar stream between `homeport-agent archive` and the archive writer: which paths go into it, and how a stream
//! that was cut off is told from a whole one. A cut tar stream looks whole to most readers.

use serde::{Deserialize, Serialize};

/// Name of the last member of a whole stream; its content is a [`Marker`] as JSON.
pub const MARKER: &str = ".homeport-complete";

/// Longest name of a member, bytes.
pub const NAME_LIMIT: usize = 4096;

/// What is to be sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// The paths, in the order they are sent.
    pub entries: Vec<Source>,
}

/// One path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Absolute path of a file or directory in the guest. A directory is sent with all that is in it.
    pub from: String,
    /// Its name in the stream, without a leading slash.
    pub to: String,
    /// Nothing there is no error.
    #[serde(default)]
    pub optional: bool,
}

/// The last member: what came before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// Regular files.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Bytes of all files.
    pub bytes: u64,
}

/// Whether a member may have this name: relative, plain, UTF-8 by its type, not the marker's.
pub fn plain_name(name: &str) -> bool {
    let parts = || name.split('/');
    !name.is_empty()
        && name.len() <= NAME_LIMIT
        && name != MARKER
        && !name.contains('\0')
        && parts().all(|part| !part.is_empty() && part != "." && part != "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_lead_down_are_plain() {
        for name in ["a", "files/1", "a..b/...", "ü"] {
            assert!(plain_name(name), "{name}");
        }
        let long = "x".repeat(NAME_LIMIT + 1);
        for name in [
            "", "/", "/a", "a/", "a//b", "..", "a/../b", "./a", "a\0", MARKER, &long,
        ] {
            assert!(!plain_name(name), "{name}");
        }
    }
}
