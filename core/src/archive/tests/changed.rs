//! Verifying: what was changed after it was written, by accident or by someone who knows the format.

use std::io::Read;

use super::*;

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

/// A name that says it is a gigabyte long: who reads it whole into memory is lost.
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
