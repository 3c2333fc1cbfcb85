//! Killed at every step and at any moment, with the recovery killed, too: what is left is the tree before or after.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use homeport_engine::plan::Plan;
use homeport_engine::recover::Outcome;
use homeport_engine::wire::{Answer, Ask};

use super::plans::{FIRST, committed, everything, prepare};
use super::rig::{OPERATION, Rig, done, random, wait};

type Tree = BTreeMap<String, String>;

fn prepared() -> Rig {
    let rig = Rig::new();
    prepare(&rig);
    rig
}

/// The tree before and after, and how long an undisturbed run takes.
fn undisturbed() -> (Tree, Tree, Duration) {
    let rig = prepared();
    let before = rig.tree();
    let plan = everything(&rig);
    let mut agent = rig.serve();
    let begun = Instant::now();
    agent.hand(&plan);
    let heard = agent.hear_out();
    assert_eq!(heard.last(), Some(&Answer::Finished));
    assert_eq!(done(&heard), (FIRST..plan.end()).collect::<Vec<_>>());
    let took = begun.elapsed();
    assert!(agent.end().success());
    (before, rig.tree(), took)
}

fn resume(rig: &Rig, plan: &Plan) {
    let mut agent = rig.serve();
    agent.hand(plan);
    let heard = agent.hear_out();
    assert_eq!(heard.last(), Some(&Answer::Finished));
    assert_eq!(done(&heard), (FIRST..plan.end()).collect::<Vec<_>>());
    let operation = OPERATION.to_owned();
    agent.ask(&Ask::Close { operation });
    assert_eq!(agent.hear_out(), [Answer::Finished]);
    assert!(agent.end().success());
}

fn take_back(rig: &Rig) {
    let mut agent = rig.serve();
    let operation = OPERATION.to_owned();
    agent.ask(&Ask::Recover { operation });
    let outcome = Outcome::RolledBack;
    assert_eq!(agent.hear_out().last(), Some(&Answer::Resolved { outcome }));
    assert!(agent.end().success());
}

#[test]
fn killed_at_every_step_the_same_part_completes_and_the_way_back_leads_back() {
    let (before, after, _) = undisturbed();
    let steps = everything(&Rig::new()).steps.len();
    for (number, back) in (FIRST..).take(steps).flat_map(|n| [(n, false), (n, true)]) {
        let rig = prepared();
        let plan = everything(&rig);
        let mut agent = rig.serve();
        agent.hand(&plan);
        agent.until_started(number);
        thread::sleep(Duration::from_micros(random(30_000)));
        agent.kill();
        if back {
            take_back(&rig);
            assert_eq!(rig.tree(), before, "back from step {number}");
        } else {
            resume(&rig, &plan);
            assert_eq!(rig.tree(), after, "on from step {number}");
        }
    }
}

#[test]
fn killed_at_any_moment_again_and_again_it_ends_before_or_after() {
    let (before, after, took) = undisturbed();
    let span = u64::try_from(took.as_micros()).expect("short");
    let moment = || Duration::from_micros(random(span));
    for round in 0..30 {
        let rig = prepared();
        let plan = everything(&rig);
        for _ in 0..random(3) + 1 {
            let mut agent = rig.serve();
            agent.hand(&plan);
            thread::sleep(moment());
            agent.kill();
        }
        if round % 2 == 0 {
            resume(&rig, &plan);
            assert_eq!(rig.tree(), after, "round {round}");
            continue;
        }
        for _ in 0..random(4) {
            let mut recovery = rig
                .command(&["recover", "--take-back"])
                .spawn()
                .expect("it starts");
            thread::sleep(moment() / 8);
            recovery.kill().expect("it is ours");
            wait(&mut recovery);
        }
        let end = rig.run(&["recover", "--take-back"], b"");
        assert!(end.status.success());
        assert_eq!(rig.tree(), before, "round {round}");
    }
}

#[test]
fn killed_after_commit_recovery_goes_forward() {
    let (_, after, took) = undisturbed();
    let span = u64::try_from(took.as_micros()).expect("short");
    for round in 0..10 {
        let rig = prepared();
        let plan = committed(everything(&rig));
        let mut agent = rig.serve();
        agent.hand(&plan);
        agent.until_started(FIRST);
        thread::sleep(Duration::from_micros(random(span)));
        agent.kill();
        let end = rig.run(&["recover"], b"");
        assert!(end.status.success());
        assert_eq!(rig.tree(), after, "round {round}");
        // The host has not heard it: it hands the same part over once more, and is told what it missed.
        resume(&rig, &plan);
        assert_eq!(rig.tree(), after, "round {round}");
    }
}
