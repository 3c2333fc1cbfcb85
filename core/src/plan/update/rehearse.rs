//! The rehearsal: the candidate in its own unit, hardened as the real one, but on a copy of the database, with a view of
//! the files that keeps changes to itself, and without any network.

use homeport_engine::exec::{Exec, Stdin, Stdout};
use homeport_engine::op::{Content, Op};
use homeport_engine::plan::Step;
use homeport_engine::rehearsal::{Act, Spec};
use homeport_plugin_api::wire::step;

use super::{HANDLE, REHEARSAL, SLOT, Update, Whose, script};
use crate::places;
use crate::plan::backup::{self, Archive, DUMP_DIRECTORY};
use crate::plan::deploy::{Deploy, DeployError, Values, written};
use crate::plan::{absent, directory, file, put};
use crate::recipe::{self, Component};

/// Name of the observation that holds the first act's report.
pub const START: &str = "rehearsal.start";
/// Name of the observation that holds the second act's report.
pub const TALK: &str = "rehearsal.talk";
/// Name of the observation that lists files the candidate changed or removed; empty if there are none.
pub const TOUCHED: &str = "rehearsal.touched";

/// Writes down name, size and time of every file below `$1/files` into `$1/$2`.
const LIST: &str =
    r#"cd "$1/files"; find . -type f -printf '%P\t%s\t%T@\n' | LC_ALL=C sort >"$1/$2""#;

/// What was listed before and is not in the view as it was – but still is in the files in service, `$2`: whatever users
/// themselves have changed meanwhile is not the candidate's doing.
const COMPARE: &str = r#"cd "$1/files"; find . -type f -printf '%P\t%s\t%T@\n' | LC_ALL=C sort >"$1/after"
cd "$2"; find . -type f -printf '%P\t%s\t%T@\n' | LC_ALL=C sort >"$1/now"
cd "$1"; LC_ALL=C comm -23 before after | LC_ALL=C comm -12 - now | head -n 20"#;

/// Takes the view off `$1`, then removes it and everything else that is named.
const TAKE_DOWN: &str = r#"if mountpoint -q "$1/files"; then umount "$1/files"; fi
rm -rf -- "$@"
systemctl daemon-reload"#;

/// A rehearsal that nobody ends, ends itself.
const LONGEST: &str = "1h";

/// Waiting for the start, and for everything that is said, seconds.
const ACT_S: u32 = 1800;

/// A network of its own must not have failed in silence: systemd then goes on without.
const CLOSED: &str = r#"! grep -Ev "^(Inter-|  *face|  *lo:)" /proc/self/net/dev"#;

/// What is rehearsed. What not every release has needs services that are beyond the rehearsal's doors: it is proven in the
/// cut-over, before Commit.
fn rehearsed<'a>(candidate: &'a Deploy<'_>) -> impl Iterator<Item = &'a Component> {
    let components = candidate.recipe.recipe.components.iter();
    components.filter(|component| component.optional.is_none())
}

pub(super) fn start(update: &Update<'_>, archive: &Archive) -> Result<Vec<Step>, DeployError> {
    let mut steps = backup::kept(update.candidate.operation, archive);
    steps.extend(laid_out(update)?);
    steps.extend(stopped_in_the_end(update)?);
    steps.push(act(update, START, "Start it on the copy", Act::Start)?);
    steps.extend(update.looks(Whose::Migrated));
    Ok(steps)
}

pub(super) fn talk(update: &Update<'_>, count: &[step::Step]) -> Result<Vec<Step>, DeployError> {
    let candidate = update.candidate;
    let mut steps = update.counting(Whose::Migrated).steps(count)?;
    let rehearsal = &candidate.recipe.recipe.rehearsal;
    let spoken = rehearsed(candidate).find(|component| component.name == rehearsal.component);
    if let Some(component) = spoken {
        let talk = Act::Talk {
            address: format!("127.0.0.1:{}", candidate.active_port(component)),
            host: candidate.settings.network.domain.clone(),
            requests: rehearsal.talk.clone(),
        };
        steps.push(act(update, TALK, "Use it as people would", talk)?);
    }
    let files = &candidate.recipe.recipe.data.files;
    let compare = script(COMPARE, &[REHEARSAL, files], ACT_S).keep(64 << 10);
    let touched = Op::Observe {
        name: TOUCHED.to_owned(),
        exec: compare,
    };
    steps.push(Step::guest(
        "See that it left existing files alone",
        touched,
    ));
    Ok(steps)
}

/// What a rehearsal leaves is removed as one thing.
pub(super) fn take_down(update: &Update<'_>) -> Result<Exec, DeployError> {
    let mut paths = vec![
        REHEARSAL.to_owned(),
        DUMP_DIRECTORY.to_owned(),
        link(update),
    ];
    for component in rehearsed(update.candidate) {
        paths.push(drop_in(&unit(update.candidate, component)?));
    }
    paths.extend(slot_files(update).into_iter().map(|(_, to)| to));
    let words: Vec<&str> = paths.iter().map(String::as_str).collect();
    let mut exec = script(TAKE_DOWN, &words, 300);
    exec.destroys = vec![HANDLE.to_owned()];
    Ok(exec)
}

/// Notes which files there are; what is not among them, nobody can say of the candidate that it changed.
pub(super) fn listing() -> Step {
    let list = script(LIST, &[REHEARSAL, "before"], ACT_S);
    let gone = absent(format!("{REHEARSAL}/before"));
    Step::guest("List the files there are", Op::Exec(list)).undone_by(gone)
}

