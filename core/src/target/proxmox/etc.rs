//! `/etc/pve`, the cluster's own file system, read as files: instant and the same on every node, where the programs cost
//! a second each, see this node only and lag (rule 9). Never written to.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use homeport_engine::run::{Fault, FaultKind};

use super::parse::{self, GuestConfig, StorageConfig};
use crate::target::GuestKind;

/// The directory.
pub(super) struct Etc {
    root: PathBuf,
}

/// A guest's configuration and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Located {
    /// Node the guest lives on.
    pub(super) node: String,
    /// What it is.
    pub(super) kind: GuestKind,
    /// Its configuration.
    pub(super) config: GuestConfig,
}

/// The directories of both kinds of guests below that of a node.
const KINDS: [(&str, GuestKind); 2] = [
    ("lxc", GuestKind::Container),
    ("qemu-server", GuestKind::Machine),
];

impl Etc {
    /// The directory at its place.
    pub(super) fn new() -> Etc {
        Etc::at(Path::new("/etc/pve"))
    }

    /// The directory elsewhere, for tests.
    pub(super) fn at(root: &Path) -> Etc {
        Etc {
            root: root.to_owned(),
        }
    }

    /// Whether the cluster file system is there: only it has this link.
    pub(super) fn mounted(&self) -> bool {
        fs::symlink_metadata(self.root.join("local")).is_ok_and(|found| found.is_symlink())
    }

    /// Whether the cluster lets this node change anything, and the nodes with their presence. The cluster file system
    /// says so twice: in its list of members, and by taking the right to write off its own links.
    pub(super) fn cluster(&self) -> Result<(bool, BTreeMap<String, bool>), Fault> {
        let (quorate, mut nodes) = match self.file(".members")? {
            Some(bytes) => parse::members(bytes.as_bytes()).map_err(malformed)?,
            // Without a list of members a node that has a cluster is not to be trusted with changes.
            None => (self.file("corosync.conf")?.is_none(), BTreeMap::new()),
        };
        for node in self.nodes()? {
            nodes.entry(node).or_insert(true);
        }
        let link = fs::symlink_metadata(self.root.join("local"));
        let writable = link.is_ok_and(|link| link.permissions().mode() & 0o200 != 0);
        Ok((quorate && writable, nodes))
    }

    /// Every guest of every node by id.
    pub(super) fn guests(&self) -> Result<BTreeMap<u32, Located>, Fault> {
        let mut found = BTreeMap::new();
        for node in self.nodes()? {
            for (directory, kind) in KINDS {
                for name in self.names(&format!("nodes/{node}/{directory}"))? {
                    let id = name.strip_suffix(".conf").and_then(|id| id.parse().ok());
                    if let Some(id) = id
                        && let Some(config) = self.config(&node, directory, id)?
                    {
                        let node = node.clone();
                        found.insert(id, Located { node, kind, config });
                    }
                }
            }
        }
        Ok(found)
    }

    /// The guest with this id, wherever it lives.
    pub(super) fn locate(&self, id: u32) -> Result<Option<Located>, Fault> {
        for node in self.nodes()? {
            for (directory, kind) in KINDS {
                if let Some(config) = self.config(&node, directory, id)? {
                    return Ok(Some(Located { node, kind, config }));
                }
            }
        }
        Ok(None)
    }

    /// The configured storages.
    pub(super) fn storages(&self) -> Result<Vec<StorageConfig>, Fault> {
        Ok(parse::storages(
            &self.file("storage.cfg")?.unwrap_or_default(),
        ))
    }

    /// The options of the whole cluster.
    pub(super) fn datacenter(&self) -> Result<String, Fault> {
        Ok(self.file("datacenter.cfg")?.unwrap_or_default())
    }

    fn nodes(&self) -> Result<Vec<String>, Fault> {
        self.names("nodes")
    }

    fn config(&self, node: &str, directory: &str, id: u32) -> Result<Option<GuestConfig>, Fault> {
        let file = self.file(&format!("nodes/{node}/{directory}/{id}.conf"))?;
        Ok(file.as_deref().map(GuestConfig::read))
    }

    /// Names in a directory, sorted; none if there is no such directory.
    fn names(&self, directory: &str) -> Result<Vec<String>, Fault> {
        let path = self.root.join(directory);
        let entries = match fs::read_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|error| unreadable(&path, &error))?,
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> = names.collect();
        names.sort();
        Ok(names)
    }

    fn file(&self, name: &str) -> Result<Option<String>, Fault> {
        let path = self.root.join(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unreadable(&path, &error)),
        }
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Fault {
    let why = format!("`{}` cannot be read: {error}", path.display());
    Fault::new(FaultKind::Resources, why).with_remedy(
        "See whether Proxmox's cluster file system works: systemctl status pve-cluster",
    )
}

fn malformed(error: parse::Malformed) -> Fault {
    Fault::new(FaultKind::Failed, format!("`/etc/pve/.members`: {error}")).with_remedy(
        "See whether Proxmox's cluster file system works: systemctl status pve-cluster",
    )
}

#[cfg(test)]
pub(super) mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A node `pve` with these files below it.
    pub(in crate::target::proxmox) fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("nodes/pve/lxc")).unwrap();
        symlink("nodes/pve", dir.path().join("local")).unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        dir
    }

    #[test]
    fn rule_9_ids_are_looked_up_cluster_wide_and_virtual_machines_count() {
        let dir = tree(&[
            ("nodes/pve/lxc/101.conf", "hostname: web\ntags: x\n"),
            ("nodes/pve/qemu-server/102.conf", "name: vm\n"),
            ("nodes/other/lxc/103.conf", "hostname: far\n"),
            ("nodes/other/lxc/103.conf.tmp.7", "hostname: torn\n"),
        ]);
        let etc = Etc::at(dir.path());
        assert!(etc.mounted());
        assert_eq!(
            etc.guests().unwrap().into_keys().collect::<Vec<_>>(),
            [101, 102, 103]
        );
        let found = |id| {
            etc.locate(id)
                .unwrap()
                .map(|found| (found.node, found.kind))
        };
        assert_eq!(found(101), Some(("pve".to_owned(), GuestKind::Container)));
        assert_eq!(found(102), Some(("pve".to_owned(), GuestKind::Machine)));
        assert_eq!(found(103), Some(("other".to_owned(), GuestKind::Container)));
        assert_eq!(found(104), None);
    }

    #[test]
    fn quorum_needs_the_list_of_members_where_there_is_a_cluster() {
        let quorate = |files: &[(&str, &str)]| Etc::at(tree(files).path()).cluster().unwrap().0;
        assert!(quorate(&[]));
        assert!(!quorate(&[("corosync.conf", "totem {}")]));
        assert!(quorate(&[(
            ".members",
            r#"{"nodename":"pve","version":1}"#
        )]));
        assert!(!quorate(&[(".members", r#"{"cluster":{"quorate":0}}"#)]));
        let damaged = tree(&[(".members", "{")]);
        assert!(Etc::at(damaged.path()).cluster().is_err());
        assert!(!Etc::at(Path::new("/nonexistent")).mounted());
    }
}
