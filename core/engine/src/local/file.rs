//! Makes a path the declared file, directory or link – or nothing – and tells what is there before.
//! The last component of a path is never followed if it is a link.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{
    DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown, lchown, symlink,
};
use std::path::{Component, Path};

use rustix::fs::OFlags;

use super::owner::numbers;
use crate::durable::{beside, replace_with, sync_parent};
use crate::op::{Content, PutFile};
use crate::run::{Fault, FaultKind};

/// Largest file that goes into the journal as a before-image, bytes.
const IMAGE_LIMIT: u64 = 1 << 20;

/// Largest secret that is copied, bytes: a certificate chain is below it.
const COPY_LIMIT: u64 = 1 << 20;

/// Longest random file, characters.
const RANDOM_LIMIT: u32 = 1024;

/// Characters of a random file.
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Makes the path what it must be. On disk, with its directory, when this returns.
pub(super) fn put(file: &PutFile) -> Result<(), Fault> {
    let path = absolute(&file.path)?;
    let owner = || numbers(&file.owner);
    match &file.content {
        Content::Text(text) => whole(path, file.mode, owner()?, text.as_bytes()),
        Content::Directory => directory(path, file.mode, owner()?),
        Content::Link(target) => link(path, target, owner()?),
        Content::Random { length } => random(path, file.mode, owner()?, *length),
        Content::CopyOf(from) => {
            // An administrator's certificate is often a link; what it leads to is what was meant.
            let bytes = bounded(Path::new(from), COPY_LIMIT, OFlags::empty())
                .map_err(|error| failed(from, "cannot be copied", &error))?;
            whole(path, file.mode, owner()?, &bytes)
        }
        Content::Absent => absent(path),
    }
    .map_err(|error| failed(&file.path, "could not be made what it must be", &error))
}

/// What would put back what is at the path now. Reads, and writes nothing.
pub(super) fn before(file: &PutFile) -> Result<PutFile, Fault> {
    let path = absolute(&file.path)?;
    let unreadable = |error: &io::Error| failed(&file.path, "cannot be read", error);
    let Some(found) = look(path).map_err(|error| unreadable(&error))? else {
        return Ok(PutFile {
            path: first_missing(path),
            content: Content::Absent,
            ..file.clone()
        });
    };
    let content = match &file.content {
        // It is kept as it is, and what it holds is nobody's business.
        Content::Random { length } if found.is_file() => Content::Random { length: *length },
        _ => image(path, &found).map_err(|error| unreadable(&error))?,
    };
    Ok(PutFile {
        path: file.path.clone(),
        mode: found.permissions().mode() & 0o7777,
        owner: format!("{}:{}", found.uid(), found.gid()),
        content,
    })
}

/// A fault about a path.
pub(super) fn failed(path: &str, what: &str, error: &io::Error) -> Fault {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => FaultKind::Resources,
        _ => FaultKind::Failed,
    };
    Fault::new(kind, format!("`{path}` {what}: {error}"))
}

/// Only a path of at least two plain components is ever written: no plan has business with `/` or `/etc` themselves.
fn absolute(path: &str) -> Result<&Path, Fault> {
    let mut components = Path::new(path).components();
    let rooted = components.next() == Some(Component::RootDir);
    let plain = components
        .clone()
        .all(|part| matches!(part, Component::Normal(_)));
    if rooted && plain && components.count() >= 2 && !path.contains('\0') {
        return Ok(Path::new(path));
    }
    let why = format!("`{path}` is not an absolute path below a directory of the root");
    Err(Fault::new(FaultKind::Failed, why))
}

type Owner = (u32, u32);

fn whole(path: &Path, mode: u32, (uid, gid): Owner, bytes: &[u8]) -> io::Result<()> {
    parents(path)?;
    replace_with(path, mode, |file| {
        fchown(&*file, Some(uid), Some(gid))?;
        file.write_all(bytes)
    })
}

fn directory(path: &Path, mode: u32, owner: Owner) -> io::Result<()> {
    parents(path)?;
    make_directory(path)?;
    settle(path, mode, owner, OFlags::DIRECTORY)?;
    sync_parent(path)
}

fn link(path: &Path, target: &str, (uid, gid): Owner) -> io::Result<()> {
    parents(path)?;
    let fresh = beside(path)?;
    remove(&fresh)?;
    symlink(target, &fresh)?;
    let switched = lchown(&fresh, Some(uid), Some(gid)).and_then(|()| fs::rename(&fresh, path));
    if switched.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    switched?;
    sync_parent(path)
}

