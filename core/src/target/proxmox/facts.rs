//! Gathers what is known of the host, in at most three calls; whatever a file tells costs none.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use homeport_engine::run::{Fault, unix_now};

use super::Proxmox;
use super::alive;
use super::argv::{self, Argv};
use super::etc::Located;
use super::fault::lied;
use super::host::{OnStop, title};
use super::parse::{self, Resource, StorageConfig};
use crate::target::machine::{bridges, free, memory_mb, overlay};
use crate::target::{
    CpuSeen, GuestKind, GuestSeen, GuestStatus, HostFacts, NodeSeen, Platform, StorageSeen,
    StorageState, Surroundings, TemplateSeen, codename,
};

/// A cluster with an unreachable storage takes its time.
const LOOK_SECONDS: u64 = 60;

/// Two servers, the second of which some sites cannot reach.
const RENEW_SECONDS: u64 = 120;

impl Proxmox {
    /// Everything.
    pub(super) fn gather(&mut self) -> Result<HostFacts, Fault> {
        let (memory_total_mb, memory_available_mb) = memory_mb();
        let mut facts = HostFacts {
            node: self.node.clone(),
            root: rustix::process::geteuid().is_root(),
            cpus: std::thread::available_parallelism()
                .map_or(1, |count| u32::try_from(count.get()).unwrap_or(u32::MAX)),
            memory_total_mb,
            memory_available_mb,
            overlay: overlay(),
            clock: unix_now(),
            ..HostFacts::default()
        };
        if !facts.root || !self.etc.mounted() {
            return Ok(facts);
        }
        facts.bridges = bridges()?;
        let datacenter = self.etc.datacenter()?;
        facts.surroundings = surroundings(&datacenter)?;
        self.of_platform(&mut facts, &datacenter)?;
        Ok(facts)
    }

    fn of_platform(&mut self, facts: &mut HostFacts, datacenter: &str) -> Result<(), Fault> {
        let answer = self.answer(argv::versions())?;
        let packages = parse::packages(&String::from_utf8_lossy(&answer));
        let version = packages.get("pve-manager").cloned();
        facts.platform = version.map(|version| Platform {
            name: "Proxmox VE",
            version,
        });
        let (quorate, nodes) = self.etc.cluster()?;
        facts.quorate = quorate;
        facts.nodes = nodes
            .into_iter()
            .map(|(name, online)| NodeSeen { name, online })
            .collect();
        let resources = self.resources()?;
        let located = self.etc.guests()?;
        facts.free_id = free_ids(datacenter, &located, &resources)
            .next()
            .map(|id| id.to_string());
        facts.guests = guests(&self.node, located, &resources, &alive::running()?);
        let storages = self.etc.storages()?;
        facts.storages = storages
            .iter()
            .map(|storage| seen(storage, &self.node, &resources))
            .collect();
        self.packages = packages;
        self.look_for_templates(facts)
    }

    /// Templates that lie here and those to be had. A list that cannot be read is an empty one: what lies here may do.
    fn look_for_templates(&mut self, facts: &mut HostFacts) -> Result<(), Fault> {
        let end = self
            .host
            .ask(argv::available(), LOOK_SECONDS, OnStop::End)?;
        let listed = match end.ok() {
            true => parse::available(&end.text()),
            false => Vec::new(),
        };
        let present = present(&self.etc.storages()?, &facts.storages);
        facts.templates = templates(&present, &listed, &self.packages);
        Ok(())
    }

    /// Renews the list of templates; the reason if that failed, which only the program's own words tell (rule 1).
    pub(super) fn renew(&mut self, facts: &mut HostFacts) -> Result<Option<String>, Fault> {
        let argv = argv::update_index();
        let end = self.host.ask(argv, RENEW_SECONDS, OnStop::End)?;
        let done = end.ok() && end.text().contains("update successful");
        let why = match end.last_lines(1).pop() {
            Some(line) => line.trim().to_owned(),
            None => "`pveam update` said nothing".to_owned(),
        };
        self.look_for_templates(facts)?;
        Ok((!done).then_some(why))
    }

