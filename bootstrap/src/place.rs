//! A private directory to unpack and run a bundle in: one that has room and lets programs start, and that is gone
//! afterwards. Leaves alone everything it has not made.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{FlockOperation, StatVfsMountFlags, flock, statvfs};

const PREFIX: &str = "homeport-bootstrap-";
/// Held locked by whoever owns the directory for as long as it lives; the kernel lets go of it even after `kill -9`.
const LOCK: &str = ".lock";
/// A directory this young may be somebody's who is about to lock it.
const YOUNG: Duration = Duration::from_secs(10);
/// `TMPDIR` comes before these.
const ROOTS: [&str; 5] = ["/tmp", "/var/tmp", "/dev/shm", "/run", "/root"];

/// A directory nobody else can enter, removed on drop.
#[derive(Debug)]
pub struct Place {
    path: PathBuf,
    _lock: File,
    keep: bool,
}

/// No directory would do; says of each why.
#[derive(Debug, thiserror::Error)]
#[error("no directory has room for it and lets programs start: {}", .0.join("; "))]
pub struct NoPlace(Vec<String>);

impl Place {
    /// Makes the directory in the first place with `room` bytes free, after removing what dead processes left.
    pub fn create(room: u64) -> Result<Self, NoPlace> {
        let mut reasons = Vec::new();
        for root in roots() {
            sweep(&root);
            match suits(&root, room)
                .and_then(|()| create_in(&root).map_err(|error| error.to_string()))
            {
                Ok(place) => return Ok(place),
                Err(why) => reasons.push(format!("{} {why}", root.display())),
            }
        }
        Err(NoPlace(reasons))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves the directory there. Without its lock it is not swept by later runs either.
    pub fn keep(mut self) -> PathBuf {
        let _ = fs::remove_file(self.path.join(LOCK));
        self.keep = true;
        self.path.clone()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.keep {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

fn roots() -> impl Iterator<Item = PathBuf> {
    let own = std::env::var_os("TMPDIR").filter(|dir| Path::new(dir).is_absolute());
    own.map(PathBuf::from)
        .into_iter()
        .chain(ROOTS.map(PathBuf::from))
}

fn suits(root: &Path, room: u64) -> Result<(), String> {
    let system = statvfs(root).map_err(|error| format!("cannot be used: {error}"))?;
    if system.f_flag.contains(StatVfsMountFlags::NOEXEC) {
        return Err("does not let programs start (noexec)".to_owned());
    }
    let free = system.f_bavail.saturating_mul(system.f_frsize);
    if free < room {
        return Err(format!(
            "has {} MB free, {} MB are needed",
            free / 1_000_000,
            room.div_ceil(1_000_000)
        ));
    }
    Ok(())
}

/// The name need not be hard to guess: making the directory fails if anything of that name exists.
fn create_in(root: &Path) -> io::Result<Place> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos());
    let path = root.join(format!("{PREFIX}{}-{now}", std::process::id()));
    DirBuilder::new().mode(0o700).create(&path)?;
    let locked = || -> io::Result<File> {
        let lock = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path.join(LOCK))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        Ok(lock)
    };
    match locked() {
        Ok(lock) => Ok(Place {
            path,
            _lock: lock,
            keep: false,
        }),
        Err(error) => {
            let _ = fs::remove_dir_all(&path);
            Err(error)
        }
    }
}

/// Removes the directories in `root` that are ours and whose owner is dead. What cannot be removed stays.
fn sweep(root: &Path) {
    let Ok(entries) = fs::read_dir(root) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) && is_dead(&entry.path()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Ours, not just made, its lock free, and no program running from it: a core whose bootstrap was killed still does.
fn is_dead(dir: &Path) -> bool {
    let Ok(found) = fs::symlink_metadata(dir) else {
        return false;
    };
    let young = found
        .modified()
        .is_ok_and(|time| time.elapsed().is_ok_and(|age| age < YOUNG));
    if !found.is_dir() || found.uid() != rustix::process::geteuid().as_raw() || young {
        return false;
    }
    let Ok(lock) = File::open(dir.join(LOCK)) else {
        return false;
    };
    flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() && !is_running_from(dir)
}

fn is_running_from(dir: &Path) -> bool {
    let Ok(processes) = fs::read_dir("/proc") else {
        return true;
    };
    let program = |process: fs::DirEntry| fs::read_link(process.path().join("exe")).ok();
    processes
        .flatten()
        .filter_map(program)
        .any(|program| program.starts_with(dir))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn age(dir: &Path) {
        let long_ago = SystemTime::now() - Duration::from_secs(3600);
        File::open(dir).unwrap().set_modified(long_ago).unwrap();
    }

    #[test]
    fn is_private_and_gone_after_use() {
        let place = create_in(&std::env::temp_dir()).unwrap();
        let path = place.path().to_owned();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o700
        );
        fs::write(path.join("file"), "x").unwrap();
        drop(place);
        assert!(!path.exists());
    }

    #[test]
    fn sweeps_only_what_is_ours_and_dead() {
        let root = create_in(&std::env::temp_dir()).unwrap();
        let alive = create_in(root.path()).unwrap();
        let kept = create_in(root.path()).unwrap().keep();
        let dead = root.path().join("homeport-bootstrap-1-1");
        let foreign = root.path().join("something-else");
        for dir in [&dead, &foreign] {
            fs::create_dir(dir).unwrap();
            fs::write(dir.join(LOCK), "").unwrap();
        }
        let young = root.path().join("homeport-bootstrap-1-2");
        fs::create_dir(&young).unwrap();
        fs::write(young.join(LOCK), "").unwrap();
        for dir in [alive.path(), &kept, &dead, &foreign] {
            age(dir);
        }
        sweep(root.path());
        assert!(!dead.exists());
        for dir in [alive.path(), &kept, &foreign, &young] {
            assert!(dir.exists(), "{}", dir.display());
        }
    }

    #[test]
    fn says_why_nothing_would_do() {
        let why = suits(Path::new("/"), u64::MAX).unwrap_err();
        assert!(why.contains("MB free"), "{why}");
        assert!(suits(Path::new("/does-not-exist"), 0).is_err());
    }
}
