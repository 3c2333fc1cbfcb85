//! What `history` can be asked.

use clap::{Args, Subcommand};

use super::One;

/// `history`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct History {
    /// Which instance.
    #[command(flatten)]
    pub one: One,
    /// One operation instead of all.
    #[command(subcommand)]
    pub past: Option<Past>,
}

/// One operation.
#[derive(Debug, Subcommand)]
pub enum Past {
    /// Show how one operation went: its steps with their times, its cut-over, its backup
    Show {
        /// Its number in the list
        #[arg(value_name = "N")]
        number: u64,
        /// Which instance.
        #[command(flatten)]
        one: One,
    },
}
