//! The simulated guest as a cut-over's site. What a command makes is not on disk before it is brought there; what must
//! never be is written down in [`super::World::broken`] the moment it is.

use super::{Agent, Effect, Entry, Gate, Guest, Unit, Victim, put, ran};
use crate::cutover::{self, AtGate, Colour, Life, Marks, NoteChild, Site, Word};
use crate::journal::Child;
use crate::op::{Content, Op, PutFile};
use crate::probe::{Check, Probe};
use crate::run::{Fault, FaultKind};

/// The colour a unit's name carries, if any: `app@blue.service`.
fn colour_of(unit: &str) -> Option<Colour> {
    let mut colours = [Colour::Blue, Colour::Green].into_iter();
    colours.find(|colour| unit.contains(&format!("@{}.", colour.name())))
}

/// Whether a unit's conditions let it start: no fence and its slot in service, or a permit.
pub(super) fn may_start(guest: &Guest, unit: &str) -> bool {
    let marks = Marks::usual();
    let there = |path: &str| guest.files.contains_key(path);
    colour_of(unit).is_none_or(|colour| {
        let in_service = there(&marks.in_service(colour)) && !there(&marks.fence);
        in_service || there(&marks.permit(colour))
    })
}

/// What a power cut takes: volatile files, holds, and what was not brought to disk.
pub(super) fn lose(guest: &mut Guest) {
    guest.files.retain(|path, _| !path.starts_with("/run/"));
    guest
        .gates
        .values_mut()
        .for_each(|gate| gate.holding = false);
    for entry in guest.files.values_mut() {
        if matches!(entry, Entry::Cached(_)) {
            *entry = Entry::Torn;
        }
    }
}

/// One process at work on a cut-over in a guest.
pub(super) struct Ground<'a> {
    pub(super) agent: &'a Agent,
    pub(super) who: Victim,
    pub(super) booting: bool,
    /// Milliseconds that have passed by waiting.
    pub(super) clock: u64,
}

impl Ground<'_> {
    fn touch(&self, change: impl FnOnce(&mut Guest, Effect)) -> Result<(), Fault> {
        let done = self.agent.touch_as(self.who, change);
        self.watch();
        done
    }

    fn look<T>(&self, at: impl FnOnce(&Guest) -> T) -> Result<T, Fault> {
        let world = self.agent.world.borrow();
        let guest = world.guests.get(&self.agent.guest);
        let guest = guest.filter(|guest| guest.running && !self.agent.fuse.is_dead(self.who));
        guest
            .map(at)
            .ok_or_else(|| broken("it is dead, or the guest is off"))
    }

    /// Looks for what must never be.
    fn watch(&self) {
        let mut world = self.agent.world.borrow_mut();
        let Some(guest) = world.guests.get(&self.agent.guest) else {
            return;
        };
        let runs = |colour: Colour| {
            let mut units = guest.units.iter();
            units.any(|(name, unit)| unit.running && colour_of(name) == Some(colour))
        };
        let holding = guest.gates.values().all(|gate| gate.holding);
        let green = guest
            .files
            .contains_key(&Marks::usual().in_service(Colour::Green));
        let cached = guest
            .files
            .values()
            .any(|entry| matches!(entry, Entry::Cached(_)));
        let mut found = Vec::new();
        if runs(Colour::Blue) && runs(Colour::Green) {
            found.push("both releases run");
        }
        if green && !holding && cached {
            found.push("requests reach data that is not on disk");
        }
        world.broken.extend(found.into_iter().map(str::to_owned));
    }

    /// Sees that Commit is on disk before the new side is in service.
    fn watch_commit(&self, to: Colour) {
        let forward = self.agent.heading() == Some(to);
        if !forward {
            let why = format!("{} is put in service before that is decided", to.name());
            self.agent.world.borrow_mut().broken.push(why);
        }
    }

    fn units(&self, units: &[String], run: bool) -> Result<(), Fault> {
        for name in units {
            let mut skipped = false;
            self.touch(|guest, effect| {
                skipped = run && !may_start(guest, name);
                let unit: &mut Unit = guest.units.entry(name.clone()).or_default();
                if effect == Effect::Whole && !skipped {
                    unit.running = run;
                }
            })?;
            if skipped && !self.booting {
                return Err(broken("its condition keeps it from starting"));
            }
        }
        Ok(())
    }

    /// What the script has go wrong under this name.
    fn fails(&self, what: &str) -> Result<(), Fault> {
        match self.agent.script.failing.contains(what) {
            true => Err(Fault::new(FaultKind::Unhealthy, format!("`{what}` failed"))),
            false => Ok(()),
        }
    }
}

fn broken(why: &str) -> Fault {
    Fault::new(FaultKind::Failed, why)
}

