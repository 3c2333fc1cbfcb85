//! Updates an instance: another release is put beside the one in service, rehearsed on a copy of the data, and put in its
//! place. Until the cut-over nothing in service is touched.
//!
//! Five stages, for each learns what the next one needs: `release` fetches and looks, `copy` dumps the database and makes
//! a copy of the dump, `count` counts that copy and makes the rehearsal's, `rehearse` keeps the backup and starts the
//! candidate behind closed doors, `talk` uses it as people would. Then `cut-over`, which the agent does by itself.

mod back;
mod copy;
mod judge;
mod rehearse;
mod release;
mod side;
mod switch;

use std::collections::BTreeMap;

use homeport_engine::exec::Exec;
use homeport_engine::op::Op;
use homeport_engine::plan::{Plan, Step};
use homeport_plugin_api::wire::conversation::{Command, Handle};
use homeport_plugin_api::wire::database::Attachment;
use homeport_plugin_api::wire::step;

use crate::plan::backup::Archive;
use crate::plan::deploy::{Deploy, DeployError};
use crate::plan::parts::{self, Plugin};
use crate::recipe::Loaded;
use crate::state::State;

pub use back::{Back, FILES, Newer};
pub use judge::{Counted, Difference, Predicted, Timings, Written, lost, written};
pub use rehearse::{START, TALK, TOUCHED};
pub use side::{Deployed, previous, settled};
pub use switch::Keeping;

/// Directory in the guest of everything that a rehearsal makes.
pub const REHEARSAL: &str = "/var/lib/homeport/rehearsal";

/// Name of the rehearsal's slot, beside `blue` and `green`.
pub(crate) const SLOT: &str = "rehearsal";

/// The handle of everything below [`REHEARSAL`].
const HANDLE: &str = "rehearsal";

/// Everything an update is planned from.
pub struct Update<'a> {
    /// The release to come: its version and directory, its slot, its generation of the database.
    pub candidate: &'a Deploy<'a>,
    /// The whole recipe; those of the two releases are of what is installed.
    pub whole: &'a Loaded,
    /// The release in service.
    pub service: &'a Deploy<'a>,
    /// The instance's state as its guest told it.
    pub state: &'a State,
    /// What the database plugin wants to look at before it counts, by whose rows are counted.
    pub looks: BTreeMap<Whose, Vec<Command>>,
    /// Largest file the candidate may write in its rehearsal, MiB: nothing it does there fills the disk.
    pub file_limit_mb: u64,
    /// How the app reaches the rehearsal's copy, from inside.
    pub rehearsed: &'a Attachment,
}

/// Whose rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    /// Those of the dump, loaded into a database of its own.
    Dumped,
    /// Those of the rehearsal's copy once the candidate has migrated it.
    Migrated,
}

impl Whose {
    fn purpose(self) -> &'static str {
        match self {
            Whose::Dumped => "count-dumped",
            Whose::Migrated => "count-migrated",
        }
    }
}

/// The copies of the database an update makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copies {
    /// The dump, as a database of its own.
    pub scratch: Handle,
    /// The copy the candidate is rehearsed on, made of the scratch copy as the next generation is made of the live one.
    pub trial: Handle,
}

/// Where the copies lie. `name` is the base name of the app's databases, `app` that of its file.
pub fn copies(name: &str, app: &str) -> Copies {
    let handle = |kind: &str, place: &str| Handle {
        name: kind.to_owned(),
        path: format!("{REHEARSAL}/{place}/{app}.db"),
        database: format!("{name}_{kind}"),
    };
    Copies {
        scratch: handle("scratch", "scratch/db"),
        trial: handle("trial", "database/rehearsal"),
    }
}

/// The rehearsal's copy as the candidate sees it: its place in the view that is laid over the data.
pub fn seen_from_inside(copies: &Copies, database: &str) -> Handle {
    let below = format!("{REHEARSAL}/database");
    let path = copies.trial.path.replacen(&below, database, 1);
    Handle {
        path,
        ..copies.trial.clone()
    }
}

/// The plugin's steps of the `copy` stage.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CopySteps {
    /// Dump the database in service.
    pub dump: Vec<step::Step>,
    /// Load the dump into the scratch copy.
    pub load: Vec<step::Step>,
    /// Remove the scratch copy.
    pub remove: Vec<step::Step>,
}

/// The plugin's steps of the `count` stage.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TrialSteps {
    /// Count the scratch copy.
    pub count: Vec<step::Step>,
    /// Copy it once more, as a next generation is made.
    pub copy: Vec<step::Step>,
    /// Remove that copy.
    pub remove: Vec<step::Step>,
}

