//! `homeport-agent rehearse`: starts a candidate on a copy, asks it everything users would ask, and measures how long it
//! takes. Enters the candidate's private network to ask, and lets nothing else in or out.

use std::fs::{self, File};
use std::os::fd::AsFd;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use homeport_engine::local::http::Request as Wire;
use homeport_engine::local::{ensure, measure, request, unit};
use homeport_engine::op::ServiceState;
use homeport_engine::rehearsal::{Act, Asked, Interface, Report, Spec, interfaces};
use homeport_engine::run::{Fault, FaultKind};
use homeport_engine::talk::{Kept, Request};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Longest a single answer of the conversation may take.
const ANSWER: Duration = Duration::from_secs(30);

/// The only interface of a private network.
const LOOPBACK: &str = "lo";

/// Carries out an act. What goes wrong is part of the report, and leaves no unit of the rehearsal running.
pub(crate) fn run(spec: &Spec) -> Report {
    let mut report = Report::default();
    let ended = match &spec.act {
        Act::Start => start(spec, &mut report),
        Act::Talk {
            address,
            host,
            requests,
        } => enter(spec)
            .and_then(|()| talk(address, host, requests, &mut report))
            .and_then(|()| again(spec, &mut report)),
    };
    if let Err(fault) = ended {
        report.lines = match fault.lines.is_empty() {
            true => spec.units.iter().flat_map(|name| unit::log(name)).collect(),
            false => fault.lines,
        };
        report.wrong = Some(fault.why);
        let _ = stop(spec);
    }
    report
}

/// Starts the units, first to last, and waits until every probe is content.
fn start(spec: &Spec, report: &mut Report) -> Result<(), Fault> {
    let begun = Instant::now();
    for name in &spec.units {
        ensure(name, ServiceState::Running, false)?;
    }
    enter(spec)?;
    report.interfaces = closed()?;
    for probe in &spec.probes {
        measure(probe, &AtomicBool::new(false), None).result?;
    }
    report.start_ms = milliseconds(begun);
    Ok(())
}

/// This thread asks from inside the candidate's network from now on.
fn enter(spec: &Spec) -> Result<(), Fault> {
    let found = unit::show(&spec.units)?;
    let pid = found.first().map_or(0, |unit| unit.main_pid);
    let broken = |error: std::io::Error| {
        let why = format!("the candidate's network cannot be entered: {error}");
        Fault::new(FaultKind::Unhealthy, why)
    };
    let network = File::open(format!("/proc/{pid}/ns/net")).map_err(broken)?;
    move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))
        .map_err(|error| broken(error.into()))
}

/// The interfaces of the network this thread is in. Any but loopback is a way out.
fn closed() -> Result<Vec<Interface>, Fault> {
    let found = fs::read_to_string("/proc/thread-self/net/dev")
        .map(|text| interfaces(&text))
        .unwrap_or_default();
    let open = found.iter().find(|interface| interface.name != LOOPBACK);
    match open {
        None if !found.is_empty() => Ok(found),
        _ => {
            let name = open.map_or("unknown", |interface| &interface.name);
            let why =
                format!("the candidate's network is not closed: it has the interface `{name}`");
            Err(Fault::new(FaultKind::Failed, why))
        }
    }
}

fn talk(address: &str, host: &str, requests: &[Request], report: &mut Report) -> Result<(), Fault> {
    let mut kept = Kept::new();
    for one in requests {
        let begun = Instant::now();
        said(address, host, one, &mut kept).map_err(|why| {
            let why = format!("{} ({} {}): {why}", one.title, one.method, one.path);
            Fault::new(FaultKind::Unhealthy, why)
        })?;
        let title = one.title.clone();
        let ms = milliseconds(begun);
        report.asked.push(Asked { title, ms });
    }
    report.interfaces = closed()?;
    Ok(())
}

fn said(address: &str, host: &str, one: &Request, kept: &mut Kept) -> Result<(), String> {
    let sent = one.filled(kept)?;
    let wire = Wire {
        method: &one.method,
        path: &sent.path,
        headers: &sent.headers,
        body: &sent.body,
    };
    let answer = request(address, host, &wire, ANSWER)?;
    one.judge(answer.status, &answer.body, kept)
}

/// How long a stop takes, and a start with nothing left to migrate.
fn again(spec: &Spec, report: &mut Report) -> Result<(), Fault> {
    let begun = Instant::now();
    stop(spec)?;
    report.stop_ms = milliseconds(begun);
    let shown = std::mem::take(&mut report.interfaces);
    start(spec, report)?;
    report.interfaces = shown;
    stop(spec)
}

fn stop(spec: &Spec) -> Result<(), Fault> {
    for name in spec.units.iter().rev() {
        ensure(name, ServiceState::Stopped, false)?;
    }
    Ok(())
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
