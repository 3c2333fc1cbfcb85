//! Which plugins there are. Finds files, asks each who it is, and hands one out by kind and name.
//! One that cannot be used is listed with its reason and disturbs no other.

use std::path::{Path, PathBuf};

use homeport_plugin_api::wire::{Kind, Manifest};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Confinement, Host, Library, Plugin, PluginError, Trust, TrustedBy, trust::files_in};

/// The plugins of some directories, each running or with the reason why not.
pub struct Registry {
    entries: Vec<Entry>,
}

struct Entry {
    path: PathBuf,
    plugin: Result<Plugin, PluginError>,
}

impl Registry {
    /// Looks through `directories`, in this order, for `*.so` and starts every plugin it may.
    ///
    /// # Errors
    /// A directory cannot be read or others than root can write to it.
    pub fn scan(host: &Host, directories: &[PathBuf], trust: &Trust) -> Result<Self, PluginError> {
        let mut entries = Vec::new();
        for directory in directories {
            entries.extend(
                files_in(directory, "so")?
                    .into_iter()
                    .map(|path| entry(host, path, trust)),
            );
        }
        Ok(Self { entries })
    }

    /// Takes out the plugin of this kind and name; of several the one found first.
    ///
    /// # Errors
    /// There is none; the names there are come with the error.
    pub fn take(&mut self, kind: Kind, name: &str) -> Result<Plugin, PluginError> {
        let is_it = |entry: &Entry| {
            let plugin = entry.plugin.as_ref();
            plugin.is_ok_and(|plugin| is(plugin, kind, name))
        };
        match self.entries.iter().position(is_it) {
            Some(index) => self.entries.remove(index).plugin,
            None => Err(self.unknown(kind, name)),
        }
    }

    /// Lends the usable plugin of this kind that was found first; it stays here.
    pub fn lend(&mut self, kind: Kind) -> Option<&mut Plugin> {
        self.usable().find(|plugin| plugin.manifest().kind == kind)
    }

    /// Lends the plugin of this kind and name, the one that would be taken; it stays here.
    ///
    /// # Errors
    /// There is none; the names there are come with the error.
    pub fn lend_named(&mut self, kind: Kind, name: &str) -> Result<&mut Plugin, PluginError> {
        let unknown = self.unknown(kind, name);
        let found = self.usable().find(|plugin| is(plugin, kind, name));
        found.ok_or(unknown)
    }

    fn usable(&mut self) -> impl Iterator<Item = &mut Plugin> {
        let entries = self.entries.iter_mut();
        entries.filter_map(|entry| entry.plugin.as_mut().ok())
    }

    fn unknown(&self, kind: Kind, name: &str) -> PluginError {
        PluginError::Unknown {
            kind,
            name: name.to_owned(),
            known: self.names(kind),
        }
    }

    /// The names of the usable plugins of a kind.
    pub fn names(&self, kind: Kind) -> Vec<String> {
        self.manifests(kind)
            .map(|manifest| manifest.name.clone())
            .collect()
    }

    /// What the usable plugins of a kind say of themselves.
    pub fn manifests(&self, kind: Kind) -> impl Iterator<Item = &Manifest> {
        let manifests = self
            .entries
            .iter()
            .filter_map(|entry| Some(entry.plugin.as_ref().ok()?.manifest()));
        manifests.filter(move |manifest| manifest.kind == kind)
    }

    /// What `homeport plugin list` shows.
    pub fn list(&self) -> Vec<Listed> {
        self.entries.iter().map(Entry::listed).collect()
    }

    /// What `homeport plugin inspect` shows: every plugin with this name or path.
    pub fn inspect(&self, wanted: &str) -> Vec<Inspected> {
        let found = |entry: &&Entry| {
            let name = entry
                .plugin
                .as_ref()
                .ok()
                .map(|plugin| plugin.manifest().name.as_str());
            name == Some(wanted) || entry.path == Path::new(wanted)
        };
        self.entries
            .iter()
            .filter(found)
            .map(Entry::inspected)
            .collect()
    }
}

fn is(plugin: &Plugin, kind: Kind, name: &str) -> bool {
    let manifest = plugin.manifest();
    manifest.kind == kind && manifest.name == name
}

fn entry(host: &Host, path: PathBuf, trust: &Trust) -> Entry {
    let plugin = Library::verified(&path, trust).and_then(|library| host.start(library));
    Entry { path, plugin }
}

/// One line of `homeport plugin list`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Listed {
    /// Its file.
    pub path: PathBuf,
    /// What it is for; not known of one that cannot be used.
    #[schemars(with = "Option<String>")]
    pub kind: Option<Kind>,
    /// What users type.
    pub name: Option<String>,
    /// Its own version.
    pub version: Option<String>,
    /// One line about it.
    pub summary: Option<String>,
    /// Who vouches for it.
    pub trusted_by: Option<TrustedBy>,
    /// Why it cannot be used.
    pub problem: Option<String>,
}

/// What `homeport plugin inspect` shows.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Inspected {
    /// Its file.
    pub path: PathBuf,
    /// Everything it says of itself, if it can be used.
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    pub manifest: Option<Manifest>,
    /// SHA-256 of its file.
    pub sha256: Option<String>,
    /// Who vouches for it.
    pub trusted_by: Option<TrustedBy>,
    /// What holds its process.
    pub confinement: Option<Confinement>,
    /// Why it cannot be used, and what to do.
    pub problem: Option<String>,
}

impl Entry {
    fn listed(&self) -> Listed {
        let plugin = self.plugin.as_ref().ok();
        let manifest = plugin.map(Plugin::manifest);
        Listed {
            path: self.path.clone(),
            kind: manifest.map(|m| m.kind),
            name: manifest.map(|m| m.name.clone()),
            version: manifest.map(|m| m.version.clone()),
            summary: manifest.map(|m| m.summary.clone()),
            trusted_by: plugin.map(|p| p.library().trusted_by().clone()),
            problem: self.problem(),
        }
    }

    fn inspected(&self) -> Inspected {
        let plugin = self.plugin.as_ref().ok();
        Inspected {
            path: self.path.clone(),
            manifest: plugin.map(|p| p.manifest().clone()),
            sha256: plugin.map(|p| p.library().digest().to_string()),
            trusted_by: plugin.map(|p| p.library().trusted_by().clone()),
            confinement: plugin.map(|p| p.confinement().clone()),
            problem: self.problem(),
        }
    }

    fn problem(&self) -> Option<String> {
        self.plugin
            .as_ref()
            .err()
            .map(|error| format!("{error}. {}", error.remedy()))
    }
}
