//! Judges the host itself: who runs this, what the platform is, whether it may be changed, what time it is. Pure.

use super::{CLOCK, OVERLAY, PLATFORM, QUORUM, ROOT, VERSION};
use crate::error::Kind;
use crate::report::Finding;
use crate::target::network::Server;
use crate::target::{HostFacts, Platform};

/// Major versions of Proxmox VE this was tried with. Older ones have another `pct`.
const OLDEST: u32 = 7;
const NEWEST: u32 = 9;

/// 2026-01-01, Unix seconds. No clock that shows less is right: this program is younger.
const EPOCH: u64 = 1_767_225_600;

/// A clock so far off is told, seconds: log lines of host and guest no longer fit each other's.
const OFF: u64 = 60;

/// A clock so far off is in the way, seconds: package lists and certificates of today are not valid yet, or no longer.
const FAR_OFF: u64 = 3600;

/// What makes any further look useless.
pub(super) fn unfit(host: &HostFacts) -> Vec<Finding> {
    if !host.root {
        return vec![Finding::blocks(
            ROOT,
            Kind::Resources,
            [
                "it runs as root".to_owned(),
                "Homeport must run as root, and does not".to_owned(),
                "Run it as root on the Proxmox host: `sudo -i`".to_owned(),
            ],
        )];
    }
    if host.platform.is_none() {
        return vec![Finding::blocks(
            PLATFORM,
            Kind::Resources,
            [
                "a Proxmox VE host with its cluster file system at /etc/pve".to_owned(),
                "this is not a Proxmox VE host".to_owned(),
                "Run it on the host itself, not in a container or VM of it; if this is the host: `systemctl restart pve-cluster`"
                    .to_owned(),
            ],
        )];
    }
    Vec::new()
}

/// Judges the rest.
pub(super) fn judge(host: &HostFacts, servers: &[Server]) -> Vec<Finding> {
    let found = [
        host.platform.as_ref().and_then(version),
        quorum(host),
        clock(host.clock, servers),
        overlay(host),
    ];
    found.into_iter().flatten().collect()
}

fn version(platform: &Platform) -> Option<Finding> {
    let major = platform.version.first().copied().unwrap_or(0);
    let numbers: Vec<String> = platform.version.iter().map(u32::to_string).collect();
    let texts = |remedy: &str| {
        [
            format!("{} {OLDEST} to {NEWEST}", platform.name),
            format!("this is {} {}", platform.name, numbers.join(".")),
            remedy.to_owned(),
        ]
    };
    match major {
        ..OLDEST => Some(Finding::blocks(
            VERSION,
            Kind::Resources,
            texts("Upgrade the host, one major version at a time: `pve6to7`"),
        )),
        OLDEST..=NEWEST => None,
        _ => Some(Finding::warns(
            VERSION,
            Kind::Resources,
            texts("See whether there is a Homeport that knows it: `homeport --version`"),
        )),
    }
}

fn quorum(host: &HostFacts) -> Option<Finding> {
    let missing = host.nodes.iter().filter(|node| !node.online);
    let missing: Vec<_> = missing.map(|node| node.name.as_str()).collect();
    let away = match missing.join(", ") {
        none if none.is_empty() => String::new(),
        names => format!("; away: {names}"),
    };
    (!host.quorate).then(|| {
        Finding::blocks(
            QUORUM,
            Kind::Resources,
            [
                "more than half of the cluster's nodes see each other".to_owned(),
                format!("the cluster has no quorum, so Proxmox lets nothing be changed{away}"),
                "Bring the other nodes back; which are missing shows `pvecm status`".to_owned(),
            ],
        )
    })
}

/// Servers tell what time it is. The one that agrees best is believed: a cache in between may hand out old answers, but
/// nothing hands out future ones.
fn clock(now: u64, servers: &[Server]) -> Option<Finding> {
    let ahead = servers
        .iter()
        .filter_map(|server| server.answer.as_ref().ok()?.ahead);
    let ahead = ahead.min_by_key(|seconds| seconds.unsigned_abs());
    let off = ahead.map_or(0, i64::unsigned_abs);
    let texts = |found: String| {
        [
            "the clock is right to the minute".to_owned(),
            found,
            "Set the clock by the network: `timedatectl set-ntp true`; `chronyc makestep`"
                .to_owned(),
        ]
    };
    let slow = ahead.is_some_and(|seconds| seconds > 0);
    let found = || {
        format!(
            "the clock is {off} s {}",
            if slow { "slow" } else { "fast" }
        )
    };
    match off {
        _ if now < EPOCH => Some(Finding::blocks(
            CLOCK,
            Kind::Resources,
            texts("the clock shows a time before this program was made".to_owned()),
        )),
        ..=OFF => None,
        _ if off <= FAR_OFF => Some(Finding::warns(CLOCK, Kind::Resources, texts(found()))),
        _ => Some(Finding::blocks(CLOCK, Kind::Resources, texts(found()))),
    }
}

fn overlay(host: &HostFacts) -> Option<Finding> {
    (!host.overlay).then(|| {
        Finding::warns(
            OVERLAY,
            Kind::Resources,
            [
                "the kernel can lay file systems over another in a container (5.11 or later, overlay)".to_owned(),
                "it cannot, so a rehearsal copies the app's files instead of sharing them".to_owned(),
                "Load it: `modprobe overlay`; or keep as much room free as the files take".to_owned(),
            ],
        )
    })
}
