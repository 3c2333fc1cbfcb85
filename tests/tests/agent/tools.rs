//! `status`, `history` and `archive`.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;

use homeport_core::archive::{self, ABOUT, ArchiveError};
use homeport_engine::history::Summary;
use homeport_engine::probe::{Check, Probe};
use homeport_engine::recover::Outcome;
use homeport_engine::report::{Report, Spec};
use homeport_engine::stream;
use homeport_engine::wire::{Answer, Ask};

use super::plans::{everything, plan, prepare, script, shell};
use super::rig::{OPERATION, Rig};

fn spec(rig: &Rig, port: u16) -> Spec {
    let tcp = |port: u16| Probe {
        check: Check::Tcp {
            address: format!("127.0.0.1:{port}"),
        },
        deadline_ms: 200,
        interval_ms: 50,
        unit: None,
    };
    let slow = shell(rig, "sleep 0.3; echo rows").keep(100);
    Spec {
        units: Vec::new(),
        directories: vec!["/".to_owned()],
        ports: vec![port],
        probes: BTreeMap::from([("open".to_owned(), tcp(port)), ("shut".to_owned(), tcp(1))]),
        commands: (0..8)
            .map(|n| (format!("look {n}"), slow.clone()))
            .collect(),
    }
}

#[test]
fn status_tells_everything_in_one_short_call() {
    let rig = Rig::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let mut agent = rig.serve();
    agent.hand(&plan(vec![script(&rig, "touch one", "one")]));
    agent.hear_out();
    fs::write(
        rig.state().join("state.json"),
        r#"{"schema":1,"future":[7]}"#,
    )
    .expect("a file");
    let asked = serde_json::to_vec(&spec(&rig, port)).expect("JSON");
    let begun = std::time::Instant::now();
    let end = rig.run(&["status", "--spec", "-"], &asked);
    let took = begun.elapsed();
    let report: Report = serde_json::from_slice(&end.stdout).expect("a report");
    assert!(took.as_millis() < 1500, "{took:?}: not at the same time");
    assert!(report.outcomes["open"].passed && !report.outcomes["shut"].passed);
    assert!(report.outcomes["shut"].said.contains("127.0.0.1:1"));
    let look = report.outcomes["look 7"]
        .seen
        .clone()
        .expect("an observation");
    assert_eq!((look.exit, look.stdout.as_str()), (0, "rows\n"));
    assert_eq!(report.state["future"][0], 7);
    assert_eq!(report.open.as_deref(), Some(OPERATION));
    let holder = report.holder.expect("an agent is at work");
    assert_eq!(holder.who, "test@here");
    assert_eq!(holder.operation.as_deref(), Some(OPERATION));
    assert!(report.memory.total > report.memory.free && report.memory.free > 0);
    assert!(report.disks["/"].total > 0);
    let listens = (report.listeners[0].port, report.listeners[0].pid);
    assert_eq!(listens, (port, std::process::id()));
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    agent.kill();
    let end = rig.run(&["status", "--spec", "-"], b"{}");
    let report: Report = serde_json::from_slice(&end.stdout).expect("a report");
    assert_eq!(report.holder, None);
    fs::write(rig.state().join("health.json"), &asked).expect("a file");
    let kept: Report = serde_json::from_slice(&rig.run(&["status"], b"").stdout).expect("a report");
    assert!(kept.outcomes["open"].passed);
    fs::remove_file(rig.state().join("health.json")).expect("a file");
    assert!(!rig.run(&["status"], b"").status.success());
}

#[test]
fn history_tells_how_every_operation_went() {
    let rig = Rig::new();
    prepare(&rig);
    let part = everything(&rig);
    let mut agent = rig.serve();
    agent.hand(&part);
    assert_eq!(agent.hear_out().last(), Some(&Answer::Finished));
    let operation = OPERATION.to_owned();
    agent.ask(&Ask::Close { operation });
    agent.hear_out();
    fs::write(rig.state().join("journal/op-0.jsonl"), "damage\n").expect("a file");
    fs::write(rig.state().join("journal/op-2.jsonl"), "").expect("a file");
    let said = String::from_utf8(rig.run(&["history"], b"").stdout).expect("text");
    let [damaged, summary] = said.lines().collect::<Vec<_>>()[..] else {
        panic!("{said}");
    };
    assert!(damaged.contains("op-0") && damaged.contains("damaged"));
    let summary: Summary = serde_json::from_str(summary).expect("a summary");
    assert_eq!(
        (summary.verb.as_str(), summary.outcome),
        ("update", Some(Outcome::Done))
    );
    assert_eq!((summary.steps, summary.done, summary.undone), (11, 11, 0));
    assert!(summary.ended >= Some(summary.began) && !summary.committed);
}

fn about() -> BTreeMap<String, String> {
    ABOUT.map(|key| (key.to_owned(), "x".to_owned())).into()
}

#[test]
fn an_archive_of_what_the_agent_sends_proves_and_a_broken_off_stream_leaves_none() {
    let rig = Rig::new();
    fs::create_dir(rig.at("files")).expect("a directory");
    for number in 0..200 {
        fs::write(rig.at(&format!("files/{number}")), vec![b'x'; number * 97]).expect("a file");
    }
    let source = |from: &str, to: &str| stream::Source {
        from: from.to_owned(),
        to: to.to_owned(),
        optional: false,
    };
    let mut spec = stream::Spec {
        entries: vec![source(&rig.at("files"), "files")],
    };
    let send = |spec: &stream::Spec| {
        let asked = serde_json::to_vec(spec).expect("JSON");
        rig.run(&["archive"], &asked)
    };
    let sent = send(&spec);
    assert!(sent.status.success());
    let path = rig.state().with_file_name("a.tar.gz");
    let summary = archive::write(&sent.stdout[..], &path, &about()).expect("an archive");
    assert_eq!(summary.metadata.files.len(), 200);
    assert_eq!(archive::verify(&path).expect("it proves"), summary.metadata);
    spec.entries.push(source("/nonexistent/x", "x"));
    let broken = send(&spec);
    assert!(!broken.status.success());
    assert!(String::from_utf8_lossy(&broken.stderr).contains("/nonexistent/x"));
    let path = rig.state().with_file_name("b.tar.gz");
    let refused = archive::write(&broken.stdout[..], &path, &about());
    assert!(
        matches!(refused, Err(ArchiveError::Incomplete(_))),
        "{refused:?}"
    );
    assert!(!path.exists());
}

#[test]
fn what_it_does_not_know_it_refuses_with_its_usage() {
    let rig = Rig::new();
    for words in [&["fly"][..], &["serve", "--boot"], &["archive", "x"]] {
        let end = rig.run(words, b"");
        assert!(!end.status.success() && end.stdout.is_empty());
        assert!(!end.stderr.is_empty());
    }
    assert!(!rig.run(&["archive"], b"garbage").status.success());
    assert!(!rig.state().exists());
}
