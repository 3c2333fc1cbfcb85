//! Where settings come from – flags, environment, file – and which one wins, in this order.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

use super::error::{Finding, Origin, SettingsError};
use super::fields::{FIELDS, Field};
use super::kind::Given;
use super::schema::{Schema, nearest};
use super::yaml::{self, Entry, SIZE_LIMIT};

/// What the user gave, unread.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// Flags by their name without dashes.
    pub flags: BTreeMap<String, String>,
    /// Arguments of `--set`: `PATH=VALUE`.
    pub set: Vec<String>,
    /// Environment variables; those that do not begin with `HOMEPORT_` are not looked at.
    pub environment: Vec<(String, String)>,
    /// The settings file.
    pub file: Option<ConfigFile>,
}

/// A settings file in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFile {
    /// Its name, for messages.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// A valid value and where it was given.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) value: Value,
    pub(crate) origin: Origin,
}

/// Valid values by path, and what is wrong with the others.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    pub(crate) by_path: BTreeMap<String, Answer>,
    /// Paths for which something was given that is wrong: they are not missing as well.
    pub(crate) invalid: BTreeSet<String>,
    pub(crate) findings: Vec<Finding>,
    /// What must be given and is not.
    pub(crate) missing: Vec<Finding>,
}

impl ConfigFile {
    /// Reads the file; of one that is too large only so much that the loader can say so.
    pub fn read(path: &Path) -> Result<ConfigFile, SettingsError> {
        let name = path.display().to_string();
        let mut bytes = Vec::new();
        let read = File::open(path)
            .and_then(|file| file.take(SIZE_LIMIT as u64 + 1).read_to_end(&mut bytes));
        match read {
            Ok(_) => Ok(ConfigFile { name, bytes }),
            Err(source) => Err(SettingsError::Unreadable { file: name, source }),
        }
    }
}

impl Sources {
    /// What was given for one setting of the common table, by its flag's name – before it is known to be valid, so
    /// that the recipe can be found which says what else there is to set.
    pub fn peek(&self, name: &str) -> Option<String> {
        let entries = self
            .file
            .as_ref()
            .map(|file| yaml::read(&file.name, &file.bytes).0);
        FIELDS
            .iter()
            .find(|field| field.name == name)
            .and_then(|field| self.raw(field, &entries.unwrap_or_default()))
    }

    /// Whether the app is to be built, before it is known that this is valid.
    pub fn builds(&self) -> bool {
        let kind = self.peek("source-kind");
        kind.is_some_and(|kind| kind != "release")
    }

    pub(crate) fn raw(&self, field: &Field, entries: &[Entry]) -> Option<String> {
        let set = self.set.iter().rev().filter_map(|set| set.split_once('='));
        let by_flag = self.flags.get(&*field.name).cloned();
        let by_set = || {
            set.clone()
                .find(|(path, _)| *path == field.path)
                .map(|(_, value)| value.to_owned())
        };
        let by_variable = || {
            let variable = field.variable();
            let found = self
                .environment
                .iter()
                .find(|(name, value)| *name == variable && !value.is_empty());
            found.map(|(_, value)| value.clone())
        };
        let flat = if field.path == "database.plugin" {
            "database.type"
        } else {
            ""
        };
        let by_file = || {
            let found = entries
                .iter()
                .find(|entry| entry.path == field.path || entry.path == flat);
            found.and_then(|entry| match &entry.given {
                Given::Text(text) => Some(text.clone()),
                _ => None,
            })
        };
        by_flag
            .or_else(by_set)
            .or_else(by_variable)
            .or_else(by_file)
    }

    /// Reads everything that was given; what comes later replaces what came before.
    pub(crate) fn answers(&self, schema: &Schema, entries: &[Entry]) -> Answers {
        let mut answers = Answers::default();
        if let Some(file) = &self.file {
            answers.file(schema, &file.name, entries);
        }
        for (variable, value) in &self.environment {
            answers.variable(schema, variable, value);
        }
        for (name, value) in &self.flags {
            let origin = Origin::Flag(format!("--{name}"));
            match schema.fields().iter().find(|field| field.name == *name) {
                Some(field) => {
                    answers.given(field, &field.path, origin, &Given::Text(value.clone()))
                }
                None => answers.unknown(schema, name, origin),
            }
        }
        for set in &self.set {
            answers.set(schema, set);
        }
        answers
    }
}

