//! The last stage: the candidate's slot is made ready, the agent cuts over by itself, and what follows from it.

use std::collections::BTreeMap;

use homeport_engine::cutover::{Clock, CutOver, Drain, Gate, Marks};
use homeport_engine::exec::Exec;
use homeport_engine::op::{Content, Op};
use homeport_engine::plan::{Step, Undo};
use homeport_plugin_api::wire::step;
use serde_json::json;

use super::side::{self, Deployed};
use super::{Update, generation, rehearse, removal, script};
use crate::places;
use crate::plan::deploy::{Deploy, DeployError, Values, written};
use crate::plan::{absent, described, put, registered};
use crate::recipe;
use crate::state::{Registered, State, Status};

/// After so long without Commit everything is taken back, milliseconds: well below what proxies wait for an answer.
const DEADLINE_MS: u32 = 20_000;

/// So long after a round time an app may still be at work, milliseconds.
const AT_WORK_MS: u32 = 2_000;

/// So long the new release is watched, milliseconds.
const WATCH_MS: u32 = 30_000;

/// Removes every release in `$1/releases` that no slot leads to.
const PRUNE: &str = r#"cd "$1/releases"
for release in *; do
  [ -d "$release" ] || continue
  [ "$PWD/$release" -ef "$1/blue" ] || [ "$PWD/$release" -ef "$1/green" ] || rm -rf -- "$release"
done"#;

/// What the cut-over is planned from, beside the update.
pub struct Keeping<'a> {
    /// The plugin's steps that make the next generation.
    pub next: &'a [step::Step],
    /// The plugin's steps that remove it.
    pub remove: &'a [step::Step],
    /// The plugin's steps that remove the generation nobody can go back to any more.
    pub forget: &'a [step::Step],
    /// Text of the deployment's configuration as it is.
    pub config: &'a str,
    /// The same once the candidate is in service.
    pub config_after: &'a str,
    /// How long requests were predicted to wait, milliseconds.
    pub predicted_ms: u64,
    /// How many rows the migration adds by table; `None`: nothing was migrated.
    pub migrated: Option<BTreeMap<String, i64>>,
    /// The backup on the host.
    pub archive: &'a str,
    /// Rows it holds, by table.
    pub rows: &'a BTreeMap<String, u64>,
    /// Address of the guest.
    pub address: &'a str,
}

pub(super) fn steps(
    update: &Update<'_>,
    keeping: &Keeping<'_>,
) -> Result<(Vec<Step>, Vec<Step>), DeployError> {
    let candidate = update.candidate;
    let state = after(update, keeping);
    let away = Op::Exec(rehearse::take_down(update)?);
    let mut before = vec![Step::guest("Remove the rehearsal", away.clone()).undone_by(away)];
    before.extend(slot(candidate)?);
    before.push(Step::guest(
        format!("Put {} in service", candidate.version),
        Op::CutOver(Box::new(cut_over(update, keeping, &state)?)),
    ));
    let identity = &candidate.spec.identity;
    let entry = Registered::of(&state, identity, keeping.address);
    let program = places::guest::program(&state.app);
    let mut after = vec![registered(&entry), described(identity, &state)];
    after.push(Step::guest(
        "Remove what the release came as",
        absent(places::guest::STAGING),
    ));
    after.push(Step::guest(
        "Remove releases nobody can go back to",
        Op::Exec(script(PRUNE, &[&program], 300)),
    ));
    after.extend(update.database("forget").steps(keeping.forget)?);
    after.push(Step::host(
        "Remove what was fetched",
        absent(candidate.operation.staging()),
    ));
    Ok((before, after))
}

