//! Reads a YAML file into flat entries with line numbers: what a settings file needs of YAML, and no more.
//!
//! Every scalar stays text – what it means, the setting it is for decides. Anchors, aliases, tags, lists of lists and
//! keys that are not words are refused. Total: bytes of any kind give entries or findings.

use std::collections::BTreeMap;
use std::ops::Range;

use granit_parser::{Event, Options, Parser, ScalarStyle, Span, StrInput};

use super::error::{Finding, Origin};
use super::kind::Given;

/// Largest file that is read, bytes. One that Homeport writes has about 6 KiB.
pub const SIZE_LIMIT: usize = 256 << 10;
/// Deepest nesting that is read; settings need three levels.
const DEPTH_LIMIT: usize = 8;
/// Most nodes (keys, values, sections) that are read.
const NODE_LIMIT: usize = 4096;

/// One key of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Keys from the outermost, joined by dots.
    pub(crate) path: String,
    /// What stands after it.
    pub(crate) given: Given,
    /// Line of the key, from 1.
    pub(crate) line: usize,
    /// Where the key stands, bytes.
    pub(crate) key: Range<usize>,
    /// Where its value stands, bytes; of a section its first key, of nothing an empty range.
    pub(crate) value: Range<usize>,
}

/// Reads the entries in the order of the file, sections before their content. What was read before something
/// unreadable is still there.
pub(crate) fn read(name: &str, bytes: &[u8]) -> (Vec<Entry>, Vec<Finding>) {
    let whole = |line, why: String| {
        let name = name.to_owned();
        (
            Vec::new(),
            vec![Finding::new(Origin::File { name, line }, "", why)],
        )
    };
    if bytes.len() > SIZE_LIMIT {
        return whole(
            1,
            format!(
                "the file has {} bytes, at most {SIZE_LIMIT} are read",
                bytes.len()
            ),
        );
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            return whole(line, "the text is not UTF-8".to_owned());
        }
    };
    let mut options = Options::default();
    options.flow_nesting_limit = DEPTH_LIMIT;
    options.block_nesting_limit = DEPTH_LIMIT;
    let mut reader = Reader {
        name,
        events: Parser::new_from_str_with_options(text, options),
        nodes: 0,
        at: 0..0,
        entries: Vec::new(),
        findings: Vec::new(),
    };
    if let Err(finding) = reader.file() {
        reader.findings.push(finding);
    }
    (reader.entries, reader.findings)
}

struct Reader<'a> {
    name: &'a str,
    events: Parser<'a, StrInput<'a>>,
    nodes: usize,
    /// Where the last event was, bytes.
    at: Range<usize>,
    entries: Vec<Entry>,
    findings: Vec<Finding>,
}

/// A key that waits for its value.
struct Key {
    line: usize,
    bytes: Range<usize>,
}

/// Reading ends where the structure cannot be followed.
type Followed<T> = Result<T, Finding>;