/// Link, environment and unit of the rehearsal's slot.
fn laid_out(update: &Update<'_>) -> Result<Vec<Step>, DeployError> {
    let candidate = update.candidate;
    let mut puts = vec![put(
        link(update),
        0,
        "root:root",
        Content::Link(candidate.release()),
    )];
    for (made, to) in slot_files(update) {
        puts.push(environment(update, made, to)?);
    }
    let mut first = None;
    for component in rehearsed(candidate) {
        let unit = unit(candidate, component)?;
        let place = drop_in(&unit);
        let text = confined(update, first.as_deref());
        puts.push(directory(place.clone(), 0o755, "root:root"));
        puts.push(file(format!("{place}/rehearsal.conf"), 0o644, text));
        first.get_or_insert(unit);
    }
    let steps = puts.into_iter().map(|op| {
        let path = match &op {
            Op::PutFile(file) => file.path.clone(),
            _ => String::new(),
        };
        Step::guest(format!("Write {path}"), op).undone_by(absent(path))
    });
    let mut steps: Vec<Step> = steps.collect();
    let reload = Op::Exec(Exec::root(["systemctl", "daemon-reload"], 60));
    steps.push(Step::guest("Have systemd read them", reload.clone()).undone_by(reload));
    Ok(steps)
}

/// Nothing of it runs – now, and when it is taken back.
fn stopped_in_the_end(update: &Update<'_>) -> Result<Vec<Step>, DeployError> {
    let mut steps = Vec::new();
    for component in rehearsed(update.candidate) {
        let unit = unit(update.candidate, component)?;
        let state = homeport_engine::op::ServiceState::Stopped;
        let stop = Op::Service { unit, state };
        steps.push(Step::guest("See that no rehearsal runs", stop.clone()).undone_by(stop));
    }
    Ok(steps)
}

fn act(update: &Update<'_>, name: &str, title: &str, act: Act) -> Result<Step, DeployError> {
    let candidate = update.candidate;
    let mut units = Vec::new();
    let mut probes = Vec::new();
    for component in rehearsed(candidate) {
        let unit = unit(candidate, component)?;
        probes.extend(candidate.probes(component, candidate.active_port(component), &unit)?);
        units.push(unit);
    }
    let spec = Spec { units, probes, act };
    let text = serde_json::to_string(&spec).unwrap_or_default();
    let exec = Exec {
        stdin: Stdin::Text(text),
        stdout: Stdout::Keep { limit: 1 << 20 },
        ..Exec::root([places::guest::AGENT, "rehearse"], ACT_S)
    };
    let name = name.to_owned();
    Ok(Step::guest(title, Op::Observe { name, exec }))
}

/// The environment of the candidate's slot, with the copy for the database, mail and the like off.
fn environment(update: &Update<'_>, made: &recipe::File, to: String) -> Result<Op, DeployError> {
    let candidate = update.candidate;
    let slot = candidate.slot(made);
    let values = Values::of(candidate, slot)?.on(update.rehearsed);
    let mut text = candidate.recipe.template(&made.template, values)?;
    for (name, value) in &candidate.recipe.recipe.rehearsal.environment {
        text.push_str(&format!("{name}={value}\n"));
    }
    Ok(written(made, &to, text))
}

/// The candidate's own files, and where the rehearsal's lie beside them.
fn slot_files<'a>(update: &'a Update<'_>) -> Vec<(&'a recipe::File, String)> {
    let colour = update.candidate.colour;
    let files = update.candidate.slot_files();
    let of = |made: &&recipe::File| {
        let slot = update.candidate.slot(made);
        slot.is_some_and(|(component, _)| component.optional.is_none())
    };
    files
        .filter(of)
        .map(|made| (made, made.to.replace(colour.name(), SLOT)))
        .collect()
}

fn link(update: &Update<'_>) -> String {
    let program = places::guest::program(&update.candidate.recipe.recipe.app);
    format!("{program}/{SLOT}")
}

fn unit(candidate: &Deploy<'_>, component: &Component) -> Result<String, DeployError> {
    let values = Values::of(candidate, Some((component, candidate.colour)))?;
    Ok(candidate
        .recipe
        .text(&component.unit, values.in_slot(SLOT))?)
}

/// Where systemd looks for what is added to a unit until the machine is started anew.
fn drop_in(unit: &str) -> String {
    format!("/run/systemd/system/{unit}.d")
}

/// What is added to the unit. All of the app's places are the rehearsal's own.
fn confined(update: &Update<'_>, first: Option<&str>) -> String {
    let recipe = &update.candidate.recipe.recipe;
    let data = &recipe.data;
    // The slot's own condition is that it is in service; the guest's is as ever.
    const AGENT: &str = places::guest::AGENT;
    let base = places::guest::data(&recipe.app);
    let joins = first.map_or_else(String::new, |unit| format!("JoinsNamespaceOf={unit}\n"));
    format!(
        "# A rehearsal: on a copy, without a network, gone with the next start of the machine.\n\
         [Unit]\nConditionPathExists=\n{joins}\n\
         [Service]\nExecCondition=\nExecCondition={AGENT} identity --check\nPrivateNetwork=yes\nRestart=no\nRuntimeMaxSec={LONGEST}\nLimitFSIZE={limit}M\n\
         ExecStartPre=/bin/sh -ec '{CLOSED}'\n\
         BindPaths={REHEARSAL}/base:{base}\nBindPaths={REHEARSAL}/database:{database}\n\
         BindPaths={REHEARSAL}/files:{files}\nBindPaths={REHEARSAL}/logs:{logs}\n",
        limit = update.file_limit_mb,
        database = data.database,
        files = data.files,
        logs = data.logs,
    )
}
