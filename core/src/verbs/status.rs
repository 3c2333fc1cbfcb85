//! How an instance is, in two calls of the host: one finds it, one asks it everything.

use homeport_engine::report::Room;
use homeport_plugin_api::wire::health::{Report, Status as Health};
use serde::Serialize;

use crate::error::Error;
use crate::state::State;
use crate::verbs::{Context, health, list, living, operation, parts};

/// How it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// Id of the instance.
    pub instance: String,
    /// Name of its recipe.
    pub app: String,
    /// Id of its guest.
    pub guest: String,
    /// Node it lives on.
    pub node: String,
    /// What its guest does.
    pub guest_status: &'static str,
    /// Overall, `None` while its guest does not run.
    pub health: Option<Health>,
    /// What the health plugin says.
    pub report: Option<Report>,
    /// Its state as the guest keeps it.
    pub state: Option<State>,
    /// Seconds since each unit started.
    pub uptimes: Vec<(String, u64)>,
    /// Memory of the guest.
    pub memory: Option<Room>,
    /// File system of the guest.
    pub disk: Option<Room>,
    /// Operation that is under way or was left open.
    pub open: Option<String>,
    /// What could not be found out.
    pub errors: Vec<String>,
}

impl Status {
    /// Whether everything is as it should be, or at least users are served.
    pub fn serves(&self) -> bool {
        matches!(self.health, Some(Health::Healthy | Health::Degraded))
    }
}

/// Finds out.
pub fn status(cx: &mut Context<'_>, name: Option<&str>) -> Result<Status, Error> {
    let living = living::find(cx.target, name)?;
    let mut status = Status {
        instance: living.guest.instance.clone(),
        app: living.app.clone(),
        guest: living.guest.id.clone(),
        node: living.seen.node.clone(),
        guest_status: list::word(living.seen.status),
        health: None,
        report: None,
        state: None,
        uptimes: Vec::new(),
        memory: None,
        disk: None,
        open: operation::open(&living.guest.instance)?.map(|open| open.plan.operation),
        errors: Vec::new(),
    };
    living.here()?;
    if living.running() {
        ask(cx, &living, &mut status)?;
    }
    Ok(status)
}

fn ask(cx: &mut Context<'_>, living: &living::Living, status: &mut Status) -> Result<(), Error> {
    let told = living.told(cx.target)?;
    let mut plugins = parts::registry(cx.program)?;
    let in_guest = ["pct", "exec", &living.guest.id, "--"].map(str::to_owned).into();
    let report = health::read(&mut plugins, told.probes, &told.report, in_guest)?;
    status.health = Some(report.status);
    status.report = Some(report);
    status.state = Some(told.state);
    status.uptimes = told.report.units.iter().map(|unit| (unit.unit.clone(), unit.uptime_ms / 1000)).collect();
    status.memory = Some(told.report.memory);
    status.disk = told.report.disks.get("/").copied();
    status.open = status.open.take().or(told.report.open);
    status.errors = told.report.errors;
    Ok(())
}
