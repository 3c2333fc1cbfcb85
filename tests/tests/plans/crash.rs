//! The real plans on the simulated machine: something goes wrong at every record and every effect – kill -9 before,
//! within and after it, an error half-way, a lost reply, Ctrl-C – and the recovery is killed, too. Every end is exactly
//! *before* or *after*, and the same command then completes. A power cut is a kill -9 after which all guests boot.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Once;

use homeport_core::places;
use homeport_core::plan::backup::DUMP;
use homeport_engine::op::{Content, Op};
use homeport_engine::plan::Plan;
use homeport_engine::recover::Outcome;
use homeport_engine::sim::{
    Entry, Fuse, Matrix, Mode, Script, Shared, Tally, Victim, World, checked, command,
};

use crate::facts::{self, BUNDLE, Facts, HOMEPORT};

static HEADING: Once = Once::new();

const COLUMNS: &str = "\
table: points and how each ended: |        | kill -9       | power cut     | error half-way | reply lost   | Ctrl-C, TERM  | recovery killed
table: before, after              | points | before  after | before  after | before  after | before  after | before  after | before  after";

/// Commands as far as they matter here: what the plugins' looks see, and what is left where.
fn script() -> Script {
    let kept = format!("{}/{HOMEPORT}", places::PROGRAM);
    Script {
        observations: facts::observations(),
        made: [(keeping(), kept), ("file".to_owned(), DUMP.to_owned())].into(),
        ..Script::default()
    }
}

/// The command that keeps the program on the host, as the plan has it.
fn keeping() -> String {
    let plans = Facts::shipped().install();
    let steps = plans.iter().flat_map(|plan| &plan.steps);
    let commands = steps.filter_map(|step| match &step.op {
        Op::Exec(exec) => Some(exec.argv.join(" ")),
        _ => None,
    });
    let mut keeping = commands.filter(|command| command.contains(BUNDLE));
    keeping.next().expect("a command that copies the bundle")
}

/// A host with an earlier Homeport on it.
fn host() -> World {
    let mut world = World::default();
    let old = Content::Link(format!("{}/1.0.0/bin/homeport", places::PROGRAM));
    world
        .files
        .insert(places::COMMAND.to_owned(), Entry::Whole(old));
    world
        .files
        .insert(places::PROGRAM.to_owned(), Entry::Whole(Content::Directory));
    world
}

/// The world when these plans have run undisturbed.
fn after(start: &World, plans: &[Plan]) -> World {
    let world: Shared = Rc::new(RefCell::new(start.clone()));
    let plans = checked(plans).expect("the plan is sound");
    assert_eq!(
        command(&world, &Fuse::safe(), &script(), &plans).unwrap(),
        Outcome::Done
    );
    let world = world.borrow();
    World {
        journals: Default::default(),
        ..world.clone()
    }
}

fn installed() -> World {
    let world = after(&host(), &Facts::shipped().install());
    let kept = format!("{}/{HOMEPORT}", places::PROGRAM);
    assert!(
        world.files.contains_key(&kept),
        "the script knows another command"
    );
    world
}

fn matrix(name: &str, start: &World, plans: &[Plan], again: u64) -> Tally {
    let plans = checked(plans).expect("the plan is sound");
    let matrix = Matrix {
        start,
        plans: &plans,
        script: &script(),
        stays: &[places::COMMAND, places::PROGRAM, "/var/backups/vikunja"],
        again,
    };
    let tally = matrix.run().unwrap_or_else(|why| panic!("{name}: {why}"));
    let ends = |modes: &[Mode]| {
        let of = |mode| tally.ends.get(mode).copied().unwrap_or_default();
        let sum = |(a, b): (u64, u64), (c, d): (u64, u64)| (a + c, b + d);
        modes.iter().map(of).fold((0, 0), sum)
    };
    HEADING.call_once(|| println!("{COLUMNS}"));
    let columns = [
        ends(&Mode::DEATHS),
        tally.cuts,
        ends(&[Mode::Failed]),
        ends(&[Mode::Unheard]),
        ends(&[Mode::Stopped]),
        tally.again,
    ];
    let columns = columns
        .map(|(before, after)| format!("{before:>6} {after:>6}"))
        .join(" | ");
    println!("table: {name:<26} | {:>6} | {columns}", tally.points);
    tally
}

/// A change that has something to do before Commit ends both ways; one that has not only goes forward.
fn both_ways(tally: &Tally) {
    for (mode, (before, after)) in &tally.ends {
        assert!(
            *before > 0 && *after > 0,
            "{mode:?}: {before} before, {after} after"
        );
    }
    assert!(tally.again.0 > 0 && tally.again.1 > 0);
    assert!(tally.victims.contains_key(&Victim::Agent));
}

#[test]
fn install() {
    both_ways(&matrix("install", &host(), &Facts::shipped().install(), 9));
}

#[test]
fn uninstall() {
    let installed = installed();
    let gone = after(&installed, &Facts::shipped().uninstall(false));
    assert!(gone.guests.is_empty());
    let tally = matrix(
        "uninstall",
        &installed,
        &Facts::shipped().uninstall(false),
        1,
    );
    assert!(tally.ends.values().all(|(_, after)| *after > 0));
    both_ways(&matrix(
        "uninstall --keep-data",
        &installed,
        &Facts::shipped().uninstall(true),
        1,
    ));
}

#[test]
fn stop_start_and_restart() {
    let installed = installed();
    let probes = Facts::shipped().probes();
    let stopped = after(&installed, &facts::stop(&probes));
    assert!(!stopped.guests["105"].running);
    matrix("stop", &installed, &facts::stop(&probes), 1);
    both_ways(&matrix(
        "start, container off",
        &stopped,
        &facts::boot_and_start(&probes),
        1,
    ));
    both_ways(&matrix("restart", &installed, &facts::restart(&probes), 1));
    both_ways(&matrix("upgrade", &installed, &facts::upgrade(&probes), 1));
    let mut app_down = installed.clone();
    let guest = app_down.guests.get_mut("105").unwrap();
    guest
        .units
        .get_mut(&facts::unit("active").unit)
        .unwrap()
        .running = false;
    both_ways(&matrix(
        "start, app down",
        &app_down,
        &facts::start(&probes, "failed"),
        1,
    ));
}

#[test]
fn adopt() {
    let mut cloned = installed();
    let plans = facts::adopt_copy(&Facts::shipped().probes());
    let mut copy = cloned.guests["105"].clone();
    copy.identity = plans[0].guest.clone();
    let app = facts::unit("inactive").unit;
    copy.units.get_mut(&app).unwrap().running = false;
    let original = cloned.guests["105"].clone();
    cloned.guests.insert("106".to_owned(), copy);
    assert_eq!(after(&cloned, &plans).guests["105"], original);
    both_ways(&matrix("adopt --as-copy", &cloned, &plans, 1));
}
