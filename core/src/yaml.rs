//! Reads a YAML file into a tree with line numbers: what files for people need of YAML, and no more.
//!
//! Every scalar stays text – what it means, its reader decides. Anchors, aliases, tags and keys that are not words are
//! refused. Total: bytes of any kind give a tree, as far as it can be followed, and what is wrong with the rest.

use std::collections::BTreeMap;
use std::ops::Range;

use granit_parser::{Event, Options, Parser, ScalarStyle, Span, StrInput};

/// Largest file that is read, bytes. Those that Homeport writes or ships have about 6 KiB.
pub const SIZE_LIMIT: usize = 256 << 10;
/// Deepest nesting that is read; settings need three levels, recipes seven.
const DEPTH_LIMIT: usize = 8;
/// Most nodes (keys, values, sections) that are read.
const NODE_LIMIT: usize = 4096;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    /// Line it begins in, from 1.
    pub(crate) line: usize,
    /// Where it stands, bytes; of a section its first key, of nothing an empty range.
    pub(crate) bytes: Range<usize>,
    /// What it is.
    pub(crate) value: Value,
}

impl Node {
    fn nothing(line: usize) -> Node {
        Node {
            line,
            bytes: 0..0,
            value: Value::Empty,
        }
    }
}

/// What a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// Nothing, `~` or `null`.
    Empty,
    /// One scalar.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Keys with their values, in the order of the file; each key once.
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The key.
    pub(crate) key: String,
    /// Line of the key, from 1.
    pub(crate) line: usize,
    /// Where the key stands, bytes.
    pub(crate) bytes: Range<usize>,
    /// What stands after it.
    pub(crate) value: Node,
}

/// What is wrong with the text as YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Damage {
    /// Line, from 1.
    pub(crate) line: usize,
    /// Keys from the outermost, joined by dots; empty: the structure itself.
    pub(crate) key: String,
    /// What, as a clause that follows the key.
    pub(crate) why: String,
}

/// The tree of a file and what is wrong with it. An empty file is an empty map; what was read before something
/// unreadable is still there.
pub(crate) fn read(bytes: &[u8]) -> (Node, Vec<Damage>) {
    let nothing = Node {
        line: 1,
        bytes: 0..0,
        value: Value::Map(Vec::new()),
    };
    let text = match text(bytes) {
        Ok(text) => text,
        Err(damage) => return (nothing, vec![damage]),
    };
    let mut options = Options::default();
    options.flow_nesting_limit = DEPTH_LIMIT;
    options.block_nesting_limit = DEPTH_LIMIT;
    let mut reader = Reader {
        events: Parser::new_from_str_with_options(text, options),
        nodes: 0,
        at: 0..0,
        damage: Vec::new(),
    };
    let mut root = nothing;
    if let Err(damage) = reader.file(&mut root) {
        reader.damage.push(damage);
    }
    (root, reader.damage)
}

/// The bytes as text, if they are few enough and are text.
fn text(bytes: &[u8]) -> Result<&str, Damage> {
    if bytes.len() > SIZE_LIMIT {
        let why = format!(
            "the file has {} bytes, at most {SIZE_LIMIT} are read",
            bytes.len()
        );
        return Err(structure(1, why));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        structure(line, "the text is not UTF-8")
    })
}

fn structure(line: usize, why: impl Into<String>) -> Damage {
    Damage {
        line,
        key: String::new(),
        why: why.into(),
    }
}

struct Reader<'a> {
    events: Parser<'a, StrInput<'a>>,
    nodes: usize,
    /// Where the last event was, bytes.
    at: Range<usize>,
    damage: Vec<Damage>,
}

/// Reading ends where the structure cannot be followed.
type Followed<T> = Result<T, Damage>;

