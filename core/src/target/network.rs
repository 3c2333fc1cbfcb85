//! Who answers in the network: servers an operation will need, neighbours on a bridge, names. Asks and waits seconds at
//! most; leaves nothing behind but entries in the kernel's table of neighbours.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs, UdpSocket};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use homeport_bootstrap::fetch::{FetchError, Fetcher, Patience};
use homeport_bootstrap::utc;
use homeport_engine::run::{Fault, FaultKind};

use super::machine::tool;

/// A server that needs longer for its first word is no use to an installation either.
const SERVER: Duration = Duration::from_secs(8);

/// A resolver asks each of its servers twice, five seconds each.
const NAME: Duration = Duration::from_secs(6);

/// A neighbour answers within milliseconds; a machine that has to wake up first, within this.
const NEIGHBOUR: Duration = Duration::from_millis(1000);

/// Between two looks at the table.
const LOOK: Duration = Duration::from_millis(20);

/// Any port: what counts is that the kernel has to find out who has the address.
const DISCARD: u16 = 9;

/// A server that was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its address, `http://` or `https://`.
    pub url: String,
    /// What it said.
    pub answer: Result<Greeting, String>,
}

/// A server's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Greeting {
    /// How many seconds its clock is ahead of ours; `None`: it did not say.
    pub ahead: Option<i64>,
}

/// Whether somebody has an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Neighbour {
    /// The machine with this hardware address.
    Answers(String),
    /// Nobody.
    Silent,
    /// The host has no address in that network, so it cannot ask.
    OutOfSight,
}

/// Asks a server for nothing in particular, through the proxy, if one is named.
pub fn greet(url: &str, proxy: Option<&str>) -> Server {
    let patience = Patience {
        tries: 1,
        silence: SERVER,
    };
    let fetcher = match proxy {
        Some(proxy) => Fetcher::through(patience, proxy),
        None => Ok(Fetcher::new(patience)),
    };
    let answer = fetcher.and_then(|fetcher| fetcher.greet(url));
    let ahead = |date: Option<String>| utc::parse_http(&date?).map(ahead);
    Server {
        url: url.to_owned(),
        answer: answer
            .map(|date| Greeting { ahead: ahead(date) })
            .map_err(|error| match error {
                FetchError::Network { why, .. } => why,
                other => other.to_string(),
            }),
    }
}

fn ahead(theirs: SystemTime) -> i64 {
    let seconds = |time: SystemTime| {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    };
    seconds(theirs) - seconds(SystemTime::now())
}

/// The addresses of a name, as this host sees them.
pub fn resolve(name: &str) -> Result<Vec<IpAddr>, String> {
    let (sender, answer) = mpsc::channel();
    let asked = (name.to_owned(), DISCARD);
    // Nothing bounds the system's resolver; a thread that is still waiting ends with the process.
    thread::spawn(move || sender.send(asked.to_socket_addrs().map(Vec::from_iter)));
    match answer.recv_timeout(NAME) {
        Ok(Ok(found)) => Ok(found.into_iter().map(|address| address.ip()).collect()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", NAME.as_secs())),
    }
}

/// The way this host itself goes out of the bridge's network, if it goes there at all.
pub fn gateway_of(bridge: &str) -> Option<Ipv4Addr> {
    default_route(&fs::read_to_string("/proc/net/route").ok()?, bridge)
}

/// Interface, destination, gateway: addresses as the kernel holds them, in hexadecimal.
fn default_route(table: &str, bridge: &str) -> Option<Ipv4Addr> {
    let mut lines = table.lines().map(|line| line.split_whitespace());
    lines.find_map(
        |mut words| match [words.next()?, words.next()?, words.next()?] {
            [device, "00000000", gateway] if device == bridge => {
                let gateway = u32::from_str_radix(gateway, 16)
                    .ok()
                    .filter(|gateway| *gateway != 0)?;
                Some(Ipv4Addr::from(gateway.to_ne_bytes()))
            }
            _ => None,
        },
    )
}

/// Whether somebody on the bridge has this address. An answer the kernel remembers is not taken: whoever gave it may be
/// gone for minutes.
pub fn neighbour(bridge: &str, address: Ipv4Addr, in_sight: bool) -> Result<Neighbour, Fault> {
    if !in_sight {
        return Ok(Neighbour::OutOfSight);
    }
    let failed = |error: io::Error| {
        let why = format!("whether {address} is free on `{bridge}` cannot be asked: {error}");
        Fault::new(FaultKind::Failed, why)
    };
    if known(bridge, address).map_err(failed)?.is_some() {
        let address = address.to_string();
        tool(&["ip", "neigh", "flush", "to", &address, "dev", bridge])?;
    }
    call_out(address).map_err(failed)?;
    let until = Instant::now() + NEIGHBOUR;
    while Instant::now() < until {
        if let Some(mac) = known(bridge, address).map_err(failed)? {
            return Ok(Neighbour::Answers(mac));
        }
        thread::sleep(LOOK);
    }
    Ok(Neighbour::Silent)
}

/// Has the kernel ask who has the address, by sending it an empty datagram. That nobody has it may already be known.
fn call_out(address: Ipv4Addr) -> io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    match socket.send_to(&[], (address, DISCARD)) {
        Err(error) if error.kind() == io::ErrorKind::HostUnreachable => Ok(()),
        sent => sent.map(|_| ()),
    }
}

