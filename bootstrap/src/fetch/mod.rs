//! Downloads over HTTP and HTTPS: size limits, patience, several tries, and going on where a broken one stopped.
//! What arrives is not trusted; whoever asked checks signature or digest before reading it.
//!
//! Proxies come from `ALL_PROXY`, `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`; see [`roots`] for certificates.

mod partial;
mod roots;

use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use ureq::http::{Response, StatusCode, header};
use ureq::{Agent, Body, Proxy};

use crate::digest::Digest;
use partial::Partial;

/// What to download, and the most bytes to take of it.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// `http://` or `https://`. From the latter no redirect leads back to the former.
    pub url: &'a str,
    /// In bytes.
    pub limit: u64,
}

/// How long to put up with a network.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How often to try, the first time included.
    pub tries: u32,
    /// How long to wait for a connection, an answer, or the next byte.
    pub silence: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            tries: 5,
            silence: Duration::from_secs(30),
        }
    }
}

/// What a download is doing.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// Bytes are coming in.
    Received {
        /// So far, earlier tries included.
        bytes: u64,
        /// Of how many, if the server has said so.
        total: Option<u64>,
    },
    /// A try failed; the next begins after a pause. Told every 100 ms of the pause.
    Waiting {
        /// The number of the next try.
        next: u32,
        /// Of how many.
        tries: u32,
        /// What was wrong with the last.
        why: &'a str,
    },
}

/// Told of every [`Progress`]; breaks the download off when asked to.
pub type Watch<'a> = &'a mut dyn FnMut(Progress) -> ControlFlow<()>;

/// What has been downloaded.
#[derive(Clone, Copy, Debug)]
pub struct Fetched {
    /// In bytes.
    pub size: u64,
    /// Of all bytes.
    pub sha256: Digest,
}

/// Why there is no download.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The address is none that can be fetched.
    #[error("`{0}` is not an http:// or https:// address")]
    Url(String),
    /// The file of trusted certificates is not one.
    #[error("the certificates in `{path}` cannot be used: {why}")]
    Certificates {
        /// The file, from `SSL_CERT_FILE` or the system's own.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The server answers, but not with the file.
    #[error("`{url}` was answered with status {status}")]
    Status {
        /// The address asked.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The server sends more than is acceptable.
    #[error("`{url}` is larger than the {limit} bytes allowed")]
    TooLarge {
        /// The address asked.
        url: String,
        /// In bytes.
        limit: u64,
    },
    /// Network or server failed, on every try if trying again made sense.
    #[error("`{url}` could not be fetched, tried {tries} times: {why}")]
    Network {
        /// The address asked.
        url: String,
        /// How often.
        tries: u32,
        /// What was wrong the last time.
        why: String,
    },
    /// The disk refused.
    #[error("the download cannot be written: {0}")]
    Write(io::Error),
    /// `watch` broke off.
    #[error("the download was stopped")]
    Stopped,
}

/// Downloads files. Keeps connections open between downloads.
pub struct Fetcher {
    agent: Agent,
    patience: Patience,
}

/// Why one try ended early.
enum Failure {
    /// Trying again may help.
    Passing(String),
    Final(FetchError),
}

impl Fetcher {
    /// Reads the environment's proxies, and for HTTPS the trusted certificates.
    pub fn new(patience: Patience) -> Self {
        Self::of(patience, Proxy::try_from_env())
    }

    /// Goes through this proxy, `http://HOST:PORT`, whatever the environment says.
    pub fn through(patience: Patience, proxy: &str) -> Result<Self, FetchError> {
        let proxy = Proxy::new(proxy).map_err(|_| FetchError::Url(proxy.to_owned()))?;
        Ok(Self::of(patience, Some(proxy)))
    }

    fn of(patience: Patience, proxy: Option<Proxy>) -> Self {
        let config = Agent::config_builder()
            .proxy(proxy)
            .http_status_as_error(false)
            .max_redirects(5)
            .user_agent(concat!("homeport/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(patience.silence))
            .timeout_recv_response(Some(patience.silence))
            .timeout_per_read(Some(patience.silence))
            .timeout_per_write(Some(patience.silence))
            .build();
        Self {
            agent: config.into(),
            patience,
        }
    }

    /// Asks once whether a server answers there, with whatever status. Downloads nothing. The server's clock as it says
    /// it, an HTTP date (RFC 9110, 5.6.7) – none if a cache in between has kept the answer for a while.
    pub fn greet(&self, url: &str) -> Result<Option<String>, FetchError> {
        let response = match self.call(url, None) {
            Ok(response) => response,
            Err(Failure::Final(error)) => return Err(error),
            Err(Failure::Passing(why)) => {
                return Err(FetchError::Network {
                    url: url.to_owned(),
                    tries: 1,
                    why,
                });
            }
        };
        let header = |name| {
            response
                .headers()
                .get(name)?
                .to_str()
                .ok()
                .map(str::to_owned)
        };
        Ok(header(header::DATE).filter(|_| header(header::AGE).is_none_or(|age| age == "0")))
    }

    /// Downloads into `file`, which is to be empty. On an error the file holds part of the download.
    pub fn download(
        &self,
        request: &Request,
        file: &mut File,
        watch: Watch,
    ) -> Result<Fetched, FetchError> {
        let mut partial = Partial::new(file);
        let tries = self.patience.tries.max(1);
        for number in 1..=tries {
            let why = match self.try_once(request, &mut partial, watch) {
                Ok(()) => return Ok(partial.finish()),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Passing(why)) => why,
            };
            if number == tries {
                return Err(FetchError::Network {
                    url: request.url.to_owned(),
                    tries,
                    why,
                });
            }
            pause(number, &mut || {
                watch(Progress::Waiting {
                    next: number + 1,
                    tries,
                    why: &why,
                })
            })?;
        }
        Err(FetchError::Stopped)
    }

    fn try_once(
        &self,
        request: &Request,
        partial: &mut Partial,
        watch: Watch,
    ) -> Result<(), Failure> {
        let mut response = self.ask(request, partial)?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT if partial.goes_on(&response) => {}
            StatusCode::OK => partial.restart(&response).map_err(disk)?,
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                partial.forget().map_err(disk)?;
                return Err(Failure::Passing(
                    "the server did not go on where it had stopped".to_owned(),
                ));
            }
            status => return Err(refusal(request.url, status)),
        }
        receive(request, &mut response, partial, watch)
    }

    fn ask(&self, request: &Request, partial: &Partial) -> Result<Response<Body>, Failure> {
        self.call(request.url, partial.range())
    }

    /// `range`: from where on, and what must not have changed since.
    fn call(&self, url: &str, range: Option<(String, &str)>) -> Result<Response<Body>, Failure> {
        let secure = is_secure(url).map_err(Failure::Final)?;
        let mut call = self.agent.get(url);
        if secure {
            let tls = roots::tls().map_err(Failure::Final)?;
            call = call.config().https_only(true).tls_config(tls).build();
        }
        if let Some((range, validator)) = range {
            call = call
                .header(header::RANGE, range)
                .header(header::IF_RANGE, validator);
        }
        call.call().map_err(|error| network(url, error))
    }
}