impl Update<'_> {
    /// First stage: the release lies in the guest, beside the one in service.
    ///
    /// # Errors
    /// When a text of the recipe is wrong.
    pub fn release(&self, first: u32) -> Result<Plan, DeployError> {
        Ok(self.stage("release", first, release::steps(self)?))
    }

    /// Second stage: the database is dumped, and the dump proven by being loaded.
    ///
    /// # Errors
    /// When the plugin breaks its contract.
    pub fn copy(&self, first: u32, steps: &CopySteps) -> Result<Plan, DeployError> {
        Ok(self.stage("copy", first, copy::dumped(self, steps)?))
    }

    /// Third stage: what is in the dump is counted, and the rehearsal gets a copy of it.
    ///
    /// # Errors
    /// When the plugin breaks its contract.
    pub fn count(&self, first: u32, steps: &TrialSteps) -> Result<Plan, DeployError> {
        Ok(self.stage("count", first, copy::counted(self, steps)?))
    }

    /// Fourth stage: the backup is on the host, opened and counted; the candidate has migrated the copy and is up.
    ///
    /// # Errors
    /// When a text of the recipe is wrong.
    pub fn rehearse(&self, first: u32, archive: &Archive) -> Result<Plan, DeployError> {
        let directory = archive.directory.clone();
        let mut plan = self.stage("rehearse", first, rehearse::start(self, archive)?);
        plan.owns.push(directory);
        Ok(plan)
    }

    /// Fifth stage: the candidate is used, stopped, started again; then nothing of the rehearsal is left.
    ///
    /// # Errors
    /// When the plugin breaks its contract.
    pub fn talk(&self, first: u32, count: &[step::Step]) -> Result<Plan, DeployError> {
        Ok(self.stage("talk", first, rehearse::talk(self, count)?))
    }

    /// Sixth stage: the cut-over, Commit, and what follows from it.
    ///
    /// # Errors
    /// When a text of the recipe is wrong, or the plugin breaks its contract.
    pub fn switch(&self, first: u32, keeping: &Keeping<'_>) -> Result<Plan, DeployError> {
        let (before, after) = switch::steps(self, keeping)?;
        let commit = Some(before.len());
        let steps = before.into_iter().chain(after).collect();
        let operation = self.candidate.operation;
        let mut plan = operation.stage("cut-over", first, commit, steps);
        plan.owns
            .push(self.candidate.settings.backup.directory.clone());
        Ok(plan)
    }

    fn stage(&self, name: &str, first: u32, steps: Vec<Step>) -> Plan {
        self.candidate.operation.stage(name, first, None, steps)
    }

    /// The database plugin, asked for one of its purposes.
    pub fn database<'b>(&'b self, purpose: &'b str) -> Plugin<'b> {
        self.candidate.database_for(purpose)
    }

    /// The database plugin, asked whose rows there are.
    pub fn counting(&self, whose: Whose) -> Plugin<'_> {
        self.database(whose.purpose())
    }

    fn looks(&self, whose: Whose) -> Vec<Step> {
        let looks = self.looks.get(&whose).map_or(&[][..], Vec::as_slice);
        self.counting(whose).observe(looks)
    }
}

/// The plugin's steps that make a copy of the rehearsal's, each taken back by the removal of that copy: whether all of the
/// rehearsal is gone by then or not.
fn making(
    plugin: Plugin<'_>,
    steps: &[step::Step],
    remove: &Op,
) -> Result<Vec<Step>, parts::Breach> {
    let steps = plugin.steps(steps)?.into_iter();
    let taken_back = steps.map(|step| match step.op.only_reads() {
        true => step,
        false => step.undone_by(remove.clone()),
    });
    Ok(taken_back.collect())
}

/// The plugin's steps that make the next generation, as a cut-over takes them: what only looks has looked in the
/// rehearsal, at a copy made by the same steps; what makes nothing is taken back by itself.
fn generation(
    plugin: Plugin<'_>,
    steps: &[step::Step],
    remove: &Op,
) -> Result<Vec<Step>, parts::Breach> {
    let steps = plugin.steps(steps)?.into_iter();
    let changing = steps.filter(|step| !step.op.only_reads());
    let taken_back = changing.map(|step| {
        let back = match creates_nothing(&step.op) {
            true => step.op.clone(),
            false => remove.clone(),
        };
        step.undone_by(back)
    });
    Ok(taken_back.collect())
}

fn creates_nothing(op: &Op) -> bool {
    match op {
        Op::Exec(exec) => exec.creates.is_empty(),
        _ => true,
    }
}

/// A removal is one command, so that it can be the way back of a step.
fn removal(plugin: Plugin<'_>, steps: &[step::Step]) -> Result<Op, parts::Breach> {
    let ops: Vec<Op> = plugin
        .steps(steps)?
        .into_iter()
        .map(|step| step.op)
        .collect();
    match <[Op; 1]>::try_from(ops) {
        Ok([op @ Op::Exec(_)]) => Ok(op),
        _ => Err(plugin.breach("a copy's removal must be one command")),
    }
}

/// Runs a script in the guest: twice is once.
fn script(text: &str, arguments: &[&str], timeout_s: u32) -> Exec {
    let mut exec = Exec::root(["sh", "-ec", text, "sh"], timeout_s);
    exec.argv
        .extend(arguments.iter().map(|word| (*word).to_owned()));
    exec
}
