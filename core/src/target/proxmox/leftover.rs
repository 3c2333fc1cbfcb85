//! What a killed creation leaves on the host itself: a mount, loop devices, empty directories.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use homeport_engine::cmd::Command;
use homeport_engine::run::{Fault, FaultKind};

use super::fault::{broken, refused};

const SECONDS: u64 = 60;

/// Takes off the mount and the loop devices a killed creation leaves, and its empty directories.
pub(super) fn release(id: u32) -> Result<(), Fault> {
    let directory = PathBuf::from(format!("/var/lib/lxc/{id}"));
    let root = directory.join("rootfs");
    while mounted(&root).map_err(|error| unseen("/proc/self/mountinfo", &error))? {
        run(["umount".to_owned(), root.display().to_string()])?;
    }
    for device in loops(id).map_err(|error| unseen("/sys/block", &error))? {
        run(["losetup".to_owned(), "-d".to_owned(), device])?;
    }
    for path in [root, directory] {
        match fs::remove_dir(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // Somebody keeps something there: not ours to remove.
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            Err(error) => return Err(unseen(&path.display().to_string(), &error)),
        }
    }
    Ok(())
}

/// Whether something is mounted exactly there. The fifth field of a line is the place, blanks written as `\040`.
fn mounted(at: &Path) -> io::Result<bool> {
    let table = fs::read_to_string("/proc/self/mountinfo")?;
    Ok(table
        .lines()
        .any(|line| line.split(' ').nth(4).map(Path::new) == Some(at)))
}

/// Loop devices over an image of this id: `…/images/ID/vm-ID-disk-N.raw`.
fn loops(id: u32) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/sys/block")? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let file = fs::read_to_string(format!("/sys/block/{name}/loop/backing_file"));
        if file.is_ok_and(|file| file.contains(&format!("/images/{id}/vm-{id}-disk-"))) {
            found.push(format!("/dev/{name}"));
        }
    }
    Ok(found)
}

fn run<const N: usize>(argv: [String; N]) -> Result<(), Fault> {
    let title = argv.join(" ");
    let command = Command::new(argv, Duration::from_secs(SECONDS));
    match command.run(&false.into()) {
        Ok(end) if end.ok() => Ok(()),
        Ok(end) => Err(refused(&title, &end)),
        Err(error) => Err(broken(&title, &error)),
    }
}

fn unseen(path: &str, error: &io::Error) -> Fault {
    Fault::new(
        FaultKind::Failed,
        format!("`{path}` cannot be used: {error}"),
    )
}
