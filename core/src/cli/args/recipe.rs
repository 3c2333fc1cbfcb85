//! `homeport recipe …`: for those who write recipes.

use std::path::PathBuf;

use clap::Subcommand;

/// `recipe`.
#[derive(Debug, Subcommand)]
pub enum Recipe {
    /// Say everything that is wrong with a recipe, each with its line and what would be right
    Check {
        /// The recipe's file, or the directory it lies in
        recipe: PathBuf,
    },
}
