//! Connecting to the app without waiting for it.

use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with, sockopt};
use std::net::SocketAddr;

/// How far a connection to the app has come.
pub(crate) enum Dial {
    /// The app's side has taken it.
    Connected,
    /// Not decided yet; the poller will say.
    Pending,
    /// It did not come about; nothing has been sent.
    Refused,
}

/// Begins a connection. `None` when it is known at once that there is nobody: nothing has been sent.
pub(crate) fn dial(address: SocketAddr) -> Option<OwnedFd> {
    let family = if address.is_ipv4() {
        AddressFamily::INET
    } else {
        AddressFamily::INET6
    };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(family, SocketType::STREAM, flags, None).ok()?;
    // A relay passes on small pieces as they come; the kernel must not hold them back for an acknowledgement.
    sockopt::set_tcp_nodelay(&socket, true).ok()?;
    match connect(&socket, &address) {
        Ok(()) | Err(Errno::INPROGRESS) => Some(socket),
        Err(_) => None,
    }
}

/// How far it has come by now: connecting a second time asks just that (connect(2)), and on the loopback interface
/// the answer is there as soon as the first call returns – which saves a turn of the poller.
pub(crate) fn progress(socket: impl AsFd, address: SocketAddr) -> Dial {
    match connect(socket, &address) {
        Ok(()) | Err(Errno::ISCONN) => Dial::Connected,
        Err(Errno::INPROGRESS | Errno::ALREADY) => Dial::Pending,
        Err(_) => Dial::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn outcome(address: SocketAddr) -> Dial {
        let Some(socket) = dial(address) else {
            return Dial::Refused;
        };
        for _ in 0..100 {
            match progress(&socket, address) {
                Dial::Pending => std::thread::sleep(std::time::Duration::from_millis(10)),
                decided => return decided,
            }
        }
        Dial::Pending
    }

    #[test]
    fn a_listener_is_reached_and_a_closed_port_is_refused() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert!(matches!(outcome(address), Dial::Connected));
        drop(listener);
        assert!(matches!(outcome(address), Dial::Refused));
    }
}
