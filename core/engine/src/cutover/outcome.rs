//! How a cut-over ended, and how the host and the history are told.

use serde::{Deserialize, Serialize};

use crate::fault::{Fault, FaultKind};
use crate::require::Observation;

/// How a cut-over ended. Kept in its journal in the guest, from where `homeport-agent history` and a host that did not
/// hear the end read it; told to the host by [`Outcome::told`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// On which side, and why there.
    #[serde(flatten)]
    pub ending: Ending,
    /// Milliseconds until the hold that led to the rest: waiting for requests under way, for the clock, and holds that
    /// were given up.
    #[serde(default)]
    pub drained_ms: u64,
    /// Milliseconds for which requests were held; 0 when nothing was begun.
    #[serde(default)]
    pub held_ms: u64,
    /// Milliseconds the request that waited longest can have waited at most: from the hold until the queue was empty.
    #[serde(default)]
    pub waited_max_ms: u64,
    /// What took how long, in order.
    #[serde(default)]
    pub steps: Vec<Stretch>,
}

/// On which side it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "ended")]
pub enum Ending {
    /// The new side is in service. Exit code 0, or 10 with `trouble`.
    Switched {
        /// What was wrong while it was watched, if anything: its data is kept because users have written to it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trouble: Option<Trouble>,
    },
    /// Nothing was begun: the old side never stopped. Exit code 10.
    NotBegun {
        /// Why, as a sentence without a full stop.
        why: String,
    },
    /// The old side is in service again, on its own data; nothing is left of the new generation. Exit code 11.
    Undone(Trouble),
    /// The old side could not be brought back to answer. Requests are not held any more. Exit code 12.
    Stuck(Trouble),
}

/// What went wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Why, as a sentence without a full stop.
    pub why: String,
    /// The last lines of the log of the unit at fault, oldest first, at most 30.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log_tail: Vec<String>,
    /// What to do, as sentences or commands to paste.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remedy: Vec<String>,
}

/// A part of it and the time it took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// What, for a person: `stop the old release`, `copy the database` …
    pub title: String,
    /// Milliseconds.
    pub ms: u64,
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Trouble {
        Trouble {
            why: fault.why,
            log_tail: fault.lines,
            remedy: fault.remedy,
        }
    }
}

impl Outcome {
    /// As the step's end: what is observed under [`super::OBSERVED`], or a fault of the kind
    /// [`FaultKind::NotBegun`], [`FaultKind::Undone`] or [`FaultKind::Stuck`].
    ///
    /// # Errors
    /// Every end but the new side's.
    pub fn told(&self) -> Result<Observation, Fault> {
        let fault = |kind, trouble: &Trouble| Fault {
            kind,
            why: trouble.why.clone(),
            lines: trouble.log_tail.clone(),
            remedy: trouble.remedy.clone(),
        };
        match &self.ending {
            Ending::Switched { .. } => Ok(Observation {
                exit: 0,
                stdout: serde_json::to_string(self)
                    .map_err(|error| Fault::new(FaultKind::Failed, error.to_string()))?,
            }),
            Ending::NotBegun { why } => Err(Fault::new(FaultKind::NotBegun, why)),
            Ending::Undone(trouble) => Err(fault(FaultKind::Undone, trouble)),
            Ending::Stuck(trouble) => Err(fault(FaultKind::Stuck, trouble)),
        }
    }

    /// Reads it from what was observed.
    ///
    /// # Errors
    /// When it is no outcome.
    pub fn read(seen: &Observation) -> Result<Outcome, String> {
        serde_json::from_str(&seen.stdout).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(ending: Ending) -> Outcome {
        Outcome {
            ending,
            drained_ms: 1,
            held_ms: 2,
            waited_max_ms: 3,
            steps: vec![Stretch {
                title: "x".to_owned(),
                ms: 4,
            }],
        }
    }

    #[test]
    fn only_the_new_side_in_service_is_an_observation() {
        let switched = ended(Ending::Switched { trouble: None });
        let seen = switched.told().unwrap();
        assert_eq!(Outcome::read(&seen), Ok(switched));
        assert!(
            seen.stdout
                .starts_with(r#"{"ended":"switched","drained_ms":1"#)
        );
        let trouble = || Trouble {
            why: "it fell".to_owned(),
            log_tail: vec!["panic".to_owned()],
            remedy: Vec::new(),
        };
        let why = "busy".to_owned();
        for (ending, kind) in [
            (Ending::NotBegun { why }, FaultKind::NotBegun),
            (Ending::Undone(trouble()), FaultKind::Undone),
            (Ending::Stuck(trouble()), FaultKind::Stuck),
        ] {
            assert_eq!(ended(ending).told().unwrap_err().kind, kind);
        }
    }
}
