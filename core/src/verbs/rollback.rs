//! Goes back to the release before, and says beforehand what would be lost by it.

use std::collections::BTreeMap;

use homeport_engine::cutover::{OBSERVED, Outcome};
use homeport_engine::plan::Plan;
use homeport_engine::require::Observations;
use homeport_engine::run::unix_now;
use homeport_plugin_api::wire::database::Purpose;
use serde::Serialize;

use crate::error::{Error, Kind};
use crate::plan::Operation as About;
use crate::plan::deploy::{Deploy, Program};
use crate::plan::update::{Back, FILES, When, since};
use crate::state::Previous;
use crate::verbs::Context;
use crate::verbs::operation::Operation;
use crate::verbs::parts::Partners;
use crate::verbs::slots::{Found, Slots, Wanted};
use crate::verbs::update::{Prober, Requests, requests, told};

/// The verb as it is typed.
pub(crate) const VERB: &str = "rollback";

/// What the user asked for.
pub struct Request<'a> {
    /// Name of the instance.
    pub name: Option<&'a str>,
    /// Whether rows and files written since may be lost.
    pub lose_newer: bool,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RolledBack {
    /// Id of the instance.
    pub instance: String,
    /// Version that was in service.
    pub from: String,
    /// Version in service now.
    pub to: String,
    /// What was written since.
    pub since: Since,
    /// How the cut-over went.
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

/// What was written since the release in service came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Since {
    /// Whether the data goes back with the release: it was migrated then.
    pub data_goes_back: bool,
    /// Rows by table; fewer are negative.
    pub rows: BTreeMap<String, i64>,
    /// Files.
    pub files: u64,
}

/// Goes back, or shows how.
///
/// # Errors
/// When there is nothing to go back to, or something would be lost that nobody agreed to lose.
pub fn rollback(cx: &mut Context<'_>, request: &Request<'_>) -> Result<Ended, Error> {
    let (living, _lock) = cx.found(request.name, VERB, request.dry_run)?;
    let found = Found::of(cx, living, VERB)?;
    let (program, about) = (cx.program.deployed(), found.operation(VERB)?);
    if request.dry_run {
        return Ok(Ended::Planned(planned(program, about, found)?));
    }
    let (slots, previous, mut partners) = prepare(program, about, found)?;
    let (to, service) = (slots.to_come(), slots.in_service());
    let back = back(&slots, &to, &service, &previous);
    act(cx, &slots, &back, &mut partners, request)
}

/// The way back as it looks before anything was counted.
///
/// # Errors
/// When there is none.
pub fn planned(program: Program, about: About, found: Found) -> Result<Vec<Plan>, Error> {
    let (slots, previous, _) = prepare(program, about, found)?;
    let (to, service) = (slots.to_come(), slots.in_service());
    Ok(vec![back(&slots, &to, &service, &previous).switch(0)?])
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
    let wanted = Wanted {
        version: previous.version.clone(),
        release: previous.release.clone(),
        colour: previous.colour,
        generation,
        source: found.held.settings.source.clone(),
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
    request: &Request<'_>,
) -> Result<Ended, Error> {
    let about = &slots.about;
    let instance = &about.guest.instance;
    let prober = Prober::of(cx, back.to)?;
    let Context {
        target,
        stop,
        tell,
        confirm,
        ..
    } = cx;
    let mut operation = Operation::begin(instance, &about.id, *target, stop, *tell)?;
    let since = match settled(&mut operation, back, partners, request, *confirm) {
        Ok(since) => since,
        Err(error) => return Err(operation.failed(error)),
    };
    let begun = unix_now();
    let probing = prober.start();
    let switched = switched(&mut operation, back);
    let probed = probing.end();
    let seen = match switched {
        Ok(seen) => seen,
        Err(error) => return Err(operation.failed(error)),
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
        cut_over: outcome,
        requests,
        probed,
        seconds: unix_now().saturating_sub(about.at),
        host_calls: cx.target.host_calls(),
    })))
}

/// What was written since, once somebody has agreed to what is lost of it.
fn settled(
    operation: &mut Operation<'_>,
    back: &Back<'_>,
    partners: &mut Partners,
    request: &Request<'_>,
    confirm: &mut dyn FnMut(&str) -> Result<(), Error>,
) -> Result<Since, Error> {
    let since = written_since(operation, back, partners)?;
    agreed(&since, back, request)?;
    confirm(&question(&since, back))?;
    Ok(since)
}

/// Puts the release before in service.
fn switched(operation: &mut Operation<'_>, back: &Back<'_>) -> Result<Observations, Error> {
    let plan = back.switch(operation.next()?)?;
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

/// Counts both generations, unless they are one and the same.
fn written_since(
    operation: &mut Operation<'_>,
    back: &Back<'_>,
    partners: &mut Partners,
) -> Result<Since, Error> {
    let Some(migrated) = &back.previous.migrated else {
        return Ok(Since::default());
    };
    let purpose = |when: When| Purpose::Count {
        database: match when {
            When::Now => back.service.database.live.clone(),
            When::Then => back.to.database.live.clone(),
        },
    };
    let mut looks = Vec::new();
    for when in [When::Now, When::Then] {
        looks.push((when, partners.looks(&purpose(when))?));
    }
    let seen = operation.stage(back.look(operation.next()?, &looks))?;
    let mut counts = Vec::new();
    for (when, looks) in &looks {
        let looked = (back.counting(*when), looks.as_slice());
        counts.push((*when, partners.planned(&purpose(*when), looked, &seen)?));
    }
    let seen = operation.stage(back.count(operation.next()?, &counts)?)?;
    let mut counted = Vec::new();
    for ((when, looks), (_, steps)) in looks.iter().zip(&counts) {
        let part = back.counting(*when);
        counted.push(partners.counted(&purpose(*when), part, looks, steps, &seen)?);
    }
    let volatile = &back.service.recipe.recipe.rehearsal.volatile;
    let files = seen
        .get(FILES)
        .and_then(|seen| seen.stdout.trim().parse().ok());
    let [now, then] = counted.as_slice() else {
        return Ok(Since::default());
    };
    Ok(Since {
        data_goes_back: true,
        rows: since(then, now, migrated, volatile),
        files: files.unwrap_or(0),
    })
}

/// Nothing is lost that nobody agreed to lose.
fn agreed(since: &Since, back: &Back<'_>, request: &Request<'_>) -> Result<(), Error> {
    if since.rows.is_empty() || request.lose_newer {
        return Ok(());
    }
    let why = format!(
        "{} has changed the database, so its data goes back, too; since then was written: {}",
        back.state.version,
        listed(since)
    );
    let instance = &back.state.instance;
    Err(Error::new(Kind::Usage, "Going back would lose data.", why)
        .with_remedy(format!("Stay, and keep it: homeport status {instance}"))
        .with_remedy(format!(
            "Go back and lose it: homeport rollback {instance} --lose-newer"
        )))
}

fn listed(since: &Since) -> String {
    let rows = since.rows.iter();
    let rows = rows.map(|(table, rows)| format!("`{table}` {rows:+} rows"));
    rows.chain([format!("{} files", since.files)])
        .collect::<Vec<_>>()
        .join(", ")
}

fn question(since: &Since, back: &Back<'_>) -> String {
    let data = match since.data_goes_back {
        true => format!("Its data goes back, too; lost by that: {}.", listed(since)),
        false => "The data stays as it is.".to_owned(),
    };
    format!(
        "Go back from {} to {}? {data}",
        back.state.version, back.previous.version
    )
}
