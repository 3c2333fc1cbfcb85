//! What an output can show: colours, signs beyond ASCII, how many columns. Asked once; everything else is pure.

use std::io::IsTerminal;
use std::os::fd::AsFd;

/// Columns where nobody says how many there are.
const WIDTH: usize = 80;

/// What an output can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Colours and other attributes.
    pub colour: bool,
    /// Signs beyond ASCII.
    pub unicode: bool,
    /// Columns.
    pub width: usize,
}

impl Style {
    /// No colours, no signs, 80 columns: for files and tests.
    pub const PLAIN: Style = Style {
        colour: false,
        unicode: false,
        width: WIDTH,
    };

    /// What this output can show, as terminal and environment say.
    pub fn of(output: &(impl IsTerminal + AsFd)) -> Style {
        let var = |name: &str| std::env::var(name).unwrap_or_default();
        let terminal = output.is_terminal();
        let columns = rustix::termios::tcgetwinsize(output).map_or(0, |size| size.ws_col);
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .map(|name| var(name))
            .find(|value| !value.is_empty());
        Style {
            colour: terminal && var("NO_COLOR").is_empty() && var("TERM") != "dumb",
            unicode: locale
                .is_some_and(|locale| locale.to_uppercase().replace('-', "").contains("UTF8")),
            width: if columns < 20 {
                WIDTH
            } else {
                usize::from(columns)
            },
        }
    }

    /// The text in bold.
    pub fn bold(&self, text: &str) -> String {
        self.paint("1", text)
    }

    /// The text in a colour of less weight.
    pub fn dim(&self, text: &str) -> String {
        self.paint("2", text)
    }

    /// The text in the colour of failure.
    pub fn red(&self, text: &str) -> String {
        self.paint("31", text)
    }

    /// The text in the colour of success.
    pub fn green(&self, text: &str) -> String {
        self.paint("32", text)
    }

    /// The text in the colour of attention.
    pub fn yellow(&self, text: &str) -> String {
        self.paint("33", text)
    }

    /// The sign where signs can be shown, else the word.
    pub fn sign(&self, sign: &'static str, word: &'static str) -> &'static str {
        if self.unicode { sign } else { word }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// The text without what would control a terminal or turn the order of what is read: output of other programs is shown,
/// never obeyed.
pub fn harmless(text: &str) -> String {
    let obeyed =
        |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars()
        .map(|c| if obeyed(c) { ' ' } else { c })
        .collect()
}

/// The text in at most so many columns, the rest cut off.
pub fn cut(text: &str, width: usize) -> String {
    text.chars().take(width).collect()
}

/// The text broken at blanks into lines of at most so many columns. What is in backticks is to be pasted, so it is one
/// word; a word that is too long has a line to itself. Lines of the text stay lines.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    text.lines().flat_map(|line| fill(line, width)).collect()
}

fn fill(line: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut column = 0;
    for word in words(line) {
        let long = word.chars().count();
        if column > 0 && column + 1 + long > width {
            lines.push(String::new());
            column = 0;
        }
        let last = lines.len() - 1;
        if column > 0 {
            lines[last].push(' ');
            column += 1;
        }
        lines[last].push_str(&word);
        column += long;
    }
    lines
}

fn words(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut open = false;
    for part in line.split_whitespace() {
        match words.last_mut() {
            Some(word) if open => *word = format!("{word} {part}"),
            _ => words.push(part.to_owned()),
        }
        open ^= part.matches('`').count() % 2 == 1;
    }
    words
}

/// Seconds as people read them: `8 s`, `2 min 5 s`, `3 h 2 min`, `4 d 1 h`.
pub fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// Bytes in the unit that needs fewest digits, with one decimal.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut tenths = u128::from(bytes) * 10 / 1024;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_blanks() {
        assert_eq!(
            wrap("one two three\n\nfour", 8),
            ["one two", "three", "", "four"]
        );
        assert_eq!(wrap("a verylongword b", 4), ["a", "verylongword", "b"]);
        assert_eq!(
            wrap("run `a b c` now, it`s", 6),
            ["run", "`a b c`", "now,", "it`s"]
        );
        assert_eq!(cut("äöü", 2), "äö");
        assert_eq!(harmless("a\x1b[2Jb\n"), "a [2Jb ");
    }

    #[test]
    fn figures_are_short() {
        let texts = [8, 125, 10_920, 349_200].map(duration);
        assert_eq!(texts, ["8 s", "2 min 5 s", "3 h 2 min", "4 d 1 h"]);
        let texts = [0, 1536, 5 << 20, 3 << 30, u64::MAX].map(bytes);
        assert_eq!(
            texts,
            ["0.0 KiB", "1.5 KiB", "5.0 MiB", "3.0 GiB", "16777215.9 TiB"]
        );
    }
}
