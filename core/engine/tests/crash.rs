//! Lets everything go wrong at every record and every effect, in the recovery, too, and looks at what is left.

use std::cell::RefCell;
use std::rc::Rc;

use homeport_engine::WIRE;
use homeport_engine::exec::Exec;
use homeport_engine::op::{
    Content, GuestIdentity, Op, Origin, Power, PushFile, PutFile, ServiceState,
};
use homeport_engine::plan::{Plan, Step, Undo};
use homeport_engine::recover::Outcome;
use homeport_engine::sim::{
    Entry, Fuse, Guest, Matrix, Script, Shared, Unit, World, checked, command, small_guest,
};

fn identity() -> GuestIdentity {
    GuestIdentity {
        id: "101".to_owned(),
        instance: "todo".to_owned(),
        tag: "hp-op-1".to_owned(),
        storage: "s".to_owned(),
    }
}

fn put(path: &str, content: Content) -> Op {
    Op::PutFile(PutFile {
        path: path.to_owned(),
        mode: 0o644,
        owner: "root:root".to_owned(),
        content,
    })
}

fn text(path: &str, text: &str) -> Op {
    put(path, Content::Text(text.to_owned()))
}

fn plan(
    name: &str,
    first: u32,
    candidate: bool,
    commit_after: Option<usize>,
    steps: Vec<Step>,
) -> Plan {
    Plan {
        wire: WIRE,
        operation: "op-1".to_owned(),
        verb: name.to_owned(),
        instance: "todo".to_owned(),
        stage: format!("{name}-{first}"),
        first,
        guest: Some(identity()),
        candidate,
        owns: vec!["/var/lib/homeport".to_owned()],
        commit_after,
        steps,
    }
}

/// Two stages, a guest made and filled, steps on the host between guest steps, work after Commit on both sides.
fn install() -> Vec<Plan> {
    let spec = small_guest(identity());
    let file = |to: &str| PushFile {
        from: Origin::File("/x".to_owned()),
        to: to.to_owned(),
        mode: 0o755,
        sha256: None,
    };
    let running = Op::Service {
        unit: "app".to_owned(),
        state: ServiceState::EnabledAndRunning,
    };
    let one = vec![
        Step::host("create", Op::EnsureGuest(spec)).undone_by(Op::RemoveGuest(identity())),
        Step::host(
            "start",
            Op::Power {
                guest: identity(),
                to: Power::Running,
            },
        )
        .in_candidate(),
        Step::host(
            "push",
            Op::Push {
                guest: identity(),
                files: vec![file("/a"), file("/b")],
            },
        )
        .in_candidate(),
        Step::guest(
            "look",
            Op::Observe {
                name: "v".to_owned(),
                exec: Exec::root(["v"], 5),
            },
        ),
    ];
    let two = vec![
        Step::guest("secret", put("/etc/secret", Content::Random { length: 64 })).in_candidate(),
        Step::guest(
            "packages",
            Op::Exec(Exec::root(["apt-get", "install"], 600)),
        )
        .in_candidate(),
        Step::guest("unit", text("/etc/app.service", "[Unit]")).in_candidate(),
        Step::guest("run", running).in_candidate(),
        Step::host(
            "describe",
            Op::Describe {
                guest: identity(),
                text: "hello".to_owned(),
            },
        ),
        Step::host("registry", text("/var/lib/homeport/todo.json", "{}")),
        Step::guest("state", text("/var/lib/homeport/state.json", "{}")),
    ];
    vec![
        plan("install", 0, true, None, one),
        plan("install", 4, true, Some(4), two),
    ]
}

/// Changes an instance that lives: every way back is a before-image or an op, on both sides.
fn change() -> Vec<Plan> {
    let image = |step: Step| Step {
        undo: Undo::BeforeImage,
        ..step
    };
    let service = |state| Op::Service {
        unit: "app".to_owned(),
        state,
    };
    let mut scratch = Exec::root(["createdb", "scratch"], 60);
    scratch.creates = vec!["scratch".to_owned()];
    let mut dropped = Exec::root(["dropdb", "scratch"], 60);
    dropped.destroys = vec!["scratch".to_owned()];
    let steps = vec![
        image(Step::host(
            "registry",
            text("/var/lib/homeport/todo.json", "{new}"),
        )),
        image(Step::guest("config", text("/etc/app.conf", "new"))),
        image(Step::guest("fresh", text("/etc/fresh.conf", "new"))),
        Step::guest("scratch", Op::Exec(scratch)).undone_by(Op::Exec(dropped)),
        Step::guest("stop", service(ServiceState::Stopped))
            .undone_by(service(ServiceState::Running)),
        image(Step::host("note", text("/var/lib/homeport/note", "new"))),
        Step::guest("again", service(ServiceState::Running))
            .undone_by(service(ServiceState::Stopped)),
        Step::guest("tidy", put("/etc/old.conf", Content::Absent)),
        Step::host("last", text("/var/lib/homeport/last", "new")),
    ];
    vec![plan("change", 0, false, Some(7), steps)]
}