    /// The guests of all nodes.
    pub(super) fn all_guests(&mut self) -> Result<Vec<GuestSeen>, Fault> {
        let resources = self.resources()?;
        Ok(guests(
            &self.node,
            self.etc.guests()?,
            &resources,
            &alive::running()?,
        ))
    }

    /// Ids nobody uses, ascending. Asks no program: configurations are there before anything else is.
    pub(super) fn unused_ids(&self) -> Result<impl Iterator<Item = u32> + use<>, Fault> {
        Ok(free_ids(&self.etc.datacenter()?, &self.etc.guests()?, &[]))
    }

    fn resources(&mut self) -> Result<Vec<Resource>, Fault> {
        let argv = argv::resources();
        let title = title(&argv);
        let end = self.host.must(argv, LOOK_SECONDS, OnStop::End)?;
        parse::resources(&end.stdout).map_err(|error| lied(&title, &error.to_string(), &end))
    }

    fn answer(&mut self, argv: Argv) -> Result<Vec<u8>, Fault> {
        Ok(self.host.must(argv, LOOK_SECONDS, OnStop::End)?.stdout)
    }
}

/// How this host reaches the world; the platform's own proxy stands in the options of the whole cluster.
pub(super) fn surroundings(datacenter: &str) -> Result<Surroundings, Fault> {
    Surroundings::gather(parse::option(datacenter, "http_proxy").unwrap_or_default())
}

/// The administrator's range without what is in use. A guest that only the resource list knows counts as well.
fn free_ids(
    datacenter: &str,
    located: &BTreeMap<u32, Located>,
    resources: &[Resource],
) -> impl Iterator<Item = u32> + use<> {
    let (lower, upper) = parse::id_range(datacenter);
    let listed = resources
        .iter()
        .filter_map(|resource| resource.name.parse().ok());
    let used: BTreeSet<u32> = located.keys().copied().chain(listed).collect();
    (lower..upper).filter(move |id| !used.contains(id))
}

/// What the configurations say, which are always up to date. The status of this node's containers is the kernel's; that
/// of others is the cluster's list's, which lags (rule 9).
fn guests(
    node: &str,
    located: BTreeMap<u32, Located>,
    resources: &[Resource],
    running: &BTreeSet<u32>,
) -> Vec<GuestSeen> {
    let is_guest = |resource: &&Resource| matches!(resource.kind.as_str(), "lxc" | "qemu");
    let listed = resources
        .iter()
        .filter(is_guest)
        .map(|resource| (resource.name.as_str(), resource));
    let listed: BTreeMap<&str, &Resource> = listed.collect();
    let seen = |(number, found): (u32, Located)| {
        let id = number.to_string();
        let container_here = found.node == node && found.kind == GuestKind::Container;
        let status = listed
            .get(id.as_str())
            .and_then(|resource| resource.status.as_deref());
        GuestSeen {
            cpu: listed.get(id.as_str()).and_then(|resource| cpu(resource)),
            here: found.node == node,
            kind: found.kind,
            name: found.config.name().map(str::to_owned),
            tags: found.config.tags(),
            status: match status {
                _ if container_here && running.contains(&number) => GuestStatus::Running,
                _ if container_here => GuestStatus::Stopped,
                Some("running") => GuestStatus::Running,
                Some("stopped") => GuestStatus::Stopped,
                _ => GuestStatus::Unknown,
            },
            lock: found.config.lock().map(str::to_owned),
            storage: found.config.storage().map(str::to_owned),
            addresses: found.config.addresses(),
            mac: found.config.mac(),
            readdress: found.config.net().map(|net| readdress(&id, net)),
            node: found.node,
            id,
        }
    };
    located.into_iter().map(seen).collect()
}

