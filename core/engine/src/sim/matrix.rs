//! Lets everything go wrong everywhere, in the recovery, too, and sees that each end is exactly *before* or *after*.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::platform::cycle;
use super::{Agent, Fuse, Mode, Script, Shared, Sim, Victim, World, open_journal};
use crate::check::{Checked, Known, Refused, check};
use crate::cutover::{Book, Note, Stage};
use crate::journal::Journal;
use crate::op::Op;
use crate::plan::Plan;
use crate::recover::{Course, Outcome, Standing, close, resolve};
use crate::run::{RunError, stage};

/// Name of the host's journal.
const HOST: &str = "host";

/// An operation to be disturbed.
pub struct Matrix<'a> {
    /// The world before it.
    pub start: &'a World,
    /// Its stages.
    pub plans: &'a [Checked],
    /// How programs behave meanwhile.
    pub script: &'a Script,
    /// Paths on the host that stay on the way back, with all below them: others may use them by then.
    pub stays: &'a [&'a str],
    /// At every so many-th point the recovery is killed, too, at each of its own points and in each way; 1 = at all.
    pub again: u64,
}

/// How often what ended how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Points an undisturbed run passes.
    pub points: u64,
    /// What went wrong first → how many ended before, how many after.
    pub ends: BTreeMap<Mode, (u64, u64)>,
    /// Whose points they were.
    pub victims: BTreeMap<Victim, u64>,
    /// Deaths of the host with which the whole machine went off: how many ended before, how many after.
    pub cuts: (u64, u64),
    /// Recoveries that were killed, and how many of them ended before, how many after.
    pub again: (u64, u64),
}

impl Matrix<'_> {
    /// Every point × every mode. Every end must be exactly before or after, and the same command must then complete.
    ///
    /// # Errors
    /// The first case that ends otherwise.
    pub fn run(&self) -> Result<Tally, String> {
        let done = share(self.start);
        let safe = Fuse::safe();
        let case = Case::of(self, &done, &safe)?;
        let mut tally = Tally {
            points: safe.burnt(),
            ..Tally::default()
        };
        for (at, mode) in (0..tally.points).flat_map(|at| Mode::ALL.map(|mode| (at, mode))) {
            case.one(&Fuse::at(at, mode), at, &mut tally)
                .map_err(|why| format!("{mode:?} at point {at}: {why}"))?;
        }
        Ok(tally)
    }

    /// One point, counted around, and one mode.
    ///
    /// # Errors
    /// When it ends otherwise than [`Matrix::run`] demands.
    pub fn one_of(&self, at: u64, mode: Mode) -> Result<Tally, String> {
        let safe = Fuse::safe();
        let case = Case::of(self, &share(self.start), &safe)?;
        let at = at.checked_rem(safe.burnt()).unwrap_or(0);
        let mut tally = Tally::default();
        case.one(&Fuse::at(at, mode), at, &mut tally)
            .map_err(|why| format!("{mode:?} at point {at}: {why}"))?;
        Ok(tally)
    }
}

/// One operation with both of its ends.
struct Case<'a> {
    matrix: &'a Matrix<'a>,
    before: World,
    after: World,
    /// Worlds from which the same command was seen to complete.
    completes: RefCell<Vec<World>>,
}

