//! What is tried, and what people are told.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use homeport_plugin_api::{
    Health,
    wire::health::{
        Address, Body, Component, Expect, Listener, Machine, Outcome, Probe, Probes, Reading,
        Report, Status, Way,
    },
};
use serde_json::json;

use crate::Standard;

fn asked() -> Probes {
    let way = |name: &str, address| Way {
        name: name.to_owned(),
        address,
        host: "todo.example.org".to_owned(),
        unit: (name == "direct").then(|| "vikunja-blue.service".to_owned()),
    };
    let expect = |path: &str, body| Expect {
        post: None,
        ways: Vec::new(),
        path: path.to_owned(),
        status: 200,
        body,
    };
    let version = Body::Json {
        pointer: "/version".to_owned(),
        equals: json!("v2.5.0"),
    };
    Probes {
        components: vec![
            Component {
                name: "backend".to_owned(),
                unit: Some("vikunja-blue.service".to_owned()),
                ways: vec![
                    way("direct", Address::Tcp("127.0.0.1:3456".to_owned())),
                    way("proxy", Address::Tcp("127.0.0.1:8480".to_owned())),
                ],
                expects: vec![
                    expect("/health", Some(Body::Is("OK".to_owned()))),
                    expect("/api/v1/info", Some(version)),
                    expect("/", Some(Body::Contains("<div id=\"app\"".to_owned()))),
                ],
                user: Some("vikunja".to_owned()),
                directories: vec!["/var/lib/vikunja/files".to_owned()],
            },
            Component {
                name: "mcp".to_owned(),
                unit: None,
                ways: vec![way("socket", Address::Unix("/run/mcp.sock".to_owned()))],
                expects: Vec::new(),
                user: None,
                directories: Vec::new(),
            },
        ],
        machine: Some(Machine {
            directories: vec!["/var/lib/vikunja".to_owned()],
            certificate: Some("192.0.2.7:443".to_owned()),
            certificate_unit: Some("nginx.service".to_owned()),
            certificate_file: Some("/etc/nginx/site.pem".to_owned()),
        }),
        deadline_seconds: 10,
    }
}

fn passed(probe: &Probe) -> Outcome {
    let figures = match probe.name.split(' ').next() {
        Some("disk") => BTreeMap::from([
            ("total".to_owned(), 100 << 30),
            ("free".to_owned(), 50 << 30),
        ]),
        Some("memory") => BTreeMap::from([
            ("total".to_owned(), 2 << 30),
            ("available".to_owned(), 1 << 30),
        ]),
        Some("certificate") => BTreeMap::from([("expires_in".to_owned(), 90 * 86_400)]),
        _ => BTreeMap::new(),
    };
    Outcome {
        probe: probe.name.clone(),
        passed: true,
        milliseconds: 7,
        said: "as expected".to_owned(),
        figures,
        ..Outcome::default()
    }
}

/// All probes pass but for what `change` does to an outcome; `None` from it means the probe was not run.
fn report(change: impl Fn(&mut Outcome) -> Option<()>) -> Report {
    let probes = Standard.probes(&asked()).unwrap();
    let outcomes = probes.iter().filter_map(|probe| {
        let mut outcome = passed(probe);
        change(&mut outcome).map(|()| outcome)
    });
    let outcomes = outcomes.collect();
    let in_guest = ["pct", "exec", "105", "--"].map(str::to_owned).to_vec();
    Standard
        .report(&Reading {
            probes,
            outcomes,
            in_guest,
            version: "2.5.0".to_owned(),
            instance: "tasks".to_owned(),
        })
        .unwrap()
}

fn figures(
    name: &'static str,
    figure: &'static str,
    value: u64,
) -> impl Fn(&mut Outcome) -> Option<()> {
    move |outcome| {
        if outcome.probe.starts_with(name) {
            outcome.figures.insert(figure.to_owned(), value);
        }
        Some(())
    }
}

#[test]
fn what_is_tried() {
    let probes = Standard.probes(&asked()).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&probes).unwrap());
}

