//! How an instance is, in two calls of the host: one finds it, one asks it everything.

use homeport_bootstrap::utc;
use homeport_engine::report::{OpenCutOver, Report as Looked};
use homeport_engine::run::unix_now;
use homeport_plugin_api::wire::health::{self as wire, Finding};

use crate::error::Error;
use crate::places;
use crate::report::{Component, Cpu, Database, Dependency, Disk, Health, Remark, Room, Status};
use crate::verbs::claim::{self, Doubt};
use crate::verbs::health::{self, Looks, Seen};
use crate::verbs::last_look::{self, LastLook};
use crate::verbs::living::{Living, Told};
use crate::verbs::{Context, list, living, operation, parts};

/// Finds out. An earlier look that is not older than `max_age_s` seconds counts, too, and says how old it is.
pub fn status(cx: &mut Context<'_>, name: Option<&str>, max_age_s: u64) -> Result<Status, Error> {
    let earlier = |name: &str| fresh(LastLook::of(name)?, max_age_s);
    if let Some(found) = name.and_then(earlier) {
        return Ok(found);
    }
    let living = living::find(cx.target, name)?;
    living.here()?;
    let mut status = bare(&living)?;
    if living.running() {
        asked(cx, &living, &mut status)?;
    } else {
        status.remarks.push(stopped(&living));
    }
    doubted(&mut status, &living, living.doubt.clone());
    let last = LastLook::in_guest(&status.instance, &status.guest);
    last_look::mark_since(&mut status, last.as_ref().map(|last| &last.status));
    status.host_calls = cx.target.host_calls();
    if let Err(error) = last_look::keep(&status) {
        status.remarks.push(unkept(&error));
    }
    Ok(status)
}

/// It is not sure that this is the instance's guest: said first.
fn doubted(status: &mut Status, living: &Living, doubt: Option<Doubt>) {
    let Some(doubt) = doubt else {
        return;
    };
    if status.overall == Health::Healthy {
        status.overall = Health::Degraded;
    }
    status.remarks.insert(0, doubt.remark(living));
}

/// An earlier look, if it is young enough.
fn fresh(last: LastLook, max_age_s: u64) -> Option<Status> {
    let age_s = last.age_s();
    (max_age_s > 0 && age_s <= max_age_s).then_some(Status {
        age_s: Some(age_s),
        host_calls: 0,
        ..last.status
    })
}

/// What is known without asking the guest.
fn bare(living: &Living) -> Result<Status, Error> {
    let registered = list::registered(&living.guest.instance);
    let (version, url) =
        registered.map_or_else(Default::default, |entry| (entry.version, entry.url));
    Ok(Status {
        instance: living.guest.instance.clone(),
        app: living.app.clone(),
        version,
        guest: living.guest.id.clone(),
        node: living.seen.node.clone(),
        state: list::word(living.seen.status).to_owned(),
        url,
        overall: Health::Unhealthy,
        looked_at: utc::unix(unix_now()),
        open: operation::open(&living.guest.instance)?.map(|open| open.plan.operation),
        ..Status::default()
    })
}

fn stopped(living: &Living) -> Remark {
    Remark {
        health: Health::Unhealthy,
        text: format!("Container {} does not run.", living.guest.id),
        remedy: vec![format!("homeport start {}", living.guest.instance)],
    }
}

fn unkept(error: &std::io::Error) -> Remark {
    Remark {
        health: Health::Unknown,
        text: format!(
            "This look could not be kept, so that nobody will know since when it is so: {error}."
        ),
        remedy: vec!["df -h /var/lib/homeport".to_owned()],
    }
}

