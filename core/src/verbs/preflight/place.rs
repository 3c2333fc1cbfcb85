//! Judges whether an instance's place is free: node, id, name, bridge, address, gateway, ports. Pure.

use std::net::{IpAddr, Ipv4Addr};

use super::{ADDRESS, BRIDGE, Facts, GATEWAY, ID, NAME, NODE, PORTS};
use crate::error::Kind;
use crate::places;
use crate::report::Finding;
use crate::settings::{Cidr, Settings};
use crate::target::network::Neighbour;
use crate::target::{Bridge, GuestKind, GuestSeen, HostFacts};
use crate::verbs::identity;

/// Ports that something listens on in a guest besides the app: Homeport's internal listener and what Proxmox's template
/// of Debian brings.
const TAKEN: [(u16, &str); 3] = [
    (22, "its SSH server"),
    (25, "its mail server"),
    (places::guest::INTERNAL_PORT, "Homeport's internal listener"),
];

/// Judges it. Without settings: whether there would be an id and a bridge for anything.
pub(super) fn judge(facts: &Facts, settings: Option<&Settings>) -> Vec<Finding> {
    let host = &facts.host;
    let Some(settings) = settings else {
        return Vec::from_iter(any_id(host).into_iter().chain(any_bridge(host)));
    };
    let mut found: Vec<Finding> = [
        node(host, settings),
        id(host, settings),
        bridge(host, settings),
        sight(host, settings),
    ]
    .into_iter()
    .flatten()
    .collect();
    found.extend(names(host, settings));
    found.extend(addresses(facts, settings));
    found.extend(ports(settings));
    found
}

fn taken(check: &'static str, [expected, found, remedy]: [&str; 3]) -> Finding {
    let texts = [expected, found, remedy].map(str::to_owned);
    Finding::blocks(check, Kind::Network, texts)
}

fn node(host: &HostFacts, settings: &Settings) -> Option<Finding> {
    let wanted = settings.proxmox.node.as_ref()?;
    (*wanted != host.node).then(|| {
        let found = format!("this is node `{}`", host.node);
        let remedy = format!("Run the same command on node `{wanted}`, or leave `node` out");
        taken(NODE, [&format!("node `{wanted}`"), &found, &remedy])
    })
}

fn id(host: &HostFacts, settings: &Settings) -> Option<Finding> {
    let Some(id) = settings.proxmox.container_id.map(|id| id.to_string()) else {
        return any_id(host);
    };
    let guest = host.guests.iter().find(|guest| guest.id == id)?;
    let found = format!("container id {id} is in use, {}", called(guest));
    let expected = "an id that no container or machine of the cluster has";
    let remedy =
        "Leave `container_id` out and the next free one is taken: `pvesh get /cluster/nextid`";
    Some(taken(ID, [expected, &found, remedy]))
}

fn any_id(host: &HostFacts) -> Option<Finding> {
    host.free_id.is_none().then(|| {
        let expected = "a free id in the range Proxmox takes them from";
        let remedy =
            "Widen the range: `pvesh set /cluster/options --next-id lower=100,upper=1000000`";
        taken(ID, [expected, "all are in use", remedy])
    })
}

/// A guest, for people.
fn called(guest: &GuestSeen) -> String {
    let name = guest.name.as_deref().unwrap_or("nameless");
    let lock = guest.lock.as_ref();
    let lock = lock.map_or_else(String::new, |lock| {
        format!(", locked by Proxmox (`{lock}`)")
    });
    format!("by `{name}` on node `{}`{lock}", guest.node)
}

