//! `homeport-agent status`: units, probes, memory, disks, state and lock, found out at the same time and told at once.
//! Only looks.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Instant;

use homeport_engine::exec::Exec;
use homeport_engine::local::{listener, measure, observe, unit};
use homeport_engine::probe::Probe;
use homeport_engine::report::{BODY_LIMIT, Outcome, Report, Room, Spec};
use serde_json::Value;

use crate::cutover;
use crate::identity;
use crate::lock;
use crate::state::StateDir;

/// Nothing stops a look: each has its own time limit.
static NEVER: AtomicBool = AtomicBool::new(false);

/// Looks at everything asked for. Whatever cannot be found out is named in `errors`, and hides nothing else.
pub(crate) fn report(state: &StateDir, spec: &Spec) -> Report {
    let mut errors = Vec::new();
    let outcomes = thread::scope(|scope| {
        let mut looks = Vec::new();
        for (name, probe) in &spec.probes {
            looks.push((name, scope.spawn(|| probed(probe))));
        }
        for (name, exec) in &spec.commands {
            looks.push((name, scope.spawn(|| ran(exec))));
        }
        let ended = looks
            .into_iter()
            .filter_map(|(name, look)| Some((name.clone(), look.join().ok()?)));
        ended.collect::<BTreeMap<_, _>>()
    });
    Report {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        state: note(&mut errors, kept(&state.state())),
        fingerprint: identity::seen().ok(),
        foreign: identity::foreign(state),
        open: note(&mut errors, state.open().map_err(|fault| fault.why))
            .into_iter()
            .next(),
        cut_over: note(&mut errors, cutover::open(state).map_err(|fault| fault.why)),
        holder: lock::holder(&state.lock()),
        units: note(
            &mut errors,
            unit::show(&spec.units).map_err(|fault| fault.why),
        ),
        listeners: note(&mut errors, listener::on(&spec.ports)),
        outcomes,
        memory: note(&mut errors, memory()),
        disks: disks(&spec.directories, &mut errors),
        load_percent: note(&mut errors, load()),
        errors,
    }
}

fn note<T: Default>(errors: &mut Vec<String>, found: Result<T, String>) -> T {
    found.unwrap_or_else(|why| {
        errors.push(why);
        T::default()
    })
}

fn probed(probe: &Probe) -> Outcome {
    let measured = measure(probe, &NEVER, None);
    let fault = measured.result.err();
    Outcome {
        passed: fault.is_none(),
        milliseconds: u64::try_from(measured.took.as_millis()).unwrap_or(u64::MAX),
        http_status: measured.answer.as_ref().map(|answer| answer.status),
        body: measured
            .answer
            .filter(|answer| answer.body.len() <= BODY_LIMIT)
            .and_then(|answer| serde_json::from_slice(&answer.body).ok()),
        seen: None,
        said: fault
            .as_ref()
            .map(|fault| fault.why.clone())
            .unwrap_or_default(),
        lines: fault.map(|fault| fault.lines).unwrap_or_default(),
    }
}

fn ran(exec: &Exec) -> Outcome {
    let begun = Instant::now();
    let ended = observe(exec, &NEVER);
    let said = match &ended {
        Ok(seen) if seen.exit == 0 => String::new(),
        Ok(seen) => format!("it ended with status {}", seen.exit),
        Err(fault) => fault.why.clone(),
    };
    Outcome {
        passed: said.is_empty(),
        milliseconds: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        said,
        lines: Vec::new(),
        http_status: None,
        body: None,
        seen: ended.ok(),
    }
}

/// The state file as it is: who reads the report knows its schema.
fn kept(path: &Path) -> Result<Value, String> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map_err(|error| format!("`{}` is damaged: {error}", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Value::Null),
        Err(error) => Err(format!("`{}` cannot be read: {error}", path.display())),
    }
}

fn disks(directories: &[String], errors: &mut Vec<String>) -> BTreeMap<String, Room> {
    let mut disks = BTreeMap::new();
    for directory in directories {
        match rustix::fs::statvfs(directory) {
            Ok(found) => {
                let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
                let room = Room {
                    total: bytes(found.f_blocks),
                    free: bytes(found.f_bavail),
                };
                disks.insert(directory.clone(), room);
            }
            Err(error) => errors.push(format!("the disk below `{directory}`: {error}")),
        }
    }
    disks
}

fn memory() -> Result<Room, String> {
    let text = fs::read_to_string("/proc/meminfo")
        .map_err(|error| format!("/proc/meminfo cannot be read: {error}"))?;
    meminfo(&text).ok_or_else(|| "/proc/meminfo has another form".to_owned())
}

/// `MemTotal:  123 kB` and `MemAvailable:  45 kB`, proc(5).
fn meminfo(text: &str) -> Option<Room> {
    let bytes = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: u64 = line.strip_suffix("kB")?.trim().parse().ok()?;
        kib.checked_mul(1024)
    };
    Some(Room {
        total: bytes("MemTotal:")?,
        free: bytes("MemAvailable:")?,
    })
}

fn load() -> Result<u64, String> {
    let text = fs::read_to_string("/proc/loadavg")
        .map_err(|error| format!("/proc/loadavg cannot be read: {error}"))?;
    loadavg(&text).ok_or_else(|| "/proc/loadavg has another form".to_owned())
}

/// The first figure of `0.52 0.58 0.59 1/467 12345`, proc(5), in hundredths.
fn loadavg(text: &str) -> Option<u64> {
    let (whole, hundredths) = text.split_whitespace().next()?.split_once('.')?;
    let whole: u64 = whole.parse().ok()?;
    let hundredths: u64 = hundredths.parse().ok().filter(|part| *part < 100)?;
    whole.checked_mul(100)?.checked_add(hundredths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_off_their_files_and_nothing_else_is_taken_for_one() {
        let text = "MemTotal:        2048 kB\nMemFree: 1 kB\nMemAvailable:    512 kB\n";
        let expected = Room {
            total: 2 << 20,
            free: 512 << 10,
        };
        assert_eq!(meminfo(text), Some(expected));
        for text in [
            "",
            "MemTotal: 1 kB\n",
            "MemTotal: x kB\nMemAvailable: 1 kB\n",
        ] {
            assert_eq!(meminfo(text), None, "{text}");
        }
        assert_eq!(loadavg("1.05 0.58 0.59 1/467 12345\n"), Some(105));
        for text in ["", "1", "1.", "-1.05", "1.505 2"] {
            assert_eq!(loadavg(text), None, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_found_out_is_named_and_hides_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("state.json"), "garbage").unwrap();
        let spec = Spec {
            directories: vec!["/nonexistent".to_owned(), "/".to_owned()],
            ..Spec::default()
        };
        let report = report(&StateDir::new(dir.path()), &spec);
        assert!(report.disks["/"].total > 0 && report.memory.total > 0);
        assert_eq!(report.errors.len(), 2, "{:?}", report.errors);
        assert_eq!((report.state, report.open), (Value::Null, None));
    }
}
