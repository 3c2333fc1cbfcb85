//! A line of a log: when, of what, what.

use crate::cli::style::{Style, harmless};
use crate::log::Level;
use crate::report::Line;

/// Columns for the component's name; a longer one moves the text.
const NAME: usize = 15;

/// The line, without anything that could control a terminal.
pub fn line(line: &Line, style: Style) -> String {
    let text = harmless(&line.text);
    let text = match line.level {
        Level::Error => style.red(&text),
        Level::Warn => style.yellow(&text),
        Level::Success => style.green(&text),
        Level::Debug => style.dim(&text),
        Level::Info => text,
    };
    let name = format!("{:<NAME$}", harmless(&line.component));
    format!("{} {} {text}", style.dim(&line.time), style.bold(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_obeys_nobody() {
        let found = Line {
            time: "2026-01-02T03:04:05Z".to_owned(),
            component: "backend".to_owned(),
            unit: None,
            level: Level::Error,
            text: "a\x1b]0;title\x07b\u{9b}2Jc\u{202e}d\ttab".to_owned(),
        };
        assert_eq!(
            line(&found, Style::PLAIN),
            "2026-01-02T03:04:05Z backend         a ]0;title b 2Jc d tab"
        );
    }
}
