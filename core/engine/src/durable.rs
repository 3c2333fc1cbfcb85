//! Durable small files: replaced atomically, and on disk – with their directory – before the call returns.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Replaces `path` with `bytes` in one step. After a crash the old content is there, or the new one.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    replace_with(path, mode, |file| file.write_all(bytes))
}

/// Like [`replace`], with the new file open for more (ownership, say) before it gets its name.
pub fn replace_with(
    path: &Path,
    mode: u32,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let fresh = beside(path)?;
    let _ = fs::remove_file(&fresh);
    let done = filled(&fresh, mode, fill).and_then(|()| fs::rename(&fresh, path));
    if done.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    done?;
    sync_parent(path)
}

fn filled(
    fresh: &Path,
    mode: u32,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(fresh)?;
    fill(&mut file)?;
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))?;
    file.sync_all()
}

/// Brings the directory entry of `path` to disk.
pub fn sync_parent(path: &Path) -> io::Result<()> {
    File::open(parent(path)?)?.sync_all()
}

/// Brings a file, or a directory with all that is in it, to disk, and its own entry, too. Links are not followed.
///
/// # Errors
/// The first that cannot be opened or synced, named.
pub fn sync_tree(path: &Path) -> io::Result<()> {
    sync_below(path)?;
    sync_parent(path)
}

/// A directory comes after all that is in it, and is brought to disk once.
fn sync_below(path: &Path) -> io::Result<()> {
    let named =
        |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let found = fs::symlink_metadata(path).map_err(named)?;
    if found.is_dir() {
        for entry in fs::read_dir(path).map_err(named)? {
            match sync_below(&entry.map_err(named)?.path()) {
                // A file that is gone meanwhile – a journal of the database that now runs – has nothing to be brought
                // to disk.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                synced => synced?,
            }
        }
    }
    if found.is_dir() || found.is_file() {
        File::open(path)
            .and_then(|file| file.sync_all())
            .map_err(named)?;
    }
    Ok(())
}

/// Removes what replacements that were killed left in a directory. For a directory in which nobody else writes now.
pub fn sweep(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let ours = name
            .to_str()
            .is_some_and(|name| name.starts_with('.') && name.ends_with(FRESH));
        if ours && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// End of the names that replacements use before a file gets its own.
const FRESH: &str = ".homeport-new";

/// A name in the same directory that no program of ours uses for anything else.
pub fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::other(format!("`{}` has no file name", path.display())))?;
    let mut fresh = std::ffi::OsString::from(".");
    fresh.push(name);
    fresh.push(FRESH);
    Ok(parent(path)?.join(fresh))
}

fn parent(path: &Path) -> io::Result<&Path> {
    path.parent()
        .ok_or_else(|| io::Error::other(format!("`{}` has no directory", path.display())))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_left_alone_when_filling_fails() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        replace(&path, b"one", 0o640).unwrap();
        let failed = replace_with(&path, 0o640, |file| {
            file.write_all(b"tw")?;
            Err(io::Error::other("full"))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        replace(&path, b"two", 0o600).unwrap();
        fs::write(beside(&path).unwrap(), "left by one that was killed").unwrap();
        sweep(dir.path()).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn a_tree_is_brought_to_disk_whatever_lies_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("data");
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(root.join("a/b/file"), "x").unwrap();
        std::os::unix::fs::symlink("nowhere", root.join("a/link")).unwrap();
        sync_tree(&root).unwrap();
        sync_tree(&root.join("a/b/file")).unwrap();
        let gone = root.join("gone");
        let error = sync_tree(&gone).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().contains(&gone.display().to_string()));
    }
}
