//! From library errors to the one the user sees: those of downloads, bundles and signatures.

use homeport_bootstrap::fetch::FetchError;
use homeport_bootstrap::release::ReleaseError;
use homeport_bootstrap::trust::TrustError;
use homeport_bootstrap::unpack::UnpackError;

use super::{Error, Kind};
use crate::bundle::BundleError;

impl From<BundleError> for Error {
    fn from(error: BundleError) -> Error {
        let (kind, what, remedy) = match &error {
            BundleError::Name(_) => (
                Kind::Usage,
                "This is not a bundle.",
                "Give the bundle the name it was published under.",
            ),
            BundleError::Kind(_) | BundleError::Manifest(_) | BundleError::Channel(_) => (
                Kind::Configuration,
                "The bundle cannot be made.",
                "Correct what is named.",
            ),
            BundleError::File { .. } => (
                Kind::Resources,
                "A file cannot be used.",
                "Check that it is there, and the disk it is on.",
            ),
            BundleError::Key { .. } => (
                Kind::Resources,
                "Nothing can be signed.",
                "Give a key file that `minisign -G` wrote.",
            ),
            BundleError::Trust { .. } | BundleError::Content { .. } => {
                (Kind::Untrusted, REFUSED, REFUSED_REMEDY)
            }
        };
        Error::new(kind, what, error.to_string()).with_remedy(remedy)
    }
}

const REFUSED: &str = "The release is not accepted.";
const REFUSED_REMEDY: &str = "Get it again, from another place if you can. If it stays so, tell its publisher: it was \
                              damaged or exchanged.";

impl From<ReleaseError> for Error {
    fn from(error: ReleaseError) -> Error {
        let stopped = error.is_stop();
        let why = error.to_string();
        let of = |kind, what: &str, remedy: &str| {
            Error::new(kind, what, why.as_str()).with_remedy(remedy)
        };
        match error {
            _ if stopped => of(Kind::Cancelled, "Stopped.", ""),
            ReleaseError::Fetch(error) => error.into(),
            ReleaseError::Name(_) => of(
                Kind::Usage,
                "This is not a bundle.",
                "Give the bundle the name it was published under.",
            ),
            ReleaseError::Target(_) => of(
                Kind::Resources,
                "The release does not fit.",
                "Take the bundle made for this machine.",
            ),
            ReleaseError::File { .. } => of(
                Kind::Resources,
                "The release cannot be read.",
                "Check that bundle and signature are there.",
            ),
            ReleaseError::Content {
                source: UnpackError::Write { .. },
                ..
            } => of(
                Kind::Resources,
                "The release cannot be unpacked.",
                "Free some space: `df -h` shows where it went.",
            ),
            ReleaseError::Channel { .. } => of(
                Kind::Untrusted,
                REFUSED,
                "Check this machine's clock (`date -u`), then try again.",
            ),
            ReleaseError::Trust { .. } | ReleaseError::Content { .. } | ReleaseError::NoCore(_) => {
                of(Kind::Untrusted, REFUSED, REFUSED_REMEDY)
            }
        }
    }
}

impl From<FetchError> for Error {
    fn from(error: FetchError) -> Error {
        let (kind, remedy) = match &error {
            FetchError::Url(_) => (
                Kind::Configuration,
                "Give an address that begins with https:// or http://.",
            ),
            FetchError::Certificates { .. } => (
                Kind::Download,
                "Set SSL_CERT_FILE to a file of PEM certificates, or unset it.",
            ),
            FetchError::Status { .. } => (Kind::Download, "Check the address and the version."),
            FetchError::TooLarge { .. } => (
                Kind::Download,
                "Check the address: this is not what was expected there.",
            ),
            FetchError::Write(_) => (
                Kind::Resources,
                "Free some space: `df -h` shows where it went.",
            ),
            FetchError::Network { .. } => (
                Kind::Download,
                "Check the network, a proxy in HTTPS_PROXY, and SSL_CERT_FILE if the certificate is not trusted.",
            ),
            FetchError::Stopped => (Kind::Cancelled, ""),
        };
        Error::new(kind, "The download failed.", error.to_string()).with_remedy(remedy)
    }
}

impl From<TrustError> for Error {
    fn from(error: TrustError) -> Error {
        Error::new(
            Kind::Untrusted,
            "Nothing can be verified.",
            error.to_string(),
        )
        .with_remedy(
            "Give the publisher's public key, the file `minisign -G` wrote beside the secret one.",
        )
    }
}
