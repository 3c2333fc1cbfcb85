//! The agent through `pct exec`: handed over to, cut off, asked again.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use homeport_core::places::guest::AGENT;
use homeport_core::target::Target;
use homeport_core::target::proxmox::Proxmox;
use homeport_engine::WIRE;
use homeport_engine::exec::Exec;
use homeport_engine::op::{Op, Origin, Power, PushFile};
use homeport_engine::plan::{Plan, Step};
use homeport_engine::require::Observations;
use homeport_engine::run::{Executor, Fault, FaultKind};
use rustix::process::{Pid, Signal, kill_process};

use crate::lab::{Mine, done, proxmox};

pub fn with_agent(id: u32, target: &mut Proxmox) -> Mine {
    let mine = Mine::new(id);
    done(target, &mine.create());
    done(
        target,
        &Op::Power {
            guest: mine.guest(),
            to: Power::Running,
        },
    );
    let from = std::env::var("HOMEPORT_BIN_DIR").expect("HOMEPORT_BIN_DIR holds homeport-agent")
        + "/homeport-agent";
    let agent = PushFile {
        from: Origin::File(from),
        to: AGENT.to_owned(),
        mode: 0o755,
        sha256: None,
    };
    done(
        target,
        &Op::Push {
            guest: mine.guest(),
            files: vec![agent],
        },
    );
    mine
}

/// A part of a plan for the candidate: shell scripts.
pub fn part(mine: &Mine, first: u32, scripts: &[&str]) -> Plan {
    let step = |script: &&str| {
        Step::guest(*script, Op::Exec(Exec::root(["sh", "-c", script], 60))).in_candidate()
    };
    Plan {
        wire: WIRE,
        operation: "op-1".to_owned(),
        verb: "install".to_owned(),
        instance: mine.spec.identity.instance.clone(),
        stage: "test".to_owned(),
        first,
        guest: Some(mine.guest()),
        candidate: true,
        owns: Vec::new(),
        commit_after: None,
        steps: scripts.iter().map(step).collect(),
    }
}

fn hand_over(
    target: &mut Proxmox,
    part: Plan,
    begun: &mut dyn FnMut(),
) -> (Result<(), Fault>, Vec<u32>) {
    let mut done = Vec::new();
    let mut note = |number, _| {
        done.push(number);
        Ok(())
    };
    let mut tell = |event| {
        if matches!(event, homeport_engine::event::Event::Started { .. }) {
            begun();
        }
    };
    let result = target.hand_over(part, &Observations::new(), &mut tell, &mut note);
    (result, done)
}

fn file_is(target: &mut Proxmox, mine: &Mine, path: &str) -> bool {
    target
        .ask_guest(
            &mine.guest(),
            &[
                "sh",
                "-c",
                &format!("test -e {path} && echo yes || echo no"),
            ],
            b"",
        )
        .unwrap()
        == "yes\n"
}

/// The `pct exec` of a container's agent, seen from the host.
fn client(id: u32) -> Option<u32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let is_client = |path: &Path| {
        let line = std::fs::read(path.join("cmdline")).unwrap_or_default();
        let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
        words
            .first()
            .is_some_and(|word| word.ends_with(b"lxc-attach"))
            && words.contains(&id.to_string().as_bytes())
            && words.contains(&&b"serve"[..])
    };
    let mut found: Vec<u32> = processes
        .filter(|entry| is_client(&entry.path()))
        .filter_map(|entry| entry.file_name().to_string_lossy().parse().ok())
        .collect();
    found.sort_unstable();
    found.first().copied()
}

#[test]
fn all_steps_of_an_operation_take_one_call() {
    let mut target = proxmox();
    let mine = with_agent(9531, &mut target);
    let before = target.host_calls();
    for first in [0, 2, 4] {
        let steps = part(&mine, first, &["true", "touch /root/x"]);
        let (result, done) = hand_over(&mut target, steps, &mut || {});
        result.unwrap();
        assert_eq!(done, [first, first + 1]);
    }
    target.close(&part(&mine, 0, &[])).unwrap();
    assert_eq!(target.host_calls() - before, 1);
    assert!(client(mine.id).is_none());
    let wrong = Plan {
        operation: "op-2".to_owned(),
        ..part(&mine, 0, &["true", "echo wrong >&2; false"])
    };
    let (result, done) = hand_over(&mut target, wrong.clone(), &mut || {});
    let fault = result.unwrap_err();
    assert!(fault.lines.concat().contains("wrong"), "{fault:?}");
    assert_eq!(done, [0]);
    target.recover_guest(&wrong, &mut |_| {}).unwrap();
    assert_eq!(target.host_calls() - before, 2);
}

