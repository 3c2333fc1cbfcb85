//! Goes back to the release before, and says beforehand what would be lost by it.

mod export;
mod kept;
mod since;

use std::path::Path;

use homeport_engine::cutover::{OBSERVED, Outcome};
use homeport_engine::plan::Plan;
use homeport_engine::require::Observations;
use homeport_engine::run::unix_now;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::{Aftermath, Error, Kind};
use crate::plan::Operation as About;
use crate::plan::build::Revision;
use crate::plan::deploy::{Deploy, Program};
use crate::plan::update::Back;
use crate::state::Previous;
use crate::verbs::Context;
use crate::verbs::operation::Operation;
use crate::verbs::parts::Partners;
use crate::verbs::slots::{Found, Slots, Wanted};
use crate::verbs::update::{Prober, Requests, by_hand, requests, told};

use export::Export;
pub use export::Exported;
pub use since::{Since, told as rows_told};

/// The verb as it is typed.
pub(crate) const VERB: &str = "rollback";

/// What the user asked for.
pub struct Request<'a> {
    /// Name of the instance.
    pub name: Option<&'a str>,
    /// Number in the history of the operation that put the release in service; `None`: the release before.
    pub to: Option<u64>,
    /// Whether rows written since may be lost.
    pub lose_newer: bool,
    /// Where rows written since are kept as JSON: a file that is not there yet, or a directory.
    pub export_newer: Option<&'a Path>,
    /// Only show what would be done.
    pub dry_run: bool,
}

/// How it ended.
pub enum Ended {
    /// It would do this.
    Planned(Vec<Plan>),
    /// The release before is in service.
    Done(Box<RolledBack>),
}

/// A way back that was gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RolledBack {
    /// Id of the instance.
    pub instance: String,
    /// Version that was in service.
    pub from: String,
    /// Version in service now.
    pub to: String,
    /// What was written since.
    pub since: Since,
    /// Where the newer rows are now; `None`: nobody wanted them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exported: Option<Exported>,
    /// How the cut-over went.
    #[schemars(with = "Map<String, Value>")]
    pub cut_over: Outcome,
    /// Users' requests meanwhile; `None`: the proxy's log could not be read.
    pub requests: Option<Requests>,
    /// Questions of the built-in prober through the public address, and how many failed.
    pub probed: (u64, u64),
    /// How long everything took, seconds.
    pub seconds: u64,
    /// Calls of the host's own tools.
    pub host_calls: u32,
}

/// Goes back, or shows how.
///
/// # Errors
/// When there is nothing to go back to, or something would be lost that nobody agreed to lose.
pub fn rollback(cx: &mut Context<'_>, request: &Request<'_>) -> Result<Ended, Error> {
    let (living, _lock) = cx.found(request.name, VERB, request.dry_run)?;
    let found = Found::of(cx, living, VERB)?;
    if let Some(number) = request.to {
        let backups = &found.held.settings.backup.directory;
        kept::is_kept(number, &found.told.state, backups)?;
    }
    let (program, about) = (cx.program.deployed(), found.living.operation(VERB)?);
    if request.dry_run {
        return Ok(Ended::Planned(planned(program, about, found)?));
    }
    let export = request
        .export_newer
        .map(|path| Export::into(path, &found, about.at));
    let export = export.transpose()?;
    let (slots, previous, mut partners) = prepare(program, about, found)?;
    let (to, service) = (slots.to_come(), slots.in_service());
    let back = back(&slots, &to, &service, &previous);
    act(cx, &slots, &back, &mut partners, (request, export))
}

/// The way back as it looks before anything was counted.
///
/// # Errors
/// When there is none.
pub fn planned(program: Program, about: About, found: Found) -> Result<Vec<Plan>, Error> {
    let (slots, previous, _) = prepare(program, about, found)?;
    let (to, service) = (slots.to_come(), slots.in_service());
    Ok(vec![
        back(&slots, &to, &service, &previous).switch(0, false)?,
    ])
}

fn prepare(
    program: Program,
    about: About,
    found: Found,
) -> Result<(Slots, Previous, Partners), Error> {
    let previous = before(&found)?;
    let generation = match previous.migrated {
        Some(_) => previous.generation,
        None => found.told.state.generation,
    };
    let built = found.held.settings.source.kind.builds();
    let wanted = Wanted {
        version: previous.version.clone(),
        release: previous.release.clone(),
        colour: previous.colour,
        generation,
        source: found.held.settings.source.clone(),
        revision: built.then(|| Revision::known(&previous.version, previous.commit.as_deref())),
    };
    let (slots, partners) = Slots::prepare(program, about, found, wanted)?;
    Ok((slots, previous, partners))
}