fn is_secure(url: &str) -> Result<bool, FetchError> {
    match url.split_once("://") {
        Some(("https", _)) => Ok(true),
        Some(("http", _)) => Ok(false),
        _ => Err(FetchError::Url(url.to_owned())),
    }
}

fn receive(
    request: &Request,
    response: &mut Response<Body>,
    partial: &mut Partial,
    watch: Watch,
) -> Result<(), Failure> {
    let too_large = || {
        Failure::Final(FetchError::TooLarge {
            url: request.url.to_owned(),
            limit: request.limit,
        })
    };
    let total = response
        .body()
        .content_length()
        .map(|rest| rest.saturating_add(partial.size()));
    if total.is_some_and(|total| total > request.limit) {
        return Err(too_large());
    }
    let mut body = response.body_mut().as_reader();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = body
            .read(&mut buffer)
            .map_err(|error| network(request.url, error.into()))?;
        let bytes = buffer.get(..count).unwrap_or_default();
        if bytes.is_empty() {
            break;
        }
        if partial.size() + bytes.len() as u64 > request.limit {
            return Err(too_large());
        }
        partial.append(bytes).map_err(disk)?;
        if watch(Progress::Received {
            bytes: partial.size(),
            total,
        })
        .is_break()
        {
            return Err(Failure::Final(FetchError::Stopped));
        }
    }
    match total {
        Some(total) if total != partial.size() => Err(Failure::Passing(
            "the connection ended too early".to_owned(),
        )),
        _ => Ok(()),
    }
}

/// Server errors, "too many requests" and "request timeout" may pass; any other status will not.
fn refusal(url: &str, status: StatusCode) -> Failure {
    match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {}
        _ if status.is_server_error() => {}
        _ => {
            return Failure::Final(FetchError::Status {
                url: url.to_owned(),
                status: status.as_u16(),
            });
        }
    }
    Failure::Passing(format!("it was answered with status {}", status.as_u16()))
}

/// Settings and certificates do not get better by trying again, nearly everything else on a network may.
fn network(url: &str, error: ureq::Error) -> Failure {
    use ureq::Error;
    let why = match &error {
        Error::Io(error) => error.to_string(),
        error => error.to_string(),
    };
    match error {
        Error::Io(error) if error.kind() != io::ErrorKind::InvalidData => Failure::Passing(why),
        Error::Timeout(_) | Error::HostNotFound | Error::ConnectionFailed => Failure::Passing(why),
        Error::Protocol(_) | Error::ConnectProxyFailed(_) => Failure::Passing(why),
        Error::BadUri(_) | Error::Http(_) => Failure::Final(FetchError::Url(url.to_owned())),
        _ => Failure::Final(FetchError::Network {
            url: url.to_owned(),
            tries: 1,
            why,
        }),
    }
}

fn disk(error: io::Error) -> Failure {
    Failure::Final(FetchError::Write(error))
}

/// Half a second after the first try, twice as long after each further one, 8 s at most.
fn pause(after: u32, watch: &mut dyn FnMut() -> ControlFlow<()>) -> Result<(), FetchError> {
    let wait = Duration::from_millis(500 << (after - 1).min(4));
    let end = Instant::now() + wait;
    while Instant::now() < end {
        if watch().is_break() {
            return Err(FetchError::Stopped);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
