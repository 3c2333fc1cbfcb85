//! `homeport config …`.

use std::process::ExitCode;

use super::answer;
use crate::cli::args::{Common, Config};
use crate::cli::schema;
use crate::error::Error;
use crate::program::Program;
use crate::verbs::config;

pub(super) fn config(common: Common, given: &Config) -> Result<ExitCode, Error> {
    let program = Program::find()?;
    match given {
        Config::Check { file } => {
            let result = schema::Checked {
                file: file.clone(),
                valid: true,
                settings: config::check(&program, file)?,
            };
            let settings = &result.settings;
            answer(common, &result, || {
                let (name, url) = (&settings.deployment.instance_id, settings.public_url());
                let app = &settings.app;
                format!("`{}` is valid: {app} as `{name}` at {url}.", file.display())
            })
        }
        Config::Set { file, set } => {
            config::set(&program, file, set)?;
            let result = schema::Set {
                file: file.clone(),
                set: set.clone(),
            };
            answer(common, &result, || {
                format!("`{}` is changed.", file.display())
            })
        }
        Config::Schema { app } => {
            let schema = config::schema(&program, app.as_deref())?;
            answer(common, &schema, || format!("{schema:#}"))
        }
    }
}
