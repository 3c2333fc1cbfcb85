//! What is said to a proxy plugin beyond the shared conversation. A proxy is given sockets and knows nothing of
//! releases or colours: the gate behind those sockets decides who answers.

use serde::{Deserialize, Serialize};

use super::{Request, conversation::Purpose as PurposeOf};

/// What a proxy is asked to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Purpose {
    /// Serve this site from now on and at every boot. Twice is once; a changed site is taken over.
    Site {
        /// What is to be served.
        site: Box<Site>,
        /// With which certificate.
        certificate: Certificate,
    },
    /// Take another certificate without losing a request: no reload, no restart.
    Certificate {
        /// What is being served.
        site: Box<Site>,
        /// The other certificate.
        certificate: Certificate,
    },
    /// Prove that the running proxy can hold as many requests as `site` may have waiting.
    Verify {
        /// What is being served.
        site: Box<Site>,
    },
    /// Serve no longer; leave no private key behind.
    Remove {
        /// What was served.
        site: Box<Site>,
    },
}

impl PurposeOf for Purpose {
    const NAMES: &'static [&'static str] = &["site", "certificate", "verify", "remove"];

    fn name(&self) -> &'static str {
        match self {
            Self::Site { .. } => "site",
            Self::Certificate { .. } => "certificate",
            Self::Verify { .. } => "verify",
            Self::Remove { .. } => "remove",
        }
    }
}

/// One app's face to its users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// The instance's name: lower-case letters, digits, hyphens.
    pub instance: String,
    /// Every name and IP address it answers to; the first is the one redirects lead to.
    pub names: Vec<String>,
    /// Port of plain HTTP; it only redirects.
    pub http_port: u16,
    /// Port of HTTPS.
    pub https_port: u16,
    /// Loopback port for probes through the proxy while users wait. Plain HTTP, never counted.
    pub internal_port: u16,
    /// Where requests go.
    pub upstreams: Vec<Upstream>,
    /// Paths of long-lived connections: WebSockets, event streams.
    #[serde(default)]
    pub streams: Vec<StreamRule>,
    /// Largest request body, bytes.
    pub max_body_bytes: u64,
    /// How long a request may wait for its answer; above the longest hold.
    pub read_timeout_seconds: u32,
    /// How long a stream may be silent.
    pub stream_timeout_seconds: u32,
    /// How many requests may have to wait at once.
    pub waiting: u32,
}

/// A socket behind the proxy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upstream {
    /// The component's name: lower-case letters, digits, hyphens.
    pub component: String,
    /// What comes through it.
    pub carries: Carries,
    /// Requests whose path begins with this belong to the component; `/` for all others.
    pub prefix: String,
    /// Absolute path of a Unix socket.
    pub socket: String,
}

/// What comes through a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carries {
    /// Users' requests.
    Requests,
    /// What a [`StreamRule`] names; without such a socket it goes with the requests.
    Streams,
    /// Probes from the internal listener; without such a socket they go with the requests.
    Probes,
}

/// A path of long-lived connections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamRule {
    /// The component it belongs to.
    pub component: String,
    /// The path.
    pub path: String,
    /// This path only, or everything below it too.
    pub exact: bool,
}

/// A certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum Certificate {
    /// Made in the guest, for the site's names; kept if one for these names is there already.
    SelfSigned {
        /// How long it is valid.
        days: u32,
    },
    /// The administrator's.
    Given {
        /// Certificate and intermediates, PEM.
        chain: String,
        /// Name of the secret that holds the private key, PEM.
        key: String,
    },
}

/// Where does the proxy keep things?
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Places {
    /// Of which site.
    pub site: Box<Site>,
}

/// Where the proxy keeps things.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// Its unit.
    pub unit: String,
    /// The counting log: one line per users' request when it ends, `<unix time> <status> <seconds> <r|s>`, `s` for a
    /// stream. No address, no URL. The source of "0 of N failed".
    pub counting_log: String,
    /// Its own complaints.
    pub error_log: String,
    /// The certificate in use, PEM; never the key.
    pub certificate: String,
}

impl Request for Places {
    const METHOD: &'static str = "places";
    type Answer = Placed;
}
