//! What an instance's programs say, asked on a real guest: in order, followed, and with nothing left behind when whoever
//! reads is gone.

use std::collections::BTreeSet;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::instance::Instance;
use crate::run::{call, eventually, following, homeport, inside};

/// Everything `homeport logs` promises of an instance that runs.
pub fn told(instance: &Instance, id: &str) {
    selected(instance);
    own(instance);
    followed(instance, id, Signal::INT);
    followed(instance, id, Signal::KILL);
    left_alone(instance, id);
}

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// All parts one among the other, in the order it happened; or only those that are asked for.
fn selected(instance: &Instance) {
    let all = homeport(&["logs", instance.name, "-n", "5000", "--json"]).well();
    let all = lines(&all);
    let parts: BTreeSet<&str> = all
        .iter()
        .filter_map(|line| line["component"].as_str())
        .collect();
    assert!(
        parts.is_superset(&["agent", "backend", "gate of backend", "proxy"].into()),
        "{parts:?}"
    );
    let times: Vec<&str> = all
        .iter()
        .filter_map(|line| line["time"].as_str())
        .collect();
    assert!(times.is_sorted(), "{times:?}");
    let three = homeport(&["logs", instance.name, "-c", "backend", "-n", "3"]).well();
    assert_eq!(
        three
            .lines()
            .filter(|line| line.contains(" backend "))
            .count(),
        3,
        "{three}"
    );
    assert_eq!(
        homeport(&["logs", instance.name, "--since", "2100-01-01"]).well(),
        ""
    );
    let ended = homeport(&["logs", instance.name, "-c", "nothing"]);
    ended.refuses(
        17,
        "no `nothing`; there are backend, gate of backend, proxy, agent",
    );
    homeport(&["logs", instance.name, "--since", "yesterday"]).refuses(2, "`yesterday` is neither");
}

/// Homeport's own log, also of an instance that does not run.
fn own(instance: &Instance) {
    let words = [
        "logs",
        instance.name,
        "-c",
        "homeport",
        "-n",
        "1000000",
        "--json",
    ];
    let own = lines(&homeport(&words).well());
    assert!(
        own.iter()
            .any(|line| line["text"] == "install: done" && line["level"] == "success")
    );
    assert!(own.iter().all(|line| line["component"] == "homeport"));
}

fn readers(id: &str) -> String {
    inside(id, "pgrep -c journalctl || true").trim().to_owned()
}

/// What happens is shown while it happens; afterwards nothing reads in the guest.
fn followed(instance: &Instance, id: &str, signal: Signal) {
    let (mut child, mut next) = following(&["logs", instance.name, "-f", "-n", "1", "--json"]);
    next();
    inside(id, "systemctl restart vikunja-backend@blue");
    while next()["component"] != "backend" {}
    assert_eq!(readers(id), "1");
    kill_process(Pid::from_child(&child), signal).unwrap();
    let ended = child.wait().unwrap();
    if signal == Signal::INT {
        assert_eq!(ended.code(), Some(0), "{ended}");
    }
    eventually("the end of journalctl in the guest", 10, || {
        readers(id) == "0"
    });
}

/// A reader that has seen enough ends it.
fn left_alone(instance: &Instance, id: &str) {
    let script = format!(
        "/usr/local/bin/homeport logs {} -f -n 20 | head -n 1",
        instance.name
    );
    assert_eq!(call(&["bash", "-c", &script]).well().lines().count(), 1);
    eventually("the end of journalctl in the guest", 10, || {
        readers(id) == "0"
    });
}