fn living() -> World {
    let mut guest = Guest {
        identity: Some(identity()),
        running: true,
        ..Guest::default()
    };
    let whole = |text: &str| Entry::Whole(Content::Text(text.to_owned()));
    guest.files.insert("/etc/app.conf".to_owned(), whole("old"));
    guest.files.insert("/etc/old.conf".to_owned(), whole("old"));
    let app = Unit {
        enabled: true,
        running: true,
    };
    guest.units.insert("app".to_owned(), app);
    let mut world = World::default();
    world
        .files
        .insert("/var/lib/homeport/todo.json".to_owned(), whole("{old}"));
    world.guests.insert("101".to_owned(), guest);
    world
}

fn matrix(name: &str, start: &World, plans: &[Plan]) {
    let plans = checked(plans).expect("the plan is sound");
    let script = Script::default();
    let matrix = Matrix {
        start,
        plans: &plans,
        script: &script,
        stays: &[],
        again: 1,
    };
    let tally = matrix.run().unwrap();
    println!("{name}: {tally:?}");
    for (mode, (before, after)) in &tally.ends {
        assert!(*before > 0 && *after > 0, "{mode:?}");
    }
    assert!(tally.again.0 > 0 && tally.again.1 > 0);
    assert_eq!((tally.ends.len(), tally.victims.len()), (6, 2));
}

#[test]
fn an_install_disturbed_anywhere_ends_before_or_after_and_completes_when_repeated() {
    matrix("install", &World::default(), &install());
}

#[test]
fn a_change_disturbed_anywhere_ends_before_or_after_and_completes_when_repeated() {
    matrix("change", &living(), &change());
}

#[test]
fn a_plan_that_only_looks_leaves_no_journal_open_either() {
    let look = Op::Observe {
        name: "v".to_owned(),
        exec: Exec::root(["v"], 5),
    };
    let steps = vec![Step::guest("look", look)];
    matrix("look", &living(), &[plan("look", 0, false, Some(1), steps)]);
}

#[test]
fn a_way_back_that_leads_elsewhere_is_found() {
    let mut plans = change();
    for step in &mut plans[0].steps {
        if step.title == "stop" {
            step.undo = Undo::Op(Box::new(step.op.clone()));
        }
    }
    let plans = checked(&plans).unwrap();
    let found = Matrix {
        start: &living(),
        plans: &plans,
        script: &Script::default(),
        stays: &[],
        again: 1,
    };
    let why = found.run().unwrap_err();
    assert!(why.contains("running: false"), "{why}");
}

#[test]
fn a_failing_step_is_taken_back_wherever_it_stands() {
    let script = Script {
        failing: ["apt-get install".to_owned()].into(),
        ..Script::default()
    };
    let world = Shared::default();
    let plans = checked(&install()).unwrap();
    let outcome = command(&world, &Fuse::safe(), &script, &plans).unwrap();
    assert_eq!(outcome, Outcome::RolledBack);
    assert_eq!(world.borrow().visible(), World::default());
}

#[test]
fn a_strangers_guest_with_the_same_number_is_never_touched() {
    let mut start = World::default();
    let stranger = GuestIdentity {
        tag: "theirs".to_owned(),
        ..identity()
    };
    let guest = Guest {
        identity: Some(stranger),
        running: true,
        ..Guest::default()
    };
    start.guests.insert("101".to_owned(), guest);
    let world = Rc::new(RefCell::new(start.clone()));
    let plans = checked(&install()).unwrap();
    assert!(command(&world, &Fuse::safe(), &Script::default(), &plans).is_err());
    assert_eq!(world.borrow().visible().guests, start.guests);
}
