//! A partner that goes away, talks nonsense, comes twice or comes from the future.

use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::thread;
use std::time::{Duration, Instant};

use homeport_engine::journal::Record;
use homeport_engine::op::Op;
use homeport_engine::plan::{Plan, Step};
use homeport_engine::run::FaultKind;
use homeport_engine::wire::{Answer, Ask, LINE_LIMIT};

use super::plans::{FIRST, committed, plan, script, shell};
use super::rig::{OPERATION, Rig, done, fault};

/// Two steps; the first takes a while.
fn slow(rig: &Rig) -> Plan {
    plan(vec![
        script(rig, "sleep 0.4 && touch one", "one"),
        script(rig, "touch two", "two"),
    ])
}

fn exists(rig: &Rig, name: &str) -> bool {
    fs::exists(rig.at(name)).expect("it can be looked at")
}

fn journalled(rig: &Rig, number: u32) -> (bool, bool) {
    let records = rig.records();
    let intent = records
        .iter()
        .any(|record| matches!(record, Record::Intent { number: n, .. } if *n == number));
    let done = records
        .iter()
        .any(|record| matches!(record, Record::Done { number: n, .. } if *n == number));
    (intent, done)
}

#[test]
fn when_its_input_ends_it_finishes_the_step_and_starts_no_other() {
    let rig = Rig::new();
    let mut agent = rig.serve();
    agent.hand(&slow(&rig));
    agent.until_started(FIRST);
    agent.hang_up();
    let heard = agent.hear_out();
    assert_eq!(done(&heard), [FIRST]);
    assert_eq!(fault(&heard).kind, FaultKind::Cancelled);
    assert!(agent.end().success());
    assert_eq!(journalled(&rig, FIRST), (true, true));
    assert_eq!(journalled(&rig, FIRST + 1), (false, false));
    assert!(exists(&rig, "one") && !exists(&rig, "two"));
}

#[test]
fn after_commit_it_does_all_it_was_given() {
    let rig = Rig::new();
    let mut agent = rig.serve();
    agent.hand(&committed(slow(&rig)));
    agent.until_started(FIRST);
    agent.hang_up();
    assert_eq!(agent.hear_out().last(), Some(&Answer::Finished));
    assert!(agent.end().success());
    assert!(exists(&rig, "two"));
}

#[test]
fn when_nobody_listens_the_step_is_finished_and_no_signal_ends_the_agent() {
    let rig = Rig::new();
    let mut agent = rig.serve();
    agent.hand(&slow(&rig));
    agent.until_started(FIRST);
    agent.from = None;
    let status = agent.end_by_itself();
    assert_eq!(status.signal(), None);
    assert_eq!(journalled(&rig, FIRST), (true, true));
    assert!(exists(&rig, "one") && !exists(&rig, "two"));
}

#[test]
fn a_second_agent_is_told_who_is_at_work_and_the_lock_falls_with_its_holder() {
    let rig = Rig::new();
    let mut first = rig.serve();
    first.hand(&slow(&rig));
    first.until_started(FIRST);
    let mut second = rig.mute();
    let heard = second.hear_out();
    let refused = fault(&heard);
    assert_eq!(refused.kind, FaultKind::Locked);
    assert!(
        refused
            .why
            .starts_with("test@here has been at work on op-1 for "),
        "{}",
        refused.why
    );
    assert!(!second.end().success());
    let recovery = rig.run(&["recover"], b"");
    assert!(recovery.status.success());
    assert!(String::from_utf8_lossy(&recovery.stdout).contains("\"under-way\""));
    first.kill();
    let third = rig.serve();
    assert_eq!(third.open.as_deref(), Some(OPERATION));
}

#[test]
fn what_a_killed_agent_was_running_is_ended_before_it_is_run_again() {
    let rig = Rig::new();
    let step = "echo begun $$ >> log && sleep 1.5 && echo ended $$ >> log";
    let part = plan(vec![script(&rig, step, "log")]);
    let mut agent = rig.serve();
    agent.hand(&part);
    agent.until_started(FIRST);
    while !exists(&rig, "log") {
        thread::sleep(Duration::from_millis(5));
    }
    agent.kill();
    let mut agent = rig.serve();
    agent.hand(&part);
    assert_eq!(agent.hear_out().last(), Some(&Answer::Finished));
    thread::sleep(Duration::from_millis(300));
    let log = fs::read_to_string(rig.at("log")).expect("a log");
    let words: Vec<&str> = log.split_whitespace().collect();
    let [begun, first, again, second, ended, third] = words[..] else {
        panic!("{log}");
    };
    assert_eq!((begun, again, ended), ("begun", "begun", "ended"));
    assert!(first != second && second == third, "{log}");
}

