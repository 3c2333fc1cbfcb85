//! Takes a file, or everything below a directory, out of a zip archive. What it reads is foreign: reading is total and
//! bounded.

use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use super::file::failed;
use crate::durable::replace_with;
use crate::op::Unpack;
use crate::run::{Fault, FaultKind};

/// Carries out [`Unpack`]. A file is whole at its path, and on disk, or not there; of a directory that could not be
/// unpacked something may be there, which the next try removes first.
pub(super) fn unpack(unpack: &Unpack) -> Result<(), Fault> {
    let file = File::open(&unpack.archive).map_err(|error| broken(unpack, error))?;
    let mut archive = ZipArchive::new(file).map_err(|error| broken(unpack, error))?;
    match unpack.mode {
        Some(mode) => one(unpack, &mut archive, mode),
        None => all_below(unpack, &mut archive),
    }
}

fn broken(unpack: &Unpack, why: impl ToString) -> Fault {
    let what = format!("`{}` in `{}`", unpack.member, unpack.archive);
    let why = why.to_string();
    Fault::new(
        FaultKind::Failed,
        format!("{what} cannot be unpacked: {why}"),
    )
}

fn too_large(unpack: &Unpack) -> Fault {
    broken(unpack, format!("it is larger than {} bytes", unpack.limit))
}

fn one(unpack: &Unpack, archive: &mut ZipArchive<File>, mode: u32) -> Result<(), Fault> {
    let member = archive
        .by_name(&unpack.member)
        .map_err(|error| broken(unpack, error))?;
    if !member.is_file() {
        return Err(broken(unpack, "it is not a file"));
    }
    let mut limited = member.take(unpack.limit + 1);
    let mut over = false;
    let written = replace_with(Path::new(&unpack.to), mode, |to| {
        over = io::copy(&mut limited, to)? > unpack.limit;
        match over {
            true => Err(io::Error::other("too large")),
            false => Ok(()),
        }
    });
    match written {
        Err(_) if over => Err(too_large(unpack)),
        Err(error) => Err(failed(&unpack.to, "cannot be unpacked", &error)),
        Ok(()) => Ok(()),
    }
}

fn all_below(unpack: &Unpack, archive: &mut ZipArchive<File>) -> Result<(), Fault> {
    let into = Path::new(&unpack.to);
    let at = |error: io::Error| failed(&unpack.to, "cannot be unpacked", &error);
    match fs::remove_dir_all(into) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(error)),
        _ => {}
    }
    let (mut left, mut found) = (unpack.limit, false);
    for n in 0..archive.len() {
        let member = archive.by_index(n).map_err(|error| broken(unpack, error))?;
        let Some(below) = below(unpack, member.enclosed_name())? else {
            continue;
        };
        if member.is_dir() {
            continue;
        }
        if !member.is_file() {
            return Err(broken(unpack, format!("{} is no file", below.display())));
        }
        found = true;
        let runs = member.unix_mode().is_some_and(|mode| mode & 0o111 != 0);
        let to = into.join(&below);
        left = written(member, &to, left)
            .map_err(at)?
            .ok_or_else(|| too_large(unpack))?;
        let mode = if runs { 0o755 } else { 0o644 };
        fs::set_permissions(&to, Permissions::from_mode(mode)).map_err(at)?;
    }
    if !found {
        return match unpack.optional {
            true => Ok(()),
            false => Err(broken(unpack, "the archive has no such directory")),
        };
    }
    // One for all: there may be thousands of files.
    File::open(into)
        .and_then(|directory| Ok(rustix::fs::syncfs(directory)?))
        .map_err(at)
}

/// The path of a member below the directory that is unpacked, if it is there; an error if its name leads out of it.
fn below(unpack: &Unpack, name: Option<PathBuf>) -> Result<Option<PathBuf>, Fault> {
    let name = name.ok_or_else(|| broken(unpack, "a name in the archive leads out of it"))?;
    let below = name.strip_prefix(unpack.member.trim_end_matches('/'));
    Ok(below
        .ok()
        .map(Path::to_owned)
        .filter(|path| path.components().next().is_some()))
}

/// Writes one file of many; how many bytes may follow, or nothing if these were too many.
fn written(from: impl Read, to: &Path, limit: u64) -> io::Result<Option<u64>> {
    if let Some(directory) = to.parent() {
        fs::create_dir_all(directory)?;
    }
    let mut file = File::create_new(to)?;
    let size = io::copy(&mut from.take(limit.saturating_add(1)), &mut file)?;
    Ok(limit.checked_sub(size))
}

#[cfg(test)]
#[path = "unpack_tests.rs"]
mod tests;
