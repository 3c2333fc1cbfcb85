//! Sums by which fetched files are known: how each is computed. Total for any file; a zip bomb is refused.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use ct_codecs::{Base64, Encoder};
use homeport_bootstrap::digest::Digest;
use sha2::{Digest as _, Sha256, Sha512};

/// What a file must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sum {
    /// SHA-256 of its bytes.
    Sha256(Digest),
    /// SHA-512 of its bytes, lower-case hexadecimal.
    Sha512(String),
    /// `h1:…` of a Go module's zip.
    Module(String),
}

/// More unpacked bytes than this are no module, bytes: Go's own are 300 MB.
const UNPACKED: u64 = 2 << 30;

impl Sum {
    /// The same sum of another file, as text.
    pub fn of(&self, path: &Path) -> io::Result<String> {
        let file = File::open(path)?;
        match self {
            Sum::Sha256(_) => Ok(Digest::of_reader(file)?.0.to_string()),
            Sum::Sha512(_) => sha512(file),
            Sum::Module(_) => module(file),
        }
    }

    /// The sum as text.
    pub fn text(&self) -> String {
        match self {
            Sum::Sha256(digest) => digest.to_string(),
            Sum::Sha512(text) | Sum::Module(text) => text.clone(),
        }
    }

    /// Whether that file is it.
    pub fn holds(&self, path: &Path) -> io::Result<bool> {
        Ok(self.of(path)? == self.text())
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sha512(mut from: impl Read) -> io::Result<String> {
    let mut hasher = Sha512::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(buffer.get(..count).unwrap_or_default());
    }
}

/// Go's own `h1`: SHA-256 of the sorted list of all files, each line its SHA-256, two blanks, its name.
fn module(file: File) -> io::Result<String> {
    let mut archive = zip::ZipArchive::new(file)?;
    let (mut lines, mut room) = (Vec::new(), UNPACKED);
    for index in 0..archive.len() {
        let member = archive.by_index(index)?;
        let name = member.name().map_err(io::Error::other)?.into_owned();
        let (digest, size) = Digest::of_reader(member.take(room + 1))?;
        room = room
            .checked_sub(size)
            .ok_or_else(|| io::Error::other("it unpacks to too much"))?;
        lines.push((name, digest));
    }
    lines.sort();
    let mut sum = Sha256::new();
    for (name, digest) in lines {
        sum.update(format!("{digest}  {name}\n"));
    }
    Base64::encode_to_string(sum.finalize())
        .map(|text| format!("h1:{text}"))
        .map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    #[test]
    fn a_module_is_known_by_all_its_files() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.zip");
        let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
        for (name, text) in [("m@v1/b", "two"), ("m@v1/a", "one")] {
            zip.start_file(name, zip::write::SimpleFileOptions::default())
                .unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        }
        zip.finish().unwrap();
        let list = format!(
            "{}  m@v1/a\n{}  m@v1/b\n",
            Digest::of(b"one"),
            Digest::of(b"two")
        );
        let bytes = Base64::encode_to_string(Sha256::digest(list)).unwrap();
        let sum = Sum::Module(format!("h1:{bytes}"));
        assert!(sum.holds(&path).unwrap());
        fs::write(&path, b"PK").unwrap();
        assert!(sum.holds(&path).is_err());
    }

    /// FIPS 180-4's own example.
    #[test]
    fn sha512_is_sha512() {
        assert!(
            sha512(&b"abc"[..])
                .unwrap()
                .starts_with("ddaf35a193617abacc417349ae204131")
        );
    }
}
