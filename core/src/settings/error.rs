//! What is wrong with settings: where, which key, why, and the nearest valid name. All of it at once.

use std::fmt;
use std::io;

/// Where a value was given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// In a settings file.
    File {
        /// Its name as the user gave it.
        name: String,
        /// Line, from 1.
        line: usize,
    },
    /// On the command line; holds the flag with its dashes.
    Flag(String),
    /// In the environment; holds the variable's name.
    Environment(String),
    /// Nowhere: it is the default of recipe, plugin, machine or Homeport.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File { name, line } => write!(f, "{name}, line {line}"),
            Origin::Flag(flag) => write!(f, "{flag}"),
            Origin::Environment(variable) => write!(f, "{variable}"),
            Origin::Default => write!(f, "defaults"),
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where.
    pub origin: Origin,
    /// YAML path of the key, or as much of it as there is; empty: the file as a whole.
    pub key: String,
    /// Why, as a clause that follows the key.
    pub why: String,
    /// The valid name that comes closest to an unknown one.
    pub nearest: Option<String>,
}

impl Finding {
    pub(crate) fn new(origin: Origin, key: &str, why: impl Into<String>) -> Finding {
        Finding {
            origin,
            key: key.to_owned(),
            why: why.into(),
            nearest: None,
        }
    }

    pub(crate) fn with_nearest(mut self, nearest: Option<String>) -> Finding {
        self.nearest = nearest;
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.origin != Origin::Default {
            write!(f, "{}: ", self.origin)?;
        }
        if !self.key.is_empty() {
            write!(f, "`{}` ", self.key)?;
        }
        write!(f, "{}", self.why)?;
        match &self.nearest {
            Some(name) => write!(f, " – did you mean `{name}`?"),
            None => Ok(()),
        }
    }
}

/// Why there are no valid settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file could not be read.
    #[error("`{file}` cannot be read: {source}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// Everything that is wrong; never empty.
    #[error("{}", lines(.0))]
    Invalid(Vec<Finding>),
    /// Nothing is wrong, but these must be given and are not; never empty.
    #[error("{}", lines(.0))]
    Missing(Vec<Finding>),
    /// A value cannot be put into a file.
    #[error(transparent)]
    Edit(#[from] super::EditError),
}

fn lines(findings: &[Finding]) -> String {
    let texts: Vec<String> = findings.iter().map(Finding::to_string).collect();
    texts.join("\n")
}
