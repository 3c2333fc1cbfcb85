//! Turns every error into its four sentences and its exit code. The only place of this program that knows codes.

use std::io;

use homeport_bootstrap::fetch::FetchError;
use homeport_bootstrap::place::NoPlace;
use homeport_bootstrap::release::ReleaseError;
use homeport_bootstrap::trust::TrustError;
use homeport_bootstrap::unpack::UnpackError;

use crate::args::UsageError;

const USAGE: u8 = 2;
const MACHINE: u8 = 4;
const DOWNLOAD: u8 = 8;
const UNTRUSTED: u8 = 13;

/// The state in which every failure before the start of core leaves the machine.
const UNTOUCHED: &str = "nothing was started or installed; what had been fetched is removed.";

/// What is told to the user, and to the shell.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) what: String,
    pub(crate) why: String,
    pub(crate) state: &'static str,
    pub(crate) remedy: String,
    pub(crate) code: u8,
}

fn untouched(code: u8, what: &str, why: String, remedy: &str) -> Failure {
    Failure {
        what: what.to_owned(),
        why,
        state: UNTOUCHED,
        remedy: remedy.to_owned(),
        code,
    }
}

impl Failure {
    /// A signal ended the program before core was started.
    pub(crate) fn stopped(signal: i32) -> Self {
        let why = format!("signal {signal} arrived.");
        let code = u8::try_from(128 + signal).unwrap_or(u8::MAX);
        untouched(
            code,
            "Stopped before anything was started.",
            why,
            "run the same command again.",
        )
    }

    /// The system does not let signals be watched, so nothing could be cleaned up after one.
    pub(crate) fn signals(error: &io::Error) -> Self {
        untouched(
            MACHINE,
            "Signals cannot be watched.",
            format!("{error}."),
            "let this program install signal handlers and start threads.",
        )
    }

    /// Core was unpacked and verified, but does not start.
    pub(crate) fn start(error: &io::Error) -> Self {
        let remedy = "use a machine with glibc 2.30 or newer (Debian 11, Proxmox VE 7), and see that its security \
                      policy lets root start programs from the directory in TMPDIR.";
        untouched(
            MACHINE,
            "`homeport` cannot be started.",
            format!("{error}."),
            remedy,
        )
    }
}

impl From<UsageError> for Failure {
    fn from(error: UsageError) -> Self {
        let what = "The command cannot be carried out as given.";
        untouched(USAGE, what, format!("{error}."), "see `bootstrap --help`.")
    }
}

impl From<NoPlace> for Failure {
    fn from(error: NoPlace) -> Self {
        let remedy =
            "free some space, or set TMPDIR to a directory with room that is not mounted noexec.";
        untouched(
            MACHINE,
            "There is no place to unpack the release.",
            format!("{error}."),
            remedy,
        )
    }
}

impl From<TrustError> for Failure {
    fn from(error: TrustError) -> Self {
        let remedy = "take the bootstrap from the place your releases come from, or build it with HOMEPORT_PUBLIC_KEY.";
        untouched(
            UNTRUSTED,
            "Nothing can be verified.",
            format!("{error}."),
            remedy,
        )
    }
}

impl From<ReleaseError> for Failure {
    fn from(error: ReleaseError) -> Self {
        let why = format!("{error}.");
        match error {
            ReleaseError::Name(_) => untouched(
                USAGE,
                NO_RELEASE,
                why,
                "give the bundle the name it was published under.",
            ),
            ReleaseError::Target(_) => untouched(
                MACHINE,
                NO_RELEASE,
                why,
                "take the bundle made for this machine.",
            ),
            ReleaseError::File { ref source, .. } => {
                untouched(MACHINE, NO_RELEASE, why, file_remedy(source))
            }
            ReleaseError::Fetch(error) => fetch(&error, why),
            ReleaseError::Content {
                source: UnpackError::Write { .. },
                ..
            } => untouched(
                MACHINE,
                NO_RELEASE,
                why,
                "free some space there, or set TMPDIR to a directory with room.",
            ),
            ReleaseError::Trust { .. } | ReleaseError::Content { .. } | ReleaseError::NoCore(_) => {
                untouched(UNTRUSTED, REFUSED, why, REFUSED_REMEDY)
            }
            ReleaseError::Channel { .. } => untouched(UNTRUSTED, REFUSED, why, CHANNEL_REMEDY),
        }
    }
}

const NO_RELEASE: &str = "The release could not be read.";
const REFUSED: &str = "The release is not accepted.";
const REFUSED_REMEDY: &str = "try again, from another mirror if you can; if it stays so, tell whoever publishes it: \
                              the file was damaged or exchanged.";
const CHANNEL_REMEDY: &str = "check this machine's clock and try again, from another mirror if you can; if it stays so, \
                              tell whoever publishes it.";

fn file_remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "put the file there, its signature `.minisig` beside it.",
        io::ErrorKind::StorageFull => "free some space, or set TMPDIR to a directory with room.",
        _ => "check that the file and its directory can be read and written.",
    }
}

fn fetch(error: &FetchError, why: String) -> Failure {
    let remedy = match error {
        FetchError::Url(_) => "give a base URL that begins with https:// or http://.",
        FetchError::Certificates { .. } => {
            "set SSL_CERT_FILE to a file of PEM certificates, or unset it."
        }
        FetchError::Status { .. } => "check base URL, channel and version.",
        FetchError::TooLarge { .. } => "check the base URL: this is not what Homeport publishes.",
        FetchError::Write(_) => "free some space, or set TMPDIR to a directory with room.",
        FetchError::Network { .. } | FetchError::Stopped => {
            "check the network, a proxy in HTTPS_PROXY, and SSL_CERT_FILE if the certificate is not trusted; then try again."
        }
    };
    let code = if matches!(error, FetchError::Write(_)) {
        MACHINE
    } else {
        DOWNLOAD
    };
    untouched(code, "The download failed.", why, remedy)
}
