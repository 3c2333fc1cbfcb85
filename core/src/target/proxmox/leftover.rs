//! What a killed creation leaves on the host itself: a mount, loop devices, empty directories.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use homeport_engine::cmd::Command;
use homeport_engine::run::{Fault, FaultKind};

use super::fault::{broken, refused};

const SECONDS: u64 = 60;

/// Takes off the mount and the loop devices a killed creation leaves, and its empty directories.
pub(super) fn release(id: u32) -> Result<(), Fault> {
    let directory = PathBuf::from(format!("/var/lib/lxc/{id}"));
    let root = directory.join("rootfs");
    while mounts()?.contains(&id) {
        run(["umount".to_owned(), root.display().to_string()])?;
    }
    for (_, device) in loops()?.into_iter().filter(|(of, _)| *of == id) {
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

/// Ids of the guests whose root file systems are mounted. The fifth field of a line is the place.
pub(super) fn mounts() -> Result<Vec<u32>, Fault> {
    let table = fs::read_to_string("/proc/self/mountinfo")
        .map_err(|error| unseen("/proc/self/mountinfo", &error))?;
    let id = |line: &str| {
        let place = line.split(' ').nth(4)?.strip_prefix("/var/lib/lxc/")?;
        place.strip_suffix("/rootfs")?.parse().ok()
    };
    Ok(table.lines().filter_map(id).collect())
}

/// Loop devices over guests' images, `…/images/ID/vm-ID-disk-N.raw`, each with the guest's id.
pub(super) fn loops() -> Result<Vec<(u32, String)>, Fault> {
    let unseen = |error: io::Error| unseen("/sys/block", &error);
    let mut found = Vec::new();
    for entry in fs::read_dir("/sys/block").map_err(unseen)? {
        let name = entry.map_err(unseen)?.file_name();
        let name = name.to_string_lossy().into_owned();
        let file = fs::read_to_string(format!("/sys/block/{name}/loop/backing_file"));
        if let Some(id) = file.ok().as_deref().and_then(image_of) {
            found.push((id, format!("/dev/{name}")));
        }
    }
    Ok(found)
}

fn image_of(file: &str) -> Option<u32> {
    let (_, rest) = file.split_once("/images/")?;
    let (id, name) = rest.split_once('/')?;
    let is_its = name.starts_with(&format!("vm-{id}-disk-"));
    id.parse().ok().filter(|_| is_its)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_its_guests_by_directory_and_name() {
        let of = |file| image_of(file);
        assert_eq!(of("/var/lib/vz/images/105/vm-105-disk-0.raw\n"), Some(105));
        assert_eq!(of("/var/lib/vz/images/105/vm-106-disk-0.raw\n"), None);
        assert_eq!(of("/srv/images/photo.img\n"), None);
        assert!(mounts().is_ok() && loops().is_ok());
    }
}