/// The instance's name is taken by an instance of Homeport's; another guest may have the same host name.
fn names(host: &HostFacts, settings: &Settings) -> Option<Finding> {
    let instance = &settings.deployment.instance_id;
    let tag = identity::instance_tag(instance);
    let is_ours =
        |guest: &&GuestSeen| guest.kind == GuestKind::Container && guest.tags.contains(&tag);
    if let Some(guest) = host.guests.iter().find(is_ours) {
        let found = format!(
            "the name `{instance}` belongs to the guest {} on node {}",
            guest.id, guest.node
        );
        let lock = guest
            .lock
            .as_ref()
            .map(|lock| format!(", which Proxmox has locked (`{lock}`)"));
        let found = found + &lock.unwrap_or_default();
        let remedy =
            "Choose another name with `--instance-id`; those there are shows `homeport list`";
        return Some(taken(
            NAME,
            ["a name no instance of the cluster has", &found, remedy],
        ));
    }
    let namesake = |guest: &&GuestSeen| {
        let name = guest.name.as_deref();
        name.is_some_and(|name| name.eq_ignore_ascii_case(instance))
    };
    let guest = host.guests.iter().find(namesake)?;
    let texts = [
        "a host name of its own".to_owned(),
        format!(
            "guest {} on node {} is called `{instance}`, too",
            guest.id, guest.node
        ),
        "Choose another name with `--instance-id` if both are to be told apart by name".to_owned(),
    ];
    Some(Finding::warns(NAME, Kind::Network, texts))
}

fn bridge(host: &HostFacts, settings: &Settings) -> Option<Finding> {
    let wanted = &settings.network.bridge;
    found_bridge(host, wanted).is_none().then(|| {
        let names: Vec<_> = host
            .bridges
            .iter()
            .map(|bridge| bridge.name.as_str())
            .collect();
        let remedy = match names.join(", ") {
            none if none.is_empty() => {
                "Make one: System, Network, Create, Linux Bridge; then `ip link show type bridge`"
                    .to_owned()
            }
            names => format!("Take one of those there are with `--bridge`: {names}"),
        };
        let found = format!("there is no bridge `{wanted}` on this host");
        taken(BRIDGE, [&format!("the bridge `{wanted}`"), &found, &remedy])
    })
}

fn any_bridge(host: &HostFacts) -> Option<Finding> {
    host.bridges.is_empty().then(|| {
        let remedy =
            "Make one: System, Network, Create, Linux Bridge; then `ip link show type bridge`";
        taken(
            BRIDGE,
            [
                "a bridge containers can be connected to",
                "there is none",
                remedy,
            ],
        )
    })
}

pub(super) fn found_bridge<'a>(host: &'a HostFacts, name: &str) -> Option<&'a Bridge> {
    host.bridges.iter().find(|bridge| bridge.name == name)
}

/// Whether the host has an address on the bridge in the guest's network.
pub(super) fn in_sight(host: &HostFacts, settings: &Settings) -> bool {
    let network = &settings.network;
    let bridge = found_bridge(host, &network.bridge);
    let mut own = bridge.into_iter().flat_map(|bridge| &bridge.addresses);
    own.any(|own| {
        let own: Option<Cidr> = own.parse().ok();
        own.is_some_and(|own| own.contains(network.ip_address.address()))
    })
}

/// Not wrong, but nobody can say then whether the address is free.
fn sight(host: &HostFacts, settings: &Settings) -> Option<Finding> {
    let network = &settings.network;
    let bridge = found_bridge(host, &network.bridge)?;
    (!in_sight(host, settings)).then(|| {
        let address = network.ip_address.address();
        let own = match bridge.addresses.join(", ") {
            none if none.is_empty() => "none".to_owned(),
            own => own,
        };
        let texts = [
            format!(
                "this host has an address in the network of {}",
                network.ip_address
            ),
            format!(
                "its addresses on `{}` are: {own}; whether {address} is free cannot be asked",
                bridge.name
            ),
            format!(
                "Make sure that nobody has it: `arping -D -I {} {address}`",
                bridge.name
            ),
        ];
        Finding::warns(ADDRESS, Kind::Network, texts)
    })
}

