//! Writing: from what becomes an archive, and from what leaves nothing.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;

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
