//! Writes settings as the commented YAML file that a guest keeps. What it writes, the loader reads back equal.

use std::fmt::Write;

use serde_json::Value;

use super::fields::{Field, Need};
use super::json::{SCHEMA_FILE, json_schema};
use super::kind::Kind;
use super::model::Settings;
use super::schema::{Defaults, Schema};

const HEAD: &str = "\
# Settings of this deployment. Edit them here, then run `homeport reconfigure`.
# What Homeport itself keeps is marked so: changing it changes nothing. Secrets are never in here.
";

/// The settings as files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pages {
    /// `deployment-config.yaml`.
    pub yaml: String,
    /// What editors check it by, for a file beside it.
    pub schema: String,
}

impl Pages {
    /// Name of the schema's file: the settings name it so, and expect it in their directory.
    pub const SCHEMA_FILE: &str = SCHEMA_FILE;

    /// Writes both.
    pub fn of(settings: &Settings, defaults: &Defaults) -> Pages {
        Pages {
            yaml: to_yaml(settings, defaults),
            schema: format!("{}\n", json_schema(defaults, &settings.app)),
        }
    }
}

/// The file, every key preceded by its reason; a setting without a value is there as a comment.
pub fn to_yaml(settings: &Settings, defaults: &Defaults) -> String {
    let tree = serde_json::to_value(settings).unwrap_or_default();
    let plugin = Some(settings.database.plugin.as_str());
    let mut page = Page {
        text: format!("# yaml-language-server: $schema={SCHEMA_FILE}\n{HEAD}"),
        section: Vec::new(),
    };
    for field in Schema::new(defaults, Some(&settings.app), plugin).fields() {
        let value = match idle(defaults, &tree, &field.path) {
            true => &Value::Null,
            false => at(&tree, &field.path),
        };
        page.setting(&field.path, &field.comment(), value);
    }
    page.text
}

/// Whether it is a setting of the app's that says nothing without another that has no value. Its default is not
/// written: whoever reads the file would have to take it for given, and refuse it.
fn idle(defaults: &Defaults, tree: &Value, path: &str) -> bool {
    let own = |name: &str| format!("settings.{name}");
    let setting = defaults.app.iter().find(|one| own(&one.field.name) == path);
    setting.is_some_and(|one| one.needs.iter().any(|need| at(tree, &own(need)).is_null()))
}

impl Field {
    /// What stands above it in the file.
    pub(crate) fn comment(&self) -> String {
        let reason = &self.reason;
        match &self.kind {
            _ if self.need == Need::Recorded => format!("{reason} (Kept by Homeport.)"),
            Kind::OneOf(words) if words.len() > 1 => {
                format!("{reason} One of: {}.", words.join(", "))
            }
            _ => reason.to_string(),
        }
    }
}

fn at<'a>(tree: &'a Value, path: &str) -> &'a Value {
    path.split('.')
        .try_fold(tree, |below, key| below.get(key))
        .unwrap_or(&Value::Null)
}

struct Page {
    text: String,
    section: Vec<String>,
}

impl Page {
    fn setting(&mut self, path: &str, reason: &str, value: &Value) {
        let mut keys: Vec<&str> = path.split('.').collect();
        let key = keys.pop().unwrap_or_default();
        self.enter(&keys);
        let indent = "  ".repeat(keys.len());
        let _ = writeln!(self.text, "{indent}# {reason}");
        let _ = match scalar(value) {
            Some(text) => writeln!(self.text, "{indent}{key}: {text}"),
            None => writeln!(self.text, "{indent}# {key}:"),
        };
    }

    /// Opens the sections that are not open yet.
    fn enter(&mut self, keys: &[&str]) {
        let common = self
            .section
            .iter()
            .zip(keys)
            .take_while(|(open, key)| open == key)
            .count();
        for (depth, key) in keys.iter().enumerate().skip(common) {
            let gap = if depth == 0 { "\n" } else { "" };
            let _ = writeln!(self.text, "{gap}{}{key}:", "  ".repeat(depth));
        }
        self.section = keys.iter().map(|key| (*key).to_owned()).collect();
    }
}

/// The value as YAML; `None`: there is none.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Null | Value::Object(_) => None,
        Value::Array(items) if items.is_empty() => None,
        Value::Array(items) => Some(format!(
            "[{}]",
            items
                .iter()
                .filter_map(scalar)
                .collect::<Vec<_>>()
                .join(", ")
        )),
        Value::String(text) => Some(quoted(text)),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
    }
}

/// Bare where any YAML reader takes it for a text, else in double quotes.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_/.@".contains(c);
    let speaks = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
        .contains(&text.to_ascii_lowercase().as_str());
    let letter = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    if letter && text.chars().all(plain) && !speaks {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            c if c.is_alphanumeric() => out.push(c),
            c => drop(write!(out, "\\U{:08x}", u32::from(c))),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_where_another_reader_would_take_them_for_something_else() {
        assert_eq!(quoted("tasks.example.org"), "tasks.example.org");
        for (text, written) in [
            ("no", r#""no""#),
            ("1.5", r#""1.5""#),
            ("a: b", r#""a: b""#),
            ("", r#""""#),
            ("a\"\\\n", r#""a\"\\\U0000000a""#),
            ("é", "\"é\""),
        ] {
            assert_eq!(quoted(text), written);
        }
    }
}
