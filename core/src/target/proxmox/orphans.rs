//! Finds pieces of guests that belong to none: volumes, mounts, loop devices, half-made containers, broken downloads.
//! Looks only: whether a piece may go is for its owner to say.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use homeport_engine::run::Fault;

use super::Proxmox;
use super::argv;
use super::etc::Located;
use super::host::OnStop;
use super::leftover;
use super::parse::{self, StorageConfig};
use crate::target::{GuestKind, Orphan};

/// A cluster with an unreachable storage takes its time.
const LOOK_SECONDS: u64 = 60;

/// What a storage may hold that belongs to a guest.
const GUESTS: [&str; 2] = ["rootdir", "images"];

impl Proxmox {
    /// All of them. One call for each storage that may hold volumes of guests.
    pub(super) fn all_orphans(&mut self) -> Result<Vec<Orphan>, Fault> {
        let guests = self.etc.guests()?;
        let storages = self.etc.storages()?;
        let usable = |storage: &&StorageConfig| !storage.disabled() && storage.serves(&self.node);
        let usable: Vec<&StorageConfig> = storages.iter().filter(usable).collect();
        let mut found = half_made(&self.node, &guests);
        found.extend(held(&guests)?);
        found.extend(usable.iter().flat_map(|storage| broken_downloads(storage)));
        let of_guests = |storage: &&&StorageConfig| {
            let contents = storage.contents();
            GUESTS.iter().any(|content| contents.contains(*content))
        };
        for storage in usable.iter().filter(of_guests) {
            let argv = argv::all_volumes(&storage.name);
            let end = self.host.must(argv, LOOK_SECONDS, OnStop::End)?;
            let volumes = parse::volumes(&end.text());
            found.extend(
                volumes
                    .iter()
                    .filter_map(|volume| ownerless(volume, &guests)),
            );
        }
        Ok(found)
    }
}

/// Containers of this node of which nothing is there but the lock they were made under.
fn half_made(node: &str, guests: &BTreeMap<u32, Located>) -> Vec<Orphan> {
    let hollow = guests.iter().filter(|(_, found)| {
        found.node == node && found.kind == GuestKind::Container && found.config.hollow()
    });
    let orphan = |(id, _): (&u32, &Located)| Orphan {
        what: format!("container {id} is half-made: its creation was broken off, or is going on"),
        remedy: format!(
            "If the task list shows no creation: `pct unlock {id}; pct destroy {id} --purge`"
        ),
    };
    hollow.map(orphan).collect()
}

/// Mounts and loop devices of guests that are not there.
fn held(guests: &BTreeMap<u32, Located>) -> Result<Vec<Orphan>, Fault> {
    let gone = |id: &u32| !guests.contains_key(id);
    let mounts = leftover::mounts()?
        .into_iter()
        .filter(gone)
        .map(|id| Orphan {
            what: format!(
                "the root file system of guest {id} is mounted, but there is no such guest"
            ),
            remedy: format!("`umount /var/lib/lxc/{id}/rootfs`"),
        });
    let loops = leftover::loops()?;
    let loops = loops.into_iter().filter(|(id, _)| gone(id));
    let loops = loops.map(|(id, device)| Orphan {
        what: format!("{device} holds a disk of guest {id}, but there is no such guest"),
        remedy: format!("`losetup -d {device}`"),
    });
    Ok(mounts.chain(loops).collect())
}

/// A volume whose name says whose it is, and there is no such guest in the cluster.
fn ownerless(volume: &str, guests: &BTreeMap<u32, Located>) -> Option<Orphan> {
    let id = owner(volume).filter(|id| !guests.contains_key(id))?;
    Some(Orphan {
        what: format!("volume `{volume}` belongs to guest {id}, but there is no such guest"),
        remedy: format!("If nobody needs what is in it: `pvesm free {volume}`"),
    })
}

/// The id in `STORAGE:[ID/]vm-ID-disk-0…`, `…subvol-ID-disk-0`, `…base-ID-disk-0`.
fn owner(volume: &str) -> Option<u32> {
    let (_, path) = volume.split_once(':')?;
    let name = path.rsplit('/').next()?;
    let mut parts = name.split('-');
    let known = matches!(parts.next()?, "vm" | "subvol" | "base" | "basevol");
    parts.next()?.parse().ok().filter(|_| known)
}

/// Downloads of templates that ended before they were whole: `NAME.tmp_dwnl.PID` of a process that is gone.
fn broken_downloads(storage: &StorageConfig) -> Vec<Orphan> {
    let directory = storage.templates();
    let entries = directory.iter().flat_map(fs::read_dir).flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let stale = paths.filter(|path| downloader(path).is_some_and(|pid| !runs(pid)));
    stale.map(|path| broken_download(&path)).collect()
}

fn broken_download(path: &Path) -> Orphan {
    let path = path.display();
    Orphan {
        what: format!("`{path}` is the beginning of a download that was broken off"),
        remedy: format!("`rm {path}`"),
    }
}

fn downloader(path: &Path) -> Option<u32> {
    let name = path.file_name()?.to_str()?;
    name.rsplit_once(".tmp_dwnl.")?.1.parse().ok()
}

fn runs(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::proxmox::etc::{Etc, tests::tree};

    #[test]
    fn a_volume_is_an_orphan_when_no_guest_of_the_cluster_has_its_id() {
        let dir = tree(&[
            ("nodes/far/qemu-server/102.conf", "name: vm\n"),
            ("nodes/pve/lxc/103.conf", "lock: create\n"),
            ("nodes/far/lxc/104.conf", "lock: create\n"),
        ]);
        let guests = Etc::at(dir.path()).guests().unwrap();
        let orphan = |volume| ownerless(volume, &guests).map(|orphan| orphan.remedy);
        for kept in [
            "a:102/vm-102-disk-0.raw",
            "a:iso/vm.iso",
            "a:vm-x-disk-0",
            "b",
        ] {
            assert_eq!(orphan(kept), None, "{kept}");
        }
        for (gone, free) in [
            (
                "dir:101/vm-101-disk-0.raw",
                "`pvesm free dir:101/vm-101-disk-0.raw`",
            ),
            ("thin:vm-101-disk-1", "`pvesm free thin:vm-101-disk-1`"),
            (
                "zfs:subvol-101-disk-0",
                "`pvesm free zfs:subvol-101-disk-0`",
            ),
        ] {
            assert!(orphan(gone).unwrap().ends_with(free));
        }
        let half = half_made("pve", &guests);
        assert_eq!(half.len(), 1);
        assert!(
            half[0]
                .remedy
                .ends_with("`pct unlock 103; pct destroy 103 --purge`")
        );
    }

    #[test]
    fn a_download_is_broken_when_its_process_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let cache = dir.path().join("template/cache");
        fs::create_dir_all(&cache).unwrap();
        let own = format!("a.tar.zst.tmp_dwnl.{}", std::process::id());
        for name in ["a.tar.zst", "b.tar.zst.tmp_dwnl.4194999", &own] {
            fs::write(cache.join(name), "").unwrap();
        }
        let text = format!(
            "dir: d\n\tpath {}\n\tcontent vztmpl\n",
            dir.path().display()
        );
        let storages = parse::storages(&text);
        let found = broken_downloads(&storages[0]);
        assert_eq!(found.len(), 1);
        assert!(found[0].remedy.contains("b.tar.zst.tmp_dwnl.4194999"));
    }
}
