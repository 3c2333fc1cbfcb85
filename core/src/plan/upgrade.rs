//! Brings what Homeport itself keeps in a guest – its agent, which is the gates' program too, and their units – to this
//! Homeport. While a gate is exchanged, requests wait in its socket.

use homeport_engine::exec::Exec;
use homeport_engine::local::unit::Unit;
use homeport_engine::op::{Op, Origin, PushFile, ServiceState};
use homeport_engine::plan::{Plan, Step, Undo};

use crate::places::guest::AGENT;
use crate::plan::power::{self, Instance};
use crate::plan::{Operation, absent, deploy, directory, registered};
use crate::state::Status;

/// Where the new agent lies, and the one that was there until the new one is proven: beside the directory of the agent,
/// so that it gets its name by a rename.
const BESIDE: &str = "/usr/local/lib/homeport-upgrade";

/// Seconds for a copy of a few megabytes.
const SHORT_S: u32 = 60;

/// Puts a copy of the first file in place of the third; the second is its name on the way.
const EXCHANGE: &str =
    r#"cp -f -T --preserve=all "$1" "$2" && sync "$2" && mv -f -T "$2" "$3" && sync "${3%/*}""#;

/// This Homeport's agent.
pub struct Agent {
    /// Its file on the host.
    pub file: String,
    /// SHA-256 of it.
    pub sha256: String,
}

/// The guest's parts are this Homeport's, and the app answers through them. `gates` are the gates' services, as seen.
pub fn upgrade(
    operation: &Operation,
    instance: &Instance<'_>,
    agent: &Agent,
    gates: &[Unit],
    first: u32,
) -> Plan {
    let (mut steps, exchange) = exchanged(operation, agent);
    // On the way back these come last: the gates are started anew once the old program and units are there again.
    steps.extend(gates.iter().map(|gate| {
        let title = format!("See that {} runs", gate.unit);
        let restart = service(gate, ServiceState::Restarted);
        Step::guest(title, service(gate, ServiceState::Running)).undone_by(restart)
    }));
    steps.extend([systemd_reads(), exchange]);
    let units = deploy::gate_units().into_iter();
    steps.extend(units.map(|step| Step {
        undo: Undo::BeforeImage,
        ..step
    }));
    steps.push(systemd_reads());
    // Requests in flight end first, new ones wait.
    let restart = |gate: &Unit| {
        let title = format!("Exchange {} while requests wait", gate.unit);
        Step {
            undo: systemd_reads().undo,
            ..Step::guest(title, service(gate, ServiceState::Restarted))
        }
    };
    steps.extend(gates.iter().map(restart));
    // It is the new agent that is asked.
    steps.extend(deploy::marks_read());
    steps.extend(power::asked(instance));
    let done = vec![
        power::written(instance, Status::Running),
        Step::guest(format!("Remove {BESIDE}"), absent(BESIDE)),
        registered(instance.registered),
    ];
    power::finish(operation, "upgrade", first, steps, done)
}

/// Both agents lie beside each other; then the one under the name is the new one and, taken back, the one that was there.
fn exchanged(operation: &Operation, agent: &Agent) -> (Vec<Step>, Step) {
    let beside = |name: &str| format!("{BESIDE}/{name}");
    let (new, before) = (beside("new"), beside("before"));
    let room = directory(BESIDE, 0o700, "root:root");
    let push = |files| Op::Push {
        guest: operation.guest.clone(),
        files,
    };
    let file = PushFile {
        from: Origin::File(agent.file.clone()),
        to: new.clone(),
        mode: 0o755,
        sha256: Some(agent.sha256.clone()),
    };
    let keep = Exec {
        creates: vec![before.clone()],
        ..Exec::root(["cp", "-T", "--preserve=all", AGENT, &before], SHORT_S)
    };
    let forget = Exec {
        destroys: vec![before.clone()],
        ..Exec::root(["rm", "-f", &before], SHORT_S)
    };
    let exchange = |from: &str| {
        let words = ["sh", "-c", EXCHANGE, "sh", from, &beside("next"), AGENT];
        Op::Exec(Exec::root(words, SHORT_S))
    };
    let both = vec![
        Step::guest(format!("Make {BESIDE}"), room).undone_by(absent(BESIDE)),
        // What was copied goes with its directory.
        Step::host("Copy the agent into it", push(vec![file])).undone_by(push(Vec::new())),
        Step::guest("Keep the agent that is there", Op::Exec(keep)).undone_by(Op::Exec(forget)),
    ];
    let step = Step::guest("Exchange the agent", exchange(&new)).undone_by(exchange(&before));
    (both, step)
}

/// Systemd knows the units as they are then, on both ways.
fn systemd_reads() -> Step {
    let read = deploy::systemd_reads();
    let back = read.op.clone();
    read.undone_by(back)
}

fn service(gate: &Unit, state: ServiceState) -> Op {
    let unit = gate.unit.clone();
    Op::Service { unit, state }
}
