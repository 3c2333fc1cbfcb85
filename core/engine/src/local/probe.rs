//! Asks a probe's question until it is answered as expected or its deadline has passed.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

use super::http::Answer;
use super::{http, listener, unit};
use crate::probe::{Check, Hidden, HttpCheck, Probe, Via};
use crate::run::{Fault, FaultKind};

/// Longest single try: a server that hangs once must not use up the whole deadline.
const TRY: Duration = Duration::from_secs(5);

/// Makes a TLS connection of one over TCP: to whom, by name, and whose certificates are good (PEM). This crate knows no
/// TLS; who does brings it along.
pub type Secure = fn(Timed, &str, &str) -> io::Result<Box<dyn Stream>>;

/// A connection of any kind.
pub trait Stream: Read + Write {}

impl<T: Read + Write> Stream for T {}

/// How a probe ended.
#[derive(Debug)]
pub struct Measured {
    /// How long its last try took.
    pub took: Duration,
    /// The last HTTP answer, if there was one, as expected or not.
    pub answer: Option<Answer>,
    /// [`FaultKind::Unhealthy`] when the deadline passed, with the last try's reason and the unit's last log lines;
    /// [`FaultKind::Cancelled`] when it was stopped; [`FaultKind::Failed`] when this program cannot ask such a thing.
    pub result: Result<(), Fault>,
}

/// Sends one request over TCP and reads its answer, within `limit` in all.
///
/// # Errors
/// What went wrong, as half a sentence.
pub fn request(
    address: &str,
    host: &str,
    request: &http::Request<'_>,
    limit: Duration,
) -> Result<Answer, String> {
    let until = Instant::now() + limit;
    let connection = tcp(address, until)
        .map(Connection::Tcp)
        .map_err(|error| format!("`{address}` takes no connection: {error}"))?;
    http::ask(Timed { connection, until }, host, request).map_err(|error| error.to_string())
}

/// Runs the probe. `stop`, once set, ends it. Without `secure` nothing is asked over TLS.
pub fn measure(probe: &Probe, stop: &AtomicBool, secure: Option<Secure>) -> Measured {
    let deadline = Instant::now() + Duration::from_millis(probe.deadline_ms.into());
    let pause = Duration::from_millis(probe.interval_ms.into());
    loop {
        let begun = Instant::now();
        let mut answer = None;
        let tried = attempt(&probe.check, deadline.min(begun + TRY), secure, &mut answer);
        let took = begun.elapsed();
        let last = Instant::now() + pause >= deadline;
        let result = match tried {
            Err(missed) if missed.kind != FaultKind::Unhealthy => Err(missed),
            Err(_) if stop.load(Ordering::SeqCst) => {
                Err(Fault::new(FaultKind::Cancelled, "you asked to stop"))
            }
            Err(missed) if last => {
                let lines = probe.unit.as_deref().map(unit::log);
                Err(missed.with_lines(lines.unwrap_or_default()))
            }
            Err(_) => {
                thread::sleep(pause);
                continue;
            }
            Ok(()) => Ok(()),
        };
        return Measured {
            took,
            answer,
            result,
        };
    }
}

fn attempt(
    check: &Check,
    until: Instant,
    secure: Option<Secure>,
    answer: &mut Option<Answer>,
) -> Result<(), Fault> {
    match check {
        Check::Http(check) => http(check, until, secure, answer),
        Check::LogIn(_) => Err(Fault::new(
            FaultKind::Failed,
            "a log-in is tried from the host, by whoever knows the password",
        )),
        Check::Listens { unit, port } => listens(unit, *port),
        Check::Tcp { address } => tcp(address, until)
            .map(|_| ())
            .map_err(|error| unhealthy(format!("`{address}` takes no connection: {error}"))),
        Check::UnitActive { unit, for_ms } => active(unit, *for_ms),
    }
}

