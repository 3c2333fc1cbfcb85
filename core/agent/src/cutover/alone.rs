//! Whether anybody has something open below a path. Only looks, and sees every process of the guest: it runs as root.

use std::fs;
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use homeport_engine::run::{Fault, FaultKind};

/// The first process, which serves no app. On some machines nobody may look at it.
const INIT: u32 = 1;

/// Time a process gets to be gone that cannot be looked at.
const ENDING: Duration = Duration::from_secs(1);

/// Time between two looks at such a process.
const PAUSE: Duration = Duration::from_millis(5);

/// Sees that no process has anything below these paths open.
///
/// # Errors
/// [`FaultKind::Locked`] with the first that has; [`FaultKind::Failed`] when that cannot be seen.
pub(super) fn see(paths: &[String]) -> Result<(), Fault> {
    let unseen = |error: io::Error| {
        let why = format!("whether somebody is at the data cannot be seen: {error}");
        Fault::new(FaultKind::Failed, why)
    };
    for entry in fs::read_dir("/proc").map_err(unseen)? {
        let name = entry.map_err(unseen)?.file_name();
        let pid = name.to_str().and_then(|name| name.parse::<u32>().ok());
        let Some(pid) = pid.filter(|pid| *pid != INIT) else {
            continue;
        };
        let named =
            |error: io::Error| io::Error::new(error.kind(), format!("process {pid}: {error}"));
        let found = patiently(pid, paths).map_err(named).map_err(unseen)?;
        if let Some(path) = found {
            let who = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            let why = format!("process {pid} ({}) has `{path}` open", who.trim());
            return Err(Fault::new(FaultKind::Locked, why)
                .with_remedy(format!("See what it is: ps -fp {pid}")));
        }
    }
    Ok(())
}

/// As [`opened`]; one that is just ending cannot be looked at for a moment (seen as root: `Permission denied`).
fn patiently(pid: u32, paths: &[String]) -> io::Result<Option<String>> {
    let deadline = Instant::now() + ENDING;
    loop {
        match opened(pid, paths) {
            Err(error)
                if error.kind() == io::ErrorKind::PermissionDenied && Instant::now() < deadline =>
            {
                thread::sleep(PAUSE);
            }
            seen => return seen,
        }
    }
}

/// What the process has open below one of the paths. One that ends meanwhile has nothing.
fn opened(pid: u32, paths: &[String]) -> io::Result<Option<String>> {
    let entries = match fs::read_dir(format!("/proc/{pid}/fd")) {
        Ok(entries) => entries,
        Err(error) if gone(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let target = entry.and_then(|entry| fs::read_link(entry.path()));
        match target {
            Ok(target) if paths.iter().any(|path| below(&target, path)) => {
                return Ok(Some(target.display().to_string()));
            }
            Ok(_) => {}
            Err(error) if gone(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

fn below(target: &Path, path: &str) -> bool {
    target.starts_with(path)
}

fn gone(error: &io::Error) -> bool {
    let no_process = rustix::io::Errno::SRCH.raw_os_error();
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(no_process)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_a_file_open_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("g1");
        fs::create_dir(&data).unwrap();
        let paths = [data.display().to_string()];
        assert_eq!(see(&paths), Ok(()));
        let file = fs::File::create(data.join("app.db")).unwrap();
        let fault = see(&paths).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Locked);
        assert!(
            fault
                .why
                .contains(&format!("process {} ", std::process::id())),
            "{fault}"
        );
        assert_eq!(see(&[dir.path().join("g").display().to_string()]), Ok(()));
        drop(file);
        assert_eq!(see(&paths), Ok(()));
    }
}
