//! JSON schemas of what `--json` prints, one per verb, made from the types that are printed. They are shipped; whoever
//! reads them must bear fields that are added later. Pure.

use std::path::PathBuf;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::bundle::{CreatedBundle, CreatedChannel, Inspection};
use crate::error::{Aftermath, Kind};
use crate::plugin;
use crate::report::{Checkup, Finding, Installed, Line, Listed, Status};
use crate::settings::Settings;
use crate::verbs::history::{Done, Entry, Release};
use crate::verbs::{adopt, rollback, uninstall, update};

/// What a verb prints: its result, or why there is none.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub enum Answer<T> {
    /// Its result.
    Result(T),
    /// Why there is none.
    Error {
        /// The error.
        error: Problem,
    },
}

/// What a changing verb prints when it is done, or with `--dry-run`.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub enum Change<T> {
    /// What was done.
    Done(T),
    /// What would be done.
    Planned {
        /// The plans of all stages, as they are carried out.
        plans: Vec<Map<String, Value>>,
        /// What is not as it should be.
        #[schemars(skip_serializing_if = "Vec::is_empty")]
        findings: Vec<Finding>,
    },
}

/// An error.
#[derive(JsonSchema)]
pub struct Problem {
    /// What kind of failure it is.
    pub kind: Kind,
    /// Exit code.
    pub code: u8,
    /// What failed.
    pub what: String,
    /// Why.
    pub why: String,
    /// What state the system is in now.
    pub state: Aftermath,
    /// What to do: sentences, or commands to paste.
    #[schemars(rename = "do")]
    pub remedies: Vec<String>,
    /// The last lines of whatever failed.
    pub lines: Vec<String>,
    /// What was in the way, if that is why.
    #[schemars(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// `start`, `stop`, `restart`, `upgrade`.
#[derive(Serialize, JsonSchema)]
pub struct Powered {
    /// Id of the instance.
    pub instance: String,
    /// The verb.
    pub verb: String,
    /// False: it was so already.
    pub done: bool,
}

/// `list`.
#[derive(Serialize, JsonSchema)]
pub struct Instances {
    /// The instances of the cluster.
    pub instances: Vec<Listed>,
}

/// `history`.
#[derive(Serialize, JsonSchema)]
pub struct Operations {
    /// What was done, the newest first.
    #[schemars(with = "Vec<Operation>")]
    pub operations: Vec<Entry>,
}

/// What was done once.
// With a `Summary` of the engine's, which cannot say its schema itself.
#[derive(JsonSchema)]
pub struct Operation {
    /// Its number: 1 is the oldest.
    pub number: u64,
    /// How long ago it began, seconds.
    pub age_s: u64,
    /// Its id.
    pub operation: String,
    /// The verb.
    pub verb: String,
    /// Id of the instance.
    pub instance: String,
    /// Version of Homeport that began it.
    pub version: String,
    /// Names of its stages, in order.
    pub stages: Vec<String>,
    /// When it began, Unix seconds.
    pub began: u64,
    /// When it ended, Unix seconds; null: it has not.
    pub ended: Option<u64>,
    /// How it ended; null: it has not.
    pub outcome: Option<String>,
    /// Whether it is past the point from which it only goes forward.
    pub committed: bool,
    /// Steps it has.
    pub steps: usize,
    /// Steps that were done.
    pub done: usize,
    /// Steps that were taken back.
    pub undone: usize,
    /// How its cut-over ended, if it had one and that is known.
    #[schemars(skip_serializing_if = "Option::is_none")]
    pub cut_over: Option<Map<String, Value>>,
    /// The release it put in service, or would have.
    #[schemars(skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
}

/// `history show`.
#[derive(JsonSchema)]
pub struct Details {
    /// The operation.
    #[schemars(flatten)]
    pub operation: Operation,
    /// Its steps, in order.
    pub all: Vec<Done>,
}

/// `update` and `apply`: what is new, what was rehearsed, or what was done.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub enum Updating {
    /// With `--check`, or when there is nothing newer.
    Checked(update::Checked),
    /// With `--rehearse`.
    Rehearsed(update::Rehearsed),
    /// What was done.
    Updated(Box<update::Updated>),
}

/// `plugin list`.
#[derive(Serialize, JsonSchema)]
pub struct Plugins {
    /// The plugins.
    pub plugins: Vec<plugin::Listed>,
}

/// `bundle documents`.
#[derive(Serialize, JsonSchema)]
pub struct Documents {
    /// Directory they were written into.
    pub path: PathBuf,
    /// How many there are.
    pub documents: usize,
}

/// `recipe check`.
#[derive(Serialize, JsonSchema)]
pub struct Recipe {
    /// The recipe.
    pub recipe: PathBuf,
    /// What is wrong with it; nothing: it is sound.
    pub findings: Vec<Wrong>,
}

