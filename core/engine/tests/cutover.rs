//! A cut-over disturbed at every record and every effect: processes killed, power cut, the recovery killed, too; effects
//! torn, replies lost. Each end is exactly *before* or *after*, and on no way there what must never be.

use std::cell::RefCell;
use std::rc::Rc;

use homeport_engine::WIRE;
use homeport_engine::cutover::{Colour, CutOver, Marks};
use homeport_engine::op::{Content, GuestIdentity, Op, PutFile};
use homeport_engine::plan::{Plan, Step, Undo};
use homeport_engine::recover::Outcome;
use homeport_engine::sim::{
    Entry, Fuse, Gate, Guest, Matrix, Mode, Script, Unit, Victim, World, checked, command,
    small_cut_over,
};
use proptest::prelude::*;

fn identity() -> GuestIdentity {
    GuestIdentity {
        id: "101".to_owned(),
        instance: "todo".to_owned(),
        tag: "hp-op-1".to_owned(),
        storage: "s".to_owned(),
    }
}

fn text(path: &str, text: &str) -> Op {
    Op::PutFile(PutFile {
        path: path.to_owned(),
        mode: 0o644,
        owner: "root:root".to_owned(),
        content: Content::Text(text.to_owned()),
    })
}

/// Prepares the new side, cuts over, and writes down what became of it on both machines.
fn update(cut_over: &CutOver) -> Vec<Plan> {
    let environment = Step {
        undo: Undo::BeforeImage,
        ..Step::guest("environment", text("/etc/app-green.env", "g2"))
    };
    let steps = vec![
        environment,
        Step::guest("cut over", Op::CutOver(Box::new(cut_over.clone()))),
        Step::host("registry", text("/var/lib/homeport/todo.json", "{new}")),
        Step::guest("note", text("/var/lib/homeport/note", "new")),
    ];
    vec![Plan {
        wire: WIRE,
        operation: "op-1".to_owned(),
        verb: "update".to_owned(),
        instance: "todo".to_owned(),
        stage: "cut-over".to_owned(),
        first: 0,
        guest: Some(identity()),
        candidate: false,
        owns: vec!["/var/lib/homeport".to_owned()],
        commit_after: Some(2),
        steps,
    }]
}

/// An instance whose blue side serves.
fn serving(cut_over: &CutOver) -> World {
    let whole = |text: &str| Entry::Whole(Content::Text(text.to_owned()));
    let mut guest = Guest {
        identity: Some(identity()),
        running: true,
        ..Guest::default()
    };
    let blue = Marks::usual().in_service(Colour::Blue);
    guest.files.insert(blue, whole(""));
    for file in &cut_over.from.files {
        let entry = Entry::Whole(file.content.clone());
        guest.files.insert(file.path.clone(), entry);
    }
    for (units, running) in [(&cut_over.from.units, true), (&cut_over.to.units, false)] {
        for unit in units {
            let enabled = true;
            guest.units.insert(unit.clone(), Unit { enabled, running });
        }
    }
    for gate in &cut_over.gates {
        guest.gates.insert(gate.control.clone(), Gate::default());
    }
    let mut world = World::default();
    let registry = "/var/lib/homeport/todo.json".to_owned();
    world.files.insert(registry, whole("{old}"));
    world.guests.insert("101".to_owned(), guest);
    world
}

/// Where the small cut-over's copy comes to lie.
fn script() -> Script {
    Script {
        made: [("g2".to_owned(), "/data/g2".to_owned())].into(),
        ..Script::default()
    }
}

/// The smallest one, watched for two looks: every further one only repeats the points of the last.
fn short() -> CutOver {
    CutOver {
        watch_ms: 2_000,
        ..small_cut_over("op-1")
    }
}

