//! Proves an archive: its own digest first, then every member's, and that none is missing or too many.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use homeport_bootstrap::digest::Digest;

use super::metadata::{METADATA, Metadata, SIZE_LIMIT};
use super::{ArchiveError, members};

/// Largest digest file that is read, bytes.
const SIDECAR_LIMIT: u64 = 4096;

/// Proves the archive at `path` by the digest file beside it. Nothing is unpacked, and nothing in it is looked at
/// before its digest has held.
///
/// # Errors
/// What is wrong with it, or what could not be read.
pub fn verify(path: &Path) -> Result<Metadata, ArchiveError> {
    let expected = sidecar_of(path)?;
    let mut file = File::open(path).map_err(ArchiveError::io(path, "cannot be read"))?;
    whole(&mut file, path, expected)?;
    content(&mut file, path)
}

/// The digest file of an archive, in the form `sha256sum -c` reads.
pub(super) fn sidecar(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".sha256");
    name.into()
}

/// Whether all bytes of the file have this digest.
pub(super) fn whole(file: &mut File, path: &Path, expected: Digest) -> Result<(), ArchiveError> {
    let unreadable = || ArchiveError::io(path, "cannot be read");
    file.rewind().map_err(unreadable())?;
    let (found, _) = Digest::of_reader(&mut *file).map_err(unreadable())?;
    if found == expected {
        return Ok(());
    }
    Err(ArchiveError::Digest {
        name: path.display().to_string(),
    })
}

/// Whether the members are those that `metadata.json` names, with the content it names.
pub(super) fn content(file: &mut File, path: &Path) -> Result<Metadata, ArchiveError> {
    file.rewind()
        .map_err(ArchiveError::io(path, "cannot be read"))?;
    let stream = MultiGzDecoder::new(std::io::BufReader::with_capacity(1 << 16, file));
    let mut found = Found::default();
    members::each(stream, &mut |member, content| found.take(member, content))?;
    found.settle()
}

fn sidecar_of(path: &Path) -> Result<Digest, ArchiveError> {
    let beside = sidecar(path);
    let mut text = String::new();
    File::open(&beside)
        .and_then(|file| file.take(SIDECAR_LIMIT).read_to_string(&mut text))
        .map_err(ArchiveError::io(&beside, "cannot be read"))?;
    let digest = text.split_whitespace().next().unwrap_or_default();
    digest
        .parse()
        .map_err(|_| ArchiveError::Damaged(format!("`{}` holds no digest", beside.display())))
}

/// What an archive turned out to hold.
#[derive(Default)]
struct Found {
    files: Vec<(String, super::FileEntry)>,
    directories: BTreeSet<String>,
    metadata: Option<Metadata>,
}

impl Found {
    fn take(
        &mut self,
        member: &members::Member,
        content: &mut dyn Read,
    ) -> Result<(), ArchiveError> {
        if self.metadata.is_some() {
            return Err(ArchiveError::Damaged(format!(
                "`{}` follows {METADATA}",
                member.name
            )));
        }
        if member.directory {
            self.directories.insert(member.name.clone());
        } else if member.name == METADATA {
            self.metadata = Some(metadata(content)?);
        } else {
            let (sha256, bytes) = Digest::of_reader(content).map_err(members::unreadable)?;
            self.files
                .push((member.name.clone(), super::FileEntry { bytes, sha256 }));
        }
        Ok(())
    }

    fn settle(self) -> Result<Metadata, ArchiveError> {
        let metadata = self
            .metadata
            .ok_or_else(|| ArchiveError::Incomplete(format!("it has no {METADATA}")))?;
        let mut bytes = 0u64;
        for (name, found) in &self.files {
            let expected = metadata.files.get(name).ok_or_else(|| unknown(name))?;
            if expected != found {
                return Err(ArchiveError::Digest { name: name.clone() });
            }
            bytes = bytes.saturating_add(found.bytes);
        }
        let whole = self.files.len() == metadata.files.len()
            && self.directories == metadata.directories
            && bytes == metadata.bytes;
        if !whole {
            return Err(ArchiveError::Incomplete(format!(
                "{METADATA} names more than there is"
            )));
        }
        Ok(metadata)
    }
}

fn metadata(content: &mut dyn Read) -> Result<Metadata, ArchiveError> {
    let mut text = Vec::new();
    content
        .take(SIZE_LIMIT + 1)
        .read_to_end(&mut text)
        .map_err(members::unreadable)?;
    if text.len() as u64 > SIZE_LIMIT {
        return Err(ArchiveError::TooLarge("its metadata are over 256 MiB"));
    }
    Metadata::parse(&text)
}

fn unknown(name: &str) -> ArchiveError {
    ArchiveError::Member {
        name: name.to_owned(),
        why: "the metadata do not name it",
    }
}