impl<'a> Reader<'a> {
    fn file(&mut self, root: &mut Node) -> Followed<()> {
        let mut documents = 0;
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(()),
                (Event::DocumentStart(..), line) if documents > 0 => {
                    return Err(structure(
                        line,
                        "a second document begins here; there must be only one",
                    ));
                }
                (Event::DocumentStart(..), _) => documents += 1,
                (Event::MappingStart(..), line) => {
                    root.line = line;
                    root.bytes = self.at.clone();
                    let mut entries = Vec::new();
                    let ended = self.section("", &mut entries, DEPTH_LIMIT);
                    root.value = Value::Map(entries);
                    ended?;
                }
                (Event::Scalar(text, style, ..), _) if nothing(&text, style) => {}
                (Event::Scalar(..) | Event::SequenceStart(..), line) => {
                    return Err(structure(
                        line,
                        "the file must be lines of the form `key: value`",
                    ));
                }
                _ => {}
            }
        }
    }

    /// The keys up to the end of the mapping that has begun. Those before something unreadable are kept.
    fn section(&mut self, prefix: &str, entries: &mut Vec<Entry>, depth: usize) -> Followed<()> {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        loop {
            let (key, line) = match self.next()? {
                (Event::MappingEnd, _) => return Ok(()),
                (Event::Scalar(key, ..), line) => (key.into_owned(), line),
                (_, line) => return Err(structure(line, "a key must be a word")),
            };
            let path = match prefix {
                "" => key.clone(),
                prefix => format!("{prefix}.{key}"),
            };
            let bytes = self.at.clone();
            let first = seen.get(&key).copied();
            if let Some(first) = first {
                self.damage.push(Damage {
                    line,
                    key: path.clone(),
                    why: format!("is given twice, first in line {first}"),
                });
            }
            seen.entry(key.clone()).or_insert(line);
            let mut value = Node::nothing(line);
            let ended = self.value(&path, &mut value, depth);
            if first.is_none() {
                entries.push(Entry {
                    key,
                    line,
                    bytes,
                    value,
                });
            }
            ended?;
        }
    }

    fn value(&mut self, path: &str, to: &mut Node, depth: usize) -> Followed<()> {
        let (event, line) = self.next()?;
        self.node(event, line, path, to, depth)
    }

    /// What an event begins, to its end.
    fn node(
        &mut self,
        event: Event<'a>,
        line: usize,
        path: &str,
        to: &mut Node,
        depth: usize,
    ) -> Followed<()> {
        to.line = line;
        to.bytes = self.at.clone();
        let deeper = || {
            depth
                .checked_sub(1)
                .ok_or_else(|| structure(line, "it is nested too deeply"))
        };
        match event {
            Event::Scalar(text, style, ..) if nothing(&text, style) => to.value = Value::Empty,
            Event::Scalar(text, ..) => to.value = Value::Text(text.into_owned()),
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                let ended = self.list(path, &mut items, deeper()?);
                to.value = Value::List(items);
                to.bytes.end = self.at.end;
                ended?;
            }
            Event::MappingStart(..) => {
                let mut entries = Vec::new();
                let ended = self.section(path, &mut entries, deeper()?);
                to.value = Value::Map(entries);
                ended?;
            }
            _ => return Err(structure(line, "a value is missing")),
        }
        Ok(())
    }

    /// The items; afterwards [`Reader::at`] ends where the last of them, or its bracket, ends.
    fn list(&mut self, path: &str, items: &mut Vec<Node>, depth: usize) -> Followed<()> {
        loop {
            let last = self.at.end;
            let (event, line) = match self.next()? {
                (Event::SequenceEnd, _) => {
                    // Without a bracket the list ends where something else begins.
                    if self.at.is_empty() {
                        self.at.end = last;
                    }
                    return Ok(());
                }
                other => other,
            };
            let mut item = Node::nothing(line);
            let path = format!("{path}[{}]", items.len());
            let ended = self.node(event, line, &path, &mut item, depth);
            items.push(item);
            ended?;
        }
    }

    /// The next event and its line. Refuses what such files have no use for.
    fn next(&mut self) -> Followed<(Event<'a>, usize)> {
        let (event, span) = match self.events.next() {
            Some(Ok(found)) => found,
            Some(Err(error)) => {
                return Err(structure(
                    error.marker().line(),
                    format!("this is not YAML: {}", error.kind()),
                ));
            }
            None => return Ok((Event::StreamEnd, 1)),
        };
        let line = span.start.line().max(1);
        self.at = bytes(&span);
        self.nodes += 1;
        if self.nodes > NODE_LIMIT {
            let why = format!("there are more than {NODE_LIMIT} keys and values");
            return Err(structure(line, why));
        }
        match &event {
            Event::Alias(_)
            | Event::Scalar(_, _, 1.., _)
            | Event::SequenceStart(_, 1.., _)
            | Event::MappingStart(_, 1.., _) => Err(structure(
                line,
                "anchors and aliases (`&x`, `*x`) have no use here; write the value out",
            )),
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, _, Some(_))
            | Event::MappingStart(_, _, Some(_)) => Err(structure(
                line,
                "tags (`!x`) have no use here; put a value that begins with `!` in quotes",
            )),
            _ => Ok((event, line)),
        }
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

    #[test]
    fn lines_and_shapes_are_right() {
        let (root, damage) = read(b"# c\na: no\nb:\n  - {c: 1}\n  - ~\n");
        assert_eq!(damage, []);
        let Value::Map(entries) = &root.value else {
            panic!("{root:?}")
        };
        let text = |text: &str| Value::Text(text.to_owned());
        assert_eq!((entries[0].line, &entries[0].value.value), (2, &text("no")));
        let Value::List(items) = &entries[1].value.value else {
            panic!("{root:?}")
        };
        let Value::Map(inner) = &items[0].value else {
            panic!("{root:?}")
        };
        assert_eq!((inner[0].line, &inner[0].value.value), (4, &text("1")));
        assert_eq!((items[1].line, &items[1].value), (5, &Value::Empty));
    }

    #[test]
    fn what_was_read_before_the_damage_is_kept() {
        let (root, damage) = read(b"a: 1\nb:\n  c: 2\n  d: *x\n");
        assert_eq!((damage.len(), damage[0].line), (1, 4));
        let Value::Map(entries) = &root.value else {
            panic!("{root:?}")
        };
        assert_eq!(entries.len(), 2);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn reading_is_total(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes);
        }

        #[test]
        fn reading_near_yaml_is_total(text in "[-a-c0:#,.?!&*|>'\"%@`~{}\\[\\] \t\r\n]{0,120}") {
            let _ = read(text.as_bytes());
        }
    }
}
