//! What the machine itself says of itself: bridges, memory, room, file systems. Asks its own tools, which answer in milliseconds; never the
//! platform's.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use homeport_engine::cmd::Command;
use homeport_engine::run::{Fault, FaultKind};
use serde_json::Value;

use super::Bridge;

/// Time for an answer.
const LOOK: Duration = Duration::from_secs(20);

/// The host's bridges. Those somebody made by hand are in no configuration; the kernel knows them all.
pub(super) fn bridges() -> Result<Vec<Bridge>, Fault> {
    let addresses = tool(&["ip", "-j", "address", "show"])?;
    let is_bridge = |name: &str| {
        Path::new("/sys/class/net")
            .join(name)
            .join("bridge")
            .is_dir()
    };
    bridges_of(&addresses, &is_bridge).map_err(|error| {
        Fault::new(
            FaultKind::Failed,
            format!("`ip -j address show` answered something else: {error}"),
        )
    })
}

fn bridges_of(answer: &str, is_bridge: &dyn Fn(&str) -> bool) -> serde_json::Result<Vec<Bridge>> {
    let links: Vec<Value> = serde_json::from_str(answer)?;
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let bridge = |link: &Value| {
        let name = text(link, "ifname").filter(|name| is_bridge(name))?;
        let entries = link
            .get("addr_info")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let address = |entry: &Value| {
            let length = entry.get("prefixlen").and_then(Value::as_u64)?;
            Some(format!("{}/{length}", text(entry, "local")?))
        };
        let mtu = link
            .get("mtu")
            .and_then(Value::as_u64)
            .and_then(|mtu| u32::try_from(mtu).ok())?;
        Some(Bridge {
            name,
            addresses: entries.filter_map(address).collect(),
            mtu,
        })
    };
    Ok(links.iter().filter_map(bridge).collect())
}

/// Memory, MiB: in all, and what could be given away. 0 when the kernel does not say.
pub(super) fn memory_mb() -> (u64, u64) {
    let table = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let of = |name: &str| {
        let line = table.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
        kib.unwrap_or(0) >> 10
    };
    (of("MemTotal:"), of("MemAvailable:"))
}

/// Bytes root may still write on the file system a path lies on.
pub(crate) fn free(path: &Path) -> io::Result<u64> {
    let found = rustix::fs::statvfs(path)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

/// Whether an unprivileged container may mount an overlay: the kernel has it, and is at least 5.11, which was the first
/// to allow it.
pub(super) fn overlay() -> bool {
    let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let release = text("/proc/sys/kernel/osrelease");
    let modules = Path::new("/lib/modules").join(release.trim());
    let loaded = text("/proc/filesystems").contains("\toverlay\n");
    let there = loaded || modules.join("kernel/fs/overlayfs").is_dir();
    there && allows_overlay(&release)
}

fn allows_overlay(release: &str) -> bool {
    let mut numbers = release
        .split(['.', '-'])
        .map_while(|part| part.parse().ok());
    let version: (u32, u32) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    version >= (5, 11)
}

/// Stdout of one of the machine's own tools, which must end well.
pub(super) fn tool(argv: &[&str]) -> Result<String, Fault> {
    let title = argv.iter().take(2).copied().collect::<Vec<_>>().join(" ");
    let command = Command::new(argv.iter().copied(), LOOK);
    let end = command.run(&false.into());
    let end = end.map_err(|error| Fault::new(FaultKind::Failed, format!("`{title}`: {error}")))?;
    if end.ok() {
        return Ok(end.text());
    }
    let why = format!("`{title}` failed: {}", end.last_lines(1).concat());
    Err(Fault::new(FaultKind::Failed, why).with_lines(end.last_lines(30)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bridges_are_what_the_kernel_says() {
        let answer = r#"[{"ifname":"lo","mtu":65536,"addr_info":[]},
            {"ifname":"vmbr0","mtu":1500,"addr_info":[{"family":"inet","local":"10.0.0.1","prefixlen":24}]},{}]"#;
        let found = bridges_of(answer, &|name| name == "vmbr0").unwrap();
        let expected = Bridge {
            name: "vmbr0".to_owned(),
            addresses: vec!["10.0.0.1/24".to_owned()],
            mtu: 1500,
        };
        assert_eq!(found, [expected]);
        assert!(bridges_of("garbage", &|_| true).is_err());
    }

    #[test]
    fn overlays_need_a_kernel_that_allows_them() {
        let allowed = ["5.10.0-8-amd64", "5.11.22-4-pve", "6.8.12-1-pve", ""].map(allows_overlay);
        assert_eq!(allowed, [false, true, true, false]);
    }

    #[test]
    fn this_machine_can_be_looked_at() {
        let (total, available) = memory_mb();
        assert!(0 < available && available <= total);
        assert!(free(Path::new("/")).is_ok());
        bridges().unwrap();
        let missing = tool(&["homeport-no-such-tool"]).unwrap_err();
        assert!(missing.why.contains("homeport-no-such-tool"), "{missing}");
    }
}
