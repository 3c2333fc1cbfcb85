//! The settings a plugin takes, as data: drives flags, YAML, wizard and validation alike.
//! Never holds a value; a secret's value never comes near it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// All settings of one plugin, in the order they are asked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Schema {
    /// The settings.
    pub fields: Vec<Field>,
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// YAML key and flag: lower-case letters, digits, underscores.
    pub name: String,
    /// What it may hold.
    #[serde(flatten)]
    pub kind: FieldKind,
    /// Whether it must be given; never together with a default.
    #[serde(default)]
    pub required: bool,
    /// Taken when it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// What it is and why the default is what it is, as sentences.
    pub help: String,
}

/// What a setting may hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FieldKind {
    /// One line of text.
    Text,
    /// A whole number.
    Integer {
        /// Smallest.
        min: i64,
        /// Largest.
        max: i64,
    },
    /// A TCP port: 1 to 65535.
    Port,
    /// An absolute path.
    Path,
    /// One of these words.
    Choice {
        /// The words.
        of: Vec<String>,
    },
    /// Yes or no.
    Flag,
    /// A secret: the setting holds the name it is kept under.
    Secret,
}

/// What is wrong with one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its name.
    pub field: String,
    /// What is wrong and what would be right, as one clause.
    pub message: String,
}

impl Schema {
    /// The names, for "nearest valid name".
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|field| field.name.as_str())
    }

    /// Everything wrong with `given`: unknown names, missing ones, wrong values. Empty means valid.
    pub fn problems(&self, given: &Map<String, Value>) -> Vec<Problem> {
        let unknown = given
            .keys()
            .filter(|key| !self.names().any(|name| name == key.as_str()));
        let unknown = unknown.map(|key| problem(key, "is not a setting of this plugin".to_owned()));
        let known = self
            .fields
            .iter()
            .filter_map(|field| field.problem(given.get(&field.name)));
        unknown.chain(known).collect()
    }

    /// `given` with the defaults of what is missing.
    pub fn completed(&self, given: &Map<String, Value>) -> Map<String, Value> {
        let defaults = self
            .fields
            .iter()
            .filter_map(|field| Some((field.name.clone(), field.default.clone()?)));
        defaults.chain(given.clone()).collect()
    }
}

impl Field {
    fn problem(&self, given: Option<&Value>) -> Option<Problem> {
        let message = match given {
            None if self.required => "is missing".to_owned(),
            None => return None,
            Some(value) => self.kind.objection(value)?,
        };
        Some(problem(&self.name, message))
    }

    /// A flag's or an environment variable's text as this setting's value.
    ///
    /// # Errors
    /// What would be right.
    pub fn parse(&self, text: &str) -> Result<Value, Problem> {
        let value = match self.kind {
            FieldKind::Integer { .. } | FieldKind::Port => text
                .parse::<i64>()
                .map_or_else(|_| text.into(), Value::from),
            FieldKind::Flag => text
                .parse::<bool>()
                .map_or_else(|_| text.into(), Value::from),
            _ => text.into(),
        };
        match self.problem(Some(&value)) {
            None => Ok(value),
            Some(problem) => Err(problem),
        }
    }
}

impl FieldKind {
    /// Why `value` is not one of this kind.
    fn objection(&self, value: &Value) -> Option<String> {
        let text = value.as_str();
        let right = match self {
            Self::Text | Self::Secret => {
                text.is_some_and(|t| !t.is_empty() && !t.contains(char::is_control))
            }
            Self::Integer { min, max } => {
                value.as_i64().is_some_and(|n| (*min..=*max).contains(&n))
            }
            Self::Port => value.as_i64().is_some_and(|n| (1..=65_535).contains(&n)),
            Self::Path => text.is_some_and(|t| t.starts_with('/') && !t.contains(char::is_control)),
            Self::Choice { of } => text.is_some_and(|t| of.iter().any(|word| word == t)),
            Self::Flag => value.is_boolean(),
        };
        (!right).then(|| format!("is {value}, but must be {}", self.wanted()))
    }

    fn wanted(&self) -> String {
        match self {
            Self::Text => "one line of text".to_owned(),
            Self::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Self::Port => "a port from 1 to 65535".to_owned(),
            Self::Path => "an absolute path".to_owned(),
            Self::Choice { of } => format!("one of {}", of.join(", ")),
            Self::Flag => "true or false".to_owned(),
            Self::Secret => "the name of a secret".to_owned(),
        }
    }
}

fn problem(field: &str, message: String) -> Problem {
    Problem {
        field: field.to_owned(),
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema() -> Schema {
        let field = |name: &str, kind, required, default| Field {
            name: name.to_owned(),
            kind,
            required,
            default,
            help: "Help.".to_owned(),
        };
        Schema {
            fields: vec![
                field("host", FieldKind::Text, true, None),
                field("port", FieldKind::Port, false, Some(json!(5432))),
                field(
                    "tls",
                    FieldKind::Choice {
                        of: vec!["off".into(), "verify".into()],
                    },
                    false,
                    None,
                ),
                field("pool", FieldKind::Integer { min: 1, max: 100 }, false, None),
                field("compress", FieldKind::Flag, false, None),
                field("ca", FieldKind::Path, false, None),
            ],
        }
    }

    fn problems(given: Value) -> Vec<String> {
        let given = given.as_object().expect("an object").clone();
        schema()
            .problems(&given)
            .into_iter()
            .map(|p| format!("{} {}", p.field, p.message))
            .collect()
    }

    #[test]
    fn names_everything_that_is_wrong_at_once() {
        let wrong = json!({"hots": "db", "port": 70000, "tls": "maybe", "pool": 0, "compress": "yes", "ca": "x"});
        assert_eq!(
            problems(wrong),
            [
                "hots is not a setting of this plugin",
                "host is missing",
                "port is 70000, but must be a port from 1 to 65535",
                "tls is \"maybe\", but must be one of off, verify",
                "pool is 0, but must be a whole number from 1 to 100",
                "compress is \"yes\", but must be true or false",
                "ca is \"x\", but must be an absolute path",
            ]
        );
        assert_eq!(
            problems(json!({"host": "db", "port": 1, "compress": true})),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_flag_s_text_becomes_the_value_its_setting_holds() {
        let schema = schema();
        let parse =
            |index: usize, text: &str| schema.fields[index].parse(text).map_err(|p| p.message);
        assert_eq!(parse(1, "5433"), Ok(json!(5433)));
        assert_eq!(parse(4, "false"), Ok(json!(false)));
        assert_eq!(parse(0, "5433"), Ok(json!("5433")));
        assert_eq!(
            parse(1, "x"),
            Err("is \"x\", but must be a port from 1 to 65535".to_owned())
        );
    }

    #[test]
    fn what_is_given_wins_over_the_default() {
        let given = json!({"port": 1}).as_object().expect("an object").clone();
        assert_eq!(schema().completed(&given)["port"], json!(1));
        assert_eq!(schema().completed(&Map::new())["port"], json!(5432));
    }
}
