//! `status` on an instance with which everything goes wrong, one thing after another: it is named, with a remedy that
//! can be pasted, and the exit code says whether users are served.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::calls::Calls;
use crate::condition::{CONDITIONS, Condition};
use crate::instance::{Instance, STATE, turn};
use crate::mcp;
use crate::release::{self, bundled};
use crate::run::{Ended, call, eventually, following, homeport, inside};

/// The most calls a status may take (SC-005: at 0.7 s each it is there within two seconds).
const STATUS_CALLS: usize = 2;

// FR-012, SC-005
#[test]
fn everything_that_can_be_the_matter() {
    let _turn = turn();
    let instance = Instance::new("e2e-status", 108);
    let source = release::app().display().to_string();
    let words = instance.install(&["--source-directory", &source]);
    bundled(&words).well();
    let id = instance.id().unwrap();
    well(&instance);
    assert_eq!(inside(&id, mcp::TRACES), "");
    kept(&instance, &id);
    for condition in &CONDITIONS {
        seen(&instance, &id, condition);
    }
    since(&instance, &id);
    watched(&instance, &id);
    cheap(&instance, &id);
}

/// How it is, as a document, and the exit code.
pub fn look(instance: &Instance) -> (i32, Value) {
    let Ended { code, out, err } = homeport(&["status", instance.name, "--json"]);
    let found = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{code}: {out}\n{err}"));
    (code, found)
}

/// Everything is told of a healthy instance.
fn well(instance: &Instance) {
    let (code, found) = look(instance);
    assert_eq!(
        (code, &found["overall"]),
        (0, &"healthy".into()),
        "{found:#}"
    );
    assert_eq!(found["remarks"], Value::Array(Vec::new()));
    let backend = &found["components"][0];
    assert_eq!(
        (&backend["name"], &backend["version"]),
        (&"backend".into(), &"v2.5.0".into())
    );
    let checks = backend["checks"].as_array().unwrap();
    assert!(
        !checks.is_empty() && checks.iter().all(|check| check["passed"] == true),
        "{backend:#}"
    );
    let database = &found["database"];
    assert!(
        database["size_bytes"].as_u64().unwrap() > 4096,
        "{database:#}"
    );
    assert!(
        database["connections"].as_u64().unwrap() > 0,
        "{database:#}"
    );
    assert!(found["cpu"]["cores"].as_u64().unwrap() > 0, "{found:#}");
}

/// The last look is kept for root alone, and told with its age and never as this one.
fn kept(instance: &Instance, id: &str) {
    let path = Path::new(STATE).join(format!("health/{}.json", instance.name));
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    inside(id, "systemctl stop nginx");
    let earlier = homeport(&["status", instance.name, "--max-age=10"]).well();
    assert!(earlier.contains("ago, not now"), "{earlier}");
    let listed = homeport(&["list", "--json"]).json();
    let all = listed["instances"].as_array().unwrap();
    let ours = all
        .iter()
        .find(|one| one["instance"] == instance.name)
        .unwrap();
    assert_eq!(ours["health"], "healthy");
    assert!(ours["health_age_s"].as_u64().unwrap() < 60);
    inside(id, "systemctl start nginx");
    homeport(&["restart", instance.name]).well();
    assert!(!path.exists(), "a change has not forgotten the last look");
}

/// One thing is the matter, is named, and goes away by what is printed or by what ends it.
fn seen(instance: &Instance, id: &str, condition: &Condition) {
    condition.begin(id);
    let (code, found) = look(instance);
    let remarks = found["remarks"].as_array().unwrap();
    let says = |remark: &&Value| remark["text"].as_str().unwrap().contains(condition.says);
    let remark = remarks.iter().find(says);
    let remark = remark.unwrap_or_else(|| panic!("{}: {found:#}", condition.name));
    assert_eq!(code, condition.code, "{}: {found:#}", condition.name);
    let remedies: Vec<&str> = remark["remedy"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert!(
        remedies
            .iter()
            .any(|remedy| remedy.contains(condition.remedy)),
        "{remedies:?}"
    );
    for remark in remarks {
        assert_ne!(remark["remedy"], Value::Array(Vec::new()), "{found:#}");
    }
    condition.end(id);
    for remedy in &remedies {
        pasted(remedy);
    }
    let text = remark["text"].as_str().unwrap();
    println!(
        "table: status: {} | exit {code} | {text} | {}",
        condition.name,
        remedies.join(" ; ")
    );
    let healed = || {
        look(instance).1["remarks"]
            .as_array()
            .unwrap()
            .iter()
            .all(|remark| !says(&remark))
    };
    eventually(condition.name, 30, healed);
}

/// A command that is printed exists and can be run as it stands; sentences begin otherwise.
fn pasted(remedy: &str) {
    let (program, ours) = (
        remedy.split(' ').next().unwrap(),
        remedy.starts_with("homeport "),
    );
    if ours || program == "pct" {
        let ended = call(&[
            "bash",
            "-c",
            &format!("PATH=/usr/local/bin:$PATH; {remedy}"),
        ]);
        assert!(
            ![126, 127, 2].contains(&ended.code),
            "{remedy}: {}{}",
            ended.out,
            ended.err
        );
    }
}

/// What stays wrong is wrong since it was first seen so.
fn since(instance: &Instance, id: &str) {
    eventually("health", 90, || look(instance).1["overall"] == "healthy");
    inside(id, "systemctl stop vikunja-backend@blue");
    let (first, second) = (look(instance).1, look(instance).1);
    assert_eq!(first["since"], first["looked_at"]);
    assert_eq!(second["since"], first["looked_at"]);
    assert_eq!(second["components"][0]["since"], first["looked_at"]);
}

/// `--watch` looks again and again, a line each, and ends as the last look did.
fn watched(instance: &Instance, id: &str) {
    let (mut child, mut next) = following(&["status", instance.name, "--watch=1", "--json"]);
    assert_eq!(next()["overall"], "unhealthy");
    inside(id, "systemctl start vikunja-backend@blue");
    while next()["overall"] == "unhealthy" {}
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let ended = child.wait().unwrap();
    assert_eq!(ended.code(), Some(0), "{ended}");
}

/// Two calls of the host, whether the app runs or not; how long that takes is measured in tests/bench.
fn cheap(instance: &Instance, id: &str) {
    for (state, code) in [("running", 0), ("stopped", 10)] {
        let calls = Calls::record();
        let ended = homeport(&["status", instance.name]);
        assert_eq!(ended.code, code, "{}{}", ended.out, ended.err);
        let made = calls.so_far();
        assert!(made.len() <= STATUS_CALLS, "{made:#?}");
        println!(
            "table: status: app {state} | {} calls of the host",
            made.len()
        );
        inside(id, "systemctl stop vikunja-backend@blue");
    }
}
