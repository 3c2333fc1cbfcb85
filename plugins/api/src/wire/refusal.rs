//! How a plugin says no: what kind of no, why, what follows, what to do.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What an author's function returns.
pub type Answer<T> = Result<T, Refusal>;

/// What kind of no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// This engine or version cannot do it; nothing is wrong.
    Cannot,
    /// What was asked makes no sense: a setting, a fact, a name.
    Invalid,
    /// Something a command or file said could not be understood.
    Unreadable,
    /// The method or its parameters are unknown here.
    BadRequest,
    /// The plugin's code panicked.
    Panicked,
    /// A kind this version does not know.
    #[serde(other)]
    Other,
}

/// A no. `Display` gives it as sentences.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What kind of no.
    pub kind: RefusalKind,
    /// The reason, as a clause.
    pub because: String,
    /// What follows from it for the user; empty if nothing does.
    #[serde(default)]
    pub consequence: String,
    /// What to do, as a sentence or a command; empty if unknown.
    #[serde(default)]
    pub remedy: String,
}

impl Refusal {
    /// The engine has no such ability: why, and what that means for the user.
    pub fn cannot(because: impl Into<String>, consequence: impl Into<String>) -> Self {
        Self {
            consequence: consequence.into(),
            ..Self::of(RefusalKind::Cannot, because)
        }
    }

    /// A given value is wrong: why, and what to give instead.
    pub fn invalid(because: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            remedy: remedy.into(),
            ..Self::of(RefusalKind::Invalid, because)
        }
    }

    /// Output could not be understood.
    pub fn unreadable(because: impl Into<String>) -> Self {
        Self::of(RefusalKind::Unreadable, because)
    }

    pub(crate) fn bad_request(because: impl Into<String>) -> Self {
        Self::of(RefusalKind::BadRequest, because)
    }

    pub(crate) fn panicked(message: impl Into<String>) -> Self {
        Self::of(RefusalKind::Panicked, message)
    }

    pub(crate) fn unknown_method(method: &str) -> Self {
        Self::bad_request(format!("there is no method `{method}` here"))
    }

    fn of(kind: RefusalKind, because: impl Into<String>) -> Self {
        Self {
            kind,
            because: because.into(),
            consequence: String::new(),
            remedy: String::new(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [&self.because, &self.consequence, &self.remedy];
        let said = parts
            .iter()
            .filter(|part| !part.is_empty())
            .map(|part| part.trim_end_matches('.'));
        write!(f, "{}.", said.collect::<Vec<_>>().join(". "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_from_the_future_is_still_a_refusal() {
        let refusal: Refusal =
            serde_json::from_str(r#"{"kind":"postponed","because":"later"}"#).unwrap();
        assert_eq!(refusal.kind, RefusalKind::Other);
        assert_eq!(refusal.to_string(), "later.");
    }

    #[test]
    fn it_reads_as_sentences() {
        let refusal = Refusal::invalid("the port is taken.", "choose another");
        assert_eq!(refusal.to_string(), "the port is taken. choose another.");
    }
}
