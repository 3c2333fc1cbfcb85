//! Bundles that are properly signed and yet wrong inside, as a stolen key or a broken packer would make them.

use std::time::{Duration, Instant};

use homeport_bootstrap::unpack;
use serde_json::{Value, json};
use tar::EntryType;

use crate::craft::{self, Member, Site, archive, bomb, bundle, compress, manifest};
use crate::run::Run;

const TEN_GB: u64 = 10_000_000_000;

fn refused(bytes: &[u8], reason: &str) {
    Run::bundle(&Site::new().bundle("0.2.0", bytes)).refuses(13, reason);
}

/// A bundle with a genuine core and then `member`, which the manifest lists too.
fn with(member: Member) -> Vec<u8> {
    bundle("0.2.0", &[Member::core(), member])
}

fn listing(files: Vec<Value>, members: &[Member]) -> Vec<u8> {
    compress(&archive(&[&[manifest("0.2.0", files)], members].concat()))
}

#[test]
fn refuses_paths_that_leave_the_directory() {
    for path in [
        "../evil",
        "a/../../evil",
        "/etc/evil",
        "a/./b",
        "a//b",
        "a b",
        "manifest.json",
        "",
    ] {
        refused(
            &with(Member::file(path, 0o644, b"x")),
            "which is not allowed",
        );
    }
}

#[test]
fn refuses_everything_that_is_no_regular_file() {
    for kind in [
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Char,
        EntryType::Block,
        EntryType::Fifo,
        EntryType::Directory,
        EntryType::Continuous,
        EntryType::GNULongName,
        EntryType::GNULongLink,
        EntryType::GNUSparse,
        EntryType::XHeader,
        EntryType::XGlobalHeader,
    ] {
        refused(
            &with(Member {
                kind,
                ..Member::file("thing", 0o644, b"/etc/passwd")
            }),
            "`thing` in it is not a regular file",
        );
    }
}

#[test]
fn refuses_files_missing_extra_or_twice() {
    let (core, extra) = (Member::core(), Member::file("extra", 0o644, b"x"));
    refused(
        &listing(
            vec![core.listed(), extra.listed()],
            std::slice::from_ref(&core),
        ),
        "it lacks `extra`",
    );
    refused(
        &listing(vec![core.listed()], &[core.clone(), extra.clone()]),
        "it holds `extra`, which its manifest does not list",
    );
    refused(
        &listing(
            vec![core.listed(), extra.listed()],
            &[core.clone(), extra.clone(), extra.clone()],
        ),
        "it holds `extra` twice",
    );
    refused(
        &listing(
            vec![core.listed(), core.listed()],
            std::slice::from_ref(&core),
        ),
        "lists `bin/homeport` more than once",
    );
    refused(
        &listing(vec![extra.listed()], &[extra]),
        "it holds no program `bin/homeport`",
    );
}

#[test]
fn refuses_files_that_differ_from_the_manifest() {
    let core = Member::core();
    let mut other = core.clone();
    other.data[12] ^= 1;
    refused(
        &listing(vec![core.listed()], &[other]),
        "the sha256 of `bin/homeport` is not what its manifest says",
    );
    let longer = Member::file(
        "bin/homeport",
        0o755,
        &[core.data.as_slice(), b"\n"].concat(),
    );
    refused(
        &listing(vec![core.listed()], &[longer]),
        "the size of `bin/homeport`",
    );
    let setuid = Member {
        mode: 0o4755,
        ..core.clone()
    };
    refused(
        &listing(vec![core.listed()], &[setuid]),
        "the mode of `bin/homeport`",
    );
}

#[test]
fn refuses_a_manifest_it_does_not_understand() {
    let core = Member::core();
    refused(
        &compress(&archive(std::slice::from_ref(&core))),
        "its first file is not `manifest.json`",
    );
    refused(
        &compress(&archive(&[])),
        "its first file is not `manifest.json`",
    );
    refused(
        &compress(&archive(&[
            Member::file("manifest.json", 0o644, b"{"),
            core.clone(),
        ])),
        "cannot be read",
    );
    let later = json!({"schema": 2, "version": "0.2.0", "target": craft::name("0.2.0").target, "files": []}).to_string();
    refused(
        &compress(&archive(&[
            Member::file("manifest.json", 0o644, later.as_bytes()),
            core,
        ])),
        "has schema 2",
    );
}

