//! Everything that can be wrong with a plugin. In each case core and the machine are as before: plugins only compute.

use std::{io, path::PathBuf};

use homeport_bootstrap::{digest::Digest, trust::TrustError};
use homeport_plugin_api::{Refusal, wire::Kind};

/// What is wrong with a plugin.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// A plugin's file, its signature or a trusted key could not be read.
    #[error("{path} cannot be read: {source}")]
    Unreadable {
        /// Which file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Someone other than root could have changed it.
    #[error("{path} is not used: {why}")]
    Exposed {
        /// Which file or directory.
        path: PathBuf,
        /// Its owner, its mode, or what it is instead of a file.
        why: String,
    },
    /// Its bytes are not the ones the signed manifest names.
    #[error(
        "{path} has been changed: its SHA-256 is {found}, but the signed release names {expected}"
    )]
    Tampered {
        /// Which file.
        path: PathBuf,
        /// What it has.
        found: Digest,
        /// What it should have.
        expected: Digest,
    },
    /// It has a signature, but none that counts.
    #[error("the signature of {path} does not count: {why}")]
    BadSignature {
        /// Which file.
        path: PathBuf,
        /// Why.
        why: TrustError,
    },
    /// Nobody vouches for it.
    #[error(
        "nobody vouches for {path}: it is not part of the signed release and has no signature beside it"
    )]
    Unvouched {
        /// Which file.
        path: PathBuf,
    },
    /// Its process could not be started or given its privileges' end.
    #[error("no process could be started for the plugin {plugin}: {why}")]
    NotStarted {
        /// File name.
        plugin: String,
        /// Why.
        why: String,
    },
    /// It is no plugin, or of another age.
    #[error("{plugin} cannot be loaded: {why}")]
    NotLoaded {
        /// File name.
        plugin: String,
        /// Why.
        why: String,
    },
    /// Its process ended in the middle of a question.
    #[error("the plugin {plugin} crashed while answering `{method}`: {how}")]
    Crashed {
        /// File name.
        plugin: String,
        /// The question.
        method: String,
        /// Signal or exit status, and its last words.
        how: String,
    },
    /// It did not answer in time and was stopped.
    #[error(
        "the plugin {plugin} did not answer `{method}` within {milliseconds} ms and was stopped"
    )]
    Silent {
        /// File name.
        plugin: String,
        /// The question.
        method: String,
        /// How long it was waited for.
        milliseconds: u128,
    },
    /// It answered without end and was stopped.
    #[error("the plugin {plugin} answered `{method}` with more than {limit} bytes and was stopped")]
    TooLong {
        /// File name.
        plugin: String,
        /// The question.
        method: String,
        /// The most that is read.
        limit: usize,
    },
    /// It answered something that is not what was asked for.
    #[error("the plugin {plugin} answered `{method}` with something else than agreed: {why}")]
    Garbled {
        /// File name.
        plugin: String,
        /// The question.
        method: String,
        /// Why, with an excerpt.
        why: String,
    },
    /// It says no, with its reason.
    #[error("the plugin {plugin} says no to `{method}`: {refusal}")]
    Refused {
        /// File name.
        plugin: String,
        /// The question.
        method: String,
        /// Its reason.
        refusal: Box<Refusal>,
    },
    /// No plugin of this kind and name is there, or none that can be used.
    #[error("there is no {} plugin `{name}`; usable are: {}", kind_name(*.kind), listed(.known))]
    Unknown {
        /// What it should be for.
        kind: Kind,
        /// What was asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
}

impl PluginError {
    /// Whether this is about signature or digest: exit code 13 rather than 16.
    pub fn is_about_trust(&self) -> bool {
        matches!(
            self,
            Self::Tampered { .. }
                | Self::BadSignature { .. }
                | Self::Unvouched { .. }
                | Self::Exposed { .. }
        )
    }

    /// What the user can do, as a sentence.
    pub fn remedy(&self) -> String {
        match self {
            Self::Unreadable { path, .. } => format!("See with `ls -l {}` whether it is there.", path.display()),
            Self::Exposed { path, .. } => {
                format!("If its content is right: `chown root:root {0} && chmod go-w {0}`.", path.display())
            }
            Self::Tampered { .. } => "Install this Homeport release again; do not use the file.".to_owned(),
            Self::BadSignature { .. } | Self::Unvouched { .. } => {
                "Ask its author for a signature, and put the author's key into the directory of trusted keys.".to_owned()
            }
            Self::NotStarted { .. } => "Run Homeport as root on the host itself.".to_owned(),
            Self::Unknown { .. } => "See `homeport plugin list`.".to_owned(),
            Self::Refused { refusal, .. } => refusal.remedy.clone(),
            Self::NotLoaded { plugin, .. }
            | Self::Crashed { plugin, .. }
            | Self::Silent { plugin, .. }
            | Self::TooLong { plugin, .. }
            | Self::Garbled { plugin, .. } => format!("Update {plugin}, or tell its author."),
        }
    }
}

/// The word users know a kind by.
pub(crate) fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Database => "database",
        Kind::Proxy => "proxy",
        Kind::Health => "health",
    }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}
