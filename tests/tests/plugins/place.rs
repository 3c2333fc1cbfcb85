//! Where the built files are, and a private plugin directory for each test.

use std::{
    collections::BTreeMap,
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use homeport_bootstrap::digest::Digest;
use homeport_core::plugin::{Host, Library, Plugin, PluginError, Trust};
use homeport_plugin_api::wire::conversation::Packages;
use serde_json::json;
use tempfile::TempDir;

/// The directory with `homeport` and `plugins/`.
pub fn built() -> PathBuf {
    let directory = env::var_os("HOMEPORT_BIN_DIR")
        .expect("HOMEPORT_BIN_DIR names the directory of built files");
    PathBuf::from(directory)
}

/// A plugin that ships.
pub fn shipped(name: &str) -> PathBuf {
    built().join("plugins").join(format!("{name}.so"))
}

/// A plugin made for these tests; cargo builds it beside them.
pub fn fixture(name: &str) -> PathBuf {
    let tests = env::current_exe().unwrap();
    tests.with_file_name(format!("libhomeport_{name}.so"))
}

/// A host that uses the built `homeport`.
pub fn host() -> Host {
    Host::default().with_program(&built().join("homeport"))
}

/// A private directory with a copy of one plugin in it.
pub struct Place {
    directory: TempDir,
    file: PathBuf,
}

impl Place {
    pub fn with(plugin: &Path) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let place = Self {
            file: directory.path().join(plugin.file_name().unwrap()),
            directory,
        };
        mode(place.directory(), 0o755);
        place.write(&fs::read(plugin).unwrap_or_else(|e| panic!("{}: {e}", plugin.display())));
        place
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Gives the plugin's file other content.
    pub fn write(&self, bytes: &[u8]) {
        fs::write(&self.file, bytes).unwrap();
        mode(&self.file, 0o644);
    }

    /// Vouches for the file as it is now.
    pub fn trust(&self) -> Trust {
        let name = self
            .file
            .file_name()
            .unwrap()
            .to_string_lossy()
            .into_owned();
        Trust::release(BTreeMap::from([(
            name,
            Digest::of(&fs::read(&self.file).unwrap()),
        )]))
    }

    /// Starts the file as it is now.
    pub fn start(&self) -> Result<Plugin, PluginError> {
        self.start_by(&host())
    }

    pub fn start_by(&self, host: &Host) -> Result<Plugin, PluginError> {
        host.start(Library::verified(&self.file, &self.trust())?)
    }
}

/// A plugin that misbehaves on request, waited for no longer than this.
pub fn bad_within(patience: Duration) -> Plugin {
    Place::with(&fixture("bad_plugin"))
        .start_by(&host().with_patience(patience))
        .unwrap()
}

/// The same, with time enough for a busy machine.
pub fn bad() -> Plugin {
    bad_within(Duration::from_secs(20))
}

/// Asks the plugin that misbehaves to do so.
pub fn misbehave(plugin: &mut Plugin, how: &str) -> Result<Vec<String>, PluginError> {
    let settings = json!({"do": how}).as_object().unwrap().clone();
    plugin.call(&Packages { settings })
}

pub fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
