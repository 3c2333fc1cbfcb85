//! Why a bundle or channel cannot be made or is not accepted.

use std::io;
use std::path::{Path, PathBuf};

use homeport_bootstrap::channel::ChannelError;
use homeport_bootstrap::manifest::ManifestError;
use homeport_bootstrap::name::NotABundle;
use homeport_bootstrap::trust::TrustError;
use homeport_bootstrap::unpack::UnpackError;

/// Why a bundle or channel cannot be made or is not accepted. Whatever was half done is removed.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The file is not called as bundles are.
    #[error(transparent)]
    Name(#[from] NotABundle),
    /// A file or directory could not be read or written.
    #[error("`{path}`: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something in the directory is neither a file nor a directory, or its name is not UTF-8.
    #[error("`{0}` cannot be part of a bundle: it is no regular file with a plain name")]
    Kind(PathBuf),
    /// The directory's content breaks a limit of bundles.
    #[error("the directory cannot become a bundle: {0}")]
    Manifest(#[from] ManifestError),
    /// The channel's fields contradict each other.
    #[error("the channel cannot be described so: {0}")]
    Channel(#[from] ChannelError),
    /// The secret key cannot be used.
    #[error("the secret key `{path}` cannot be used: {why}")]
    Key {
        /// The key file.
        path: PathBuf,
        /// What is wrong; never part of the key.
        why: String,
    },
    /// The signature does not hold.
    #[error("`{path}` is refused: {source}")]
    Trust {
        /// The signed file.
        path: PathBuf,
        /// Why.
        source: TrustError,
    },
    /// The content is not what the manifest says.
    #[error("`{path}` is refused: {source}")]
    Content {
        /// The bundle.
        path: PathBuf,
        /// Why.
        source: UnpackError,
    },
}

impl BundleError {
    /// The exit code of this class of error: 2 usage, 3 input invalid, 4 prerequisites missing, 13 not genuine.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Name(_) => 2,
            Self::Kind(_) | Self::Manifest(_) | Self::Channel(_) => 3,
            Self::File { .. } | Self::Key { .. } => 4,
            Self::Trust { .. } | Self::Content { .. } => 13,
        }
    }
}

/// Makes the error of a file operation on `path`.
pub(super) fn at(path: &Path) -> impl Fn(io::Error) -> BundleError {
    move |source| BundleError::File {
        path: path.to_owned(),
        source,
    }
}
