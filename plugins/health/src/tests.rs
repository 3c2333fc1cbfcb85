//! What is tried, and what people are told.

use std::collections::BTreeMap;

use homeport_plugin_api::{
    Health,
    wire::health::{
        Address, Body, Component, Expect, Machine, Outcome, Probe, Probes, Reading, Report, Status,
        Way,
    },
};
use serde_json::json;

use crate::Standard;

fn asked() -> Probes {
    let way = |name: &str, address| Way {
        name: name.to_owned(),
        address,
        host: "todo.example.org".to_owned(),
    };
    let expect = |path: &str, body| Expect {
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
            },
            Component {
                name: "mcp".to_owned(),
                unit: None,
                ways: vec![way("direct", Address::Unix("/run/mcp.sock".to_owned()))],
                expects: Vec::new(),
            },
        ],
        machine: Some(Machine {
            directories: vec!["/var/lib/vikunja".to_owned()],
            certificate: Some("192.0.2.7:443".to_owned()),
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
    assert_eq!(
        report.errors[0].message,
        "backend is not running: inactive."
    );
    assert_eq!(
        report.errors[0].remedy,
        "pct exec 105 -- systemctl restart vikunja-blue.service"
    );
}

#[test]
fn a_probe_that_was_not_run_has_failed() {
    let report = report(|outcome| (outcome.probe != "mcp direct").then_some(()));
    assert_eq!(report.components[1].status, Status::Unhealthy);
    assert_eq!(
        report.errors[0].message,
        "mcp takes no connections (mcp direct): it was not tried."
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

#[test]
fn what_people_are_told() {
    let report = report(|outcome| {
        match outcome.probe.as_str() {
            "backend proxy /api/v1/info" => {
                outcome.passed = false;
                outcome.said = "/version is \"v2.4.0\"".to_owned();
            }
            "disk /var/lib/vikunja" => _ = outcome.figures.insert("free".to_owned(), 5 << 30),
            "memory" => _ = outcome.figures.insert("available".to_owned(), 1 << 20),
            "certificate 192.0.2.7:443" => {
                _ = outcome.figures.insert("expires_in".to_owned(), 86_400)
            }
            _ => {}
        }
        Some(())
    });
    insta::assert_snapshot!(serde_json::to_string_pretty(&report).unwrap());
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
