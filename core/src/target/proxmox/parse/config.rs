//! A guest's configuration file: `key: value` lines in force now. Snapshots and pending changes are other sections.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::text::words;

/// A guest's configuration in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::target::proxmox) struct GuestConfig {
    values: BTreeMap<String, String>,
}

impl GuestConfig {
    /// Reads a file of `/etc/pve/nodes/NODE/{lxc,qemu-server}/`.
    pub(in crate::target::proxmox) fn read(text: &str) -> GuestConfig {
        let lines = text.lines().take_while(|line| !line.starts_with('['));
        let values = lines.filter(|line| !line.starts_with('#'));
        let values = values.filter_map(|line| line.split_once(':'));
        let trimmed = |(key, value): (&str, &str)| (key.trim().to_owned(), value.trim().to_owned());
        GuestConfig {
            values: values.map(trimmed).collect(),
        }
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// A container's host name, a machine's name.
    pub(in crate::target::proxmox) fn name(&self) -> Option<&str> {
        self.get("hostname").or_else(|| self.get("name"))
    }

    /// Its tags, lower-case; an administrator may have Proxmox keep them otherwise.
    pub(in crate::target::proxmox) fn tags(&self) -> BTreeSet<String> {
        let list = words(self.get("tags").unwrap_or_default());
        list.iter().map(|tag| tag.to_ascii_lowercase()).collect()
    }

    /// Whether it carries the tag.
    pub(in crate::target::proxmox) fn has_tag(&self, tag: &str) -> bool {
        self.tags().contains(&tag.to_ascii_lowercase())
    }

    /// Proxmox's lock on it.
    pub(in crate::target::proxmox) fn lock(&self) -> Option<&str> {
        self.get("lock")
    }

    /// Whether it is protected against removal.
    pub(in crate::target::proxmox) fn protected(&self) -> bool {
        matches!(self.get("protection"), Some("1" | "yes" | "on" | "true"))
    }

    /// Storage of a container's root file system.
    pub(in crate::target::proxmox) fn storage(&self) -> Option<&str> {
        self.get("rootfs")?.split_once(':').map(|(store, _)| store)
    }

    /// The addresses its network devices are given: a container's `netN`, a machine's `ipconfigN`. Those it is given by
    /// DHCP or by itself are in no configuration.
    pub(in crate::target::proxmox) fn addresses(&self) -> Vec<IpAddr> {
        let networks = self.values.iter().filter(|(key, _)| {
            let kind = key.trim_end_matches(|digit: char| digit.is_ascii_digit());
            kind.len() < key.len() && matches!(kind, "net" | "ipconfig")
        });
        let options = networks.flat_map(|(_, value)| value.split(','));
        let given = options.filter_map(|option| match option.split_once('=')? {
            ("ip" | "ip6", address) => address.split('/').next()?.parse().ok(),
            _ => None,
        });
        given.collect()
    }

    /// Its first interface as it stands: a property string.
    pub(in crate::target::proxmox) fn net(&self) -> Option<&str> {
        self.get("net0")
    }

    /// Hardware address of its first interface, lower-case as the kernel has it.
    pub(in crate::target::proxmox) fn mac(&self) -> Option<String> {
        let mut options = self.net()?.split(',');
        let found = options.find_map(|option| option.strip_prefix("hwaddr="));
        found.map(str::to_ascii_lowercase)
    }

    /// Whether this is all that is left of a creation or a removal that was killed: the lock it worked under – or
    /// nothing, once that has been taken off. No volume, no name, no tag: nobody's but that command's.
    pub(in crate::target::proxmox) fn hollow(&self) -> bool {
        self.values
            .iter()
            .all(|(key, value)| key == "lock" && (value == "create" || value == "destroyed"))
    }
}
