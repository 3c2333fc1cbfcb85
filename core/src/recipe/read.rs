//! From a file's tree to the recipe it describes, or to everything that is wrong with its shape at once.
//!
//! Which keys there are, and what they hold, the model's types say; no second list of them exists. What is wrong or
//! missing is noted with its line, something harmless is read in its place, and reading goes on. A key that must be there
//! and is not ends the reading of its section: it is read again with that key noted, until nothing new is missing.

mod value;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{self, DeserializeOwned};

use crate::settings::{Finding, Origin, nearest};
use crate::yaml::{self, Node};
use value::Reading;

/// More missing keys than this are not looked for.
const ROUNDS: usize = 256;

/// Line of every key and list entry by its path, as in `components[0].unit`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Lines {
    name: String,
    by_path: BTreeMap<String, usize>,
}

/// What was read: the value, unless its shape is beyond reading; where everything stands; what is wrong.
pub(super) struct Read<T> {
    pub(super) value: Option<T>,
    pub(super) lines: Lines,
    pub(super) findings: Vec<Finding>,
}

/// Reads a file of this name with this content.
pub(super) fn read<T: DeserializeOwned>(name: &str, bytes: &[u8]) -> Read<T> {
    let (root, damage) = yaml::read(bytes);
    let mut notes = Notes {
        lines: Lines {
            name: name.to_owned(),
            by_path: BTreeMap::new(),
        },
        ..Notes::default()
    };
    for found in damage {
        notes.found(found.line, &found.key, found.why);
    }
    let damaged = std::mem::take(&mut notes.findings);
    let notes = RefCell::new(notes);
    let mut value = None;
    for _ in 0..ROUNDS {
        notes.borrow_mut().findings.clear();
        let missing = notes.borrow().missing.len();
        let reading = Reading::root(&root, &notes);
        match T::deserialize(reading) {
            Ok(found) => value = Some(found),
            Err(_) if notes.borrow().missing.len() > missing => continue,
            Err(error) if error.0.is_empty() => {}
            Err(error) => notes.borrow_mut().found(root.line, "", error.0),
        }
        break;
    }
    let notes = notes.into_inner();
    let mut findings = damaged;
    findings.extend(notes.findings);
    for path in &notes.missing {
        findings.push(notes.lines.finding(path, "is missing"));
    }
    Read {
        value,
        lines: notes.lines,
        findings,
    }
}

/// What reading leaves behind.
#[derive(Debug, Default)]
struct Notes {
    lines: Lines,
    findings: Vec<Finding>,
    /// Paths of keys that must be there and are not.
    missing: BTreeSet<String>,
}

impl Notes {
    fn found(&mut self, line: usize, path: &str, why: impl Into<String>) {
        let name = self.lines.name.clone();
        self.findings
            .push(Finding::new(Origin::File { name, line }, path, why));
    }

    /// A key that its section does not have; `known` are those it has.
    fn unknown(&mut self, line: usize, path: &str, key: &str, known: &[&str]) {
        let near = nearest(key, known.iter().copied());
        let why = match near {
            Some(_) => "is not a key of a recipe".to_owned(),
            None => format!(
                "is not a key of a recipe; here may stand {}",
                known.join(", ")
            ),
        };
        let name = self.lines.name.clone();
        let finding = Finding::new(Origin::File { name, line }, path, why);
        self.findings.push(finding.with_nearest(near));
    }
}

impl Lines {
    /// A finding about what stands at this path, or about the innermost thing around it that there is.
    pub(super) fn finding(&self, path: &str, why: impl Into<String>) -> Finding {
        let around = |path: &str| path.rfind(['.', '[']).map(|at| path[..at].to_owned());
        let mut here = Some(path.to_owned());
        let line = loop {
            match here {
                None => break 1,
                Some(at) => match self.by_path.get(&at) {
                    Some(line) => break *line,
                    None => here = around(&at),
                },
            }
        };
        let name = self.name.clone();
        Finding::new(Origin::File { name, line }, path, why)
    }

    /// Whether something stands at this path.
    pub(super) fn has(&self, path: &str) -> bool {
        self.by_path.contains_key(path)
    }
}

/// Why reading ended: a key is missing, or the model's types and this reader do not fit.
#[derive(Debug)]
struct Stopped(String, Option<&'static str>);

impl fmt::Display for Stopped {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.0)
    }
}

impl std::error::Error for Stopped {}

impl de::Error for Stopped {
    fn custom<T: fmt::Display>(message: T) -> Stopped {
        Stopped(message.to_string(), None)
    }

    fn missing_field(field: &'static str) -> Stopped {
        Stopped(format!("`{field}` is missing"), Some(field))
    }
}

/// The path of a key in a section.
fn below(path: &str, key: &str) -> String {
    match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    }
}

/// A value that is not there; read, it gives what harms nothing.
const ABSENT: Option<&Node> = None;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Recipe;
    use super::*;

    fn found(text: &str) -> String {
        let read = read::<Recipe>("recipe.yaml", text.as_bytes());
        let mut found: Vec<String> = read.findings.iter().map(Finding::to_string).collect();
        found.sort();
        found.join("\n")
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once_with_its_line() {
        let text = "schema: 1\napp: x\ntitel: X\nuser: [x]\nsource: here\nresources:\n  cpu_cores: many\n  memory_mb: -1\n  \
                    disk_size_gb: 99999999999\n  least_memory_mb: 1\n  least_disk_gb:\ndirectories: {a: b}\ndata:\n  files: /f\n\
                    database: {dialects: [a], name: x}\nfiles:\n  - {template: a, to: /a, mode: \"1\", group: g, slot: {component: c, colour: pink}}\n\
                    components: []\nproxy: {max_body_mb: 1, read_timeout_s: 1, stream_timeout_s: 1, waiting: 1}\n";
        let found = found(text);
        for wanted in [
            "recipe.yaml, line 3: `titel` is not a key of a recipe – did you mean `title`?",
            "recipe.yaml, line 1: `title` is missing",
            "recipe.yaml, line 4: `user` is a list, but must be one line of text",
            "recipe.yaml, line 5: `source` is \"here\", but must have keys of its own: ",
            "recipe.yaml, line 7: `resources.cpu_cores` is \"many\", but must be a whole number from 0 to 4294967295",
            "recipe.yaml, line 8: `resources.memory_mb` is \"-1\", but",
            "recipe.yaml, line 9: `resources.disk_size_gb` is \"99999999999\", but",
            "recipe.yaml, line 11: `resources.least_disk_gb` has no value, but",
            "recipe.yaml, line 12: `directories` is a section, but must be a list",
            "recipe.yaml, line 13: `data.database` is missing",
            "recipe.yaml, line 13: `data.logs` is missing",
            "recipe.yaml, line 15: `database.dialects` is a list, but",
            "recipe.yaml, line 17: `files[0].slot.colour` is \"pink\", but must be one of blue, green",
        ] {
            assert!(found.contains(wanted), "{wanted}\n\n{found}");
        }
    }

    #[test]
    fn an_empty_file_lacks_everything_once() {
        let found = found("");
        assert_eq!(found.matches("`schema` is missing").count(), 1, "{found}");
        assert!(found.contains("`proxy` is missing"), "{found}");
    }

    proptest! {
        #[test]
        fn reading_is_total(text in "((schema|app|source|files|components|database|pins|body|[a-z.]{1,3}): ?|[-{}\\[\\],:x1\"\n ]){0,60}") {
            let _ = read::<Recipe>("x", text.as_bytes());
        }
    }
}
