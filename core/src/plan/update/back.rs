//! Goes back to the release before: the cut-over in reverse. Its release and its generation of the database were left
//! whole; what has been written since is counted first.

use homeport_engine::cutover::CutOver;
use homeport_engine::op::Op;
use homeport_engine::plan::{Plan, Step};
use homeport_plugin_api::wire::conversation::Command;
use homeport_plugin_api::wire::step;

use super::side::{self, Deployed};
use super::{script, switch};
use crate::plan::deploy::{Deploy, DeployError};
use crate::plan::parts::Plugin;
use crate::plan::{absent, backup, described, registered};
use crate::state::{Previous, Registered, State, Status};

/// Name of the observation that counts the files written since.
pub const FILES: &str = "files.since";

/// Counts the files below `$1` that are newer than the Unix time `$2`.
const NEWER: &str = r#"find "$1" -type f -newermt "@$2" | wc -l"#;

/// Everything a way back is planned from.
pub struct Back<'a> {
    /// The release before, in its slot.
    pub to: &'a Deploy<'a>,
    /// The release in service.
    pub service: &'a Deploy<'a>,
    /// The instance's state as its guest told it.
    pub state: &'a State,
    /// What is remembered of the release before.
    pub previous: &'a Previous,
    /// Text of the deployment's configuration as it is.
    pub config: &'a str,
    /// The same once the release before is in service.
    pub config_after: &'a str,
    /// Address of the guest.
    pub address: String,
}

/// What the database plugin is asked for before a way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Newer {
    /// How many rows were written since.
    Counted,
    /// The rows themselves.
    Exported,
}

impl Back<'_> {
    /// The database plugin, asked for what is newer.
    pub fn newer(&self, newer: Newer) -> Plugin<'_> {
        self.service.database_for(match newer {
            Newer::Counted => "compare",
            Newer::Exported => "export-newer",
        })
    }

    /// First stage: what the plugin wants to look at before it compares. Only looks.
    pub fn look(&self, first: u32, looks: &[(Newer, Vec<Command>)]) -> Plan {
        let looked = looks
            .iter()
            .flat_map(|(newer, looks)| self.newer(*newer).observe(looks));
        let mut steps: Vec<Step> = looked.collect();
        let files = &self.service.recipe.recipe.data.files;
        let until = self.previous.until.to_string();
        let newer = Op::Observe {
            name: FILES.to_owned(),
            exec: script(NEWER, &[files, &until], 600).keep(64),
        };
        steps.push(Step::guest("Count the files written since", newer));
        self.to.operation.stage("look", first, None, steps)
    }

    /// Second stage: how many rows are newer. Only looks.
    ///
    /// # Errors
    /// When the plugin breaks its contract.
    pub fn compare(&self, first: u32, steps: &[step::Step]) -> Result<Plan, DeployError> {
        let steps = self.newer(Newer::Counted).steps(steps)?;
        Ok(self.to.operation.stage("compare", first, None, steps))
    }

    /// Third stage, if somebody wants the newer rows kept: they are in a file of the guest, from where the host takes them.
    ///
    /// # Errors
    /// When the plugin breaks its contract.
    pub fn export(&self, first: u32, steps: &[step::Step]) -> Result<Plan, DeployError> {
        let steps = self.newer(Newer::Exported).steps(steps)?;
        let steps = backup::dumped(&self.service.recipe.recipe.user, steps);
        Ok(self.to.operation.stage("export", first, None, steps))
    }

    /// Last stage: the cut-over and what follows from it. `exported`: the newer rows lie in a file of the guest.
    ///
    /// # Errors
    /// When a text of the recipe is wrong.
    pub fn switch(&self, first: u32, exported: bool) -> Result<Plan, DeployError> {
        let state = self.after();
        let mut steps = switch::slot(self.to)?;
        steps.push(Step::guest(
            format!("Put {} in service again", self.to.version),
            Op::CutOver(Box::new(self.cut_over(&state)?)),
        ));
        let commit = Some(steps.len());
        let identity = &self.to.spec.identity;
        let entry = Registered::of(&state, identity, &self.address);
        steps.extend([registered(&entry), described(identity, &state)]);
        if exported {
            let away = absent(backup::DUMP_DIRECTORY);
            steps.push(Step::guest("Remove the file with the newer rows", away));
        }
        Ok(self.to.operation.stage("cut-over", first, commit, steps))
    }

    fn cut_over(&self, state: &State) -> Result<CutOver, DeployError> {
        let from = Deployed {
            deploy: self.service,
            state: self.state,
            config: self.config,
        };
        let to = Deployed {
            deploy: self.to,
            state,
            config: self.config_after,
        };
        switch::between(from, to, vec![self.to.generation()])
    }

    fn after(&self) -> State {
        let (old, previous) = (self.state, self.previous);
        let negated = previous.migrated.clone().map(|rows| {
            let back = rows.into_iter().map(|(table, rows)| (table, -rows));
            back.collect()
        });
        let generation = match previous.migrated {
            Some(_) => previous.generation,
            None => old.generation,
        };
        let mut noted = self.to.operation.noted();
        noted["from"] = old.version.clone().into();
        noted["to"] = previous.version.clone().into();
        State {
            status: Status::Running,
            version: previous.version.clone(),
            commit: previous.commit.clone(),
            release: Some(previous.release.clone()),
            active_colour: previous.colour,
            epoch: old.epoch + 1,
            generation,
            homeport: self.to.program.version.clone(),
            last_operation: noted,
            previous: Some(side::previous(old, self.to.operation.at, negated)),
            ..old.clone()
        }
    }
}
