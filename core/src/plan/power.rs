//! Starting, stopping and restarting an instance that is there.

use homeport_engine::local::unit::Unit;
use homeport_engine::op::{Op, Power, ServiceState};
use homeport_engine::plan::{Plan, Step};
use homeport_engine::probe::Probe;

use crate::places;
use crate::plan::{Operation, as_seen, file, registered};
use crate::state::{Registered, State, Status};

/// How long a component may take to answer after its start, milliseconds: what recipes allow for the first one.
const START_MS: u32 = 60_000;

/// What is known of the instance.
pub struct Instance<'a> {
    /// Its state as this change leaves it, beside its status.
    pub state: &'a State,
    /// What the host then remembers of it.
    pub registered: &'a Registered,
    /// Units of the app's components in service, as they were seen.
    pub units: &'a [Unit],
    /// Probes that show that the app answers.
    pub probes: &'a [Probe],
}

/// The guest is started. Taken back, it is off again.
pub fn boot(operation: &Operation) -> Plan {
    let power = |to| Op::Power {
        guest: operation.guest.clone(),
        to,
    };
    let title = format!("Start container {}", operation.guest.id);
    let step = Step::host(title, power(Power::Running)).undone_by(power(Power::Stopped));
    operation.stage("boot", 0, None, vec![step])
}

/// The app in a running guest runs and answers.
pub fn start(operation: &Operation, instance: &Instance<'_>, first: u32) -> Plan {
    finish(
        operation,
        "start",
        first,
        started(instance),
        noted(instance, Status::Running).into(),
    )
}

/// The guest is shut down; the app drains first, as its unit says.
pub fn stop(operation: &Operation, instance: &Instance<'_>) -> Plan {
    let title = format!("Shut container {} down", operation.guest.id);
    let power = Op::Power {
        guest: operation.guest.clone(),
        to: Power::Stopped,
    };
    let mut after: Vec<Step> = noted(instance, Status::Stopped).into();
    after.push(Step::host(title, power));
    finish(operation, "stop", 0, Vec::new(), after)
}

/// Every component is restarted and answers again.
pub fn restart(operation: &Operation, instance: &Instance<'_>) -> Plan {
    let mut steps = to_each(instance, "Restart", ServiceState::Restarted);
    steps.extend(asked(instance));
    finish(
        operation,
        "restart",
        0,
        steps,
        noted(instance, Status::Running).into(),
    )
}

/// Every component runs, and answers.
pub(super) fn started(instance: &Instance<'_>) -> Vec<Step> {
    let mut steps = to_each(instance, "Start", ServiceState::EnabledAndRunning);
    steps.extend(asked(instance));
    steps
}

/// Brings every unit into a state; taken back, it is as it was seen.
fn to_each(instance: &Instance<'_>, verb: &str, state: ServiceState) -> Vec<Step> {
    let step = |seen: &Unit| {
        let unit = seen.unit.clone();
        Step::guest(format!("{verb} {unit}"), Op::Service { unit, state }).undone_by(as_seen(seen))
    };
    instance.units.iter().map(step).collect()
}

pub(super) fn asked(instance: &Instance<'_>) -> Vec<Step> {
    let title = |probe: &Probe| match &probe.check {
        homeport_engine::probe::Check::Http(check) => format!("Ask for {}", check.path),
        homeport_engine::probe::Check::LogIn(log_in) => format!("Log in at {}", log_in.ask.path),
        homeport_engine::probe::Check::Listens { unit, port } => {
            format!("See that port {port} is {unit}'s")
        }
        homeport_engine::probe::Check::Tcp { address } => format!("Connect to {address}"),
        homeport_engine::probe::Check::UnitActive { unit, .. } => format!("See that {unit} runs"),
    };
    let step = |probe: &Probe| {
        let patient = Probe {
            deadline_ms: START_MS,
            interval_ms: 200,
            ..probe.clone()
        };
        Step::guest(title(probe), Op::Probe(patient))
    };
    instance.probes.iter().map(step).collect()
}

/// The guest first: a host that knows a later epoch than the guest knows that the guest was rolled back.
fn noted(instance: &Instance<'_>, status: Status) -> [Step; 2] {
    [written(instance, status), registered(instance.registered)]
}

pub(super) fn written(instance: &Instance<'_>, status: Status) -> Step {
    let state = State {
        status,
        ..instance.state.clone()
    };
    Step::guest(
        "Write down its state",
        file(places::guest::STATE, 0o644, state.to_json()),
    )
}

pub(super) fn finish(
    operation: &Operation,
    stage: &str,
    first: u32,
    before: Vec<Step>,
    after: Vec<Step>,
) -> Plan {
    let commit = Some(before.len());
    operation.stage(
        stage,
        first,
        commit,
        before.into_iter().chain(after).collect(),
    )
}
