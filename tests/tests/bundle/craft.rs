//! Makes bundles and channels, genuine or not, below every check of the packer.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use homeport_bootstrap::digest::Digest;
use homeport_bootstrap::name::{BundleName, own_target};
use serde_json::{Value, json};
use tar::{EntryType, Header};
use tempfile::TempDir;

pub const FAR: &str = "2999-01-01T00:00:00Z";

/// A core that only leaves a trace of having run.
pub const CORE: &str = "#!/bin/sh\necho ran \"$@\" >> \"$MARKER\"\n";

/// What tests look into; a missing one is an error, never a reason to skip.
pub fn dir_from(variable: &str) -> PathBuf {
    std::env::var_os(variable)
        .unwrap_or_else(|| panic!("{variable} must name a directory"))
        .into()
}

/// A directory with the files of a release server.
pub struct Site {
    pub dir: TempDir,
}

impl Site {
    pub fn new() -> Self {
        Self {
            dir: TempDir::new().unwrap(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Stores a file, signed with the trusted key under `comment`.
    pub fn sign(&self, name: &str, bytes: &[u8], comment: &str) -> PathBuf {
        self.sign_with(&trusted(), name, bytes, comment)
    }

    pub fn sign_with(&self, key: &Path, name: &str, bytes: &[u8], comment: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        let signed = Command::new("minisign")
            .args(["-S", "-t", comment, "-s"])
            .arg(key)
            .arg("-m")
            .arg(&path)
            .output();
        assert!(signed.unwrap().status.success(), "minisign -S");
        path
    }

    /// Stores these bytes as the bundle of `version`, properly signed.
    pub fn bundle(&self, version: &str, bytes: &[u8]) -> PathBuf {
        let name = name(version);
        self.sign(&name.to_string(), bytes, &name.trusted_comment())
    }

    /// Stores the signed file of the channel `stable`.
    pub fn channel(&self, newest: &str, lowest: &str, expires: &str) {
        let file = json!({"schema": 1, "channel": "stable", "newest": newest, "lowest": lowest, "expires": expires});
        self.sign(
            "stable.channel",
            file.to_string().as_bytes(),
            "homeport-channel name:stable",
        );
    }

    /// A site with one genuine release 0.2.0 whose core is [`CORE`].
    pub fn genuine() -> Self {
        let site = Self::new();
        site.bundle("0.2.0", &genuine("0.2.0"));
        site.channel("0.2.0", "0.1.0", FAR);
        site
    }
}

/// The secret half of the key the bootstrap was built with.
fn trusted() -> PathBuf {
    dir_from("HOMEPORT_TEST_KEY_DIR").join("homeport.key")
}

/// A key nobody trusts, kept in `dir`.
pub fn stranger(dir: &Path) -> PathBuf {
    let key = dir.join("stranger.key");
    let made = Command::new("minisign")
        .args(["-G", "-W", "-p"])
        .arg(dir.join("stranger.pub"))
        .arg("-s")
        .arg(&key)
        .output();
    assert!(made.unwrap().status.success(), "minisign -G");
    key
}

pub fn name(version: &str) -> BundleName {
    BundleName {
        version: version.parse().unwrap(),
        target: own_target(),
    }
}

/// One entry of an archive, as true or false as the test wants it.
#[derive(Clone)]
pub struct Member {
    pub path: String,
    pub kind: EntryType,
    pub mode: u32,
    pub size: u64,
    pub data: Vec<u8>,
}

impl Member {
    pub fn file(path: &str, mode: u32, data: &[u8]) -> Self {
        Self {
            path: path.to_owned(),
            kind: EntryType::Regular,
            mode,
            size: data.len() as u64,
            data: data.to_vec(),
        }
    }

    pub fn core() -> Self {
        Self::file("bin/homeport", 0o755, CORE.as_bytes())
    }

    /// What a manifest says of this member.
    pub fn listed(&self) -> Value {
        let mode = if self.mode == 0o755 { "0755" } else { "0644" };
        json!({"path": self.path, "size": self.size, "mode": mode, "sha256": Digest::of(&self.data)})
    }

    /// Header and padded data. The path goes into the header as it is.
    pub fn bytes(&self) -> Vec<u8> {
        let mut header = Header::new_ustar();
        header.as_old_mut().name[..self.path.len()].copy_from_slice(self.path.as_bytes());
        header.set_entry_type(self.kind);
        header.set_mode(self.mode);
        header.set_size(self.size);
        header.set_cksum();
        let mut bytes = header.as_bytes().to_vec();
        bytes.extend(&self.data);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes
    }
}

pub fn manifest(version: &str, files: Vec<Value>) -> Member {
    let text = json!({"schema": 1, "version": version, "target": own_target(), "files": files})
        .to_string();
    Member::file("manifest.json", 0o644, text.as_bytes())
}

/// An archive of these members in this order, closed as tar does it.
pub fn archive(members: &[Member]) -> Vec<u8> {
    let mut bytes: Vec<u8> = members.iter().flat_map(Member::bytes).collect();
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

pub fn compress(archive: &[u8]) -> Vec<u8> {
    zstd::encode_all(archive, 1).unwrap()
}

/// A bundle whose manifest lists exactly `members`.
pub fn bundle(version: &str, members: &[Member]) -> Vec<u8> {
    let listed = manifest(version, members.iter().map(Member::listed).collect());
    compress(&archive(&[&[listed], members].concat()))
}

pub fn genuine(version: &str) -> Vec<u8> {
    bundle(
        version,
        &[
            Member::core(),
            Member::file("templates/a.yaml", 0o644, b"a: 1\n"),
        ],
    )
}

/// A zstd stream (RFC 8878) of `start` and then `zeros` zero bytes, which take four bytes per 128 KiB.
pub fn bomb(start: &[u8], zeros: u64) -> Vec<u8> {
    const BLOCK: u64 = 128 * 1024;
    const WINDOW_128_KIB: u8 = 7 << 3;
    let mut stream = vec![0x28, 0xb5, 0x2f, 0xfd, 0, WINDOW_128_KIB];
    let mut block = |kind: u32, size: u64, content: &[u8], last: bool| {
        let header = (u32::try_from(size).unwrap() << 3) | (kind << 1) | u32::from(last);
        stream.extend(&header.to_le_bytes()[..3]);
        stream.extend(content);
    };
    for chunk in start.chunks(BLOCK as usize) {
        block(0, chunk.len() as u64, chunk, false);
    }
    for _ in 0..zeros / BLOCK {
        block(1, BLOCK, &[0], false);
    }
    block(1, zeros % BLOCK, &[0], true);
    stream
}

/// Bytes that do not compress (xorshift64), the same every time.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(next)
        .flatten()
        .take(length)
        .collect()
}

pub fn is_empty(dir: &Path) -> bool {
    fs::read_dir(dir).unwrap().next().is_none()
}
