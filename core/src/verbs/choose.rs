//! Chooses what the administrator left open – storage, template – and refuses what cannot work. Only reads facts.

use homeport_engine::op::Op;

use crate::error::Error;
use crate::plan::deploy::Carry;
use crate::settings::Settings;
use crate::target::{HostFacts, StorageSeen, StorageState, TemplateSeen};
use crate::verbs::install::there;

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

/// Debian's releases that Proxmox has templates of.
const CODENAMES: [(&str, &str); 3] = [("11", "bullseye"), ("12", "bookworm"), ("13", "trixie")];

/// A root file system grows into its disk; this much must be there at once: system, packages, one release.
const AT_ONCE_GB: u64 = 2;

/// Chooses, or says what is in the way.
pub fn choose(facts: &HostFacts, settings: &Settings) -> Result<Chosen, Error> {
    host(facts)?;
    free(facts, settings)?;
    Ok(Chosen {
        storage: storage(facts, settings)?.name.clone(),
        template: template(facts, settings)?,
    })
}

fn host(facts: &HostFacts) -> Result<(), Error> {
    if !facts.root {
        return Err(Error::host(
            "Homeport must run as root",
            "Run it as root on the Proxmox host.",
        ));
    }
    if facts.platform.is_none() {
        return Err(Error::host(
            "this is not a Proxmox VE host",
            "Run it on the host itself, not in a container or VM of it.",
        ));
    }
    if !facts.quorate {
        let remedy = "Bring the other nodes back; `pvecm status` shows which are missing.";
        return Err(Error::host(
            "the cluster has no quorum, so Proxmox lets nothing be changed",
            remedy,
        ));
    }
    Ok(())
}

fn free(facts: &HostFacts, settings: &Settings) -> Result<(), Error> {
    let instance = &settings.deployment.instance_id;
    if let Some((guest, node)) = there(facts, instance) {
        return Err(Error::taken(instance, &guest, &node));
    }
    if let Some(id) = settings.proxmox.container_id.map(|id| id.to_string())
        && facts.guests.iter().any(|guest| guest.id == id)
    {
        let remedy = "Leave `container_id` out and the next free one is taken.";
        return Err(Error::conflict(
            format!("container id {id} is in use"),
            remedy,
        ));
    }
    let bridge = &settings.network.bridge;
    if !facts.bridges.iter().any(|found| found.name == *bridge) {
        let found: Vec<_> = facts
            .bridges
            .iter()
            .map(|bridge| bridge.name.as_str())
            .collect();
        return Err(Error::conflict(
            format!("there is no bridge `{bridge}` on this host"),
            format!("These are there: {}.", found.join(", ")),
        ));
    }
    let address = settings.network.ip_address.address().to_string();
    let host = facts.bridges.iter().flat_map(|bridge| &bridge.addresses);
    if host
        .clone()
        .any(|own| own.split('/').next() == Some(address.as_str()))
    {
        return Err(Error::conflict(
            format!("{address} is this host's own address"),
            "Give the instance a free address of its own.",
        ));
    }
    Ok(())
}

fn storage<'a>(facts: &'a HostFacts, settings: &Settings) -> Result<&'a StorageSeen, Error> {
    let usable = |storage: &&StorageSeen| {
        storage.state == StorageState::Active && storage.contents.contains("rootdir")
    };
    let room = |storage: &StorageSeen| {
        storage
            .available
            .is_none_or(|bytes| bytes >> 30 >= AT_ONCE_GB)
    };
    let found = match &settings.proxmox.storage {
        Some(name) => facts
            .storages
            .iter()
            .filter(usable)
            .find(|storage| storage.name == *name),
        None => facts
            .storages
            .iter()
            .filter(usable)
            .max_by_key(|storage| storage.available),
    };
    match found {
        Some(storage) if room(storage) => Ok(storage),
        Some(storage) => Err(Error::host(
            format!(
                "storage `{}` has {} MiB free, needed are {} MiB",
                storage.name,
                storage.available.unwrap_or(0) >> 20,
                AT_ONCE_GB << 10
            ),
            "Free some room, or name another storage with `--storage`.",
        )),
        None => Err(Error::host(
            match &settings.proxmox.storage {
                Some(name) => format!("storage `{name}` cannot hold containers here"),
                None => "no active storage of this host may hold containers".to_owned(),
            },
            "`pvesm set STORAGE --content rootdir,…` allows it; `pvesm status --content rootdir` shows which are allowed.",
        )),
    }
}

fn template(facts: &HostFacts, settings: &Settings) -> Result<Template, Error> {
    if let Some(volume) = &settings.proxmox.template {
        return Ok(Template {
            volume: volume.clone(),
            ensure: None,
        });
    }
    let fitting = |template: &&TemplateSeen| template.os == OS && template.fits;
    // Newest first: one that lies here is taken before a newer point release is downloaded.
    let newest = facts
        .templates
        .iter()
        .filter(fitting)
        .map(|template| template.version.first().copied())
        .max()
        .flatten();
    let of_newest = facts
        .templates
        .iter()
        .filter(fitting)
        .filter(|template| template.version.first().copied() == newest);
    if let Some((name, store)) = of_newest
        .clone()
        .find_map(|found| Some((&found.name, found.stores.first()?)))
    {
        return Ok(Template {
            volume: volume(store, name),
            ensure: None,
        });
    }
    let stores = facts.storages.iter().filter(|storage| {
        storage.state == StorageState::Active && storage.contents.contains("vztmpl")
    });
    let store = stores.max_by_key(|storage| storage.available);
    match (of_newest.clone().find(|template| template.listed), store) {
        (Some(found), Some(store)) => {
            let (storage, name) = (store.name.clone(), found.name.clone());
            Ok(Template {
                volume: volume(&storage, &name),
                ensure: Some(Op::EnsureTemplate { storage, name }),
            })
        }
        (None, _) => Err(Error::host(
            "no Debian template is here or can be downloaded",
            "`pveam update` reads the list of templates again; `pveam available --section system` shows it.",
        )),
        (_, None) => Err(Error::host(
            "no active storage of this host may hold templates",
            "`pvesm set local --content vztmpl,…` allows it.",
        )),
    }
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
