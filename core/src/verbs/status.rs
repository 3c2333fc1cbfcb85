//! How an instance is, in two calls of the host: one finds it, one asks it everything.

use homeport_engine::report::Report as Looked;
use homeport_engine::run::unix_now;
use homeport_plugin_api::wire::health::{self as wire, Finding};

use crate::error::Error;
use crate::report::{Component, Disk, Health, Remark, Room, Status};
use crate::verbs::claim::{self, Doubt};
use crate::verbs::living::{Living, Told};
use crate::verbs::{Context, health, list, living, operation, parts};

/// Finds out.
pub fn status(cx: &mut Context<'_>, name: Option<&str>) -> Result<Status, Error> {
    let living = living::find(cx.target, name)?;
    living.here()?;
    let mut status = bare(&living)?;
    if living.running() {
        let told = living.told(cx.target)?;
        let mut plugins = parts::registry(cx.program)?;
        let in_guest = ["pct", "exec", &living.guest.id, "--"]
            .map(str::to_owned)
            .into();
        let read = health::read(&mut plugins, told.probes.clone(), &told.report, in_guest)?;
        fill(&mut status, &told, &read);
        doubted(&mut status, &living, claim::inside(&living, &told));
    } else {
        status.remarks.push(stopped(&living));
    }
    doubted(&mut status, &living, living.doubt.clone());
    status.host_calls = cx.target.host_calls();
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
        components: Vec::new(),
        database: None,
        memory: None,
        disks: Vec::new(),
        certificate_until: None,
        holder: None,
        open: operation::open(&living.guest.instance)?.map(|open| open.plan.operation),
        remarks: Vec::new(),
        host_calls: 0,
    })
}

fn stopped(living: &Living) -> Remark {
    Remark {
        health: Health::Unhealthy,
        text: format!("Container {} does not run.", living.guest.id),
        remedy: vec![format!("homeport start {}", living.guest.instance)],
    }
}

fn fill(status: &mut Status, told: &Told, read: &wire::Report) {
    let looked = &told.report;
    status.version.clone_from(&told.state.version);
    status.url.clone_from(&told.state.url);
    status.overall = of(read.status);
    status.components = read
        .components
        .iter()
        .map(|component| of_component(component, told, read))
        .collect();
    status.memory = Some(room(looked.memory));
    status.disks = looked
        .disks
        .iter()
        .map(|(path, found)| Disk {
            path: path.clone(),
            room: room(*found),
        })
        .collect();
    status.certificate_until = certificate_until(told);
    status.holder = looked
        .holder
        .as_ref()
        .map(|holder| format!("{} since {}", holder.who, at(holder.since)));
    status.open = status.open.take().or_else(|| looked.open.clone());
    let errors = read
        .errors
        .iter()
        .map(|found| remark(Health::Unhealthy, found));
    let warnings = read
        .warnings
        .iter()
        .map(|found| remark(Health::Degraded, found));
    status.remarks = errors.chain(warnings).chain(unknown(looked)).collect();
}

/// When the served certificate expires: the agent saw how many seconds are left.
fn certificate_until(told: &Told) -> Option<String> {
    let is_certificate =
        |probe: &&wire::Probe| matches!(probe.check, wire::Check::Certificate { .. });
    let probe = told.probes.iter().find(is_certificate)?;
    let seen = told.report.outcomes.get(&probe.name)?.seen.as_ref()?;
    let left: u64 = seen.stdout.trim().parse().ok()?;
    Some(at(unix_now().saturating_add(left)))
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
    let finding = read
        .errors
        .iter()
        .chain(&read.warnings)
        .find(|found| found.component == component.name);
    let unit_state = || {
        unit.map(|unit| format!("{} ({})", unit.active, unit.sub))
            .unwrap_or_default()
    };
    Component {
        name: component.name.clone(),
        health: of(component.status),
        detail: finding.map_or_else(unit_state, |found| found.message.clone()),
        response_ms: component.milliseconds,
        http_status: statuses.next(),
        uptime_s: unit.map(|unit| unit.uptime_ms / 1000),
    }
}

fn remark(health: Health, found: &Finding) -> Remark {
    let remedy = Some(found.remedy.clone()).filter(|remedy| !remedy.is_empty());
    Remark {
        health,
        text: found.message.clone(),
        remedy: remedy.into_iter().collect(),
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

fn room(found: homeport_engine::report::Room) -> Room {
    Room {
        total: found.total,
        free: found.free,
    }
}

fn at(seconds: u64) -> String {
    homeport_bootstrap::utc::format(std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds))
}
