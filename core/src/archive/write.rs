//! Writes an archive from an agent's stream, proves what is on disk, and only then gives it its name.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::SystemTime;

use flate2::Compression;
use flate2::write::GzEncoder;
use homeport_bootstrap::digest::{Digest, Hasher};
use homeport_bootstrap::utc;
use homeport_engine::durable::{beside, replace, replace_with, sweep};
use homeport_engine::stream::{MARKER, Marker};
use tar::{Builder, EntryType, Header};

use super::ArchiveError;
use super::members::{self, Member, unreadable};
use super::metadata::{FileEntry, METADATA, Metadata};
use super::verify::{content, sidecar, whole};

/// Largest marker that is read, bytes.
const MARKER_LIMIT: u64 = 4096;

/// An archive that was written and proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Its size on disk, bytes.
    pub size: u64,
    /// SHA-256 of the whole of it.
    pub sha256: Digest,
    /// What it says of itself.
    pub metadata: Metadata,
}

/// Writes what the stream holds to `path`, mode 0600, with its digest beside it. `about` is what the archive says of
/// itself beyond what is counted; it has at least the fields of [`super::ABOUT`].
///
/// The directory is the writer's own: what an interrupted write left in it is removed.
///
/// # Errors
/// When the stream is not whole or holds what no archive may, when the disk fails, or when what was written does not
/// prove. Then neither the archive nor a part of it is there.
pub fn write(
    stream: impl Read,
    path: &Path,
    about: &BTreeMap<String, String>,
) -> Result<Summary, ArchiveError> {
    let created = utc::format(SystemTime::now());
    let metadata = Metadata::new(about, created)?;
    if path.exists() {
        return Err(ArchiveError::Exists(path.to_owned()));
    }
    let unwritable = || ArchiveError::io(path, "cannot be written");
    sweep(path.parent().unwrap_or(Path::new("/"))).map_err(unwritable())?;
    let mut filled = None;
    let named = replace_with(path, 0o600, |file| {
        let done = filled.insert(fill(stream, file, path, metadata));
        // The true reason is kept; this one only stops the file from getting its name.
        done.as_ref()
            .map(|_| ())
            .map_err(|_| io::Error::other("it does not prove"))
    })
    .map_err(unwritable());
    let written = match filled {
        Some(Ok(summary)) => named.map(|()| summary),
        Some(Err(error)) => Err(error),
        None => named.and(Err(ArchiveError::Incomplete(
            "nothing was written".to_owned(),
        ))),
    };
    if written.is_err() {
        for left in [path, &sidecar(path)] {
            let _ = std::fs::remove_file(left);
        }
    }
    written
}

fn fill(
    stream: impl Read,
    file: &mut File,
    path: &Path,
    metadata: Metadata,
) -> Result<Summary, ArchiveError> {
    let unwritable = || ArchiveError::io(path, "cannot be written");
    let tally = Tally {
        to: &mut *file,
        hasher: Hasher::default(),
        size: 0,
    };
    let mut writer = Writer {
        tar: Builder::new(GzEncoder::new(tally, Compression::default())),
        path,
        metadata,
    };
    writer.copy(stream)?;
    let Tally { hasher, size, .. } = writer.finish()?;
    let sha256 = hasher.finish();
    file.sync_all().map_err(unwritable())?;
    let mut again = beside(path).and_then(File::open).map_err(unwritable())?;
    whole(&mut again, path, sha256)?;
    let metadata = content(&mut again, path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let line = format!("{sha256}  {name}\n");
    replace(&sidecar(path), line.as_bytes(), 0o600).map_err(unwritable())?;
    Ok(Summary {
        size,
        sha256,
        metadata,
    })
}

struct Writer<'a> {
    tar: Builder<GzEncoder<Tally<'a>>>,
    path: &'a Path,
    metadata: Metadata,
}