impl<'a> Case<'a> {
    /// Runs it undisturbed.
    fn of(matrix: &'a Matrix<'a>, world: &Shared, fuse: &Fuse) -> Result<Case<'a>, String> {
        let (script, plans) = (matrix.script, matrix.plans);
        let outcome = command(world, fuse, script, plans).map_err(text)?;
        let (before, after) = (matrix.start.visible(), world.borrow().visible());
        match outcome {
            Outcome::Done => Ok(Case {
                matrix,
                before,
                after,
                completes: RefCell::default(),
            }),
            Outcome::RolledBack => Err("undisturbed, it does not complete".to_owned()),
        }
    }

    fn one(&self, fuse: &Fuse, at: u64, tally: &mut Tally) -> Result<(), String> {
        let Matrix { script, plans, .. } = *self.matrix;
        let world = share(self.matrix.start);
        let told = command(&world, fuse, script, plans);
        let victim = fuse.victim().ok_or("nothing went wrong")?;
        *tally.victims.entry(victim).or_default() += 1;
        if victim == Victim::CutOver && fuse.mode().is_some_and(|mode| Mode::DEATHS.contains(&mode))
        {
            self.unit(fuse.mode().ok_or("nothing went wrong")?, at, tally)?;
        }
        if fuse.host_dead() {
            let left = world.borrow().clone();
            let end = self.power_cut(&left);
            let end = end.map_err(|why| format!("and the machine went off: {why}"))?;
            count(&mut tally.cuts, end);
            if at.is_multiple_of(self.matrix.again) {
                self.again(&left, tally)?;
            }
        }
        let end = match (told, fuse.host_dead()) {
            (Ok(outcome), false) => self.ended(&world, outcome)?,
            _ => self.recovered(&world)?,
        };
        let ends = tally.ends.entry(fuse.mode().ok_or("nothing went wrong")?);
        count(ends.or_default(), end);
        Ok(())
    }

    /// The unit of a cut-over dies: of a power cut, with the resolver of the boot killed at each of its points, too; or
    /// it is killed again, at each point of what was started again.
    fn unit(&self, mode: Mode, at: u64, tally: &mut Tally) -> Result<(), String> {
        let Matrix { script, plans, .. } = *self.matrix;
        let world = share(self.matrix.start);
        // All is dead: what is said of it does not matter.
        let _ = command(&world, &Fuse::power_cut(at, mode), script, plans);
        let left = world.borrow().clone();
        let end = self.power_cut(&left);
        count(
            &mut tally.cuts,
            end.map_err(|why| format!("power cut: {why}"))?,
        );
        for later in 0.. {
            let (world, fuse) = (share(&left), Fuse::at(later, mode));
            let booted = boot(&world, &fuse, script);
            if !fuse.is_spent() {
                booted.map_err(|why| format!("power cut, and the boot: {why}"))?;
                break;
            }
            let killed = world.borrow().clone();
            let end = self.power_cut(&killed);
            let end = end.map_err(|why| format!("power cut, boot killed at {later}: {why}"))?;
            count(&mut tally.again, end);
        }
        for later in 0.. {
            let (world, fuse) = (share(self.matrix.start), Fuse::twice(at, mode, later));
            let told = command(&world, &fuse, script, plans);
            if !fuse.is_spent() {
                break;
            }
            let end = match (told, fuse.host_dead()) {
                (Ok(outcome), false) => self.ended(&world, outcome),
                _ => self.recovered(&world),
            };
            let end = end.map_err(|why| format!("killed again {later} points later: {why}"))?;
            count(&mut tally.again, end);
        }
        Ok(())
    }

    /// The whole machine went off with the process: its guests have booted since.
    fn power_cut(&self, left: &World) -> Result<Outcome, String> {
        let world = share(left);
        boot(&world, &Fuse::safe(), self.matrix.script)?;
        let outcome = recover(&world, &Fuse::safe(), self.matrix.script).map_err(text)?;
        // A unit that was down may be up by the boot itself, or down again as the step's way back has it.
        let mut booted = self.end(outcome);
        booted.guests.values_mut().for_each(cycle);
        self.same(&world, outcome, booted).or_else(|why| {
            self.same(&world, outcome, self.end(outcome))
                .map_err(|_| why)
        })?;
        nothing_open(&world).map(|()| outcome)
    }

    /// Kills the recovery of what is left at each of its points, and recovers again.
    fn again(&self, left: &World, tally: &mut Tally) -> Result<(), String> {
        let safe = Fuse::safe();
        recover(&share(left), &safe, self.matrix.script).map_err(text)?;
        for (at, mode) in (0..safe.burnt()).flat_map(|at| Mode::DEATHS.map(|mode| (at, mode))) {
            let world = share(left);
            // It dies, or an agent of it does; what it says of that does not matter.
            let _ = recover(&world, &Fuse::at(at, mode), self.matrix.script);
            let end = self.recovered(&world);
            let end = end.map_err(|why| format!("recovery, {mode:?} at point {at}: {why}"))?;
            count(&mut tally.again, end);
        }
        Ok(())
    }

    fn end(&self, told: Outcome) -> World {
        match told {
            Outcome::RolledBack => self.before.clone(),
            Outcome::Done => self.after.clone(),
        }
    }

    fn same(&self, world: &Shared, told: Outcome, mut expected: World) -> Result<(), String> {
        let mut seen = world.borrow().visible();
        if told == Outcome::RolledBack {
            self.leave_out_what_stays(&mut seen);
            self.leave_out_what_stays(&mut expected);
        }
        same(&seen, &expected).map_err(|why| format!("told {told:?}, {why}"))
    }

    fn leave_out_what_stays(&self, world: &mut World) {
        let below = |path: &str, top: &&&str| {
            let rest = path.strip_prefix(**top);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let stays = self.matrix.stays;
        world
            .files
            .retain(|path, _| !stays.iter().any(|top| below(path, &top)));
    }

    fn recovered(&self, world: &Shared) -> Result<Outcome, String> {
        let outcome = recover(world, &Fuse::safe(), self.matrix.script).map_err(text)?;
        self.ended(world, outcome)
    }

    /// The end is the one that was told, nothing is left open, and the same command completes.
    fn ended(&self, world: &Shared, told: Outcome) -> Result<Outcome, String> {
        self.same(world, told, self.end(told))?;
        nothing_open(world)?;
        let seen = world.borrow().clone();
        let seen = World {
            journals: BTreeMap::new(),
            ..seen
        };
        if told == Outcome::RolledBack && !self.completes.borrow().contains(&seen) {
            let (script, plans) = (self.matrix.script, self.matrix.plans);
            command(world, &Fuse::safe(), script, plans).map_err(text)?;
            same(&world.borrow().visible(), &self.after)
                .map_err(|why| format!("the same command, again: {why}"))?;
            self.completes.borrow_mut().push(seen);
        }
        Ok(told)
    }
}

