//! What a setting may hold, and how a text becomes its value.

use homeport_plugin_api::wire::schema;
use serde_json::Value;

use super::check::Checked;
use super::model::SCHEMA;

/// A value as it was given, before anything is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Given {
    /// One scalar.
    Text(String),
    /// A list of scalars.
    List(Vec<String>),
    /// A key with nothing after it.
    Empty,
    /// A mapping: its keys are entries of their own.
    Section,
}

/// What a setting may hold.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// A text for which the check holds; the word stands for it in help texts.
    Text(&'static str, fn(&str) -> Checked),
    /// At most so many such texts, in the environment and in flags separated by commas.
    List(&'static str, fn(&str) -> Checked, usize),
    /// A whole number within these limits.
    Number(u32, u32),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// The number of a schema that this program can read.
    Schema,
    /// What a plugin's own schema says.
    Plugin(Box<schema::Field>),
}

/// Ports for the app's components: below 1024 only root may listen.
pub(crate) const APP_PORT: Kind = Kind::Number(1024, 65_535);
/// Ports people connect to.
pub(crate) const PORT: Kind = Kind::Number(1, 65_535);

impl Kind {
    /// The value as it is kept, or what is wrong as a clause that follows the key.
    pub(crate) fn parse(&self, given: &Given) -> Result<Value, String> {
        match (self, given) {
            (_, Given::Empty) => Err("has no value; give one or remove the line".to_owned()),
            (_, Given::Section) => Err("takes a value, not further keys".to_owned()),
            (Kind::List(_, check, most), Given::List(items)) => list(items, *check, *most),
            (Kind::List(_, check, most), Given::Text(text)) => {
                let items: Vec<String> =
                    text.split(',').map(|item| item.trim().to_owned()).collect();
                list(&items, *check, *most)
            }
            (_, Given::List(_)) => Err("takes one value, not a list".to_owned()),
            (_, Given::Text(text)) => self.text(text),
        }
    }

    fn text(&self, text: &str) -> Result<Value, String> {
        match self {
            Kind::Text(_, check) | Kind::List(_, check, _) => {
                check(text).map(Value::from).map_err(|why| but(text, &why))
            }
            Kind::Number(least, most) => {
                let number = text
                    .parse::<u32>()
                    .ok()
                    .filter(|n| (least..=most).contains(&n));
                number
                    .map(Value::from)
                    .ok_or_else(|| but(text, &format!("is not {}", self.wanted())))
            }
            Kind::Schema => match text.parse::<u32>() {
                Ok(number @ 1..=SCHEMA) => Ok(Value::from(number)),
                Ok(SCHEMA..) => Err(but(
                    text,
                    &format!("is of a newer Homeport; this one reads {SCHEMA} and lower"),
                )),
                _ => Err(but(text, "is not a schema's number")),
            },
            Kind::OneOf(words) if words.contains(&text) => Ok(Value::from(text)),
            Kind::OneOf(_) => Err(but(text, &format!("is not {}", self.wanted()))),
            Kind::Plugin(field) => field.parse(text).map_err(|problem| problem.message),
        }
    }

    /// What is wanted, for help texts.
    pub(crate) fn wanted(&self) -> String {
        match self {
            Kind::Text(word, _) => word.to_lowercase(),
            Kind::List(word, _, most) => {
                format!("up to {most} {}s, separated by commas", word.to_lowercase())
            }
            Kind::Number(least, most) => format!("a whole number from {least} to {most}"),
            Kind::OneOf(words) => format!("one of {}", words.join(", ")),
            Kind::Schema => "a schema's number".to_owned(),
            Kind::Plugin(field) => field.help.clone(),
        }
    }

    /// The word that stands for the value in a flag's help.
    pub(crate) fn placeholder(&self) -> &'static str {
        match self {
            Kind::Text(word, _) | Kind::List(word, _, _) => word,
            Kind::Number(..) | Kind::Schema => "NUMBER",
            Kind::OneOf(_) => "WORD",
            Kind::Plugin(_) => "VALUE",
        }
    }
}

fn list(items: &[String], check: fn(&str) -> Checked, most: usize) -> Result<Value, String> {
    if items.len() > most {
        return Err(format!(
            "has {} entries, at most {most} are possible",
            items.len()
        ));
    }
    let checked = items
        .iter()
        .map(|item| check(item).map_err(|why| but(item, &why)));
    checked
        .collect::<Result<Vec<String>, String>>()
        .map(Value::from)
}

fn but(text: &str, why: &str) -> String {
    format!("is {text:?}, but that {why}")
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    fn text(kind: &Kind, text: &str) -> Result<Value, String> {
        kind.parse(&Given::Text(text.to_owned()))
    }

    #[test]
    fn numbers_and_words_have_limits() {
        assert_eq!(text(&PORT, "443"), Ok(Value::from(443)));
        assert_eq!(
            text(&APP_PORT, "80").unwrap_err(),
            "is \"80\", but that is not a whole number from 1024 to 65535"
        );
        for wrong in ["", "-1", "0", "65536", "4e2", "443 ", "0x1"] {
            assert!(text(&PORT, wrong).is_err(), "{wrong}");
        }
        let words = Kind::OneOf(&["open", "closed"]);
        assert_eq!(
            text(&words, "shut").unwrap_err(),
            "is \"shut\", but that is not one of open, closed"
        );
    }

    #[test]
    fn lists_are_lists_or_separated_by_commas() {
        let servers = Kind::List("ADDRESS", check::nameserver, 3);
        let listed = servers.parse(&Given::List(vec![
            "9.9.9.9".to_owned(),
            "1.1.1.1".to_owned(),
        ]));
        assert_eq!(text(&servers, "9.9.9.9, 1.1.1.1"), listed);
        assert_eq!(
            text(&servers, "9.9.9.9,x").unwrap_err(),
            "is \"x\", but that is not an IP address"
        );
        assert!(
            text(&servers, "1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4")
                .unwrap_err()
                .contains("at most 3")
        );
    }

    #[test]
    fn shapes_that_do_not_fit_are_named() {
        assert!(PORT.parse(&Given::Empty).unwrap_err().contains("no value"));
        assert!(
            PORT.parse(&Given::List(vec![]))
                .unwrap_err()
                .contains("not a list")
        );
        assert!(
            PORT.parse(&Given::Section)
                .unwrap_err()
                .contains("further keys")
        );
    }
}
