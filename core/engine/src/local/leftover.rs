//! Ends what a killed run left behind: the command of the step it was carrying out.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::journal::Child;
use crate::process::alive;
use crate::run::{Fault, FaultKind};

/// Time between TERM and KILL, and for the kernel after KILL.
const GRACE: Duration = Duration::from_secs(5);

/// Ends the process group of a step's child, if that very process still runs: two of one command at a time is what
/// *ensure* cannot make good.
///
/// # Errors
/// When it survives KILL – it hangs in the kernel – or cannot be looked at.
pub fn end(child: &Child) -> Result<(), Fault> {
    for signal in [Signal::TERM, Signal::KILL] {
        if !lives(child)? {
            return Ok(());
        }
        if let Some(group) = i32::try_from(child.pid).ok().and_then(Pid::from_raw) {
            // It may end by itself just now: whether it has, `lives` says.
            let _ = kill_process_group(group, signal);
        }
        let deadline = Instant::now() + GRACE;
        while lives(child)? && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(10));
        }
    }
    if lives(child)? {
        return Err(Fault::new(
            FaultKind::Locked,
            format!("process {} of an earlier run cannot be ended", child.pid),
        )
        .with_remedy(format!(
            "See what it waits for: cat /proc/{}/wchan; a restart of the machine ends it",
            child.pid
        )));
    }
    Ok(())
}

fn lives(child: &Child) -> Result<bool, Fault> {
    alive(child).map_err(|error: io::Error| {
        let why = format!("process {} cannot be looked at: {error}", child.pid);
        Fault::new(FaultKind::Failed, why)
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use super::*;
    use crate::process::identity;

    #[test]
    fn the_child_is_ended_with_its_group_and_a_stranger_is_left_alone() {
        let mut sleeper = Command::new("/bin/sh")
            .args(["-c", "sleep 60 & wait"])
            .process_group(0)
            .spawn()
            .unwrap();
        let child = identity(sleeper.id()).unwrap();
        let stranger = Child {
            started: child.started + 1,
            ..child.clone()
        };
        end(&stranger).unwrap();
        assert!(alive(&child).unwrap());
        end(&child).unwrap();
        assert!(!alive(&child).unwrap());
        sleeper.wait().unwrap();
    }
}