impl<'a> Writer<'a> {
    /// Copies every member up to the marker, and holds the marker's counts against what came.
    fn copy(&mut self, stream: impl Read) -> Result<(), ArchiveError> {
        let mut marker = None;
        members::each(
            stream,
            &mut |member, content| match (&marker, member.name.as_str()) {
                (Some(_), name) => Err(ArchiveError::Damaged(format!(
                    "`{name}` follows the end of the stream"
                ))),
                (None, MARKER) => {
                    marker = Some(end(content)?);
                    Ok(())
                }
                (None, METADATA) => Err(ArchiveError::Member {
                    name: METADATA.to_owned(),
                    why: "the name is taken",
                }),
                (None, _) => self.add(member, content),
            },
        )?;
        let came = Marker {
            files: self.metadata.files.len() as u64,
            directories: self.metadata.directories.len() as u64,
            bytes: self.metadata.bytes,
        };
        match marker {
            Some(sent) if sent == came => Ok(()),
            Some(sent) => Err(ArchiveError::Incomplete(format!(
                "{sent:?} was sent, {came:?} came"
            ))),
            None => Err(ArchiveError::Incomplete(
                "the stream was cut off".to_owned(),
            )),
        }
    }

    fn add(&mut self, member: &Member, content: &mut dyn Read) -> Result<(), ArchiveError> {
        let mut header = member.header.clone();
        if member.directory {
            self.append(&mut header, &format!("{}/", member.name), io::empty())?;
            self.metadata.directories.insert(member.name.clone());
            return Ok(());
        }
        let mut hashed = Hashed {
            from: content,
            hasher: Hasher::default(),
            bytes: 0,
            failed: None,
        };
        let appended = self.append(&mut header, &member.name, &mut hashed);
        if let Some(error) = hashed.failed {
            return Err(unreadable(error));
        }
        appended?;
        if hashed.bytes != member.size {
            return Err(ArchiveError::Incomplete(format!(
                "`{}` is cut off",
                member.name
            )));
        }
        let entry = FileEntry {
            bytes: hashed.bytes,
            sha256: hashed.hasher.finish(),
        };
        self.metadata.bytes += entry.bytes;
        self.metadata.files.insert(member.name.clone(), entry);
        Ok(())
    }

    fn append(
        &mut self,
        header: &mut Header,
        name: &str,
        content: impl Read,
    ) -> Result<(), ArchiveError> {
        self.tar
            .append_data(header, name, content)
            .map_err(ArchiveError::io(self.path, "cannot be written"))
    }

    fn finish(mut self) -> Result<Tally<'a>, ArchiveError> {
        let unwritable = ArchiveError::io(self.path, "cannot be written");
        let mut text = serde_json::to_vec_pretty(&self.metadata)
            .map_err(|error| ArchiveError::Damaged(error.to_string()))?;
        text.push(b'\n');
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_size(text.len() as u64);
        header.set_mode(0o600);
        self.append(&mut header, METADATA, text.as_slice())?;
        self.tar
            .into_inner()
            .and_then(GzEncoder::finish)
            .map_err(unwritable)
    }
}

fn end(content: &mut dyn Read) -> Result<Marker, ArchiveError> {
    let mut text = Vec::new();
    content
        .take(MARKER_LIMIT)
        .read_to_end(&mut text)
        .map_err(unreadable)?;
    serde_json::from_slice(&text)
        .map_err(|error| ArchiveError::Damaged(format!("the end of the stream: {error}")))
}

/// Counts and digests what is written through it.
struct Tally<'a> {
    to: &'a mut File,
    hasher: Hasher,
    size: u64,
}

impl Write for Tally<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.to.write(bytes)?;
        self.hasher.update(bytes.get(..count).unwrap_or_default());
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Counts and digests what is read through it, and remembers its own failure: a copy does not say which side failed.
struct Hashed<'a> {
    from: &'a mut dyn Read,
    hasher: Hasher,
    bytes: u64,
    failed: Option<io::Error>,
}

impl Read for &mut Hashed<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.from.read(into) {
            Ok(count) => {
                self.hasher.update(into.get(..count).unwrap_or_default());
                self.bytes += count as u64;
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let told = io::Error::from(error.kind());
                self.failed = Some(error);
                Err(told)
            }
        }
    }
}
