//! What `update` and `rollback` can be asked.

use std::path::PathBuf;

use clap::Args;

use super::Change;

/// `update`.
#[derive(Debug, Args)]
pub struct Update {
    /// Which instance, and whether only to show the plan.
    #[command(flatten)]
    pub change: Change,
    /// Only say what is new
    #[arg(long, conflicts_with_all = ["dry_run", "rehearse"])]
    pub check: bool,
    /// This version instead of the newest; where the app is built: this branch, tag or commit, once
    #[arg(long, value_name = "VERSION|REF")]
    pub to: Option<String>,
    /// Look in this directory of the host or at this URL, this time: for releases, or for the source where the app is built
    #[arg(long, value_name = "DIRECTORY|URL")]
    pub from: Option<String>,
    /// SHA-256 of the release's archive, from a source you trust
    #[arg(long, value_name = "DIGEST")]
    pub source_sha256: Option<String>,
    /// Count versions, too, that their publisher does not call finished
    #[arg(long)]
    pub pre_releases: bool,
    /// Only rehearse it on a copy: what it migrates, how long requests would wait
    #[arg(long, conflicts_with = "dry_run")]
    pub rehearse: bool,
    /// Refuse an update that would hold requests longer than so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=15))]
    pub max_pause: u32,
    /// Print what would be done and write it into this file, for `homeport apply`; do nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["check", "rehearse"])]
    pub plan_out: Option<PathBuf>,
    /// Accept that its migrations leave fewer rows than there were
    #[arg(long)]
    pub accept_loss: bool,
}

/// `rollback`.
#[derive(Debug, Args)]
pub struct Rollback {
    /// Which instance, and whether only to show the plan.
    #[command(flatten)]
    pub change: Change,
    /// To the release that this operation of `homeport history` put in service; only the one before is kept
    #[arg(long, value_name = "N")]
    pub to: Option<u64>,
    /// Accept that rows written since the update are lost, where the data has to go back, too
    #[arg(long, conflicts_with = "export_newer")]
    pub lose_newer: bool,
    /// Keep rows written since as JSON in this file of the host, or in a file of its own in this directory, then go back
    #[arg(long, value_name = "FILE|DIRECTORY")]
    pub export_newer: Option<PathBuf>,
}
