//! Containers of somebody else that look very much like ours, and must never be touched.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::run::call;

/// A stopped container that is not Homeport's.
pub struct Decoy {
    pub id: String,
    before: Vec<String>,
}

impl Decoy {
    /// Makes it.
    pub fn create(id: u32, hostname: &str, tags: &str) -> Decoy {
        let id = id.to_string();
        let template = template();
        let mut words = vec!["pct", "create", &id, &template, "--unprivileged", "1"];
        words.extend(["--rootfs", "local-dir:2", "--memory", "128"]);
        words.extend(["--hostname", hostname, "--tags", tags]);
        call(&words).well();
        // What the kernel has yet to write into the image would change the file's times later.
        call(&["sync"]).well();
        let before = seen(&id);
        assert_eq!(before.len(), 2);
        Decoy { id, before }
    }

    /// Neither its settings nor its disk have been touched.
    #[track_caller]
    pub fn is_untouched(&self) {
        assert_eq!(seen(&self.id), self.before, "container {}", self.id);
    }
}

impl Drop for Decoy {
    fn drop(&mut self) {
        call(&["pct", "destroy", &self.id, "--force", "1"]);
    }
}

/// A template of the lab's; a new lab's store has none yet.
fn template() -> String {
    let volume = |text: String| {
        let found = text.lines().find(|line| line.contains("debian-12"))?;
        found
            .split_whitespace()
            .find(|word| word.contains("debian-12"))
            .map(str::to_owned)
    };
    let there = || volume(call(&["pveam", "list", "local"]).well());
    there().unwrap_or_else(|| {
        let name = volume(call(&["pveam", "available", "--section", "system"]).well());
        let name = name.expect("the lab offers a template");
        call(&["pveam", "download", "local", &name]).well();
        there().expect("it was downloaded")
    })
}

/// One with the same host name and almost the same tags, one with the id beside the one that will be taken.
pub fn lookalikes(name: &str) -> [Decoy; 2] {
    let tags = format!("homeport;hp-app-vikunja;hp-id-{name}2;hp-op-00");
    let beside = Decoy::create(unused(free_id() + 1), "neighbour", "homeport");
    let alike = Decoy::create(unused(free_id() + 5), name, &tags);
    [alike, beside]
}

/// The first id from this one on that no container has.
fn unused(from: u32) -> u32 {
    let taken = |id: &u32| Path::new(&format!("/etc/pve/lxc/{id}.conf")).exists();
    (from..).find(|id| !taken(id)).expect("ids do not end")
}

/// An id that is free, as is the one after it.
pub fn free_id() -> u32 {
    let text = call(&["pvesh", "get", "/cluster/nextid"]).well();
    text.trim().trim_matches('"').parse().unwrap()
}

/// The container's settings, and the size and times of its disk.
fn seen(id: &str) -> Vec<String> {
    let settings = fs::read_to_string(format!("/etc/pve/lxc/{id}.conf"));
    let images = PathBuf::from(format!("/var/lib/homeport-lab/local-dir/images/{id}"));
    let disks = fs::read_dir(images).into_iter().flatten().flatten();
    let disks = disks.map(|entry| {
        let seen = entry.metadata().unwrap();
        let path = entry.path().display().to_string();
        format!(
            "{path} {} {} {}",
            seen.ino(),
            seen.size(),
            seen.mtime_nsec()
        )
    });
    settings.into_iter().chain(disks).collect()
}
