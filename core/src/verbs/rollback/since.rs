//! What was written since the release in service came, and whether somebody has agreed to lose it.

use std::collections::BTreeMap;

use homeport_engine::require::Observations;
use homeport_plugin_api::wire::conversation::{Command, Handle};
use homeport_plugin_api::wire::database::Purpose;
use schemars::JsonSchema;
use serde::Serialize;

use super::Request;
use crate::error::{Error, Kind};
use crate::plan::update::{Back, FILES, Newer, Written, written};
use crate::verbs::backup::dump_file;
use crate::verbs::operation::Operation;
use crate::verbs::parts::Partners;

/// What was written since the release in service came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Since {
    /// Whether the data goes back with the release: it was migrated then.
    pub data_goes_back: bool,
    /// Rows by table, of all tables in which users have changed anything.
    pub rows: BTreeMap<String, Written>,
    /// Files. They stay where they are, whatever becomes of the rows that name them.
    pub files: u64,
    #[serde(skip)]
    #[schemars(skip)]
    pub(super) looked: Looked,
}

/// What the plugin was shown before it exports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Looked {
    pub(super) looks: Vec<Command>,
    pub(super) seen: Observations,
}

impl Since {
    /// For a sentence.
    pub(super) fn listed(&self) -> String {
        let rows = self.rows.iter();
        let rows = rows.map(|(table, written)| format!("in `{table}` {}", told(written)));
        let files = match self.files {
            0 => None,
            files => Some(format!("{files} files, which stay on the disk")),
        };
        let all: Vec<String> = rows.chain(files).collect();
        match all.is_empty() {
            true => "nothing".to_owned(),
            false => all.join("; "),
        }
    }
}

/// A table's rows, in words.
pub fn told(written: &Written) -> String {
    let own = |rows: u64, verb: &str| match rows {
        0 => String::new(),
        rows => format!(" ({rows} of them {verb} with the update)"),
    };
    let parts = [
        (written.added, "new", own(written.came_with_it, "came")),
        (written.changed, "changed", String::new()),
        (
            written.removed,
            "removed",
            own(written.went_with_it, "went"),
        ),
    ];
    let parts = parts.iter().filter(|(rows, _, _)| *rows > 0);
    let parts = parts.map(|(rows, what, own)| format!("{rows} {what}{own}"));
    parts.collect::<Vec<_>>().join(", ") + " rows"
}

/// Compares both generations, unless they are one and the same.
pub(super) fn written_since(
    operation: &mut Operation<'_>,
    back: &Back<'_>,
    partners: &mut Partners,
    request: &Request<'_>,
) -> Result<Since, Error> {
    let Some(migrated) = &back.previous.migrated else {
        return Ok(Since::default());
    };
    let mut wanted = vec![(Newer::Counted, purpose(back, Newer::Counted))];
    if request.export_newer.is_some() {
        wanted.push((Newer::Exported, purpose(back, Newer::Exported)));
    }
    let mut looks = Vec::new();
    for (newer, purpose) in &wanted {
        looks.push((*newer, partners.looks(purpose)?));
    }
    let mut seen = operation.stage(back.look(operation.next()?, &looks))?;
    let (counting, looked) = (&wanted[0].1, (back.newer(Newer::Counted), &looks[0].1[..]));
    let steps = partners.planned(counting, looked, &seen)?;
    seen.extend(operation.stage(back.compare(operation.next()?, &steps)?)?);
    let tables = partners.compared(counting, looked, &steps, &seen)?;
    let counted = seen.get(FILES).map_or("", |seen| seen.stdout.trim());
    let files = counted.parse().map_err(|_| {
        let what = "The files written since cannot be counted.";
        Error::new(Kind::Machine, what, format!("the guest says `{counted}`"))
    })?;
    Ok(Since {
        data_goes_back: true,
        rows: written(tables, migrated),
        files,
        looked: Looked {
            looks: looks.pop().map(|(_, looks)| looks).unwrap_or_default(),
            seen,
        },
    })
}

/// What the plugin is asked for.
pub(super) fn purpose(back: &Back<'_>, newer: Newer) -> Purpose {
    let named = |name: &str, handle: &Handle| Handle {
        name: name.to_owned(),
        ..handle.clone()
    };
    let then = named("then", &back.to.database.live);
    let now = named("now", &back.service.database.live);
    let leave_out = back.service.recipe.recipe.rehearsal.volatile.clone();
    match newer {
        Newer::Counted => Purpose::Compare {
            then,
            now,
            leave_out,
        },
        Newer::Exported => Purpose::ExportNewer {
            then,
            now,
            file: dump_file(),
            leave_out,
        },
    }
}

/// Nothing is lost that nobody agreed to lose.
pub(super) fn agreed(since: &Since, back: &Back<'_>, request: &Request<'_>) -> Result<(), Error> {
    let asked = request.lose_newer || request.export_newer.is_some();
    if since.rows.is_empty() || asked {
        return Ok(());
    }
    let why = format!(
        "{} has changed the database, so the data goes back to what it was when {} went out of service. Written since \
         then: {}",
        back.state.version,
        back.previous.version,
        since.listed()
    );
    let instance = &back.state.instance;
    let what = "Going back would lose data; it was only looked.";
    Err(Error::new(Kind::Usage, what, why)
        .with_remedy(format!("Stay, and keep everything: homeport status {instance}"))
        .with_remedy(format!(
            "Go back, and keep the newer rows as JSON on this host: homeport rollback {instance} --export-newer /root"
        ))
        .with_remedy(format!(
            "Go back without them: homeport rollback {instance} --lose-newer"
        )))
}
