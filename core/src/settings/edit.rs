//! Changes single values of a settings file and leaves every other byte as it is: people's comments, order and way of
//! writing survive. What was written is read again before it is given out; looks at no machine.

use std::ops::Range;

use serde_json::Value;

use super::error::SettingsError;
use super::kind::Given;
use super::resolve::answered;
use super::schema::Defaults;
use super::sources::{ConfigFile, Sources};
use super::write::scalar;
use super::yaml::{self, Entry};

/// Why a value cannot be put into a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The file cannot be read well enough to change it.
    #[error("{0}")]
    Unreadable(String),
    /// It is written in a way that this does not change.
    #[error(
        "`{path}` cannot be written there without touching more than its line; write it into the file by hand"
    )]
    Place {
        /// The key's path.
        path: String,
    },
}

/// The text with this value at this path. A key that is not there yet takes the place of its commented line, or stands
/// last in its section. An error if that cannot be done without changing anything else.
pub fn edit(text: &str, path: &str, value: &Value) -> Result<String, EditError> {
    let unwritable = || EditError::Place {
        path: path.to_owned(),
    };
    let written = scalar(value).ok_or_else(unwritable)?;
    let before = read(text)?;
    let (place, new) = change(text, &before, path, &written);
    let (head, tail) = text
        .get(..place.start)
        .zip(text.get(place.end..))
        .ok_or_else(unwritable)?;
    let edited = format!("{head}{new}{tail}");
    if read(&edited).is_ok_and(|after| only_differ_in(&before, &after, path, &written)) {
        Ok(edited)
    } else {
        Err(unwritable())
    }
}

/// The text of a file with each of these settings (`PATH=VALUE`) changed in it, everything else as it is.
///
/// # Errors
/// What is wrong with the file because of them, or with them; what was wrong with it before is none of theirs.
pub fn assign(
    file: &ConfigFile,
    set: &[String],
    defaults: &Defaults,
) -> Result<String, SettingsError> {
    let alone = |file: ConfigFile| Sources {
        file: Some(file),
        ..Sources::default()
    };
    let before = answered(&alone(file.clone()), defaults).1.findings;
    let wrong = |sources: &Sources| {
        let (schema, answers) = answered(sources, defaults);
        let known = |why: &str| before.iter().any(|finding| finding.why == why);
        let found = answers
            .findings
            .iter()
            .filter(|finding| !known(&finding.why));
        match found.cloned().collect::<Vec<_>>() {
            found if found.is_empty() => Ok((schema, answers)),
            found => Err(SettingsError::Invalid(found)),
        }
    };
    let mut sources = alone(file.clone());
    sources.set = set.to_vec();
    let (schema, answers) = wrong(&sources)?;
    let mut text = String::from_utf8_lossy(&file.bytes).into_owned();
    let paths = set.iter().filter_map(|set| set.split_once('='));
    for field in paths.filter_map(|(path, _)| schema.at(path)) {
        if let Some(answer) = answers.by_path.get(&*field.path) {
            text = edit(&text, &field.path, &answer.value)?;
        }
    }
    let bytes = text.clone().into_bytes();
    let name = file.name.clone();
    wrong(&alone(ConfigFile { name, bytes })).map(|_| text)
}

fn read(text: &str) -> Result<Vec<Entry>, EditError> {
    let (entries, findings) = yaml::read("the file", text.as_bytes());
    match findings.first() {
        None => Ok(entries),
        Some(finding) => Err(EditError::Unreadable(finding.to_string())),
    }
}

/// Which bytes are replaced by what.
fn change(text: &str, entries: &[Entry], path: &str, written: &str) -> (Range<usize>, String) {
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    match entries.iter().find(|entry| entry.path == path) {
        Some(entry) if entry.given == Given::Empty => {
            let colon = text[entry.key.end..].find(':').map_or(0, |at| at + 1);
            let at = entry.key.end + colon;
            (at..at, format!(" {written}"))
        }
        Some(entry) => (entry.value.clone(), written.to_owned()),
        None => {
            let section = Section::of(text, entries, path);
            let key = path.rsplit('.').next().unwrap_or_default();
            if let Some(line) = section.commented(text, key) {
                return (line, format!("{}{key}: {written}", section.indent));
            }
            let (at, open) = section.last_line(text);
            let opening = if open { newline } else { "" };
            let lines = section.lines(path, written, newline);
            (at..at, format!("{opening}{lines}"))
        }
    }
}