/// One thing that is wrong with a file.
#[derive(Serialize, JsonSchema)]
pub struct Wrong {
    /// The file.
    pub file: Option<String>,
    /// Its line there.
    pub line: Option<usize>,
    /// The key.
    pub key: String,
    /// Why.
    pub why: String,
    /// The valid name that is nearest to one that is not.
    pub nearest: Option<String>,
}

/// `config check`.
#[derive(Serialize, JsonSchema)]
pub struct Checked {
    /// The file.
    pub file: PathBuf,
    /// True: what is not valid is an error.
    pub valid: bool,
    /// The settings that hold, with all defaults.
    #[schemars(with = "Map<String, Value>")]
    pub settings: Settings,
}

/// `config set`.
#[derive(Serialize, JsonSchema)]
pub struct Set {
    /// The file.
    pub file: PathBuf,
    /// The settings that were changed, as they were typed.
    pub set: Vec<String>,
}

/// What programs read of a line of progress on stderr: `event` says which fields there are.
#[derive(JsonSchema)]
pub struct Event {
    /// What happened.
    pub event: String,
}

/// All schemas by file name without `.json`. Verbs that print a text which is no JSON have none.
pub fn all() -> Vec<(&'static str, Value)> {
    vec![
        ("adopt", of::<Answer<Change<adopt::Summary>>>()),
        ("apply", of::<Answer<Change<Updating>>>()),
        ("bundle-channel", of::<Answer<CreatedChannel>>()),
        ("bundle-create", of::<Answer<CreatedBundle>>()),
        ("bundle-documents", of::<Answer<Documents>>()),
        ("bundle-inspect", of::<Answer<Inspection>>()),
        ("bundle-verify", of::<Answer<Inspection>>()),
        ("config-check", of::<Answer<Checked>>()),
        ("config-set", of::<Answer<Set>>()),
        ("doctor", of::<Answer<Checkup>>()),
        ("events", of::<Event>()),
        ("history", of::<Answer<Operations>>()),
        ("history-show", of::<Answer<Details>>()),
        ("install", of::<Answer<Change<Installed>>>()),
        ("list", of::<Answer<Instances>>()),
        ("logs", of::<Answer<Line>>()),
        ("plugin-inspect", of::<Answer<Vec<plugin::Inspected>>>()),
        ("plugin-list", of::<Answer<Plugins>>()),
        ("recipe-check", of::<Answer<Recipe>>()),
        ("restart", of::<Answer<Change<Powered>>>()),
        ("rollback", of::<Answer<Change<rollback::RolledBack>>>()),
        ("start", of::<Answer<Change<Powered>>>()),
        ("status", of::<Answer<Status>>()),
        ("stop", of::<Answer<Change<Powered>>>()),
        ("uninstall", of::<Answer<Change<uninstall::Summary>>>()),
        ("update", of::<Answer<Change<Updating>>>()),
        ("upgrade", of::<Answer<Change<Powered>>>()),
    ]
}

fn of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<T>().into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use homeport_engine::cutover::{Ending, Outcome};
    use homeport_engine::history::Summary;

    use crate::verbs::history::Noted;

    use super::*;

    /// An error without findings, and a plan without any, are as the schema says.
    #[test]
    fn what_is_left_out_is_not_required() {
        let (_, schema) = all().into_iter().find(|(verb, _)| *verb == "stop").unwrap();
        let required = |of: &str| {
            let found = schema.pointer(of).and_then(Value::as_array);
            found
                .unwrap_or_else(|| panic!("{of} in {schema:#}"))
                .contains(&"findings".into())
        };
        assert!(!required("/$defs/Problem/required"));
    }

    /// The copy of what the engine prints has exactly its keys.
    #[test]
    fn an_operation_is_as_it_is_printed() {
        let outcome = Outcome {
            ending: Ending::Switched { trouble: None },
            drained_ms: 0,
            held_ms: 0,
            waited_max_ms: 0,
            steps: Vec::new(),
        };
        let summary = Summary {
            operation: String::new(),
            verb: String::new(),
            instance: String::new(),
            version: String::new(),
            stages: Vec::new(),
            began: 0,
            ended: None,
            outcome: None,
            committed: true,
            steps: 0,
            done: 0,
            undone: 0,
            cut_over: Some(outcome),
        };
        let keys = |object: &Value| -> BTreeSet<String> {
            object.as_object().unwrap().keys().cloned().collect()
        };
        let release = Release {
            version: String::new(),
            directory: String::new(),
            generation: 1,
            noted: Noted::default(),
        };
        let entry = Entry {
            number: 1,
            age_s: 0,
            summary,
            release: Some(release),
        };
        let printed = keys(&serde_json::to_value(entry).unwrap());
        assert_eq!(printed, keys(&of::<Operation>()["properties"]));
    }
}
