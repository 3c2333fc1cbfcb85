//! What an install can offer whoever is asked: defaults that suit this host and its network. Looks and asks around, changes
//! nothing.

use std::net::{IpAddr, Ipv4Addr};

use homeport_plugin_api::wire::Kind;

use super::Known;
use crate::error::Error;
use crate::recipe::Recipe;
use crate::settings::{Cidr, Defaults};
use crate::target::network::{Neighbour, gateway_of, neighbour};
use crate::target::{Bridge, HostFacts};
use crate::verbs::{Context, choose, preflight};
use crate::wizard::{Hints, NetworkHint, Screen};

/// The last number of the first address that is offered where no guest has one: below what routers usually hand out.
const FIRST: u32 = 50;

/// So many addresses are tried; each that is free, and the one that is found, cost a second.
const TRIES: usize = 5;

/// Bridges whose networks are looked at.
const BRIDGES: usize = 4;

/// What can be offered.
pub struct Offer {
    /// Name of the app for people.
    pub title: String,
    /// What recipe and plugins say about settings.
    pub defaults: Defaults,
    /// What the machine says.
    pub hints: Hints,
}

/// Looks at the host, for an app of which this is known. An error if nothing at all can be installed on it.
pub fn offer(cx: &mut Context<'_>, known: Known) -> Result<Offer, Error> {
    let Known {
        recipe,
        plugins,
        defaults,
    } = known;
    let facts = cx.target.facts()?;
    preflight::passed(preflight::host(&preflight::Facts::of_host(facts.clone())))?;
    let databases = plugins.manifests(Kind::Database);
    let engines = databases.map(|found| format!("{}: {}", found.name, found.summary));
    let notes = [
        (Screen::Size, size(&facts, &recipe.recipe)),
        (Screen::Database, engines.collect()),
    ];
    let hints = Hints {
        bridges: facts
            .bridges
            .iter()
            .take(BRIDGES)
            .map(|bridge| network(&facts, bridge))
            .collect(),
        taken: taken(&facts),
        notes: notes.into(),
    };
    Ok(Offer {
        title: recipe.recipe.title.clone(),
        defaults,
        hints,
    })
}

fn size(facts: &HostFacts, recipe: &Recipe) -> Vec<String> {
    let free = facts.memory_available_mb;
    let host = format!(
        "This host has {} processor threads and {free} MiB of free memory.",
        facts.cpus
    );
    let disk = choose::storage(facts, None, recipe.resources.disk_size_gb.into()).ok();
    let disk = disk.and_then(|storage| {
        let free = storage.available? >> 30;
        Some(format!("Storage `{}` has {free} GiB free.", storage.name))
    });
    let least = &recipe.resources;
    let least = format!(
        "{} needs at least {} MiB and {} GiB.",
        recipe.title, least.least_memory_mb, least.least_disk_gb
    );
    [Some(host), disk, Some(least)]
        .into_iter()
        .flatten()
        .collect()
}

fn taken(facts: &HostFacts) -> Vec<(IpAddr, String)> {
    let guests = facts.guests.iter().flat_map(|guest| {
        let owner = format!("guest {}", guest.id);
        guest
            .addresses
            .iter()
            .map(move |address| (*address, owner.clone()))
    });
    let own = addresses(&facts.bridges).map(|cidr| (cidr.address().into(), "this host".to_owned()));
    guests.chain(own).collect()
}

fn addresses(bridges: &[Bridge]) -> impl Iterator<Item = Cidr> {
    let texts = bridges.iter().flat_map(|bridge| &bridge.addresses);
    texts.filter_map(|text| text.parse().ok())
}

