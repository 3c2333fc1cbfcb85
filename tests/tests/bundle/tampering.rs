//! Bytes changed after signing, and signatures used for what they were not made for.

use std::fs;
use std::path::Path;

use homeport_tests::http::Server;

use crate::craft::{self, FAR, Member, Site, name};
use crate::run::Run;

fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1 << (at % 8);
    bytes
}

/// Refuses every changed copy of `file`, of which `bundle` is the bundle to run.
fn refuses_all(file: &Path, bundle: &Path, copies: impl Iterator<Item = Vec<u8>>) {
    let original = fs::read(file).unwrap();
    for copy in copies {
        fs::write(file, copy).unwrap();
        Run::bundle(bundle).refuses(13, "is refused: ");
    }
    fs::write(file, original).unwrap();
    Run::bundle(bundle).runs("install");
}

/// Every byte: magic, headers, blocks and checksums of zstd are all in there.
#[test]
fn refuses_a_bundle_with_any_byte_changed() {
    let site = Site::genuine();
    let path = site.path(&name("0.2.0").to_string());
    let original = fs::read(&path).unwrap();
    refuses_all(
        &path,
        &path,
        (0..original.len()).map(|at| flipped(&original, at)),
    );
}

/// Every byte but the first line, which is minisign's untrusted comment.
#[test]
fn refuses_a_signature_with_any_byte_changed() {
    let site = Site::genuine();
    let path = site.path(&name("0.2.0").to_string());
    let signature = site.path(&format!("{}.minisig", name("0.2.0")));
    let original = fs::read(&signature).unwrap();
    let start = original.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    refuses_all(
        &signature,
        &path,
        (start..original.len() - 1).map(|at| flipped(&original, at)),
    );
}

#[test]
fn refuses_a_bundle_cut_at_every_4_kib() {
    let site = Site::new();
    let members = [
        Member::core(),
        Member::file("noise", 0o644, &craft::noise(200_000)),
    ];
    let path = site.bundle("0.2.0", &craft::bundle("0.2.0", &members));
    let original = fs::read(&path).unwrap();
    assert!(original.len() > 20 * 4096);
    refuses_all(
        &path,
        &path,
        (0..original.len())
            .step_by(4096)
            .map(|end| original[..end].to_vec()),
    );
}

#[test]
fn refuses_another_key() {
    let site = Site::genuine();
    let name = name("0.2.0");
    let key = craft::stranger(site.dir.path());
    let path = site.sign_with(
        &key,
        &name.to_string(),
        &craft::genuine("0.2.0"),
        &name.trusted_comment(),
    );
    Run::bundle(&path).refuses(13, "signed with another key");
    let server = Server::start(site.dir.path(), true).unwrap();
    Run::from(&server.url()).refuses(13, "signed with another key");
}

#[test]
fn refuses_another_files_signature() {
    let site = Site::genuine();
    let path = site.path(&name("0.2.0").to_string());
    fs::copy(
        site.path("stable.channel.minisig"),
        format!("{}.minisig", path.display()),
    )
    .unwrap();
    Run::bundle(&path).refuses(13, "does not match its bytes");
}

/// A mirror hands out a genuine old bundle under the name of the new one.
#[test]
fn refuses_an_older_release_under_a_newer_name() {
    let site = Site::genuine();
    let old = name("0.1.0");
    site.sign(
        &name("0.2.0").to_string(),
        &craft::genuine("0.1.0"),
        &old.trusted_comment(),
    );
    let server = Server::start(site.dir.path(), true).unwrap();
    Run::from(&server.url()).refuses(13, "its signature is for something else");
    let inside = site.bundle("0.2.0", &craft::genuine("0.1.0"));
    Run::bundle(&inside).refuses(13, "its manifest is of homeport-0.1.0");
}

#[test]
fn refuses_releases_below_the_floor_of_the_channel() {
    let site = Site::genuine();
    site.bundle("0.1.0", &craft::genuine("0.1.0"));
    site.channel("0.2.0", "0.2.0", FAR);
    let server = Server::start(site.dir.path(), true).unwrap();
    Run::from(&server.url())
        .args(["--release", "0.1.0"])
        .refuses(13, "it allows no release below 0.2.0");
    assert_eq!(
        server.requests().len(),
        2,
        "nothing but the channel is fetched"
    );
}

#[test]
fn refuses_a_channel_that_expired_or_is_not_the_one_asked_for() {
    let site = Site::genuine();
    let server = Server::start(site.dir.path(), true).unwrap();
    site.channel("0.2.0", "0.1.0", "2026-01-01T00:00:00Z");
    Run::from(&server.url()).refuses(
        13,
        "it expired at 2026-01-01T00:00:00Z; this machine's clock says 2",
    );
    let stable = fs::read(site.path("stable.channel")).unwrap();
    site.sign("beta.channel", &stable, "homeport-channel name:stable");
    Run::from(&server.url())
        .args(["--channel", "beta"])
        .refuses(13, "its signature is for something else");
    site.sign("beta.channel", &stable, "homeport-channel name:beta");
    Run::from(&server.url())
        .args(["--channel", "beta"])
        .refuses(13, "it describes the channel `stable`");
}

#[test]
fn refuses_a_channel_with_any_byte_changed() {
    let site = Site::genuine();
    let server = Server::start(site.dir.path(), true).unwrap();
    let original = fs::read(site.path("stable.channel")).unwrap();
    for at in 0..original.len() {
        fs::write(site.path("stable.channel"), flipped(&original, at)).unwrap();
        Run::from(&server.url()).refuses(13, "does not match its bytes");
    }
}

#[test]
fn refuses_a_renamed_bundle_and_one_without_signature() {
    let site = Site::genuine();
    let path = site.path(&name("0.2.0").to_string());
    let renamed = site.path("download.tar.zst");
    fs::copy(&path, &renamed).unwrap();
    Run::bundle(&renamed).refuses(2, "is not named like a bundle");
    fs::remove_file(format!("{}.minisig", path.display())).unwrap();
    Run::bundle(&path).refuses(4, "No such file");
}
