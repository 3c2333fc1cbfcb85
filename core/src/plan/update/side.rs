//! The two sides of a cut-over: what runs, what is asked, and what the guest writes down once it is in service.

use std::collections::BTreeMap;

use homeport_engine::cutover::Side;
use homeport_engine::op::{Content, Op, PutFile};
use serde_json::json;

use crate::places;
use crate::plan::deploy::{Deploy, DeployError};
use crate::plan::file;
use crate::settings::EditError;
use crate::state::{Previous, State};

/// A release in its slot, with what the guest says once it is in service.
pub struct Deployed<'a> {
    /// The release.
    pub deploy: &'a Deploy<'a>,
    /// The instance's state then.
    pub state: &'a State,
    /// Text of the deployment's configuration then.
    pub config: &'a str,
}

impl Deployed<'_> {
    /// As a side of a cut-over. `data` are the paths of its generation that are there already.
    ///
    /// # Errors
    /// When a text of the recipe is wrong.
    pub fn side(&self, data: Vec<String>) -> Result<Side, DeployError> {
        let deploy = self.deploy;
        let mut side = Side {
            colour: deploy.colour,
            version: deploy.version.to_owned(),
            units: Vec::new(),
            probes: Vec::new(),
            through: Vec::new(),
            needs: data,
            files: self.files(),
        };
        side.needs.push(deploy.release());
        for component in &deploy.recipe.recipe.components {
            let unit = deploy.unit(component)?;
            let asked = |port| deploy.probes(component, port, &unit);
            side.probes.extend(asked(deploy.active_port(component))?);
            side.through.extend(asked(places::guest::INTERNAL_PORT)?);
            side.units.push(unit);
        }
        Ok(side)
    }

    fn files(&self) -> Vec<PutFile> {
        let health = self.deploy.health;
        let config = places::guest::deployment_config(&self.state.app);
        let texts = [
            (places::guest::STATE, 0o644, self.state.to_json()),
            (&config, 0o640, self.config.to_owned()),
            (places::guest::HEALTH, 0o644, health.spec.clone()),
            (places::guest::PROBES, 0o644, health.probes.clone()),
            (places::guest::DATABASE, 0o644, health.database.clone()),
        ];
        let ops = texts.map(|(path, mode, text)| file(path, mode, text));
        let files = ops.into_iter().filter_map(|op| match op {
            Op::PutFile(file) if matches!(file.content, Content::Text(_)) => Some(file),
            _ => None,
        });
        files.collect()
    }
}

/// The deployment's configuration once this release is in service; everything else in it stays as its owner wrote it.
/// `at` is the time, UTC.
///
/// # Errors
/// When the text cannot be changed in these places alone.
pub fn settled(config: &str, deploy: &Deploy<'_>, at: &str) -> Result<String, EditError> {
    let colour = deploy.colour.name();
    let mut values = vec![("deployment.updated_at".to_owned(), json!(at))];
    match deploy.revision {
        Some(revision) => values.push(("git.deployed_commit".to_owned(), json!(revision.commit))),
        None => values.push(("source.version".to_owned(), json!(deploy.version))),
    }
    for component in &deploy.recipe.recipe.components {
        let at = |key: &str| format!("services.{}.{key}", component.name);
        values.push((at("active_color"), json!(colour)));
        values.push((at(&format!("version_{colour}")), json!(deploy.version)));
    }
    values
        .iter()
        .try_fold(config.to_owned(), |text, (path, value)| {
            crate::settings::edit(&text, path, value)
        })
}

/// What is to be remembered of the release in service once another one is. `migrated`: whether the other one changes the
/// database, and by how many rows.
pub fn previous(state: &State, at: u64, migrated: Option<BTreeMap<String, i64>>) -> Previous {
    Previous {
        version: state.version.clone(),
        commit: state.commit.clone(),
        release: state.release().to_owned(),
        colour: state.active_colour,
        generation: state.generation,
        until: at,
        migrated,
    }
}
