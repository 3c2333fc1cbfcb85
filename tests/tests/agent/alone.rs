//! What the agent does by itself: at boot, and with children and secrets.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use homeport_engine::op::{Content, Op};
use homeport_engine::plan::{Plan, Step};
use homeport_engine::probe::{Check, Probe};
use homeport_engine::recover::Outcome;
use homeport_engine::wire::{Answer, Ask};

use super::plans::{FIRST, committed, image, plan, put, script, shell, text};
use super::rig::{OPERATION, Rig, fault};

/// Runs the part, then has the guest go away with its journal open.
fn interrupted(rig: &Rig, part: &Plan) {
    let mut agent = rig.serve();
    agent.hand(part);
    agent.hear_out();
    agent.kill();
}

/// The one line a recovery says.
fn recover(rig: &Rig, boot: &[&str]) -> String {
    let end = rig.run(&[&["recover"], boot].concat(), b"");
    let said = String::from_utf8_lossy(&end.stdout).into_owned();
    assert!(
        end.status.success(),
        "{}",
        String::from_utf8_lossy(&end.stderr)
    );
    said
}

#[test]
fn a_candidate_is_the_hosts_to_decide_about() {
    let rig = Rig::new();
    let step = Step::guest("make", text(&rig, "made", "x")).in_candidate();
    let part = Plan {
        candidate: true,
        ..plan(vec![step])
    };
    interrupted(&rig, &part);
    assert!(recover(&rig, &["--boot"]).contains("\"left-to-host\""));
    assert!(fs::exists(rig.at("made")).expect("it can be looked at"));
    let mut agent = rig.serve();
    assert_eq!(agent.open.as_deref(), Some(OPERATION));
    agent.hand(&part);
    assert_eq!(agent.hear_out().last(), Some(&Answer::Finished));
    let operation = OPERATION.to_owned();
    agent.ask(&Ask::Close { operation });
    assert_eq!(agent.hear_out(), [Answer::Finished]);
}

#[test]
fn a_change_of_what_lives_is_taken_back_when_asked_for_and_stays_so() {
    let rig = Rig::new();
    fs::write(rig.at("config"), "old").expect("a file");
    let before = rig.tree();
    let part = plan(vec![image(text(&rig, "config", "new"))]);
    interrupted(&rig, &part);
    let interrupted = rig.tree();
    assert_ne!(interrupted, before);
    // The host may have committed it.
    assert!(recover(&rig, &["--boot"]).contains("\"left-to-host\""));
    assert!(recover(&rig, &[]).contains("\"left-to-host\""));
    assert_eq!(rig.tree(), interrupted);
    assert!(recover(&rig, &["--take-back"]).contains("\"rolled-back\""));
    assert_eq!(rig.tree(), before);
    assert_eq!(recover(&rig, &["--boot"]), "");
    let mut agent = rig.serve();
    assert_eq!(agent.open, None);
    agent.hand(&part);
    assert!(fault(&agent.hear_out()).why.contains("taken back"));
    let operation = OPERATION.to_owned();
    agent.ask(&Ask::Recover {
        operation: operation.clone(),
    });
    let outcome = Outcome::RolledBack;
    assert_eq!(agent.hear_out(), [Answer::Resolved { outcome }]);
    agent.ask(&Ask::Close { operation });
    assert!(fault(&agent.hear_out()).why.contains("taken back"));
    assert_eq!(rig.tree(), before);
}

#[test]
fn what_must_wait_for_the_machine_is_finished_after_boot() {
    let rig = Rig::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let probe = Op::Probe(Probe {
        check: Check::Tcp {
            address: listener.local_addr().expect("an address").to_string(),
        },
        deadline_ms: 5000,
        interval_ms: 50,
        unit: None,
    });
    let part = committed(plan(vec![
        script(&rig, "sleep 5", "nothing"),
        Step::guest("probe", probe),
        Step::guest("mark", text(&rig, "mark", "x")),
    ]));
    let mut agent = rig.serve();
    agent.hand(&part);
    agent.until_started(FIRST);
    agent.kill();
    assert!(recover(&rig, &["--boot"]).contains("\"after-boot\""));
    assert!(!fs::exists(rig.at("mark")).expect("it can be looked at"));
    assert!(recover(&rig, &[]).contains("\"done\""));
    assert!(fs::exists(rig.at("mark")).expect("it can be looked at"));
}

