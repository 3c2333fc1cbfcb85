//! Where the built files are, and a private plugin directory for each test.

use std::{
    collections::BTreeMap,
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use homeport_bootstrap::digest::Digest;
use homeport_core::plugin::{Host, Library, Plugin, PluginError, Trust};
use tempfile::TempDir;

/// The directory with `homeport` and `plugins/`.
pub fn built() -> PathBuf {
    let directory = env::var_os("HOMEPORT_BIN_DIR").expect("HOMEPORT_BIN_DIR names the directory of built files");
    PathBuf::from(directory)
}

/// A host that uses the built `homeport`.
pub fn host() -> Host {
    Host::default().with_program(&built().join("homeport"))
}

/// A private directory with a copy of one built plugin.
pub struct Place {
    /// The directory.
    pub directory: TempDir,
    /// The copy.
    pub file: PathBuf,
}

impl Place {
    pub fn with(name: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let file = directory.path().join(name);
        fs::copy(built().join("plugins").join(name), &file).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        Self { directory, file }
    }

    /// Vouches for the file as it is now.
    pub fn trust(&self) -> Trust {
        vouch_for(&self.file)
    }

    pub fn start(&self) -> Result<Plugin, PluginError> {
        host().start(Library::verified(&self.file, &self.trust())?)
    }
}

/// Vouches for a file as it is now.
pub fn vouch_for(file: &Path) -> Trust {
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    Trust::release(BTreeMap::from([(name, Digest::of(&fs::read(file).unwrap()))]))
}