#[test]
fn a_cut_over_asks_nothing_of_the_machine() {
    let probes = Standard
        .probes(&Probes {
            machine: None,
            ..asked()
        })
        .unwrap();
    assert!(
        probes
            .iter()
            .all(|probe| !probe.component.is_empty() && probe.deadline_seconds == 10)
    );
}

#[test]
fn all_well() {
    let report = report(|_| Some(()));
    assert_eq!(report.status, Status::Healthy);
    assert!(report.errors.is_empty() && report.warnings.is_empty());
    assert_eq!(report.components[0].milliseconds, Some(7));
    assert_eq!(report.components[1].milliseconds, None);
}

#[test]
fn a_stopped_backend_is_named_with_the_command_that_restarts_it() {
    let report = report(|outcome| {
        if outcome.probe.starts_with("backend") {
            outcome.passed = false;
            outcome.said = "inactive".to_owned();
        }
        Some(())
    });
    assert_eq!(report.status, Status::Unhealthy);
    assert_eq!(
        (report.components[0].status, report.components[1].status),
        (Status::Unhealthy, Status::Healthy)
    );
    assert_eq!(report.errors[0].message, "backend is stopped: inactive.");
    assert_eq!(
        report.errors[0].remedy,
        "pct exec 105 -- systemctl restart vikunja-blue.service"
    );
}

#[test]
fn a_probe_that_was_not_run_has_failed() {
    let report = report(|outcome| (outcome.probe != "mcp socket").then_some(()));
    assert_eq!(report.components[1].status, Status::Unhealthy);
    assert_eq!(
        report.errors[0].message,
        "mcp takes no connections (mcp socket): it was not tried."
    );
}

#[test]
fn the_limits_for_disk_memory_and_certificate() {
    let disk = |percent: u64| report(figures("disk", "free", (percent << 30) + 1)).status;
    assert_eq!([disk(20), disk(19), disk(10), disk(9)], {
        use Status::{Degraded, Healthy, Unhealthy};
        [Healthy, Degraded, Degraded, Unhealthy]
    });
    let memory = |available: u64| report(figures("memory", "available", available)).status;
    assert_eq!(
        [memory((2 << 30) / 5), memory((2 << 30) / 6)],
        [Status::Healthy, Status::Degraded]
    );
    let certificate = |seconds: u64| report(figures("certificate", "expires_in", seconds)).status;
    let seen = [
        certificate(21 * 86_400),
        certificate(20 * 86_400),
        certificate(0),
    ];
    assert_eq!(seen, [Status::Healthy, Status::Degraded, Status::Unhealthy]);
}

/// A probe whose name begins so failed, and said this.
fn failed(name: &'static str, said: &'static str) -> impl Fn(&mut Outcome) -> Option<()> {
    move |outcome| {
        if outcome.probe.starts_with(name) {
            outcome.passed = false;
            outcome.said = said.to_owned();
        }
        Some(())
    }
}

/// A unit in this state, with all of its component's pages gone.
fn down(said: &'static str, restarts: u64) -> impl Fn(&mut Outcome) -> Option<()> {
    move |outcome| {
        failed("backend direct", "connection refused")(outcome);
        failed("backend unit", said)(outcome);
        figures("backend unit", "restarts", restarts)(outcome)
    }
}

/// A page that says this.
fn says(passed: bool, body: serde_json::Value) -> impl Fn(&mut Outcome) -> Option<()> {
    move |outcome| {
        if outcome.probe.ends_with("/api/v1/info") {
            (outcome.passed, outcome.body) = (passed, Some(body.clone()));
        }
        Some(())
    }
}

fn taken(unit: &'static str) -> impl Fn(&mut Outcome) -> Option<()> {
    move |outcome| {
        if outcome.probe.starts_with("backend direct") {
            failed("backend direct", "the answer has status 404 instead of 200")(outcome);
            outcome.listener = Some(Listener {
                pid: 812,
                program: "python3".to_owned(),
                unit: unit.to_owned(),
            });
        }
        Some(())
    }
}

