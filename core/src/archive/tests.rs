//! Archives from whole, cut, crooked and hostile streams, and archives that were changed afterwards.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use homeport_bootstrap::digest::Digest;
use homeport_engine::stream::{MARKER, Marker};
use proptest::prelude::*;
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

#[test]
fn a_whole_stream_becomes_a_proven_archive() {
    let place = Place::new();
    fs::write(
        place.0.path().join(".2025.tar.gz.homeport-new"),
        "left by a killed one",
    )
    .unwrap();
    let summary = place.write(&usual().whole()).unwrap();
    assert_eq!(place.names(), ["2026.tar.gz", "2026.tar.gz.sha256"]);
    for name in place.names() {
        let mode = fs::metadata(place.0.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let metadata = verify(&place.path()).unwrap();
    assert_eq!(metadata, summary.metadata);
    assert_eq!(metadata.about["instance"], "the instance");
    assert_eq!(metadata.about["rows.tasks"], "12");
    assert_eq!((metadata.files.len(), metadata.bytes), (3, 70_015));
    assert_eq!(
        metadata.files["files/1"].sha256,
        Digest::of(&[0xab; 70_000])
    );
    assert_eq!(summary.size, fs::metadata(place.path()).unwrap().len());
}

#[test]
fn an_archive_is_never_written_over_and_says_where_it_comes_from() {
    let place = Place::new();
    place.write(&usual().whole()).unwrap();
    let before = fs::read(place.path()).unwrap();
    assert!(matches!(
        place.write(&usual().whole()),
        Err(ArchiveError::Exists(_))
    ));
    assert_eq!(fs::read(place.path()).unwrap(), before);
    for key in ABOUT {
        let mut about = about();
        about.remove(key);
        let refused = write(
            &usual().whole()[..],
            &place.0.path().join("x.tar.gz"),
            &about,
        );
        assert!(matches!(refused, Err(ArchiveError::About(missing)) if missing == key));
    }
    assert_eq!(place.names().len(), 2);
}

#[test]
fn a_stream_that_was_cut_anywhere_leaves_nothing() {
    let stream = usual().whole();
    // The last block is padding: without it everything has been said.
    for length in (0..stream.len() - 1024).step_by(509) {
        let place = Place::new();
        let refused = place.write(&stream[..length]);
        assert!(refused.is_err(), "cut at {length}");
        assert!(place.names().is_empty(), "cut at {length}");
    }
}

#[test]
fn what_no_archive_holds_is_refused_and_leaves_nothing() {
    let place = Place::new();
    let long = "x".repeat(100);
    let hostile: [(&str, Stream); 15] = [
        ("way up", usual().file("../evil", b"x")),
        ("way up inside", usual().file("files/../../evil", b"x")),
        ("absolute", usual().file("/etc/passwd", b"x")),
        ("empty name", usual().file("", b"x")),
        ("link", usual().raw(EntryType::Symlink, "files/link", b"")),
        ("hard link", usual().raw(EntryType::Link, "files/link", b"")),
        ("device", usual().raw(EntryType::Char, "files/null", b"")),
        ("pipe", usual().raw(EntryType::Fifo, "files/pipe", b"")),
        (
            "sparse",
            usual().raw(EntryType::GNUSparse, "files/sparse", b""),
        ),
        (
            "extended header",
            usual().raw(EntryType::XHeader, "x", b"11 path=/x\n"),
        ),
        ("twice", usual().file("files/1", b"x")),
        ("below a file", usual().file("files/1/x", b"x")),
        ("file over directory", usual().file("files", b"x")),
        ("our own name", usual().file(METADATA, b"{}")),
        (
            "name without member",
            usual().raw(EntryType::GNULongName, &long, b"files/long"),
        ),
    ];
    for (what, stream) in hostile {
        assert!(place.write(&stream.whole()).is_err(), "{what}");
        assert!(place.names().is_empty(), "{what}");
    }
    let endless = usual()
        .raw(EntryType::GNULongName, "x", &[b'n'; 10_000])
        .file("y", b"");
    assert!(matches!(
        place.write(&endless.whole()),
        Err(ArchiveError::TooLarge(_))
    ));
    let after = usual().raw(
        EntryType::Regular,
        MARKER,
        br#"{"files":3,"directories":1,"bytes":70015}"#,
    );
    assert!(place.write(&after.file("late", b"").cut()).is_err());
    let mut trailing = usual().whole();
    trailing.extend(b"more");
    assert!(place.write(&trailing).is_err());
    assert!(place.names().is_empty());
}

#[test]
fn a_marker_that_counts_otherwise_is_not_believed() {
    for wrong in [
        r#"{"files":2,"directories":1,"bytes":70015}"#,
        r#"{"files":3}"#,
        "",
        "garbage",
    ] {
        let place = Place::new();
        let stream = usual()
            .raw(EntryType::Regular, MARKER, wrong.as_bytes())
            .cut();
        assert!(place.write(&stream).is_err(), "{wrong}");
        assert!(place.names().is_empty());
    }
}

/// Breaks off with an error after so many bytes.
struct Breaks(Vec<u8>, usize);

impl Read for Breaks {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let rest = self.0.get(self.1..).unwrap_or_default();
        if self.1 > 20_000 {
            return Err(std::io::Error::other("the guest is gone"));
        }
        let count = rest.len().min(into.len()).min(1000);
        into[..count].copy_from_slice(&rest[..count]);
        self.1 += count;
        Ok(count)
    }
}

#[test]
fn the_side_that_failed_is_named() {
    let place = Place::new();
    let broken = write(Breaks(usual().whole(), 0), &place.path(), &about());
    assert!(matches!(broken, Err(ArchiveError::Damaged(why)) if why.contains("the guest is gone")));
    assert!(place.names().is_empty());
    let nowhere = write(
        &usual().whole()[..],
        Path::new("/nonexistent/x.tar.gz"),
        &about(),
    );
    assert!(matches!(nowhere, Err(ArchiveError::Io { .. })));
}

#[test]
fn a_full_disk_leaves_nothing() {
    let place = Place::new();
    let mount = place.0.path().join("small");
    fs::create_dir(&mount).unwrap();
    let run = |program: &str, arguments: &[&str]| {
        std::process::Command::new(program)
            .args(arguments)
            .status()
            .unwrap()
            .success()
    };
    let at = mount.to_str().unwrap();
    assert!(run(
        "mount",
        &["-t", "tmpfs", "-o", "size=64k", "tmpfs", at]
    ));
    let mut noise = vec![0; 200_000];
    fs::File::open("/dev/urandom")
        .unwrap()
        .read_exact(&mut noise)
        .unwrap();
    let full = write(
        &Stream::new().file("noise", &noise).whole()[..],
        &mount.join("a.tar.gz"),
        &about(),
    );
    let left = fs::read_dir(&mount).unwrap().count();
    assert!(run("umount", &[at]));
    assert!(matches!(full, Err(ArchiveError::Io { .. })), "{full:?}");
    assert_eq!(left, 0);
}

#[test]
fn one_bit_anywhere_and_every_cut_are_noticed() {
    let place = Place::new();
    place.write(&usual().whole()).unwrap();
    let bytes = fs::read(place.path()).unwrap();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        fs::write(place.path(), &changed).unwrap();
        assert!(
            matches!(verify(&place.path()), Err(ArchiveError::Digest { .. })),
            "byte {at}"
        );
        fs::write(place.path(), &bytes[..at]).unwrap();
        assert!(verify(&place.path()).is_err(), "cut at {at}");
    }
    fs::write(place.path(), &bytes).unwrap();
    verify(&place.path()).unwrap();
    for sidecar in ["", "zz", &"0".repeat(64), &"0".repeat(5000)] {
        fs::write(verify::sidecar(&place.path()), sidecar).unwrap();
        assert!(verify(&place.path()).is_err(), "{sidecar}");
    }
    fs::remove_file(verify::sidecar(&place.path())).unwrap();
    assert!(matches!(
        verify(&place.path()),
        Err(ArchiveError::Io { .. })
    ));
}

