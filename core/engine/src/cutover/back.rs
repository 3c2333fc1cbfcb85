//! The way back: the old side in service again, on the data nobody has touched. Used for every failure before Commit, for
//! every interruption before it, and for a new side that falls over before anybody has written to it.

use super::book::Note;
use super::drain;
use super::run::{Way, mark};
use super::{CutOver, Ending, Outcome, Trouble};
use crate::fault::Fault;
use crate::op::Content;
use crate::plan::{Step, Undo};
use crate::run::unix_now;

/// Time systemd gets to start the old side, milliseconds.
const START_MS: u64 = 20_000;

/// So long requests wait for the old side's answers, milliseconds: then they are let go, whatever they meet.
const WAITED_FOR_MS: u64 = 8_000;

/// After this long it counts as not coming back, milliseconds.
const RETURN_MS: u64 = 60_000;

/// Time for throwing away what was made for the new side; requests are not held meanwhile.
const TIDY_MS: u64 = 300_000;

/// Ends what had not begun: nothing but the hold is to be taken back.
pub(super) fn give_up(way: &mut Way<'_>, why: &str) -> Result<Outcome, Fault> {
    // While a machine boots there is no hold, and no gate that could be asked.
    if !way.site.booting() {
        drain::release(&way.cut_over, way.site)?;
    }
    let outcome = Outcome::not_begun(why, way.drained_ms);
    close(way, outcome)
}

/// Brings the old side back into service.
pub(super) fn back(way: &mut Way<'_>, trouble: Trouble) -> Result<Outcome, Fault> {
    let decided = match way.turned {
        true => Ok(()),
        false => way.book.note(Note::Back {
            trouble: trouble.clone(),
        }),
    };
    // Without Commit an interrupted way leads back anyway; after it, only the record does.
    if way.committed {
        decided?;
    }
    let mut returned = return_to_old(way);
    let booting = way.site.booting();
    let mut answered = Ok(());
    if !booting {
        answered = answers(way, WAITED_FOR_MS);
        // A gate that cannot be told is dead; it is told by whoever is started next.
        drain::release(&way.cut_over, way.site)?;
    }
    let held_ms = way.held_ms();
    if answered.is_err() {
        answered = answers(way, RETURN_MS);
    }
    returned = returned.and(answered);
    let ending = match returned {
        Ok(()) => Ending::Undone(trouble),
        Err(fault) => Ending::Stuck(both(&trouble, fault, &way.cut_over)),
    };
    let outcome = Outcome {
        ending,
        drained_ms: way.drained_ms,
        held_ms,
        waited_max_ms: held_ms,
        steps: way.steps.clone(),
    };
    // A full disk must not keep what is left from being thrown away.
    let _ = way.book.note(Note::Settled {
        outcome: outcome.clone(),
    });
    tidy(way, outcome)
}

/// The new side ends, the old one starts. Everything is tried, whatever fails before it; the first failure
/// is told.
fn return_to_old(way: &mut Way<'_>) -> Result<(), Fault> {
    let it = way.cut_over.clone();
    let (old, new) = (it.from.colour, it.to.colour);
    let absent = |path: &str| mark(path, Content::Absent);
    way.site.put(&absent(&it.marks.permit(new)))?;
    let ending: Vec<String> = it.to.units.iter().rev().cloned().collect();
    // Two releases at one database must never be: without this the old one is not started.
    way.site.kill(&ending)?;
    let mut first = way.site.switch(&it.marks, old);
    let mut also = |done: Result<(), Fault>| {
        if first.is_ok() {
            first = done;
        }
    };
    let permit = it.marks.permit(old);
    also(way.site.put(&mark(&permit, Content::Text(String::new()))));
    also(way.site.start(&it.from.units, START_MS));
    also(way.site.put(&absent(&it.marks.fence)));
    also(way.site.put(&absent(&permit)));
    if way.committed {
        for file in &it.from.files {
            also(way.site.put(file));
        }
    }
    first
}

/// Whether the old side answers everything within so long.
fn answers(way: &mut Way<'_>, limit_ms: u64) -> Result<(), Fault> {
    let until = way.site.now_ms() + limit_ms;
    for probe in &way.cut_over.from.probes {
        let left = until.saturating_sub(way.site.now_ms());
        way.site.ask(probe, left.max(1))?;
    }
    Ok(())
}

/// Throws away what was made for the new side, latest first, and closes.
pub(super) fn tidy(way: &mut Way<'_>, outcome: Outcome) -> Result<Outcome, Fault> {
    for step in way.cut_over.generation.clone().iter().rev() {
        let Step {
            undo: Undo::Op(op), ..
        } = step
        else {
            continue;
        };
        way.site.make(op, TIDY_MS, &mut |_| Ok(()))?;
    }
    close(way, outcome)
}

/// Writes down that nothing is left to do.
pub(super) fn close(way: &mut Way<'_>, outcome: Outcome) -> Result<Outcome, Fault> {
    way.book.note(Note::Closed {
        outcome: outcome.clone(),
        at: unix_now(),
    })?;
    Ok(outcome)
}

/// Why it went back, and why even that failed.
fn both(trouble: &Trouble, fault: Fault, cut_over: &CutOver) -> Trouble {
    let units = cut_over.from.units.join(" ");
    let mut remedy = fault.remedy;
    remedy.push(format!("systemctl status {units}"));
    remedy.push(format!(
        "journalctl -u {}",
        cut_over.from.units.join(" -u ")
    ));
    Trouble {
        why: format!(
            "{}; and {} did not come back: {}",
            trouble.why, cut_over.from.version, fault.why
        ),
        log_tail: match fault.lines.is_empty() {
            true => trouble.log_tail.clone(),
            false => fault.lines,
        },
        remedy,
    }
}
