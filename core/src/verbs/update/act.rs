//! Carries an update out, or its rehearsal alone.

use homeport_engine::cutover::{Ending, Outcome};
use homeport_engine::event::Event;
use homeport_engine::run::unix_now;

use super::prepare::Prepared;
use super::prober::Prober;
use super::report::{Rehearsed, Requests, Updated};
use super::stages::{self, Took};
use super::{Ended, Ready, Request, take_back};
use crate::error::{Aftermath, Error, Kind};
use crate::plan::backup;
use crate::plan::deploy::Deploy;
use crate::verbs::Context;
use crate::verbs::backup::made_by_updates;
use crate::verbs::operation::Operation;
use crate::verbs::parts::Partners;

/// Users' requests in a time, as the proxy's counting log has them: how many ended, how many of these failed.
const COUNT: &str = r#"awk -v from="$1" '$1 >= from && $4 == "r" { all++; if ($2 >= 500 || $2 == 499) failed++ } END { print all + 0, failed + 0 }' "$2""#;

/// Carries it out.
pub(super) fn act(
    cx: &mut Context<'_>,
    ready: Ready,
    request: &Request<'_>,
) -> Result<Ended, Error> {
    let about = match &ready {
        Ready::Planned(both) => both.0.slots.about.clone(),
        Ready::Unbuilt(unbuilt) => unbuilt.about.clone(),
    };
    let took = Took::default();
    let Context {
        target, stop, tell, ..
    } = cx;
    let mut timed = |event: Event| {
        if let Event::Done { number, ms } = &event {
            took.borrow_mut().insert(*number, *ms);
        }
        tell(event);
    };
    let instance = &about.guest.instance;
    let mut operation = Operation::begin(instance, &about.id, *target, stop, &mut timed)?;
    let mut proven = match proven(&mut operation, ready, request, &took) {
        Ok(proven) if request.rehearse => return take_back(operation, proven.rehearsed),
        Ok(proven) => proven,
        Err(error) => return Err(operation.failed(error)),
    };
    let begun = unix_now();
    let ended = switched(&mut operation, &mut proven);
    let prepared = &proven.prepared;
    let (outcome, probed) = match ended {
        Ok(ended) => ended,
        Err(error) => {
            let (service, backup) = (prepared.slots.in_service(), &prepared.archive.archive);
            return Err(by_hand(operation.failed(error), &service, Some(backup)));
        }
    };
    let pruned = match pruned(&mut operation, prepared, &outcome) {
        Ok(pruned) => pruned,
        Err(error) => return Err(operation.failed(error)),
    };
    operation.finish()?;
    let requests = requests(cx, &prepared.slots.to_come(), begun);
    told(&outcome, instance)?;
    Ok(Ended::Done(Box::new(Updated {
        cut_over: outcome,
        requests,
        probed,
        backup: prepared.archive.archive.clone(),
        pruned,
        rehearsed: proven.rehearsed,
        seconds: unix_now().saturating_sub(about.at),
        host_calls: cx.target.host_calls(),
    })))
}

/// A release that has done well in its rehearsal.
struct Proven {
    prepared: Prepared,
    partners: Partners,
    rehearsed: Rehearsed,
}

/// Brings it into the guest and rehearses it.
fn proven(
    operation: &mut Operation<'_>,
    ready: Ready,
    request: &Request<'_>,
    took: &Took,
) -> Result<Proven, Error> {
    let (prepared, mut partners) = match ready {
        Ready::Planned(both) => *both,
        Ready::Unbuilt(unbuilt) => unbuilt.looked(operation, request)?,
    };
    let rehearsed = stages::rehearse(operation, &prepared, &mut partners, request, took)?;
    Ok(Proven {
        rehearsed: short_enough(rehearsed, request)?,
        prepared,
        partners,
    })
}

/// Puts it in service, and asks through the public address meanwhile: how often, and how often in vain.
fn switched(
    operation: &mut Operation<'_>,
    proven: &mut Proven,
) -> Result<(Outcome, (u64, u64)), Error> {
    let Proven {
        prepared,
        partners,
        rehearsed,
    } = proven;
    let candidate = prepared.slots.to_come();
    let probing = operation
        .between(|target| Prober::of(target, &candidate))?
        .start();
    let ended = stages::switch(operation, prepared, partners, rehearsed);
    let probed = probing.end();
    Ok((ended?, probed))
}