/// The members of a written archive as a stream that lacks its end.
fn unpacked(place: &Place) -> Vec<u8> {
    let mut tar = Vec::new();
    flate2::read::MultiGzDecoder::new(fs::File::open(place.path()).unwrap())
        .read_to_end(&mut tar)
        .unwrap();
    tar
}

#[test]
fn a_forged_archive_with_a_true_digest_is_noticed_too() {
    let place = Place::new();
    place.write(&usual().whole()).unwrap();
    let tar = unpacked(&place);
    place.forge(&gzip(&tar)).unwrap();
    let mut other = tar.clone();
    let at = tar.iter().position(|byte| *byte == 0xab).unwrap();
    other[at] = 0;
    assert!(
        matches!(place.forge(&gzip(&other)), Err(ArchiveError::Digest { name }) if name == "files/1")
    );
    let metadata = serde_json::to_vec(&place.write_elsewhere()).unwrap();
    let without = Stream::new()
        .directory("files/")
        .raw(EntryType::Regular, METADATA, &metadata)
        .cut();
    assert!(matches!(
        place.forge(&gzip(&without)),
        Err(ArchiveError::Incomplete(_))
    ));
    let extra = usual()
        .file("extra", b"")
        .raw(EntryType::Regular, METADATA, &metadata)
        .cut();
    assert!(matches!(
        place.forge(&gzip(&extra)),
        Err(ArchiveError::Member { .. })
    ));
    let late = usual()
        .raw(EntryType::Regular, METADATA, &metadata)
        .file("late", b"")
        .cut();
    assert!(matches!(
        place.forge(&gzip(&late)),
        Err(ArchiveError::Damaged(_))
    ));
    assert!(matches!(
        place.forge(&gzip(&usual().cut())),
        Err(ArchiveError::Incomplete(_))
    ));
    assert!(
        place
            .forge(&[gzip(&tar), b"trailing".to_vec()].concat())
            .is_err()
    );
    assert!(place.forge(b"").is_err());
}