/// Made once: an existing file keeps its characters and gets only mode and owner.
fn random(path: &Path, mode: u32, owner: Owner, length: u32) -> io::Result<()> {
    if !(1..=RANDOM_LIMIT).contains(&length) {
        let why = format!("{length} random characters are not 1 to {RANDOM_LIMIT}");
        return Err(io::Error::other(why));
    }
    match look(path)? {
        Some(found) if found.is_file() => settle(path, mode, owner, OFlags::empty()),
        Some(_) => Err(io::Error::other("it is there, and not a file")),
        None => whole(path, mode, owner, &characters(length as usize)?),
    }
}

/// Equally likely characters: bytes above the last whole multiple of 62 are thrown away.
fn characters(length: usize) -> io::Result<Vec<u8>> {
    let mut source = File::open("/dev/urandom")?;
    let mut made = Vec::with_capacity(length);
    let mut bytes = [0; 128];
    while made.len() < length {
        source.read_exact(&mut bytes)?;
        let fair = bytes.iter().filter(|byte| **byte < 248);
        made.extend(fair.filter_map(|byte| ALPHABET.get(usize::from(byte % 62))));
        made.truncate(length);
    }
    Ok(made)
}

/// Nothing is there, nor what a replacement that was killed left beside it.
fn absent(path: &Path) -> io::Result<()> {
    let gone = [remove(&beside(path)?)?, remove(path)?];
    if gone.contains(&true) {
        sync_parent(path)?;
    }
    Ok(())
}

/// Whether there was anything to remove.
fn remove(path: &Path) -> io::Result<bool> {
    match look(path)? {
        None => return Ok(false),
        Some(found) if found.is_dir() => fs::remove_dir_all(path)?,
        Some(_) => fs::remove_file(path)?,
    }
    Ok(true)
}

/// Mode and owner of what is there already, through a handle that no link can divert.
fn settle(path: &Path, mode: u32, (uid, gid): Owner, flags: OFlags) -> io::Result<()> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags((flags | OFlags::NOFOLLOW).bits().cast_signed())
        .open(path)?;
    fchown(&file, Some(uid), Some(gid))?;
    file.set_permissions(PermissionsExt::from_mode(mode))?;
    file.sync_all()
}

/// Directories above that are missing are root's, 0755. Each gets its name when it is complete: one that is there is
/// taken as it is, and must not be what a killed run left half-made.
fn parents(path: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = path
        .ancestors()
        .skip(1)
        .take_while(|above| !above.exists())
        .collect();
    for above in missing.into_iter().rev() {
        let fresh = beside(above)?;
        remove(&fresh)?;
        make_directory(&fresh)?;
        settle(&fresh, 0o755, (0, 0), OFlags::DIRECTORY)?;
        fs::rename(&fresh, above)?;
        sync_parent(above)?;
    }
    Ok(())
}

fn make_directory(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn look(path: &Path) -> io::Result<Option<Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(None),
            _ => Err(error),
        },
    }
}

/// The topmost directory that will be made for a path that is not there; taking the path back takes it with it.
fn first_missing(path: &Path) -> String {
    let missing = path
        .ancestors()
        .take_while(|above| above.components().count() > 2 && matches!(look(above), Ok(None)));
    missing.last().unwrap_or(path).display().to_string()
}

fn image(path: &Path, found: &Metadata) -> io::Result<Content> {
    if found.is_dir() {
        return Ok(Content::Directory);
    }
    if found.is_symlink() {
        let target = fs::read_link(path)?.into_os_string();
        let plain = target.into_string();
        return plain
            .map(Content::Link)
            .map_err(|_| io::Error::other("its target is not UTF-8"));
    }
    if found.permissions().mode() & 0o077 == 0 {
        let why = "only its owner may read it, so it may be a secret, which no journal keeps";
        return Err(io::Error::other(why));
    }
    let text = String::from_utf8(bounded(path, IMAGE_LIMIT, OFlags::NOFOLLOW)?);
    text.map(Content::Text)
        .map_err(|_| io::Error::other("it is not text"))
}

/// A regular file of at most so many bytes. A pipe or device is refused, and does not make one wait.
fn bounded(path: &Path, limit: u64, flags: OFlags) -> io::Result<Vec<u8>> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags((flags | OFlags::NONBLOCK).bits().cast_signed())
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::other(format!("it is larger than {limit} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
