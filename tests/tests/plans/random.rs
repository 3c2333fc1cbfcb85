//! Any small plan that passes the check ends before or after, whatever goes wrong in it: orders, repetitions and
//! mixtures of places that no verb has – yet.

use std::collections::BTreeMap;

use homeport_engine::WIRE;
use homeport_engine::exec::Exec;
use homeport_engine::op::{Content, GuestIdentity, Op, Power, PutFile, ServiceState};
use homeport_engine::plan::{Place, Plan, Step, Undo};
use homeport_engine::sim::{Entry, Guest, Matrix, Script, Unit, World, checked, small_guest};
use proptest::prelude::*;

/// Something a plan may do. Numbers choose among few names, so that steps meet at the same things.
#[derive(Debug, Clone)]
enum Deed {
    Write(Place, u8, String),
    Remove(Place, u8),
    Service(u8, ServiceState),
    Make,
    Look,
}

fn deed() -> impl Strategy<Value = Deed> {
    let place = || prop_oneof![Just(Place::Host), Just(Place::Guest)];
    let state = prop_oneof![
        Just(ServiceState::EnabledAndRunning),
        Just(ServiceState::DisabledAndStopped),
        Just(ServiceState::Restarted),
    ];
    prop_oneof![
        (place(), 0..3u8, "[a-z]{1,3}")
            .prop_map(|(place, name, text)| Deed::Write(place, name, text)),
        (place(), 0..3u8).prop_map(|(place, name)| Deed::Remove(place, name)),
        (0..2u8, state).prop_map(|(unit, state)| Deed::Service(unit, state)),
        Just(Deed::Make),
        Just(Deed::Look),
    ]
}

fn identity() -> GuestIdentity {
    GuestIdentity {
        id: "101".to_owned(),
        instance: "tasks".to_owned(),
        tag: "t".to_owned(),
        storage: "s".to_owned(),
    }
}

/// Writes a plan down, keeping in mind what each unit does, as who plans a way back must.
struct Author {
    candidate: bool,
    units: BTreeMap<String, bool>,
    steps: Vec<Step>,
}

impl Author {
    fn add(&mut self, deed: &Deed, committed: bool) {
        let number = self.steps.len();
        let (place, op, undo) = match deed {
            Deed::Write(place, name, text) => (
                *place,
                file(*name, Content::Text(text.clone())),
                Undo::BeforeImage,
            ),
            // What was there is destroyed after Commit only.
            Deed::Remove(..) if !committed && !self.candidate => return,
            Deed::Remove(Place::Host, _) if !committed => return,
            Deed::Remove(place, name) => (*place, file(*name, Content::Absent), Undo::Nothing),
            Deed::Service(unit, state) => {
                let unit = format!("u{unit}");
                let (on, off) = (
                    ServiceState::EnabledAndRunning,
                    ServiceState::DisabledAndStopped,
                );
                let ran = self.units.get(&unit) == Some(&true);
                // What would not survive a boot is no state to end in.
                let state = if *state == ServiceState::Restarted && !ran {
                    on
                } else {
                    *state
                };
                self.units.insert(unit.clone(), state != off);
                let undo = Op::Service {
                    unit: unit.clone(),
                    state: if ran { on } else { off },
                };
                (
                    Place::Guest,
                    Op::Service { unit, state },
                    Undo::Op(Box::new(undo)),
                )
            }
            Deed::Make => {
                let name = format!("h{number}");
                let mut make = Exec::root(["make", &name], 5);
                make.creates = vec![name.clone()];
                let mut unmake = Exec::root(["unmake", &name], 5);
                unmake.destroys = vec![name];
                (
                    Place::Guest,
                    Op::Exec(make),
                    Undo::Op(Box::new(Op::Exec(unmake))),
                )
            }
            Deed::Look => {
                let (name, exec) = (format!("o{number}"), Exec::root(["look"], 5));
                (Place::Guest, Op::Observe { name, exec }, Undo::Nothing)
            }
        };
        let undo = match place {
            _ if committed || op.only_reads() => Undo::Nothing,
            Place::Guest if self.candidate => Undo::Candidate,
            _ => undo,
        };
        self.steps.push(Step {
            title: format!("{deed:?}"),
            place,
            op,
            undo,
        });
    }
}

fn file(name: u8, content: Content) -> Op {
    let path = format!("/var/lib/homeport/f{name}");
    Op::PutFile(PutFile {
        path,
        mode: 0o644,
        owner: "root:root".to_owned(),
        content,
    })
}

/// The steps that make the candidate.
fn candidate() -> Vec<Step> {
    let spec = small_guest(identity());
    let on = Op::Power {
        guest: identity(),
        to: Power::Running,
    };
    vec![
        Step::host("create", Op::EnsureGuest(spec)).undone_by(Op::RemoveGuest(identity())),
        Step::host("start", on).in_candidate(),
    ]
}

/// Two stages; the second one commits.
fn plans(candidate_guest: bool, before: &[Deed], after: &[Deed], cut: usize) -> Vec<Plan> {
    let steps = if candidate_guest {
        candidate()
    } else {
        Vec::new()
    };
    let units = [
        ("u0".to_owned(), !candidate_guest),
        ("u1".to_owned(), false),
    ]
    .into();
    let mut author = Author {
        candidate: candidate_guest,
        units,
        steps,
    };
    before.iter().for_each(|deed| author.add(deed, false));
    let commit = author.steps.len();
    after.iter().for_each(|deed| author.add(deed, true));
    let cut = cut.min(commit);
    let second = author.steps.split_off(cut);
    let stage = |stage: &str, first: usize, commit_after, steps| Plan {
        wire: WIRE,
        operation: "op".to_owned(),
        verb: "random".to_owned(),
        instance: "tasks".to_owned(),
        stage: stage.to_owned(),
        first: u32::try_from(first).unwrap(),
        guest: Some(identity()),
        candidate: candidate_guest,
        owns: vec!["/var/lib/homeport".to_owned()],
        commit_after,
        steps,
    };
    vec![
        stage("one", 0, None, author.steps),
        stage("two", cut, Some(commit - cut), second),
    ]
}

/// Some files, and – unless it is to be made – a guest with one unit that runs and one that does not.
fn world(candidate_guest: bool) -> World {
    let mut world = World::default();
    let old = |name: &str| {
        (
            format!("/var/lib/homeport/{name}"),
            Entry::Whole(Content::Text("old".to_owned())),
        )
    };
    world.files.extend([old("f0")]);
    if !candidate_guest {
        let unit = |on| Unit {
            enabled: on,
            running: on,
        };
        let guest = Guest {
            identity: Some(identity()),
            running: true,
            files: [old("f0"), old("f1")].into(),
            units: [
                ("u0".to_owned(), unit(true)),
                ("u1".to_owned(), unit(false)),
            ]
            .into(),
            ..Guest::default()
        };
        world.guests.insert("101".to_owned(), guest);
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_random_plan_ends_before_or_after(
        candidate in any::<bool>(),
        before in prop::collection::vec(deed(), 1..5),
        after in prop::collection::vec(deed(), 0..3),
        cut in 0..4usize,
    ) {
        let plans = checked(&plans(candidate, &before, &after, cut)).expect("the plan is sound");
        let matrix = Matrix {
            start: &world(candidate),
            plans: &plans,
            script: &Script::default(),
            stays: &[],
            again: 3,
        };
        prop_assert!(matrix.run().is_ok(), "{}", matrix.run().unwrap_err());
    }
}
