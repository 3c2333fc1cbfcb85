//! `homeport recipe …`: for those who write recipes.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `recipe`.
#[derive(Debug, Subcommand)]
pub enum Recipe {
    /// Say everything that is wrong with a recipe, each with its line and what would be right
    Check {
        /// The recipe's file, or the directory it lies in
        recipe: PathBuf,
    },
    /// Have a release's digest written into the recipe, after it was compared with what its publisher says of it
    Pin(Pin),
}

/// `recipe pin`.
#[derive(Debug, Args)]
pub struct Pin {
    /// The version
    #[arg(value_name = "VERSION")]
    pub release: String,
    /// The recipe's file, or the directory it lies in
    #[arg(long, value_name = "PATH")]
    pub recipe: PathBuf,
    /// Base URL of the release's files, for a mirror; without it, the publisher's own
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
}