#[test]
fn nonsense_ends_the_conversation_with_a_reason() {
    let too_long = vec![b'x'; usize::try_from(LINE_LIMIT).expect("small") + 2];
    let nonsense: [(&[u8], &str); 5] = [
        (b"garbage\n", "not a message"),
        (b"\xff\xfe\n", "not a message"),
        (b"{\"wire\":1,\"ask\":\"dance\"}\n", "not a message"),
        (b"{\"wire\":2,\"ask\":\"dance\"}\n", "wire version 2"),
        (&too_long, "longer than"),
    ];
    for (line, why) in nonsense {
        let rig = Rig::new();
        let mut agent = rig.serve();
        // It need not read to the end what is too long.
        let _ = agent.to.as_mut().expect("a pipe").write_all(line);
        let heard = agent.hear_out();
        assert!(fault(&heard).why.contains(why), "{}", fault(&heard).why);
        assert!(!agent.end().success());
        assert!(rig.serve().end().success());
    }
}

#[test]
fn nonsense_in_the_middle_of_a_step_does_not_break_it_off() {
    let rig = Rig::new();
    let mut agent = rig.serve();
    agent.hand(&slow(&rig));
    agent.until_started(FIRST);
    agent
        .to
        .as_mut()
        .expect("a pipe")
        .write_all(b"garbage\n")
        .expect("it reads");
    assert_eq!(fault(&agent.hear_out()).kind, FaultKind::Cancelled);
    assert!(fault(&agent.hear_out()).why.contains("not a message"));
    assert!(!agent.end().success());
    assert!(exists(&rig, "one") && !exists(&rig, "two"));
}

#[test]
fn one_operation_at_a_time_and_never_a_plan_that_could_hurt() {
    let rig = Rig::new();
    let mut agent = rig.serve();
    let no_way_back = Step::guest("hurt", Op::Exec(shell(&rig, "touch hurt")));
    agent.hand(&plan(vec![no_way_back]));
    assert!(fault(&agent.hear_out()).why.contains("has no undo"));
    agent.hand(&plan(vec![script(&rig, "touch one", "one")]));
    assert_eq!(agent.hear_out().last(), Some(&Answer::Finished));
    let other = Plan {
        operation: "op-2".to_owned(),
        ..plan(vec![script(&rig, "touch two", "two")])
    };
    agent.hand(&other);
    let heard = agent.hear_out();
    assert_eq!(fault(&heard).kind, FaultKind::Locked);
    assert!(fault(&heard).why.contains("op-1 is still open"));
    let hostile = Plan {
        operation: "../../evil".to_owned(),
        ..other
    };
    agent.hand(&hostile);
    assert!(matches!(agent.hear_out()[..], [Answer::Failed { .. }]));
    assert!(!exists(&rig, "hurt") && !exists(&rig, "two"));
    let evil = rig.state().parent().expect("a parent").join("evil.jsonl");
    assert!(!evil.exists());
}

#[test]
fn asks_about_what_it_does_not_know_change_nothing() {
    let rig = Rig::new();
    let mut agent = rig.serve();
    let operation = OPERATION.to_owned();
    agent.ask(&Ask::Recover {
        operation: operation.clone(),
    });
    assert!(matches!(agent.hear_out()[..], [Answer::Resolved { .. }]));
    agent.ask(&Ask::Close { operation });
    assert!(fault(&agent.hear_out()).why.contains("does not know it"));
    assert!(agent.end().success());
    assert!(rig.records().is_empty());
}

#[test]
fn a_heartbeat_is_heard_while_a_step_runs() {
    let rig = Rig::new();
    let mut agent = rig.serve();
    agent.hand(&plan(vec![script(&rig, "sleep 5.5", "nothing")]));
    let begun = Instant::now();
    let heard = agent.hear_out();
    assert!(begun.elapsed() > Duration::from_secs(5));
    assert!(heard.contains(&Answer::Heartbeat));
    assert_eq!(heard.last(), Some(&Answer::Finished));
}
