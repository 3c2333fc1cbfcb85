//! Who vouches for a plugin: the signed release it came with, or an author whose key the administrator trusts.
//! There is no third way, and no flag that makes one.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use homeport_bootstrap::{
    digest::Digest,
    trust::{Key, SIGNATURE_LIMIT, TrustError},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    PluginError,
    library::{file_name, only_root_writes, read_owned},
};

/// Who vouches for a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrustedBy {
    /// The signed manifest of this Homeport release.
    Release,
    /// The author with this key: its file name in the directory of trusted keys.
    Key(String),
}

/// Everyone who may vouch.
#[derive(Default)]
pub struct Trust {
    digests: BTreeMap<String, Digest>,
    keys: Vec<(String, Key)>,
}

impl Trust {
    /// Trusts what a signed manifest names: file name to digest.
    pub fn release(digests: BTreeMap<String, Digest>) -> Self {
        Self {
            digests,
            keys: Vec::new(),
        }
    }

    /// Trusts also the authors whose `*.pub` files the administrator has put into `directory`. No such directory means
    /// no such authors.
    ///
    /// # Errors
    /// A key that cannot be read or used: an administrator who put it there wants to know.
    pub fn and_keys_in(mut self, directory: &Path) -> Result<Self, PluginError> {
        for path in files_in(directory, "pub")? {
            let bytes = read_owned(&path, SIGNATURE_LIMIT)?;
            let key = Key::parse(&String::from_utf8_lossy(&bytes));
            let key = key.map_err(|why| PluginError::BadSignature {
                path: path.clone(),
                why,
            })?;
            self.keys.push((file_name(&path), key));
        }
        Ok(self)
    }

    /// Who vouches for `bytes`, read from `path`. A file the release names is never saved by a signature.
    pub(crate) fn vouches(
        &self,
        path: &Path,
        bytes: &[u8],
        found: Digest,
    ) -> Result<TrustedBy, PluginError> {
        match self.digests.get(&file_name(path)) {
            Some(expected) if *expected == found => Ok(TrustedBy::Release),
            Some(&expected) => Err(PluginError::Tampered {
                path: path.to_owned(),
                found,
                expected,
            }),
            None => self.signed(path, bytes),
        }
    }

    /// The signature is `<file>.minisig`; its trusted comment names the file, so it cannot be put beside another.
    fn signed(&self, path: &Path, bytes: &[u8]) -> Result<TrustedBy, PluginError> {
        let beside = PathBuf::from(format!("{}.minisig", path.display()));
        if !beside.exists() {
            return Err(PluginError::Unvouched {
                path: path.to_owned(),
            });
        }
        let signature = read_owned(&beside, SIGNATURE_LIMIT)?;
        let comment = format!("homeport-plugin {}", file_name(path));
        let mut why = TrustError::NoKey;
        for (name, key) in &self.keys {
            match key.verify(&mut &*bytes, &signature, &comment) {
                Ok(()) => return Ok(TrustedBy::Key(name.clone())),
                Err(other) => why = other,
            }
        }
        Err(PluginError::BadSignature {
            path: path.to_owned(),
            why,
        })
    }
}

/// The files in a directory that only root can write to, by extension and in the order of their names.
pub(crate) fn files_in(directory: &Path, extension: &str) -> Result<Vec<PathBuf>, PluginError> {
    let unreadable = |source| PluginError::Unreadable {
        path: directory.to_owned(),
        source,
    };
    let metadata = match fs::metadata(directory) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        metadata => metadata.map_err(unreadable)?,
    };
    only_root_writes(directory, &metadata)?;
    let entries = fs::read_dir(directory)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(unreadable)?;
    let paths = entries.into_iter().map(|entry| entry.path());
    let mut files: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|ext| ext == extension))
        .collect();
    files.sort();
    Ok(files)
}
