//! Opens a bundle without unpacking it: what it holds, whether that is what its manifest says, and who signed it.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use homeport_bootstrap::digest::Digest;
use homeport_bootstrap::manifest::Manifest;
use homeport_bootstrap::name::BundleName;
use homeport_bootstrap::trust::{Key, SIGNATURE_LIMIT};
use homeport_bootstrap::unpack;
use schemars::JsonSchema;
use serde::Serialize;

use super::BundleError;
use super::error::at;
use super::sign::beside;

/// What is known of a bundle on disk.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Inspection {
    /// Its name.
    pub name: String,
    /// In bytes, packed.
    pub size: u64,
    /// Of the packed file.
    #[schemars(with = "String")]
    pub sha256: Digest,
    /// Whether its signature has been verified. If not, everything else is only what the file says of itself.
    pub verified: bool,
    /// What it holds; every file has been compared with it.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub manifest: Manifest,
}

/// Opens the bundle at `path` and compares every file with the manifest. Does not look at the signature: for a
/// publisher's own eyes, not for deciding whether to trust the bundle.
pub fn inspect(path: &Path) -> Result<Inspection, BundleError> {
    let name = BundleName::of(path)?;
    let file = File::open(path).map_err(at(path))?;
    open(path, &name, file, false)
}

/// Like [`inspect`], after the signature beside the bundle has held for exactly this name and version.
pub fn verify(path: &Path, key: &Key) -> Result<Inspection, BundleError> {
    let name = BundleName::of(path)?;
    let mut signature = Vec::new();
    let beside = beside(path);
    let opened = File::open(&beside).map_err(at(&beside))?;
    opened
        .take(SIGNATURE_LIMIT)
        .read_to_end(&mut signature)
        .map_err(at(&beside))?;
    let mut file = File::open(path).map_err(at(path))?;
    key.verify(&mut file, &signature, &name.trusted_comment())
        .map_err(|source| BundleError::Trust {
            path: path.to_owned(),
            source,
        })?;
    open(path, &name, file, true)
}

fn open(
    path: &Path,
    name: &BundleName,
    mut file: File,
    verified: bool,
) -> Result<Inspection, BundleError> {
    let (sha256, size) = file
        .rewind()
        .and_then(|()| Digest::of_reader(&file))
        .map_err(at(path))?;
    file.rewind().map_err(at(path))?;
    let manifest = unpack::check(file, name).map_err(|source| BundleError::Content {
        path: path.to_owned(),
        source,
    })?;
    Ok(Inspection {
        name: name.to_string(),
        size,
        sha256,
        verified,
        manifest,
    })
}
