//! What one outcome means and what to do about it.

use homeport_plugin_api::wire::health::{
    Address, Check, Finding, Listener, Outcome, Probe, Reading, Status,
};

use crate::remedy::{in_guest, log, restart};
use crate::{dependencies, machine, probes, unit, version};

/// What an outcome means.
#[derive(Debug)]
pub(crate) struct Meaning {
    pub(crate) status: Status,
    pub(crate) message: String,
    /// Commands and sentences, the first thing first.
    pub(crate) remedy: Vec<String>,
}

/// A finding, how bad it is, and how near to the cause: of what has one cause only the nearest is told.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) status: Status,
    pub(crate) cause: Cause,
    pub(crate) finding: Finding,
}

/// From what explains the others to what they explain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cause {
    /// The unit does not run.
    Unit,
    /// Another program has its port.
    Port,
    /// A page is not as it should be.
    Page,
    /// Nothing else follows from it.
    Own,
}

/// What `outcome` means, if it means anything. A probe without an outcome was not run: that is a failure too.
pub(crate) fn judge(probe: &Probe, outcome: Option<&Outcome>, reading: &Reading) -> Option<Judged> {
    let untried = Outcome {
        said: "it was not tried".to_owned(),
        ..Outcome::default()
    };
    let outcome = outcome.unwrap_or(&untried);
    let (cause, meaning) = match stranger(probe, outcome, reading) {
        Some(meaning) => (Cause::Port, meaning),
        None if outcome.passed => (Cause::Own, attention(probe, outcome, reading)?),
        None => failure(probe, outcome, reading),
    };
    Some(Judged {
        status: meaning.status,
        cause,
        finding: Finding {
            component: probe.component.clone(),
            message: meaning.message,
            remedy: meaning.remedy.join("\n"),
        },
    })
}

/// Another program has the port. Whatever it answers is not the component's answer.
fn stranger(probe: &Probe, outcome: &Outcome, reading: &Reading) -> Option<Meaning> {
    let (wanted, found) = (probe.listener.as_ref()?, outcome.listener.as_ref()?);
    if found.unit == *wanted {
        return None;
    }
    let pid = found.pid.to_string();
    let look = in_guest(reading, &["ps", "-o", "pid,user,lstart,args", "-p", &pid]);
    let leave = match found.unit.as_str() {
        "" => in_guest(reading, &["kill", &pid]),
        unit => in_guest(reading, &["systemctl", "stop", unit]),
    };
    Some(Meaning {
        status: Status::Unhealthy,
        message: format!(
            "{} belongs to {wanted}, but {} listens there.",
            place(&probe.check),
            named(found)
        ),
        remedy: vec![
            look,
            leave,
            in_guest(reading, &["systemctl", "restart", wanted]),
        ],
    })
}

fn named(found: &Listener) -> String {
    match (found.pid, found.unit.as_str()) {
        (0, _) => "a process that cannot be seen".to_owned(),
        (pid, "") => format!("`{}` (process {pid})", found.program),
        (pid, unit) => format!("`{}` (process {pid} of {unit})", found.program),
    }
}

fn place(check: &Check) -> &str {
    match check {
        Check::Http { address, .. } | Check::Connect { address } => match address {
            Address::Tcp(at) | Address::Tls(at) | Address::Unix(at) => at,
        },
        Check::Certificate { address, .. } => address,
        _ => "The address",
    }
}

/// A probe that failed.
fn failure(probe: &Probe, outcome: &Outcome, reading: &Reading) -> (Cause, Meaning) {
    let (component, said) = (&probe.component, &outcome.said);
    let unhealthy = |message, remedy| Meaning {
        status: Status::Unhealthy,
        message,
        remedy,
    };
    let shown = || {
        let restart = restart(reading, component);
        [log(reading, component)]
            .into_iter()
            .chain(restart)
            .collect()
    };
    match &probe.check {
        Check::Unit { unit } => (Cause::Unit, unit::down(component, unit, outcome, reading)),
        Check::Http { expect, .. } => {
            let because = version::other(probe, outcome, reading)
                .or_else(|| dependencies::lost(probe, outcome, reading));
            let plain = || {
                let message = format!(
                    "{component} does not answer {} as it should ({}): {said}.",
                    expect.path, probe.name
                );
                unhealthy(message, shown())
            };
            (Cause::Page, because.unwrap_or_else(plain))
        }
        Check::Connect { .. } => {
            let message = format!("{component} takes no connections ({}): {said}.", probe.name);
            (Cause::Page, unhealthy(message, shown()))
        }
        Check::Exec { argv, .. } => (Cause::Own, command(probe, argv, outcome, reading)),
        Check::Disk { path } => (Cause::Own, unmeasured(path, said, &["df", path], reading)),
        Check::Memory => {
            let look = ["free", "-m"];
            (Cause::Own, unmeasured("Memory", said, &look, reading))
        }
        Check::Certificate { address, .. } => {
            let message = format!("The certificate at {address} cannot be read: {said}.");
            let look = in_guest(reading, &["ss", "-ltnp"]);
            (Cause::Own, unhealthy(message, vec![look]))
        }
    }
}

/// How much there is of something could not be found out.
fn unmeasured(what: &str, said: &str, look: &[&str], reading: &Reading) -> Meaning {
    Meaning {
        status: Status::Degraded,
        message: format!("{what} cannot be measured: {said}."),
        remedy: vec![in_guest(reading, look)],
    }
}

/// A command that did not end with 0.
fn command(probe: &Probe, argv: &[String], outcome: &Outcome, reading: &Reading) -> Meaning {
    let (message, remedy) = match probes::written(argv) {
        Some(directory) => (
            format!("{} cannot write to {directory}.", probe.component),
            vec![
                in_guest(reading, &["ls", "-ld", directory]),
                in_guest(reading, &["findmnt", "-T", directory]),
                in_guest(reading, &["df", "-h", directory]),
            ],
        ),
        None => {
            let words: Vec<&str> = argv.iter().map(String::as_str).collect();
            (
                format!("{} failed: {}.", probe.name, outcome.said),
                vec![in_guest(reading, &words)],
            )
        }
    };
    Meaning {
        status: Status::Unhealthy,
        message,
        remedy,
    }
}

/// A probe that passed may still need attention.
fn attention(probe: &Probe, outcome: &Outcome, reading: &Reading) -> Option<Meaning> {
    match &probe.check {
        Check::Unit { .. } => unit::young(&probe.component, outcome, reading),
        Check::Http { .. } => version::other(probe, outcome, reading)
            .or_else(|| dependencies::lost(probe, outcome, reading)),
        check => machine::attention(check, outcome, reading),
    }
}
