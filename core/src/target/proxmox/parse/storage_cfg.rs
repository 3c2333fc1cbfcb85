//! `/etc/pve/storage.cfg`: which storages there are, what they may hold, and where those made of files keep them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::text::words;

/// One storage as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::target::proxmox) struct StorageConfig {
    /// Its name.
    pub(in crate::target::proxmox) name: String,
    /// Its type.
    pub(in crate::target::proxmox) kind: String,
    keys: BTreeMap<String, String>,
}

/// Storage types made of files that keep no `path` of their own are mounted below `/mnt/pve`.
const MOUNTED: [&str; 4] = ["nfs", "cifs", "cephfs", "glusterfs"];

/// Reads the file. A storage `local` exists even where the file does not name it.
pub(in crate::target::proxmox) fn storages(file: &str) -> Vec<StorageConfig> {
    let mut found: Vec<StorageConfig> = Vec::new();
    for line in file.lines().filter(|line| !line.starts_with('#')) {
        if line.starts_with([' ', '\t']) {
            let mut parts = line.trim().splitn(2, char::is_whitespace);
            if let (Some(storage), Some(key)) = (found.last_mut(), parts.next()) {
                let value = parts.next().unwrap_or("1").trim();
                storage.keys.insert(key.to_owned(), value.to_owned());
            }
        } else if let Some((kind, name)) = line.split_once(':') {
            found.push(StorageConfig::new(name.trim(), kind.trim(), &[]));
        }
    }
    if !found.iter().any(|storage| storage.name == "local") {
        let keys = [
            ("path", "/var/lib/vz"),
            ("content", "backup,images,iso,rootdir,snippets,vztmpl"),
        ];
        found.push(StorageConfig::new("local", "dir", &keys));
    }
    found
}

impl StorageConfig {
    fn new(name: &str, kind: &str, keys: &[(&str, &str)]) -> StorageConfig {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        StorageConfig {
            name: name.to_owned(),
            kind: kind.to_owned(),
            keys: keys.iter().map(owned).collect(),
        }
    }

    /// What it may hold. Its order means nothing.
    pub(in crate::target::proxmox) fn contents(&self) -> BTreeSet<String> {
        words(
            self.keys
                .get("content")
                .map_or("images,rootdir", String::as_str),
        )
    }

    /// Whether an administrator has switched it off.
    pub(in crate::target::proxmox) fn disabled(&self) -> bool {
        self.keys
            .get("disable")
            .is_some_and(|value| !matches!(value.as_str(), "0" | "no" | "off" | "false"))
    }

    /// Whether it is meant for this node.
    pub(in crate::target::proxmox) fn serves(&self, node: &str) -> bool {
        let nodes = self.keys.get("nodes").map(|list| words(list));
        nodes.is_none_or(|nodes| nodes.is_empty() || nodes.contains(node))
    }

    /// Whether its files are this node's alone.
    pub(in crate::target::proxmox) fn local(&self) -> bool {
        self.kind == "dir" && !self.keys.contains_key("shared")
    }

    /// Directory of its files, if it is made of files.
    pub(in crate::target::proxmox) fn path(&self) -> Option<PathBuf> {
        let mounted = || {
            MOUNTED
                .contains(&self.kind.as_str())
                .then(|| PathBuf::from("/mnt/pve").join(&self.name))
        };
        self.keys.get("path").map(PathBuf::from).or_else(mounted)
    }

    /// Directory of its templates, if it may hold any.
    pub(in crate::target::proxmox) fn templates(&self) -> Option<PathBuf> {
        let path = self.path().filter(|_| self.contents().contains("vztmpl"))?;
        let moved = self.keys.get("content-dirs").and_then(|list| {
            let mut pairs = list.split(',').filter_map(|pair| pair.split_once('='));
            pairs.find(|(content, _)| content.trim() == "vztmpl")
        });
        Some(path.join(moved.map_or("template/cache", |(_, at)| {
            at.trim().trim_start_matches('/')
        })))
    }
}
