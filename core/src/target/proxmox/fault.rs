//! What Proxmox's messages mean and what helps. Texts choose the remedy that is shown, never what
//! is done: that follows the state that is found.

use std::io;

use homeport_engine::cmd::{CmdError, Finished, last_lines};
use homeport_engine::run::{Fault, FaultKind};

/// Lines of output a fault carries.
const LINES: usize = 30;

/// Part of a message, the kind of failure, what to do. The first that fits counts.
const KNOWN: [(&str, FaultKind, &str); 27] = [
    ("please run as root", FaultKind::Resources, "Run it as root"),
    (
        "ipcc_send_rec",
        FaultKind::Resources,
        "Proxmox's cluster service does not answer: systemctl restart pve-cluster",
    ),
    (
        "no quorum",
        FaultKind::Resources,
        "The cluster has no majority; start its other nodes, see: pvecm status",
    ),
    (
        "CT is locked (create)",
        FaultKind::Locked,
        "Another program is creating this container; wait for it, see: pct list",
    ),
    (
        "CT is locked",
        FaultKind::Locked,
        "A task of Proxmox holds the container; wait for its end, see the task list",
    ),
    (
        "can't lock file",
        FaultKind::Locked,
        "Another command works on this container; wait for its end, see: pct list",
    ),
    (
        "can't remove CT",
        FaultKind::Locked,
        "The container is protected; if it may go: pct set ID --protection 0",
    ),
    (
        "already exists",
        FaultKind::NotOurs,
        "Another program took the id meanwhile; the same command takes the next one",
    ),
    (
        "does not support container directories",
        FaultKind::Resources,
        "Let the storage hold containers: pvesm set STORAGE --content rootdir,images",
    ),
    (
        "does not support templates",
        FaultKind::Resources,
        "Let the storage hold templates: pvesm set STORAGE --content vztmpl,iso,backup",
    ),
    (
        "unable to activate storage",
        FaultKind::Resources,
        "See why the storage is not there: pvesm status",
    ),
    (
        "is not available on node",
        FaultKind::Resources,
        "Choose a storage of this node: pvesm status",
    ),
    (
        "is disabled",
        FaultKind::Resources,
        "Choose another storage or enable this one: pvesm set STORAGE --disable 0",
    ),
    (
        "storage '",
        FaultKind::Resources,
        "Choose one of the storages there are: pvesm status",
    ),
    (
        "No space left on device",
        FaultKind::Resources,
        "Make room on the storage or choose another: pvesm status",
    ),
    (
        "not enough free space",
        FaultKind::Resources,
        "Make room on the storage or choose another: pvesm status",
    ),
    (
        "no such template",
        FaultKind::Resources,
        "Refresh the list of templates and see what there is: pveam update; pveam available --section system",
    ),
    (
        "unsupported debian version",
        FaultKind::Resources,
        "This host is older than the template: apt update && apt dist-upgrade, or name an older template",
    ),
    (
        "checksum mismatch",
        FaultKind::Untrusted,
        "Remove the damaged template and run the same command: pveam list STORAGE; pveam remove STORAGE:vztmpl/NAME",
    ),
    (
        "' failed: exit code 2",
        FaultKind::Failed,
        "The template may be damaged; remove it and run the same command: pveam list STORAGE",
    ),
    (
        "download failed",
        FaultKind::Network,
        "See that the host reaches download.proxmox.com, directly or through the proxy set under Datacenter, Options",
    ),
    (
        "Temporary failure in name resolution",
        FaultKind::Network,
        "See that the host resolves names: getent hosts download.proxmox.com",
    ),
    (
        "bridge '",
        FaultKind::Network,
        "Choose one of the bridges there are: ip link show type bridge",
    ),
    (
        "AppArmor",
        FaultKind::Failed,
        "Kernel and userland do not match, often after an upgrade; restart the host",
    ),
    (
        "startup for container",
        FaultKind::Failed,
        "See what it says: pct start ID --debug; a full storage does this, too: pvesm status",
    ),
    (
        "Configuration file",
        FaultKind::Failed,
        "The container is gone; see: pct list",
    ),
    (
        "not running",
        FaultKind::Failed,
        "Start the container: pct start ID",
    ),
];

/// A command that ended badly.
pub(super) fn refused(title: &str, end: &Finished) -> Fault {
    // The last error stands alone on stderr; what led to it went to stdout (rule 3).
    let told = last_lines(&end.stdout, LINES);
    let mut lines = [told, end.last_lines(LINES)].concat();
    lines = lines.split_off(lines.len().saturating_sub(LINES));
    let why = match lines.last() {
        Some(last) => format!("`{title}` failed: {}", last.trim()),
        None => format!("`{title}` failed and said nothing"),
    };
    explained(title, why, lines)
}