fn http(
    check: &HttpCheck,
    until: Instant,
    secure: Option<Secure>,
    seen: &mut Option<Answer>,
) -> Result<(), Fault> {
    let plain = |connection| -> Box<dyn Stream> { Box::new(Timed { connection, until }) };
    let (name, connection) = match (&check.via, secure) {
        (Via::Tcp(address), _) => (address, tcp(address, until).map(Connection::Tcp).map(plain)),
        (Via::Unix(path), _) => (path, unix(path).map(Connection::Unix).map(plain)),
        (Via::Tls { address, roots }, Some(secure)) => (
            address,
            tcp(address, until)
                .map(Connection::Tcp)
                .and_then(|connection| secure(Timed { connection, until }, &check.host, roots)),
        ),
        (Via::Tls { .. }, None) => {
            let why = "a probe over TLS is asked from the host, not here";
            return Err(Fault::new(FaultKind::Failed, why));
        }
    };
    let connection =
        connection.map_err(|error| unhealthy(format!("`{name}` takes no connection: {error}")))?;
    let path = &check.path;
    let json = ("Content-Type".to_owned(), "application/json".to_owned());
    let (method, headers, body) = match (&check.post, &check.call) {
        (Some(Hidden(body)), _) => ("POST", vec![json], body.as_bytes()),
        (None, Some(call)) => {
            let headers = call.headers.clone().into_iter().collect();
            ("POST", headers, call.body.as_bytes())
        }
        (None, None) => ("GET", Vec::new(), &[][..]),
    };
    let request = http::Request {
        method,
        path,
        headers: &headers,
        body,
    };
    http::ask(connection, &check.host, &request)
        .map_err(|error| error.to_string())
        .and_then(|answer| http::judge(seen.insert(answer), check))
        .map_err(|why| unhealthy(format!("{method} {path} at `{name}`: {why}")))
}

/// An app that finds its port taken may stay alive and serve nothing, while somebody else answers.
fn listens(name: &str, port: u16) -> Result<(), Fault> {
    let found = listener::on(&[port]).map_err(unhealthy)?;
    match found.first() {
        Some(listener) if listener.unit == name => Ok(()),
        Some(other) => {
            let unit = match other.unit.as_str() {
                "" => String::new(),
                unit => format!(" ({unit})"),
            };
            Err(unhealthy(format!(
                "port {port} belongs to process {}, `{}`{unit}, not to `{name}`",
                other.pid, other.program
            )))
        }
        None => Err(unhealthy(format!(
            "`{name}` does not listen on port {port}"
        ))),
    }
}

fn active(name: &str, for_ms: u32) -> Result<(), Fault> {
    let unit = unit::one(name)?;
    if unit.active != "active" {
        return Err(unhealthy(format!("`{name}` is {}", unit.active)));
    }
    if unit.uptime_ms >= u64::from(for_ms) {
        return Ok(());
    }
    Err(unhealthy(format!(
        "`{name}` has run for {} ms, and restarted {} times",
        unit.uptime_ms, unit.restarts
    )))
}

fn unhealthy(why: String) -> Fault {
    Fault::new(FaultKind::Unhealthy, why)
}

fn tcp(address: &str, until: Instant) -> io::Result<TcpStream> {
    let mut last = io::Error::other("the name has no address");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, left(until)?) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Connects without waiting: where the queue is full – a gate that holds – an ordinary connect would wait for ever.
fn unix(path: &str) -> io::Result<UnixStream> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    let stream = UnixStream::from(socket);
    stream.set_nonblocking(false)?;
    Ok(stream)
}

enum Connection {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A connection on which nothing waits beyond a moment, however slowly the bytes trickle.
pub struct Timed {
    connection: Connection,
    until: Instant,
}

impl Read for Timed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = Some(left(self.until)?);
        match &mut self.connection {
            Connection::Tcp(stream) => {
                stream.set_read_timeout(left)?;
                stream.read(into)
            }
            Connection::Unix(stream) => {
                stream.set_read_timeout(left)?;
                stream.read(into)
            }
        }
        .map_err(slow)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left = Some(left(self.until)?);
        match &mut self.connection {
            Connection::Tcp(stream) => {
                stream.set_write_timeout(left)?;
                stream.write(bytes)
            }
            Connection::Unix(stream) => {
                stream.set_write_timeout(left)?;
                stream.write(bytes)
            }
        }
        .map_err(slow)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(slow(io::ErrorKind::TimedOut.into()));
    }
    Ok(left)
}

/// A socket's time limit is reported as `Resource temporarily unavailable`, which nobody understands.
fn slow(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            io::Error::new(io::ErrorKind::TimedOut, "no answer in time")
        }
        _ => error,
    }
}

#[cfg(test)]
#[path = "probe_tests.rs"]
mod tests;