fn back<'a>(
    slots: &'a Slots,
    to: &'a Deploy<'a>,
    service: &'a Deploy<'a>,
    previous: &'a Previous,
) -> Back<'a> {
    Back {
        to,
        service,
        state: &slots.told.state,
        previous,
        config: &slots.held.config,
        config_after: &slots.config_after,
        address: slots.living.entry(&slots.told.state).address,
    }
}

fn before(found: &Found) -> Result<Previous, Error> {
    let state = &found.told.state;
    let previous = state.previous.clone();
    previous.ok_or_else(|| {
        let why = format!(
            "`{}` has had no other release than {}",
            state.instance, state.version
        );
        Error::new(Kind::NotFound, "There is nothing to go back to.", why)
            .with_remedy(format!("homeport history {}", state.instance))
    })
}

fn act(
    cx: &mut Context<'_>,
    slots: &Slots,
    back: &Back<'_>,
    partners: &mut Partners,
    (request, export): (&Request<'_>, Option<Export>),
) -> Result<Ended, Error> {
    let about = &slots.about;
    let instance = &about.guest.instance;
    let prober = Prober::of(cx.target, back.to)?;
    let Context {
        target,
        stop,
        tell,
        confirm,
        ..
    } = cx;
    let mut operation = Operation::begin(instance, &about.id, *target, stop, *tell)?;
    let since = match told_of(&mut operation, back, partners, request, *confirm) {
        Ok(since) => since,
        Err(error) => return Err(only_looked(operation.failed(error))),
    };
    let exported = export.filter(|_| since.data_goes_back);
    let exported = exported.map(|export| export.done(&mut operation, back, &since, partners));
    let exported = match exported.transpose() {
        Ok(exported) => exported,
        Err(error) => return Err(operation.failed(error)),
    };
    let begun = unix_now();
    let probing = prober.start();
    let switched = switched(&mut operation, back, exported.is_some());
    let probed = probing.end();
    let seen = match switched {
        Ok(seen) => seen,
        Err(error) => return Err(by_hand(operation.failed(error), back.service, None)),
    };
    operation.finish()?;
    let outcome = outcome(&seen)?;
    let requests = requests(cx, back.to, begun);
    told(&outcome, instance)?;
    Ok(Ended::Done(Box::new(RolledBack {
        instance: instance.clone(),
        from: back.state.version.clone(),
        to: back.previous.version.clone(),
        since,
        exported,
        cut_over: outcome,
        requests,
        probed,
        seconds: unix_now().saturating_sub(about.at),
        host_calls: cx.target.host_calls(),
    })))
}

/// Looking has changed nothing that could be taken back.
fn only_looked(error: Error) -> Error {
    match error.aftermath {
        Aftermath::RolledBack => error.after(Aftermath::Untouched),
        _ => error,
    }
}

/// What was written since, once somebody has agreed to what is lost of it.
fn told_of(
    operation: &mut Operation<'_>,
    back: &Back<'_>,
    partners: &mut Partners,
    request: &Request<'_>,
    confirm: &mut dyn FnMut(&str) -> Result<(), Error>,
) -> Result<Since, Error> {
    let since = since::written_since(operation, back, partners, request)?;
    since::agreed(&since, back, request)?;
    confirm(&question(&since, back))?;
    Ok(since)
}

/// Puts the release before in service.
fn switched(
    operation: &mut Operation<'_>,
    back: &Back<'_>,
    exported: bool,
) -> Result<Observations, Error> {
    let plan = back.switch(operation.next()?, exported)?;
    operation.stage(plan)
}

/// How the guest says that the cut-over went.
pub(crate) fn outcome(seen: &Observations) -> Result<Outcome, Error> {
    let seen = seen.get(OBSERVED).cloned().unwrap_or_default();
    Outcome::read(&seen).map_err(|why| {
        let what = "The guest's account of the cut-over makes no sense.";
        Error::new(Kind::Machine, what, why)
    })
}

fn question(since: &Since, back: &Back<'_>) -> String {
    let data = match since.data_goes_back {
        true => format!(
            "Its data goes back, too. Written since: {}.",
            since.listed()
        ),
        false => "The data stays as it is.".to_owned(),
    };
    format!(
        "Go back from {} to {}? {data}",
        back.state.version, back.previous.version
    )
}
