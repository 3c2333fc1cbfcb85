//! Chooses what the administrator left open: storage and template. Only reads facts; preflight asks the same functions
//! whether there is anything to choose from.

use crate::report::Finding;
use crate::settings::Settings;
use crate::target::{HostFacts, StorageSeen, StorageState};
use crate::verbs::preflight::no_storage;
use crate::verbs::template::{self, Template};

/// What was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// Storage of the root file system.
    pub storage: String,
    /// Template to make the guest of.
    pub template: Template,
}

/// What a storage must be allowed to hold, in Proxmox's words.
const CONTAINERS: &str = "rootdir";
pub(super) const TEMPLATES: &str = "vztmpl";

/// A root file system grows into its disk; this much must be there at once: system, packages, one release.
const AT_ONCE_GB: u64 = 2;

/// Chooses; an error if nothing can be chosen, as preflight says it.
pub fn choose(facts: &HostFacts, settings: &Settings) -> Result<Chosen, Finding> {
    let wanted = &settings.proxmox;
    let disk_gb = settings.resources.disk_size_gb.into();
    Ok(Chosen {
        storage: storage(facts, wanted.storage.as_deref(), disk_gb)?
            .name
            .clone(),
        template: template::choose(facts, wanted.template.as_deref())?,
    })
}

/// The storage for a root file system of this size: the one that is named, or the fitting one with most room.
pub fn storage<'a>(
    facts: &'a HostFacts,
    named: Option<&str>,
    disk_gb: u64,
) -> Result<&'a StorageSeen, Finding> {
    let fitting = facts
        .storages
        .iter()
        .filter(|storage| usable(storage, CONTAINERS))
        .filter(|storage| named.is_none_or(|name| storage.name == name));
    let Some(found) = fitting.max_by_key(|storage| storage.available) else {
        let (found, remedy) = unusable(facts, named, CONTAINERS, "containers");
        let expected = "an active storage that may hold containers".to_owned();
        return Err(no_storage(expected, found, remedy));
    };
    let needed_gb = at_once_gb(found, disk_gb);
    match found.available {
        Some(bytes) if bytes >> 30 < needed_gb => Err(no_storage(
            format!("{} MiB of room on it", needed_gb << 10),
            format!("storage `{}` has {} MiB free", found.name, bytes >> 20),
            "Free some room, or take another storage with `--storage`: `pvesm status --content rootdir`"
                .to_owned(),
        )),
        _ => Ok(found),
    }
}

/// A thick volume takes its whole size, any other grows into it.
fn at_once_gb(storage: &StorageSeen, disk_gb: u64) -> u64 {
    match storage.kind.as_str() {
        "lvm" => disk_gb.max(AT_ONCE_GB),
        _ => AT_ONCE_GB,
    }
}

pub(super) fn usable(storage: &StorageSeen, content: &str) -> bool {
    storage.state == StorageState::Active && storage.contents.contains(content)
}

/// Why there is no storage for this content – the one that is named, or any –, and what makes it one.
pub(super) fn unusable(
    facts: &HostFacts,
    named: Option<&str>,
    content: &str,
    what: &str,
) -> (String, String) {
    let Some(name) = named else {
        let active = |storage: &&StorageSeen| storage.state == StorageState::Active;
        let remedy = facts.storages.iter().find(active).map_or_else(
            || "See why no storage is active: `pvesm status`".to_owned(),
            |storage| allowing(storage, content),
        );
        let found = format!("no active storage of this host may hold {what}");
        return (found, remedy);
    };
    let Some(storage) = facts.storages.iter().find(|storage| storage.name == name) else {
        let found = format!("there is no storage `{name}`");
        return (found, "See which there are: `pvesm status`".to_owned());
    };
    match storage.state {
        StorageState::Active => (
            format!("storage `{name}` may not hold {what}"),
            allowing(storage, content),
        ),
        StorageState::Inactive => (
            format!("storage `{name}` does not answer"),
            format!("See why: `pvesm status --storage {name}`"),
        ),
        StorageState::Disabled => (
            format!("storage `{name}` is switched off"),
            format!("Switch it on: `pvesm set {name} --disable 0`"),
        ),
        StorageState::Elsewhere => (
            format!("storage `{name}` is for other nodes only"),
            format!(
                "Take another, or let it serve this node, too: `pvesm set {name} --delete nodes`"
            ),
        ),
    }
}

/// The command that lets a storage hold something more.
fn allowing(storage: &StorageSeen, content: &str) -> String {
    let mut contents = storage.contents.clone();
    contents.insert(content.to_owned());
    let list = Vec::from_iter(contents).join(",");
    format!("Allow it: `pvesm set {} --content {list}`", storage.name)
}
