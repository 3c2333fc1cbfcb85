//! What can go wrong in the gate itself. A failed connection is not in here: it concerns one request, not the gate.

use std::io;
use std::path::PathBuf;

/// Why the gate could not start, could not go on, or could not be asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GateError {
    /// The command line is not usable.
    #[error("gate: {0}. Nothing was started; correct the unit or its environment file")]
    Usage(String),
    /// Standard input or output is not the listening socket systemd should have passed.
    #[error(
        "gate: standard {stream} is not a listening Unix socket ({reason}). \
         Nothing was started; begin it through its socket unit"
    )]
    NotListening {
        /// `input` or `output`.
        stream: &'static str,
        /// What it is instead.
        reason: String,
    },
    /// The system refused something the gate cannot work without.
    #[error(
        "gate: cannot {doing}: {source}. Requests wait in the kernel's queue until the gate runs again"
    )]
    System {
        /// What was tried, as a verb phrase.
        doing: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// The file that makes a hold survive a killed gate could not be written or removed.
    #[error("gate: cannot {doing} the hold mark {path}: {source}. The gate stays as it was")]
    Mark {
        /// `create` or `remove`.
        doing: &'static str,
        /// The mark.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The running gate could not be asked.
    #[error(
        "gate: no answer at {path}: {source}. \
         Whether requests are held is unknown; see `systemctl status 'homeport-gate@*'`"
    )]
    Unreachable {
        /// The control socket.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The running gate answered that it will not, or in words we do not know.
    #[error("gate: {0}")]
    Refused(String),
}

impl GateError {
    /// For `map_err`: names what was being done.
    pub(crate) fn system<E: Into<io::Error>>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::System {
            doing,
            source: source.into(),
        }
    }
}
