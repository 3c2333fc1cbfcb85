//! A plain HTTP/1.1 client for load: kept connections or a new one, TLS or not, bodies that take their time.
//! It never sends a request twice: a failure is a failure, whatever the connection was.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Longer than any hold; an answer that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);
/// Pieces of a slow body.
const PIECES: u32 = 12;
/// The name the certificate is for.
const NAME: &str = "localhost";

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

/// A client of one server.
pub struct Client {
    plain: SocketAddr,
    tls: SocketAddr,
    config: Arc<ClientConfig>,
    kept_plain: Mutex<Vec<Connection>>,
    kept_tls: Mutex<Vec<Connection>>,
}

type Connection = BufReader<Box<dyn ReadWrite>>;
trait ReadWrite: Read + Write + Send {}
impl<T: Read + Write + Send> ReadWrite for T {}

impl Client {
    /// A client that trusts the certificate in that PEM file.
    ///
    /// # Errors
    /// A sentence about the certificate.
    pub fn new(plain: SocketAddr, tls: SocketAddr, certificate: &Path) -> Result<Self, String> {
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
            plain,
            tls,
            config: Arc::new(config),
            kept_plain: Mutex::default(),
            kept_tls: Mutex::default(),
        })
    }

    /// Sends a request once and waits for its whole answer.
    ///
    /// # Errors
    /// A sentence saying at which point it failed.
    pub fn send(&self, line: Line, request: Request<'_>) -> Result<Answer, String> {
        let mut connection = match self.kept(line).and_then(|kept| lock(kept).pop()) {
            Some(connection) => connection,
            None => self
                .connect(line)
                .map_err(|error| format!("connect: {error}"))?,
        };
        write(&mut connection, request).map_err(|error| format!("send: {error}"))?;
        let answer = read(&mut connection).map_err(|error| format!("answer: {error}"))?;
        if let Some(kept) = self.kept(line) {
            lock(kept).push(connection);
        }
        Ok(answer)
    }

    fn kept(&self, line: Line) -> Option<&Mutex<Vec<Connection>>> {
        match line {
            Line::Plain => Some(&self.kept_plain),
            Line::KeptTls => Some(&self.kept_tls),
            Line::NewTls => None,
        }
    }

    fn connect(&self, line: Line) -> std::io::Result<Connection> {
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
        let name = ServerName::try_from(NAME).map_err(std::io::Error::other)?;
        let tls =
            ClientConnection::new(self.config.clone(), name).map_err(std::io::Error::other)?;
        Ok(BufReader::new(Box::new(StreamOwned::new(tls, stream))))
    }
}

fn lock(kept: &Mutex<Vec<Connection>>) -> std::sync::MutexGuard<'_, Vec<Connection>> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write(connection: &mut Connection, request: Request<'_>) -> std::io::Result<()> {
    let stream = connection.get_mut();
    let Request {
        method,
        path,
        body,
        over,
    } = request;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {NAME}\r\nContent-Length: {}\r\n\r\n",
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

/// Reads an answer with a `Content-Length`, which is what a proxy that buffers sends.
fn read(connection: &mut Connection) -> std::io::Result<Answer> {
    let bad = |what: String| std::io::Error::other(what);
    let mut line = String::new();
    if connection.read_line(&mut line)? == 0 {
        return Err(bad("the connection was closed".into()));
    }
    let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| bad(format!("not an HTTP answer: {line:?}")))?;
    let mut length = None;
    loop {
        line.clear();
        connection.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().ok()
            }
            Some(_) => {}
            None => break,
        }
    }
    let length: usize = length.ok_or_else(|| bad(format!("status {status} without a length")))?;
    let mut body = vec![0; length];
    connection.read_exact(&mut body)?;
    Ok(Answer { status, body })
}
