//! An IPv4 address with its network, `192.168.1.50/24`.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An IPv4 address with prefix length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cidr {
    address: Ipv4Addr,
    prefix: u8,
}

impl Cidr {
    /// The address.
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Prefix length, 8 to 32 (the range Proxmox takes).
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Whether the other address lies in the same network.
    pub fn contains(&self, other: Ipv4Addr) -> bool {
        (self.bits() ^ u32::from(other)) & self.mask() == 0
    }

    /// Whether a machine may have this address of the network: not its first (the network itself) and not its last
    /// (broadcast). Networks of one or two addresses have neither (RFC 3021).
    pub fn usable(&self, other: Ipv4Addr) -> bool {
        let host = u32::from(other) & !self.mask();
        self.contains(other) && (self.prefix >= 31 || (host != 0 && host != !self.mask()))
    }

    fn bits(&self) -> u32 {
        u32::from(self.address)
    }

    fn mask(&self) -> u32 {
        u32::MAX
            .checked_shl(32 - u32::from(self.prefix))
            .unwrap_or(0)
    }
}

impl FromStr for Cidr {
    type Err = String;

    fn from_str(text: &str) -> Result<Cidr, String> {
        let (address, prefix) = text
            .split_once('/')
            .ok_or("lacks the prefix length, as in `192.168.1.50/24`")?;
        let address: Ipv4Addr = address
            .parse()
            .map_err(|_| "is not an IPv4 address with prefix length, as in `192.168.1.50/24`")?;
        let prefix = prefix
            .parse::<u8>()
            .ok()
            .filter(|length| (8..=32).contains(length))
            .ok_or("needs a prefix length from 8 to 32")?;
        let cidr = Cidr { address, prefix };
        if address.is_unspecified() || address.is_loopback() || address.is_multicast() {
            return Err("is an address no machine in a network can have".to_owned());
        }
        if !cidr.usable(address) {
            return Err(
                "is the first or last address of its network, which no machine can have".to_owned(),
            );
        }
        Ok(cidr)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl TryFrom<String> for Cidr {
    type Error = String;

    fn try_from(text: String) -> Result<Cidr, String> {
        text.parse()
    }
}

impl From<Cidr> for String {
    fn from(cidr: Cidr) -> String {
        cidr.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_addresses_a_machine_can_have() {
        for text in [
            "192.168.1.50/24",
            "10.0.0.1/8",
            "10.0.0.0/31",
            "10.9.9.9/32",
        ] {
            assert_eq!(text.parse::<Cidr>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn refuses_all_others() {
        for text in [
            "",
            "/",
            "192.168.1.50",
            "192.168.1.50/",
            "192.168.1.50/33",
            "192.168.1.50/7",
            "192.168.1/24",
            "192.168.1.0/24",
            "192.168.1.255/24",
            "0.0.0.0/8",
            "127.0.0.1/8",
            "224.0.0.5/24",
            "fe80::1/64",
            "10.0.0.1/24/24",
        ] {
            assert!(text.parse::<Cidr>().is_err(), "{text}");
        }
    }

    #[test]
    fn knows_its_neighbours() {
        let cidr: Cidr = "10.1.2.50/24".parse().unwrap();
        assert!(cidr.contains([10, 1, 2, 1].into()));
        assert!(!cidr.contains([10, 1, 3, 1].into()));
        assert!(!cidr.usable([10, 1, 2, 0].into()));
        assert!(!cidr.usable([10, 1, 2, 255].into()));
        assert!(cidr.usable([10, 1, 2, 254].into()));
    }
}