impl Site for Ground<'_> {
    fn now_ms(&mut self) -> u64 {
        self.clock
    }

    fn unix_ms(&mut self) -> u64 {
        self.clock
    }

    fn pause(&mut self, ms: u64) {
        self.clock += ms;
    }

    fn booting(&self) -> bool {
        self.booting
    }

    fn gate(&mut self, gate: &cutover::Gate, word: Word) -> Result<AtGate, Fault> {
        let writes = self.agent.script.writes;
        let set = |guest: &mut Guest, holding: bool| {
            let gate: &mut Gate = guest.gates.entry(gate.control.clone()).or_default();
            if gate.holding && !holding {
                gate.writes += writes;
            }
            gate.holding = holding;
        };
        match word {
            Word::Status => {}
            Word::Hold | Word::Release => self.touch(|guest, effect| {
                if effect == Effect::Whole {
                    set(guest, word == Word::Hold);
                }
            })?,
        }
        let seen = self.look(|guest| guest.gates.get(&gate.control).copied())?;
        let seen = seen.unwrap_or_default();
        Ok(AtGate {
            holding: seen.holding,
            writes: seen.writes,
            run: 1,
            ..AtGate::default()
        })
    }

    fn there(&mut self, path: &str) -> Result<bool, Fault> {
        self.look(|guest| guest.files.contains_key(path))
    }

    fn in_service(&mut self, marks: &Marks) -> Option<Colour> {
        let there = |guest: &Guest, colour| guest.files.contains_key(&marks.in_service(colour));
        let seen = self.look(|guest| [Colour::Blue, Colour::Green].map(|it| there(guest, it)));
        match seen {
            Ok([true, false]) => Some(Colour::Blue),
            Ok([false, true]) => Some(Colour::Green),
            _ => None,
        }
    }

    fn switch(&mut self, marks: &Marks, to: Colour) -> Result<(), Fault> {
        self.watch_commit(to);
        self.touch(|guest, effect| {
            if effect == Effect::Whole {
                guest.files.remove(&marks.in_service(to.other()));
                let empty = Entry::Whole(Content::Text(String::new()));
                guest.files.insert(marks.in_service(to), empty);
            }
        })
    }

    fn put(&mut self, file: &PutFile) -> Result<(), Fault> {
        self.touch(|guest, effect| put(&mut guest.files, &file.path, &file.content, effect))
    }

    fn start(&mut self, units: &[String], _: u64) -> Result<(), Fault> {
        self.units(units, true)?;
        units
            .iter()
            .try_for_each(|unit| self.fails(&format!("start {unit}")))
    }

    fn stop(&mut self, units: &[String], _: u64) -> Result<(), Fault> {
        self.units(units, false)
    }

    fn kill(&mut self, units: &[String]) -> Result<(), Fault> {
        self.units(units, false)
    }

    fn lives(&mut self, units: &[String]) -> Result<Vec<Life>, Fault> {
        let life = |guest: &Guest, unit: &String| Life {
            active: guest.units.get(unit).is_some_and(|unit| unit.running),
            incarnation: u64::from(self.agent.script.failing.contains(&format!("fall {unit}")))
                * self.clock,
        };
        self.look(|guest| units.iter().map(|unit| life(guest, unit)).collect())
    }

    fn alone(&mut self, _: &[String]) -> Result<(), Fault> {
        self.fails("alone")
    }

    fn make(&mut self, op: &Op, _: u64, child: NoteChild<'_>) -> Result<(), Fault> {
        let Op::Exec(exec) = op else {
            return match op {
                Op::PutFile(file) => self.put(file),
                _ => Err(broken("neither a command nor a file")),
            };
        };
        child(Child {
            pid: 7,
            started: 1,
            boot: "sim".to_owned(),
        })
        .map_err(|error| broken(&error.to_string()))?;
        let script = &self.agent.script;
        self.touch(|guest, effect| {
            let before = guest.files.clone();
            ran(&mut guest.files, exec, script, effect);
            for (path, entry) in &mut guest.files {
                if let (false, Entry::Whole(content)) = (before.contains_key(path), &entry) {
                    *entry = Entry::Cached(content.clone());
                }
            }
        })?;
        script.fails(exec)
    }

    fn end_leftover(&mut self, _: &Child) -> Result<(), Fault> {
        self.look(|_| ())
    }

    fn durable(&mut self, paths: &[String]) -> Result<(), Fault> {
        self.touch(|guest, effect| {
            let files = guest.files.iter_mut();
            let named = files.filter(|(path, _)| paths.contains(path));
            for (_, entry) in named.filter(|_| effect == Effect::Whole) {
                if let Entry::Cached(content) = entry {
                    *entry = Entry::Whole(content.clone());
                }
            }
        })
    }

    fn ask(&mut self, probe: &Probe, _: u64) -> Result<(), Fault> {
        let Check::UnitActive { unit, .. } = &probe.check else {
            return self.look(|_| ());
        };
        self.fails(&format!("ask {unit}"))?;
        match self.look(|guest| guest.units.get(unit).is_some_and(|unit| unit.running))? {
            true => Ok(()),
            false => Err(Fault::new(
                FaultKind::Unhealthy,
                format!("`{unit}` does not run"),
            )),
        }
    }
}
