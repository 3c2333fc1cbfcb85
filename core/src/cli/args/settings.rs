//! A flag for every setting that users may give, made from the table of settings.

use std::collections::BTreeMap;

use clap::{Arg, ArgMatches, Command};

use crate::settings::{FIELDS, Field, Need};

/// The settings given as flags, by name. What is valid, the settings themselves decide: all findings at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// Values by the flag's name without dashes.
    pub flags: BTreeMap<String, String>,
}

fn asked() -> impl Iterator<Item = &'static Field> {
    FIELDS.iter().filter(|field| field.asked())
}

fn flag(field: &'static Field) -> Arg {
    let default = match &field.need {
        Need::Default(value) => format!(" [default: {value}]"),
        Need::Required | Need::Optional | Need::Recorded => String::new(),
    };
    let help = format!(
        "{}{default} [env: {}]",
        field.reason.trim_end_matches('.'),
        field.variable()
    );
    Arg::new(&*field.name)
        .long(&*field.name)
        .value_name(field.kind.placeholder())
        .help(help)
        .help_heading("Settings")
}

impl clap::Args for Given {
    fn augment_args(command: Command) -> Command {
        command.args(asked().map(flag))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for Given {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Given, clap::Error> {
        let given = |field: &Field| {
            Some((
                field.name.clone().into_owned(),
                matches.get_one::<String>(&field.name)?.clone(),
            ))
        };
        Ok(Given {
            flags: asked().filter_map(given).collect(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.flags.extend(Given::from_arg_matches(matches)?.flags);
        Ok(())
    }
}
