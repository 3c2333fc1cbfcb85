//! Recognising a process: a number alone is given again, number, start time and boot together are not.

use std::fs;
use std::io;

use crate::journal::Child;

/// Identity of a running process.
pub fn identity(pid: u32) -> io::Result<Child> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let started = start_time(&stat)
        .ok_or_else(|| io::Error::other(format!("/proc/{pid}/stat has another form")))?;
    Ok(Child {
        pid,
        started,
        boot: boot_id()?,
    })
}

/// Whether that very process still runs. A zombie does not.
pub fn alive(child: &Child) -> io::Result<bool> {
    if boot_id()? != child.boot {
        return Ok(false);
    }
    match fs::read_to_string(format!("/proc/{}/stat", child.pid)) {
        Ok(stat) => Ok(start_time(&stat) == Some(child.started) && !zombie(&stat)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Id of the running boot.
pub fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?
        .trim()
        .to_owned())
}

/// Field 22; the name in field 2 may hold anything, so fields are counted from its closing bracket.
fn start_time(stat: &str) -> Option<u64> {
    after_name(stat)?.split_whitespace().nth(19)?.parse().ok()
}

fn zombie(stat: &str) -> bool {
    after_name(stat).is_some_and(|rest| rest.trim_start().starts_with(['Z', 'X']))
}

fn after_name(stat: &str) -> Option<&str> {
    stat.rfind(')').and_then(|at| stat.get(at + 1..))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive_and_another_start_time_is_another_process() {
        let me = identity(std::process::id()).unwrap();
        assert!(alive(&me).unwrap());
        assert!(
            !alive(&Child {
                started: me.started + 1,
                ..me.clone()
            })
            .unwrap()
        );
        assert!(
            !alive(&Child {
                boot: "another".to_owned(),
                ..me
            })
            .unwrap()
        );
    }

    #[test]
    fn a_name_with_brackets_and_blanks_does_not_shift_the_fields() {
        let stat = format!(
            "7 (a) b (c) S {} 4711 0",
            (4..=21)
                .map(|n| n.to_string())
                .collect::<Vec<_>>()
                .join(" ")
        );
        assert_eq!(start_time(&stat), Some(4711));
        assert_eq!(start_time("garbage"), None);
    }
}
