//! Opens a bundle: zstd, inside it a plain tar, inside it the manifest first and then exactly the files it lists.
//! Knows regular files only: no directories, links, devices or tar extensions. Call it on verified bytes.

use std::collections::HashMap;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use ruzstd::decoding::StreamingDecoder;
use tar::{Entry, EntryType};

use crate::digest::Hasher;
use crate::manifest::{self, FileEntry, Manifest, ManifestError};
use crate::name::BundleName;

/// The most memory a bundle can make the decoder take for its window. `zstd -19` asks for 8 MiB.
const MAX_WINDOW: u64 = 16 * 1024 * 1024;
/// The most bytes after the last file: tar closes with zeros up to its block of 10 KiB.
const MAX_PADDING: u64 = 10 * 1024;

/// Why the content of a bundle is refused, or could not be written.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The outer or inner format is broken.
    #[error("it is not an intact archive: {0}")]
    Broken(String),
    /// The first entry is something else.
    #[error("its first file is not `{}`", manifest::PATH)]
    NoManifest,
    /// The manifest does not hold.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A link, a directory, a device, or a tar extension.
    #[error("`{0}` in it is not a regular file")]
    Kind(String),
    /// A file the manifest does not know.
    #[error("it holds `{0}`, which its manifest does not list")]
    Unlisted(String),
    /// A second file of the same path.
    #[error("it holds `{0}` twice")]
    Twice(String),
    /// A listed file is not there.
    #[error("it lacks `{0}`, which its manifest lists")]
    Missing(String),
    /// A file is not as listed.
    #[error("the {field} of `{path}` is not what its manifest says")]
    Differs {
        /// The file.
        path: String,
        /// `size`, `mode` or `sha256`.
        field: &'static str,
    },
    /// Bytes after the end of the archive.
    #[error("it goes on after its last file")]
    Trailing,
    /// The disk refused.
    #[error("`{path}` cannot be written: {source}")]
    Write {
        /// The file, relative to the directory it is unpacked into.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// `watch` broke off.
    #[error("it was stopped")]
    Stopped,
}

/// Told how many of how many bytes are done; breaks off when asked to.
pub type Watch<'a> = &'a mut dyn FnMut(u64, u64) -> ControlFlow<()>;

/// Writes the bundle called `name` into `dir`, which is to be new and private: on an error it holds unchecked files.
pub fn unpack(
    archive: impl Read,
    name: &BundleName,
    dir: &Path,
    watch: Watch,
) -> Result<Manifest, UnpackError> {
    let manifest = read(archive, name, &mut |file| create(dir, file), watch)?;
    let text = serde_json::to_vec_pretty(&manifest)
        .map_err(|error| UnpackError::Broken(error.to_string()))?;
    let refused = |source| UnpackError::Write {
        path: manifest::PATH.to_owned(),
        source,
    };
    fs::write(dir.join(manifest::PATH), text).map_err(refused)?;
    Ok(manifest)
}

/// Checks everything [`unpack`] does without writing anything.
pub fn check(archive: impl Read, name: &BundleName) -> Result<Manifest, UnpackError> {
    read(
        archive,
        name,
        &mut |_| Ok(Box::new(io::sink())),
        &mut |_, _| ControlFlow::Continue(()),
    )
}

fn create(dir: &Path, file: &FileEntry) -> io::Result<Box<dyn Write>> {
    let path = dir.join(&file.path);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let created = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    created.set_permissions(Permissions::from_mode(file.mode.bits()))?;
    Ok(Box::new(created))
}

type Open<'a> = &'a mut dyn FnMut(&FileEntry) -> io::Result<Box<dyn Write>>;

fn read(
    archive: impl Read,
    name: &BundleName,
    open: Open,
    watch: Watch,
) -> Result<Manifest, UnpackError> {
    let decoder =
        StreamingDecoder::new_with_max_window_size(archive, MAX_WINDOW).map_err(broken)?;
    let mut archive = tar::Archive::new(decoder);
    let mut entries = archive.entries().map_err(broken)?.raw(true);
    let first = entries
        .next()
        .ok_or(UnpackError::NoManifest)?
        .map_err(broken)?;
    let manifest = Manifest::parse(&read_manifest(first)?, name)?;
    let (mut listed, mut done, total) = (Listed::new(&manifest), 0, manifest.total());
    for entry in entries {
        let mut entry = entry.map_err(broken)?;
        let file = listed.take(&entry)?;
        let mut out = open(file).map_err(|source| refused(file, source))?;
        copy(&mut entry, file, &mut out, &mut |count| {
            done += count;
            watch(done, total)
        })?;
    }
    listed.finish()?;
    finish(archive.into_inner())?;
    Ok(manifest)
}

