//! The guest as a cut-over's site: real units, real gates, real files.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use homeport_engine::cutover::{AtGate, Colour, Gate, Life, Marks, NoteChild, Site, Word};
use homeport_engine::durable;
use homeport_engine::journal::Child;
use homeport_engine::local::{Local, end_leftover, measure};
use homeport_engine::op::{Op, PutFile};
use homeport_engine::plan::Place;
use homeport_engine::probe::Probe;
use homeport_engine::require::Observations;
use homeport_engine::run::{Executor, Fault, FaultKind, Hands, unix_now_ms};

use super::{alone, gates, units};
use crate::gate::ColourDir;

/// This guest.
pub(super) struct Ground {
    since: Instant,
    local: Local,
    booting: bool,
}

impl Ground {
    /// `booting`: units wait for this program.
    pub(super) fn new(booting: bool) -> Ground {
        Ground {
            since: Instant::now(),
            local: Local::new(Place::Guest, Arc::new(AtomicBool::new(false))),
            booting,
        }
    }

    fn ensure(&mut self, op: &Op, child: NoteChild<'_>) -> Result<(), Fault> {
        let hands = Hands {
            seen: &Observations::new(),
            tell: &mut |_| {},
            number: 0,
            child,
        };
        self.local.apply(op, hands).map(|_| ())
    }
}

impl Site for Ground {
    fn now_ms(&mut self) -> u64 {
        millis(self.since.elapsed())
    }

    fn unix_ms(&mut self) -> u64 {
        unix_now_ms()
    }

    fn pause(&mut self, ms: u64) {
        thread::sleep(Duration::from_millis(ms));
    }

    fn booting(&self) -> bool {
        self.booting
    }

    fn gate(&mut self, gate: &Gate, word: Word) -> Result<AtGate, Fault> {
        gates::say(gate, word)
    }

    fn there(&mut self, path: &str) -> Result<bool, Fault> {
        Path::new(path)
            .try_exists()
            .map_err(|error| failed(path, "cannot be looked at", &error))
    }

    fn in_service(&mut self, marks: &Marks) -> Option<Colour> {
        ColourDir::new(Path::new(&marks.colour)).read()
    }

    fn switch(&mut self, marks: &Marks, to: Colour) -> Result<(), Fault> {
        let (path, other) = (marks.in_service(to), marks.in_service(to.other()));
        let switched = match fs::rename(&other, &path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Path::new(&path).try_exists().and_then(|there| match there {
                    true => Ok(()),
                    false => durable::replace(Path::new(&path), b"", 0o644),
                })
            }
            done => done,
        };
        switched
            .and_then(|()| durable::sync_parent(Path::new(&path)))
            .map_err(|error| failed(&path, "cannot be put in service", &error))
    }

    fn put(&mut self, file: &PutFile) -> Result<(), Fault> {
        self.ensure(&Op::PutFile(file.clone()), &mut |_| Ok(()))
    }

    fn start(&mut self, units: &[String], limit_ms: u64) -> Result<(), Fault> {
        units::start(units, Duration::from_millis(limit_ms), !self.booting)
    }

    fn stop(&mut self, units: &[String], limit_ms: u64) -> Result<(), Fault> {
        units::stop(units, Duration::from_millis(limit_ms), !self.booting)
    }

    fn kill(&mut self, units: &[String]) -> Result<(), Fault> {
        units::kill(units, !self.booting)
    }

    fn lives(&mut self, units: &[String]) -> Result<Vec<Life>, Fault> {
        units::lives(units)
    }

    fn alone(&mut self, paths: &[String]) -> Result<(), Fault> {
        alone::see(paths)
    }

    fn make(&mut self, op: &Op, limit_ms: u64, child: NoteChild<'_>) -> Result<(), Fault> {
        let limited = match op {
            Op::Exec(exec) => {
                let mut exec = exec.clone();
                let seconds = u32::try_from(limit_ms.div_ceil(1000)).unwrap_or(u32::MAX);
                exec.timeout_s = exec.timeout_s.min(seconds.max(1));
                Op::Exec(exec)
            }
            other => other.clone(),
        };
        self.ensure(&limited, child)
    }

    fn end_leftover(&mut self, child: &Child) -> Result<(), Fault> {
        end_leftover(child)
    }

    fn durable(&mut self, paths: &[String]) -> Result<(), Fault> {
        for path in paths {
            durable::sync_tree(Path::new(path))
                .map_err(|error| failed(path, "cannot be brought to disk", &error))?;
        }
        Ok(())
    }

    fn ask(&mut self, probe: &Probe, limit_ms: u64) -> Result<(), Fault> {
        let limit = u32::try_from(limit_ms).unwrap_or(u32::MAX);
        let probe = Probe {
            deadline_ms: probe.deadline_ms.min(limit),
            ..probe.clone()
        };
        measure(&probe, &AtomicBool::new(false), None).result
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn failed(path: &str, what: &str, error: &io::Error) -> Fault {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull => FaultKind::Resources,
        _ => FaultKind::Failed,
    };
    Fault::new(kind, format!("`{path}` {what}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_put_in_service_from_whatever_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let marks = Marks {
            colour: dir.path().display().to_string(),
            ..Marks::usual()
        };
        let mut ground = Ground::new(false);
        assert_eq!(ground.in_service(&marks), None);
        for to in [Colour::Blue, Colour::Blue, Colour::Green, Colour::Blue] {
            ground.switch(&marks, to).unwrap();
            assert_eq!(ground.in_service(&marks), Some(to));
        }
        fs::write(marks.in_service(Colour::Green), "").unwrap();
        assert_eq!(ground.in_service(&marks), None);
        ground.switch(&marks, Colour::Green).unwrap();
        assert_eq!(ground.in_service(&marks), Some(Colour::Green));
    }

    #[test]
    fn a_command_gets_no_more_time_than_is_left_of_the_hold() {
        let exec = homeport_engine::exec::Exec::root(["sleep", "30"], 60);
        let begun = Instant::now();
        let fault = Ground::new(false)
            .make(&Op::Exec(exec), 300, &mut |_| Ok(()))
            .unwrap_err();
        assert!(fault.why.contains("did not end within 1 s"), "{fault}");
        assert!(begun.elapsed() < Duration::from_secs(8));
    }
}
