//! What is left on the host of an instance, wherever an installation puts anything. Looks only.

use std::fs;
use std::path::Path;

use homeport_tests::leftover::held;

use crate::instance::{Instance, STATE};
use crate::run::call;

/// Everything that is left: of the instance by its name, of its guest by its id, of its operations in `tmp`.
pub fn remains(instance: &Instance, id: u32, tmp: &Path) -> Vec<String> {
    let mut found = of_guest(&id.to_string());
    let name = instance.name;
    found.extend(instance.id().map(|id| format!("container {id}")));
    found.extend(there([
        format!("{STATE}/journal/{name}"),
        format!("{STATE}/instances/{name}.json"),
        format!("{STATE}/health/{name}.json"),
        format!("/var/lock/homeport/{name}"),
    ]));
    found.extend(staged());
    found.extend(inside(tmp));
    found.extend(processes(name));
    found
}

/// What is left of a container.
fn of_guest(id: &str) -> Vec<String> {
    let mut found = there([
        format!("/etc/pve/lxc/{id}.conf"),
        format!("/var/lib/lxc/{id}"),
        format!("/var/lock/homeport/guest-{id}.lock"),
    ]);
    let volumes = call(&["pvesm", "list", "local-dir", "--vmid", id]).well();
    found.extend(volumes.lines().skip(1).map(str::to_owned));
    found.extend(held(id));
    found
}

/// What was fetched, unless it is for another instance's operation that is under way.
fn staged() -> impl Iterator<Item = String> {
    let journals = inside(&Path::new(STATE).join("journal"));
    inside(&Path::new(STATE).join("staging"))
        .into_iter()
        .filter(move |path| {
            let operation = path.rsplit('/').next().unwrap_or_default();
            let journal = |of: &String| Path::new(of).join(format!("{operation}.jsonl"));
            !journals.iter().any(|of| journal(of).exists())
        })
}

fn there<const N: usize>(paths: [String; N]) -> Vec<String> {
    let exists = |path: &String| fs::symlink_metadata(path).is_ok();
    paths.into_iter().filter(exists).collect()
}

/// Paths of what lies in a directory.
pub fn inside(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path().display().to_string())
        .collect()
}

/// Processes of Homeport's that are at work on the instance.
fn processes(name: &str) -> Vec<String> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| {
        let words = fs::read(entry.path().join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&words).replace('\0', " "))
    });
    lines
        .filter(|line| line.contains("/homeport") && line.split(' ').any(|word| word == name))
        .collect()
}
