//! Asks servers for statements: small texts, kept in memory, within a limit.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use homeport_bootstrap::fetch::{FetchError, Patience, Request};
use serde_json::Value;

use crate::source::{self, Unheld};

/// The largest statement, bytes: an npm package says everything of all its versions in one.
const LIMIT: u64 = 32 << 20;

/// How long someone is waited for beside whom there is another to ask.
const SHORT: Patience = Patience {
    tries: 1,
    silence: Duration::from_secs(8),
};

/// How servers are asked.
pub(super) struct Asking<'a> {
    /// Whether it is worth to wait.
    pub(super) patient: bool,
    pub(super) stop: &'a AtomicBool,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// The server has not given one.
    #[error("{0}")]
    Fetch(FetchError),
    /// It has, and the wanted version is not in it.
    #[error("{0}")]
    Odd(String),
    /// The user asked to stop.
    #[error("you asked to stop")]
    Stopped,
}

impl Refusal {
    /// There is no such version.
    pub(super) fn no(version: &str) -> Refusal {
        Refusal::Odd(format!("there is no version {version}"))
    }

    /// The source names only how the version begins, and nobody can say which is the newest.
    pub(super) fn vague(begin: &str) -> Refusal {
        Refusal::Odd(format!("`{begin}` is not a whole version"))
    }
}

impl Asking<'_> {
    /// A text.
    pub(super) fn text(&mut self, url: &str) -> Result<String, Refusal> {
        String::from_utf8(self.bytes(url)?)
            .map_err(|_| Refusal::Odd(format!("`{url}` is not a text")))
    }

    /// A JSON document.
    pub(super) fn json(&mut self, url: &str) -> Result<Value, Refusal> {
        serde_json::from_slice(&self.bytes(url)?)
            .map_err(|error| Refusal::Odd(format!("`{url}` is not JSON: {error}")))
    }

    fn bytes(&mut self, url: &str) -> Result<Vec<u8>, Refusal> {
        let patience = match self.patient {
            true => Patience::default(),
            false => SHORT,
        };
        let held = source::held(&Request { url, limit: LIMIT }, patience, self.stop);
        held.map_err(|unheld| match unheld {
            Unheld::Memory(error) => Refusal::Fetch(FetchError::Write(error)),
            Unheld::Fetch(FetchError::Stopped) => Refusal::Stopped,
            Unheld::Fetch(error) => Refusal::Fetch(error),
        })
    }
}