/// The innermost section of a path that is there.
struct Section {
    /// How many keys of the path lead to it.
    depth: usize,
    /// Blanks before its keys.
    indent: String,
    /// From behind its own key to the next key that is not in it.
    extent: Range<usize>,
    /// Where its last value ends.
    end: Option<usize>,
}

impl Section {
    fn of(text: &str, entries: &[Entry], path: &str) -> Section {
        let parents = path.match_indices('.').map(|(at, _)| &path[..at]).rev();
        let found = parents.filter_map(|parent| {
            let at = entries.iter().position(|entry| entry.path == parent)?;
            Some((parent, at))
        });
        let Some((parent, at)) = found.into_iter().next() else {
            return Section::whole(text, entries);
        };
        let below = format!("{parent}.");
        let rest = &entries[at + 1..];
        let (inside, after) = rest.split_at(
            rest.iter()
                .position(|entry| !entry.path.starts_with(&below))
                .unwrap_or(rest.len()),
        );
        let own = blanks(text, entries[at].key.start);
        Section {
            depth: parent.split('.').count(),
            indent: inside.first().map_or(format!("{own}  "), |child| {
                blanks(text, child.key.start).to_owned()
            }),
            extent: entries[at].key.end..after.first().map_or(text.len(), |next| next.key.start),
            end: inside.last().map(|last| last.value.end.max(last.key.end)),
        }
    }

    /// The file itself.
    fn whole(text: &str, entries: &[Entry]) -> Section {
        Section {
            depth: 0,
            indent: String::new(),
            extent: 0..text.len(),
            end: Some(text.len()).filter(|_| !entries.is_empty()),
        }
    }

    /// The line that holds this key as a comment, without its end.
    fn commented(&self, text: &str, key: &str) -> Option<Range<usize>> {
        let wanted = format!("{}# {key}:", self.indent);
        let mut at = self.extent.start;
        for line in text[self.extent.clone()].split_inclusive('\n') {
            let bare = line.trim_end();
            if bare == wanted {
                return Some(at..at + bare.len());
            }
            at += line.len();
        }
        None
    }

    /// Behind the last line of the section, and whether that line has no end.
    fn last_line(&self, text: &str) -> (usize, bool) {
        let from = self.end.unwrap_or(match self.depth {
            0 => text.len(),
            _ => self.extent.start,
        });
        match text[from..].find('\n') {
            _ if text[..from].ends_with('\n') => (from, false),
            Some(length) => (from + length + 1, false),
            None => (text.len(), !text.is_empty()),
        }
    }

    /// The missing sections and the key.
    fn lines(&self, path: &str, written: &str, newline: &str) -> String {
        let keys: Vec<&str> = path.split('.').skip(self.depth).collect();
        let last = keys.len().saturating_sub(1);
        let line = |(deeper, key): (usize, &&str)| {
            let value = if deeper == last {
                format!(" {written}")
            } else {
                String::new()
            };
            format!(
                "{}{}{key}:{value}{newline}",
                self.indent,
                "  ".repeat(deeper)
            )
        };
        keys.iter().enumerate().map(line).collect()
    }
}

/// What stands before this place in its line, if that is blanks.
fn blanks(text: &str, at: usize) -> &str {
    let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let before = &text[line..at];
    &before[..before.len() - before.trim_start_matches(' ').len()]
}

/// Whether the same keys hold the same values, but for this one, which holds what was written.
fn only_differ_in(before: &[Entry], after: &[Entry], path: &str, written: &str) -> bool {
    let is_new = |entry: &&Entry| {
        let section = path
            .strip_prefix(entry.path.as_str())
            .is_some_and(|rest| rest.starts_with('.'));
        entry.path != path && !(section && matches!(entry.given, Given::Section | Given::Empty))
    };
    let others = |entries: &[Entry]| -> Vec<(String, Given)> {
        let kept = entries.iter().filter(is_new);
        kept.map(|entry| (entry.path.clone(), entry.given.clone()))
            .collect()
    };
    let as_read = yaml::read("", format!("v: {written}\n").as_bytes()).0;
    let given = after.iter().find(|entry| entry.path == path);
    others(before) == others(after)
        && given.map(|entry| &entry.given) == as_read.first().map(|entry| &entry.given)
}

#[cfg(test)]
mod tests;
