//! A storage that is full, or becomes full while a container is made on it: creating may say it did well, and the file
//! system inside is ruined.

use std::thread;
use std::time::{Duration, Instant};

use homeport_engine::op::Op;
use homeport_engine::run::{Executor, FaultKind};
use rustix::fs::statvfs;
use tempfile::TempDir;

use crate::lab::{Mine, apply, apply_with, call, proxmox};

/// By then the file system was made and its files are being written, bytes.
const WRITTEN: u64 = 100 << 20;

/// What is left of the storage then, bytes.
const LEFT: u64 = 16 << 20;

/// A directory storage of so many MiB.
struct Small {
    name: String,
    at: TempDir,
}

impl Small {
    fn new(name: &str, mib: u32) -> Small {
        let at = tempfile::tempdir().unwrap();
        let path = at.path().display().to_string();
        let size = format!("size={mib}m,mode=755");
        // Container disks are mounted for ids that are nobody's on the host.
        assert!(call(&["chmod", "755", &path]).0);
        assert!(call(&["mount", "-t", "tmpfs", "-o", &size, "tmpfs", &path]).0);
        let added = call(&[
            "pvesm",
            "add",
            "dir",
            name,
            "--path",
            &path,
            "--content",
            "rootdir",
        ]);
        assert!(added.0, "{}", added.1);
        Small {
            name: name.to_owned(),
            at,
        }
    }

    /// Leaves it no more than some MiB as soon as a root file system is being written to it.
    fn fill(&self) -> thread::JoinHandle<()> {
        let at = self.at.path().to_owned();
        thread::spawn(move || {
            let used = || {
                let found = statvfs(&at).unwrap();
                (found.f_blocks - found.f_bfree) * found.f_frsize
            };
            let until = Instant::now() + Duration::from_secs(20);
            while used() < WRITTEN && Instant::now() < until {
                thread::sleep(Duration::from_millis(5));
            }
            // At once, however busy the machine is. What was written meanwhile may be more than is left: once more, then.
            let shrunk = || {
                let size = format!("remount,size={}", used() + LEFT);
                call(&["mount", "-o", &size, &at.display().to_string()]).0
            };
            assert!((0..20).any(|_| shrunk()), "it could not be made smaller");
        })
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        call(&["pvesm", "remove", &self.name]);
        call(&["umount", "-l", &self.at.path().display().to_string()]);
    }
}

#[test]
fn a_storage_without_room_is_refused_before_anything_is_made() {
    let mut mine = Mine::new(9515);
    let small = Small::new("tiny9515", 512);
    mine.spec.identity.storage.clone_from(&small.name);
    let (result, noted) = apply(&mut proxmox(), &mine.create());
    let fault = result.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Resources);
    assert!(
        fault.why.contains("512 MiB free, needed are 2048 MiB"),
        "{fault}"
    );
    assert!(noted.child.is_none() && mine.config().is_none());
}

#[test]
fn a_storage_that_fills_up_meanwhile_is_a_fault_and_everything_is_taken_back() {
    let mut mine = Mine::new(9541);
    let small = Small::new("filling9541", 2300);
    mine.spec.identity.storage.clone_from(&small.name);
    let mut filler = None;
    let (result, noted) = apply_with(&mut proxmox(), &mine.create(), &mut |_| {
        filler = Some(small.fill())
    });
    filler.unwrap().join().unwrap();
    let fault = result.unwrap_err();
    println!("{fault}");
    assert_eq!(fault.kind, FaultKind::Resources, "{fault:?}");
    proxmox()
        .undo(&Op::RemoveGuest(mine.guest()), noted.child.as_ref())
        .unwrap();
    assert_eq!(mine.remains(), [""; 0]);
    let listed = call(&["pvesm", "list", &small.name]).1;
    assert_eq!(listed.lines().count(), 1, "{listed}");
}
