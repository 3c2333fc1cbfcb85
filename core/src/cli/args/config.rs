//! `homeport config …` as it can be typed.

use std::path::PathBuf;

use clap::Subcommand;

/// `config`.
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Say everything that is wrong with a settings file, each with its line; changes nothing
    Check {
        /// The file
        file: PathBuf,
    },
    /// Change settings in a file; its comments, its order and everything else in it stay as they are
    Set {
        /// The file
        file: PathBuf,
        /// A setting by its place in the file, such as network.domain=tasks.example.org
        #[arg(value_name = "PATH=VALUE", required = true)]
        set: Vec<String>,
    },
    /// Print the JSON schema of settings files, by which editors complete and check them
    Schema {
        /// App whose settings they are; without it, the one that is installed when none is named
        #[arg(long)]
        app: Option<String>,
    },
}