fn network(facts: &HostFacts, bridge: &Bridge) -> NetworkHint {
    let own = addresses(std::slice::from_ref(bridge)).next();
    let gateway = own.map(|own| match gateway_of(&bridge.name) {
        Some(gateway) => (gateway, "this host's own gateway"),
        None => (own.address(), "this host, which leads out of that network"),
    });
    NetworkHint {
        bridge: bridge.name.clone(),
        address: own.and_then(|own| {
            let gateway = gateway.map(|(gateway, _)| gateway);
            let free = candidates(facts, own, gateway)
                .into_iter()
                .take(TRIES)
                .find(|address| neighbour(&bridge.name, *address, true) == Ok(Neighbour::Silent))?;
            let why = "nobody answers there now; keep clear of what your router hands out";
            Some((format!("{free}/{}", own.prefix()), why.to_owned()))
        }),
        gateway: gateway.map(|(gateway, why)| (gateway.to_string(), why.to_owned())),
    }
}

/// Addresses of the host's network that nobody is known to have: first those behind the highest a guest has.
fn candidates(facts: &HostFacts, own: Cidr, gateway: Option<Ipv4Addr>) -> Vec<Ipv4Addr> {
    let taken = taken(facts);
    let guests = facts.guests.iter().flat_map(|guest| &guest.addresses);
    let highest = guests.filter_map(|address| match address {
        IpAddr::V4(address) if own.contains(*address) => Some(u32::from(*address)),
        _ => None,
    });
    let size = 1u32
        .checked_shl(32 - u32::from(own.prefix()))
        .unwrap_or(u32::MAX);
    let base = u32::from(own.address()) & !(size - 1);
    let first = highest.max().map_or(FIRST, |address| address - base + 1);
    let offsets = (first..size).chain(1..first.min(size)).take(1 << 12);
    offsets
        .map(|offset| Ipv4Addr::from(base + offset))
        .filter(|address| own.usable(*address) && Some(*address) != gateway)
        .filter(|address| {
            !taken
                .iter()
                .any(|(taken, _)| *taken == IpAddr::V4(*address))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::{GuestKind, GuestSeen, GuestStatus};

    fn guest(address: &str) -> GuestSeen {
        GuestSeen {
            id: "100".to_owned(),
            node: String::new(),
            here: true,
            kind: GuestKind::Container,
            name: None,
            tags: Default::default(),
            status: GuestStatus::Running,
            lock: None,
            storage: None,
            addresses: vec![address.parse().unwrap()],
            mac: None,
            readdress: None,
            cpu: None,
        }
    }

    fn first(own: &str, guests: &[&str], gateway: Option<&str>) -> Option<String> {
        let facts = HostFacts {
            guests: guests.iter().map(|address| guest(address)).collect(),
            bridges: vec![Bridge {
                name: "vmbr0".to_owned(),
                addresses: vec![own.to_owned()],
                mtu: 1500,
            }],
            ..HostFacts::default()
        };
        let gateway = gateway.map(|gateway| gateway.parse().unwrap());
        let found = candidates(&facts, own.parse().unwrap(), gateway);
        found.first().map(ToString::to_string)
    }

    #[test]
    fn the_next_free_address_is_offered() {
        let offered =
            |own, guests: &[&str], gateway| first(own, guests, gateway).unwrap_or_default();
        assert_eq!(offered("192.168.1.2/24", &[], None), "192.168.1.50");
        assert_eq!(
            offered("192.168.1.2/24", &["192.168.1.60", "10.0.0.9"], None),
            "192.168.1.61"
        );
        assert_eq!(
            offered("192.168.1.2/24", &["192.168.1.60"], Some("192.168.1.61")),
            "192.168.1.62"
        );
        assert_eq!(
            offered("192.168.1.61/24", &["192.168.1.60"], None),
            "192.168.1.62"
        );
        assert_eq!(
            offered("192.168.1.1/24", &["192.168.1.254"], None),
            "192.168.1.2"
        );
        assert_eq!(offered("10.0.0.1/30", &[], Some("10.0.0.1")), "10.0.0.2");
        assert_eq!(offered("10.0.0.1/30", &["10.0.0.2"], None), "");
        assert_eq!(offered("10.0.0.1/32", &[], None), "");
    }
}
