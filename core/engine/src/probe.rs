//! One check with its expectation and its deadline, as data.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::op::HostSecret;

/// A question asked again and again until it is answered as expected or the deadline has passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// What is asked.
    pub check: Check,
    /// Milliseconds from the first try after which the probe has failed.
    pub deadline_ms: u32,
    /// Milliseconds between two tries.
    pub interval_ms: u32,
    /// Unit whose last log lines are shown when the probe fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// What a probe asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// A request and what its answer must be.
    Http(HttpCheck),
    /// Somebody can log in with a password the host knows. Host side only.
    LogIn(LogIn),
    /// Who listens on a TCP port of this machine is this unit, and nobody else.
    Listens {
        /// Unit name.
        unit: String,
        /// The port.
        port: u16,
    },
    /// A TCP connection is accepted.
    Tcp {
        /// `host:port`.
        address: String,
    },
    /// A systemd unit is active and its main process has run for at least so many milliseconds.
    UnitActive {
        /// Unit name.
        unit: String,
        /// Milliseconds.
        for_ms: u32,
    },
}

/// A request and what its answer must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpCheck {
    /// Where to connect.
    pub via: Via,
    /// `Host` header.
    pub host: String,
    /// Path with query.
    pub path: String,
    /// What is posted, when it is a call without a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<Call>,
    /// Expected status.
    pub status: u16,
    /// Text the body must contain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_contains: Option<String>,
    /// JSON pointer into the body and the text found there; of a number or a truth value, its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json_equals: Option<(String, String)>,
    /// JSON to send with POST instead of asking with GET.
    #[serde(skip)]
    pub post: Option<Hidden>,
}

/// A POST request with a name and a password as JSON, and what its answer must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogIn {
    /// Where and what is asked.
    pub ask: HttpCheck,
    /// Key and value of the name.
    pub name: (String, String),
    /// Key of the password.
    pub password: String,
    /// Which password. It is looked up when it is sent.
    pub secret: HostSecret,
}

/// The body of a request with a secret in it: never written down, never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(pub String);

impl fmt::Debug for Hidden {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("…")
    }
}

/// What a probe posts. It must be something that changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Headers beside those every request has.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Body.
    pub body: String,
}

/// How an HTTP probe connects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Via {
    /// Plain TCP to `host:port`.
    Tcp(String),
    /// A Unix socket.
    Unix(String),
    /// TLS to `host:port`; the certificate must chain to one of these (PEM). Host side only.
    Tls {
        /// `host:port`.
        address: String,
        /// Roots, PEM.
        roots: String,
    },
}