impl Answers {
    /// Whether somebody has given this setting.
    pub(crate) fn is_given(&self, path: &str) -> bool {
        let answer = self.by_path.get(path);
        answer.is_some_and(|answer| answer.origin != Origin::Default)
    }

    fn file(&mut self, schema: &Schema, name: &str, entries: &[Entry]) {
        let mut unknown: Option<String> = None;
        for Entry {
            path, given, line, ..
        } in entries
        {
            let origin = Origin::File {
                name: name.to_owned(),
                line: *line,
            };
            if unknown
                .as_ref()
                .is_some_and(|section| path.starts_with(section))
            {
                continue;
            }
            match schema.at(path) {
                Some(field) => self.entry(field, path, origin, given),
                None if schema.is_section(path) => self.section(path, origin, given),
                None => {
                    unknown = Some(format!("{path}."));
                    self.unknown(schema, path, origin);
                }
            }
        }
    }

    /// A key of the file; its older, flat form beside the proper one is a contradiction.
    fn entry(&mut self, field: &Field, path: &str, origin: Origin, given: &Given) {
        match self.by_path.get(&*field.path) {
            Some(other) => {
                let why = format!("says the same as another line ({})", other.origin);
                self.findings.push(Finding::new(origin, path, why));
            }
            None => self.given(field, path, origin, given),
        }
    }

    fn section(&mut self, path: &str, origin: Origin, given: &Given) {
        if let Given::Text(_) | Given::List(_) = given {
            self.findings.push(Finding::new(
                origin,
                path,
                "is a section; its keys stand below it, indented",
            ));
        }
    }

    fn variable(&mut self, schema: &Schema, variable: &str, value: &str) {
        if !variable.starts_with("HOMEPORT_") || value.is_empty() {
            return;
        }
        let origin = Origin::Environment(variable.to_owned());
        let known = schema.fields().iter().filter(|field| field.asked());
        match known.clone().find(|field| field.variable() == variable) {
            Some(field) => self.given(field, &field.path, origin, &Given::Text(value.to_owned())),
            None => {
                // Other parts of Homeport have variables, too; only what looks like a slip of the pen is an error.
                let variables: Vec<String> = known.map(Field::variable).collect();
                let close = variables
                    .iter()
                    .filter(|known| strsim::damerau_levenshtein(known, variable) <= 2);
                if let Some(name) = nearest(variable, close.map(String::as_str)) {
                    let finding = Finding::new(origin, "", "the variable is not one of Homeport's");
                    self.findings.push(finding.with_nearest(Some(name)));
                }
            }
        }
    }

    fn set(&mut self, schema: &Schema, set: &str) {
        let origin = Origin::Flag("--set".to_owned());
        match set.split_once('=') {
            None => {
                self.findings
                    .push(Finding::new(origin, set, "is not of the form `PATH=VALUE`"))
            }
            Some((path, value)) => match schema.at(path) {
                Some(field) => self.given(field, path, origin, &Given::Text(value.to_owned())),
                None => self.unknown(schema, path, origin),
            },
        }
    }

    fn given(&mut self, field: &Field, key: &str, origin: Origin, given: &Given) {
        let path = field.path.clone().into_owned();
        match field.kind.parse(given) {
            Ok(value) => drop(self.by_path.insert(path, Answer { value, origin })),
            Err(why) => {
                self.invalid.insert(path);
                self.findings.push(Finding::new(origin, key, why));
            }
        }
    }

    fn unknown(&mut self, schema: &Schema, path: &str, origin: Origin) {
        const SECRET: &str = "must not stand here: settings are readable and backed up, a secret has a file of its own";
        let key = path.rsplit('.').next().unwrap_or_default();
        if ["password", "passphrase", "secret", "token"]
            .iter()
            .any(|word| key.ends_with(word))
        {
            self.findings.push(Finding::new(origin, path, SECRET));
        } else if !schema.is_open(path) {
            let finding = Finding::new(origin, path, "is not a setting");
            self.findings
                .push(finding.with_nearest(schema.nearest(path)));
        }
    }
}
