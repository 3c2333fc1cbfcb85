//! Reads Rust as far as the rules need it: which paths, names and words stand in the product's code. Comments and tests
//! are left out, texts are kept apart.

use std::fs;
use std::path::{Path, PathBuf};

/// A file of the product's own code.
pub struct Source {
    /// Path below the repository's root.
    pub path: String,
    /// The code with comments, texts and tests blanked out; lines are where they were.
    pub code: String,
    /// The same with texts.
    pub with_texts: String,
}

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Directories of the product's own code.
const PRODUCT: [&str; 5] = [
    "bootstrap/src",
    "core/src",
    "core/engine/src",
    "core/agent/src",
    "plugins",
];

/// All of it, tests left out.
pub fn product() -> Vec<Source> {
    let mut files = Vec::new();
    PRODUCT
        .iter()
        .for_each(|directory| collect(&root().join(directory), &mut files));
    let relative = |path: &PathBuf| path.strip_prefix(root()).unwrap().display().to_string();
    let mut sources: Vec<Source> = files
        .iter()
        .map(|path| (relative(path), path))
        .filter(|(name, _)| name.contains("/src/") && !is_test(name))
        .map(|(name, path)| Source::new(&name, &fs::read_to_string(path).unwrap()))
        .collect();
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(sources.len() > 100, "the sources are not where they were");
    sources
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in
        fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()))
    {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn is_test(path: &str) -> bool {
    path.ends_with("tests.rs") || path.contains("/tests/")
}

impl Source {
    pub fn new(path: &str, text: &str) -> Source {
        let (mut code, mut with_texts) = (blank(text, false), blank(text, true));
        while let Some((from, to)) = test_module(&code) {
            code.replace_range(from..to, &spaces(&text[from..to]));
            with_texts.replace_range(from..to, &spaces(&text[from..to]));
        }
        Source {
            path: path.to_owned(),
            code,
            with_texts,
        }
    }

    /// The module the file is, from `crate`.
    fn module(&self) -> Vec<String> {
        let inside = self
            .path
            .split_once("src/")
            .map_or("", |(_, inside)| inside);
        let names = inside.trim_end_matches(".rs").split('/');
        let names = names.filter(|name| !matches!(*name, "mod" | "lib" | "main" | ""));
        std::iter::once("crate")
            .chain(names)
            .map(str::to_owned)
            .collect()
    }

    /// Every path in the code with its line, imports spelled out, `self` and `super` resolved; macros end in `!`.
    pub fn paths(&self) -> Vec<(usize, String)> {
        let module = self.module();
        let inline = tokens(&self.code).into_iter();
        let found = imports(&self.code).into_iter().chain(inline);
        found
            .map(|(at, path)| (line(&self.code, at), resolved(&module, &path)))
            .collect()
    }

    /// Every word of code and texts with its line, in lower case.
    pub fn words(&self) -> Vec<(usize, String)> {
        let lines = self.with_texts.lines().enumerate();
        let words = |(number, line): (usize, &str)| {
            let words = line
                .split(|c: char| !c.is_ascii_alphanumeric())
                .filter(|word| !word.is_empty());
            words
                .map(move |word| (number + 1, word.to_lowercase()))
                .collect::<Vec<_>>()
        };
        lines.flat_map(words).collect()
    }
}

fn line(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

fn spaces(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte == b'\n' { '\n' } else { ' ' })
        .collect()
}

/// The text with comments – and texts, unless they are kept – turned into blanks, byte for byte.
fn blank(text: &str, keep_texts: bool) -> String {
    let mut rest = text;
    let mut out = String::new();
    while let Some(first) = rest.chars().next() {
        let (length, kept) = match first {
            _ if rest.starts_with("//") => (rest.find('\n').unwrap_or(rest.len()), false),
            _ if rest.starts_with("/*") => {
                (rest.find("*/").map_or(rest.len(), |end| end + 2), false)
            }
            '"' => (quoted(rest), keep_texts),
            'r' if raw(rest).is_some() && !ends_in_word(&out) => {
                (raw(rest).unwrap_or(1), keep_texts)
            }
            '\'' => character(rest).map_or((1, true), |length| (length, false)),
            _ => (first.len_utf8(), true),
        };
        let (now, later) = rest.split_at(length);
        if kept {
            out.push_str(now)
        } else {
            out.push_str(&spaces(now))
        }
        rest = later;
    }
    out
}

fn ends_in_word(text: &str) -> bool {
    text.ends_with(|c: char| c.is_alphanumeric() || c == '_')
}

/// Length of `"…"`.
fn quoted(text: &str) -> usize {
    let mut escaped = true;
    let end = text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 1)
}