#[test]
fn disturbed_anywhere_it_ends_before_or_after() {
    let cut_over = short();
    let plans = checked(&update(&cut_over)).expect("the plan is sound");
    let (start, script) = (serving(&cut_over), script());
    let matrix = Matrix {
        start: &start,
        plans: &plans,
        script: &script,
        stays: &[],
        again: 1,
    };
    let tally = matrix.run().unwrap_or_else(|why| panic!("{why}"));
    println!(
        "table: cut-over, {} points at which something goes wrong",
        tally.points
    );
    println!("table: {:10} {:>7} {:>7}", "", "before", "after");
    for (mode, (before, after)) in &tally.ends {
        println!("table: {:10} {before:7} {after:7}", format!("{mode:?}"));
        assert!(*before > 0 && *after > 0, "{mode:?}");
    }
    let (before, after) = tally.cuts;
    println!("table: power cut  {before:7} {after:7}");
    assert!(before > 0 && after > 0);
    let (before, after) = tally.again;
    println!("table: twice      {before:7} {after:7}");
    assert!(before > 0 && after > 0);
    assert_eq!(tally.victims.len(), 3, "{:?}", tally.victims);
    assert!(tally.victims[&Victim::CutOver] > 15, "{:?}", tally.victims);
}

/// Runs it with programs that behave so.
fn with(script: &Script, cut_over: &CutOver) -> (Outcome, World) {
    let world = Rc::new(RefCell::new(serving(cut_over)));
    let plans = checked(&update(cut_over)).expect("the plan is sound");
    let outcome = command(&world, &Fuse::safe(), script, &plans).expect("it ends");
    let visible = world.borrow().visible();
    (outcome, visible)
}

#[test]
fn a_release_that_fails_leaves_the_old_one_as_it_was() {
    let cut_over = short();
    let green = &cut_over.to.units[0];
    for what in [
        "alone".to_owned(),
        "cp -a /data/g1 /data/g2".to_owned(),
        format!("start {green}"),
        format!("ask {green}"),
        format!("fall {green}"),
    ] {
        let failing = [what.clone()].into();
        let script = Script {
            failing,
            ..script()
        };
        let (outcome, world) = with(&script, &cut_over);
        assert_eq!(outcome, Outcome::RolledBack, "{what}");
        assert_eq!(world, serving(&cut_over).visible(), "{what}");
    }
}

#[test]
fn one_that_falls_over_after_somebody_has_written_keeps_what_was_written() {
    let cut_over = short();
    let failing = [format!("fall {}", cut_over.to.units[0])].into();
    let script = Script {
        failing,
        writes: 1,
        ..script()
    };
    let (outcome, world) = with(&script, &cut_over);
    assert_eq!(outcome, Outcome::Done);
    let guest = &world.guests["101"];
    assert!(guest.files.contains_key("/data/g2"));
    assert!(
        guest
            .files
            .contains_key(&Marks::usual().in_service(Colour::Green))
    );
    assert!(guest.units[&cut_over.to.units[0]].running);
    assert!(world.broken.is_empty());
}

/// Any number of components, with or without a generation, forwards or as a rollback.
fn any_cut_over() -> impl Strategy<Value = CutOver> {
    (1usize..4, any::<bool>(), any::<bool>()).prop_map(|(components, copies, durable)| {
        let mut cut_over = short();
        let gate = cut_over.gates[0].clone();
        cut_over.gates.clear();
        for side in [&mut cut_over.from, &mut cut_over.to] {
            let probe = side.probes[0].clone();
            side.probes.clear();
            side.units = (0..components)
                .map(|n| format!("app{n}@{}.service", side.colour.name()))
                .collect();
            for unit in &side.units {
                let mut probe = probe.clone();
                if let homeport_engine::probe::Check::UnitActive { unit: asked, .. } =
                    &mut probe.check
                {
                    asked.clone_from(unit);
                }
                side.probes.push(probe);
            }
        }
        for n in 0..components {
            let mut gate = gate.clone();
            gate.control = format!("/run/homeport/gate/{n}.control");
            cut_over.gates.push(gate);
        }
        if !copies {
            cut_over.generation.clear();
            cut_over.durable.clear();
        } else if durable {
            let again = cut_over.durable.clone();
            cut_over.durable.extend(again);
        }
        cut_over
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn any_cut_over_killed_anywhere_ends_before_or_after(
        cut_over in any_cut_over(),
        at in 0u64..60,
        mode in prop::sample::select(Mode::ALL.to_vec()),
    ) {
        let plans = checked(&update(&cut_over)).expect("the plan is sound");
        let (start, script) = (serving(&cut_over), script());
        let matrix = Matrix { start: &start, plans: &plans, script: &script, stays: &[], again: 1 };
        if let Err(why) = matrix.one_of(at, mode) {
            prop_assert!(false, "{}", why);
        }
    }
}
