//! Builds an app from its source in the guest, into a release directory that nobody uses yet.
//!
//! Two stages, because the second is planned from what the first has found: `source` brings the source over and looks at
//! the very commit that is to be built – its version, the tools it pins –, `build` has these tools and builds. Whoever
//! deploys says into which directory.

mod release;
mod revision;
mod source;
mod tools;

use std::collections::BTreeMap;

pub use revision::{Kind, Pin, Revision, Within};
pub use tools::{Format, Got, Tool};

use crate::plan::Operation;
use crate::recipe::{self, Loaded, RecipeError};
use crate::settings::{Settings, SourceKind};

/// The unprivileged user that builds; its home holds sources and caches and nothing of the app's.
pub const USER: &str = "homeport-build";

/// Its home: all that a build can write.
pub const HOME: &str = "/var/cache/homeport/build";

/// Verified tools, one directory per name and version, written by root.
pub const TOOLCHAINS: &str = "/var/cache/homeport/toolchains";

/// Kept from the memory of the guest for what else runs in it, MiB: the app in service, proxy, system.
const RESERVED_MB: u32 = 384;

/// Time for everything that is one command: a big frontend on a slow disk, seconds.
const STEP_S: u32 = 3600;

/// So long the network is waited for in vain, seconds.
const NETWORK_S: u32 = 60;

/// Everything a build is planned from.
pub struct Build<'a> {
    /// The operation.
    pub operation: &'a Operation,
    /// The app.
    pub recipe: &'a Loaded,
    /// How it is built: of the same recipe.
    pub how: &'a recipe::Build,
    /// Where its source is.
    pub from: From<'a>,
    /// Memory of the guest, MiB.
    pub memory_mb: u32,
    /// Registries that dependencies come from.
    pub registries: &'a Registries,
}

/// Where a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From<'a> {
    /// In a repository.
    Git {
        /// Its address.
        repository: &'a str,
        /// Branch, tag or commit.
        reference: &'a str,
    },
    /// In a clone on the host.
    Local {
        /// Its directory.
        directory: &'a str,
    },
}

impl std::fmt::Display for From<'_> {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            From::Git {
                repository,
                reference,
            } => write!(to, "{reference} of {repository}"),
            From::Local { directory } => write!(to, "the clone {directory}"),
        }
    }
}

/// Registries that tools and dependencies come from, and the way there; `None`: the tools' own defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registries {
    /// Go module proxy.
    pub go_proxy: Option<String>,
    /// npm registry.
    pub npm: Option<String>,
    /// Whether the way there is the host's HTTP proxy.
    pub proxy: bool,
}

/// Why a build cannot be planned.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The recipe or a text of it is wrong.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// What the guest found is not what was asked for.
    #[error("what the guest tells of the source makes no sense: {0}")]
    Unreadable(String),
    /// There is no such branch, tag or commit.
    #[error("`{repository}` has neither a branch nor a tag nor a commit `{reference}`")]
    NoSuch {
        /// The repository.
        repository: String,
        /// What was asked for.
        reference: String,
    },
    /// A branch and a tag have the same name.
    #[error("`{reference}` is a branch and a tag")]
    Ambiguous {
        /// The name.
        reference: String,
    },
    /// The source does not say which version of a tool it wants.
    #[error("`{file}` of commit {commit} does not say which {tool} it is built with: {why}")]
    NoPin {
        /// The file.
        file: String,
        /// The commit.
        commit: String,
        /// The tool.
        tool: String,
        /// What is wrong.
        why: String,
    },
    /// The version is no text for a directory's name.
    #[error("the version `{0}` has other characters than letters, digits and `._+/-`")]
    Version(String),
}

impl<'a> Build<'a> {
    /// How the app is built if its settings say so; they name repository and branch.
    pub fn of(
        operation: &'a Operation,
        recipe: &'a Loaded,
        settings: &'a Settings,
        registries: &'a Registries,
    ) -> Option<Build<'a>> {
        let from = match settings.source.kind {
            SourceKind::Release => return None,
            SourceKind::Git => From::Git {
                repository: settings.git.repository.as_deref()?,
                reference: settings.git.branch.as_deref()?,
            },
            SourceKind::Local => From::Local {
                directory: settings.source.directory.as_deref()?,
            },
        };
        Some(Build {
            operation,
            recipe,
            how: recipe.recipe.build.as_ref()?,
            from,
            memory_mb: settings.resources.memory_mb,
            registries,
        })
    }

    /// What is to be built, for people, before it was looked at.
    pub fn wanted(&self) -> &str {
        match self.from {
            From::Git { reference, .. } => reference,
            From::Local { .. } => "local",
        }
    }

    /// Memory a build may use, MiB.
    fn memory_mb(&self) -> u32 {
        self.memory_mb.saturating_sub(RESERVED_MB).max(1)
    }

    /// Environment of every step of the build: never a secret.
    fn environment(&self) -> Result<BTreeMap<String, String>, RecipeError> {
        let registry = |url: &Option<String>| url.clone().unwrap_or_default();
        let values = BTreeMap::from([
            ("go_proxy", registry(&self.registries.go_proxy)),
            ("npm_registry", registry(&self.registries.npm)),
        ]);
        let texts = self.how.environment.iter().map(|(name, text)| {
            let text = self.recipe.text(text, &values)?;
            Ok((name.clone(), text))
        });
        let mut texts: BTreeMap<String, String> = texts.collect::<Result<_, RecipeError>>()?;
        texts.retain(|_, text| !text.is_empty());
        Ok(texts)
    }
}

/// Directory the source lies in while it is built. Always the same, so that compilers find in their caches what they
/// have compiled there before.
fn tree() -> String {
    format!("{HOME}/tree")
}
