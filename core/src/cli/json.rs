//! What programs read: one JSON document on stdout, and while an operation runs one event per line on stderr.
//! Pure: the texts are printed by [`super::output`].

use homeport_engine::event::Event;
use homeport_engine::plan::Plan;
use serde::Serialize;
use serde_json::{Value, json};

use crate::error::Error;
use crate::report::Finding;

/// A verb's result.
pub fn result(result: &impl Serialize) -> String {
    pretty(&serde_json::to_value(result).unwrap_or_default())
}

/// Why there is none: an object with the one key `error`.
pub fn error(error: &Error) -> String {
    pretty(&json!({ "error": error.to_json() }))
}

/// Plans, for `--dry-run`: an object with the key `plans`, and `findings` if there is something to know.
pub fn plans(plans: &[Plan], findings: &[Finding]) -> String {
    let mut object = json!({ "plans": plans });
    if !findings.is_empty() {
        object["findings"] = json!(findings);
    }
    pretty(&object)
}

/// A finding, in one line among events.
pub fn finding(finding: &Finding) -> String {
    line(&json!({ "event": "finding", "finding": finding }))
}

/// A result in one line, for a stream of them.
pub fn line(result: &impl Serialize) -> String {
    harmless(&serde_json::to_string(result).unwrap_or_default())
}

/// An event, in one line.
pub fn event(event: &Event) -> String {
    line(event)
}

fn pretty(value: &Value) -> String {
    harmless(&serde_json::to_string_pretty(value).unwrap_or_default())
}

/// JSON escapes the first controls by itself; those from 127 on would reach a terminal. They only stand in strings, where
/// an escape means the same.
fn harmless(json: &str) -> String {
    let escaped = |c: char| match c {
        '\u{7f}'..='\u{9f}' => format!("\\u{:04x}", u32::from(c)),
        _ => c.to_string(),
    };
    json.chars().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn an_error_says_everything_a_program_needs() {
        let failed = Error::new(
            Kind::Locked,
            "Another operation is under way.",
            "since noon",
        )
        .with_remedy("Wait.");
        insta::assert_snapshot!(error(&failed), @r#"
    {
      "error": {
        "code": 5,
        "do": [
          "Wait."
        ],
        "kind": "locked",
        "lines": [],
        "state": "untouched",
        "what": "Another operation is under way.",
        "why": "Since noon."
      }
    }
    "#);
    }

    #[test]
    fn no_control_reaches_a_terminal() {
        let text = "\u{1b}[2J\u{9b}2J\u{7f}\u{e4}";
        let told = line(&text);
        assert_eq!(told, r#""\u001b[2J\u009b2J\u007fä""#);
        assert_eq!(serde_json::from_str::<String>(&told).unwrap(), text);
    }

    #[test]
    fn an_event_is_one_line() {
        let line = event(&Event::Started {
            number: 3,
            title: "Start\nit".to_owned(),
        });
        assert_eq!(
            line,
            r#"{"event":"started","number":3,"title":"Start\nit"}"#
        );
    }
}
