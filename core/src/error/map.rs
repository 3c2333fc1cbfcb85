//! From library errors to the one the user sees: here those of engine, plans, plugins, settings and lock. Only this and
//! `release` decide which is of what kind.

use homeport_engine::check::Refused;
use homeport_engine::journal::JournalError;
use homeport_engine::run::{Fault, FaultKind, RunError};

use super::{Aftermath, Error, Kind};
use crate::lock::LockError;
use crate::plan::build::BuildError;
use crate::plan::deploy::DeployError;
use crate::plan::parts::Breach;
use crate::plugin::PluginError;
use crate::program::ProgramError;
use crate::recipe::RecipeError;
use crate::settings::SettingsError;

impl From<FaultKind> for Kind {
    fn from(kind: FaultKind) -> Kind {
        match kind {
            FaultKind::Failed | FaultKind::NotOurs => Kind::Machine,
            FaultKind::Requirement | FaultKind::Resources => Kind::Resources,
            FaultKind::Unhealthy | FaultKind::NotBegun => Kind::Unhealthy,
            FaultKind::Undone => Kind::Undone,
            FaultKind::Stuck => Kind::RecoveryFailed,
            FaultKind::Network => Kind::Network,
            FaultKind::Download => Kind::Download,
            FaultKind::Build => Kind::Build,
            FaultKind::Untrusted => Kind::Untrusted,
            FaultKind::Locked => Kind::Locked,
            FaultKind::Cancelled => Kind::Cancelled,
        }
    }
}

/// A fault by itself is one of looking: a step's comes as [`RunError`].
impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        let what = match fault.kind {
            FaultKind::Untrusted => "The release is not trusted.",
            FaultKind::Download => "The download failed.",
            _ => "The machine did not answer as expected.",
        };
        of_fault(what.to_owned(), fault)
    }
}

fn of_fault(what: String, fault: Fault) -> Error {
    let mut error = Error::new(fault.kind.into(), what, fault.why);
    error.remedies = fault.remedy;
    error.lines = fault.lines;
    error
}

/// The journal is open: whoever resolves it says with [`Error::after`] how that ended.
impl From<RunError> for Error {
    fn from(error: RunError) -> Error {
        match error {
            RunError::Step { title, fault, .. } if fault.kind == FaultKind::Cancelled => {
                of_fault(format!("Stopped before the step `{title}`."), fault)
                    .after(Aftermath::NeedsRecovery)
            }
            RunError::Step { title, fault, .. } => {
                of_fault(format!("The step `{title}` failed."), fault)
                    .after(Aftermath::NeedsRecovery)
            }
            RunError::Undo { title, fault, .. } => {
                let mut error = of_fault(
                    format!("The step `{title}` could not be taken back."),
                    fault,
                );
                error.kind = Kind::RecoveryFailed;
                error.after(Aftermath::NeedsRecovery)
            }
            RunError::Journal(error) => Error::from(error).after(Aftermath::NeedsRecovery),
        }
    }
}

impl From<RecipeError> for Error {
    fn from(error: RecipeError) -> Error {
        let kind = match &error {
            RecipeError::Unknown { .. } | RecipeError::Invalid(_) | RecipeError::Text { .. } => {
                Kind::Configuration
            }
            RecipeError::Unreadable { .. } => Kind::Resources,
        };
        Error::new(kind, "The recipe cannot be used.", error.to_string())
    }
}

impl From<DeployError> for Error {
    fn from(error: DeployError) -> Error {
        match error {
            DeployError::Recipe(error) => error.into(),
            DeployError::Breach(error) => error.into(),
            DeployError::Build(error) => error.into(),
            error @ DeployError::Fingerprint(_) => Error::new(
                Kind::Machine,
                "The guest's answer makes no sense.",
                error.to_string(),
            ),
            DeployError::Untrusted { ref remedies, .. } => remedies.iter().fold(
                Error::new(
                    Kind::Untrusted,
                    "The release is not trusted.",
                    error.to_string(),
                ),
                |error, remedy| error.with_remedy(remedy),
            ),
            DeployError::NotInRelease { ref component, .. } => {
                let way = format!(
                    "Install another release, or leave {component} out: `--set services.{component}.enabled=off`."
                );
                Error::new(
                    Kind::Configuration,
                    "The release lacks a component.",
                    error.to_string(),
                )
                .with_remedy(way)
            }
            DeployError::OtherComponents {
                ref component,
                brings,
                ..
            } => {
                let way = match brings {
                    true => format!(
                        "Go on without it: in the container, put `enabled: off` below `services`, `{component}` into the deployment's configuration."
                    ),
                    false => "Stay with releases that have it.".to_owned(),
                };
                Error::new(
                    Kind::Configuration,
                    "An update exchanges components; it neither adds one nor takes one away.",
                    error.to_string(),
                )
                .with_remedy(way)
                .with_remedy("Or install that release as another instance.")
            }
            error @ DeployError::Dialect { .. } => Error::new(
                Kind::Configuration,
                "App and database do not fit.",
                error.to_string(),
            ),
        }
    }
}

