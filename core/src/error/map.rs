//! From library errors to the one the user sees. The only place that decides which is of what kind.

use homeport_bootstrap::fetch::FetchError;
use homeport_bootstrap::release::ReleaseError;
use homeport_bootstrap::trust::TrustError;
use homeport_bootstrap::unpack::UnpackError;
use homeport_engine::check::Refused;
use homeport_engine::journal::JournalError;
use homeport_engine::run::{Fault, FaultKind, RunError};

use super::{Aftermath, Error, Kind};
use crate::bundle::BundleError;
use crate::lock::LockError;
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
            FaultKind::Unhealthy => Kind::Unhealthy,
            FaultKind::Network => Kind::Network,
            FaultKind::Download => Kind::Download,
            FaultKind::Locked => Kind::Locked,
            FaultKind::Cancelled => Kind::Cancelled,
        }
    }
}

/// A fault by itself is one of looking: a step's comes as [`RunError`].
impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        of_fault("The machine did not answer as expected.".to_owned(), fault)
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
            RecipeError::Unknown { .. } | RecipeError::Invalid { .. } => Kind::Configuration,
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
            error @ DeployError::Dialect { .. } => Error::new(
                Kind::Configuration,
                "App and database do not fit.",
                error.to_string(),
            ),
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
            SettingsError::Invalid(_) => {
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

impl From<BundleError> for Error {
    fn from(error: BundleError) -> Error {
        let (kind, what, remedy) = match &error {
            BundleError::Name(_) => (
                Kind::Usage,
                "This is not a bundle.",
                "Give the bundle the name it was published under.",
            ),
            BundleError::Kind(_) | BundleError::Manifest(_) | BundleError::Channel(_) => (
                Kind::Configuration,
                "The bundle cannot be made.",
                "Correct what is named.",
            ),
            BundleError::File { .. } => (
                Kind::Resources,
                "A file cannot be used.",
                "Check that it is there, and the disk it is on.",
            ),
            BundleError::Key { .. } => (
                Kind::Resources,
                "Nothing can be signed.",
                "Give a key file that `minisign -G` wrote.",
            ),
            BundleError::Trust { .. } | BundleError::Content { .. } => {
                (Kind::Untrusted, REFUSED, REFUSED_REMEDY)
            }
        };
        Error::new(kind, what, error.to_string()).with_remedy(remedy)
    }
}

const REFUSED: &str = "The release is not accepted.";
const REFUSED_REMEDY: &str = "Get it again, from another place if you can. If it stays so, tell its publisher: it was \
                              damaged or exchanged.";

impl From<ReleaseError> for Error {
    fn from(error: ReleaseError) -> Error {
        let stopped = error.is_stop();
        let why = error.to_string();
        let of = |kind, what: &str, remedy: &str| {
            Error::new(kind, what, why.as_str()).with_remedy(remedy)
        };
        match error {
            _ if stopped => of(Kind::Cancelled, "Stopped.", ""),
            ReleaseError::Fetch(error) => error.into(),
            ReleaseError::Name(_) => of(
                Kind::Usage,
                "This is not a bundle.",
                "Give the bundle the name it was published under.",
            ),
            ReleaseError::Target(_) => of(
                Kind::Resources,
                "The release does not fit.",
                "Take the bundle made for this machine.",
            ),
            ReleaseError::File { .. } => of(
                Kind::Resources,
                "The release cannot be read.",
                "Check that bundle and signature are there.",
            ),
            ReleaseError::Content {
                source: UnpackError::Write { .. },
                ..
            } => of(
                Kind::Resources,
                "The release cannot be unpacked.",
                "Free some space: `df -h` shows where it went.",
            ),
            ReleaseError::Channel { .. } => of(
                Kind::Untrusted,
                REFUSED,
                "Check this machine's clock (`date -u`), then try again.",
            ),
            ReleaseError::Trust { .. } | ReleaseError::Content { .. } | ReleaseError::NoCore(_) => {
                of(Kind::Untrusted, REFUSED, REFUSED_REMEDY)
            }
        }
    }
}

impl From<FetchError> for Error {
    fn from(error: FetchError) -> Error {
        let (kind, remedy) = match &error {
            FetchError::Url(_) => (
                Kind::Configuration,
                "Give an address that begins with https:// or http://.",
            ),
            FetchError::Certificates { .. } => (
                Kind::Download,
                "Set SSL_CERT_FILE to a file of PEM certificates, or unset it.",
            ),
            FetchError::Status { .. } => (Kind::Download, "Check the address and the version."),
            FetchError::TooLarge { .. } => (
                Kind::Download,
                "Check the address: this is not what was expected there.",
            ),
            FetchError::Write(_) => (
                Kind::Resources,
                "Free some space: `df -h` shows where it went.",
            ),
            FetchError::Network { .. } => (
                Kind::Download,
                "Check the network, a proxy in HTTPS_PROXY, and SSL_CERT_FILE if the certificate is not trusted.",
            ),
            FetchError::Stopped => (Kind::Cancelled, ""),
        };
        Error::new(kind, "The download failed.", error.to_string()).with_remedy(remedy)
    }
}

impl From<TrustError> for Error {
    fn from(error: TrustError) -> Error {
        Error::new(
            Kind::Untrusted,
            "Nothing can be verified.",
            error.to_string(),
        )
        .with_remedy(
            "Give the publisher's public key, the file `minisign -G` wrote beside the secret one.",
        )
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
