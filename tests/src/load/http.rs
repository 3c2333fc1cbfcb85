//! A plain HTTP/1.1 client for load: kept connections or a new one, TLS or not, bodies that take their time.
//! It never sends a request twice: a failure is a failure, whatever the connection was.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::outside::Outside;

/// Longer than any hold; an answer that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);
/// Pieces of a slow body.
const PIECES: u32 = 12;
/// A kept connection that was not used for so long may be closed by the proxy at any moment; nginx does after 75 s.
const STALE: Duration = Duration::from_secs(50);

/// Over what a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// A connection that was used before if there is one, without TLS.
    Plain,
    /// A connection that was used before if there is one, with TLS.
    KeptTls,
    /// A new connection with a full TLS handshake.
    NewTls,
}

/// One request.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// `GET`, `POST`, `PUT`.
    pub method: &'a str,
    /// With its leading slash.
    pub path: &'a str,
    /// Header lines beside the usual ones, each with its line end.
    pub headers: &'a str,
    /// The body, empty for none.
    pub body: &'a [u8],
    /// How long the body takes to be sent; zero for at once.
    pub over: Duration,
}

/// An answer that came whole.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// Where a server is.
#[derive(Debug, Clone, Copy)]
pub struct Server<'a> {
    /// Where it takes requests without TLS.
    pub plain: SocketAddr,
    /// Where it takes requests with TLS.
    pub tls: SocketAddr,
    /// The name its certificate is for.
    pub name: &'a str,
}

/// A client of one server.
pub struct Client {
    plain: SocketAddr,
    tls: SocketAddr,
    name: String,
    config: Arc<ClientConfig>,
    /// The network it lives in, if not the process's own.
    outside: Option<Outside>,
    kept_plain: Kept,
    kept_tls: Kept,
}

/// Connections that wait to be used again, with when they were used last.
type Kept = Mutex<Vec<(Instant, Connection)>>;
pub(super) type Connection = BufReader<Box<dyn ReadWrite>>;
pub(super) trait ReadWrite: Read + Write + Send {}
impl<T: Read + Write + Send> ReadWrite for T {}

