//! What the kernel still holds of a guest. Looks only.

use std::fs;

/// Mounts below the container's directory and loop devices over its images, one line each.
pub fn held(id: &str) -> Vec<String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let at = format!("/var/lib/lxc/{id}/");
    let mounts = mounts.lines().filter(|line| line.contains(&at));
    let mut found: Vec<String> = mounts.map(str::to_owned).collect();
    for entry in fs::read_dir("/sys/block").unwrap().flatten() {
        let file = fs::read_to_string(entry.path().join("loop/backing_file")).unwrap_or_default();
        if file.contains(&format!("/images/{id}/")) {
            found.push(format!("loop device of {file}"));
        }
    }
    found
}
