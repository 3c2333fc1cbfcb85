//! The list of everything in a bundle. It is the first entry of the archive, and no file that is not listed, or not as
//! listed, is accepted.

use std::collections::HashSet;

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::name::BundleName;

/// The manifest's own path in the archive and in the unpacked directory.
pub const PATH: &str = "manifest.json";
/// The schema this program writes and the newest it reads.
pub const SCHEMA: u32 = 1;
/// The most bytes of a manifest: 4,096 files at under 256 bytes each.
pub const LIMIT: u64 = 1024 * 1024;
/// The most files of a bundle; a release has about fifty.
pub const MAX_FILES: usize = 4096;
/// The most bytes of all files of a bundle together; a release has about ten million. It bounds what a
/// decompression bomb can write.
pub const MAX_TOTAL: u64 = 1024 * 1024 * 1024;
/// The longest path. With it every path fits the plain tar header, which knows no extensions.
const MAX_PATH: usize = 100;

/// The content of `manifest.json`. Unknown fields are ignored, so later releases can add some.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`SCHEMA`] or lower.
    pub schema: u32,
    /// The release.
    pub version: Version,
    /// The machines it runs on, such as `x86_64-linux`.
    pub target: String,
    /// Every file but the manifest itself.
    pub files: Vec<FileEntry>,
}

/// One file of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Relative, with `/` between its parts.
    pub path: String,
    /// In bytes.
    pub size: u64,
    /// Whether it can be executed.
    pub mode: Mode,
    /// Of its content.
    pub sha256: Digest,
}

/// The permissions a bundle can give. Owner and group are always root's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// Programs.
    #[serde(rename = "0755")]
    Executable,
    /// Everything else.
    #[serde(rename = "0644")]
    Plain,
}

impl Mode {
    /// The permission bits.
    pub fn bits(self) -> u32 {
        match self {
            Self::Executable => 0o755,
            Self::Plain => 0o644,
        }
    }
}

/// Why a manifest is refused.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not JSON, or a field missing or of the wrong kind.
    #[error("its manifest cannot be read: {0}")]
    Malformed(String),
    /// Written for later programs.
    #[error("its manifest has schema {0}, this program reads {SCHEMA} at most")]
    Schema(u32),
    /// The archive holds another release than its name says.
    #[error("its manifest is of {0}")]
    OtherRelease(String),
    /// A path that leaves the directory, is not plain, or is the manifest's own.
    #[error("its manifest names the path `{0}`, which is not allowed")]
    Path(String),
    /// A path listed twice, or as file and as directory.
    #[error("its manifest lists `{0}` more than once")]
    Twice(String),
    /// More files or bytes than a release can have.
    #[error("its manifest lists {files} files of {bytes} bytes, more than a release can have")]
    TooMuch {
        /// How many files.
        files: usize,
        /// Of all files together, or the first sum over the limit.
        bytes: u64,
    },
}

impl Manifest {
    /// Reads the manifest of the bundle called `name`.
    pub fn parse(bytes: &[u8], name: &BundleName) -> Result<Self, ManifestError> {
        let manifest: Self = serde_json::from_slice(bytes)
            .map_err(|error| ManifestError::Malformed(error.to_string()))?;
        manifest.validate()?;
        let own = manifest.name();
        if own != *name {
            return Err(ManifestError::OtherRelease(own.to_string()));
        }
        Ok(manifest)
    }

    /// The name of the bundle this is the manifest of.
    pub fn name(&self) -> BundleName {
        BundleName {
            version: self.version.clone(),
            target: self.target.clone(),
        }
    }

    /// Whether the manifest keeps all limits. The packer checks with this too, so it never makes what is refused here.
    pub fn validate(&self) -> Result<(), ManifestError> {
        if self.schema > SCHEMA {
            return Err(ManifestError::Schema(self.schema));
        }
        let bytes = self.total();
        if self.files.len() > MAX_FILES || bytes > MAX_TOTAL {
            return Err(ManifestError::TooMuch {
                files: self.files.len(),
                bytes,
            });
        }
        self.validate_paths()
    }