/// Asks the guest everything, and the plugins what it means.
fn asked(cx: &mut Context<'_>, living: &Living, status: &mut Status) -> Result<(), Error> {
    let told = living.told(cx.target)?;
    let mut plugins = parts::registry(cx.program)?;
    let in_guest = ["pct", "exec", &living.guest.id, "--"].map(str::to_owned);
    let read = health::read(
        &mut plugins,
        &Looks {
            probes: &told.probes,
            report: &told.report,
            in_guest: &in_guest,
            version: &told.state.version,
            instance: &living.guest.instance,
        },
    )?;
    let database = match &told.database {
        Some(asked) => asked.read(&mut plugins, &told.report, &in_guest)?,
        None => None,
    };
    status.cpu = living.seen.cpu.map(|seen| Cpu {
        cores: seen.cores,
        used_percent: seen.used_percent,
    });
    fill(status, &told, &read, database);
    doubted(status, living, claim::inside(living, &told));
    Ok(())
}

fn fill(status: &mut Status, told: &Told, read: &wire::Report, database: Option<Seen>) {
    let looked = &told.report;
    let trouble = database.as_ref().and_then(|seen| seen.trouble.clone());
    let components = read.components.iter();
    status.version.clone_from(&told.state.version);
    status.url.clone_from(&told.state.url);
    status.overall = match trouble {
        Some(_) => Health::Unhealthy,
        None => of(read.status),
    };
    status.components = components
        .map(|component| of_component(component, told, read))
        .collect();
    status.database = database.map(of_database);
    status.memory = Some(room(looked.memory));
    status.disks = looked.disks.iter().map(disk).collect();
    status.certificate_until = certificate_until(told);
    status.holder = looked
        .holder
        .as_ref()
        .map(|holder| format!("{} since {}", holder.who, utc::unix(holder.since)));
    status.open = status.open.take().or_else(|| looked.open.clone());
    status.remarks = remarks(read, trouble, looked);
    let open = looked.cut_over.as_ref();
    let open = open.map(|open| crossing(open, looked.holder.is_some(), status));
    status.remarks.extend(open);
}

/// A cut-over that is under way, or that nobody brings to its end.
fn crossing(open: &OpenCutOver, at_work: bool, status: &Status) -> Remark {
    let waiting = match (open.committed, open.held_at_ms) {
        (true, _) => "it is switched, and watched".to_owned(),
        (false, None) => "no request waits yet".to_owned(),
        (false, Some(at)) => {
            let seconds = unix_now().saturating_sub(at / 1000);
            format!("requests have waited for {seconds} s")
        }
    };
    let text = format!(
        "The cut-over from {} to {} ({}) has not ended: {waiting}.",
        open.from, open.to, open.operation
    );
    let agent = format!("pct exec {} -- {}", status.guest, places::guest::AGENT);
    Remark {
        health: Health::Degraded,
        text,
        remedy: match at_work {
            true => vec!["It ends by itself, within seconds.".to_owned()],
            false => vec![format!("{agent} recover --take-back")],
        },
    }
}

/// The worst first; what is wrong with the database before what follows from it.
fn remarks(
    read: &wire::Report,
    trouble: Option<(String, Vec<String>)>,
    looked: &Looked,
) -> Vec<Remark> {
    let database = trouble.into_iter().map(|(text, remedy)| Remark {
        health: Health::Unhealthy,
        text,
        remedy,
    });
    let errors = read
        .errors
        .iter()
        .map(|found| remark(Health::Unhealthy, found));
    let warnings = read
        .warnings
        .iter()
        .map(|found| remark(Health::Degraded, found));
    database
        .chain(errors)
        .chain(warnings)
        .chain(unknown(looked))
        .collect()
}

/// When the served certificate expires: the agent saw how many seconds are left.
fn certificate_until(told: &Told) -> Option<String> {
    let is_certificate =
        |probe: &&wire::Probe| matches!(probe.check, wire::Check::Certificate { .. });
    let probe = told.probes.iter().find(is_certificate)?;
    let seen = told.report.outcomes.get(&probe.name)?.seen.as_ref()?;
    let left: u64 = seen.stdout.trim().parse().ok()?;
    Some(utc::unix(unix_now().saturating_add(left)))
}