impl Place {
    /// The metadata of the usual archive, written in another place.
    fn write_elsewhere(&self) -> Metadata {
        Place::new().write(&usual().whole()).unwrap().metadata
    }
}

#[test]
fn a_newer_format_is_named_and_metadata_of_another_kind_are_refused() {
    let forged = |text: &str| {
        let stream = Stream::new()
            .raw(EntryType::Regular, METADATA, text.as_bytes())
            .cut();
        Place::new().forge(&gzip(&stream))
    };
    assert!(matches!(
        forged(r#"{"format":2,"whatever":1}"#),
        Err(ArchiveError::Newer { found: 2 })
    ));
    for text in ["", "{}", "[]", r#"{"format":1}"#, r#"{"format":-1}"#] {
        assert!(
            matches!(forged(text), Err(ArchiveError::Damaged(_))),
            "{text}"
        );
    }
    let bare = r#"{"format":1,"created":"","about":{},"files":{},"directories":[],"bytes":0}"#;
    assert!(matches!(forged(bare), Err(ArchiveError::About("instance"))));
}

/// A gigabyte of nothing, of which a megabyte is the archive.
#[test]
fn a_bomb_is_read_in_little_memory_and_refused() {
    let place = Place::new();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::GNULongName);
    header.set_size(1 << 30);
    header.set_cksum();
    encoder.write_all(header.as_bytes()).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..64 {
        encoder.write_all(&zeros).unwrap();
    }
    let bomb = encoder.finish().unwrap();
    assert!(matches!(place.forge(&bomb), Err(ArchiveError::TooLarge(_))));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let place = Place::new();
        prop_assert!(place.write(&bytes).is_err());
        prop_assert!(place.names().is_empty());
        prop_assert!(place.forge(&bytes).is_err());
        prop_assert!(place.forge(&gzip(&bytes)).is_err());
    }

    #[test]
    fn a_changed_stream_is_refused_or_archived_as_what_it_says(at in 0usize..3000, to in any::<u8>()) {
        let place = Place::new();
        let mut stream = Stream::new().directory("d/").file("d/a", b"hello").whole();
        let at = at % stream.len();
        stream[at] = to;
        match place.write(&stream) {
            Ok(summary) => prop_assert_eq!(verify(&place.path()).unwrap(), summary.metadata),
            Err(_) => prop_assert!(place.names().is_empty()),
        }
    }

    #[test]
    fn whatever_is_archived_comes_back_proven(
        files in proptest::collection::btree_map("[a-z]{1,3}(/[a-zé ]{1,120}){0,2}", proptest::collection::vec(any::<u8>(), 0..3000), 0..6)
    ) {
        let place = Place::new();
        let mut tar = Builder::new(Vec::new());
        let mut sent = Marker::default();
        for (name, content) in &files {
            let mut header = Header::new_gnu();
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, name, content.as_slice()).unwrap();
            sent.files += 1;
            sent.bytes += content.len() as u64;
        }
        let marker = serde_json::to_vec(&sent).unwrap();
        let mut header = Header::new_gnu();
        header.set_size(marker.len() as u64);
        tar.append_data(&mut header, MARKER, marker.as_slice()).unwrap();
        let clash = files.keys().any(|name| files.keys().any(|other| other.starts_with(&format!("{name}/"))));
        match place.write(&tar.into_inner().unwrap()) {
            Ok(summary) => {
                prop_assert!(!clash);
                for (name, content) in &files {
                    prop_assert_eq!(summary.metadata.files[name].sha256, Digest::of(content));
                }
                verify(&place.path()).unwrap();
            }
            Err(error) => prop_assert!(clash, "{error}"),
        }
    }
}