    /// The bytes of all files together; saturates.
    pub fn total(&self) -> u64 {
        self.files
            .iter()
            .fold(0, |sum, file| file.size.saturating_add(sum))
    }

    fn validate_paths(&self) -> Result<(), ManifestError> {
        let mut files = HashSet::new();
        for FileEntry { path, .. } in &self.files {
            if !is_plain_path(path) || path == PATH {
                return Err(ManifestError::Path(path.clone()));
            }
            if !files.insert(path.as_str()) {
                return Err(ManifestError::Twice(path.clone()));
            }
        }
        let below_a_file = |path: &str| {
            path.match_indices('/')
                .any(|(at, _)| files.contains(path.split_at(at).0))
        };
        match self.files.iter().find(|file| below_a_file(&file.path)) {
            Some(file) => Err(ManifestError::Twice(file.path.clone())),
            None => Ok(()),
        }
    }
}

/// Relative, without `.` and `..`, of letters, digits and `._-+@` only, so that no path means anything else anywhere.
fn is_plain_path(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+@".contains(&byte);
    path.len() <= MAX_PATH
        && path
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != ".." && part.bytes().all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str, size: u64) -> FileEntry {
        FileEntry {
            path: path.to_owned(),
            size,
            mode: Mode::Plain,
            sha256: Digest::of(b""),
        }
    }

    fn manifest(files: Vec<FileEntry>) -> Manifest {
        Manifest {
            schema: 1,
            version: Version::new(0, 2, 0),
            target: "x86_64-linux".to_owned(),
            files,
        }
    }

    #[test]
    fn comes_back_as_written() {
        let written = manifest(vec![
            entry("bin/homeport", 3),
            entry("units/homeport-cutover@.service", 0),
        ]);
        let bytes = serde_json::to_vec(&written).unwrap();
        assert_eq!(Manifest::parse(&bytes, &written.name()).unwrap(), written);
        let other = BundleName {
            version: Version::new(0, 1, 0),
            ..written.name()
        };
        assert!(matches!(
            Manifest::parse(&bytes, &other),
            Err(ManifestError::OtherRelease(_))
        ));
    }

    #[test]
    fn refuses_paths_that_could_leave_the_directory() {
        let long = "a".repeat(101);
        for path in [
            "",
            "/etc/passwd",
            "../x",
            "a/../../x",
            "a/./b",
            "a//b",
            "a/",
            "a\\b",
            "a b",
            "é",
            "a\0",
            PATH,
            &long,
        ] {
            assert!(
                matches!(
                    manifest(vec![entry(path, 1)]).validate(),
                    Err(ManifestError::Path(_))
                ),
                "{path}"
            );
        }
    }

    #[test]
    fn refuses_a_path_listed_twice_or_as_file_and_directory() {
        for paths in [["a/b", "a/b"], ["a", "a/b"], ["a/b/c", "a"]] {
            let files = paths.iter().map(|path| entry(path, 1)).collect();
            assert!(
                matches!(manifest(files).validate(), Err(ManifestError::Twice(_))),
                "{paths:?}"
            );
        }
        manifest(vec![entry("a", 1), entry("ab/c", 1), entry("a-b", 1)])
            .validate()
            .unwrap();
    }

    #[test]
    fn refuses_more_than_a_release_can_have() {
        for files in [
            vec![entry("a", MAX_TOTAL + 1)],
            vec![entry("a", u64::MAX), entry("b", u64::MAX)],
            (0..=MAX_FILES).map(|n| entry(&n.to_string(), 0)).collect(),
        ] {
            assert!(matches!(
                manifest(files).validate(),
                Err(ManifestError::TooMuch { .. })
            ));
        }
    }

    #[test]
    fn cut_or_changed_manifests_never_panic() {
        let written = manifest(vec![entry("bin/homeport", 3)]);
        let bytes = serde_json::to_vec(&written).unwrap();
        for at in 0..bytes.len() {
            assert!(Manifest::parse(&bytes[..at], &written.name()).is_err());
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                let _ = Manifest::parse(&changed, &written.name());
            }
        }
    }
}
