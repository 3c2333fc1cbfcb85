//! The stages of an update, one after another: each is planned from what the ones before have seen.

use std::cell::RefCell;
use std::collections::BTreeMap;

use homeport_engine::cutover::Outcome;
use homeport_engine::plan::Plan;
use homeport_engine::rehearsal::Report;
use homeport_engine::require::Observations;
use homeport_plugin_api::wire::conversation::Handle;
use homeport_plugin_api::wire::database::Purpose;
use homeport_plugin_api::wire::step;

use super::prepare::{Prepared, count};
use super::report::Rehearsed;
use super::{Request, built, findings};
use crate::error::Error;
use crate::plan::update::{
    CopySteps, Counted, Keeping, START, TALK, Timings, TrialSteps, Update, Whose,
};
use crate::verbs::backup::dump_file;
use crate::verbs::operation::Operation;
use crate::verbs::parts::{self, Partners};
use crate::verbs::rollback;

/// How long steps took, milliseconds, by number.
pub(super) type Took = RefCell<BTreeMap<u32, u64>>;

/// The stages as they look before anything was seen. What is counted, and how, is not known then.
pub(super) fn preview(prepared: &Prepared, partners: &mut Partners) -> Result<Vec<Plan>, Error> {
    let (candidate, service) = (prepared.slots.to_come(), prepared.slots.in_service());
    let update = prepared.update(&candidate, &service);
    let mut first = Vec::new();
    if let Some(built) = &prepared.built {
        first.push(built::source(prepared, built)?);
    }
    let next = first.last().map_or(0, Plan::end);
    let release = release(prepared, &update, next)?;
    let copy = update.copy(release.end(), &copying(prepared, partners, &update)?)?;
    let trial = trial(prepared, partners, &update, &Observations::new())?;
    let counted = update.count(copy.end(), &trial)?;
    let rehearse = update.rehearse(counted.end(), &prepared.archive)?;
    let talk = update.talk(rehearse.end(), &[])?;
    let rehearsed = Rehearsed {
        pause_ms: Timings::default().predicted().pause_ms,
        ..Rehearsed::default()
    };
    let switch = switching(prepared, partners, &update, &rehearsed, talk.end())?;
    first.extend([release, copy, counted, rehearse, talk, switch]);
    Ok(first)
}

/// From the release to a candidate that has proven itself on a copy.
pub(super) fn rehearse(
    operation: &mut Operation<'_>,
    prepared: &Prepared,
    partners: &mut Partners,
    request: &Request<'_>,
    took: &Took,
) -> Result<Rehearsed, Error> {
    let (candidate, service) = (prepared.slots.to_come(), prepared.slots.in_service());
    let update = prepared.update(&candidate, &service);
    let seen = operation.stage(release(prepared, &update, operation.next()?)?)?;
    candidate.has_what_is_installed(update.whole, &seen)?;
    let (dumped, copied) = copied(operation, prepared, partners, &update)?;

    let mut archive = prepared.archive.clone();
    let rows: u64 = dumped.rows.values().sum();
    archive.metadata.insert("rows".to_owned(), rows.to_string());
    let seen = operation.stage(update.rehearse(operation.next()?, &archive)?)?;
    let started = findings::act(&seen, START)?;

    let trial = &prepared.copies.trial;
    let looks = update.looks[&Whose::Migrated].clone();
    let part = update.counting(Whose::Migrated);
    let counting = partners.planned(&count(trial), (part, &looks), &seen)?;
    let seen = operation.stage(update.talk(operation.next()?, &counting)?)?;
    let migrated = counted(
        partners,
        &update,
        (Whose::Migrated, trial),
        &counting,
        &seen,
    )?;
    let volatile = &prepared.slots.held.recipe.recipe.rehearsal.volatile;
    if !request.accept_loss {
        findings::kept_everything(&dumped, &migrated, volatile)?;
    }
    let talked = findings::act(&seen, TALK)?;
    findings::left_files_alone(&seen)?;

    let took = took.borrow();
    let timings = Timings {
        copy_ms: copied.iter().filter_map(|number| took.get(number)).sum(),
        first_start_ms: started.start_ms,
        stop_ms: talked.stop_ms,
        second_start_ms: talked.start_ms,
    };
    Ok(brought(prepared, (&dumped, &migrated), timings, talked))
}

/// The release lies in the guest: fetched, or built there.
fn release(prepared: &Prepared, update: &Update<'_>, first: u32) -> Result<Plan, Error> {
    match &prepared.built {
        None => Ok(update.release(first)?),
        Some(built) => built::release(prepared, built, first),
    }
}

/// What a rehearsal has brought, in figures.
fn brought(
    prepared: &Prepared,
    (dumped, migrated): (&Counted, &Counted),
    timings: Timings,
    talked: Report,
) -> Rehearsed {
    let migrates = dumped.migrated(migrated);
    let rows_added = match migrates {
        true => dumped.added(migrated),
        false => BTreeMap::new(),
    };
    let predicted = timings.predicted();
    let slots = &prepared.slots;
    Rehearsed {
        instance: slots.about.guest.instance.clone(),
        from: slots.service.version.clone(),
        to: slots.candidate.version.clone(),
        migrates,
        rows_added,
        rows: dumped.rows.values().sum(),
        rows_by_table: dumped.rows.clone(),
        copy_ms: timings.copy_ms,
        migration_ms: predicted.migration_ms,
        pause_ms: predicted.pause_ms,
        undo_ms: predicted.undo_ms,
        asked: talked.asked,
        interfaces: talked.interfaces,
    }
}