impl Client {
    /// A client that trusts the certificate in that PEM file.
    ///
    /// # Errors
    /// A sentence about the certificate.
    pub fn new(server: Server<'_>, certificate: &Path) -> Result<Self, String> {
        let because = |error: &dyn std::fmt::Display| {
            format!("certificate {}: {error}", certificate.display())
        };
        let mut roots = RootCertStore::empty();
        let der = CertificateDer::from_pem_file(certificate).map_err(|error| because(&error))?;
        roots.add(der).map_err(|error| because(&error))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| because(&error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        // A new connection shall cost what a new visitor costs.
        config.resumption = rustls::client::Resumption::disabled();
        Ok(Self {
            plain: server.plain,
            tls: server.tls,
            name: server.name.to_owned(),
            config: Arc::new(config),
            outside: None,
            kept_plain: Mutex::default(),
            kept_tls: Mutex::default(),
        })
    }

    /// The same client, in another network: every thread that sends with it goes there and stays.
    pub fn living(self, outside: Outside) -> Self {
        Self {
            outside: Some(outside),
            ..self
        }
    }

    /// Opens so many kept connections with TLS, for requests that shall start all at once.
    ///
    /// # Errors
    /// A sentence about the first that could not be opened.
    pub fn open(&self, count: usize) -> Result<(), String> {
        let opened = lock(&self.kept_tls).len();
        for _ in opened..count {
            let connection = self.connect(Line::KeptTls);
            let connection = connection.map_err(|error| format!("connect: {error}"))?;
            lock(&self.kept_tls).insert(0, (Instant::now(), connection));
        }
        Ok(())
    }

    /// Sends a request once and waits for its whole answer.
    ///
    /// # Errors
    /// A sentence saying at which point it failed.
    pub fn send(&self, line: Line, request: Request<'_>) -> Result<Answer, String> {
        let mut connection = match self.kept(line).and_then(fresh) {
            Some(connection) => connection,
            None => self
                .connect(line)
                .map_err(|error| format!("connect: {error}"))?,
        };
        write(&mut connection, &self.name, request).map_err(|error| format!("send: {error}"))?;
        let (answer, goes_on) =
            read(&mut connection).map_err(|error| format!("answer: {error}"))?;
        if let Some(kept) = self.kept(line).filter(|_| goes_on) {
            lock(kept).push((Instant::now(), connection));
        }
        Ok(answer)
    }

    fn kept(&self, line: Line) -> Option<&Kept> {
        match line {
            Line::Plain => Some(&self.kept_plain),
            Line::KeptTls => Some(&self.kept_tls),
            Line::NewTls => None,
        }
    }

    pub(super) fn connect(&self, line: Line) -> std::io::Result<Connection> {
        if let Some(outside) = &self.outside {
            outside.enter()?;
        }
        let address = if line == Line::Plain {
            self.plain
        } else {
            self.tls
        };
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        if line == Line::Plain {
            return Ok(BufReader::new(Box::new(stream)));
        }
        let name = ServerName::try_from(self.name.clone()).map_err(std::io::Error::other)?;
        let tls =
            ClientConnection::new(self.config.clone(), name).map_err(std::io::Error::other)?;
        Ok(BufReader::new(Box::new(StreamOwned::new(tls, stream))))
    }
}

fn lock(kept: &Kept) -> std::sync::MutexGuard<'_, Vec<(Instant, Connection)>> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The one that was used last; the others are older, and closed if that one is stale.
fn fresh(kept: &Kept) -> Option<Connection> {
    let mut kept = lock(kept);
    let (used, connection) = kept.pop()?;
    if used.elapsed() < STALE {
        return Some(connection);
    }
    kept.clear();
    None
}

fn write(connection: &mut Connection, name: &str, request: Request<'_>) -> std::io::Result<()> {
    let stream = connection.get_mut();
    let Request {
        method,
        path,
        headers,
        body,
        over,
    } = request;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {name}\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    if over.is_zero() {
        stream.write_all(&[head.as_bytes(), body].concat())?;
        return stream.flush();
    }
    stream.write_all(head.as_bytes())?;
    for piece in body.chunks(body.len().div_ceil(PIECES as usize).max(1)) {
        stream.flush()?;
        std::thread::sleep(over / PIECES);
        stream.write_all(piece)?;
    }
    stream.flush()
}

/// Reads an answer, and whether the connection goes on after it.
fn read(connection: &mut Connection) -> std::io::Result<(Answer, bool)> {
    let bad = |what: String| std::io::Error::other(what);
    let status = status(connection)?;
    let (mut length, mut chunked, mut goes_on) = (None, false, true);
    let mut line = String::new();
    loop {
        line.clear();
        connection.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok(),
            "transfer-encoding" => chunked = value.trim() == "chunked",
            "connection" => goes_on = value.trim() != "close",
            _ => {}
        }
    }
    if chunked {
        let body = chunks(connection)?;
        return Ok((Answer { status, body }, goes_on));
    }
    let length: usize = match status {
        204 | 304 => 0,
        _ => length.ok_or_else(|| bad(format!("status {status} without a length")))?,
    };
    let mut body = vec![0; length];
    connection.read_exact(&mut body)?;
    Ok((Answer { status, body }, goes_on))
}

/// The code of the line an answer begins with.
pub(super) fn status(connection: &mut Connection) -> std::io::Result<u16> {
    let bad = |what: String| std::io::Error::other(what);
    let mut line = String::new();
    if connection.read_line(&mut line)? == 0 {
        return Err(bad("the connection was closed".into()));
    }
    let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
    status.ok_or_else(|| bad(format!("not an HTTP answer: {line:?}")))
}

/// A body in pieces, each after its length; the one of length zero ends it.
fn chunks(connection: &mut Connection) -> std::io::Result<Vec<u8>> {
    let (mut body, mut line) = (Vec::new(), String::new());
    loop {
        line.clear();
        connection.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim(), 16).map_err(std::io::Error::other)?;
        let start = body.len();
        body.resize(start + length + 2, 0);
        connection.read_exact(body.get_mut(start..).unwrap_or_default())?;
        body.truncate(start + length);
        if length == 0 {
            return Ok(body);
        }
    }
}
