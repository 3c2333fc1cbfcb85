//! From a base URL or a file to an unpacked release, in the one safe order: fetch, signature over the bytes with the
//! comment that binds name and version, version floor, unpack, every digest. Starts nothing.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek};
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use semver::Version;

use crate::channel::{self, Channel, ChannelError};
use crate::fetch::{FetchError, Fetcher, Patience, Progress, Request};
use crate::manifest::{self, Manifest};
use crate::name::{self, BundleName, ChannelName, NotABundle, SIGNATURE_SUFFIX};
use crate::trust::{Key, SIGNATURE_LIMIT, TrustError};
use crate::unpack::{self, UnpackError};
use crate::utc;

/// The most bytes taken of a bundle; a release has about four million.
pub const BUNDLE_LIMIT: u64 = manifest::MAX_TOTAL;

/// The program a bundle starts with.
pub const CORE: &str = "bin/homeport";

/// Where a release comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A bundle on disk, its signature beside it. No network call is made.
    File(PathBuf),
    /// A server.
    Server {
        /// The URL everything lies under, without a closing slash.
        base: String,
        /// Which channel to follow.
        channel: ChannelName,
        /// The release to take instead of the channel's newest.
        version: Option<Version>,
        /// How long to put up with the network.
        patience: Patience,
    },
}

/// What [`obtain`] is doing.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// Downloading the named file.
    Fetch(&'a str, Progress<'a>),
    /// Checking the signature of the named file.
    Verify(&'a str),
    /// Unpacking: so many of so many bytes.
    Unpack(u64, u64),
}

/// Told of every [`Step`]; breaks off when asked to.
pub type Watch<'a> = &'a mut dyn FnMut(Step) -> ControlFlow<()>;

/// A release whose every byte has been checked.
#[derive(Debug)]
pub struct Release {
    /// What it holds.
    pub manifest: Manifest,
    /// Where.
    pub dir: PathBuf,
}

/// Why there is no release.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The file is not called as bundles are.
    #[error(transparent)]
    Name(#[from] NotABundle),
    /// The bundle is for other machines.
    #[error("`{0}` is for other machines than this one ({own})", own = name::own_target())]
    Target(BundleName),
    /// A download failed.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A file on disk could not be read or copied.
    #[error("`{path}`: {source}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The signature does not hold.
    #[error("`{file}` is refused: {source}")]
    Trust {
        /// The file.
        file: String,
        /// Why.
        source: TrustError,
    },
    /// The channel does not hold, or does not allow the release.
    #[error("the channel file `{file}` is refused: {source}")]
    Channel {
        /// The file.
        file: String,
        /// Why.
        source: ChannelError,
    },
    /// The content is not what the manifest says.
    #[error("`{file}` is refused: {source}")]
    Content {
        /// The file.
        file: String,
        /// Why.
        source: UnpackError,
    },
    /// The content is right, but holds no core.
    #[error("`{0}` is refused: it holds no program `{CORE}`")]
    NoCore(String),
}

impl ReleaseError {
    /// Whether `watch` broke off, rather than anything having failed.
    pub fn is_stop(&self) -> bool {
        matches!(
            self,
            Self::Fetch(FetchError::Stopped)
                | Self::Content {
                    source: UnpackError::Stopped,
                    ..
                }
        )
    }
}

/// Fetches, verifies and unpacks a release into `dir`, which is to be private and empty. On an error `dir` holds
/// unchecked files: remove it.
pub fn obtain(
    source: &Source,
    key: &Key,
    dir: &Path,
    watch: Watch,
) -> Result<Release, ReleaseError> {
    let (name, bundle) = match source {
        Source::File(path) => take(path, key, dir, watch)?,
        Source::Server {
            base,
            channel,
            version,
            patience,
        } => {
            let server = Server {
                base,
                fetcher: Fetcher::new(*patience),
                key,
                dir,
            };
            let version = server.choose(channel, version.as_ref(), watch)?;
            let name = BundleName {
                version,
                target: name::own_target(),
            };
            let bundle = server.signed(
                &name.to_string(),
                BUNDLE_LIMIT,
                &name.trusted_comment(),
                watch,
            )?;
            (name, bundle)
        }
    };
    open(&name, bundle, &dir.join("release"), watch)
}

