//! Judges whether there is room for it: storage, template, staging, memory, cores. Pure.

use super::{BUILD, CORES, Facts, MEMORY, STAGING, STORAGE, TEMPLATE, Wanted};
use crate::error::Kind;
use crate::places;
use crate::report::Finding;
use crate::target::{HostFacts, StorageSeen};
use crate::verbs::{choose, template};

/// Judges it.
pub(super) fn judge(facts: &Facts, wanted: Option<Wanted<'_>>) -> Vec<Finding> {
    let settings = wanted.map(|wanted| wanted.settings);
    let storage = settings.and_then(|settings| settings.proxmox.storage.as_deref());
    let template = settings.and_then(|settings| settings.proxmox.template.as_deref());
    let disk_gb = settings.map_or(0, |settings| settings.resources.disk_size_gb.into());
    let mut found = match choose::storage(&facts.host, storage, disk_gb) {
        Ok(storage) => Vec::from_iter(tight(storage, disk_gb)),
        Err(finding) => vec![finding],
    };
    found.extend(template::choose(&facts.host, template).err());
    found.extend(wanted.and_then(|wanted| staging(facts.staging, wanted)));
    found.extend(wanted.and_then(build));
    found.extend(wanted.and_then(|wanted| memory(&facts.host, wanted)));
    found.extend(wanted.and_then(|wanted| cores(&facts.host, wanted)));
    found
}

/// Room for a beginning, but not for all that the guest may fill.
fn tight(storage: &StorageSeen, disk_gb: u64) -> Option<Finding> {
    let found = match storage.available {
        Some(bytes) if bytes >> 30 >= disk_gb => return None,
        Some(bytes) => format!("storage `{}` has {} MiB free", storage.name, bytes >> 20),
        None => format!("how much room storage `{}` has is not known", storage.name),
    };
    Some(Finding::warns(
        STORAGE,
        Kind::Resources,
        [
            format!("room for the whole disk, {} MiB", disk_gb << 10),
            found,
            "Free some room or take another storage with `--storage`: `pvesm status --content rootdir`".to_owned(),
        ],
    ))
}

/// A container that cannot build says so before it is made, not with a process that was killed.
fn build(wanted: Wanted<'_>) -> Option<Finding> {
    let Wanted { settings, recipe } = wanted;
    let build = recipe.build.as_ref();
    let needs = &build.filter(|_| settings.source.kind.builds())?.resources;
    let given = &settings.resources;
    let (memory, disk) = (needs.least_memory_mb, needs.least_disk_gb);
    if given.memory_mb >= memory && given.disk_size_gb >= disk {
        return None;
    }
    let texts = [
        format!(
            "at least {memory} MiB of memory and {disk} GiB of disk, to build {}",
            recipe.title
        ),
        format!(
            "the container would have {} MiB and {} GiB",
            given.memory_mb, given.disk_size_gb
        ),
        format!(
            "Give it that much: `--memory-mb {memory} --disk-size-gb {disk}`; or install a release, which needs less: `--source-kind release`"
        ),
    ];
    Some(Finding::blocks(BUILD, Kind::Resources, texts))
}

/// So much of a build passes through the host, MiB: tools as archives, and a clone as one.
const BUILD_MB: u64 = 512;

/// The archive and what is taken out of it lie on the host for a while.
fn staging(free: Option<u64>, wanted: Wanted<'_>) -> Option<Finding> {
    let needed_mb = match wanted.settings.source.kind.builds() {
        true => BUILD_MB,
        false => wanted.recipe.source.release.limit_mb * 2,
    };
    let found = match free.map(|bytes| bytes >> 20) {
        Some(free_mb) if free_mb >= needed_mb => return None,
        Some(free_mb) => format!("{free_mb} MiB are free below {}", places::STATE),
        None => format!("how much is free below {} is not known", places::STATE),
    };
    Some(Finding::blocks(
        STAGING,
        Kind::Resources,
        [
            format!("{needed_mb} MiB on this host for the release, until it is in the container"),
            found,
            format!("Free some room: `df -h {}`", places::STATE),
        ],
    ))
}

/// What is given to a container is a limit, not a reservation: more than there is can never be had, more than is free
/// now may be.
fn memory(host: &HostFacts, wanted: Wanted<'_>) -> Option<Finding> {
    let wanted_mb = u64::from(wanted.settings.resources.memory_mb);
    let least_mb = wanted.recipe.resources.least_memory_mb;
    let texts = |found: String| {
        [
            format!("{wanted_mb} MiB of memory for the container"),
            found,
            format!(
                "Take less with `--memory-mb` (at least {least_mb}), or stop something: `pct list; qm list`"
            ),
        ]
    };
    if host.memory_total_mb < wanted_mb {
        let found = format!("this host has {} MiB in all", host.memory_total_mb);
        return Some(Finding::blocks(MEMORY, Kind::Resources, texts(found)));
    }
    (host.memory_available_mb < wanted_mb).then(|| {
        let found = format!(
            "{} MiB of this host's are free now",
            host.memory_available_mb
        );
        Finding::warns(MEMORY, Kind::Resources, texts(found))
    })
}

fn cores(host: &HostFacts, wanted: Wanted<'_>) -> Option<Finding> {
    let cores = wanted.settings.resources.cpu_cores;
    (cores > host.cpus).then(|| {
        Finding::blocks(
            CORES,
            Kind::Resources,
            [
                format!("{cores} processor threads for the container"),
                format!("this host has {}", host.cpus),
                format!("Take at most `--cpu-cores {}`", host.cpus),
            ],
        )
    })
}

/// A template there is none of.
pub(in crate::verbs) fn no_template(found: &str, remedy: String) -> Finding {
    let expected = "a Debian template that this host's Proxmox can use".to_owned();
    Finding::blocks(
        TEMPLATE,
        Kind::Resources,
        [expected, found.to_owned(), remedy],
    )
}

/// A storage there is none of.
pub(in crate::verbs) fn no_storage(expected: String, found: String, remedy: String) -> Finding {
    Finding::blocks(STORAGE, Kind::Resources, [expected, found, remedy])
}
