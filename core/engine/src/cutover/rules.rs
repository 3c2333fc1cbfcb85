//! What a cut-over must be like to be run at all. Pure; called by [`crate::check`].

use std::collections::BTreeSet;

use super::{CutOver, Side};
use crate::check::{ensure, well_formed};
use crate::op::{Content, Op, PutFile};
use crate::plan::{Place, Step, Undo};

/// Longest deadline of a hold, milliseconds: proxies give up soon after.
const LONGEST_HOLD: u32 = 60_000;

/// Everything that can be said of it without its plan.
///
/// # Errors
/// The first rule it breaks.
pub fn sound(cut_over: &CutOver) -> Result<(), String> {
    let CutOver { from, to, .. } = cut_over;
    ensure(from.colour != to.colour, || {
        "both sides are the same slot".to_owned()
    })?;
    for side in [from, to] {
        one_side(side)?;
    }
    let units: BTreeSet<&String> = from.units.iter().chain(&to.units).collect();
    ensure(units.len() == from.units.len() + to.units.len(), || {
        "a unit stands on both sides, or twice".to_owned()
    })?;
    ensure(!cut_over.gates.is_empty(), || "it has no gate".to_owned())?;
    let marks = &cut_over.marks;
    let decide = [&marks.fence, &marks.permits, &marks.colour];
    let controls = cut_over.gates.iter().map(|gate| &gate.control);
    let paths = decide.into_iter().chain(controls);
    let paths = paths.chain(&cut_over.alone).chain(&cut_over.durable);
    absolute(paths.chain(&from.needs).chain(&to.needs))?;
    times(cut_over)?;
    cut_over.generation.iter().try_for_each(copying)
}

fn one_side(side: &Side) -> Result<(), String> {
    let name = side.colour.name();
    ensure(!side.units.is_empty(), || format!("{name} has no unit"))?;
    ensure(!side.probes.is_empty(), || {
        format!("nothing is asked of {name}")
    })?;
    let text = |file: &PutFile| matches!(file.content, Content::Text(_));
    ensure(side.files.iter().all(text), || {
        format!("what {name} leaves behind is not all text")
    })
}

fn times(cut_over: &CutOver) -> Result<(), String> {
    let deadline = cut_over.deadline_ms;
    ensure((1..=LONGEST_HOLD).contains(&deadline), || {
        "its deadline is none, or longer than proxies wait".to_owned()
    })?;
    ensure(cut_over.drain.hold_ms < deadline, || {
        "waiting for requests under way uses up its deadline".to_owned()
    })?;
    cut_over.clock.map_or(Ok(()), |clock| {
        let closed = u64::from(clock.before_ms) + u64::from(clock.after_ms);
        ensure(closed < u64::from(clock.every_s) * 1000, || {
            "no time of the clock is right for it".to_owned()
        })
    })
}

/// Making a generation touches nothing that was there, and what it made can be thrown away.
fn copying(step: &Step) -> Result<(), String> {
    let title = &step.title;
    let made = match &step.op {
        Op::Exec(exec) => {
            well_formed(exec)?;
            ensure(exec.destroys.is_empty(), || {
                format!("`{title}` destroys something before Commit")
            })?;
            exec.creates.as_slice()
        }
        Op::PutFile(_) => &[],
        _ => return Err(format!("`{title}` is neither a command nor a file")),
    };
    ensure(step.place == Place::Guest, || {
        format!("`{title}` is not the guest's")
    })?;
    let Undo::Op(undo) = &step.undo else {
        return Err(format!("`{title}` has no op that throws away what it made"));
    };
    match undo.as_ref() {
        Op::Exec(exec) => {
            well_formed(exec)?;
            let foreign = exec.destroys.iter().find(|handle| !made.contains(handle));
            foreign.map_or(Ok(()), |handle| {
                Err(format!(
                    "the way back of `{title}` destroys `{handle}`, which it did not make"
                ))
            })
        }
        Op::PutFile(_) => Ok(()),
        _ => Err(format!(
            "the way back of `{title}` is neither a command nor a file"
        )),
    }
}

fn absolute<'a>(paths: impl Iterator<Item = &'a String>) -> Result<(), String> {
    for path in paths {
        let plain = path.starts_with('/') && !path.split('/').any(|part| part == "..");
        ensure(plain, || format!("`{path}` is not an absolute path"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::small_cut_over;

    fn why(change: impl FnOnce(&mut CutOver)) -> String {
        let mut cut_over = small_cut_over("op-1");
        change(&mut cut_over);
        sound(&cut_over).unwrap_err()
    }

    #[test]
    fn the_smallest_one_is_sound_in_both_directions() {
        let cut_over = small_cut_over("op-1");
        sound(&cut_over).unwrap();
        let back = cut_over.reversed("op-2");
        sound(&back).unwrap();
        assert_eq!(back.reversed("op-1").to, cut_over.to);
    }

    #[test]
    fn what_could_leave_it_in_between_is_refused() {
        assert_eq!(
            why(|it| it.to.colour = it.from.colour),
            "both sides are the same slot"
        );
        assert!(why(|it| it.to.units = it.from.units.clone()).contains("both sides"));
        assert_eq!(why(|it| it.to.units.clear()), "green has no unit");
        assert_eq!(why(|it| it.from.probes.clear()), "nothing is asked of blue");
        assert_eq!(why(|it| it.gates.clear()), "it has no gate");
        assert!(why(|it| it.marks.fence = "x".to_owned()).contains("`x`"));
        assert!(why(|it| it.durable.push("/data/../etc".to_owned())).contains("/data/../etc"));
        assert!(why(|it| it.deadline_ms = 0).contains("deadline"));
        assert!(why(|it| it.deadline_ms = it.drain.hold_ms).contains("deadline"));
        assert!(why(|it| it.to.files[0].content = Content::Absent).contains("text"));
        let clock = |before_ms| super::super::Clock {
            every_s: 60,
            before_ms,
            after_ms: 30_000,
        };
        assert!(why(|it| it.clock = Some(clock(30_000))).contains("clock"));
    }

    #[test]
    fn a_generation_can_be_thrown_away_and_hurts_nothing() {
        let step = |change: fn(&mut Step)| why(|it| change(&mut it.generation[0]));
        assert!(step(|step| step.undo = Undo::Nothing).contains("throws away"));
        assert!(step(|step| step.undo = Undo::Candidate).contains("throws away"));
        assert!(step(|step| step.place = Place::Host).contains("not the guest's"));
        let destroys = |op: &mut Op| match op {
            Op::Exec(exec) => exec.destroys = vec!["g1".to_owned()],
            _ => unreachable!("it is a command"),
        };
        assert!(why(|it| destroys(&mut it.generation[0].op)).contains("before Commit"));
        let undone = why(|it| match &mut it.generation[0].undo {
            Undo::Op(op) => destroys(op),
            _ => unreachable!("it has one"),
        });
        assert!(undone.contains("`g1`, which it did not make"), "{undone}");
        let probe = |step: &mut Step| {
            step.op = Op::Service {
                unit: "x".to_owned(),
                state: crate::op::ServiceState::Stopped,
            };
        };
        assert!(step(probe).contains("neither a command nor a file"));
    }
}