#[test]
fn refuses_what_is_no_archive_or_goes_on_after_it() {
    refused(b"", "not an intact archive");
    refused(b"PK\x03\x04 something else", "not an intact archive");
    refused(&compress(b"no tar"), "not an intact archive");
    let genuine = archive(&[
        manifest("0.2.0", vec![Member::core().listed()]),
        Member::core(),
    ]);
    refused(
        &compress(&[genuine.as_slice(), b"more"].concat()),
        "goes on after its last file",
    );
    let packed = compress(&genuine);
    for end in (1..packed.len()).step_by(7) {
        refused(&packed[..end], "is refused: ");
    }
}

/// Ten gigabytes of zeros in every place they could be. Memory is limited so that none of it can be held.
#[test]
fn refuses_bombs_at_once() {
    let core = Member::core();
    let huge = Member {
        size: TEN_GB,
        ..Member::file("huge", 0o644, b"")
    };
    let start = |members: &[Member]| members.iter().flat_map(Member::bytes).collect::<Vec<u8>>();
    let plain = manifest("0.2.0", vec![core.listed()]);
    let small = manifest(
        "0.2.0",
        vec![core.listed(), Member::file("huge", 0o644, b"").listed()],
    );
    let honest = manifest("0.2.0", vec![core.listed(), huge.listed()]);
    let as_manifest = Member {
        size: TEN_GB,
        ..Member::file("manifest.json", 0o644, b"")
    };
    let long_name = Member {
        kind: EntryType::GNULongName,
        ..huge.clone()
    };
    for (members, reason) in [
        (vec![], "its first file is not"),
        (vec![as_manifest], "the size of `manifest.json`"),
        (
            vec![honest, core.clone(), huge.clone()],
            "more than a release can have",
        ),
        (vec![small, core.clone(), huge], "the size of `huge`"),
        (
            vec![plain.clone(), core.clone(), long_name],
            "`huge` in it is not a regular file",
        ),
        (vec![plain, core], "goes on after its last file"),
    ] {
        let site = Site::new();
        let path = site.bundle("0.2.0", &bomb(&start(&members), TEN_GB));
        let limited = ["sh", "-c", "ulimit -v 65536; exec \"$0\" \"$@\""];
        let begun = Instant::now();
        Run::under(&limited)
            .args(["--bundle".as_ref(), path.as_os_str()])
            .refuses(13, reason);
        assert!(
            begun.elapsed() < Duration::from_secs(2),
            "{reason}: {:?}",
            begun.elapsed()
        );
    }
}

/// A window of a gigabyte would have the decoder take that much memory before the first byte.
#[test]
fn refuses_a_window_larger_than_any_release_needs() {
    let mut stream = bomb(&archive(&[]), 1);
    stream[5] = 20 << 3;
    refused(&stream, "not an intact archive");
}

/// The parsers themselves, below signature and process: whatever a byte is changed to, and whatever is cut off, they
/// answer. Only bytes without meaning may be accepted.
#[test]
fn parsers_are_total() {
    let (name, genuine) = (craft::name("0.2.0"), craft::genuine("0.2.0"));
    unpack::check(genuine.as_slice(), &name).unwrap();
    for at in 0..genuine.len() {
        assert!(unpack::check(&genuine[..at], &name).is_err(), "cut at {at}");
        for to in [0, 1, 0x7f, 0x80, 0xff, !genuine[at]] {
            let mut changed = genuine.clone();
            changed[at] = to;
            let _ = unpack::check(changed.as_slice(), &name);
        }
    }
    let noise = craft::noise(64 * 1024);
    for chunk in noise.chunks(257) {
        assert!(unpack::check(chunk, &name).is_err());
        let started = [&genuine[..genuine.len() / 2], chunk].concat();
        let _ = unpack::check(started.as_slice(), &name);
        assert!(unpack::check(compress(chunk).as_slice(), &name).is_err());
    }
}

/// Every byte of a small archive changed below the signature: never a panic, never a program started.
#[test]
fn never_falls_over_changed_archives() {
    let genuine = archive(&[
        manifest("0.2.0", vec![Member::core().listed()]),
        Member::core(),
    ]);
    let site = Site::new();
    for at in (0..genuine.len() - 1024).step_by(31) {
        let mut changed = genuine.clone();
        changed[at] ^= 0xff;
        let mut run = Run::bundle(&site.bundle("0.2.0", &compress(&changed)));
        let output = run.output();
        // Padding and unused header fields carry no meaning; there the core may run.
        if !output.status.success() {
            run.was_refused(&output, 13, "is refused: ");
        }
    }
}
