//! Chooses what the administrator left open: storage and template. Only reads facts; preflight asks the same functions
//! whether there is anything to choose from.

use homeport_engine::op::Op;

use crate::error::Error;
use crate::plan::deploy::Carry;
use crate::report::Finding;
use crate::settings::Settings;
use crate::target::{HostFacts, StorageSeen, StorageState, TemplateSeen};
use crate::verbs::preflight::{no_storage, no_template};

/// What was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// Storage of the root file system.
    pub storage: String,
    /// Template to make the guest of.
    pub template: Template,
}

/// A template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// In the platform's own notation.
    pub volume: String,
    /// What makes it available, if it is not.
    pub ensure: Option<Op>,
}

/// Distribution of the guests.
const OS: &str = "debian";

/// What a storage must be allowed to hold, in Proxmox's words.
const CONTAINERS: &str = "rootdir";
const TEMPLATES: &str = "vztmpl";

/// Debian's releases that Proxmox has templates of.
const CODENAMES: [(&str, &str); 3] = [("11", "bullseye"), ("12", "bookworm"), ("13", "trixie")];

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
        template: template(facts, wanted.template.as_deref())?,
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

fn usable(storage: &StorageSeen, content: &str) -> bool {
    storage.state == StorageState::Active && storage.contents.contains(content)
}

/// Why there is no storage for this content – the one that is named, or any –, and what makes it one.
fn unusable(facts: &HostFacts, named: Option<&str>, content: &str, what: &str) -> (String, String) {
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

/// The template that is named, or the newest fitting Debian: one that lies here before a newer point release that would
/// have to be downloaded.
pub fn template(facts: &HostFacts, named: Option<&str>) -> Result<Template, Finding> {
    if let Some(named) = named {
        return Ok(Template {
            volume: named.to_owned(),
            ensure: None,
        });
    }
    let newest = newest(facts);
    let here = newest
        .iter()
        .find_map(|found| Some((&found.name, found.stores.first()?)));
    if let Some((name, store)) = here {
        return Ok(Template {
            volume: volume(store, name),
            ensure: None,
        });
    }
    let Some(listed) = newest.into_iter().find(|template| template.listed) else {
        return Err(no_template(
            "none is here, and none is in the list of those that can be downloaded",
            "Read the list again: `pveam update; pveam available --section system`".to_owned(),
        ));
    };
    downloaded(facts, listed)
}

/// All templates of the newest fitting release, newest first.
fn newest(facts: &HostFacts) -> Vec<&TemplateSeen> {
    let fitting = || {
        let all = facts.templates.iter();
        all.filter(|template| template.os == OS && template.fits)
    };
    let release = |template: &TemplateSeen| template.version.first().copied();
    let newest = fitting().map(release).max().flatten();
    fitting()
        .filter(|template| release(template) == newest)
        .collect()
}

/// The template, once it has been downloaded to the storage with most room.
fn downloaded(facts: &HostFacts, template: &TemplateSeen) -> Result<Template, Finding> {
    let stores = facts
        .storages
        .iter()
        .filter(|storage| usable(storage, TEMPLATES));
    let Some(store) = stores.max_by_key(|storage| storage.available) else {
        let (found, remedy) = unusable(facts, None, TEMPLATES, "templates");
        return Err(no_template(&found, remedy));
    };
    let (storage, name) = (store.name.clone(), template.name.clone());
    Ok(Template {
        volume: volume(&storage, &name),
        ensure: Some(Op::EnsureTemplate { storage, name }),
    })
}

/// Code name of the Debian a template is made of; `None`: not known, and the template's own package sources stay.
fn codename(volume: &str) -> Option<&'static str> {
    let name = volume.rsplit('/').next()?;
    let release = name
        .strip_prefix("debian-")?
        .split(['-', '.', '_'])
        .next()?;
    CODENAMES
        .iter()
        .find(|(number, _)| *number == release)
        .map(|(_, name)| *name)
}

fn volume(storage: &str, name: &str) -> String {
    format!("{storage}:vztmpl/{name}")
}

/// What of the host's surroundings a guest needs. Plans are journalled: an address with a password is none for them.
pub fn carry(facts: &HostFacts, template: &Template) -> Result<Carry, Error> {
    let around = &facts.surroundings;
    let http_proxy = around.proxies.http.clone();
    if http_proxy
        .as_ref()
        .is_some_and(|address| address.contains('@'))
    {
        let why = "the host's HTTP proxy asks for a password, which cannot be carried into a container yet";
        return Err(Error::host(
            why,
            "Let this host use the proxy without a password, or none.",
        ));
    }
    Ok(Carry {
        authorities: around.authorities.clone(),
        http_proxy,
        package_sources: codename(&template.volume).and_then(|name| around.package_sources(name)),
    })
}
