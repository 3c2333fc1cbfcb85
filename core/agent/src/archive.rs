//! `homeport-agent archive`: sends declared paths as a tar stream, directories in the order of their names, and last a
//! marker that says the stream is whole. Sends files and directories only, and no file that changes meanwhile.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use homeport_engine::stream::{MARKER, Marker, Source, Spec, plain_name};
use rustix::fs::OFlags;
use tar::{Builder, EntryType, Header};

/// A file nobody has written to for so long is read.
const QUIET: Duration = Duration::from_millis(400);

/// Longest one is waited for.
const LONGEST: Duration = Duration::from_secs(60);

/// Why the stream was broken off. The reader notices: it has no marker.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArchiveError {
    /// Something could not be read, or the stream not be written.
    #[error("`{path}` could not be sent: {source}")]
    Io {
        /// What was being sent.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A link, socket, pipe or device.
    #[error(
        "`{path}` is neither a file nor a directory, and a backup without it would not be whole; move it elsewhere"
    )]
    Kind {
        /// The path.
        path: PathBuf,
    },
    /// A name that does not come back the same everywhere.
    #[error("`{path}` has a name that is not UTF-8, or is too long")]
    Name {
        /// The path.
        path: PathBuf,
    },
    /// It was written to while it was read.
    #[error("`{path}` changed while it was read; stop what writes to it, or try again")]
    Changed {
        /// The path.
        path: PathBuf,
    },
}

/// Sends the stream.
pub(crate) fn send(spec: &Spec, to: impl Write) -> Result<Marker, ArchiveError> {
    let mut stream = Stream {
        tar: Builder::new(to),
        sent: Marker::default(),
    };
    for Source { from, to, optional } in &spec.entries {
        let path = Path::new(from);
        match fs::symlink_metadata(path) {
            Err(error) if *optional && error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(broken(path, source)),
            Ok(found) => stream.send(path, to, &found)?,
        }
    }
    stream.finish()
}

struct Stream<W: Write> {
    tar: Builder<W>,
    sent: Marker,
}

impl<W: Write> Stream<W> {
    fn send(&mut self, path: &Path, name: &str, found: &Metadata) -> Result<(), ArchiveError> {
        if !plain_name(name) {
            let path = path.to_owned();
            return Err(ArchiveError::Name { path });
        }
        if found.is_dir() {
            self.directory(path, name, found)
        } else if found.is_file() {
            self.file(path, name)
        } else {
            let path = path.to_owned();
            Err(ArchiveError::Kind { path })
        }
    }

    fn directory(&mut self, path: &Path, name: &str, found: &Metadata) -> Result<(), ArchiveError> {
        let mut header = header(found, EntryType::Directory, 0);
        self.tar
            .append_data(&mut header, format!("{name}/"), io::empty())
            .map_err(|source| broken(path, source))?;
        self.sent.directories += 1;
        for child in children(path)? {
            let below = path.join(&child);
            let found = match fs::symlink_metadata(&below) {
                Ok(found) => found,
                // Its owner has removed it since the names were read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(source) => return Err(broken(&below, source)),
            };
            self.send(&below, &format!("{name}/{child}"), &found)?;
        }
        Ok(())
    }

    /// The handle decides what is sent, not the name: what was put in its place meanwhile is not followed.
    fn file(&mut self, path: &Path, name: &str) -> Result<(), ArchiveError> {
        let io = |source| broken(path, source);
        let mut file = OpenOptions::new()
            .read(true)
            .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
            .open(path)
            .map_err(io)?;
        let before = settled(&file).map_err(io)?;
        if !before.is_file() {
            let path = path.to_owned();
            return Err(ArchiveError::Kind { path });
        }
        let mut header = header(&before, EntryType::Regular, before.len());
        let mut content = (&mut file).take(before.len());
        self.tar
            .append_data(&mut header, name, &mut content)
            .map_err(io)?;
        let short = content.limit() > 0;
        if short || touched(&mut file, &before).map_err(io)? {
            let path = path.to_owned();
            return Err(ArchiveError::Changed { path });
        }
        self.sent.files += 1;
        self.sent.bytes += before.len();
        Ok(())
    }

    fn finish(mut self) -> Result<Marker, ArchiveError> {
        let marker = Path::new(MARKER);
        let io = |source| broken(marker, source);
        let text = serde_json::to_vec(&self.sent).map_err(|error| io(error.into()))?;
        let mut header = Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o600);
        self.tar
            .append_data(&mut header, MARKER, text.as_slice())
            .map_err(io)?;
        let mut to = self.tar.into_inner().map_err(io)?;
        to.flush().map_err(io)?;
        Ok(self.sent)
    }
}

fn header(found: &Metadata, kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(found.mode() & 0o7777);
    header.set_uid(found.uid().into());
    header.set_gid(found.gid().into());
    header.set_mtime(u64::try_from(found.mtime()).unwrap_or(0));
    header
}

/// What a file is once nobody has written to it for a moment: an upload is waited for. One that is written to all the time
/// is taken as it is in the end, and then found to change.
fn settled(file: &File) -> io::Result<Metadata> {
    let until = Instant::now() + LONGEST;
    loop {
        let found = file.metadata()?;
        let quiet = found.modified().ok().and_then(|time| time.elapsed().ok());
        // A time in the future says nothing.
        if quiet.is_none_or(|quiet| quiet >= QUIET) || Instant::now() >= until {
            return Ok(found);
        }
        thread::sleep(QUIET / 4);
    }
}

/// Whether anything was written since: more bytes, or the same number at another time.
fn touched(file: &mut File, before: &Metadata) -> io::Result<bool> {
    let after = file.metadata()?;
    let time = |of: &Metadata| (of.mtime(), of.mtime_nsec());
    Ok(after.len() != before.len() || time(&after) != time(before) || file.read(&mut [0])? > 0)
}

/// Names in a directory, in order.
fn children(path: &Path) -> Result<Vec<String>, ArchiveError> {
    let io = |source| broken(path, source);
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(io)? {
        let entry = entry.map_err(io)?;
        let named = entry.file_name().into_string();
        names.push(named.map_err(|_| ArchiveError::Name { path: entry.path() })?);
    }
    names.sort_unstable();
    Ok(names)
}

fn broken(path: &Path, source: io::Error) -> ArchiveError {
    ArchiveError::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;
