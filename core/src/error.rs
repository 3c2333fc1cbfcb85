//! The one error that reaches the user: what failed, why, which state the system is in, what to do – and the exit code.
//! Every library error becomes one in `map` and `release`; nothing else knows exit codes. Never holds a secret, never prints.

mod map;
mod release;
#[cfg(test)]
mod tests;

use std::io;
use std::path::Path;

use homeport_engine::recover::Outcome;
use schemars::JsonSchema;
use serde::Serialize;

use crate::report::Finding;
use crate::settings;

/// What kind of failure it is; the exit code follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Nothing of the kinds below.
    Unexpected,
    /// The command cannot be carried out as typed.
    Usage,
    /// Settings, a recipe or another input file is invalid.
    Configuration,
    /// Something the machine must have is missing or too little.
    Resources,
    /// Another operation, or an administrator's lock, is in the way.
    Locked,
    /// A network, an address or a name is missing or taken.
    Network,
    /// A download failed.
    Download,
    /// What is built from source could not be built.
    Build,
    /// What was deployed does not answer as it must.
    Unhealthy,
    /// What was deployed did not prove itself and was taken back; what served before serves again.
    Undone,
    /// What was begun could be neither finished nor taken back.
    RecoveryFailed,
    /// A signature or digest is wrong.
    Untrusted,
    /// A backup could not be made or proven.
    Backup,
    /// A plugin refused or broke its contract.
    Plugin,
    /// There is no such instance, backup or release.
    NotFound,
    /// An operation of the host or in the guest failed.
    Machine,
    /// The user did not want it after all.
    Cancelled,
}

impl Kind {
    /// Exit code: requirements, section 7. These are a contract.
    pub fn code(self) -> u8 {
        match self {
            Kind::Unexpected => 1,
            Kind::Usage => 2,
            Kind::Configuration => 3,
            Kind::Resources => 4,
            Kind::Locked => 5,
            Kind::Network => 6,
            Kind::Download => 8,
            Kind::Build => 9,
            Kind::Unhealthy => 10,
            Kind::Undone => 11,
            Kind::RecoveryFailed => 12,
            Kind::Untrusted => 13,
            Kind::Backup => 14,
            Kind::Plugin => 16,
            Kind::NotFound => 17,
            Kind::Machine => 18,
            Kind::Cancelled => 20,
        }
    }
}

/// State the system is in after the failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Aftermath {
    /// Nothing was changed.
    Untouched,
    /// All that was done is taken back.
    RolledBack,
    /// The change is in force.
    Committed,
    /// The operation is open: its journal says what is to be done.
    NeedsRecovery,
    /// What was there before does not answer again; nothing of it was thrown away.
    NeedsHands,
}

impl Aftermath {
    /// The state as a sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Aftermath::Untouched => "Nothing was changed.",
            Aftermath::RolledBack => {
                "What this command had done is taken back; the system is as it was before."
            }
            Aftermath::Committed => {
                "The change is in force and stays; only what comes after it is unfinished."
            }
            Aftermath::NeedsRecovery => {
                "The operation is unfinished; its journal is kept and says what is left to do."
            }
            Aftermath::NeedsHands => {
                "Neither version answers now. Nothing was thrown away: the version before is whole, and so is its data."
            }
        }
    }
}

impl From<Outcome> for Aftermath {
    fn from(outcome: Outcome) -> Aftermath {
        match outcome {
            Outcome::Done => Aftermath::Committed,
            Outcome::RolledBack => Aftermath::RolledBack,
        }
    }
}

/// What the user is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {why}")]
pub struct Error {
    /// What kind of failure it is.
    pub kind: Kind,
    /// What failed, as a sentence.
    pub what: String,
    /// Why, as sentences or lines.
    pub why: String,
    /// State the system is in.
    pub aftermath: Aftermath,
    /// What to do, as sentences or commands to paste.
    pub remedies: Vec<String>,
    /// Last lines of the app's log or of a command's output, oldest first.
    pub lines: Vec<String>,
    /// What preflight found to be in the way.
    pub findings: Box<[Finding]>,
}

impl Error {
    /// An error that left everything as it was.
    pub fn new(kind: Kind, what: impl Into<String>, why: impl Into<String>) -> Error {
        Error {
            kind,
            what: sentence(what),
            why: sentence(why),
            aftermath: Aftermath::Untouched,
            remedies: Vec::new(),
            lines: Vec::new(),
            findings: Box::default(),
        }
    }