/// What the same command does on any machine: an open operation is resolved – if that completes it, there is nothing to
/// do –, then the stages run, and a failure is resolved by the process that met it.
///
/// # Errors
/// What stands in the way of resolving it; the journal is open.
pub fn command(
    world: &Shared,
    fuse: &Fuse,
    script: &Script,
    plans: &[Checked],
) -> Result<Outcome, RunError> {
    if recover(world, fuse, script)? == Outcome::Done {
        return Ok(Outcome::Done);
    }
    // A new operation has a journal of its own.
    world.borrow_mut().journals.clear();
    let mut journal = open_journal(world, fuse, Victim::Host, HOST)?;
    let mut sim = Sim::new(world, fuse, script);
    match stages(&mut journal, &mut sim, fuse, plans) {
        Ok(()) => close(&mut journal, &mut sim, Outcome::Done).map(|()| Outcome::Done),
        Err(_) => resolve(&mut journal, &mut sim, &mut |_| {}),
    }
}

fn stages(
    journal: &mut Journal,
    sim: &mut Sim,
    fuse: &Fuse,
    plans: &[Checked],
) -> Result<(), RunError> {
    for plan in plans {
        stage(journal, sim, plan, "sim", fuse.stop(), &mut |_| {})?;
    }
    Ok(())
}

