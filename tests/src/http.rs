//! A small HTTP server that serves a directory and can be told to misbehave, request by request.
//! Only for tests: it understands `GET`, one `Range` form and nothing else.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

/// How one request is answered instead of properly.
#[derive(Clone, Debug)]
pub enum Answer {
    /// This status and an empty body.
    Status(u16),
    /// Redirected there.
    Redirect(String),
    /// Bytes that are not HTTP.
    Garbage,
    /// The connection is reset after this many bytes of the body, or at once for `None`.
    Reset(Option<usize>),
    /// The connection is closed in order after this many bytes of the body.
    Cut(usize),
    /// Silence after this many bytes of the body, until the server is dropped.
    Stall(usize),
    /// The body comes at this many bytes per second.
    Throttle(usize),
    /// A body of this many zeros without a length.
    Endless(u64),
    /// Properly, but with these bytes instead of the file.
    Body(Vec<u8>),
}

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Request {
    /// With the leading slash.
    pub path: String,
    /// The first byte asked for, from `Range`.
    pub start: Option<u64>,
    /// Whether `If-Range` names the file as it is now, or is missing.
    pub unchanged: bool,
}

/// A running server; it stops when dropped.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    root: PathBuf,
    ranges: bool,
    stopped: AtomicBool,
    answers: Mutex<HashMap<String, VecDeque<Answer>>>,
    requests: Mutex<Vec<Request>>,
}

impl Server {
    /// Serves the files in `root` on loopback, with entity tags and ranges if `ranges`.
    pub fn start(root: &Path, ranges: bool) -> io::Result<Self> {
        Self::at("127.0.0.1", root, ranges)
    }

