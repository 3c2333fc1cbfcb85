//! How many connections wait in the kernel's queue of a listening Unix socket, asked with the kernel's socket
//! diagnosis (sock_diag(7), what `ss -xl` shows as Recv-Q). A kernel without it gives no figure, never a wrong one.

use rustix::fd::{AsFd, OwnedFd};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
};

/// linux/sock_diag.h, linux/netlink.h, linux/unix_diag.h
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 1;
const AF_UNIX: u8 = 1;
const UDIAG_SHOW_RQLEN: u32 = 0x10;
const UNIX_DIAG_RQLEN: u16 = 4;
const NO_COOKIE: u32 = u32::MAX;
const HEADER: usize = 16;
const MESSAGE: usize = 16;

/// The number of connections that wait to be accepted, `None` where the kernel does not tell.
pub(crate) fn length(listener: impl AsFd) -> Option<u32> {
    let inode = u32::try_from(rustix::fs::fstat(listener).ok()?.st_ino).ok()?;
    let asking = diagnosis().ok()?;
    send(&asking, &question(inode), SendFlags::empty()).ok()?;
    let mut answer = [0; 512];
    // The kernel has answered by the time `send` returns.
    let (count, _) = recv(&asking, &mut answer, RecvFlags::DONTWAIT).ok()?;
    queue_in(answer.get(..count)?)
}

fn diagnosis() -> rustix::io::Result<OwnedFd> {
    socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        Some(netlink::SOCK_DIAG),
    )
}

/// `nlmsghdr` and `unix_diag_req` for one inode.
fn question(inode: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(40);
    bytes.extend(40_u32.to_ne_bytes());
    bytes.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes.extend(NLM_F_REQUEST.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend([AF_UNIX, 0, 0, 0]);
    for word in [u32::MAX, inode, UDIAG_SHOW_RQLEN, NO_COOKIE, NO_COOKIE] {
        bytes.extend(word.to_ne_bytes());
    }
    bytes
}

/// The first word of the attribute `UNIX_DIAG_RQLEN`.
fn queue_in(answer: &[u8]) -> Option<u32> {
    let half = |at: usize| Some(u16::from_ne_bytes(answer.get(at..at + 2)?.try_into().ok()?));
    if half(4)? != SOCK_DIAG_BY_FAMILY {
        return None;
    }
    let mut at = HEADER + MESSAGE;
    loop {
        let (length, kind) = (usize::from(half(at)?), half(at + 2)?);
        if kind == UNIX_DIAG_RQLEN {
            return Some(u32::from_ne_bytes(
                answer.get(at + 4..at + 8)?.try_into().ok()?,
            ));
        }
        // An attribute shorter than its own header would keep us here for ever.
        at += length.max(4).next_multiple_of(4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::{UnixListener, UnixStream};

    #[test]
    fn waiting_connections_are_counted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        assert_eq!(length(&listener), Some(0));
        let _waiting: Vec<_> = (0..7)
            .map(|_| UnixStream::connect(&path).unwrap())
            .collect();
        assert_eq!(length(&listener), Some(7));
    }

    #[test]
    fn any_answer_is_read_without_harm() {
        for length in 0..200 {
            for fill in [0, 1, 4, 20, 255] {
                let mut answer = vec![fill; length];
                let _ = queue_in(&answer);
                if length > 6 {
                    answer[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
                    let _ = queue_in(&answer);
                }
            }
        }
    }
}