fn addresses(facts: &Facts, settings: &Settings) -> Vec<Finding> {
    let network = &settings.network;
    let asked = facts.place.as_ref();
    let mut owned: Vec<String> = network
        .addresses()
        .filter_map(|address| owner(&facts.host, address))
        .collect();
    // Whoever is known by name need not be known by hardware address, too.
    if let Some(asked) = asked.filter(|_| owned.is_empty()) {
        owned.extend(answers(network.ip_address.address(), &asked.address));
    }
    let mut found: Vec<Finding> = owned
        .iter()
        .map(|owner| {
            let remedy = "Give the instance a free address of its own with `--ip-address` or `--ipv6-address`";
            taken(ADDRESS, ["an address nobody has", owner, remedy])
        })
        .collect();
    match (
        network.gateway,
        asked.and_then(|asked| asked.gateway.as_ref()),
    ) {
        (Some(gateway), Some(Neighbour::Silent)) => {
            let silent = format!("{gateway} does not answer on `{}`", network.bridge);
            let remedy = "Name the right one with `--gateway`; this host's own shows `ip route show default`";
            found.push(taken(GATEWAY, ["a gateway that answers", &silent, remedy]));
        }
        (None, _) => {
            let texts = [
                "a gateway",
                "none is named: the container reaches its own network only",
                "Name it with `--gateway`; this host's own shows `ip route show default`",
            ];
            found.push(Finding::warns(
                GATEWAY,
                Kind::Network,
                texts.map(str::to_owned),
            ));
        }
        _ => {}
    }
    found
}

/// Who has an address already, as far as configurations say.
fn owner(host: &HostFacts, address: IpAddr) -> Option<String> {
    if is_own(host, address) {
        return Some(format!("{address} is this host's own address"));
    }
    let guest = host
        .guests
        .iter()
        .find(|guest| guest.addresses.contains(&address));
    let guest = guest?;
    let name = guest.name.as_deref().unwrap_or("nameless");
    Some(format!(
        "{address} belongs to guest {} (`{name}`) on node `{}`",
        guest.id, guest.node
    ))
}

/// Who has it, as far as somebody answers who is in no configuration.
fn answers(address: Ipv4Addr, asked: &Neighbour) -> Option<String> {
    match asked {
        Neighbour::Answers(mac) => Some(format!("{address} answers already, from {mac}")),
        Neighbour::Silent | Neighbour::OutOfSight => None,
    }
}

/// Whether the host itself has this address.
pub(super) fn is_own(host: &HostFacts, address: IpAddr) -> bool {
    let own = host.bridges.iter().flat_map(|bridge| &bridge.addresses);
    let mut own = own.filter_map(|own| own.split('/').next()?.parse::<IpAddr>().ok());
    own.any(|own| own == address)
}

/// Ports somebody else listens on in every guest; each with one that is free.
fn ports(settings: &Settings) -> Vec<Finding> {
    let services = &settings.services;
    let mut named = vec![
        ("services.frontend.port".to_owned(), services.frontend.port),
        (
            "services.frontend.ssl_port".to_owned(),
            services.frontend.ssl_port,
        ),
    ];
    for (name, component) in &services.components {
        named.push((format!("services.{name}.port_blue"), component.port_blue));
        named.push((format!("services.{name}.port_green"), component.port_green));
    }
    let used: Vec<u16> = named.iter().map(|(_, port)| *port).collect();
    let is_free = |port: &u16| !used.contains(port) && TAKEN.iter().all(|(taken, _)| taken != port);
    let clash = |(path, port): &(String, u16)| {
        let (_, by) = TAKEN.iter().find(|(taken, _)| taken == port)?;
        let free = (port.checked_add(1)?.max(1024)..=u16::MAX).find(is_free)?;
        let found = format!("`{path}` is {port}, where {by} listens in the container");
        let remedy = format!("Take another: `--set {path}={free}`");
        Some(taken(PORTS, ["ports of the app's own", &found, &remedy]))
    };
    named.iter().filter_map(clash).collect()
}
