//! Adds a pin to a recipe's text: one line more, everything else as it stands. Pure.

use crate::yaml::{self, Entry, Node, Value};

/// Why a pin cannot be added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PinError {
    /// The version is pinned already.
    #[error("it is pinned already, in line {line}, to {digest}")]
    There {
        /// Line of the pin.
        line: usize,
        /// The digest.
        digest: String,
    },
    /// The text is no recipe with a release.
    #[error("there is no section `source.release` that a pin could be added to")]
    NoRelease,
}

/// The text with the version's digest among `source.release.pins`.
///
/// # Errors
/// When it is there already, or has no place.
pub fn pinned(text: &str, version: &str, digest: &str) -> Result<String, PinError> {
    let (root, _) = yaml::read(text.as_bytes());
    let release = key(&root, "source").and_then(|source| key(&source.value, "release"));
    let release = release.ok_or(PinError::NoRelease)?;
    let line = format!("\"{version}\": {digest}");
    let Some(pins) = key(&release.value, "pins") else {
        let first = entries(&release.value).first().ok_or(PinError::NoRelease)?;
        let begin = line_start(text, first.bytes.start);
        let indent = " ".repeat(first.bytes.start - begin);
        return Ok(inserted(
            text,
            begin,
            &format!("{indent}pins:\n{indent}  {line}\n"),
        ));
    };
    if let Some(there) = key(&pins.value, version) {
        let digest = match &there.value.value {
            Value::Text(digest) => digest.clone(),
            _ => String::new(),
        };
        return Err(PinError::There {
            line: there.line,
            digest,
        });
    }
    let behind = text.get(pins.bytes.end..).unwrap_or_default();
    let brace = behind.find(|c: char| c != ':' && !c.is_whitespace());
    let flow = brace.filter(|at| behind[*at..].starts_with('{'));
    Ok(match (flow, entries(&pins.value).first()) {
        (Some(at), first) => {
            let rest = if first.is_some() { ", " } else { "" };
            inserted(text, pins.bytes.end + at + 1, &format!("{line}{rest}"))
        }
        (None, Some(first)) => {
            let begin = line_start(text, first.bytes.start);
            let indent = " ".repeat(first.bytes.start - begin);
            inserted(text, begin, &format!("{indent}{line}\n"))
        }
        (None, None) => {
            let colon = behind.find(':').map_or(0, |at| at + 1);
            inserted(text, pins.bytes.end + colon, &format!(" {{{line}}}"))
        }
    })
}

fn entries(node: &Node) -> &[Entry] {
    match &node.value {
        Value::Map(entries) => entries,
        _ => &[],
    }
}

fn key<'a>(node: &'a Node, key: &str) -> Option<&'a Entry> {
    entries(node).iter().find(|entry| entry.key == key)
}

fn line_start(text: &str, at: usize) -> usize {
    text.get(..at)
        .and_then(|before| before.rfind('\n'))
        .map_or(0, |end| end + 1)
}

fn inserted(text: &str, at: usize, more: &str) -> String {
    let (before, behind) = text.split_at_checked(at).unwrap_or((text, ""));
    format!("{before}{more}{behind}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pins: &str) -> Result<String, PinError> {
        pinned(
            &format!("source:\n  release: # here\n    a: 1\n{pins}    b: 2 # stays\n"),
            "2.6.0",
            "ff",
        )
    }

    #[test]
    fn one_line_more_and_everything_else_as_it_stands() {
        let with =
            |pins: &str| format!("source:\n  release: # here\n    a: 1\n{pins}    b: 2 # stays\n");
        assert_eq!(
            of("    pins: {}   # known\n").unwrap(),
            with("    pins: {\"2.6.0\": ff}   # known\n")
        );
        assert_eq!(
            of("    pins: {\"2.5.0\": aa}\n").unwrap(),
            with("    pins: {\"2.6.0\": ff, \"2.5.0\": aa}\n")
        );
        assert_eq!(
            of("    pins:\n      # why\n      2.5.0: aa # seen\n").unwrap(),
            with("    pins:\n      # why\n      \"2.6.0\": ff\n      2.5.0: aa # seen\n")
        );
        assert_eq!(
            of("    pins:\n").unwrap(),
            with("    pins: {\"2.6.0\": ff}\n")
        );
        assert_eq!(
            of("").unwrap(),
            "source:\n  release: # here\n    pins:\n      \"2.6.0\": ff\n    a: 1\n    b: 2 # stays\n"
        );
    }

    #[test]
    fn a_pin_that_is_there_is_not_changed() {
        let there = of("    pins: {2.6.0: ee}\n").unwrap_err();
        assert_eq!(there.to_string(), "it is pinned already, in line 4, to ee");
        assert_eq!(pinned("a: 1\n", "1", "ff"), Err(PinError::NoRelease));
    }
}
