//! Archives from whole, cut, crooked and hostile streams, and archives that were changed afterwards.

mod any;
mod changed;
mod hostile;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use homeport_bootstrap::digest::Digest;
use homeport_engine::stream::{MARKER, Marker};
use tar::{Builder, EntryType, Header};

use super::*;

fn about() -> BTreeMap<String, String> {
    let mut about: BTreeMap<String, String> = ABOUT
        .iter()
        .map(|key| ((*key).to_owned(), format!("the {key}")))
        .collect();
    about.insert("rows.tasks".to_owned(), "12".to_owned());
    about
}

/// A tar stream in the making.
struct Stream {
    tar: Builder<Vec<u8>>,
    sent: Marker,
}

impl Stream {
    fn new() -> Stream {
        Stream {
            tar: Builder::new(Vec::new()),
            sent: Marker::default(),
        }
    }

    fn raw(mut self, kind: EntryType, name: &str, content: &[u8]) -> Stream {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(0o640);
        header.set_size(content.len() as u64);
        // The name is set by hand: the builder refuses what a hostile stream would hold.
        if let Some(old) = header.as_mut_bytes().get_mut(..name.len()) {
            old.copy_from_slice(name.as_bytes());
        }
        header.set_cksum();
        self.tar.append(&header, content).unwrap();
        self
    }

    fn file(mut self, name: &str, content: &[u8]) -> Stream {
        self.sent.files += 1;
        self.sent.bytes += content.len() as u64;
        self.raw(EntryType::Regular, name, content)
    }

    fn directory(mut self, name: &str) -> Stream {
        self.sent.directories += 1;
        self.raw(EntryType::Directory, name, b"")
    }

    fn cut(self) -> Vec<u8> {
        self.tar.into_inner().unwrap()
    }

    fn whole(self) -> Vec<u8> {
        let marker = serde_json::to_vec(&self.sent).unwrap();
        self.raw(EntryType::Regular, MARKER, &marker).cut()
    }
}

fn usual() -> Stream {
    Stream::new()
        .file("deployment-config.yaml", b"deployment: {}\n")
        .directory("files/")
        .file("files/1", &[0xab; 70_000])
        .file("files/empty", b"")
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("2026.tar.gz")
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn write(&self, stream: &[u8]) -> Result<Summary, ArchiveError> {
        write(stream, &self.path(), &about())
    }

    /// Puts these bytes in the archive's place, with their own digest beside them.
    fn forge(&self, bytes: &[u8]) -> Result<Metadata, ArchiveError> {
        fs::write(self.path(), bytes).unwrap();
        fs::write(
            verify::sidecar(&self.path()),
            format!("{}  x\n", Digest::of(bytes)),
        )
        .unwrap();
        verify(&self.path())
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
