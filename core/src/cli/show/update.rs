//! What an update has to say: what is new, what a rehearsal has shown, how it went.

use crate::verbs::rollback::{self, RolledBack};
use crate::verbs::update::{Checked, Rehearsed, Requests, Updated};

/// Versions there are.
pub fn offers(found: &Checked) -> String {
    if found.newer.is_empty() {
        return newest(found);
    }
    if found.built {
        return format!(
            "`{0}` is at {1}. Something else is there: {2}.\nIt needs about {3} MiB beside what there is, and {4} MiB are free.\n\
             Build it and update: homeport update {0}",
            found.instance, found.version, found.source, found.needs_mb, found.free_mb
        );
    }
    let mut text = format!(
        "`{}` is at {}. Newer, from {}:\n",
        found.instance, found.version, found.source
    );
    for offer in &found.newer {
        let note = if offer.pre_release {
            " (not finished)"
        } else {
            ""
        };
        text.push_str(&format!("  {}{note}\n", offer.version));
    }
    text.push_str(&format!(
        "It needs about {} MiB beside what there is, and {} MiB are free.\nUpdate: homeport update {}",
        found.needs_mb, found.free_mb, found.instance
    ));
    text
}

/// There is nothing to do.
pub fn newest(found: &Checked) -> String {
    format!(
        "`{}` is at {}: nothing newer in {}.",
        found.instance, found.version, found.source
    )
}

/// What a rehearsal has shown.
pub fn rehearsed(found: &Rehearsed) -> String {
    let migrations = match found.migrates {
        true => format!(
            "It migrates the database in {}.",
            seconds(found.migration_ms)
        ),
        false => "It does not change the database.".to_owned(),
    };
    let added = found.rows_added.iter();
    let added: String = added
        .map(|(table, rows)| format!("\n  {table}: {rows:+} rows"))
        .collect();
    format!(
        "{to} was rehearsed on a copy of `{instance}` and answered everything; nothing of it is left.\n{migrations}{added}\n\
         Requests would wait about {pause}, and {undo} if it had to be taken back at the end.\n\
         Update: homeport update {instance} --to {to}",
        to = found.to,
        instance = found.instance,
        pause = seconds(found.pause_ms),
        undo = seconds(found.undo_ms),
    )
}

fn failed(requests: Option<Requests>) -> String {
    match requests {
        Some(requests) => format!("{} of {} requests failed", requests.failed, requests.all),
        None => "The proxy's log cannot be read".to_owned(),
    }
}

/// How a way back went.
pub fn rolled_back(done: &RolledBack) -> String {
    let data = match done.since.data_goes_back {
        true => format!("Its data went back with it.{}", kept(done)),
        false => "The data is as it was.".to_owned(),
    };
    format!(
        "`{}` is at {} again (it was at {}), after {} s. {data}\n{}, longest wait {}.\nForward again: homeport rollback {}",
        done.instance,
        done.to,
        done.from,
        done.seconds,
        failed(done.requests),
        seconds(done.cut_over.waited_max_ms),
        done.instance,
    )
}

/// What became of what was written since.
fn kept(done: &RolledBack) -> String {
    let rows = done.since.rows.iter();
    let rows: String = rows
        .map(|(table, rows)| format!("\n  {table}: {}", rollback::rows_told(rows)))
        .collect();
    let kept = done.exported.as_ref().map(|exported| {
        format!(
            "\nThe {} newer rows are in {}; what was written in the seconds after that is in {}'s data only, which stays.",
            exported.rows,
            exported.file.display(),
            done.from
        )
    });
    let lost =
        (!rows.is_empty()).then(|| format!(" Written since, and only in {} now:{rows}", done.from));
    lost.unwrap_or_default() + &kept.unwrap_or_default()
}

/// How an update went.
pub fn updated(done: &Updated) -> String {
    let rehearsed = &done.rehearsed;
    let requests = failed(done.requests);
    format!(
        "`{instance}` is at {to} (it was at {from}), after {took} s.\n\
         {requests}, longest wait {waited} (predicted: {predicted}).\n\
         Asked through the public address meanwhile: {asked} times, {failed} without the right answer.\n\
         Backup: {backup}{pruned}\nBack to {from}: homeport rollback {instance}",
        instance = rehearsed.instance,
        to = rehearsed.to,
        from = rehearsed.from,
        took = done.seconds,
        waited = seconds(done.cut_over.waited_max_ms),
        predicted = seconds(rehearsed.pause_ms),
        asked = done.probed.0,
        failed = done.probed.1,
        backup = done.backup,
        pruned = match done.pruned.len() {
            0 => String::new(),
            older => format!(" ({older} older removed)"),
        },
    )
}

fn seconds(ms: u64) -> String {
    format!("{}.{:02} s", ms / 1000, ms % 1000 / 10)
}
