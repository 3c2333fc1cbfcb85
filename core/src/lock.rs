//! One operation at a time per instance: a file that is locked while its owner lives and says who that is.
//!
//! The kernel's lock ends with the process, so nothing is ever taken over by age. Only a lock whose recorded owner is
//! provably gone, while something that inherited it still holds it, is taken from it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use homeport_bootstrap::utc;
use homeport_engine::journal::Child;
use homeport_engine::process;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use crate::settings::instance_id;

/// Where locks are; empty after a reboot, as processes are.
pub const DIRECTORY: &str = "/var/lock/homeport";

/// More of a lock file is not read.
const SIZE_LIMIT: u64 = 4096;

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// `user@host`.
    pub who: String,
    /// The process, recognisable after its number was given to another.
    pub process: Child,
    /// What it does: a verb.
    pub operation: String,
    /// Since when, UTC.
    pub since: String,
}

/// Why a lock cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody has it.
    #[error("`{instance}` is locked by {}", by(holder.as_deref()))]
    Held {
        /// The instance.
        instance: String,
        /// Who; unknown for the moment between taking the lock and signing it.
        holder: Option<Box<Holder>>,
    },
    /// The file cannot be used.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    directory: PathBuf,
    path: PathBuf,
    _file: File,
}

fn by(holder: Option<&Holder>) -> String {
    holder.map_or_else(
        || "a process that has just begun".to_owned(),
        Holder::describe,
    )
}

impl Holder {
    fn me(operation: &str) -> io::Result<Holder> {
        Ok(Holder {
            who: who(),
            process: process::identity(std::process::id())?,
            operation: operation.to_owned(),
            since: utc::format(SystemTime::now()),
        })
    }

    /// What, who and since when, in a few words.
    pub fn describe(&self) -> String {
        format!(
            "`{}` of {} (process {}) since {}",
            self.operation, self.who, self.process.pid, self.since
        )
    }
}

impl Lock {
    /// Takes the instance's lock below `directory`, or says who has it. Does not wait.
    pub fn take(directory: &Path, instance: &str, operation: &str) -> Result<Lock, LockError> {
        let path = directory.join(instance);
        let io = |source| LockError::Io {
            path: path.clone(),
            source,
        };
        let name =
            instance_id(instance).map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why));
        name.and_then(|_| fs::create_dir_all(directory))
            .map_err(io)?;
        let _turn = turn(directory).map_err(io)?;
        let mut file = open(&path).map_err(io)?;
        if !acquire(&file).map_err(io)? {
            let holder = read(&mut file).map_err(io)?;
            if !gone(holder.as_ref()).map_err(io)? {
                return Err(LockError::Held {
                    instance: instance.to_owned(),
                    holder: holder.map(Box::new),
                });
            }
            // The dead owner's lock lives on in the old file; a new one under the name is nobody's yet.
            fs::remove_file(&path).map_err(io)?;
            file = open(&path).map_err(io)?;
            acquire(&file).map_err(io)?;
        }
        let me = Holder::me(operation).and_then(|me| sign(&mut file, &me));
        me.map_err(io)?;
        Ok(Lock {
            directory: directory.to_owned(),
            path: path.clone(),
            _file: file,
        })
    }
}

impl Drop for Lock {
    /// Removes the file. Should that fail, the lock ends all the same, and the next owner finds a file of a dead one.
    fn drop(&mut self) {
        let _turn = turn(&self.directory);
        let _ = fs::remove_file(&self.path);
    }
}

