//! Which Homeport this is: where its plugins and templates lie, and whether it was unpacked for this run only.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use homeport_bootstrap::digest::Digest;
use serde::Deserialize;

use crate::plan::deploy;

/// This version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Set by the bootstrap: the directory it has verified and unpacked, and removes afterwards.
const BUNDLE_DIR: &str = "HOMEPORT_BUNDLE_DIR";

/// Where this Homeport lies.
#[derive(Debug, Clone)]
pub struct Program {
    directory: PathBuf,
    passing: bool,
}

/// Why it cannot be found out.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// The program's own file is unknown.
    #[error("this program's own place cannot be found out: {0}")]
    Place(io::Error),
    /// The manifest that came with it is missing or not one.
    #[error("`{}` is not the manifest this Homeport came with: {why}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

#[derive(Deserialize)]
struct Manifest {
    files: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    path: String,
    sha256: String,
}

impl Program {
    /// Finds it from the running program: `<directory>/bin/homeport`.
    pub fn find() -> Result<Program, ProgramError> {
        let file = env::current_exe()
            .and_then(fs::canonicalize)
            .map_err(ProgramError::Place)?;
        let directory = file
            .parent()
            .and_then(Path::parent)
            .unwrap_or(Path::new("/"))
            .to_owned();
        let passing = env::var_os(BUNDLE_DIR).is_some_and(|bundle| Path::new(&bundle) == directory);
        Ok(Program { directory, passing })
    }

    /// Directory of the recipes.
    pub fn templates(&self) -> PathBuf {
        self.directory.join("templates")
    }

    /// Directory of the plugins.
    pub fn plugins(&self) -> PathBuf {
        self.directory.join("plugins")
    }

    /// Digests of the plugins by file name, from the manifest whose signature was checked when this was unpacked; it
    /// lies where only root writes.
    pub fn digests(&self) -> Result<BTreeMap<String, Digest>, ProgramError> {
        let path = self.directory.join("manifest.json");
        let broken = |why: String| ProgramError::Manifest {
            path: path.clone(),
            why,
        };
        let text = fs::read_to_string(&path).map_err(|error| broken(error.to_string()))?;
        let manifest: Manifest =
            serde_json::from_str(&text).map_err(|error| broken(error.to_string()))?;
        let plugins = manifest
            .files
            .iter()
            .filter_map(|file| Some((file.path.strip_prefix("plugins/")?, &file.sha256)));
        let parsed = plugins.map(|(name, digest)| Ok((name.to_owned(), digest.parse()?)));
        parsed
            .collect::<Result<_, homeport_bootstrap::digest::NotADigest>>()
            .map_err(|_| broken("a digest is none".to_owned()))
    }

    /// As a deployment has to know it.
    pub fn deployed(&self) -> deploy::Program {
        deploy::Program {
            version: VERSION.to_owned(),
            directory: self.directory.display().to_string(),
            passing: self.passing,
        }
    }
}
