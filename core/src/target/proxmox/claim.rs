//! Keeps two Homeports on one node from choosing the same free id: Proxmox's `nextid` reserves nothing.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

/// Where claims lie: gone with the boot, like the processes that hold them.
pub(super) const CLAIMS: &str = "/var/lock/homeport";

/// An id that no other Homeport on this node will take, until this is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    /// The id.
    pub(super) id: u32,
    _held: Held,
}

/// A name only one process of this node has, until this is dropped.
#[derive(Debug)]
pub(super) struct Held {
    path: PathBuf,
    _file: File,
}

impl Held {
    /// Takes it, unless somebody else has it.
    pub(super) fn take(path: &Path) -> io::Result<Option<Held>> {
        fs::create_dir_all(path.parent().unwrap_or(path))?;
        Ok(hold(path)?.map(|file| Held {
            path: path.to_owned(),
            _file: file,
        }))
    }
}

impl Claim {
    /// Claims the first of these ids that nobody holds.
    pub(super) fn first(
        directory: &Path,
        ids: impl IntoIterator<Item = u32>,
    ) -> io::Result<Option<Claim>> {
        for id in ids {
            let path = directory.join(format!("guest-{id}.lock"));
            if let Some(held) = Held::take(&path)? {
                return Ok(Some(Claim { id, _held: held }));
            }
        }
        Ok(None)
    }
}

/// The locked file, unless somebody else has locked it – or has just removed it and left its name to a third.
fn hold(path: &Path) -> io::Result<Option<File>> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let same = fs::metadata(path)
        .is_ok_and(|named| file.metadata().is_ok_and(|held| held.ino() == named.ino()));
    Ok(same.then_some(file))
}

impl Drop for Held {
    fn drop(&mut self) {
        // While the lock is still held: whoever waits for it sees that the name is gone. A leftover file claims nothing.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parallel_claims_get_different_ids_and_a_dropped_one_is_free_again() {
        let dir = tempfile::tempdir().unwrap();
        let claim = || Claim::first(dir.path(), 101..104).unwrap();
        let (first, second, third) = (claim().unwrap(), claim().unwrap(), claim().unwrap());
        assert_eq!((first.id, second.id, third.id), (101, 102, 103));
        assert!(claim().is_none());
        drop(second);
        assert_eq!(claim().unwrap().id, 102);
        drop((first, third));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
