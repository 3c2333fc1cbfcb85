//! Who listens on a TCP port of this machine, as the kernel's tables say. Only reads; sees other users' processes only
//! as root.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// State of a listening socket in `/proc/net/tcp`, proc(5).
const LISTEN: &str = "0A";

/// A process that listens on a port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// The port.
    pub port: u16,
    /// Its process id; 0 if it cannot be seen, as a process outside this PID namespace.
    pub pid: u32,
    /// Its program, as the kernel names it; empty if it cannot be seen.
    pub program: String,
    /// The systemd unit it belongs to; empty if to none.
    pub unit: String,
}

/// Who listens on these ports, each with the lowest process id that holds the socket: the one that opened it.
///
/// # Errors
/// When the kernel's table of sockets cannot be read, as half a sentence.
pub fn on(ports: &[u16]) -> Result<Vec<Listener>, String> {
    if ports.is_empty() {
        return Ok(Vec::new());
    }
    let sockets = sockets(ports)?;
    let mut found: BTreeMap<u16, u32> = sockets.values().map(|port| (*port, 0)).collect();
    for pid in processes().into_iter().rev() {
        for inode in held(pid) {
            if let Some(port) = sockets.get(&inode) {
                found.insert(*port, pid);
            }
        }
    }
    Ok(found.into_iter().map(listener).collect())
}

/// Listening sockets on these ports: inode to port.
fn sockets(ports: &[u16]) -> Result<BTreeMap<u64, u16>, String> {
    let mut sockets = BTreeMap::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        match fs::read_to_string(table) {
            Ok(text) => sockets.extend(text.lines().filter_map(|line| listening(line, ports))),
            // A machine without IPv6 has only the first.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(format!("`{table}` cannot be read: {error}")),
        }
    }
    Ok(sockets)
}

/// `  0: 0100007F:0D80 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000  0 31415 …`, proc(5). Total.
fn listening(line: &str, ports: &[u16]) -> Option<(u64, u16)> {
    let mut fields = line.split_whitespace();
    let (local, state) = (fields.nth(1)?, fields.nth(1)?);
    let inode = fields.nth(5)?.parse().ok()?;
    let port = u16::from_str_radix(local.rsplit_once(':')?.1, 16).ok()?;
    (state == LISTEN && ports.contains(&port)).then_some((inode, port))
}

/// Process ids, ascending.
fn processes() -> BTreeSet<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// Inodes of the sockets a process has open. One that ends meanwhile has none.
fn held(pid: u32) -> Vec<u64> {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd"));
    let descriptors = descriptors.into_iter().flatten().flatten();
    let inode = |path: &Path| {
        let target = fs::read_link(path).ok()?;
        let inode = target.to_str()?.strip_prefix("socket:[")?;
        inode.strip_suffix(']')?.parse().ok()
    };
    descriptors
        .filter_map(|entry| inode(&entry.path()))
        .collect()
}

fn listener((port, pid): (u16, u32)) -> Listener {
    let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
    Listener {
        port,
        pid,
        program: read("comm").trim_end().to_owned(),
        unit: unit_of(&read("cgroup")),
    }
}

/// The innermost unit in the lines of `/proc/PID/cgroup`: `0::/system.slice/nginx.service`, cgroups(7). A session of
/// somebody who logged in is a scope, and no unit that could be restarted.
fn unit_of(cgroups: &str) -> String {
    let mut parts = cgroups
        .lines()
        .filter_map(|line| line.splitn(3, ':').nth(2))
        .flat_map(|path| path.rsplit('/'));
    let unit = parts.find(|part| part.ends_with(".service"));
    unit.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_one_who_listens_is_found_and_nobody_else() {
        let listens = TcpListener::bind("127.0.0.1:0").unwrap();
        let gone = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = |it: &TcpListener| it.local_addr().unwrap().port();
        let (ours, free) = (port(&listens), port(&gone));
        drop(gone);
        let found = on(&[ours, free]).unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].port, found[0].pid), (ours, std::process::id()));
        assert!(!found[0].program.is_empty());
        assert_eq!(on(&[]).unwrap(), []);
    }

    #[test]
    fn a_socket_is_read_off_its_line() {
        let line = "   0: 0100007F:0D80 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 31415 1 0 100";
        assert_eq!(listening(line, &[3456]), Some((31415, 3456)));
        assert_eq!(listening(line, &[3457]), None);
        assert_eq!(listening(&line.replace(" 0A ", " 01 "), &[3456]), None);
        let head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
        assert_eq!(listening(head, &[3456]), None);
    }

    #[test]
    fn the_unit_is_read_off_either_version_of_control_groups() {
        let v2 = "0::/system.slice/system-app.slice/app@blue.service\n";
        let v1 = "3:cpu:/user.slice\n1:name=systemd:/system.slice/nginx.service\n0::/\n";
        assert_eq!(unit_of(v2), "app@blue.service");
        assert_eq!(unit_of(v1), "nginx.service");
        assert_eq!(unit_of("0::/user.slice/session-1.scope\n"), "");
    }

    proptest! {
        #[test]
        fn reading_is_total(line in "([0-9A-F:]{0,12}|\\PC| |0A){0,20}", ports in any::<Vec<u16>>()) {
            let _ = (listening(&line, &ports), unit_of(&line));
        }
    }
}
