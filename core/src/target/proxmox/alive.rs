//! Which of this node's containers run, read off the kernel: LXC's command socket is what `pct status` itself looks at.
//! Instant and never behind, where the cluster's list lags by up to ten seconds.

use std::collections::BTreeSet;
use std::fs;

use homeport_engine::run::{Fault, FaultKind};

const SOCKETS: &str = "/proc/net/unix";

/// Ids of the containers that run here.
pub(super) fn running() -> Result<BTreeSet<u32>, Fault> {
    let sockets = fs::read_to_string(SOCKETS);
    let sockets = sockets.map_err(|error| {
        Fault::new(
            FaultKind::Failed,
            format!("`{SOCKETS}` cannot be read: {error}"),
        )
    })?;
    Ok(commands(&sockets).collect())
}

/// Total: a line of another form names no container.
fn commands(sockets: &str) -> impl Iterator<Item = u32> {
    let names = sockets
        .lines()
        .filter_map(|line| line.split_whitespace().last());
    names.filter_map(|name| {
        name.strip_prefix("@/var/lib/lxc/")?
            .strip_suffix("/command")?
            .parse()
            .ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_command_sockets_of_containers_count() {
        let sockets = "Num RefCount Protocol Flags Type St Inode Path\n\
                       0000000072: 00000002 00000000 00010000 0001 01 2067 @/var/lib/lxc/100/command\n\
                       0000000073: 00000003 00000000 00000000 0001 03 2068 /run/systemd/journal/stdout\n\
                       0000000074: 00000002 00000000 00010000 0001 01 2069 @/var/lib/lxc/web/command\n\
                       0000000075: 00000002 00000000 00010000 0001 01 2070 @/var/lib/lxc/101/monitor\n";
        assert_eq!(commands(sockets).collect::<Vec<_>>(), [100]);
    }
}