#[test]
fn rule_8_a_killed_client_disturbs_nobody() {
    let mut target = proxmox();
    let mine = with_agent(9532, &mut target);
    let mut killed = false;
    let mut kill = || {
        if !std::mem::replace(&mut killed, true) {
            let client = client(mine.id).expect("the agent's client");
            let client = Pid::from_raw(client.cast_signed()).unwrap();
            kill_process(client, Signal::KILL).unwrap();
        }
    };
    let steps = part(&mine, 0, &["sleep 1; touch /root/one", "touch /root/two"]);
    let (result, done) = hand_over(&mut target, steps, &mut kill);
    result.unwrap();
    assert!(killed);
    assert_eq!(done, [0, 1]);
    assert!(file_is(&mut target, &mine, "/root/two"));
}

/// The variable that makes this program the Homeport that is killed.
const VICTIM: &str = "HOMEPORT_TEST_VICTIM";

#[test]
fn rule_8_a_killed_homeport_leaves_the_agent_to_finish_its_step_and_begin_no_other() {
    let mut target = proxmox();
    if std::env::var_os(VICTIM).is_some() {
        let mine = Mine::standing(9535);
        let steps = part(
            &mine,
            0,
            &["sleep 2; touch /root/finished", "touch /root/begun"],
        );
        let (result, _) = hand_over(&mut target, steps, &mut || println!("begun"));
        println!("not killed: {result:?}");
        return;
    }
    let mine = with_agent(9535, &mut target);
    let name =
        "agent::rule_8_a_killed_homeport_leaves_the_agent_to_finish_its_step_and_begin_no_other";
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(VICTIM, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(victim.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let said: Vec<String> = lines
        .by_ref()
        .take_while(|line| !line.contains("begun"))
        .collect();
    assert!(
        !said.iter().any(|line| line.contains("not killed")),
        "{said:?}"
    );
    victim.kill().unwrap();
    victim.wait().unwrap();
    assert!(!file_is(&mut target, &mine, "/root/finished"));
    thread::sleep(Duration::from_millis(3000));
    assert!(file_is(&mut target, &mine, "/root/finished"));
    assert!(!file_is(&mut target, &mine, "/root/begun"));
    target
        .recover_guest(&part(&mine, 0, &[]), &mut |_| {})
        .unwrap();
}

#[test]
fn a_wish_to_stop_lets_the_step_finish_and_recovery_is_not_disturbed_by_it() {
    let mut maker = proxmox();
    let mine = with_agent(9533, &mut maker);
    let stop = Arc::new(AtomicBool::new(false));
    let mut target = Proxmox::new(stop.clone());
    let since = Instant::now();
    let steps = part(
        &mine,
        0,
        &["sleep 1; touch /root/finished", "touch /root/begun"],
    );
    let (result, done) = hand_over(&mut target, steps, &mut || {
        stop.store(true, Ordering::SeqCst)
    });
    assert_eq!(result.unwrap_err().kind, FaultKind::Cancelled);
    assert!(since.elapsed() < Duration::from_secs(10));
    assert_eq!(done, [0]);
    target
        .recover_guest(&part(&mine, 0, &[]), &mut |_| {})
        .unwrap();
    assert!(file_is(&mut maker, &mine, "/root/finished"));
    assert!(!file_is(&mut maker, &mine, "/root/begun"));
    target.undo(&Op::RemoveGuest(mine.guest()), None).unwrap();
    assert_eq!(mine.remains(), [""; 0]);
}

#[test]
fn a_container_that_does_not_run_is_named() {
    let mut target = proxmox();
    let mine = Mine::new(9534);
    done(&mut target, &mine.create());
    let fault = hand_over(&mut target, part(&mine, 0, &["true"]), &mut || {})
        .0
        .unwrap_err();
    assert!(fault.why.contains("not running"), "{fault}");
    assert!(
        fault.remedy.concat().contains("pct status 9534"),
        "{fault:?}"
    );
}
