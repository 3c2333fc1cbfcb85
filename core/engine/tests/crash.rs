//! Kills the processes at every record and every effect, their recovery, too, and looks at what is left.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::atomic::AtomicBool;

use homeport_engine::WIRE;
use homeport_engine::check::check;
use homeport_engine::exec::Exec;
use homeport_engine::op::{
    Content, GuestIdentity, GuestNetwork, GuestSpec, Op, Power, PushFile, PutFile, ServiceState,
};
use homeport_engine::plan::{Plan, Step, Undo};
use homeport_engine::recover::{Outcome, Standing, close, resolve};
use homeport_engine::run::{RunError, stage};
use homeport_engine::sim::{Fuse, Guest, Mode, Script, Shared, Sim, Victim, World, open_journal};

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
    let spec = GuestSpec {
        identity: identity(),
        hostname: "todo".to_owned(),
        template: "t".to_owned(),
        disk_gb: 4,
        cores: 1,
        memory_mb: 512,
        swap_mb: 0,
        network: GuestNetwork {
            bridge: "vmbr0".to_owned(),
            address: "10.0.0.2/24".to_owned(),
            gateway: None,
            nameservers: Vec::new(),
        },
        tags: Vec::new(),
    };
    let file = |to: &str| PushFile {
        from: "/x".to_owned(),
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
    let whole = |text: &str| homeport_engine::sim::Entry::Whole(Content::Text(text.to_owned()));
    guest.files.insert("/etc/app.conf".to_owned(), whole("old"));
    guest.files.insert("/etc/old.conf".to_owned(), whole("old"));
    guest
        .services
        .insert("app".to_owned(), ServiceState::Running);
    let mut world = World::default();
    world
        .files
        .insert("/var/lib/homeport/todo.json".to_owned(), whole("{old}"));
    world.guests.insert("101".to_owned(), guest);
    world
}

/// One run of the command: an open journal is resolved first, then – unless it was committed – the plans run.
fn command(
    world: &Shared,
    fuse: &Fuse,
    script: &Script,
    plans: &[Plan],
) -> Result<Outcome, RunError> {
    let mut sim = Sim::new(world, fuse, script);
    let mut journal = open_journal(world, fuse, Victim::Host, "host")?;
    let quiet = &mut |_| {};
    if !journal.records().is_empty() && resolve(&mut journal, &mut sim, quiet)? == Outcome::Done {
        return Ok(Outcome::Done);
    }
    world.borrow_mut().journals.remove("host");
    world.borrow_mut().journals.remove("101");
    let mut journal = open_journal(world, fuse, Victim::Host, "host")?;
    for plan in plans {
        let checked =
            check(plan.clone(), &Standing::of(&journal)?.known()).expect("the plan is sound");
        stage(
            &mut journal,
            &mut sim,
            &checked,
            "1",
            &AtomicBool::new(false),
            quiet,
        )?;
    }
    close(&mut journal, &mut sim, Outcome::Done)?;
    Ok(Outcome::Done)
}

fn recover(world: &Shared, fuse: &Fuse, script: &Script) -> Result<Outcome, RunError> {
    let mut journal = open_journal(world, fuse, Victim::Host, "host")?;
    resolve(
        &mut journal,
        &mut Sim::new(world, fuse, script),
        &mut |_| {},
    )
}

/// The world without the journals and without marks of commands that ran inside: what a user would see.
fn visible(world: &Shared) -> World {
    let mut world = world.borrow().clone();
    world.journals.clear();
    for guest in world.guests.values_mut() {
        guest.files.retain(|path, _| !path.starts_with("ran: "));
    }
    world
}

fn share(world: &World) -> Shared {
    Rc::new(RefCell::new(world.clone()))
}

struct Table {
    killed: u64,
    before: u64,
    after: u64,
    victims: BTreeSet<Victim>,
}

/// Every point × every way to die; after each death every point of the recovery × every way to die.
fn matrix(start: &World, plans: &[Plan], script: &Script) -> Table {
    let done = share(start);
    let safe = Fuse::safe();
    command(&done, &safe, script, plans).unwrap();
    let (before, after) = (start.clone(), visible(&done));
    let mut table = Table {
        killed: 0,
        before: 0,
        after: 0,
        victims: BTreeSet::new(),
    };
    for (at, mode) in (0..safe.burnt()).flat_map(|at| Mode::ALL.map(|mode| (at, mode))) {
        let dead = share(start);
        let fuse = Fuse::at(at, mode);
        let _ = command(&dead, &fuse, script, plans);
        table.victims.extend(fuse.victim());
        assert!(fuse.victim().is_some(), "nobody died at {at}");
        let left = dead.borrow().clone();
        // Recovery alone ends exactly at before or at after – also when it is killed and made again.
        let count = Fuse::safe();
        recover(&share(&left), &count, script).unwrap();
        let recoveries = (0..=count.burnt()).flat_map(|again| Mode::ALL.map(|mode| (again, mode)));
        for (again, mode) in recoveries {
            let world = share(&left);
            let _ = recover(&world, &Fuse::at(again, mode), script);
            recover(&world, &Fuse::safe(), script).unwrap();
            table.killed += 1;
            let seen = visible(&world);
            if seen == before {
                table.before += 1;
            } else {
                assert_eq!(
                    seen, after,
                    "killed at {at} ({mode:?}), recovery at {again}"
                );
                table.after += 1;
            }
            // And the same command then completes.
            command(&world, &Fuse::safe(), script, plans).unwrap();
            assert_eq!(visible(&world), after);
        }
    }
    table
}

fn report(name: &str, table: &Table) {
    println!(
        "{name}: {} deaths, {} ended before, {} after",
        table.killed, table.before, table.after
    );
    assert!(table.before > 0 && table.after > 0 && table.victims.len() == 2);
}

#[test]
fn an_install_killed_anywhere_ends_before_or_after_and_completes_when_repeated() {
    report(
        "install",
        &matrix(&World::default(), &install(), &Script::default()),
    );
}

#[test]
fn a_change_killed_anywhere_ends_before_or_after_and_completes_when_repeated() {
    report("change", &matrix(&living(), &change(), &Script::default()));
}

#[test]
fn a_failing_step_is_taken_back_wherever_it_stands() {
    let script = Script {
        failing: ["apt-get install".to_owned()].into(),
        ..Script::default()
    };
    let world = share(&World::default());
    let failed = command(&world, &Fuse::safe(), &script, &install()).unwrap_err();
    assert!(failed.to_string().starts_with("packages: "), "{failed}");
    assert_eq!(
        recover(&world, &Fuse::safe(), &script).unwrap(),
        Outcome::RolledBack
    );
    assert_eq!(visible(&world), World::default());
}

#[test]
fn a_strangers_guest_with_the_same_number_is_never_touched() {
    let mut start = World::default();
    let stranger = GuestIdentity {
        tag: "theirs".to_owned(),
        ..identity()
    };
    start.guests.insert(
        "101".to_owned(),
        Guest {
            identity: Some(stranger),
            running: true,
            ..Guest::default()
        },
    );
    let world = share(&start);
    assert!(command(&world, &Fuse::safe(), &Script::default(), &install()).is_err());
    assert!(recover(&world, &Fuse::safe(), &Script::default()).is_err());
    assert_eq!(visible(&world).guests, start.guests);
}