/// The candidate's slot: link, environment, its units at boot – where the colour decides which of them start.
pub(super) fn slot(candidate: &Deploy<'_>) -> Result<Vec<Step>, DeployError> {
    let recipe = &candidate.recipe.recipe;
    let colour = candidate.colour.name();
    let replaced = |title: String, op: Op| Step {
        undo: Undo::BeforeImage,
        ..Step::guest(title, op)
    };
    let link = format!("{}/{colour}", places::guest::program(&recipe.app));
    let leads = put(link, 0, "root:root", Content::Link(candidate.release()));
    let mut steps = vec![replaced(
        format!("Lead the {colour} slot to {}", candidate.version),
        leads,
    )];
    for made in candidate.slot_files() {
        let values = Values::of(candidate, candidate.slot(made))?;
        let text = candidate.recipe.template(&made.template, values)?;
        let title = format!("Write {}", made.to);
        steps.push(replaced(title, written(made, &made.to, text)));
    }
    for component in &recipe.components {
        let unit = candidate.unit(component)?;
        let systemctl = |verb| Op::Exec(Exec::root(["systemctl", "--quiet", verb, &unit], 60));
        steps.push(
            Step::guest(
                format!("Start {unit} at boot, when it is in service"),
                systemctl("enable"),
            )
            .undone_by(systemctl("disable")),
        );
    }
    Ok(steps)
}

fn cut_over(
    update: &Update<'_>,
    keeping: &Keeping<'_>,
    state: &State,
) -> Result<CutOver, DeployError> {
    let candidate = update.candidate;
    let from = Deployed {
        deploy: update.service,
        state: update.state,
        config: keeping.config,
    };
    let to = Deployed {
        deploy: candidate,
        state,
        config: keeping.config_after,
    };
    let plugin = update.database("next");
    let remove = removal(plugin, keeping.remove)?;
    let plain = between(from, to, Vec::new())?;
    Ok(CutOver {
        generation: generation(plugin, keeping.next, &remove)?,
        durable: vec![candidate.generation()],
        ..plain
    })
}

/// The cut-over from one release to another that makes no generation. `there` are the paths of the other's generation
/// that are there already.
pub(super) fn between(
    from: Deployed<'_>,
    to: Deployed<'_>,
    there: Vec<String>,
) -> Result<CutOver, DeployError> {
    let live = from.deploy.generation();
    Ok(CutOver {
        operation: to.deploy.operation.id.clone(),
        from: from.side(vec![live.clone()])?,
        to: to.side(there)?,
        gates: gates(to.deploy),
        marks: Marks::usual(),
        drain: Drain::usual(),
        deadline_ms: DEADLINE_MS,
        clock: to.deploy.recipe.recipe.clock.as_ref().map(clock),
        alone: vec![live],
        generation: Vec::new(),
        durable: Vec::new(),
        watch_ms: WATCH_MS,
    })
}

/// Whatever becomes of the cut-over, it has ended before the turn it must not lie across: by its deadline.
fn clock(rule: &recipe::Clock) -> Clock {
    Clock {
        every_s: match rule.not_across {
            recipe::Turn::Minute => 60,
            recipe::Turn::Hour => 3600,
        },
        before_ms: DEADLINE_MS,
        after_ms: AT_WORK_MS,
    }
}

/// The gates of all components: they move together.
fn gates(deploy: &Deploy<'_>) -> Vec<Gate> {
    let components = deploy.recipe.recipe.components.iter();
    let gate = |component: &recipe::Component| Gate {
        component: component.name.clone(),
        control: places::guest::gate_control(&component.name),
    };
    components.map(gate).collect()
}

/// The instance's state once the candidate is in service.
fn after(update: &Update<'_>, keeping: &Keeping<'_>) -> State {
    let (candidate, old) = (update.candidate, update.state);
    let mut noted = candidate.operation.noted();
    noted["from"] = json!(old.version);
    noted["to"] = json!(candidate.version);
    noted["predicted_ms"] = json!(keeping.predicted_ms);
    noted["backup"] = json!(keeping.archive);
    noted["rows"] = json!(keeping.rows);
    State {
        status: Status::Running,
        version: candidate.version.to_owned(),
        release: Some(candidate.release.to_owned()),
        commit: candidate.revision.map(|revision| revision.commit.clone()),
        active_colour: candidate.colour,
        epoch: old.epoch + 1,
        generation: old.newest_generation() + 1,
        homeport: candidate.program.version.clone(),
        last_operation: noted,
        previous: Some(side::previous(
            old,
            candidate.operation.at,
            keeping.migrated.clone(),
        )),
        ..old.clone()
    }
}
