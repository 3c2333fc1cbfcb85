//! Writes settings as the commented YAML file that a guest keeps. What it writes, the loader reads back equal.

use std::fmt::Write;

use serde_json::Value;

use super::fields::{COMPONENT, FIELDS, Need};
use super::kind::Kind;
use super::model::Settings;

const HEAD: &str = "\
# Settings of this deployment. Edit them here, then run `homeport reconfigure`.
# What Homeport itself keeps is marked so: changing it changes nothing. Secrets are never in here.
";

/// The file, every key preceded by its reason; a setting without a value is there as a comment.
pub fn to_yaml(settings: &Settings) -> String {
    let tree = serde_json::to_value(settings).unwrap_or_default();
    let mut page = Page {
        text: HEAD.to_owned(),
        section: Vec::new(),
    };
    for field in FIELDS {
        page.setting(
            &field.path,
            &comment(&field.reason, &field.need, &field.kind),
            at(&tree, &field.path),
        );
        match &*field.path {
            "database.dialect" => plugin(&mut page, settings),
            "services.frontend.ssl_key" => components(&mut page, settings, &tree),
            _ => {}
        }
    }
    page.text
}

fn comment(reason: &str, need: &Need, kind: &Kind) -> String {
    match kind {
        _ if *need == Need::Recorded => format!("{reason} (Kept by Homeport.)"),
        Kind::OneOf(words) if words.len() > 1 => format!("{reason} One of: {}.", words.join(", ")),
        _ => reason.to_owned(),
    }
}

fn at<'a>(tree: &'a Value, path: &str) -> &'a Value {
    path.split('.')
        .try_fold(tree, |below, key| below.get(key))
        .unwrap_or(&Value::Null)
}

fn components(page: &mut Page, settings: &Settings, tree: &Value) {
    for name in settings.services.components.keys() {
        for (key, kind, need, reason) in COMPONENT {
            let path = format!("services.{name}.{key}");
            page.setting(&path, &comment(reason, &need, &kind), at(tree, &path));
        }
    }
}

fn plugin(page: &mut Page, settings: &Settings) {
    let database = &settings.database;
    for (key, value) in &database.settings {
        let reason = format!("See `homeport plugin inspect {}`.", database.plugin);
        page.setting(&format!("database.settings.{key}"), &reason, value);
    }
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
fn scalar(value: &Value) -> Option<String> {
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