fn of(status: wire::Status) -> Health {
    match status {
        wire::Status::Healthy => Health::Healthy,
        wire::Status::Degraded => Health::Degraded,
        wire::Status::Unhealthy => Health::Unhealthy,
    }
}

fn of_component(component: &wire::ComponentStatus, told: &Told, read: &wire::Report) -> Component {
    let probes = told
        .probes
        .iter()
        .filter(|probe| probe.component == component.name);
    let unit = probes.clone().find_map(|probe| match &probe.check {
        wire::Check::Unit { unit } => told.report.units.iter().find(|found| found.unit == *unit),
        _ => None,
    });
    let mut statuses =
        probes.filter_map(|probe| told.report.outcomes.get(&probe.name)?.http_status);
    let mut findings = read.errors.iter().chain(&read.warnings);
    let finding = findings.find(|found| found.component == component.name);
    let unit_state = || {
        unit.map(|unit| format!("{} ({})", unit.active, unit.sub))
            .unwrap_or_default()
    };
    let uptime_s = unit.map(|unit| unit.uptime_ms / 1000).filter(|up| *up > 0);
    Component {
        name: component.name.clone(),
        health: of(component.status),
        detail: finding.map_or_else(unit_state, |found| found.message.clone()),
        response_ms: component.milliseconds,
        http_status: statuses.next(),
        uptime_s,
        uptime_start: uptime_s.map(|up| utc::unix(unix_now().saturating_sub(up))),
        version: component.version.clone(),
        since: String::new(),
        checks: component.checks.iter().map(dependency).collect(),
    }
}

fn dependency(check: &wire::Dependency) -> Dependency {
    Dependency {
        name: check.name.clone(),
        passed: check.passed,
    }
}

fn of_database(seen: Seen) -> Database {
    let (health, detail) = match seen.trouble {
        Some((trouble, _)) => (Health::Unhealthy, trouble),
        None => (Health::Healthy, "answers".to_owned()),
    };
    Database {
        component: Component {
            name: "database".to_owned(),
            health,
            detail,
            response_ms: seen.response_ms,
            ..Component::default()
        },
        size_bytes: seen.size_bytes,
        connections: seen.connections,
    }
}

fn remark(health: Health, found: &Finding) -> Remark {
    Remark {
        health,
        text: found.message.clone(),
        remedy: found.remedy.lines().map(str::to_owned).collect(),
    }
}

/// What the agent could not find out hides nothing else, and is not kept back.
fn unknown(looked: &Looked) -> impl Iterator<Item = Remark> + '_ {
    looked.errors.iter().map(|why| Remark {
        health: Health::Unknown,
        text: format!("{why}."),
        remedy: Vec::new(),
    })
}

fn disk((path, found): (&String, &homeport_engine::report::Room)) -> Disk {
    Disk {
        path: path.clone(),
        room: room(*found),
    }
}

fn room(found: homeport_engine::report::Room) -> Room {
    Room {
        total: found.total,
        free: found.free,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_over_that_has_not_ended_is_named_with_what_ends_it() {
        let status = Status {
            guest: "105".to_owned(),
            ..Status::default()
        };
        let open = |committed, held_at_ms| OpenCutOver {
            operation: "op-1".to_owned(),
            from: "2.4.0".to_owned(),
            to: "2.5.0".to_owned(),
            committed,
            held_at_ms,
        };
        let held = crossing(&open(false, Some(1_000)), false, &status);
        assert!(
            held.text
                .contains("from 2.4.0 to 2.5.0 (op-1) has not ended: requests have waited")
        );
        assert!(
            held.remedy[0].starts_with("pct exec 105 -- ")
                && held.remedy[0].ends_with("--take-back")
        );
        let watched = crossing(&open(true, Some(1_000)), true, &status);
        assert!(watched.text.ends_with("it is switched, and watched."));
        assert_eq!(watched.remedy, ["It ends by itself, within seconds."]);
    }
}