fn read_manifest(entry: Entry<impl Read>) -> Result<Vec<u8>, UnpackError> {
    if !is_regular(&entry) || *entry.path_bytes() != *manifest::PATH.as_bytes() {
        return Err(UnpackError::NoManifest);
    }
    if entry.size() > manifest::LIMIT {
        return Err(UnpackError::Differs {
            path: manifest::PATH.to_owned(),
            field: "size",
        });
    }
    let mut bytes = Vec::new();
    entry
        .take(manifest::LIMIT)
        .read_to_end(&mut bytes)
        .map_err(broken)?;
    Ok(bytes)
}

/// Only what a plain file's entry can be: raw entries show tar's own extensions, which could carry names, sizes and
/// gigabytes of their own, as entries of other types.
fn is_regular<R: Read>(entry: &Entry<R>) -> bool {
    entry.header().entry_type() == EntryType::Regular
}

/// The files of the manifest, and whether each has been met.
struct Listed<'a>(HashMap<&'a str, (&'a FileEntry, bool)>);

impl<'a> Listed<'a> {
    fn new(manifest: &'a Manifest) -> Self {
        Self(
            manifest
                .files
                .iter()
                .map(|file| (file.path.as_str(), (file, false)))
                .collect(),
        )
    }

    /// The listed file this entry is, once, if its header says the same as the list.
    fn take<R: Read>(&mut self, entry: &Entry<R>) -> Result<&'a FileEntry, UnpackError> {
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if !is_regular(entry) {
            return Err(UnpackError::Kind(path));
        }
        let Some((file, met)) = self.0.get_mut(path.as_str()) else {
            return Err(UnpackError::Unlisted(path));
        };
        if std::mem::replace(met, true) {
            return Err(UnpackError::Twice(path));
        }
        if entry.size() != file.size {
            return Err(UnpackError::Differs {
                path,
                field: "size",
            });
        }
        if entry.header().mode().map_err(broken)? != file.mode.bits() {
            return Err(UnpackError::Differs {
                path,
                field: "mode",
            });
        }
        Ok(file)
    }

    fn finish(self) -> Result<(), UnpackError> {
        let missing = self
            .0
            .into_values()
            .filter(|(_, met)| !met)
            .map(|(file, _)| &file.path)
            .min();
        missing.map_or(Ok(()), |path| Err(UnpackError::Missing(path.clone())))
    }
}

fn copy(
    entry: &mut dyn Read,
    file: &FileEntry,
    out: &mut dyn Write,
    watch: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<(), UnpackError> {
    let (mut hasher, mut size) = (Hasher::default(), 0);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = entry.read(&mut buffer).map_err(broken)?;
        let bytes = buffer.get(..count).unwrap_or_default();
        if bytes.is_empty() {
            break;
        }
        hasher.update(bytes);
        size += bytes.len() as u64;
        out.write_all(bytes)
            .map_err(|source| refused(file, source))?;
        if watch(bytes.len() as u64).is_break() {
            return Err(UnpackError::Stopped);
        }
    }
    let differs = |field| {
        Err(UnpackError::Differs {
            path: file.path.clone(),
            field,
        })
    };
    match (size == file.size, hasher.finish() == file.sha256) {
        (false, _) => differs("size"),
        (true, false) => differs("sha256"),
        (true, true) => Ok(()),
    }
}

/// What follows the last file may only be tar's closing zeros.
fn finish(rest: impl Read) -> Result<(), UnpackError> {
    let mut padding = Vec::new();
    rest.take(MAX_PADDING + 1)
        .read_to_end(&mut padding)
        .map_err(broken)?;
    if padding.len() as u64 > MAX_PADDING || padding.iter().any(|byte| *byte != 0) {
        return Err(UnpackError::Trailing);
    }
    Ok(())
}

fn broken(error: impl std::fmt::Display) -> UnpackError {
    UnpackError::Broken(error.to_string())
}

fn refused(file: &FileEntry, source: io::Error) -> UnpackError {
    UnpackError::Write {
        path: file.path.clone(),
        source,
    }
}
