//! One HTTP exchange with the app: fixed address, pinned certificate, every answer read whole. Never trusts a
//! certificate that was not given, never follows a redirect, never tries again.

use std::net::SocketAddr;
use std::time::Duration;

use ureq::config::Config;
use ureq::http::{HeaderMap, Request, Response, StatusCode, Uri};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, AsSendBody, Body};

use super::AppError;

/// Longer than any hold (20 s until a cut-over is undone) and any slow start that is waited for.
const PATIENCE: Duration = Duration::from_secs(120);
/// More than the app's body limit of 22 MiB lets anyone store.
const LARGEST_ANSWER: u64 = 64 << 20;

/// Where the app is and how to know it.
pub(super) struct Wire {
    agent: Agent,
    base: String,
}

/// What came back, whatever its status.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Wire {
    pub(super) fn new(
        base: &str,
        at: Option<SocketAddr>,
        root_pem: Option<&str>,
    ) -> Result<Self, AppError> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(PATIENCE))
            .tls_config(tls(root_pem)?)
            .build();
        Ok(Self {
            agent: Agent::with_parts(config, DefaultConnector::new(), Pinned(at)),
            base: base.trim_end_matches('/').to_owned(),
        })
    }

    /// Sends one request; `headers` are name and value.
    pub(super) fn exchange(
        &self,
        method: &'static str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Answer, AppError> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        match body {
            Some(bytes) => self.run(method, path, request.body(bytes)),
            None => self.run(method, path, request.body(())),
        }
    }

    fn run<B: AsSendBody>(
        &self,
        method: &'static str,
        path: &str,
        request: Result<Request<B>, ureq::http::Error>,
    ) -> Result<Answer, AppError> {
        let lost = |source: ureq::Error| AppError::Transport {
            method,
            path: path.to_owned(),
            source,
        };
        let request = request.map_err(|error| lost(error.into()))?;
        read(self.agent.run(request).map_err(lost)?).map_err(lost)
    }
}

fn read(mut response: Response<Body>) -> Result<Answer, ureq::Error> {
    let body = response
        .body_mut()
        .with_config()
        .limit(LARGEST_ANSWER)
        .read_to_vec()?;
    Ok(Answer {
        status: response.status(),
        headers: response.headers().clone(),
        body,
    })
}

/// With a root given, that certificate and no other is trusted.
fn tls(root_pem: Option<&str>) -> Result<TlsConfig, AppError> {
    let Some(pem) = root_pem else {
        return Ok(TlsConfig::default());
    };
    let root = Certificate::from_pem(pem.as_bytes()).map_err(AppError::Certificate)?;
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&[root]))
        .build())
}

/// Resolves every name to one address, as an entry in the hosts file would.
#[derive(Debug)]
struct Pinned(Option<SocketAddr>);

impl Resolver for Pinned {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let Some(address) = self.0 else {
            return DefaultResolver::default().resolve(uri, config, timeout);
        };
        let mut addresses = self.empty();
        addresses.push(address);
        Ok(addresses)
    }
}
