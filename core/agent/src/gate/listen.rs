//! The listening sockets. They belong to systemd, which passes them as standard input (requests) and standard output
//! (streams): `StandardInput=fd:requests`, `StandardOutput=fd:streams`. Taken over like this no descriptor number has
//! to be believed, and no line of unsafe code is needed.

use super::error::GateError;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::net::{AddressFamily, sockopt};
use std::io::{stdin, stdout};

/// The two sockets at which nginx arrives.
pub(crate) struct Listeners {
    /// Ordinary requests.
    pub(crate) requests: OwnedFd,
    /// WebSockets and the streams the recipe names.
    pub(crate) streams: OwnedFd,
}

impl Listeners {
    /// Takes both from standard input and output and makes them non-blocking.
    ///
    /// # Errors
    /// [`GateError::NotListening`] for whatever is not a listening Unix socket.
    pub(crate) fn inherited() -> Result<Self, GateError> {
        Ok(Self {
            requests: take("input", stdin().as_fd())?,
            streams: take("output", stdout().as_fd())?,
        })
    }
}

fn take(stream: &'static str, fd: BorrowedFd<'_>) -> Result<OwnedFd, GateError> {
    let wrong = |reason: &str| GateError::NotListening {
        stream,
        reason: reason.to_owned(),
    };
    let domain = sockopt::socket_domain(fd).map_err(|errno| wrong(&errno.to_string()))?;
    if domain != AddressFamily::UNIX {
        return Err(wrong("it is a socket of another family"));
    }
    if !sockopt::socket_acceptconn(fd).unwrap_or(false) {
        return Err(wrong("it is connected, not listening"));
    }
    rustix::io::ioctl_fionbio(fd, true).map_err(|errno| wrong(&errno.to_string()))?;
    fd.try_clone_to_owned()
        .map_err(|error| wrong(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::{UnixListener, UnixStream};

    #[test]
    fn only_a_listening_unix_socket_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join("s")).unwrap();
        assert!(take("input", listener.as_fd()).is_ok());
        let (one, _other) = UnixStream::pair().unwrap();
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let file = std::fs::File::open("/dev/null").unwrap();
        for fd in [one.as_fd(), tcp.as_fd(), file.as_fd()] {
            let error = take("output", fd).unwrap_err().to_string();
            assert!(
                error.contains("standard output is not a listening Unix socket"),
                "{error}"
            );
        }
    }
}
