//! Makes a container, and trusts neither its own plan nor what the program says of it: what there is before and after
//! counts (rules 1, 5, 6).

use homeport_engine::op::GuestSpec;
use homeport_engine::run::{Fault, FaultKind, Hands};

use super::Proxmox;
use super::argv;
use super::fault::{lied, refused};
use super::guest::{Waiting, is_ours, vmid};
use super::host::{OnStop, fault, title};
use super::parse;
use crate::target::free;

/// A template of 200 MB on a slow disk takes two minutes.
const CREATE_SECONDS: u64 = 1200;

/// Time for a look.
const LOOK_SECONDS: u64 = 60;

/// Least room on a storage made of files for a container to be begun, bytes: a Debian with an app is larger than this.
const ROOM_BEFORE: u64 = 2 << 30;

/// Least room afterwards, bytes. With less, part of the image may never have reached the disk, though creating it
/// succeeded: the image is sparse, and a full disk shows only in the kernel's log.
const ROOM_AFTER: u64 = 64 << 20;

impl Proxmox {
    /// Ensures the guest.
    pub(super) fn ensure_guest(&mut self, spec: &GuestSpec, hands: Hands<'_>) -> Result<(), Fault> {
        let id = vmid(&spec.identity)?;
        storable(spec)?;
        match self.etc.locate(id)? {
            Some(found) if is_ours(&found, &spec.identity) => {
                return self
                    .ours_unlocked(&spec.identity, Waiting::of(hands))
                    .map(|_| ());
            }
            Some(found) => return Err(taken(id, &found.node)),
            None => {}
        }
        self.nothing_left_of(id, spec)?;
        self.room(spec, ROOM_BEFORE)?;
        let argv = argv::create(id, spec);
        let title = title(&argv);
        let end = self.host.recorded(argv, CREATE_SECONDS, hands.child)?;
        if !end.ok() {
            return Err(refused(&title, &end));
        }
        match self.ours(&spec.identity) {
            Ok((_, config)) if config.lock().is_none() => self.room(spec, ROOM_AFTER),
            Ok(_) => Err(lied(&title, "the container is still locked", &end)),
            Err(_) => Err(lied(&title, "the container is not there", &end)),
        }
    }

    /// No volume of an earlier guest with this id is left on the storage. Once this is sure and the creation is written
    /// down, whatever volume of this id is found there without a guest is the creation's own.
    fn nothing_left_of(&mut self, id: u32, spec: &GuestSpec) -> Result<(), Fault> {
        let storage = &spec.identity.storage;
        let argv = argv::volumes(storage, id);
        let found = self.host.must(argv, LOOK_SECONDS, OnStop::End)?;
        let volumes = parse::volumes(&found.text());
        if volumes.is_empty() {
            return Ok(());
        }
        let why = format!(
            "storage `{storage}` still holds {} of an earlier guest {id}",
            volumes.join(", ")
        );
        let fault = Fault::new(FaultKind::NotOurs, why);
        Err(volumes.iter().fold(fault, |fault, volume| {
            fault.with_remedy(format!(
                "If nobody needs it, remove it: pvesm free {volume}"
            ))
        }))
    }

    /// Room on a storage made of files. Others refuse by themselves when they are full.
    fn room(&self, spec: &GuestSpec, needed: u64) -> Result<(), Fault> {
        let name = &spec.identity.storage;
        let storages = self.etc.storages()?;
        let storage = storages.iter().find(|storage| storage.name == *name);
        let Some(path) = storage.and_then(|storage| storage.path()) else {
            return Ok(());
        };
        let free = free(&path).map_err(|error| {
            let why = format!("the room on storage `{name}` cannot be told: {error}");
            Fault::new(FaultKind::Resources, why)
                .with_remedy("See whether the storage is there: pvesm status")
        })?;
        if free >= needed {
            return Ok(());
        }
        let why = format!(
            "storage `{name}` has {} MiB free, needed are {} MiB",
            free >> 20,
            needed >> 20
        );
        Err(Fault::new(FaultKind::Resources, why).with_remedy(format!(
            "Make room below {} or choose another storage: pvesm status",
            path.display()
        )))
    }
}

/// Proxmox stores tags in a form of its own; one that does not survive that would make the guest unrecognisable.
fn storable(spec: &GuestSpec) -> Result<(), Fault> {
    let valid = |tag: &&String| {
        let first = tag
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        first
            && tag
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_.+-".contains(&byte))
    };
    let mut tags = spec.tags.iter().chain([&spec.identity.tag]);
    match tags.find(|tag| !valid(tag)) {
        None => Ok(()),
        Some(tag) => fault(FaultKind::Failed, format!("`{tag}` cannot be a tag")),
    }
}

fn taken(id: u32, node: &str) -> Fault {
    Fault::new(
        FaultKind::NotOurs,
        format!("id {id} was taken meanwhile, on node `{node}`"),
    )
    .with_remedy("Run the same command again: it takes the next free id")
}
