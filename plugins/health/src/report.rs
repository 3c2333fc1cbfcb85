//! From outcomes to a report: per component, and the worst of all.

use homeport_plugin_api::wire::health::{
    Check, ComponentStatus, Dependency, Finding, Outcome, Probe, Reading, Report, Status,
};

use crate::findings::{self, Cause, Judged};
use crate::{dependencies, probes, version};

/// A probe, how it ended, and what that means.
struct Case<'a> {
    probe: &'a Probe,
    outcome: Option<&'a Outcome>,
    judged: Option<Judged>,
}

pub(crate) fn of(reading: &Reading) -> Report {
    let case = |probe| {
        let outcome = outcome(reading, probe);
        Case {
            probe,
            outcome,
            judged: findings::judge(probe, outcome, reading),
        }
    };
    let cases: Vec<Case<'_>> = reading.probes.iter().map(case).collect();
    let worst = cases
        .iter()
        .filter_map(|case| Some(case.judged.as_ref()?.status))
        .max();
    Report {
        status: worst.unwrap_or(Status::Healthy),
        components: components(&cases),
        warnings: told(&cases, Status::Degraded),
        errors: told(&cases, Status::Unhealthy),
    }
}

fn outcome<'a>(reading: &'a Reading, probe: &Probe) -> Option<&'a Outcome> {
    reading
        .outcomes
        .iter()
        .find(|outcome| outcome.probe == probe.name)
}

/// The findings of one kind. Of those of a component that have one cause, only the nearest to it is told.
fn told(cases: &[Case<'_>], wanted: Status) -> Vec<Finding> {
    let judged: Vec<&Judged> = cases
        .iter()
        .filter_map(|case| case.judged.as_ref())
        .collect();
    let news = |(index, one): (usize, &&Judged)| {
        let explained = judged.iter().any(|other| explains(other, one));
        let repeated = judged.iter().take(index).any(|other| repeats(one, other));
        (one.status == wanted && !explained && !repeated).then(|| one.finding.clone())
    };
    judged.iter().enumerate().filter_map(news).collect()
}

fn explains(one: &Judged, other: &Judged) -> bool {
    one.finding.component == other.finding.component
        && one.cause < other.cause
        && other.cause != Cause::Own
}

fn repeats(one: &Judged, earlier: &Judged) -> bool {
    let cause = one.cause == earlier.cause && one.cause != Cause::Own;
    one.finding.component == earlier.finding.component
        && (cause || one.finding.message == earlier.finding.message)
}

/// In the order of the probes, each once.
fn components(cases: &[Case<'_>]) -> Vec<ComponentStatus> {
    let mut statuses: Vec<ComponentStatus> = Vec::new();
    for case in cases.iter().filter(|case| !case.probe.component.is_empty()) {
        let name = &case.probe.component;
        match statuses.iter_mut().find(|one| one.name == *name) {
            Some(status) => add(status, case),
            None => {
                let mut status = ComponentStatus {
                    name: name.clone(),
                    ..ComponentStatus::default()
                };
                add(&mut status, case);
                statuses.push(status);
            }
        }
    }
    statuses
}

/// What one case tells of its component.
fn add(to: &mut ComponentStatus, case: &Case<'_>) {
    if let Some(judged) = &case.judged {
        to.status = to.status.max(judged.status);
    }
    let Some(outcome) = case.outcome else { return };
    let is_page = matches!(case.probe.check, Check::Http { .. });
    if is_page && outcome.passed {
        to.milliseconds = to.milliseconds.max(Some(outcome.milliseconds));
    }
    if to.version.is_none() {
        to.version = version::told(case.probe, outcome).map(str::to_owned);
    }
    for check in dependencies_of(case.probe, outcome) {
        if !to.checks.contains(&check) {
            to.checks.push(check);
        }
    }
}

fn dependencies_of(probe: &Probe, outcome: &Outcome) -> Vec<Dependency> {
    match &probe.check {
        Check::Http { .. } => dependencies::told(outcome),
        Check::Exec { argv, .. } => probes::written(argv)
            .map(|directory| Dependency {
                name: directory.to_owned(),
                passed: outcome.passed,
            })
            .into_iter()
            .collect(),
        _ => Vec::new(),
    }
}