impl From<BuildError> for Error {
    fn from(error: BuildError) -> Error {
        let (kind, remedy) = match &error {
            BuildError::NoSuch { repository, .. } => (
                Kind::Download,
                format!(
                    "See what there is: `git ls-remote {repository}`; then name it with `--git-branch`."
                ),
            ),
            BuildError::Ambiguous { reference } => (
                Kind::Configuration,
                format!(
                    "Say which: `--git-branch refs/heads/{reference}` or `--git-branch refs/tags/{reference}`."
                ),
            ),
            BuildError::NoPin { .. } | BuildError::Version(_) => (
                Kind::Build,
                "Build another commit: name it with `--git-branch`.".to_owned(),
            ),
            BuildError::Unreadable(_) | BuildError::Recipe(_) => {
                (Kind::Machine, "Run the same command again.".to_owned())
            }
        };
        match error {
            BuildError::Recipe(error) => error.into(),
            error => Error::new(kind, "This source cannot be built.", error.to_string())
                .with_remedy(remedy),
        }
    }
}

impl From<Breach> for Error {
    fn from(error: Breach) -> Error {
        Error::new(
            Kind::Plugin,
            "A plugin broke its contract.",
            error.to_string(),
        )
    }
}

impl From<ProgramError> for Error {
    fn from(error: ProgramError) -> Error {
        Error::new(
            Kind::Untrusted,
            "This Homeport is not whole.",
            error.to_string(),
        )
        .with_remedy("Install it again with the one-line command.")
    }
}

impl From<JournalError> for Error {
    fn from(error: JournalError) -> Error {
        let (kind, remedy) = match &error {
            JournalError::Io { .. } => (
                Kind::Resources,
                "Check the disk (`df -h`) and that Homeport runs as root.",
            ),
            JournalError::Damaged { .. } => (
                Kind::RecoveryFailed,
                "Keep the file, and report this: what it demands cannot be decided without it.",
            ),
        };
        Error::new(kind, "The journal cannot be used.", error.to_string()).with_remedy(remedy)
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Error {
        Error::new(
            Kind::Unexpected,
            "Homeport refuses to run its own plan.",
            refused.to_string(),
        )
        .with_remedy(
            "Please report this, with the output of the same command and `--dry-run --json`.",
        )
    }
}

impl From<SettingsError> for Error {
    fn from(error: SettingsError) -> Error {
        let remedy = match &error {
            SettingsError::Unreadable { .. } => "Check the path behind `--config`.",
            SettingsError::Edit(_) => "See where it stands: `homeport config check FILE`.",
            SettingsError::Invalid(_) | SettingsError::Missing(_) => {
                "Correct the settings; `homeport install --help` explains each."
            }
        };
        Error::new(
            Kind::Configuration,
            "The settings are not valid.",
            error.to_string(),
        )
        .with_remedy(remedy)
    }
}

impl From<PluginError> for Error {
    fn from(error: PluginError) -> Error {
        let (kind, what) = match &error {
            error if error.is_about_trust() => (Kind::Untrusted, "A plugin is not trusted."),
            PluginError::Unknown { .. } => (Kind::Plugin, "A plugin is missing."),
            PluginError::Refused { .. } => (Kind::Plugin, "A plugin says no."),
            _ => (Kind::Plugin, "A plugin cannot be used."),
        };
        Error::new(kind, what, error.to_string()).with_remedy(error.remedy())
    }
}

impl From<LockError> for Error {
    fn from(error: LockError) -> Error {
        match &error {
            LockError::Held {
                holder: Some(holder),
                ..
            } => Error::new(
                Kind::Locked,
                "Another operation is under way.",
                error.to_string(),
            )
            .with_remedy(format!(
                "Wait until it has ended, or look at it: `ps -fp {}`.",
                holder.process.pid
            )),
            LockError::Held { holder: None, .. } => Error::new(
                Kind::Locked,
                "Another operation is under way.",
                error.to_string(),
            )
            .with_remedy("Wait a moment, then run the same command again."),
            LockError::Io { .. } => Error::new(
                Kind::Resources,
                "The lock cannot be taken.",
                error.to_string(),
            )
            .with_remedy("Run Homeport as root, and check the disk (`df -h`)."),
        }
    }
}