/// Lets go of backups there are too many of, now that the new release is proven; their archives.
fn pruned(
    operation: &mut Operation<'_>,
    prepared: &Prepared,
    outcome: &Outcome,
) -> Result<Vec<String>, Error> {
    let Ending::Switched { trouble: None } = &outcome.ending else {
        return Ok(Vec::new());
    };
    let (about, backup) = (&prepared.slots.about, &prepared.slots.settings.backup);
    let all = made_by_updates(&about.guest.instance)?;
    let surplus = backup::surplus(&all, backup.retention_count, backup.retention_mb);
    if !surplus.is_empty() {
        let plan = backup::pruned(about, operation.next()?, &backup.directory, surplus);
        operation.stage(plan)?;
    }
    Ok(surplus.iter().map(|kept| kept.archive.clone()).collect())
}

/// A pause that is longer than wanted is no update.
fn short_enough(rehearsed: Rehearsed, request: &Request<'_>) -> Result<Rehearsed, Error> {
    let (pause, allowed) = (rehearsed.pause_ms, request.max_pause_ms);
    if pause <= allowed || request.rehearse {
        return Ok(rehearsed);
    }
    let seconds = |ms: u64| format!("{}.{:03} s", ms / 1000, ms % 1000);
    let why = format!(
        "requests would wait about {}, and at most {} are allowed",
        seconds(pause),
        seconds(allowed)
    );
    Err(Error::new(
        Kind::Resources,
        "The update would hold requests too long.",
        why,
    )
    .with_remedy(format!(
        "Allow it at a quiet time: the same command with `--max-pause {}`.",
        pause.div_ceil(1000)
    )))
}

/// What to do when neither version answers: nothing else is known here but where to look and what to try.
pub(crate) fn by_hand(error: Error, service: &Deploy<'_>, backup: Option<&str>) -> Error {
    if error.kind != Kind::RecoveryFailed {
        return error;
    }
    let guest = &service.operation.guest;
    let components = service.recipe.recipe.components.iter();
    let units = components.filter_map(|component| service.unit(component).ok());
    let units = units.collect::<Vec<_>>().join(" ");
    let (id, instance) = (&guest.id, &guest.instance);
    let error = error
        .with_remedy(format!("What it says: homeport logs {instance} -n 50"))
        .with_remedy(format!("Room on its disk: pct exec {id} -- df -h"))
        .with_remedy(format!(
            "Start {} once more: pct exec {id} -- systemctl restart {units}",
            service.version
        ))
        .with_remedy(format!(
            "See whether it is well: homeport status {instance}"
        ));
    match backup {
        Some(backup) => error.with_remedy(format!("Its data before the update is in {backup}")),
        None => error,
    }
}

/// The new release is in service but did not do well while it was watched.
pub(crate) fn told(outcome: &Outcome, instance: &str) -> Result<(), Error> {
    let Ending::Switched {
        trouble: Some(trouble),
    } = &outcome.ending
    else {
        return Ok(());
    };
    let what = "The new release is in service, but it does not do well.";
    let mut error = Error::new(Kind::Unhealthy, what, trouble.why.clone());
    error.lines.clone_from(&trouble.log_tail);
    let error = trouble
        .remedy
        .iter()
        .fold(error, |error, remedy| error.with_remedy(remedy));
    Err(error
        .with_remedy(format!("homeport rollback {instance}"))
        .after(Aftermath::Committed))
}

/// What became of users' requests since `begun`; a log that cannot be read says nothing, and is no failure.
pub(crate) fn requests(cx: &mut Context<'_>, deploy: &Deploy<'_>, begun: u64) -> Option<Requests> {
    let log = &deploy.proxy.placed.counting_log;
    let (guest, begun) = (&deploy.operation.guest, begun.to_string());
    let words = ["sh", "-c", COUNT, "sh", &begun, log];
    let text = cx.target.ask_guest(guest, &words, b"").ok()?;
    let mut figures = text.split_whitespace().map_while(|word| word.parse().ok());
    Some(Requests {
        all: figures.next()?,
        failed: figures.next()?,
    })
}