/// Checks the stages of an operation that nothing disturbs.
///
/// # Errors
/// The first that is refused.
pub fn checked(plans: &[Plan]) -> Result<Vec<Checked>, Refused> {
    let mut known = Known::default();
    let mut checked = Vec::new();
    for plan in plans {
        checked.push(check(plan.clone(), &known)?);
        known.next = plan.end();
        known.committed |= plan.commit_after.is_some();
        for step in &plan.steps {
            match &step.op {
                Op::Observe { name, .. } => drop(known.observed.insert(name.clone())),
                Op::Exec(exec) => known.handles.extend(exec.creates.iter().cloned()),
                _ => {}
            }
        }
    }
    Ok(checked)
}

/// Resolves what is open. Nothing open counts as taken back.
fn recover(world: &Shared, fuse: &Fuse, script: &Script) -> Result<Outcome, RunError> {
    let mut journal = open_journal(world, fuse, Victim::Host, HOST)?;
    if journal.records().is_empty() {
        return Ok(Outcome::RolledBack);
    }
    let mut sim = Sim::new(world, fuse, script);
    resolve(&mut journal, &mut sim, &mut |_| {})
}

/// Guests that ran boot; their agents resolve what is theirs to decide, as `homeport-agent recover` does.
fn boot(world: &Shared, fuse: &Fuse, script: &Script) -> Result<(), String> {
    let running = |world: &World| {
        let on = world.guests.iter().filter(|(_, guest)| guest.running);
        on.map(|(id, _)| id.clone()).collect::<Vec<_>>()
    };
    let ids = running(&world.borrow());
    for id in ids {
        world.borrow_mut().guests.get_mut(&id).map(cycle);
        Agent::boot(world, fuse, script, &id).map_err(text)?;
    }
    Ok(())
}

/// Every journal is closed. That of a guest which is off may be left to its next boot, if only that is missing.
fn nothing_open(world: &Shared) -> Result<(), String> {
    let names: Vec<String> = world.borrow().journals.keys().cloned().collect();
    for name in names {
        if name.ends_with("/cutover") {
            cut_over_closed(world, &name)?;
            continue;
        }
        let journal = open_journal(world, &Fuse::safe(), Victim::Host, &name).map_err(text)?;
        let off = |guest: &super::Guest| !guest.running;
        let off = world.borrow().guests.get(&name).is_some_and(off);
        match Standing::of(&journal).map_err(text)?.course() {
            Course::Closed(_) => {}
            _ if journal.records().is_empty() => {}
            Course::Forward(steps) if off && steps.is_empty() => {}
            open => return Err(format!("the journal of `{name}` is left open: {open:?}")),
        }
    }
    Ok(())
}

fn cut_over_closed(world: &Shared, name: &str) -> Result<(), String> {
    let journal = open_journal::<Note>(world, &Fuse::safe(), Victim::Agent, name).map_err(text)?;
    let standing = Book::new(journal).standing().map_err(text)?;
    match standing.map(|standing| standing.stage) {
        None | Some(Stage::Closed(_)) => Ok(()),
        Some(stage) => Err(format!("`{name}` is left open: {stage:?}")),
    }
}

/// Names the differences, not two whole worlds.
fn same(seen: &World, expected: &World) -> Result<(), String> {
    let (seen, expected) = (format!("{seen:#?}"), format!("{expected:#?}"));
    let (left, right) = (
        seen.lines().filter(|line| !expected.contains(line)),
        expected.lines().filter(|line| !seen.contains(line)),
    );
    match seen == expected {
        true => Ok(()),
        false => Err(format!(
            "but there is {:?} instead of {:?}",
            left.collect::<Vec<_>>(),
            right.collect::<Vec<_>>()
        )),
    }
}

fn count((before, after): &mut (u64, u64), end: Outcome) {
    match end {
        Outcome::RolledBack => *before += 1,
        Outcome::Done => *after += 1,
    }
}

fn share(world: &World) -> Shared {
    Rc::new(RefCell::new(world.clone()))
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
