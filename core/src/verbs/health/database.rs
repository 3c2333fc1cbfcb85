//! How the database is: what its plugin wants to see is looked at with everything else, and the plugin says what it
//! means.

use homeport_engine::report::{Outcome, Report as Looked, Spec};
use homeport_plugin_api::pasted;
use homeport_plugin_api::wire::conversation::{Output, Read};
use homeport_plugin_api::wire::database::{ANSWER, CONNECTIONS, Purpose, SIZE, TROUBLE, Trouble};
use homeport_plugin_api::wire::{Facts, Kind};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Error;
use crate::plan::deploy::DatabasePart;
use crate::plan::parts;
use crate::plugin::Registry;

/// Whom to ask, and what was looked at for it: kept in the guest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// Name of the plugin.
    pub plugin: String,
    /// What it is asked.
    pub purpose: Purpose,
    /// Its looks, in order, by the plugin's names. None: it was built before anyone asked.
    pub looks: Vec<String>,
}

/// How the database is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// How long it took to answer, milliseconds.
    pub response_ms: Option<u64>,
    /// How large it is, bytes.
    pub size_bytes: Option<u64>,
    /// How many connections are open to it.
    pub connections: Option<u64>,
    /// What is wrong with it, and what to do.
    pub trouble: Option<(String, Vec<String>)>,
}

/// The name of a look in the agent's report.
fn kept(look: &str) -> String {
    format!("database {look}")
}

impl Asked {
    /// Whom to ask in this deployment. Adds the looks to what the agent looks at.
    pub(super) fn of(part: &DatabasePart, spec: &mut Spec) -> Asked {
        let looks = part.status_looks.iter();
        spec.commands
            .extend(looks.map(|look| (kept(&look.name), parts::look(look))));
        Asked {
            plugin: part.plugin.clone(),
            purpose: Purpose::Status {
                database: part.live.clone(),
            },
            looks: part
                .status_looks
                .iter()
                .map(|look| look.name.clone())
                .collect(),
        }
    }

    /// What the plugin makes of what was seen; `None` if it wants to see nothing. `in_guest` are the words that run a
    /// command in the guest.
    pub fn read(
        &self,
        plugins: &mut Registry,
        looked: &Looked,
        in_guest: &[String],
    ) -> Result<Option<Seen>, Error> {
        if self.looks.is_empty() {
            return Ok(None);
        }
        let plugin = plugins.lend_named(Kind::Database, &self.plugin)?;
        let mut facts = Facts::new();
        for look in &self.looks {
            let read = Read {
                purpose: self.purpose.clone(),
                name: look.clone(),
                output: output(looked.outcomes.get(&kept(look))),
            };
            for (name, fact) in plugin.call(&read)? {
                facts.entry(name).or_insert(fact);
            }
        }
        let answer = looked.outcomes.get(&kept(ANSWER));
        Ok(Some(Seen {
            response_ms: answer.map(|answer| answer.milliseconds),
            size_bytes: facts.get(SIZE).and_then(Value::as_u64),
            connections: facts.get(CONNECTIONS).and_then(Value::as_u64),
            trouble: facts.get(TROUBLE).map(|trouble| told(trouble, in_guest)),
        }))
    }
}

/// Exit status of a look that did not come to an end: timeout(1)'s.
const UNENDED: i32 = 124;

/// What a look said. One that could not be made, or took too long, has failed.
fn output(seen: Option<&Outcome>) -> Output {
    let seen = seen.and_then(|outcome| outcome.seen.as_ref());
    Output {
        exit: seen.map_or(UNENDED, |seen| seen.exit),
        stdout: seen.map_or_else(String::new, |seen| seen.stdout.clone()),
    }
}

/// A trouble that is not in the agreed form is a trouble all the same.
fn told(trouble: &Value, in_guest: &[String]) -> (String, Vec<String>) {
    let trouble = Trouble::deserialize(trouble).unwrap_or_else(|_| Trouble {
        message: format!("The database plugin says: {trouble}."),
        commands: Vec::new(),
        remedy: "Look into the app's log.".to_owned(),
    });
    let command = |command: &Vec<String>| {
        let words = in_guest.iter().chain(command);
        pasted(words.map(String::as_str))
    };
    let mut remedy: Vec<String> = trouble.commands.iter().map(command).collect();
    remedy.push(trouble.remedy);
    (trouble.message, remedy)
}
