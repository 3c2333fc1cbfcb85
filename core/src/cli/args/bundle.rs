//! `homeport bundle …`: for those who publish releases.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use homeport_bootstrap::Version;
use homeport_bootstrap::name::ChannelName;

/// `bundle`.
#[derive(Debug, Subcommand)]
pub enum Bundle {
    /// Pack a directory into a signed bundle
    Create(Create),
    /// Compare every file of a bundle with its manifest, without looking at the signature
    Inspect {
        /// The bundle
        bundle: PathBuf,
    },
    /// Verify signature and every file of a bundle, as the bootstrap does
    Verify {
        /// The bundle; its signature lies beside it
        bundle: PathBuf,
        /// Whose signature counts.
        #[command(flatten)]
        key: PublicKey,
    },
    /// Describe a channel: its newest release, the lowest one allowed, and how long that holds
    Channel(Channel),
    /// Write the manual pages, the schemas of what is printed as JSON, and the completions that a release brings along
    Documents {
        /// Directory they are written into
        #[arg(long, value_name = "DIRECTORY")]
        out: PathBuf,
    },
}

/// `bundle create`.
#[derive(Debug, Args)]
pub struct Create {
    /// Directory whose content becomes the bundle
    #[arg(long, value_name = "DIRECTORY")]
    pub from: PathBuf,
    /// Version of the release
    #[arg(long, value_name = "VERSION", value_parser = version)]
    pub release: Version,
    /// Machines it runs on, such as x86_64-linux; without it, those like this one
    #[arg(long, value_name = "TARGET")]
    pub target: Option<String>,
    /// Directory the bundle and its signature are written into
    #[arg(long, value_name = "DIRECTORY")]
    pub out: PathBuf,
    /// What to sign with.
    #[command(flatten)]
    pub key: Key,
}

/// `bundle channel`.
#[derive(Debug, Args)]
pub struct Channel {
    /// Name of the channel, such as stable
    pub name: ChannelName,
    /// Release given out when none is asked for
    #[arg(long, value_name = "VERSION", value_parser = version)]
    pub newest: Version,
    /// Lowest release still given out; without it, the newest
    #[arg(long, value_name = "VERSION", value_parser = version)]
    pub lowest: Option<Version>,
    /// For how many days the description holds
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub days: u32,
    /// Directory the channel's file and signature are written into
    #[arg(long, value_name = "DIRECTORY")]
    pub out: PathBuf,
    /// What to sign with.
    #[command(flatten)]
    pub key: Key,
}

/// What to sign with.
#[derive(Debug, Args)]
pub struct Key {
    /// Secret key that `minisign -G` wrote
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// File whose first line is the key's password; without it, HOMEPORT_KEY_PASSWORD
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}

/// Whose signature counts.
#[derive(Debug, Args)]
pub struct PublicKey {
    /// Public key that `minisign -G` wrote; without it, the one this program was built with
    #[arg(long, value_name = "FILE")]
    pub public_key: Option<PathBuf>,
}

fn version(text: &str) -> Result<Version, String> {
    Version::parse(text).map_err(|error| error.to_string())
}