/// Length of `r#"…"#`, with any number of `#`.
fn raw(text: &str) -> Option<usize> {
    let hashes = text[1..].bytes().take_while(|byte| *byte == b'#').count();
    let body = text.get(1 + hashes..)?.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(2 + hashes + body.find(&end)? + end.len())
}

/// Length of `'x'`; a lifetime is none.
fn character(text: &str) -> Option<usize> {
    let inside = text[1..].strip_prefix('\\').map_or(1, |_| 2);
    let end = text
        .char_indices()
        .skip(1 + inside)
        .take(8)
        .find(|(_, c)| *c == '\'');
    let plain = inside == 1;
    end.filter(|(at, _)| !plain || text[1..*at].chars().count() == 1)
        .map(|(at, _)| at + 1)
}

/// The first `#[cfg(test)] mod … { … }`.
fn test_module(code: &str) -> Option<(usize, usize)> {
    for (from, _) in code.match_indices("#[cfg(test)]") {
        let after = &code[from..];
        let open = after.find(['{', ';'])?;
        let module = [" mod ", "\nmod "]
            .iter()
            .any(|word| after[..open].contains(word));
        if module && after.as_bytes()[open] == b'{' {
            return Some((from, from + closing(after, open)));
        }
    }
    None
}

/// Where the brace at `open` is closed, just behind it.
pub fn closing(code: &str, open: usize) -> usize {
    let mut depth = 0;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}

/// All `use` declarations, one path each.
fn imports(code: &str) -> Vec<(usize, String)> {
    let starts = code
        .match_indices("use ")
        .filter(|(at, _)| !ends_in_word(&code[..*at]));
    let trees = starts.filter_map(|(at, _)| {
        let tree = &code[at + 4..];
        Some((at, tree.get(..tree.find(';')?)?))
    });
    trees
        .flat_map(|(at, tree)| expanded("", tree).into_iter().map(move |path| (at, path)))
        .collect()
}

fn expanded(prefix: &str, tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        let name = tree.split(" as ").next().unwrap_or_default().trim();
        let whole = format!("{prefix}{name}");
        return vec![whole.trim_end_matches("::self").to_owned()];
    };
    let prefix = format!("{prefix}{}", &tree[..open]);
    let inside = &tree[open + 1..closing(tree, open).saturating_sub(1)];
    branches(inside)
        .into_iter()
        .flat_map(|branch| expanded(&prefix, branch))
        .collect()
}

/// Splits at the commas that lie in no braces.
fn branches(inside: &str) -> Vec<&str> {
    let mut depth = 0;
    let split = inside.split(|c: char| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    split.filter(|branch| !branch.trim().is_empty()).collect()
}

/// Paths, names and macros wherever they stand.
fn tokens(code: &str) -> Vec<(usize, String)> {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':' || c == '!';
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(start) = rest.find(part) {
        let token = &rest[start..];
        let end = token.find(|c| !part(c)).unwrap_or(token.len());
        let at = code.len() - token.len();
        found.push((at, token[..end].trim_matches(':').to_owned()));
        rest = &token[end..];
    }
    found
}

fn resolved(module: &[String], path: &str) -> String {
    let mut parts = path.split("::").peekable();
    let mut base = module.to_vec();
    match parts.peek() {
        Some(&"self") => drop(parts.next()),
        Some(&"super") => {
            while parts.next_if_eq(&"super").is_some() {
                base.pop();
            }
        }
        _ => return path.to_owned(),
    }
    base.into_iter()
        .chain(parts.map(str::to_owned))
        .collect::<Vec<_>>()
        .join("::")
}

#[test]
fn code_is_read_as_it_is_meant() {
    let text = r##"
//! std::fs in a comment
use std::{fs, io::{self, Read as _}};
use super::guest;
/* std::net */
fn f<'a>(c: char) { if c == '"' { eprintln!("std::process {}", r#"tokio"#) } }
#[cfg(test)]
mod tests { use std::env; }
fn g() { super::super::target::x() }
"##;
    let source = Source::new("core/src/plan/deploy/app.rs", text);
    let paths: Vec<String> = source.paths().into_iter().map(|(_, path)| path).collect();
    for there in [
        "std::fs",
        "std::io",
        "std::io::Read",
        "eprintln!",
        "crate::plan::deploy::guest",
        "crate::plan::target::x",
    ] {
        assert!(
            paths.iter().any(|path| path == there),
            "{there} is not in {paths:?}"
        );
    }
    for absent in ["std::net", "std::env", "std::process", "tokio"] {
        assert!(
            !paths.iter().any(|path| path.starts_with(absent)),
            "{absent} is in {paths:?}"
        );
    }
    assert!(source.words().contains(&(6, "tokio".to_owned())));
    assert!(
        source
            .paths()
            .contains(&(9, "crate::plan::target::x".to_owned()))
    );
}
