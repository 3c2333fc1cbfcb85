//! What a guest is given of the host's surroundings, and where it stands in them: pure functions of facts and settings.

use homeport_engine::op::GuestNetwork;

use crate::plan::build::Registries;
use crate::plan::deploy::Carry;
use crate::settings::Settings;
use crate::target::{ForGuest, HostFacts, codename};

/// Packet size of a network interface that nobody gave one, bytes.
const USUAL_MTU: u32 = 1500;

/// What of the host's surroundings a guest made of this template needs.
pub fn carry(facts: &HostFacts, template: &str) -> Carry {
    let around = &facts.surroundings;
    Carry {
        authorities: around.authorities.clone(),
        proxy: around.proxies.for_guest() == ForGuest::Usable,
        package_sources: release(template)
            .and_then(codename)
            .and_then(|name| around.package_sources(name)),
    }
}

/// The registries of a build: as the settings have them, else the host's own.
pub fn registries(facts: &HostFacts, settings: &Settings) -> Registries {
    let (source, host) = (&settings.source, &facts.surroundings.registries);
    Registries {
        go_proxy: source.go_proxy.clone().or_else(|| host.go_proxy.clone()),
        npm: source.npm_registry.clone().or_else(|| host.npm.clone()),
        proxy: facts.surroundings.proxies.for_guest() == ForGuest::Usable,
    }
}

/// Debian's release a template is made of, by its name; `None`: not known, and its own package sources stay.
fn release(volume: &str) -> Option<u32> {
    let name = volume.rsplit('/').next()?.strip_prefix("debian-")?;
    name.split(['-', '.', '_']).next()?.parse().ok()
}

/// The guest's network as the settings have it. What they leave open is as on the host: the size of packets is the
/// bridge's, and the platform hands the host's name servers on – unless some of them are of no use in a guest.
pub fn network(facts: &HostFacts, settings: &Settings) -> GuestNetwork {
    let network = &settings.network;
    let given = network.nameservers.iter().map(ToString::to_string);
    let mut nameservers: Vec<String> = given.collect();
    let usable = facts.surroundings.guest_nameservers();
    if nameservers.is_empty() && usable.len() < facts.surroundings.nameservers.len() {
        nameservers = usable.into_iter().cloned().collect();
    }
    let bridge = facts
        .bridges
        .iter()
        .find(|found| found.name == network.bridge);
    GuestNetwork {
        bridge: network.bridge.clone(),
        address: network.ip_address.to_string(),
        gateway: network.gateway.map(|gateway| gateway.to_string()),
        address6: network.ipv6_address.map(|cidr| cidr.to_string()),
        gateway6: network.ipv6_gateway.map(|gateway| gateway.to_string()),
        mtu: bridge
            .map(|bridge| bridge.mtu)
            .filter(|mtu| *mtu != USUAL_MTU),
        nameservers,
    }
}

/// Whether this host has an address in the guest's IPv6 network, so that it can ask the guest there.
pub fn neighbour6(facts: &HostFacts, settings: &Settings) -> bool {
    let network = &settings.network;
    let bridges = facts.bridges.iter();
    let mut addresses = bridges
        .filter(|bridge| bridge.name == network.bridge)
        .flat_map(|bridge| &bridge.addresses)
        .filter_map(|address| address.split('/').next()?.parse().ok());
    network
        .ipv6_address
        .is_some_and(|cidr| addresses.any(|address| cidr.contains(address)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::{Proxies, Surroundings};

    fn with_proxy(address: &str) -> HostFacts {
        let proxies = Proxies {
            http: Some(address.to_owned()),
            ..Proxies::default()
        };
        HostFacts {
            surroundings: Surroundings {
                proxies,
                ..Surroundings::default()
            },
            ..HostFacts::default()
        }
    }

    #[test]
    fn a_proxy_is_carried_by_name_only_and_only_if_a_guest_reaches_it() {
        let carry = carry(&with_proxy("http://u:secret@p:3128"), "");
        assert!(carry.proxy && !format!("{carry:?}").contains("secret"));
        assert!(!super::carry(&with_proxy("http://127.0.0.1:3128"), "").proxy);
    }

    #[test]
    fn templates_are_known_by_name_wherever_they_lie() {
        for volume in [
            "local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst",
            "/srv/debian-13-x.tar",
        ] {
            assert_eq!(release(volume), Some(13), "{volume}");
        }
        for volume in ["local:vztmpl/ubuntu-24.04_amd64.tar.zst", "debian-x", ""] {
            assert_eq!(release(volume), None, "{volume}");
        }
    }
}
