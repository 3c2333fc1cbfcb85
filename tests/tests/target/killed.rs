//! Creations killed at any moment, the whole of them or only the program that began them; afterwards nothing is left.

use std::fs;
use std::thread;
use std::time::Duration;

use homeport_engine::journal::Child;
use homeport_engine::op::Op;
use homeport_engine::process::alive;
use homeport_engine::run::Executor;
use rustix::process::{Pid, Signal, kill_process};

use crate::lab::{Mine, apply_with, proxmox};

/// A process with all it has started, directly and indirectly.
fn family(pid: u32) -> Vec<u32> {
    let mut found = vec![pid];
    let mut index = 0;
    while let Some(parent) = found.get(index).copied() {
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Ok(child) = entry.file_name().to_string_lossy().parse() else {
                continue;
            };
            let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            let of = stat
                .rsplit(')')
                .next()
                .and_then(|rest| rest.split_whitespace().nth(1)?.parse::<u32>().ok());
            if of == Some(parent) && !found.contains(&child) {
                found.push(child);
            }
        }
        index += 1;
    }
    found
}

fn kill(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// Creates, and after so many milliseconds kills whom `victims` names. What is left is taken back by another process of
/// Homeport's, which knows no more than the journal does.
fn create_killed(id: u32, after_ms: u64, victims: fn(u32) -> Vec<u32>) {
    let mine = Mine::new(id);
    let mut killer = None;
    let (result, noted) = apply_with(&mut proxmox(), &mine.create(), &mut |child: &Child| {
        let pid = child.pid;
        killer = Some(thread::spawn(move || {
            thread::sleep(Duration::from_millis(after_ms));
            victims(pid).into_iter().for_each(kill);
        }));
    });
    killer.unwrap().join().unwrap();
    let half = mine.remains();
    let child = noted.child.unwrap();
    proxmox()
        .undo(&Op::RemoveGuest(mine.guest()), Some(&child))
        .unwrap();
    println!(
        "killed after {after_ms} ms: {} things were left, creation {}",
        half.len(),
        if result.is_ok() { "done" } else { "failed" }
    );
    assert_eq!(
        mine.remains(),
        [""; 0],
        "killed after {after_ms} ms, {half:#?}"
    );
    assert!(!alive(&child).unwrap());
    proxmox()
        .undo(&Op::RemoveGuest(mine.guest()), Some(&child))
        .unwrap();
}

#[test]
fn a_creation_killed_with_all_it_started_leaves_nothing() {
    for after_ms in [1, 40, 120, 200, 350, 600, 900, 1300, 1800, 2500] {
        create_killed(9521, after_ms, family);
    }
}

#[test]
fn a_creation_whose_first_program_alone_was_killed_is_ended_and_leaves_nothing() {
    for after_ms in [60, 300, 700, 800, 900, 1000, 1150, 1300] {
        create_killed(9522, after_ms, |pid| vec![pid]);
    }
}

/// Homeport is gone, the creation goes on: whoever comes next ends it.
#[test]
fn a_creation_that_outlives_homeport_is_ended_and_leaves_nothing() {
    let mine = Mine::new(9523);
    let (tell, told) = std::sync::mpsc::channel();
    let op = mine.create();
    let maker = thread::spawn(move || {
        apply_with(&mut proxmox(), &op, &mut |child| {
            tell.send(child.clone()).unwrap()
        })
        .0
        .is_ok()
    });
    let child = told.recv().unwrap();
    thread::sleep(Duration::from_millis(400));
    proxmox()
        .undo(&Op::RemoveGuest(mine.guest()), Some(&child))
        .unwrap();
    assert_eq!(mine.remains(), [""; 0]);
    assert!(!maker.join().unwrap());
    assert!(!alive(&child).unwrap());
}
