//! Reads a YAML file into flat entries with line numbers: what a settings file needs of YAML, and no more.
//!
//! Lists of anything but scalars are refused. Total: bytes of any kind give entries or findings.

use std::ops::Range;

use super::error::{Finding, Origin};
use super::kind::Given;
use crate::yaml::{self, Node, Value};

pub use crate::yaml::SIZE_LIMIT;

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
    let (root, damage) = yaml::read(bytes);
    let mut flat = Flat {
        name,
        entries: Vec::new(),
        findings: Vec::new(),
    };
    flat.section("", &root);
    for found in damage {
        flat.finding(found.line, &found.key, &found.why);
    }
    (flat.entries, flat.findings)
}

struct Flat<'a> {
    name: &'a str,
    entries: Vec<Entry>,
    findings: Vec<Finding>,
}

impl Flat<'_> {
    fn section(&mut self, prefix: &str, node: &Node) {
        let Value::Map(entries) = &node.value else {
            return;
        };
        for entry in entries {
            if entry.key.contains('.') {
                let why =
                    "has a dot in it; put the part behind the dot on a line of its own, indented";
                self.finding(entry.line, &entry.key, why);
            }
            let path = match prefix {
                "" => entry.key.clone(),
                prefix => format!("{prefix}.{}", entry.key),
            };
            let given = match &entry.value.value {
                Value::Empty => Given::Empty,
                Value::Text(text) => Given::Text(text.clone()),
                Value::List(items) => Given::List(self.list(items)),
                Value::Map(_) => Given::Section,
            };
            self.entries.push(Entry {
                path: path.clone(),
                given,
                line: entry.line,
                key: entry.bytes.clone(),
                value: entry.value.bytes.clone(),
            });
            self.section(&path, &entry.value);
        }
    }

    fn list(&mut self, items: &[Node]) -> Vec<String> {
        let mut texts = Vec::new();
        for item in items {
            match &item.value {
                Value::Text(text) => texts.push(text.clone()),
                Value::Empty => texts.push(String::new()),
                Value::List(_) | Value::Map(_) => {
                    self.finding(item.line, "", "an entry of a list must be one value");
                }
            }
        }
        texts
    }

    fn finding(&mut self, line: usize, key: &str, why: &str) {
        let name = self.name.to_owned();
        self.findings
            .push(Finding::new(Origin::File { name, line }, key, why));
    }
}

#[cfg(test)]
mod tests {
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
    x, line 2: a second document begins here; there must be only one
    x, line 1: the file must be lines of the form `key: value`
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
}
