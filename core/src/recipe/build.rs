//! How an app is built from its source: what a recipe's `build` may say. Order is the order in which things are done.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::model::{Needs, Recipe};

/// The repository an app is built from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Git {
    /// Built from when nothing else is asked for.
    pub repository: String,
    /// Branch built when nothing else is asked for.
    pub branch: String,
}

/// How it is built.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// Packages of the guest's distribution that only a build needs. They stay, for the next one.
    pub packages: Vec<String>,
    /// What a guest is given and needs in which it is built.
    pub resources: Needs,
    /// How the app calls the version that was built; may use `described`, what `git describe --tags --always
    /// --abbrev=10` says of the commit.
    pub version: String,
    /// Directories in a clone on the host that are not worth bringing over.
    #[serde(default)]
    pub without: Vec<String>,
    /// Tools, at the versions the commit itself names.
    pub toolchains: Vec<Toolchain>,
    /// Environment of every step; may use `go_proxy` and `npm_registry`. A variable whose text is empty is left out.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// What is done.
    pub steps: Vec<BuildStep>,
    /// What of it becomes the release; nothing else does.
    pub files: Vec<Built>,
}

/// A tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Toolchain {
    /// Its name; with the version the name of its directory, whose `bin` is searched for programs.
    pub name: String,
    /// Where the source says which version.
    pub pin: PinAt,
    /// Where its publisher offers it. Texts may use `version`.
    pub official: Origin,
    /// Where a registry offers it.
    pub registry: Origin,
    /// Programs that another one has to start: name, and how.
    #[serde(default)]
    pub starts: BTreeMap<String, Starts>,
}

/// Where a source says which version of a tool it is built with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinAt {
    /// A file of the source.
    pub file: String,
    /// How it is read.
    pub reads: PinFormat,
}

/// How a file says which version of a tool is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PinFormat {
    /// `go.mod`: its `toolchain` line, else its `go` line.
    GoMod,
    /// The version and nothing else, like `.nvmrc`.
    Text,
    /// `package.json`: its `packageManager`.
    PackageManager,
}

/// Where a tool is offered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum Origin {
    /// A tar.gz archive with one directory at its top, and a list of SHA-256 digests beside it.
    Archive {
        /// Address of the archive.
        url: String,
        /// Address of the digests.
        digests: String,
        /// Address of the digests of the newest archive, when the source names only how a version begins.
        #[serde(default)]
        newest: Option<String>,
    },
    /// A module of a Go module proxy, verified by the checksum database that the proxy serves, too.
    GoModule {
        /// The module.
        module: String,
        /// Its version.
        version: String,
        /// Name of the checksum database.
        sums: String,
    },
    /// A package of an npm registry, verified by the digest the registry states.
    Npm {
        /// The package.
        package: String,
        /// Base URL of the publisher's registry; none: the one of the settings, or of the host.
        #[serde(default)]
        at: Option<String>,
    },
}

/// How a program is started that is a file for another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Starts {
    /// The other program.
    pub with: String,
    /// The file, in the tool's directory: the first of these that is there.
    pub first_of: Vec<String>,
}

/// One step of a build. Exactly one of `run` and `write` is said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildStep {
    /// What it does, as an imperative.
    pub title: String,
    /// A file of the source: without it, this step has nothing to do.
    #[serde(default)]
    pub when: Option<String>,
    /// Directory in the source; none: its top.
    #[serde(default)]
    pub directory: String,
    /// A command; may use `version`.
    #[serde(default)]
    pub run: Vec<String>,
    /// It only brings things over the network, and may be run any number of times.
    #[serde(default)]
    pub network: bool,
    /// A file of the source that gets this text; may use `version`.
    #[serde(default)]
    pub write: Option<Write>,
}

/// A file with a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Write {
    /// Its path in the source.
    pub to: String,
    /// The text.
    pub text: String,
}

/// A part of the release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Built {
    /// Its path in the source, after the build.
    pub from: String,
    /// Its name in the release directory.
    pub to: String,
    /// Octal permission bits of a file; none: it is a directory.
    #[serde(default)]
    pub mode: Option<String>,
    /// Whether it is a directory that not every source has.
    #[serde(default)]
    pub optional: bool,
}

/// What the types alone do not say.
pub(super) fn sound(recipe: &Recipe) -> Result<(), String> {
    let Some(build) = &recipe.build else {
        return match &recipe.source.git {
            Some(_) => Err("there is a repository, but no `build`".to_owned()),
            None => Ok(()),
        };
    };
    if recipe.source.git.is_none() {
        return Err("there is a `build`, but no `source.git`".to_owned());
    }
    for step in &build.steps {
        if step.run.is_empty() == step.write.is_none() {
            let title = &step.title;
            return Err(format!(
                "build step `{title}` must say one of `run` and `write`"
            ));
        }
    }
    for mode in build.files.iter().filter_map(|file| file.mode.as_ref()) {
        super::mode(mode)?;
    }
    let inside = |path: &str| {
        !path.is_empty() && !path.split('/').any(|part| part.is_empty() || part == "..")
    };
    match paths(build).find(|path| !inside(path)) {
        Some(path) => Err(format!("`{path}` must be a path inside the source")),
        None => Ok(()),
    }
}

fn paths(build: &Build) -> impl Iterator<Item = &str> {
    let files = build.files.iter().flat_map(|file| [&file.from, &file.to]);
    let written = build
        .steps
        .iter()
        .filter_map(|step| Some(&step.write.as_ref()?.to));
    let directories = build.steps.iter().map(|step| &step.directory);
    let pins = build.toolchains.iter().map(|tool| &tool.pin.file);
    files
        .chain(written)
        .chain(directories.filter(|path| !path.is_empty()))
        .chain(pins)
        .chain(&build.without)
        .map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped() -> Recipe {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../templates/vikunja/recipe.yaml"
        );
        serde_yaml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    fn broken(breaks: impl FnOnce(&mut Build)) -> String {
        let mut recipe = shipped();
        breaks(recipe.build.as_mut().unwrap());
        sound(&recipe).unwrap_err()
    }

    #[test]
    fn a_build_stays_inside_its_source_and_every_step_does_one_thing() {
        sound(&shipped()).unwrap();
        assert!(
            broken(|build| build.files[0].from = "../x".to_owned()).contains("inside the source")
        );
        assert!(
            broken(|build| build.toolchains[0].pin.file = "/go.mod".to_owned())
                .contains("inside the source")
        );
        assert!(broken(|build| build.steps[0].run.clear()).contains("must say one of"));
    }

    #[test]
    fn a_repository_and_a_build_come_together() {
        let mut recipe = shipped();
        recipe.source.git = None;
        assert_eq!(
            sound(&recipe).unwrap_err(),
            "there is a `build`, but no `source.git`"
        );
    }
}