/// Who holds the instance's lock, if anybody does. Only reads.
pub fn holder(directory: &Path, instance: &str) -> io::Result<Option<Holder>> {
    match File::open(directory.join(instance)) {
        Ok(mut file) => {
            let holder = read(&mut file)?;
            Ok(if gone(holder.as_ref())? { None } else { holder })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes the files of owners that were killed. They hold nobody up; this only keeps the directory tidy.
pub fn sweep(directory: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    let _turn = turn(directory)?;
    for entry in entries {
        let path = entry?.path();
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            file => file?,
        };
        if acquire(&file)? {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// Files appear and go only in turn, so that nobody removes another's. Held for microseconds.
fn turn(directory: &Path) -> io::Result<File> {
    let turn = File::open(directory)?;
    flock(&turn, FlockOperation::LockExclusive)?;
    Ok(turn)
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o644)
        .open(path)
}

fn acquire(file: &File) -> io::Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// What the file says; `None`: nothing yet, or nothing that makes sense.
fn read(file: &mut File) -> io::Result<Option<Holder>> {
    let mut bytes = Vec::new();
    file.take(SIZE_LIMIT).read_to_end(&mut bytes)?;
    Ok(serde_json::from_slice(&bytes).ok())
}

/// Whether the owner is provably gone. An unknown one is not.
fn gone(holder: Option<&Holder>) -> io::Result<bool> {
    holder.map_or(Ok(false), |holder| {
        process::alive(&holder.process).map(|alive| !alive)
    })
}

fn sign(file: &mut File, me: &Holder) -> io::Result<()> {
    file.set_len(0)?;
    serde_json::to_writer(&mut *file, me)?;
    file.write_all(b"\n")
}

/// `user@host`; behind `sudo`, the person.
fn who() -> String {
    let person = ["SUDO_USER", "LOGNAME", "USER"]
        .iter()
        .find_map(|name| std::env::var(name).ok());
    let user = person.unwrap_or_else(|| rustix::process::getuid().as_raw().to_string());
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    format!("{user}@{host}")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn a_second_operation_is_told_who_is_at_work_and_the_next_one_gets_its_turn() {
        let dir = tempfile::tempdir().unwrap();
        let lock = Lock::take(dir.path(), "tasks", "install").unwrap();
        let error = Lock::take(dir.path(), "tasks", "stop")
            .unwrap_err()
            .to_string();
        let me = format!("(process {})", std::process::id());
        assert!(
            error.starts_with("`tasks` is locked by `install` of ") && error.contains(&me),
            "{error}"
        );
        assert_eq!(
            holder(dir.path(), "tasks").unwrap().unwrap().operation,
            "install"
        );
        Lock::take(dir.path(), "other", "stop").unwrap();
        drop(lock);
        assert_eq!(holder(dir.path(), "tasks").unwrap(), None);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        Lock::take(dir.path(), "tasks", "stop").unwrap();
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let error = Lock::take(dir.path(), "../x", "stop").unwrap_err();
        assert!(
            matches!(error, LockError::Io { source, .. } if source.kind() == io::ErrorKind::InvalidInput)
        );
    }

    fn dead() -> Holder {
        let me = Holder::me("install").unwrap();
        Holder {
            process: Child {
                started: me.process.started + 1,
                ..me.process
            },
            ..me
        }
    }

    #[test]
    fn the_file_of_a_killed_owner_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(
            dir.path().join("tasks"),
            serde_json::to_vec(&dead()).unwrap(),
        )
        .unwrap();
        assert_eq!(holder(dir.path(), "tasks").unwrap(), None);
        Lock::take(dir.path(), "tasks", "stop").unwrap();
        fs::write(dir.path().join("tasks"), "garbage").unwrap();
        Lock::take(dir.path(), "tasks", "stop").unwrap();
    }

    #[test]
    fn only_files_of_the_dead_are_swept() {
        let dir = tempfile::tempdir().unwrap();
        sweep(&dir.path().join("none")).unwrap();
        let _alive = Lock::take(dir.path(), "tasks", "install").unwrap();
        fs::write(dir.path().join("killed"), "").unwrap();
        sweep(dir.path()).unwrap();
        assert!(dir.path().join("tasks").exists());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_lock_that_outlives_its_owner_is_taken_over_but_never_an_unsigned_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tasks");
        let mut heir = open(&path).unwrap();
        assert!(acquire(&heir).unwrap());
        let error = Lock::take(dir.path(), "tasks", "stop").unwrap_err();
        assert!(matches!(error, LockError::Held { holder: None, .. }));
        sign(&mut heir, &dead()).unwrap();
        let lock = Lock::take(dir.path(), "tasks", "stop").unwrap();
        assert!(matches!(
            Lock::take(dir.path(), "tasks", "start"),
            Err(LockError::Held {
                holder: Some(_),
                ..
            })
        ));
        drop((heir, lock));
    }

    #[test]
    fn of_many_at_once_one_gets_it() {
        let dir = tempfile::tempdir().unwrap();
        let inside = AtomicU32::new(0);
        let won = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        if let Ok(lock) = Lock::take(dir.path(), "tasks", "stop") {
                            assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                            won.fetch_add(1, Ordering::SeqCst);
                            inside.fetch_sub(1, Ordering::SeqCst);
                            drop(lock);
                        }
                    }
                });
            }
        });
        assert!(won.load(Ordering::SeqCst) > 0);
    }
}
