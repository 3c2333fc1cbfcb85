//! Conditions on what was observed. A condition on something nobody observed does not hold.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What an `Observe` step or a kept stdout left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// Exit status of the command.
    pub exit: i32,
    /// Its stdout, within the declared limit.
    pub stdout: String,
}

/// Observations of one operation, by name.
pub type Observations = BTreeMap<String, Observation>;

/// A condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// The command exited with 0.
    Succeeded {
        /// Name of the observation.
        name: String,
    },
    /// The trimmed output is exactly this.
    Equals {
        /// Name of the observation.
        name: String,
        /// The text.
        text: String,
    },
    /// The output contains this text.
    Contains {
        /// Name of the observation.
        name: String,
        /// The text.
        text: String,
    },
    /// There is any output but blanks.
    NotEmpty {
        /// Name of the observation.
        name: String,
    },
    /// The trimmed output is a whole number not above this one.
    AtMost {
        /// Name of the observation.
        name: String,
        /// The number, in the observed command's unit.
        number: u64,
    },
    /// The trimmed output is a whole number not below this one.
    AtLeast {
        /// Name of the observation.
        name: String,
        /// The number, in the observed command's unit.
        number: u64,
    },
}

impl Condition {
    /// Whether the condition holds; otherwise what was found instead, as half a sentence.
    pub fn holds(&self, seen: &Observations) -> Result<(), String> {
        match self {
            Condition::Succeeded { name } => {
                let found = look(seen, name)?;
                (found.exit == 0)
                    .then_some(())
                    .ok_or_else(|| format!("`{name}` ended with status {}", found.exit))
            }
            Condition::Equals { name, text } => {
                let found = look(seen, name)?.stdout.trim();
                (found == text)
                    .then_some(())
                    .ok_or_else(|| format!("`{name}` is `{}`, not `{text}`", clip(found)))
            }
            Condition::Contains { name, text } => {
                let found = &look(seen, name)?.stdout;
                found
                    .contains(text)
                    .then_some(())
                    .ok_or_else(|| format!("`{name}` does not contain `{text}`"))
            }
            Condition::NotEmpty { name } => {
                let found = look(seen, name)?.stdout.trim();
                (!found.is_empty())
                    .then_some(())
                    .ok_or_else(|| format!("`{name}` is empty"))
            }
            Condition::AtLeast { name, number } => {
                let value = whole(seen, name)?;
                (value >= *number)
                    .then_some(())
                    .ok_or_else(|| format!("`{name}` is {value}, needed are {number}"))
            }
            Condition::AtMost { name, number } => {
                let value = whole(seen, name)?;
                (value <= *number)
                    .then_some(())
                    .ok_or_else(|| format!("`{name}` is {value}, allowed are {number}"))
            }
        }
    }

    /// Name of the observation it is about.
    pub fn name(&self) -> &str {
        match self {
            Condition::Succeeded { name }
            | Condition::Equals { name, .. }
            | Condition::Contains { name, .. }
            | Condition::NotEmpty { name }
            | Condition::AtMost { name, .. }
            | Condition::AtLeast { name, .. } => name,
        }
    }
}

fn whole(seen: &Observations, name: &str) -> Result<u64, String> {
    let found = look(seen, name)?.stdout.trim();
    found
        .parse()
        .map_err(|_| format!("`{name}` is `{}`, not a number", clip(found)))
}

fn look<'a>(seen: &'a Observations, name: &str) -> Result<&'a Observation, String> {
    seen.get(name)
        .ok_or_else(|| format!("`{name}` was not observed"))
}

/// At most 80 characters of foreign text, for a message.
fn clip(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(stdout: &str) -> Observations {
        BTreeMap::from([(
            "x".to_owned(),
            Observation {
                exit: 0,
                stdout: stdout.to_owned(),
            },
        )])
    }

    #[test]
    fn what_nobody_observed_does_not_hold() {
        let condition = Condition::Succeeded {
            name: "y".to_owned(),
        };
        assert_eq!(
            condition.holds(&seen("")).unwrap_err(),
            "`y` was not observed"
        );
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        let condition = Condition::AtLeast {
            name: "x".to_owned(),
            number: 10,
        };
        assert_eq!(condition.holds(&seen("10\n")), Ok(()));
        assert_eq!(
            condition.holds(&seen("9")).unwrap_err(),
            "`x` is 9, needed are 10"
        );
        assert_eq!(
            condition.holds(&seen("ten")).unwrap_err(),
            "`x` is `ten`, not a number"
        );
    }

    #[test]
    fn text_is_compared_trimmed_or_as_part() {
        let equals = Condition::Equals {
            name: "x".to_owned(),
            text: "ok".to_owned(),
        };
        assert_eq!(equals.holds(&seen(" ok\n")), Ok(()));
        assert!(equals.holds(&seen("not ok")).is_err());
        let contains = Condition::Contains {
            name: "x".to_owned(),
            text: "ok".to_owned(),
        };
        assert_eq!(contains.holds(&seen("not ok")), Ok(()));
        assert!(contains.holds(&seen("no")).is_err());
    }
}