#[test]
fn a_damaged_journal_is_named_and_nothing_is_guessed() {
    let rig = Rig::new();
    interrupted(&rig, &plan(vec![script(&rig, "touch one", "one")]));
    let path = rig.state().join("journal/op-1.jsonl");
    let whole = fs::read_to_string(&path).expect("a journal");
    fs::write(&path, whole.replacen('{', "[", 2)).expect("it is ours");
    let end = rig.run(&["recover"], b"");
    assert!(!end.status.success());
    assert!(String::from_utf8_lossy(&end.stderr).contains("is damaged in line 1"));
    let mut agent = rig.mute();
    assert!(fault(&agent.hear_out()).why.contains("is damaged"));
    assert!(fs::exists(rig.at("one")).expect("it can be looked at"));
}

#[test]
fn a_child_has_nothing_of_the_agents() {
    let rig = Rig::new();
    let look = "for n in 0 1; do readlink /proc/self/fd/$n; done; ls /proc/self/fd | wc -l; \
                grep SigIgn /proc/self/status; umask; env | grep -c HOMEPORT || true";
    let exec = Op::Observe {
        name: "fds".to_owned(),
        exec: shell(&rig, look).keep(4096),
    };
    let mut agent = rig.serve();
    agent.hand(&plan(vec![Step::guest("look", exec)]));
    let heard = agent.hear_out();
    let seen = heard.iter().find_map(|answer| match answer {
        Answer::StepDone { seen, .. } => seen.clone(),
        _ => None,
    });
    let said = seen.expect("an observation").stdout;
    let lines: Vec<&str> = said.lines().collect();
    let [stdin, stdout, count, ignored, umask, ours] = lines[..] else {
        panic!("{said}");
    };
    assert_eq!(stdin, "/dev/null");
    assert!(stdout.starts_with("pipe:"));
    // Whoever started this test may have left descriptors open; the agent adds none of its own to them.
    let bare = Command::new("/bin/sh")
        .args(["-c", "ls /proc/self/fd | wc -l"])
        .output()
        .expect("a shell");
    assert_eq!(count, String::from_utf8_lossy(&bare.stdout).trim());
    let ignored = ignored.split_whitespace().nth(1).expect("a mask");
    let mask = u64::from_str_radix(ignored, 16).expect("hexadecimal");
    assert_eq!(mask & (1 << 12), 0, "SIGPIPE is ignored");
    assert_eq!((umask, ours), ("0022", "0"));
}

#[test]
fn a_secret_stays_in_its_file() {
    let rig = Rig::new();
    let path = rig.at("key");
    let copy = put(&rig, "copy", Content::CopyOf(path.clone()));
    let part = plan(vec![
        image(put(&rig, "key", Content::Random { length: 64 })),
        image(put(&rig, "key", Content::Random { length: 64 })),
        image(copy),
    ]);
    let mut agent = rig.serve();
    agent.hand(&part);
    let heard = agent.hear_out();
    assert_eq!(heard.last(), Some(&Answer::Finished));
    let secret = fs::read_to_string(&path).expect("a secret");
    assert_eq!(
        fs::read_to_string(rig.at("copy")).ok(),
        Some(secret.clone())
    );
    let journal = fs::read_to_string(rig.state().join("journal/op-1.jsonl")).expect("a journal");
    assert!(secret.len() == 64 && !journal.contains(&secret));
    assert!(!format!("{heard:?}").contains(&secret));
}

#[test]
fn a_plan_does_not_lead_out_through_a_link() {
    let rig = Rig::new();
    fs::write(rig.at("victim"), "untouched").expect("a file");
    symlink(rig.at("victim"), rig.at("config")).expect("a link");
    let before = rig.tree();
    let part = plan(vec![image(text(&rig, "config", "mine"))]);
    interrupted(&rig, &part);
    assert_eq!(fs::read(rig.at("victim")).expect("a file"), b"untouched");
    recover(&rig, &["--take-back"]);
    assert_eq!(rig.tree(), before);
}