    /// The same at this address.
    pub fn at(address: &str, root: &Path, ranges: bool) -> io::Result<Self> {
        let listener = TcpListener::bind((address, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            root: root.to_owned(),
            ranges,
            stopped: AtomicBool::new(false),
            answers: Mutex::default(),
            requests: Mutex::default(),
        });
        let accepting = shared.clone();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                if accepting.stopped.load(Ordering::Relaxed) {
                    break;
                }
                let shared = accepting.clone();
                // A client that goes away is what many tests are about.
                thread::spawn(move || shared.serve(connection).unwrap_or_default());
            }
        });
        Ok(Self { address, shared })
    }

    /// Where it listens, as a base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next requests for `path` (with its slash) are answered so, one after the other; then properly again.
    pub fn misbehave(&self, path: &str, answers: impl IntoIterator<Item = Answer>) {
        lock(&self.shared.answers)
            .entry(path.to_owned())
            .or_default()
            .extend(answers);
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared.requests).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        // Wakes the listener, so that it sees the flag.
        let _ = TcpStream::connect(self.address);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Shared {
    fn serve(&self, connection: TcpStream) -> io::Result<()> {
        let head = read_head(&connection)?;
        let file = fs::read(self.root.join(head.path.trim_start_matches('/')));
        let tag = file.as_deref().map(tag).unwrap_or_default();
        let request = Request {
            unchanged: head.if_range.is_none_or(|known| known == tag),
            path: head.path,
            start: head.start,
        };
        lock(&self.requests).push(request.clone());
        let answer = lock(&self.answers)
            .get_mut(&request.path)
            .and_then(VecDeque::pop_front);
        match (answer, file) {
            (Some(answer), file) => self.misanswer(
                connection,
                &request,
                answer,
                &file.unwrap_or_default(),
                &tag,
            ),
            (None, Ok(file)) => {
                let (head, body) = self.frame(&request, &file, &tag);
                send(&connection, &head, body)
            }
            (None, Err(_)) => send(&connection, &status(404), &[]),
        }
    }

    /// The proper head and body, whole or from where it was asked.
    fn frame<'a>(&self, request: &Request, file: &'a [u8], tag: &str) -> (String, &'a [u8]) {
        let total = file.len();
        let start = request.start.and_then(|start| usize::try_from(start).ok());
        let tag = if self.ranges {
            format!("ETag: {tag}\r\nAccept-Ranges: bytes\r\n")
        } else {
            String::new()
        };
        match start.and_then(|start| Some((start, file.get(start..)?))) {
            Some((start, rest)) if self.ranges && request.unchanged && !rest.is_empty() => {
                let range = format!("Content-Range: bytes {start}-{}/{total}", total - 1);
                (
                    format!(
                        "HTTP/1.1 206 Partial Content\r\n{tag}{range}\r\n{}",
                        length(rest)
                    ),
                    rest,
                )
            }
            _ => (format!("HTTP/1.1 200 OK\r\n{tag}{}", length(file)), file),
        }
    }

    fn misanswer(
        &self,
        mut connection: TcpStream,
        request: &Request,
        answer: Answer,
        file: &[u8],
        tag: &str,
    ) -> io::Result<()> {
        let (head, body) = self.frame(request, file, tag);
        let first = |count: usize| body.get(..count).unwrap_or(body);
        match answer {
            Answer::Status(code) => send(&connection, &status(code), &[]),
            Answer::Redirect(to) => send(
                &connection,
                &format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\n{}", length(&[])),
                &[],
            ),
            Answer::Garbage => connection.write_all(b"\0\xff this is not HTTP\r\n\r\n"),
            Answer::Reset(after) => {
                if let Some(count) = after {
                    send(&connection, &head, first(count))?;
                    thread::sleep(Duration::from_millis(50));
                }
                set_socket_linger(&connection, Some(Duration::ZERO)).map_err(io::Error::from)
            }
            Answer::Cut(count) => send(&connection, &head, first(count)),
            Answer::Stall(count) => {
                send(&connection, &head, first(count))?;
                self.wait_for_the_end();
                Ok(())
            }
            Answer::Throttle(rate) => {
                connection.write_all(head.as_bytes())?;
                for chunk in body.chunks(rate.div_ceil(20)) {
                    connection.write_all(chunk)?;
                    thread::sleep(Duration::from_millis(50));
                }
                Ok(())
            }
            Answer::Endless(count) => {
                connection.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
                io::copy(&mut io::Read::take(io::repeat(0), count), &mut connection).map(drop)
            }
            Answer::Body(bytes) => send(
                &connection,
                &format!("HTTP/1.1 200 OK\r\n{}", length(&bytes)),
                &bytes,
            ),
        }
    }

    fn wait_for_the_end(&self) {
        while !self.stopped.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(20));
        }
    }
}

struct Head {
    path: String,
    start: Option<u64>,
    if_range: Option<String>,
}

fn read_head(connection: &TcpStream) -> io::Result<Head> {
    let mut lines = BufReader::new(connection).lines();
    let first = lines.next().ok_or(io::ErrorKind::UnexpectedEof)??;
    let mut head = Head {
        // What is asked behind a question mark changes no file.
        path: first.split([' ', '?']).nth(1).unwrap_or("/").to_owned(),
        start: None,
        if_range: None,
    };
    for line in lines {
        let line = line?;
        match line.split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("range") => {
                head.start = value
                    .strip_prefix("bytes=")
                    .and_then(|range| range.strip_suffix('-')?.parse().ok());
            }
            Some((name, value)) if name.eq_ignore_ascii_case("if-range") => {
                head.if_range = Some(value.to_owned())
            }
            Some(_) => {}
            None => break,
        }
    }
    Ok(head)
}

fn tag(file: &[u8]) -> String {
    format!("\"{}\"", homeport_bootstrap::digest::Digest::of(file))
}

fn length(body: &[u8]) -> String {
    format!(
        "Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )
}

fn status(code: u16) -> String {
    format!("HTTP/1.1 {code} Because\r\n{}", length(&[]))
}

fn send(mut connection: &TcpStream, head: &str, body: &[u8]) -> io::Result<()> {
    connection.write_all(head.as_bytes())?;
    connection.write_all(body)?;
    connection.flush()
}
