//! How long files and functions are: what does not fit in the head is split.

use crate::source::{Source, closing, product};

/// Lines a file has at most; above [`LONG`] it is named.
const LIMIT: usize = 500;
const LONG: usize = 400;
/// Lines of half of all files, at most.
const MEDIAN: usize = 150;
/// Lines a function should have at most; above them it is named.
const FUNCTION: usize = 50;
/// Lines a function has at most. A `match` over the closed set of ops is the longest.
const FUNCTION_LIMIT: usize = 70;

/// Functions with their lengths, signature and all.
fn functions(source: &Source) -> Vec<(String, usize)> {
    let code = &source.code;
    let starts = code
        .match_indices("fn ")
        .filter(|(at, _)| !code[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_'));
    let found = starts.filter_map(|(at, _)| {
        let name: String = code[at + 3..]
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        let body = at + code[at..].find(['{', ';'])?;
        let whole = &code[at..closing(code, body)];
        let defined = code.as_bytes()[body] == b'{' && !name.is_empty();
        defined.then(|| (name, whole.lines().count()))
    });
    found.collect()
}

fn median(mut numbers: Vec<usize>) -> usize {
    numbers.sort_unstable();
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}

/// Lines without the tests at their end.
fn lines(source: &Source) -> usize {
    source.code.trim_end().lines().count()
}

#[test]
fn files_and_functions_fit_in_the_head() {
    let sources = product();
    let files: Vec<usize> = sources.iter().map(lines).collect();
    let named: Vec<(String, usize)> = sources
        .iter()
        .flat_map(|source| {
            functions(source)
                .into_iter()
                .map(|(name, lines)| (format!("{}: {name}", source.path), lines))
        })
        .collect();
    let functions: Vec<usize> = named.iter().map(|(_, lines)| *lines).collect();
    println!(
        "table: {} files of code, median {} lines, longest {}; {} functions, median {} lines, longest {}",
        files.len(),
        median(files.clone()),
        files.iter().max().unwrap(),
        functions.len(),
        median(functions.clone()),
        functions.iter().max().unwrap(),
    );
    for source in sources.iter().filter(|source| lines(source) > LONG) {
        println!("table: {} has {} lines", source.path, lines(source));
    }
    for (name, lines) in named.iter().filter(|(_, lines)| *lines > FUNCTION) {
        println!("table: {name} has {lines} lines");
    }
    let long_files = sources
        .iter()
        .filter(|source| lines(source) > LIMIT)
        .map(|source| &source.path);
    let long_functions = named.iter().filter(|(_, lines)| *lines > FUNCTION_LIMIT);
    assert_eq!(long_files.collect::<Vec<_>>(), [] as [&String; 0]);
    assert_eq!(
        long_functions.collect::<Vec<_>>(),
        [] as [&(String, usize); 0]
    );
    assert!(median(files) <= MEDIAN);
}

#[test]
fn lengths_are_counted() {
    let text = "fn short() {}\ntrait T { fn declared(&self); }\npub fn long(\n    a: u8,\n) -> u8 {\n    let f = |x| { x };\n    a\n}\n";
    let source = Source::new(
        "core/src/x.rs",
        &format!("{text}#[cfg(test)]\nmod tests {{\n\n\n}}\n"),
    );
    assert_eq!(
        functions(&source),
        [("short".to_owned(), 1), ("long".to_owned(), 6)]
    );
    assert_eq!(lines(&source), 8);
    assert_eq!(median(vec![3, 1, 2]), 2);
}
