//! Asks servers for statements: small texts, kept in memory, within a limit.

use std::fs::File;
use std::io::{Read, Seek};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use homeport_bootstrap::fetch::{FetchError, Fetcher, Patience, Request};
use rustix::fs::{MemfdFlags, memfd_create};
use serde_json::Value;

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
        let fetcher = Fetcher::new(if self.patient {
            Patience::default()
        } else {
            SHORT
        });
        let unkept = |error: std::io::Error| Refusal::Fetch(FetchError::Write(error));
        let memory = memfd_create("statement", MemfdFlags::CLOEXEC);
        let mut file = File::from(memory.map_err(|error| unkept(error.into()))?);
        let mut watch = |_: homeport_bootstrap::fetch::Progress<'_>| {
            if self.stop.load(Ordering::SeqCst) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let request = Request { url, limit: LIMIT };
        match fetcher.download(&request, &mut file, &mut watch) {
            Ok(_) => {}
            Err(FetchError::Stopped) => return Err(Refusal::Stopped),
            Err(error) => return Err(Refusal::Fetch(error)),
        }
        let mut bytes = Vec::new();
        file.rewind().map_err(unkept)?;
        file.read_to_end(&mut bytes).map_err(unkept)?;
        Ok(bytes)
    }
}
