//! One agent at work at a time. The kernel's lock on a file decides, and falls with its holder; what the file says is
//! only for messages.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use homeport_engine::process;
use homeport_engine::report::Holder;
use homeport_engine::run::{Fault, FaultKind, unix_now};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// More of the file than this is never read, bytes.
const SIZE_LIMIT: usize = 4096;

/// So long a lock may outlive its holder: one that is killed while it starts a child leaves that with the lock, until
/// the child becomes another program.
const LINGER: Duration = Duration::from_secs(5);

/// Time between two tries.
const PAUSE: Duration = Duration::from_millis(5);

/// The lock, held until it is dropped or its process ends.
pub(crate) struct Lock {
    file: File,
    holder: Holder,
}

impl Lock {
    /// Takes the lock for `who`.
    ///
    /// # Errors
    /// [`FaultKind::Locked`] with its holder when another process has it.
    pub(crate) fn take(path: &Path, who: &str) -> Result<Lock, Fault> {
        let unusable = |error: io::Error| {
            let why = format!("the lock `{}` cannot be taken: {error}", path.display());
            Fault::new(FaultKind::Failed, why)
        };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o644)
            .open(path)
            .map_err(unusable)?;
        let deadline = Instant::now() + LINGER;
        while let Err(error) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
            let holder = read(&file);
            let dying = holder.as_ref().is_some_and(|holder| !lives(holder));
            match error {
                Errno::WOULDBLOCK if dying && Instant::now() < deadline => thread::sleep(PAUSE),
                Errno::WOULDBLOCK => return Err(locked(holder.as_ref())),
                _ => return Err(unusable(error.into())),
            }
        }
        let holder = Holder {
            who: who.to_owned(),
            process: process::identity(std::process::id()).map_err(unusable)?,
            operation: None,
            since: unix_now(),
        };
        let mut lock = Lock { file, holder };
        lock.write().map_err(unusable)?;
        Ok(lock)
    }

    /// Writes down which operation it is held for.
    pub(crate) fn name(&mut self, operation: &str) -> Result<(), Fault> {
        self.holder.operation = Some(operation.to_owned());
        self.write()
            .map_err(|error| Fault::new(FaultKind::Failed, format!("the lock: {error}")))
    }

    fn write(&mut self) -> io::Result<()> {
        let mut text = serde_json::to_vec(&self.holder)?;
        text.push(b'\n');
        self.file.set_len(0)?;
        self.file.write_all_at(&text, 0)?;
        self.file.flush()
    }
}

/// Who is at work, if anybody is: the process the file names must live. Takes no lock, and so is in nobody's way.
pub(crate) fn holder(path: &Path) -> Option<Holder> {
    read(&File::open(path).ok()?).filter(lives)
}

fn lives(holder: &Holder) -> bool {
    process::alive(&holder.process).unwrap_or(true)
}

/// Always from the beginning, for it may be read again and again.
fn read(file: &File) -> Option<Holder> {
    let mut text = [0; SIZE_LIMIT];
    let count = file.read_at(&mut text, 0).ok()?;
    serde_json::from_slice(text.get(..count)?).ok()
}

fn locked(holder: Option<&Holder>) -> Fault {
    let Some(holder) = holder else {
        let why = "another operation has just taken the guest's lock";
        return Fault::new(FaultKind::Locked, why);
    };
    let what = holder.operation.as_deref().unwrap_or("an operation");
    Fault::new(
        FaultKind::Locked,
        format!(
            "{} has been at work on {what} for {} s (process {} in the guest)",
            holder.who,
            unix_now().saturating_sub(holder.since),
            holder.process.pid
        ),
    )
    .with_remedy("Wait for it to end; the lock falls with its holder")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_refused_and_told_who_is_first() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        assert_eq!(holder(&path), None);
        let mut first = Lock::take(&path, "root@pve").unwrap();
        first.name("install-7").unwrap();
        let refused = Lock::take(&path, "me").map(|_| ()).unwrap_err();
        assert_eq!(refused.kind, FaultKind::Locked);
        assert!(
            refused
                .why
                .starts_with("root@pve has been at work on install-7 for "),
            "{}",
            refused.why
        );
        assert_eq!(holder(&path).unwrap().who, "root@pve");
        drop(first);
        Lock::take(&path, "me").unwrap();
        assert_eq!(holder(&path).unwrap().operation, None);
    }

    #[test]
    fn a_lock_that_outlives_its_holder_for_a_moment_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let mut dead = Lock::take(&path, "one that was killed").unwrap();
        dead.holder.process.started += 1;
        dead.write().unwrap();
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(100));
            drop(dead);
        });
        Lock::take(&path, "me").unwrap();
        assert_eq!(holder(&path).unwrap().who, "me");
    }

    #[test]
    fn what_the_file_says_is_only_for_messages() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        for text in ["", "garbage", "{\"who\":7}", &"x".repeat(10_000)] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(holder(&path), None);
            Lock::take(&path, "me").unwrap();
        }
    }
}
