//! A network of the users' own, apart from host and guest: a namespace with one wire to the lab's bridge.
//! Takes what it made away again, and nothing else.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::process::Command;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Name of the namespace.
const NAME: &str = "homeport-users";
/// The wire's end in it, and the one at the bridge.
const WIRE: [&str; 2] = ["hp-users0", "hp-users1"];

/// The users' network.
pub struct Outside {
    entrance: File,
}

impl Outside {
    /// Makes it, with this address (`10.0.0.9/24`) at this bridge. What a killed run left is taken away first.
    ///
    /// # Errors
    /// A sentence about the command that failed.
    pub fn new(bridge: &str, address: &str) -> Result<Outside, String> {
        remove();
        let [inside, at_bridge] = WIRE;
        ip(&["netns", "add", NAME])?;
        let wire = ["type", "veth", "peer", "name", at_bridge];
        ip(&[&["link", "add", inside, "netns", NAME][..], &wire].concat())?;
        ip(&["link", "set", at_bridge, "master", bridge, "up"])?;
        ip(&["-n", NAME, "address", "add", address, "dev", inside])?;
        ip(&["-n", NAME, "link", "set", inside, "up"])?;
        let entrance = File::open(format!("/run/netns/{NAME}"));
        let entrance = entrance.map_err(|error| format!("/run/netns/{NAME}: {error}"))?;
        Ok(Outside { entrance })
    }

    /// Moves the calling thread there, for good.
    ///
    /// # Errors
    /// The kernel's.
    pub fn enter(&self) -> io::Result<()> {
        let kind = Some(LinkNameSpaceType::Network);
        Ok(move_into_link_name_space(self.entrance.as_fd(), kind)?)
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        remove();
    }
}

fn remove() {
    let _ = ip(&["link", "delete", WIRE[1]]);
    let _ = ip(&["netns", "delete", NAME]);
}

fn ip(words: &[&str]) -> Result<(), String> {
    let output = Command::new("ip").args(words).output();
    let output = output.map_err(|error| format!("ip: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!(
            "ip {words:?}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )),
    }
}
