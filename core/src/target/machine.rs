//! What the machine itself says of itself: bridges and memory. Asks its own tools, which answer in milliseconds; never the
//! platform's.

use std::fs;
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

/// Memory that could be given away, MiB; 0 when the kernel does not say.
pub(super) fn memory_available_mb() -> u64 {
    let table = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = table
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) >> 10
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
    fn this_machine_can_be_looked_at() {
        assert!(memory_available_mb() > 0);
        bridges().unwrap();
        let missing = tool(&["homeport-no-such-tool"]).unwrap_err();
        assert!(missing.why.contains("homeport-no-such-tool"), "{missing}");
    }
}