/// The interface as it is, with a place for another address: `pct set` takes all of it or makes up what is missing.
fn readdress(id: &str, net: &str) -> String {
    let other = |pair: &str| match pair.split_once('=') {
        Some((key @ ("ip" | "ip6"), _)) => format!("{key}=ADDRESS"),
        _ => pair.to_owned(),
    };
    let net: Vec<String> = net.split(',').map(other).collect();
    format!("pct set {id} --net0 {}", net.join(","))
}

fn cpu(resource: &Resource) -> Option<CpuSeen> {
    let (cores, used) = resource.cpu?;
    Some(CpuSeen {
        cores: u32::try_from(cores).ok()?,
        used_percent: u32::try_from(used).ok()?,
    })
}

/// A storage as configured, with what the list knows of it.
fn seen(storage: &StorageConfig, node: &str, resources: &[Resource]) -> StorageSeen {
    let listed = resources.iter().find(|resource| {
        resource.kind == "storage" && resource.name == storage.name && resource.node == node
    });
    let active = listed.is_some_and(|resource| resource.status.as_deref() == Some("available"));
    let state = if storage.disabled() {
        StorageState::Disabled
    } else if !storage.serves(node) {
        StorageState::Elsewhere
    } else if active {
        StorageState::Active
    } else {
        StorageState::Inactive
    };
    let path = storage.path();
    // A file system knows better than the list: part of what is free may be root's alone, or a quota's.
    let by_path = path.as_deref().and_then(|path| free(path).ok());
    let by_list = listed.and_then(|resource| resource.maxdisk?.checked_sub(resource.disk?));
    StorageSeen {
        name: storage.name.clone(),
        kind: storage.kind.clone(),
        contents: storage.contents(),
        state,
        available: by_path
            .or(by_list)
            .filter(|_| state == StorageState::Active),
        path,
    }
}

/// Template files by name, with the storages they lie in.
fn present(storages: &[StorageConfig], seen: &[StorageSeen]) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (storage, _) in storages
        .iter()
        .zip(seen)
        .filter(|(_, seen)| seen.state == StorageState::Active)
    {
        let directory = storage.templates();
        for name in directory.iter().flat_map(|directory| files(directory)) {
            found.entry(name).or_default().insert(storage.name.clone());
        }
    }
    found
}

fn files(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}

/// Templates there are and templates to be had, newest first.
fn templates(
    present: &BTreeMap<String, BTreeSet<String>>,
    listed: &[String],
    packages: &BTreeMap<String, Vec<u32>>,
) -> Vec<TemplateSeen> {
    let newest = newest_debian(packages);
    let names: BTreeSet<&String> = present.keys().chain(listed).collect();
    let seen = |name: &&String| {
        let (os, version) = parse::template(name)?;
        Some(TemplateSeen {
            fits: os == "debian"
                && version
                    .first()
                    .is_some_and(|release| *release <= newest && codename(*release).is_some()),
            name: (*name).clone(),
            stores: present.get(*name).cloned().unwrap_or_default(),
            listed: listed.contains(name),
            os,
            version,
        })
    };
    let mut found: Vec<TemplateSeen> = names.iter().filter_map(seen).collect();
    found.sort_by(|a, b| b.version.cmp(&a.version).then_with(|| a.name.cmp(&b.name)));
    found
}

/// The newest release of Debian this host's container tools know. One they do not know fails when it is
/// unpacked: `unsupported debian version`.
fn newest_debian(packages: &BTreeMap<String, Vec<u32>>) -> u32 {
    let tools = packages.get("pve-container").map_or(&[][..], Vec::as_slice);
    match tools.first() {
        Some(7..) => 13,
        Some(6) if tools >= [6, 0, 10].as_slice() => 13,
        Some(5) if tools >= [5, 3, 1].as_slice() => 13,
        Some(5 | 6) => 12,
        _ => 11,
    }
}

#[cfg(test)]
#[path = "facts_tests.rs"]
mod tests;