/// A command that said it did well, and did not.
pub(super) fn lied(title: &str, instead: &str, end: &Finished) -> Fault {
    let mut fault = refused(title, end);
    fault.why = format!("`{title}` ended, but {instead}");
    fault
}

/// A command that did not end by itself.
pub(super) fn broken(title: &str, error: &CmdError) -> Fault {
    match error {
        CmdError::Stopped { .. } => Fault::new(FaultKind::Cancelled, "you asked to stop"),
        CmdError::Start { source, .. } if source.kind() == io::ErrorKind::NotFound => {
            Fault::new(FaultKind::Resources, format!("`{title}`: there is no such program"))
                .with_remedy("Run this on a Proxmox host; if it is one: apt install --reinstall pve-container pve-manager")
        }
        CmdError::TimedOut { seconds, .. } => {
            Fault::new(FaultKind::Failed, format!("`{title}` did not end within {seconds} s and was stopped"))
                .with_remedy("See what Proxmox waits for in its task list, then run the same command again")
        }
        other => Fault::new(FaultKind::Failed, format!("`{title}`: {other}")),
    }
}

fn explained(title: &str, why: String, lines: Vec<String>) -> Fault {
    let said = |part: &str| lines.iter().any(|line| line.contains(part));
    let known = KNOWN.iter().find(|(part, ..)| said(part));
    let fault = match known {
        Some((_, kind, remedy)) => Fault::new(*kind, why).with_remedy(concrete(remedy, title)),
        None => Fault::new(FaultKind::Failed, why),
    };
    fault.with_lines(lines)
}

/// The remedy with the container's id in it, to be pasted as it stands.
fn concrete(remedy: &str, title: &str) -> String {
    let id = title.split(' ').find(|word| word.parse::<u32>().is_ok());
    remedy.replace("ID", id.unwrap_or("ID"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(code: i32, stdout: &str, stderr: &str) -> Finished {
        Finished {
            code,
            stdout: stdout.into(),
            stderr: stderr.into(),
        }
    }

    #[test]
    fn rule_3_both_streams_are_shown_and_the_last_error_is_the_reason() {
        let stdout = "extracting archive\ntar: No space left on device\n";
        let fault = refused(
            "pct create 101",
            &ended(255, stdout, "unable to create CT 101 - failed\n\n"),
        );
        assert_eq!(
            fault.why,
            "`pct create 101` failed: unable to create CT 101 - failed"
        );
        assert_eq!(fault.lines.len(), 3);
        assert_eq!(fault.kind, FaultKind::Resources);
        assert!(fault.remedy[0].contains("pvesm status"));
    }

    #[test]
    fn rule_4_the_number_of_an_exit_status_changes_nothing() {
        let faults = [1, 2, 4, 25, 111, 255]
            .map(|code| refused("pct start 101", &ended(code, "", "CT is locked (backup)\n")));
        assert!(
            faults
                .iter()
                .all(|fault| *fault == faults[0] && fault.kind == FaultKind::Locked)
        );
    }

    #[test]
    fn remedies_can_be_pasted() {
        let fault = refused(
            "pct destroy 101",
            &ended(255, "", "can't remove CT 101 - protection mode enabled"),
        );
        assert!(
            fault.remedy[0].ends_with("pct set 101 --protection 0"),
            "{fault:?}"
        );
    }

    #[test]
    fn silence_and_unknown_words_are_faults_too() {
        assert_eq!(
            refused("pct start 101", &ended(255, "", "")).why,
            "`pct start 101` failed and said nothing"
        );
        let odd = refused("pct start 101", &ended(9, "", "\u{fffd}?\n"));
        assert_eq!((odd.kind, odd.remedy.len()), (FaultKind::Failed, 0));
    }

    #[test]
    fn what_did_not_end_is_told_by_its_reason() {
        let missing = CmdError::Start {
            program: "pct".to_owned(),
            source: io::ErrorKind::NotFound.into(),
        };
        assert_eq!(broken("pct list", &missing).kind, FaultKind::Resources);
        let stopped = CmdError::Stopped {
            program: "pct".to_owned(),
        };
        assert_eq!(broken("pct list", &stopped).kind, FaultKind::Cancelled);
        let slow = CmdError::TimedOut {
            program: "pct".to_owned(),
            seconds: 3,
        };
        assert!(broken("pct list", &slow).why.contains("within 3 s"));
    }
}
