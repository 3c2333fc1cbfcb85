//! What can be typed: verbs, flags and their help. Says nothing about what they do.

mod bundle;
mod config;
mod history;
mod recipe;
mod settings;
mod since;
mod update;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use clap_complete::engine::ArgValueCandidates;

pub use bundle::{Bundle, Channel, Create, Key, PublicKey};
pub use config::Config;
pub use history::{History, Past};
pub use recipe::{Pin, Recipe};
pub use settings::Given;
pub use since::Since;
pub use update::{Rollback, Update};

use super::complete;
use super::progress::Mode;
use crate::settings::{ConfigFile, Sources, instance_id};

/// Installs apps on a machine of yours, keeps them running, and never loses what is in them.
#[derive(Debug, Parser)]
#[command(
    name = "homeport",
    version,
    max_term_width = 100,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
#[command(after_help = CODES)]
pub struct Cli {
    /// Flags of every verb.
    #[command(flatten)]
    pub common: Common,
    /// The verb.
    #[command(subcommand)]
    pub verb: Verb,
}

const CODES: &str = "Exit codes: 0 done and checked, 1 unexpected, 2 usage, 3 configuration, 4 resources or prerequisites, 5 locked, \
6 network or address conflict, 8 download, 9 build, 10 unhealthy, 11 taken back, the old version serves, 12 could not be taken back, 13 signature or digest, 14 backup, 16 plugin, \
17 no such instance, 18 host or container operation, 20 cancelled, 130/143 killed: the same command resumes.";

/// Flags of every verb.
#[derive(Debug, Clone, Copy, Args)]
pub struct Common {
    /// Print the result as JSON on stdout, and events as JSON lines on stderr. Never asks
    #[arg(long, global = true)]
    pub json: bool,
    /// Answer every question with yes
    #[arg(long, short = 'y', global = true)]
    pub yes: bool,
    /// Show more: what steps do and say
    #[arg(long, short = 'v', global = true, conflicts_with = "quiet")]
    pub verbose: bool,
    /// Show no progress
    #[arg(long, short = 'q', global = true)]
    pub quiet: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Install an app in a container of its own
    Install(Box<Install>),
    /// Show how an instance is: services, addresses, database, disk, memory, each finding with its remedy
    Status(Look),
    /// List the instances
    List,
    /// Show what an instance's programs have logged, in the order it happened
    Logs(Logs),
    /// Start an instance
    Start(Change),
    /// Stop an instance: its app, then its container
    Stop(Change),
    /// Stop an instance and start it again
    Restart(Change),
    /// Bring an instance's agent and gates to this Homeport's version, while requests wait
    Upgrade(Change),
    /// Remove an instance and everything that was made for it
    Uninstall(Uninstall),
    /// Exchange the release: rehearsed on a copy of the data first, then put in service while requests wait
    Update(Update),
    /// Carry out what `update --plan-out` has written into a file, if everything is as it was then
    Apply {
        /// The file
        file: PathBuf,
    },
    /// Go back to the release before, with its data where the update has changed the database
    Rollback(Rollback),
    /// Settle which container an instance is, after one was cloned, restored or rolled back
    Adopt(Adopt),
    /// List what has been done to an instance, or show how one of it went
    History(History),
    /// Look at the host and at everything Homeport keeps: what is or would be in the way, and what cures it
    Doctor,
    /// Check and change settings files before they are used
    #[command(subcommand)]
    Config(Config),
    /// Look at plugins
    #[command(subcommand)]
    Plugin(Plugin),
    /// Look at recipes: what is known of an app, as files
    #[command(subcommand)]
    Recipe(Recipe),
    /// Make and examine release bundles
    #[command(subcommand)]
    Bundle(Bundle),
    /// Print a script that completes commands, for your shell to read
    Completions {
        /// Which shell
        shell: Shell,
    },
}

/// `install`.
#[derive(Debug, Args)]
pub struct Install {
    /// YAML file with settings; also HOMEPORT_CONFIG. Flags and environment win over it
    #[arg(long, alias = "config-file", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Any setting by its place in the file, such as services.backend.port_blue=3456; may be repeated
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// What becomes of a container that could not be finished
    #[arg(long, value_enum, default_value_t = OnFailure::Remove)]
    pub on_failure: OnFailure,
    /// Print what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// The settings.
    #[command(flatten)]
    pub given: Given,
}

/// What becomes of a container that could not be finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnFailure {
    /// It is removed with everything in it
    Remove,
    /// It stays to be looked at; the next install of the same instance first removes it
    Keep,
}