    /// The same error with one more remedy; an empty one is none.
    pub fn with_remedy(mut self, remedy: impl Into<String>) -> Error {
        let remedy = remedy.into();
        if !remedy.is_empty() && !self.remedies.contains(&remedy) {
            self.remedies.push(remedy);
        }
        self
    }

    /// The same error, the system being in this state now.
    pub fn after(mut self, aftermath: Aftermath) -> Error {
        self.aftermath = aftermath;
        self
    }

    /// The same error, and what it left could not be resolved either.
    pub fn and_not_resolved(mut self, second: impl std::fmt::Display) -> Error {
        self.why = format!("{}\nThen: {}", self.why, sentence(second.to_string()));
        self.kind = Kind::RecoveryFailed;
        self.after(Aftermath::NeedsRecovery)
    }

    /// Exit code of the program. A cancelled operation that is still open exits as one that was killed: the same
    /// command resumes.
    pub fn code(&self) -> u8 {
        match (self.kind, self.aftermath) {
            (Kind::Cancelled, Aftermath::NeedsRecovery) => 130,
            (kind, _) => kind.code(),
        }
    }

    /// The error as an object for programs: kind, code, the four parts, the last lines.
    pub fn to_json(&self) -> serde_json::Value {
        let mut object = serde_json::json!({
            "kind": self.kind,
            "code": self.code(),
            "what": self.what,
            "why": self.why,
            "state": self.aftermath,
            "do": self.remedies(),
            "lines": self.lines,
        });
        if !self.findings.is_empty() {
            object["findings"] = serde_json::json!(self.findings);
        }
        object
    }

    /// What to do, never nothing: where no one knows better, what is always right in this state.
    pub fn remedies(&self) -> Vec<String> {
        let general = match (self.aftermath, self.kind) {
            (Aftermath::NeedsRecovery, _) => {
                "Run the same command again: it first finishes or takes back what is open."
            }
            (Aftermath::NeedsHands, _) => {
                "Go through `When the old version does not come back` in Homeport's troubleshooting guide."
            }
            (_, Kind::Cancelled) => "Run the same command again when you want to.",
            (_, Kind::Usage) => "See `homeport --help`.",
            _ => "Run the same command again when the cause is gone.",
        };
        match self.aftermath {
            Aftermath::NeedsRecovery => self
                .remedies
                .iter()
                .cloned()
                .chain([general.to_owned()])
                .collect(),
            _ if self.remedies.is_empty() => vec![general.to_owned()],
            _ => self.remedies.clone(),
        }
    }
}

/// Errors that no library has: of the verbs themselves.
impl Error {
    /// What is in the way of an operation that has not begun, all at once. The first of them, which is the most basic,
    /// gives the kind.
    pub fn not_ready(findings: Vec<Finding>) -> Error {
        let kind = findings
            .first()
            .map_or(Kind::Unexpected, |found| found.kind);
        let several = findings.len() > 1;
        let labelled = |found: &Finding, text: String| match several {
            true => format!("{}: {text}", found.check),
            false => text,
        };
        let clauses = findings.iter().map(|found| labelled(found, found.clause()));
        let what = match several {
            true => format!("{} things are in the way.", findings.len()),
            false => "Something that is needed is taken or missing.".to_owned(),
        };
        let why = clauses.collect::<Vec<_>>().join("\n");
        let error = findings
            .iter()
            .fold(Error::new(kind, what, why), |error, found| {
                error.with_remedy(labelled(found, found.remedy.clone()))
            });
        Error {
            findings: findings.into(),
            ..error
        }
    }

    /// The host lacks something.
    pub fn host(why: impl Into<String>, remedy: impl Into<String>) -> Error {
        Error::new(Kind::Resources, "This host is not ready for it.", why).with_remedy(remedy)
    }

    /// A name, address or number is taken.
    pub fn conflict(why: impl Into<String>, remedy: impl Into<String>) -> Error {
        Error::new(
            Kind::Network,
            "Something that is needed is taken or missing.",
            why,
        )
        .with_remedy(remedy)
    }

    /// The instance is there already.
    pub fn already_there(instance: &str) -> Error {
        let why = format!("there is an instance `{instance}` on this host");
        let remedy = format!(
            "`homeport status {instance}` shows it; another one needs another `--instance-id`."
        );
        Error::conflict(why, remedy)
    }

    /// No instance has this name; `known` are the names there are.
    pub fn no_such_instance(name: &str, known: &[String]) -> Error {
        let near = crate::settings::nearest(name, known.iter().map(String::as_str));
        let error = Error::new(
            Kind::NotFound,
            format!("There is no instance `{name}`."),
            match known.join(", ") {
                none if none.is_empty() => "no instance is on this host".to_owned(),
                all => format!("on this host are: {all}"),
            },
        );
        error.with_remedy(near.map_or_else(
            || "See `homeport list`.".to_owned(),
            |near| format!("Did you mean `{near}`?"),
        ))
    }

