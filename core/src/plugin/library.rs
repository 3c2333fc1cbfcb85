//! A plugin's file from disk to memory: read once, checked, sealed. What is loaded later is these very bytes.
//! Never loads anything itself.

use std::{
    fs::{File, Metadata, OpenOptions},
    io::{Read, Write},
    os::{
        fd::OwnedFd,
        unix::fs::{MetadataExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
};

use homeport_bootstrap::digest::Digest;
use rustix::{
    fs::{MemfdFlags, OFlags, SealFlags, fcntl_add_seals, memfd_create},
    io::Errno,
};

use super::{PluginError, Trust, TrustedBy};

/// The most bytes a plugin may have; ours have less than one million.
const SIZE_LIMIT: u64 = 64 * 1024 * 1024;

/// A plugin's bytes that somebody vouches for, in memory nobody can write to any more.
#[derive(Debug)]
pub struct Library {
    path: PathBuf,
    digest: Digest,
    trusted_by: TrustedBy,
    memory: OwnedFd,
}

impl Library {
    /// Reads and checks the file at `path`.
    ///
    /// # Errors
    /// It cannot be read, others can write to it, or nobody vouches for its bytes.
    pub fn verified(path: &Path, trust: &Trust) -> Result<Self, PluginError> {
        let bytes = read_owned(path, SIZE_LIMIT)?;
        let digest = Digest::of(&bytes);
        let trusted_by = trust.vouches(path, &bytes, digest)?;
        let memory = sealed(&bytes).map_err(|source| PluginError::Unreadable {
            path: path.to_owned(),
            source: source.into(),
        })?;
        Ok(Self {
            path: path.to_owned(),
            digest,
            trusted_by,
            memory,
        })
    }

    /// Where it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// SHA-256 of its bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Who vouches for it.
    pub fn trusted_by(&self) -> &TrustedBy {
        &self.trusted_by
    }

    /// The file name, by which messages call it.
    pub(crate) fn name(&self) -> String {
        file_name(&self.path)
    }

    pub(crate) fn memory(&self) -> std::io::Result<OwnedFd> {
        self.memory.try_clone()
    }
}

/// The file name for messages and manifests; lossy, so a strange name can never be mistaken for one we know.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}

/// The content of a regular file that only root can write to, not through a link.
pub(crate) fn read_owned(path: &Path, limit: u64) -> Result<Vec<u8>, PluginError> {
    let unreadable = |source| PluginError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let no_link = OFlags::NOFOLLOW.bits().cast_signed();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(no_link)
        .open(path)
        .map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(PluginError::Exposed {
            path: path.to_owned(),
            why: "it is not a regular file".to_owned(),
        });
    }
    only_root_writes(path, &metadata)?;
    if metadata.len() > limit {
        return Err(PluginError::Exposed {
            path: path.to_owned(),
            why: format!("it has more than {limit} bytes"),
        });
    }
    read_all(&file, limit).map_err(unreadable)
}

fn read_all(file: &File, limit: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Refuses what somebody other than root could have put there.
pub(crate) fn only_root_writes(path: &Path, metadata: &Metadata) -> Result<(), PluginError> {
    let why = match (metadata.uid(), metadata.mode() & 0o022) {
        (0, 0) => return Ok(()),
        (0, _) => format!(
            "others than root can write to it (mode {:04o})",
            metadata.mode() & 0o7777
        ),
        (uid, _) => format!("it belongs to user {uid}, not to root"),
    };
    Err(PluginError::Exposed {
        path: path.to_owned(),
        why,
    })
}

fn sealed(bytes: &[u8]) -> rustix::io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Kernels before 6.3 do not know EXEC; newer ones may be set to refuse a library without it.
    let memory = match memfd_create("homeport-plugin", flags | MemfdFlags::EXEC) {
        Err(Errno::INVAL) => memfd_create("homeport-plugin", flags)?,
        created => created?,
    };
    let mut file = File::from(memory);
    file.write_all(bytes)
        .map_err(|e| Errno::from_io_error(&e).unwrap_or(Errno::IO))?;
    fcntl_add_seals(
        &file,
        SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE,
    )?;
    Ok(file.into())
}
