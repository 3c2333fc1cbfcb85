//! Packs a directory into a bundle. The same content gives the same bytes, whatever its path, owner, times, umask or
//! the order of the directory.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use homeport_bootstrap::digest::Digest;
use homeport_bootstrap::manifest::{self, FileEntry, Manifest, Mode};
use homeport_bootstrap::{Version, unpack};
use schemars::JsonSchema;
use serde::Serialize;

use super::BundleError;
use super::error::at;
use super::sign::{KeyFile, Signer, beside};

/// The best level that keeps the decoder's window at 8 MiB.
const LEVEL: i32 = 19;

/// A bundle to make.
pub struct CreateRequest<'a> {
    /// Everything under it becomes part of the bundle, with its path relative to it.
    pub dir: &'a Path,
    /// The release.
    pub version: Version,
    /// The machines it runs on, such as `x86_64-linux`.
    pub target: &'a str,
    /// The directory to write the bundle and its signature into.
    pub out: &'a Path,
    /// What to sign with.
    pub key: KeyFile<'a>,
}

/// A bundle that has been made.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CreatedBundle {
    /// The bundle.
    pub path: PathBuf,
    /// Its signature.
    pub signature: PathBuf,
    /// In bytes, packed.
    pub size: u64,
    /// What it holds.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub manifest: Manifest,
}

/// Packs, checks as the bootstrap will, signs, and only then gives the bundle its name.
///
/// # Errors
/// When the directory holds something a bundle cannot, changes meanwhile, the key is unusable, or `out` cannot be
/// written. An earlier bundle of the same name then stays as it was.
pub fn create(request: &CreateRequest) -> Result<CreatedBundle, BundleError> {
    let signer = Signer::load(request.key)?;
    let manifest = list(request)?;
    let name = manifest.name();
    let path = request.out.join(name.to_string());
    let part = part(&path);
    let packed = write(&part, request.dir, &manifest).and_then(|()| check(&part, &manifest));
    if let Err(error) = packed {
        let _ = fs::remove_file(&part);
        return Err(error);
    }
    let size = fs::metadata(&part).map_err(at(&part))?.len();
    let signature = publish(&signer, &part, &path, &name.trusted_comment())?;
    Ok(CreatedBundle {
        path,
        signature,
        size,
        manifest,
    })
}

/// Where a file is written before it is known to be good.
pub(super) fn part(path: &Path) -> PathBuf {
    path.with_added_extension("part")
}

/// Signs `part` and gives it and its signature their names: signature first, so that the file is never there without.
pub(super) fn publish(
    signer: &Signer,
    part: &Path,
    path: &Path,
    comment: &str,
) -> Result<PathBuf, BundleError> {
    let signature = beside(path);
    let signed = signer.sign(part, comment).and_then(|text| {
        prove(signer, part, &text, comment)?;
        fs::write(&signature, text).map_err(at(&signature))?;
        fs::rename(part, path).map_err(at(path))
    });
    if signed.is_err() {
        let _ = fs::remove_file(part);
    }
    signed.map(|()| signature)
}

/// Whether the bootstrap will accept the signature.
fn prove(signer: &Signer, part: &Path, signature: &str, comment: &str) -> Result<(), BundleError> {
    let key = signer
        .public()
        .map_err(|error| at(part)(io::Error::other(error)))?;
    let mut file = File::open(part).map_err(at(part))?;
    let refused = |source| BundleError::Trust {
        path: part.to_owned(),
        source,
    };
    key.verify(&mut file, signature.as_bytes(), comment)
        .map_err(refused)
}

fn list(request: &CreateRequest) -> Result<Manifest, BundleError> {
    let mut files = Vec::new();
    walk(request.dir, request.dir, &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let manifest = Manifest {
        schema: manifest::SCHEMA,
        version: request.version.clone(),
        target: request.target.to_owned(),
        files,
    };
    manifest.validate()?;
    Ok(manifest)
}

fn walk(root: &Path, dir: &Path, files: &mut Vec<FileEntry>) -> Result<(), BundleError> {
    for entry in fs::read_dir(dir).map_err(at(dir))? {
        let entry = entry.map_err(at(dir))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(at(&path))?;
        if kind.is_dir() {
            walk(root, &path, files)?;
        } else if kind.is_file() {
            files.push(describe(root, &path)?);
        } else {
            return Err(BundleError::Kind(path));
        }
    }
    Ok(())
}

fn describe(root: &Path, path: &Path) -> Result<FileEntry, BundleError> {
    let relative = path.strip_prefix(root).ok().and_then(Path::to_str);
    let relative = relative.ok_or_else(|| BundleError::Kind(path.to_owned()))?;
    let file = File::open(path).map_err(at(path))?;
    let permissions = file.metadata().map_err(at(path))?.permissions();
    let mode = if permissions.mode() & 0o100 != 0 {
        Mode::Executable
    } else {
        Mode::Plain
    };
    let (sha256, size) = Digest::of_reader(file).map_err(at(path))?;
    Ok(FileEntry {
        path: relative.to_owned(),
        size,
        mode,
        sha256,
    })
}

fn write(part: &Path, dir: &Path, manifest: &Manifest) -> Result<(), BundleError> {
    let failed = at(part);
    let file = BufWriter::new(File::create(part).map_err(&failed)?);
    let mut encoder = zstd::Encoder::new(file, LEVEL).map_err(&failed)?;
    encoder.include_checksum(true).map_err(&failed)?;
    let mut tar = tar::Builder::new(encoder);
    let text = serde_json::to_vec_pretty(manifest).map_err(|error| failed(error.into()))?;
    append(
        &mut tar,
        manifest::PATH,
        Mode::Plain,
        text.len() as u64,
        text.as_slice(),
    )
    .map_err(&failed)?;
    for entry in &manifest.files {
        let path = dir.join(&entry.path);
        let file = File::open(&path).map_err(at(&path))?;
        append(
            &mut tar,
            &entry.path,
            entry.mode,
            entry.size,
            file.take(entry.size),
        )
        .map_err(at(&path))?;
    }
    let encoder = tar.into_inner().map_err(&failed)?;
    let file = encoder
        .finish()
        .and_then(|file| file.into_inner().map_err(io::IntoInnerError::into_error));
    file.and_then(|file| file.sync_all()).map_err(&failed)
}

/// Owner and group 0 and time 0 are what a new header holds; the plain format has no room for anything else.
fn append(
    tar: &mut tar::Builder<impl Write>,
    path: &str,
    mode: Mode,
    size: u64,
    data: impl Read,
) -> io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_path(path)?;
    header.set_mode(mode.bits());
    header.set_size(size);
    header.set_cksum();
    tar.append(&header, data)
}

/// Reads the bundle back as the bootstrap will. A file that has changed since it was listed is found here.
fn check(part: &Path, manifest: &Manifest) -> Result<(), BundleError> {
    let file = File::open(part).map_err(at(part))?;
    unpack::check(file, &manifest.name())
        .map(drop)
        .map_err(|source| BundleError::Content {
            path: part.to_owned(),
            source,
        })
}