/// The hardware address the kernel knows for it.
fn known(bridge: &str, address: Ipv4Addr) -> io::Result<Option<String>> {
    let table = fs::read_to_string("/proc/net/arp")?;
    Ok(entry(&table, bridge, address))
}

/// Address, type, flags, hardware address, mask, device; flag 2 says that the entry is complete.
fn entry(table: &str, bridge: &str, address: Ipv4Addr) -> Option<String> {
    let address = address.to_string();
    let mut lines = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    lines.find_map(|words| match words[..] {
        [ip, _, flags, mac, _, device] if ip == address && device == bridge => {
            let flags = u32::from_str_radix(flags.trim_start_matches("0x"), 16).ok()?;
            (flags & 2 != 0).then(|| mac.to_owned())
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn only_complete_entries_of_the_bridge_count() {
        let table = "IP address       HW type     Flags       HW address            Mask     Device\n\
                     10.0.0.5         0x1         0x2         bc:24:11:00:00:01     *        vmbr0\n\
                     10.0.0.6         0x1         0x0         00:00:00:00:00:00     *        vmbr0\n\
                     10.0.0.7         0x1         0x2         bc:24:11:00:00:02     *        vmbr1\nshort line\n";
        let of = |last| entry(table, "vmbr0", [10, 0, 0, last].into());
        assert_eq!(of(5).as_deref(), Some("bc:24:11:00:00:01"));
        assert_eq!((of(6), of(7), of(8)), (None, None, None));
    }

    #[test]
    fn the_way_out_is_the_host_s_own() {
        let table = "Iface\tDestination\tGateway \tFlags\nvmbr0\t0001A8C0\t00000000\t0001\n\
                     vmbr0\t00000000\t0101A8C0\t0003\neth1\t00000000\t00000000\t0001\n";
        assert_eq!(default_route(table, "vmbr0"), Some([192, 168, 1, 1].into()));
        assert_eq!(
            (default_route(table, "eth1"), default_route(table, "vmbr1")),
            (None, None)
        );
    }

    #[test]
    fn a_server_that_answers_tells_its_clock_and_one_that_is_not_there_why() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let serving = thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            let _ = client.read(&mut [0; 1024]).unwrap();
            client
                .write_all(b"HTTP/1.1 404 Not Found\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n")
                .unwrap();
        });
        let there = greet(&url, None);
        serving.join().unwrap();
        assert!(there.answer.unwrap().ahead.unwrap() < -86_400 * 365 * 30);
        let gone = greet(&url, None).answer.unwrap_err();
        assert!(gone.contains("refused"), "{gone}");
    }

    #[test]
    fn names_are_resolved_or_it_is_said_why_not() {
        assert!(
            resolve("localhost")
                .unwrap()
                .iter()
                .all(IpAddr::is_loopback)
        );
        assert!(!resolve("no such name").unwrap_err().is_empty());
    }

    #[test]
    fn whoever_is_out_of_sight_is_not_asked() {
        let found = neighbour("vmbr0", [192, 0, 2, 1].into(), false).unwrap();
        assert_eq!(found, Neighbour::OutOfSight);
    }
}