/// The dump, counted, and the numbers of the steps that copied it as the cut-over will.
fn copied(
    operation: &mut Operation<'_>,
    prepared: &Prepared,
    partners: &mut Partners,
    update: &Update<'_>,
) -> Result<(Counted, Vec<u32>), Error> {
    let steps = copying(prepared, partners, update)?;
    let seen = operation.stage(update.copy(operation.next()?, &steps)?)?;
    let steps = trial(prepared, partners, update, &seen)?;
    let plan = update.count(operation.next()?, &steps)?;
    let counting = update.counting(Whose::Dumped).steps(&steps.count)?.len();
    let copying = plan.numbered().skip(counting);
    let numbers = copying
        .filter(|(_, step)| !step.op.only_reads())
        .map(|(number, _)| number)
        .collect();
    let seen = operation.stage(plan)?;
    let whose = (Whose::Dumped, &prepared.copies.scratch);
    let dumped = counted(partners, update, whose, &steps.count, &seen)?;
    Ok((dumped, numbers))
}

/// Puts the candidate in service.
pub(super) fn switch(
    operation: &mut Operation<'_>,
    prepared: &Prepared,
    partners: &mut Partners,
    rehearsed: &Rehearsed,
) -> Result<Outcome, Error> {
    let (candidate, service) = (prepared.slots.to_come(), prepared.slots.in_service());
    let update = prepared.update(&candidate, &service);
    let plan = switching(prepared, partners, &update, rehearsed, operation.next()?)?;
    let seen = operation.stage(plan)?;
    rollback::outcome(&seen)
}

fn copying(
    prepared: &Prepared,
    partners: &mut Partners,
    update: &Update<'_>,
) -> Result<CopySteps, Error> {
    let (live, scratch) = (
        update.service.database.live.clone(),
        &prepared.copies.scratch,
    );
    let dump = Purpose::Dump {
        database: live,
        file: dump_file(),
    };
    let load = Purpose::Load {
        file: dump_file(),
        database: scratch.clone(),
    };
    Ok(CopySteps {
        dump: partners.unseen(&dump, "dump")?,
        load: partners.unseen(&load, "load")?,
        remove: partners.unseen(&remove(scratch), "load")?,
    })
}

fn trial(
    prepared: &Prepared,
    partners: &mut Partners,
    update: &Update<'_>,
    seen: &Observations,
) -> Result<TrialSteps, Error> {
    let (scratch, trial) = (&prepared.copies.scratch, &prepared.copies.trial);
    let copy = Purpose::NextGeneration {
        database: scratch.clone(),
        next: trial.clone(),
    };
    let looks = update.looks[&Whose::Dumped].clone();
    let part = update.counting(Whose::Dumped);
    let count = match seen.is_empty() {
        true => Vec::new(),
        false => partners.planned(&count(scratch), (part, &looks), seen)?,
    };
    Ok(TrialSteps {
        count,
        copy: partners.unseen(&copy, "trial")?,
        remove: partners.unseen(&remove(trial), "trial")?,
    })
}

fn switching(
    prepared: &Prepared,
    partners: &mut Partners,
    update: &Update<'_>,
    rehearsed: &Rehearsed,
    first: u32,
) -> Result<Plan, Error> {
    let recipe = &prepared.slots.held.recipe.recipe;
    let (live, next) = (
        &update.service.database.live,
        parts::live(recipe, prepared.slots.candidate.generation),
    );
    let next = Handle {
        name: "next".to_owned(),
        ..next
    };
    let copy = Purpose::NextGeneration {
        database: live.clone(),
        next: next.clone(),
    };
    let forget = forgetting(prepared, partners)?;
    let keeping = Keeping {
        next: &partners.unseen(&copy, "next")?,
        remove: &partners.unseen(&remove(&next), "next")?,
        forget: &forget,
        config: &prepared.slots.held.config,
        config_after: &prepared.slots.config_after,
        predicted_ms: rehearsed.pause_ms,
        migrated: rehearsed.migrates.then(|| rehearsed.rows_added.clone()),
        archive: &prepared.archive.archive,
        rows: &rehearsed.rows_by_table,
        address: &prepared
            .slots
            .living
            .entry(&prepared.slots.told.state)
            .address,
    };
    Ok(update.switch(first, &keeping)?)
}

/// The removal of the generation nobody can go back to once there is another.
fn forgetting(prepared: &Prepared, partners: &mut Partners) -> Result<Vec<step::Step>, Error> {
    let (state, recipe) = (
        &prepared.slots.told.state,
        &prepared.slots.held.recipe.recipe,
    );
    let previous = state.previous.as_ref();
    let Some(old) = previous.filter(|previous| previous.generation != state.generation) else {
        return Ok(Vec::new());
    };
    let old = Handle {
        name: "old".to_owned(),
        ..parts::live(recipe, old.generation)
    };
    partners.unseen(&remove(&old), "forget")
}

fn remove(copy: &Handle) -> Purpose {
    Purpose::Remove { copy: copy.clone() }
}

fn counted(
    partners: &mut Partners,
    update: &Update<'_>,
    (whose, database): (Whose, &Handle),
    steps: &[step::Step],
    seen: &Observations,
) -> Result<Counted, Error> {
    let looks = update.looks[&whose].clone();
    let part = update.counting(whose);
    partners.counted(&count(database), part, &looks, steps, seen)
}
