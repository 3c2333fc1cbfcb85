//! After Commit: the new side is put in service, requests are let go to it, and it is watched for a while.

use super::back::{back, close};
use super::book::Note;
use super::drain;
use super::run::{Way, fallen, mark};
use super::site::{AtGate, Life, Site, Word};
use super::{CutOver, Ending, Outcome, Trouble};
use crate::fault::{Fault, FaultKind};
use crate::op::Content;

/// Time between two looks at what is watched, milliseconds.
const LOOK_MS: u64 = 1_000;

/// Time one question may take while it is watched, milliseconds.
const ANSWER_MS: u64 = 5_000;

/// Looks in a row at which it does not answer, after which it counts as fallen over.
const UNANSWERED: u32 = 3;

/// Time a start gets that an interruption made necessary, milliseconds.
const START_MS: u64 = 60_000;

/// Puts the new side in service and watches it.
pub(super) fn arrive(way: &mut Way<'_>) -> Result<Outcome, Fault> {
    let it = way.cut_over.clone();
    if let Err(fault) = in_service(way, &it) {
        // Nobody has reached it yet.
        return match way.held {
            Some(_) => back(way, fault.into()),
            None => Err(fault),
        };
    }
    if way.held.is_none() {
        // Whether it could be started, the watch will tell.
        let _ = way.site.start(&it.to.units, START_MS);
    }
    let born = way.site.lives(&it.to.units).unwrap_or_default();
    if !way.site.booting() {
        drain::release(&it, way.site)?;
    }
    let held_ms = way.held_ms();
    way.site
        .put(&mark(&it.marks.permit(it.to.colour), Content::Absent))?;
    for file in &it.to.files {
        way.site.put(file)?;
    }
    let mut outcome = Outcome {
        ending: Ending::Switched { trouble: None },
        drained_ms: way.drained_ms,
        held_ms,
        waited_max_ms: held_ms,
        steps: way.steps.clone(),
    };
    way.book.note(Note::Settled {
        outcome: outcome.clone(),
    })?;
    if way.site.booting() {
        return close(way, outcome);
    }
    outcome.waited_max_ms = emptied(way, held_ms);
    match watch(way, &it, &born) {
        Watched::Well(trouble) => {
            outcome.ending = Ending::Switched { trouble };
            close(way, outcome)
        }
        Watched::Untouched(trouble) => back(way, trouble),
    }
}

/// The slot is in service, and nothing keeps it from starting.
fn in_service(way: &mut Way<'_>, it: &CutOver) -> Result<(), Fault> {
    way.site.switch(&it.marks, it.to.colour)?;
    way.site.put(&mark(&it.marks.fence, Content::Absent))
}

/// Milliseconds from the hold until all who waited were let go; those of the hold if that cannot be told.
fn emptied(way: &mut Way<'_>, held_ms: u64) -> u64 {
    let limit = held_ms + u64::from(way.cut_over.watch_ms);
    loop {
        let gates = drain::all(&way.cut_over, way.site, Word::Status);
        let now = way.held_ms();
        match gates {
            Ok(gates) if gates.iter().any(|gate| gate.releasing) && now < limit => {
                way.site.pause(5);
            }
            Ok(_) => return now,
            Err(_) => return held_ms,
        }
    }
}

/// How the watch ended.
enum Watched {
    /// It stays, with what was wrong, if anything.
    Well(Option<Trouble>),
    /// It has fallen over, nobody has written to it, and requests are held again.
    Untouched(Trouble),
}

fn watch(way: &mut Way<'_>, it: &CutOver, born: &[Life]) -> Watched {
    let until = way.site.now_ms() + u64::from(it.watch_ms);
    let (mut unanswered, mut fell) = (0, None);
    while way.site.now_ms() < until {
        way.site.pause(LOOK_MS);
        let Err(fault) = look(way.site, it, born) else {
            unanswered = 0;
            continue;
        };
        unanswered += 1;
        if fault.kind == FaultKind::Unhealthy && unanswered < UNANSWERED {
            continue;
        }
        let trouble = Trouble::from(fault);
        if untouched(way, it) {
            return Watched::Untouched(trouble);
        }
        fell = Some(trouble);
    }
    Watched::Well(fell)
}

/// Whether it lives and answers. [`FaultKind::Failed`]: it does not live, or not any more.
fn look(site: &mut dyn Site, it: &CutOver, born: &[Life]) -> Result<(), Fault> {
    if let Some(fell) = fallen(site, &it.to.units, born)? {
        return Err(fell);
    }
    let mut probes = it.to.probes.iter().chain(&it.to.through);
    probes.try_for_each(|probe| site.ask(probe, ANSWER_MS))
}

/// Holds again if no request that may have written has reached the new side; otherwise nobody is held. Whatever cannot
/// be told counts as written.
fn untouched(way: &mut Way<'_>, it: &CutOver) -> bool {
    let Some(before) = way.held.as_ref().map(|held| held.gates.clone()) else {
        return false;
    };
    let same = |seen: &[AtGate]| {
        let mut pairs = before.iter().zip(seen);
        pairs.all(|(then, now)| then.run == now.run && then.writes == now.writes)
    };
    let so_far = drain::all(it, way.site, Word::Status);
    if !so_far.is_ok_and(|seen| same(&seen)) {
        return false;
    }
    if drain::all(it, way.site, Word::Hold).is_ok_and(|seen| same(&seen)) {
        return true;
    }
    // A gate that cannot be told goes on holding; the end of the watch tells it once more.
    let _ = drain::release(it, way.site);
    false
}
