//! A forward proxy for HTTP that asks for a password and can be down: what stands between many a host and its package
//! mirror. It knows only requests for `http://`, one per connection.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

/// Longest head of a request, bytes.
const HEAD: u64 = 64 << 10;

/// Time for a byte from either side.
const SILENCE: Duration = Duration::from_secs(60);

/// A proxy, for as long as this process lives.
pub struct Proxy {
    address: SocketAddr,
    counts: Arc<Counts>,
}

/// What has been asked of it so far.
#[derive(Default)]
struct Counts {
    /// When the first one came.
    first: OnceLock<Instant>,
    passed: AtomicU32,
}

impl Proxy {
    /// Starts one on a free port of this address. It takes requests with this value of `Proxy-Authorization` only, and
    /// has lost its own way out when the first one comes, for so long.
    pub fn start(on: &str, authorization: &str, down: Duration) -> io::Result<Proxy> {
        let listener = TcpListener::bind((on, 0))?;
        let address = listener.local_addr()?;
        let counts = Arc::new(Counts::default());
        let (shared, wanted) = (Arc::clone(&counts), authorization.to_owned());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (counts, wanted) = (Arc::clone(&shared), wanted.clone());
                // A connection that breaks is the client's to notice.
                thread::spawn(move || serve(client, &counts, &wanted, down));
            }
        });
        Ok(Proxy { address, counts })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests it has passed on.
    pub fn passed(&self) -> u32 {
        self.counts.passed.load(Ordering::SeqCst)
    }
}

fn serve(mut client: TcpStream, counts: &Counts, wanted: &str, down: Duration) -> io::Result<()> {
    client.set_read_timeout(Some(SILENCE))?;
    let head = head(&client)?;
    let given = head.iter().any(|line| {
        let field = line.split_once(':');
        field.is_some_and(|(name, value)| {
            name.eq_ignore_ascii_case("proxy-authorization") && value.trim() == wanted
        })
    });
    if !given {
        return answer(&mut client, "407 Proxy Authentication Required");
    }
    if counts.first.get_or_init(Instant::now).elapsed() < down {
        return answer(&mut client, "503 Service Unavailable");
    }
    counts.passed.fetch_add(1, Ordering::SeqCst);
    pass_on(client, &head)
}

/// Request line and fields, without the empty line.
fn head(client: &TcpStream) -> io::Result<Vec<String>> {
    let mut lines = BufReader::new(client.take(HEAD)).lines();
    let mut head = Vec::new();
    for line in &mut lines {
        let line = line?;
        if line.is_empty() {
            return Ok(head);
        }
        head.push(line);
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}

fn answer(client: &mut TcpStream, status: &str) -> io::Result<()> {
    write!(
        client,
        "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
}

/// Asks the server in the client's words, for one answer, and hands the answer on.
fn pass_on(mut client: TcpStream, head: &[String]) -> io::Result<()> {
    let mut words = head
        .first()
        .map(|line| line.split(' '))
        .into_iter()
        .flatten();
    let (method, url) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let Some((host, path)) = url
        .strip_prefix("http://")
        .and_then(|rest| rest.split_once('/'))
    else {
        return answer(&mut client, "400 Bad Request");
    };
    let at = if host.contains(':') {
        host.to_owned()
    } else {
        format!("{host}:80")
    };
    let Ok(mut server) = TcpStream::connect(at) else {
        return answer(&mut client, "502 Bad Gateway");
    };
    server.set_read_timeout(Some(SILENCE))?;
    let own = ["proxy-authorization", "proxy-connection", "connection"];
    let mut request = format!("{method} /{path} HTTP/1.1\r\nConnection: close\r\n");
    for field in head.iter().skip(1) {
        let name = field.split(':').next().unwrap_or_default();
        if !own.iter().any(|own| name.eq_ignore_ascii_case(own)) {
            request += &format!("{field}\r\n");
        }
    }
    server.write_all(format!("{request}\r\n").as_bytes())?;
    io::copy(&mut server, &mut client).map(|_| ())
}
