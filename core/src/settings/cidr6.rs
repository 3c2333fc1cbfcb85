//! An IPv6 address with its network, `2001:db8::50/64`.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An IPv6 address with prefix length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cidr6 {
    address: Ipv6Addr,
    prefix: u8,
}

impl Cidr6 {
    /// The address.
    pub fn address(&self) -> Ipv6Addr {
        self.address
    }

    /// Whether the other address lies in the same network.
    pub fn contains(&self, other: Ipv6Addr) -> bool {
        (self.address.to_bits() ^ other.to_bits()) & self.mask() == 0
    }

    /// Whether the address can be the way out of this network: a machine of it, or one known by its link alone, as
    /// routers announce themselves.
    pub fn reaches(&self, gateway: Ipv6Addr) -> bool {
        self.contains(gateway) || gateway.is_unicast_link_local()
    }

    fn mask(&self) -> u128 {
        u128::MAX
            .checked_shl(128 - u32::from(self.prefix))
            .unwrap_or(0)
    }
}

impl FromStr for Cidr6 {
    type Err = String;

    fn from_str(text: &str) -> Result<Cidr6, String> {
        const EXAMPLE: &str = "an IPv6 address with prefix length, as in `2001:db8::50/64`";
        let parts = text
            .split_once('/')
            .and_then(|(address, prefix)| Some((address.parse().ok()?, prefix)));
        let (address, prefix): (Ipv6Addr, &str) = parts.ok_or(format!("is not {EXAMPLE}"))?;
        let prefix = prefix
            .parse::<u8>()
            .ok()
            .filter(|length| (8..=128).contains(length))
            .ok_or("needs a prefix length from 8 to 128")?;
        if address.is_unspecified()
            || address.is_loopback()
            || address.is_multicast()
            || address.to_ipv4_mapped().is_some()
        {
            return Err("is an address no machine in a network can have".to_owned());
        }
        if address.is_unicast_link_local() {
            return Err("is an address for one link only, which no name can lead to".to_owned());
        }
        let cidr = Cidr6 { address, prefix };
        // RFC 4291, 2.6.1: the first address stands for the network's routers. RFC 6164: not in one of two addresses.
        if prefix < 127 && address.to_bits() & !cidr.mask() == 0 {
            return Err("is the first address of its network, which is its routers'".to_owned());
        }
        Ok(cidr)
    }
}

impl fmt::Display for Cidr6 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl TryFrom<String> for Cidr6 {
    type Error = String;

    fn try_from(text: String) -> Result<Cidr6, String> {
        text.parse()
    }
}

impl From<Cidr6> for String {
    fn from(cidr: Cidr6) -> String {
        cidr.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_addresses_a_machine_can_have_in_their_short_form() {
        for (text, form) in [
            ("2001:DB8::50/64", "2001:db8::50/64"),
            ("fd00:0:0::1/8", "fd00::1/8"),
            ("2001:db8::/127", "2001:db8::/127"),
            ("2001:db8::1/128", "2001:db8::1/128"),
        ] {
            assert_eq!(text.parse::<Cidr6>().unwrap().to_string(), form);
        }
    }

    #[test]
    fn refuses_all_others() {
        for text in [
            "",
            "2001:db8::50",
            "2001:db8::50/",
            "2001:db8::50/7",
            "2001:db8::50/129",
            "2001:db8::/64",
            "192.168.1.50/24",
            "::ffff:192.168.1.50/64",
            "::/64",
            "::1/64",
            "ff02::5/64",
            "fe80::5/64",
            "fe80::5%eth0/64",
        ] {
            assert!(text.parse::<Cidr6>().is_err(), "{text}");
        }
    }

    #[test]
    fn knows_its_gateways() {
        let cidr: Cidr6 = "2001:db8:1::50/64".parse().unwrap();
        let reaches = |text: &str| cidr.reaches(text.parse().unwrap());
        assert!(reaches("2001:db8:1::1") && reaches("fe80::1"));
        assert!(!reaches("2001:db8:2::1"));
        let alone: Cidr6 = "2001:db8::5/128".parse().unwrap();
        assert!(!alone.contains("2001:db8::6".parse().unwrap()));
    }
}
