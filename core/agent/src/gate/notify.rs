//! Telling systemd that the gate can be asked (`Type=notify`, sd_notify(3)), so that whoever has restarted it need not
//! guess when.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Says so to the socket named in `NOTIFY_SOCKET`; without that variable nobody asks to be told.
///
/// # Errors
/// When the socket is named and cannot be written to.
pub(crate) fn ready() -> io::Result<()> {
    std::env::var_os("NOTIFY_SOCKET").map_or(Ok(()), |socket| tell(&socket))
}

fn tell(socket: &OsStr) -> io::Result<()> {
    let address = match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?
        .send_to_addr(b"READY=1", &address)
        .map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_address_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let name = format!("homeport-gate-test-{}", std::process::id());
        let abstract_address = SocketAddr::from_abstract_name(&name).unwrap();
        let listeners = [
            (UnixDatagram::bind(&path).unwrap(), path.into_os_string()),
            (
                UnixDatagram::bind_addr(&abstract_address).unwrap(),
                format!("@{name}").into(),
            ),
        ];
        for (listener, address) in listeners {
            tell(&address).unwrap();
            let mut message = [0; 16];
            let count = listener.recv(&mut message).unwrap();
            assert_eq!(&message[..count], b"READY=1");
        }
    }
}