type Change = Box<dyn Fn(&mut Outcome) -> Option<()>>;

/// Everything that can be the matter, one thing at a time.
fn matters() -> Vec<(&'static str, Change)> {
    let young = |outcome: &mut Outcome| {
        figures("backend unit", "restarts", 2)(outcome);
        figures("backend unit", "uptime_seconds", 4)(outcome)
    };
    vec![
        ("all well", Box::new(|_| Some(()))),
        ("stopped", Box::new(down("inactive (dead)", 0))),
        ("crashed", Box::new(down("failed (failed), exit-code", 0))),
        (
            "restarting",
            Box::new(down("activating (auto-restart), signal", 1)),
        ),
        (
            "crashing",
            Box::new(down("activating (auto-restart), exit-code", 7)),
        ),
        ("just restarted", Box::new(young)),
        ("busy port", Box::new(taken(""))),
        ("busy port, a unit's", Box::new(taken("other.service"))),
        (
            "old process",
            Box::new(says(false, json!({"version": "v2.4.0"}))),
        ),
        (
            "other state",
            Box::new(says(true, json!({"version": "v2.6.0"}))),
        ),
        (
            "redis lost",
            Box::new(says(false, json!({"redis": "down", "version": "v2.5.0"}))),
        ),
        (
            "page",
            Box::new(failed(
                "backend proxy /",
                "the answer has status 502 instead of 200",
            )),
        ),
        (
            "read-only",
            Box::new(failed("backend writes", "it ended with status 1")),
        ),
        (
            "socket gone",
            Box::new(|outcome| (outcome.probe != "mcp socket").then_some(())),
        ),
        ("disk at 81 %", Box::new(figures("disk", "free", 19 << 30))),
        ("disk at 91 %", Box::new(figures("disk", "free", 9 << 30))),
        (
            "memory at 85 %",
            Box::new(figures("memory", "available", (2 << 30) * 15 / 100)),
        ),
        (
            "certificate, 3 days",
            Box::new(figures("certificate", "expires_in", 3 * 86_400 - 1)),
        ),
        (
            "certificate, over",
            Box::new(figures("certificate", "expires_in", 0)),
        ),
        (
            "no certificate",
            Box::new(failed("certificate", "it ended with status 1")),
        ),
    ]
}

// FR-012
#[test]
fn every_finding_has_its_remedy() {
    let mut table = String::new();
    for (what, change) in matters() {
        let report = report(change);
        let _ = writeln!(table, "{what}: {:?}", report.status);
        for finding in report.errors.iter().chain(&report.warnings) {
            let remedy = finding.remedy.replace('\n', "\n    ");
            let _ = writeln!(table, "  {}\n    {remedy}", finding.message);
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_component_tells_its_version_and_what_it_depends_on() {
    let body = json!({"version": "v2.5.0", "redis": "connected", "checks": {"filesystem": {"status": "ok"}, "queue": 7}});
    let backend = report(says(true, body)).components.remove(0);
    assert_eq!(backend.version.as_deref(), Some("v2.5.0"));
    let checks = backend
        .checks
        .iter()
        .map(|check| (check.name.as_str(), check.passed));
    let expected = [
        ("redis", true),
        ("filesystem", true),
        ("/var/lib/vikunja/files", true),
    ];
    assert_eq!(checks.collect::<Vec<_>>(), expected);
}

#[test]
fn figures_that_make_no_sense_are_no_finding_and_no_panic() {
    for total in [0, 1, u64::MAX] {
        let report = report(move |outcome| {
            outcome
                .figures
                .values_mut()
                .for_each(|value| *value = u64::MAX);
            outcome.figures.insert("total".to_owned(), total);
            Some(())
        });
        assert_eq!(report.status, Status::Healthy);
    }
}

#[test]
fn it_keeps_the_contract() {
    homeport_plugin_api::conformance::assert_conforms(&mut homeport_plugin_api::HealthDoor(
        Standard,
    ));
}