    /// It is not clear which instance is meant.
    pub fn which_instance(known: &[String]) -> Error {
        match known.join(", ") {
            none if none.is_empty() => Error::new(
                Kind::NotFound,
                "There is no instance.",
                "nothing is installed on this host",
            )
            .with_remedy("`homeport install` installs one."),
            all => Error::new(
                Kind::Usage,
                "It is not clear which instance is meant.",
                format!("on this host are: {all}"),
            )
            .with_remedy("Give its name behind the verb."),
        }
    }

    /// A file of ours that should be readable or writable is not.
    pub fn state(path: &Path, source: io::Error) -> Error {
        Error::file("Homeport's own files cannot be used.", path, &source)
    }

    /// A file the user named cannot be read.
    pub fn unreadable(path: &Path, source: io::Error) -> Error {
        Error::file("A file cannot be read.", path, &source)
    }

    /// A file the user named cannot be written.
    pub fn unwritable(path: &Path, source: io::Error) -> Error {
        Error::file("A file cannot be written.", path, &source)
    }

    fn file(what: &str, path: &Path, source: &io::Error) -> Error {
        let remedy = match source.kind() {
            io::ErrorKind::PermissionDenied => "Run Homeport as root.",
            io::ErrorKind::StorageFull => "Free some space: `df -h` shows where it went.",
            io::ErrorKind::NotFound => "Check the path.",
            _ => "Check the file and the disk it is on.",
        };
        Error::new(
            Kind::Resources,
            what,
            format!("`{}`: {source}", path.display()),
        )
        .with_remedy(remedy)
    }

    /// No plugin of a kind that is needed is installed.
    pub fn no_plugin(kind: &str) -> Error {
        Error::new(
            Kind::Plugin,
            "A plugin is missing.",
            format!("no {kind} plugin can be used"),
        )
        .with_remedy("`homeport plugin list` shows what there is and what is wrong with it.")
    }

    /// A plugin wants to look at the guest at a time when there is none.
    pub fn plugin_needs(plugin: &str, purpose: &str, command: &str) -> Error {
        let why = format!(
            "`{plugin}` wants to run `{command}` before it plans `{purpose}`, but there is no guest yet"
        );
        Error::new(
            Kind::Plugin,
            "A plugin asks for something it cannot have.",
            why,
        )
        .with_remedy(format!("Update `{plugin}`, or tell its author."))
    }

    /// The user said no.
    pub fn declined() -> Error {
        Error::new(Kind::Cancelled, "Cancelled.", "you said no")
    }

    /// The user left while questions were asked.
    pub fn left() -> Error {
        Error::new(
            Kind::Cancelled,
            "Cancelled.",
            "you left before anything was done",
        )
    }

    /// Questions would be asked, but nobody is there: what is missing, and what would be taken for everything else.
    pub fn nobody_to_ask(missing: &[settings::Finding], taken: &[String]) -> Error {
        let missing: String = missing
            .iter()
            .map(|finding| format!("{finding}\n"))
            .collect();
        let taken: String = taken.iter().map(|line| format!("\n{line}")).collect();
        let why = format!(
            "there is no terminal to ask on.\n{missing}With `--yes`, this is taken:{taken}"
        );
        let what = match missing.is_empty() {
            true => "Somebody must agree to this.",
            false => "Settings are missing.",
        };
        let remedy = match missing.is_empty() {
            true => "Pass `--yes` to agree beforehand; `--dry-run` shows what would be done.",
            false => "Give what is missing and pass `--yes`, or run it on a terminal.",
        };
        Error::new(Kind::Usage, what, why).with_remedy(remedy)
    }

    /// A question cannot be asked.
    pub fn cannot_ask(question: &str) -> Error {
        let why = format!("there is no terminal to ask on: {question}");
        Error::new(Kind::Usage, "A confirmation is needed.", why)
            .with_remedy("Pass `--yes` to confirm it beforehand.")
    }
}

/// One line becomes a sentence: a capital first, a stop last. Several lines stay as they are.
fn sentence(text: impl Into<String>) -> String {
    let text = text.into();
    let mut rest = text.chars();
    let Some(first) = rest.next().filter(|_| !text.contains('\n')) else {
        return text;
    };
    let end = if text.ends_with(['.', '!', '?', ':']) {
        ""
    } else {
        "."
    };
    format!("{}{}{end}", first.to_uppercase(), rest.as_str())
}
