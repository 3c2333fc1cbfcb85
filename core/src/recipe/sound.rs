//! What the types alone do not say of a recipe: names, modes, paths, ports, and what must fit together. Pure.

mod own;
mod parts;

use std::collections::BTreeMap;

use super::read::Lines;
use super::{Recipe, SCHEMA, mode};
use crate::settings::{Finding, nearest};

/// Everything that is wrong, in no order. `directory` is the name of the directory the recipe lies in.
pub(super) fn check(recipe: &Recipe, lines: &Lines, directory: &str) -> Vec<Finding> {
    let mut check = Check {
        recipe,
        lines,
        findings: Vec::new(),
    };
    check.names(directory);
    check.release();
    check.resources();
    check.places();
    check.files();
    check.database();
    check.components();
    check.settings();
    check.first_login();
    check.proxy();
    if let Err(why) = super::build::sound(recipe) {
        check.findings.push(lines.finding("build", why));
    }
    check.findings
}

struct Check<'a> {
    recipe: &'a Recipe,
    lines: &'a Lines,
    findings: Vec<Finding>,
}

/// Lower-case letters, digits, hyphens.
fn word(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// A file's own name, without a way to it.
fn file_name(text: &str) -> bool {
    !text.is_empty() && !text.contains('/') && text != "." && text != ".."
}

fn absolute(path: &str) -> bool {
    path.starts_with('/')
        && !path.ends_with('/')
        && path
            .split('/')
            .skip(1)
            .all(|part| !["", ".", ".."].contains(&part))
}

/// Whether `path` is `directory` or lies in it.
fn within(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Check<'_> {
    /// Notes this unless it holds. What is missing altogether was noted when the file was read.
    fn must(&mut self, holds: bool, path: &str, why: impl FnOnce() -> String) {
        if !holds && self.lines.has(path) {
            let finding = self.lines.finding(path, why());
            self.findings.push(finding);
        }
    }

    fn mode(&mut self, text: &str, path: &str) {
        if let Err(why) = mode(text) {
            self.must(false, path, || {
                format!("is {text:?}, but {why}; one is \"0644\"")
            });
        }
    }

    fn absolute(&mut self, text: &str, path: &str) {
        self.must(absolute(text), path, || {
            format!(
                "is {text:?}, but must be an absolute path, without `.`, `..` or a slash at its end"
            )
        });
    }

    fn word(&mut self, text: &str, path: &str) {
        self.must(word(text), path, || {
            format!("is {text:?}, but must be lower-case letters, digits and hyphens")
        });
    }

    /// A name that something of this kind has.
    fn one_of<'a>(
        &mut self,
        name: &str,
        kind: &str,
        known: impl Iterator<Item = &'a str> + Clone,
        path: &str,
    ) {
        self.must(known.clone().any(|one| one == name), path, || {
            let near = nearest(name, known);
            let near = near.map(|near| format!(" – did you mean `{near}`?"));
            let near = near.unwrap_or_default();
            format!("is {name:?}, but there is no such {kind}{near}")
        });
    }

    /// Each value once; `said` are path and value.
    fn different<T: Ord + std::fmt::Display>(
        &mut self,
        said: impl IntoIterator<Item = (String, T)>,
    ) {
        let mut first: BTreeMap<T, String> = BTreeMap::new();
        for (path, value) in said {
            if let Some(other) = first.get(&value) {
                let why = format!("is {value}, but so is `{other}`; all must be different");
                self.must(false, &path, || why);
            } else {
                first.insert(value, path);
            }
        }
    }

    fn names(&mut self, directory: &str) {
        let recipe = self.recipe;
        self.must(recipe.schema == SCHEMA, "schema", || {
            format!("is {}, but this Homeport reads {SCHEMA}", recipe.schema)
        });
        self.word(&recipe.app, "app");
        self.must(recipe.app == directory, "app", || {
            format!(
                "is {:?}, but must be the name of its directory, {directory:?}",
                recipe.app
            )
        });
        self.word(&recipe.user, "user");
        self.must(recipe.user != "root", "user", || {
            "is root, but must be an unprivileged user of the app's own".to_owned()
        });
        for (n, secret) in recipe.secrets.iter().enumerate() {
            self.word(&secret.name, &format!("secrets[{n}].name"));
            self.only_with(
                secret.only_with.as_ref(),
                &format!("secrets[{n}].only_with"),
            );
            self.must(
                (16..=1024).contains(&secret.length),
                &format!("secrets[{n}].length"),
                || {
                    format!(
                        "is {}, but must be from 16 to 1024 characters",
                        secret.length
                    )
                },
            );
        }
        let names = recipe.secrets.iter().enumerate();
        self.different(names.map(|(n, secret)| (format!("secrets[{n}].name"), &secret.name)));
    }

    fn resources(&mut self) {
        let needs = &self.recipe.resources;
        let pairs = [
            ("memory_mb", needs.memory_mb, needs.least_memory_mb),
            ("disk_size_gb", needs.disk_size_gb, needs.least_disk_gb),
        ];
        for (key, given, least) in pairs {
            self.must(given >= least, &format!("resources.{key}"), || {
                format!("is {given}, but the least that works is said to be {least}")
            });
        }
        self.must(
            (1..=32).contains(&needs.cpu_cores),
            "resources.cpu_cores",
            || format!("is {}, but must be from 1 to 32", needs.cpu_cores),
        );
    }

    /// Directories and the data in them.
    fn places(&mut self) {
        let recipe = self.recipe;
        for (n, directory) in recipe.directories.iter().enumerate() {
            self.absolute(&directory.path, &format!("directories[{n}].path"));
            self.mode(&directory.mode, &format!("directories[{n}].mode"));
        }
        let data = &recipe.data;
        for (key, path) in [
            ("data.database", &data.database),
            ("data.files", &data.files),
            ("data.logs", &data.logs),
        ] {
            self.absolute(path, key);
            let made = recipe
                .directories
                .iter()
                .any(|directory| within(path, &directory.path));
            self.must(made || !absolute(path), key, || {
                format!("is {path}, but nothing makes it: put it in `directories`")
            });
        }
    }

    fn files(&mut self) {
        let recipe = self.recipe;
        for (n, file) in recipe.files.iter().enumerate() {
            let at = |key: &str| format!("files[{n}].{key}");
            self.absolute(&file.to, &at("to"));
            self.mode(&file.mode, &at("mode"));
            self.word(&file.group, &at("group"));
            self.only_with(file.only_with.as_ref(), &at("only_with"));
            self.must(file_name(&file.template), &at("template"), || {
                format!(
                    "is {:?}, but must be the name of a file beside the recipe",
                    file.template
                )
            });
            let Some(slot) = &file.slot else { continue };
            let known = recipe.components.iter().map(|it| it.name.as_str());
            self.one_of(&slot.component, "component", known, &at("slot.component"));
        }
        let paths = recipe.files.iter().enumerate();
        self.different(paths.map(|(n, file)| (format!("files[{n}].to"), &file.to)));
    }

    fn database(&mut self) {
        let database = &self.recipe.database;
        self.must(!database.dialects.is_empty(), "database.dialects", || {
            "is empty; name what the app speaks, as in `{PLUGIN: WORD}`".to_owned()
        });
        let plain = !database.name.is_empty()
            && database
                .name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        self.must(plain, "database.name", || {
            format!(
                "is {:?}, but must be lower-case letters, digits and underscores",
                database.name
            )
        });
    }

    fn proxy(&mut self) {
        let proxy = &self.recipe.proxy;
        let numbers = [
            ("max_body_mb", proxy.max_body_mb),
            ("read_timeout_s", proxy.read_timeout_s.into()),
            ("stream_timeout_s", proxy.stream_timeout_s.into()),
            ("waiting", proxy.waiting.into()),
        ];
        for (key, number) in numbers {
            self.must(number > 0, &format!("proxy.{key}"), || {
                "is 0, but must be at least 1".to_owned()
            });
        }
    }
}