/// A verb that looks at one instance.
#[derive(Debug, Args)]
pub struct One {
    /// Which instance; may be left out when there is only one
    #[arg(value_parser = instance, add = ArgValueCandidates::new(complete::instances))]
    pub instance: Option<String>,
}

/// `status`.
#[derive(Debug, Args)]
pub struct Look {
    /// Which instance.
    #[command(flatten)]
    pub one: One,
    /// Look again every so many seconds until Ctrl-C; 5 if none are given. With --json, one line per look
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "5",
        value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub watch: Option<u32>,
    /// Be content with an earlier look that is not older than this, at most 10 seconds; it says how old it is
    #[arg(long, value_name = "SECONDS", default_value_t = 0, conflicts_with = "watch",
        value_parser = clap::value_parser!(u32).range(0..=10))]
    pub max_age: u32,
}

/// `logs`.
#[derive(Debug, Args)]
pub struct Logs {
    /// Which instance.
    #[command(flatten)]
    pub one: One,
    /// Only this part: a component of the app, `gate`, `proxy`, `agent`; or `homeport`, what Homeport did to the instance.
    /// May be repeated
    #[arg(long, short = 'c', value_name = "COMPONENT", add = ArgValueCandidates::new(complete::components))]
    pub component: Vec<String>,
    /// Show what comes until Ctrl-C
    #[arg(long, short = 'f')]
    pub follow: bool,
    /// So many of the last lines
    #[arg(long, short = 'n', value_name = "N", default_value_t = 100,
        value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub lines: u32,
    /// Nothing before this: 90s, 10m, 2h, 3d, 1w ago, or a time in UTC, such as `2026-01-02 03:04`
    #[arg(long, value_name = "TIME", value_parser = Since::read)]
    pub since: Option<Since>,
}

/// A verb that changes one instance.
#[derive(Debug, Args)]
pub struct Change {
    /// Which instance.
    #[command(flatten)]
    pub one: One,
    /// Print what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `uninstall`.
#[derive(Debug, Args)]
pub struct Uninstall {
    /// Which instance, and whether only to look.
    #[command(flatten)]
    pub change: Change,
    /// Leave a verified archive of its data in the backup directory
    #[arg(long)]
    pub keep_data: bool,
}

/// `adopt`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("as").required(true))]
pub struct Adopt {
    /// Which container, by its id
    pub guest: String,
    /// It is a copy: an instance of its own by this name, with the data that is in it
    #[arg(long, value_name = "NAME", group = "as", value_parser = instance)]
    pub as_copy: Option<String>,
    /// It is the original: what is in it is what the instance is from now on
    #[arg(long, group = "as")]
    pub as_original: bool,
    /// Print what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `plugin`.
#[derive(Debug, Subcommand)]
pub enum Plugin {
    /// List the plugins there are, and why one cannot be used
    List,
    /// Show everything a plugin says of itself
    Inspect {
        /// Its name or its file
        #[arg(add = ArgValueCandidates::new(complete::plugins))]
        plugin: String,
    },
}

impl Cli {
    /// Reads the command line. What clap has to say – help, version, what was typed wrongly – is printed, and its exit
    /// code (0 or 2) returned.
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, u8> {
        Cli::try_parse_from(arguments).map_err(|error| {
            let _ = error.print();
            u8::try_from(error.exit_code()).unwrap_or(2)
        })
    }
}

impl Common {
    /// How progress is shown.
    pub fn progress(&self) -> Mode {
        match self {
            Common { quiet: true, .. } => Mode::Quiet,
            Common { json: true, .. } => Mode::Json,
            _ => Mode::Talk {
                verbose: self.verbose,
            },
        }
    }
}

impl Install {
    /// Everything that was given, from this process's environment, too.
    ///
    /// # Errors
    /// When the settings file cannot be read.
    pub fn sources(&self) -> Result<Sources, crate::settings::SettingsError> {
        let text = |(name, value): (OsString, OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let named = std::env::var_os("HOMEPORT_CONFIG")
            .filter(|name| !name.is_empty())
            .map(PathBuf::from);
        let config = self.config.clone().or(named);
        Ok(Sources {
            flags: self.given.flags.clone(),
            set: self.set.clone(),
            environment: std::env::vars_os().filter_map(text).collect(),
            file: config.map(|path| ConfigFile::read(&path)).transpose()?,
        })
    }
}

/// An instance's name becomes part of paths: what is no name is refused here.
fn instance(text: &str) -> Result<String, String> {
    instance_id(text).map_err(|why| format!("it {why}"))
}

#[cfg(test)]
mod documents_tests;
#[cfg(test)]
mod tests;