/// Copies the bundle before it is checked, so that nobody can change it between check and use.
fn take(
    path: &Path,
    key: &Key,
    dir: &Path,
    watch: Watch,
) -> Result<(BundleName, File), ReleaseError> {
    let name = BundleName::of(path)?;
    if name.target != name::own_target() {
        return Err(ReleaseError::Target(name));
    }
    let beside = PathBuf::from(format!("{}{SIGNATURE_SUFFIX}", path.display()));
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |source| ReleaseError::File { path, source }
    };
    let mut signature = Vec::new();
    let opened = File::open(&beside).map_err(failed(&beside))?;
    opened
        .take(SIGNATURE_LIMIT)
        .read_to_end(&mut signature)
        .map_err(failed(&beside))?;
    let mut bundle = create(&dir.join("bundle"))?;
    let mut original = File::open(path).map_err(failed(path))?.take(BUNDLE_LIMIT);
    io::copy(&mut original, &mut bundle).map_err(failed(path))?;
    verify(
        key,
        &name.to_string(),
        &mut bundle,
        &signature,
        &name.trusted_comment(),
        watch,
    )?;
    Ok((name, bundle))
}

struct Server<'a> {
    base: &'a str,
    fetcher: Fetcher,
    key: &'a Key,
    dir: &'a Path,
}

impl Server<'_> {
    /// The release the channel gives out.
    fn choose(
        &self,
        channel: &ChannelName,
        wanted: Option<&Version>,
        watch: Watch,
    ) -> Result<Version, ReleaseError> {
        let name = channel.file();
        let mut file = self.signed(&name, channel::LIMIT, &channel.trusted_comment(), watch)?;
        let bytes = read(&mut file, &name)?;
        Channel::parse(&bytes, channel)
            .and_then(|channel| channel.choose(wanted, &utc::format(SystemTime::now())))
            .map_err(|source| ReleaseError::Channel { file: name, source })
    }

    /// Downloads a file and its signature, and checks the one with the other.
    fn signed(
        &self,
        name: &str,
        limit: u64,
        comment: &str,
        watch: Watch,
    ) -> Result<File, ReleaseError> {
        let beside = format!("{name}{SIGNATURE_SUFFIX}");
        let mut file = self.fetch(name, limit, watch)?;
        let mut signature = self.fetch(&beside, SIGNATURE_LIMIT, watch)?;
        let signature = read(&mut signature, &beside)?;
        verify(self.key, name, &mut file, &signature, comment, watch)?;
        Ok(file)
    }

    fn fetch(&self, name: &str, limit: u64, watch: Watch) -> Result<File, ReleaseError> {
        let mut file = create(&self.dir.join(name))?;
        let url = format!("{}/{name}", self.base.trim_end_matches('/'));
        let request = Request { url: &url, limit };
        self.fetcher
            .download(&request, &mut file, &mut |progress| {
                watch(Step::Fetch(name, progress))
            })?;
        Ok(file)
    }
}

fn verify(
    key: &Key,
    name: &str,
    file: &mut File,
    signature: &[u8],
    comment: &str,
    watch: Watch,
) -> Result<(), ReleaseError> {
    if watch(Step::Verify(name)).is_break() {
        return Err(FetchError::Stopped.into());
    }
    let refused = |source| ReleaseError::Trust {
        file: name.to_owned(),
        source,
    };
    file.rewind().map_err(|error| refused(error.into()))?;
    key.verify(file, signature, comment).map_err(refused)
}

fn open(
    name: &BundleName,
    mut bundle: File,
    dir: &Path,
    watch: Watch,
) -> Result<Release, ReleaseError> {
    let file = name.to_string();
    let failed = |source| ReleaseError::File {
        path: dir.display().to_string(),
        source,
    };
    bundle
        .rewind()
        .and_then(|()| fs::create_dir(dir))
        .map_err(failed)?;
    let manifest = unpack::unpack(bundle, name, dir, &mut |done, total| {
        watch(Step::Unpack(done, total))
    })
    .map_err(|source| ReleaseError::Content {
        file: file.clone(),
        source,
    })?;
    let starts = |entry: &manifest::FileEntry| {
        entry.path == CORE && entry.mode == manifest::Mode::Executable
    };
    if !manifest.files.iter().any(starts) {
        return Err(ReleaseError::NoCore(file));
    }
    Ok(Release {
        manifest,
        dir: dir.to_owned(),
    })
}

fn create(path: &Path) -> Result<File, ReleaseError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|source| ReleaseError::File {
            path: path.display().to_string(),
            source,
        })
}

fn read(file: &mut File, name: &str) -> Result<Vec<u8>, ReleaseError> {
    let mut bytes = Vec::new();
    file.rewind()
        .and_then(|()| file.read_to_end(&mut bytes))
        .map_err(|source| ReleaseError::File {
            path: name.to_owned(),
            source,
        })?;
    Ok(bytes)
}
