//! From outcomes to a report: per component, and the worst of all.

use homeport_plugin_api::wire::health::{
    Check, ComponentStatus, Outcome, Probe, Reading, Report, Status,
};

use crate::findings::{self, Judged};

pub(crate) fn of(reading: &Reading) -> Report {
    let judged: Vec<(&Probe, Option<Judged>)> = reading
        .probes
        .iter()
        .map(|probe| {
            (
                probe,
                findings::judge(probe, outcome(reading, probe), reading),
            )
        })
        .collect();
    let components = components(reading, &judged);
    let of_status = |wanted| {
        let found = judged
            .iter()
            .filter_map(|(_, judged)| judged.as_ref())
            .filter(move |one| one.status == wanted);
        found.map(|one| one.finding.clone()).collect::<Vec<_>>()
    };
    let worst = judged
        .iter()
        .filter_map(|(_, judged)| Some(judged.as_ref()?.status))
        .max();
    Report {
        status: worst.unwrap_or(Status::Healthy),
        components,
        warnings: of_status(Status::Degraded),
        errors: of_status(Status::Unhealthy),
    }
}

fn outcome<'a>(reading: &'a Reading, probe: &Probe) -> Option<&'a Outcome> {
    reading
        .outcomes
        .iter()
        .find(|outcome| outcome.probe == probe.name)
}

/// In the order of the probes, each once.
fn components(reading: &Reading, judged: &[(&Probe, Option<Judged>)]) -> Vec<ComponentStatus> {
    let mut statuses: Vec<ComponentStatus> = Vec::new();
    for (probe, judged) in judged
        .iter()
        .filter(|(probe, _)| !probe.component.is_empty())
    {
        let index = statuses
            .iter()
            .position(|one| one.name == probe.component)
            .unwrap_or_else(|| {
                let (name, status) = (probe.component.clone(), Status::Healthy);
                statuses.push(ComponentStatus {
                    name,
                    status,
                    milliseconds: None,
                });
                statuses.len() - 1
            });
        if let Some(one) = statuses.get_mut(index) {
            one.status = one.status.max(
                judged
                    .as_ref()
                    .map_or(Status::Healthy, |judged| judged.status),
            );
            one.milliseconds = one
                .milliseconds
                .max(page_time(probe, outcome(reading, probe)));
        }
    }
    statuses
}

fn page_time(probe: &Probe, outcome: Option<&Outcome>) -> Option<u64> {
    let is_page = matches!(probe.check, Check::Http { .. });
    outcome
        .filter(|outcome| is_page && outcome.passed)
        .map(|outcome| outcome.milliseconds)
}