impl<'a> Reader<'a> {
    fn file(&mut self) -> Followed<()> {
        let mut documents = 0;
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(()),
                (Event::DocumentStart(..), line) if documents > 0 => {
                    return Err(self.unreadable(
                        line,
                        "a second document begins here; settings are one document",
                    ));
                }
                (Event::DocumentStart(..), _) => documents += 1,
                (Event::MappingStart(..), _) => self.section("", DEPTH_LIMIT)?,
                (Event::Scalar(text, style, ..), _) if nothing(&text, style) => {}
                (Event::Scalar(..) | Event::SequenceStart(..), line) => {
                    return Err(
                        self.unreadable(line, "settings are lines of the form `key: value`")
                    );
                }
                _ => {}
            }
        }
    }

    /// The keys up to the end of the mapping that has begun.
    fn section(&mut self, prefix: &str, depth: usize) -> Followed<()> {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        loop {
            let (key, line) = match self.next()? {
                (Event::MappingEnd, _) => return Ok(()),
                (Event::Scalar(key, ..), line) => (key.into_owned(), line),
                (_, line) => return Err(self.unreadable(line, "a key must be a word")),
            };
            let at = Key {
                line,
                bytes: self.at.clone(),
            };
            if key.contains('.') {
                let why =
                    "has a dot in it; put the part behind the dot on a line of its own, indented";
                self.findings.push(self.finding(line, &key, why));
            }
            let path = if prefix.is_empty() {
                key.clone()
            } else {
                format!("{prefix}.{key}")
            };
            match seen.insert(key, line) {
                None => self.value(path, at, depth)?,
                Some(first) => {
                    self.findings.push(self.finding(
                        line,
                        &path,
                        &format!("is given twice, first in line {first}"),
                    ));
                    let kept = self.entries.len();
                    self.value(path, at, depth)?;
                    self.entries.truncate(kept);
                }
            }
        }
    }

    fn value(&mut self, path: String, key: Key, depth: usize) -> Followed<()> {
        let (event, line) = self.next()?;
        let begins = self.at.clone();
        let given = match event {
            Event::Scalar(text, style, ..) if nothing(&text, style) => Given::Empty,
            Event::Scalar(text, ..) => Given::Text(text.into_owned()),
            Event::SequenceStart(..) => Given::List(self.list()?),
            Event::MappingStart(..) => Given::Section,
            _ => return Err(self.unreadable(line, "a value is missing")),
        };
        let section = (given == Given::Section).then(|| path.clone());
        self.entries.push(Entry {
            path,
            given,
            line: key.line,
            key: key.bytes,
            value: begins.start..self.at.end,
        });
        let Some(path) = section else { return Ok(()) };
        let deeper = depth
            .checked_sub(1)
            .ok_or_else(|| self.unreadable(line, "it is nested too deeply"))?;
        self.section(&path, deeper)
    }

    /// The items; afterwards [`Reader::at`] ends where the last of them, or its bracket, ends.
    fn list(&mut self) -> Followed<Vec<String>> {
        let mut items = Vec::new();
        loop {
            let last = self.at.end;
            match self.next()? {
                (Event::SequenceEnd, _) => {
                    // Without a bracket the list ends where something else begins.
                    self.at.end = if self.at.is_empty() {
                        last
                    } else {
                        self.at.end
                    };
                    return Ok(items);
                }
                (Event::Scalar(text, ..), _) => items.push(text.into_owned()),
                (_, line) => {
                    return Err(self.unreadable(line, "an entry of a list must be one value"));
                }
            }
        }
    }

    /// The next event and its line. Refuses what settings have no use for.
    fn next(&mut self) -> Followed<(Event<'a>, usize)> {
        let (event, span) = match self.events.next() {
            Some(Ok(found)) => found,
            Some(Err(error)) => {
                return Err(self.unreadable(
                    error.marker().line(),
                    &format!("this is not YAML: {}", error.kind()),
                ));
            }
            None => return Ok((Event::StreamEnd, 1)),
        };
        let line = span.start.line().max(1);
        self.at = bytes(&span);
        self.nodes += 1;
        if self.nodes > NODE_LIMIT {
            return Err(self.unreadable(
                line,
                &format!("there are more than {NODE_LIMIT} keys and values"),
            ));
        }
        match &event {
            Event::Alias(_)
            | Event::Scalar(_, _, 1.., _)
            | Event::SequenceStart(_, 1.., _)
            | Event::MappingStart(_, 1.., _) => Err(self.unreadable(
                line,
                "anchors and aliases (`&x`, `*x`) have no use here; write the value out",
            )),
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, _, Some(_))
            | Event::MappingStart(_, _, Some(_)) => Err(self.unreadable(
                line,
                "tags (`!x`) have no use here; put a value that begins with `!` in quotes",
            )),
            _ => Ok((event, line)),
        }
    }

    fn finding(&self, line: usize, key: &str, why: &str) -> Finding {
        let name = self.name.to_owned();
        Finding::new(Origin::File { name, line }, key, why)
    }

    fn unreadable(&self, line: usize, why: &str) -> Finding {
        self.finding(line, "", why)
    }
}

/// A text is read from memory, so every place in it is known.
fn bytes(span: &Span) -> Range<usize> {
    span.byte_range().unwrap_or_default()
}

/// What YAML reads as "no value".
fn nothing(text: &str, style: ScalarStyle) -> bool {
    style == ScalarStyle::Plain && matches!(text, "" | "~" | "null")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entries(text: &str) -> Vec<(String, Given, usize)> {
        let (entries, findings) = read("x", text.as_bytes());
        assert_eq!(findings, []);
        entries
            .into_iter()
            .map(|entry| (entry.path, entry.given, entry.line))
            .collect()
    }

    fn findings(text: &str) -> Vec<String> {
        read("x", text.as_bytes())
            .1
            .iter()
            .map(Finding::to_string)
            .collect()
    }

    #[test]
    fn scalars_stay_text_and_lines_are_right() {
        let text = |text: &str| Given::Text(text.to_owned());
        assert_eq!(
            entries(
                "# c\napp: no\n\nnetwork:\n  domain: \"~\"\n  gateway:\n  nameservers: [1.1.1.1, 012]\n"
            ),
            [
                ("app".to_owned(), text("no"), 2),
                ("network".to_owned(), Given::Section, 4),
                ("network.domain".to_owned(), text("~"), 5),
                ("network.gateway".to_owned(), Given::Empty, 6),
                (
                    "network.nameservers".to_owned(),
                    Given::List(vec!["1.1.1.1".to_owned(), "012".to_owned()]),
                    7
                ),
            ]
        );
        assert_eq!(entries(""), []);
        assert_eq!(entries("---\n# nothing\n"), []);
    }

    #[test]
    fn what_settings_have_no_use_for_is_refused_with_its_line() {
        insta::assert_snapshot!([
            "a: 1\nb: 2\na: 3\n",
            "a: 1\n---\nb: 2\n",
            "- a\n- b\n",
            "a: &x 1\nb: *x\n",
            "a: !!str 1\n",
            "a: [[1]]\n",
            "[a]: 1\n",
            "a: 1\n b: 2\n",
            "a: \"x\n",
            "a.b: 1\n",
            "a: {b: {c: {d: {e: {f: {g: {h: {i: {j: 1}}}}}}}}}\n",
        ].map(|text| findings(text).join("\n")).join("\n"), @r#"
    x, line 3: `a` is given twice, first in line 1
    x, line 2: a second document begins here; settings are one document
    x, line 1: settings are lines of the form `key: value`
    x, line 1: anchors and aliases (`&x`, `*x`) have no use here; write the value out
    x, line 1: tags (`!x`) have no use here; put a value that begins with `!` in quotes
    x, line 1: an entry of a list must be one value
    x, line 1: a key must be a word
    x, line 2: this is not YAML: mapping values are not allowed in this context
    x, line 2: this is not YAML: invalid indentation in multiline quoted scalar
    x, line 1: `a.b` has a dot in it; put the part behind the dot on a line of its own, indented
    x, line 1: this is not YAML: recursion limit exceeded
    "#);
    }

    #[test]
    fn limits_hold() {
        assert!(findings(&"#".repeat(SIZE_LIMIT + 1))[0].contains("at most 262144 are read"));
        let many: String = (0..3000).map(|n| format!("k{n}: 1\n")).collect();
        assert!(findings(&many)[0].contains("more than 4096"));
        assert_eq!(
            read("x", b"a: 1\nb: \xff\n").1[0].to_string(),
            "x, line 2: the text is not UTF-8"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn reading_is_total(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read("x", &bytes);
        }

        #[test]
        fn reading_near_yaml_is_total(text in "[-a-c0:#,.?!&*|>'\"%@`~{}\\[\\] \t\r\n]{0,120}") {
            let _ = read("x", text.as_bytes());
        }
    }
}
