//! Every command of Homeport's own that a document names is one it understands.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;

/// A fenced block: the words behind its fence, and its lines with continued ones joined.
struct Block {
    info: String,
    lines: Vec<String>,
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        if let Some(info) = line.strip_prefix("```") {
            open = !open;
            if open {
                blocks.push(Block {
                    info: info.to_owned(),
                    lines: vec![String::new()],
                });
            }
        } else if let Some(block) = blocks.last_mut().filter(|_| open) {
            let last = block.lines.last_mut().unwrap();
            match line.strip_suffix('\\') {
                Some(part) => last.push_str(part),
                None => {
                    last.push_str(line);
                    block.lines.push(String::new());
                }
            }
        }
    }
    blocks
}

fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let guides = fs::read_dir(root.join("core/docs")).unwrap();
    let guides = guides.map(|entry| entry.unwrap().path());
    let others = ["README.md", "plugins/README.md", "tests/lab/README.md"];
    guides.chain(others.map(|name| root.join(name))).collect()
}

/// Words of a simple command; what a shell would do beyond it is left out.
fn words(line: &str) -> Vec<&str> {
    let ends = |word: &&str| word.starts_with(['>', '<', '|', '#', '&', '…']);
    line.split_whitespace()
        .take_while(|word| !ends(word))
        .collect()
}

#[test]
fn every_command_in_the_documents_is_understood() {
    let mut count = 0;
    for document in documents() {
        for block in blocks(&fs::read_to_string(&document).unwrap()) {
            for line in block
                .lines
                .iter()
                .filter(|line| line.starts_with("homeport "))
            {
                let said = Cli::try_parse_from(words(line)).map_err(|error| error.to_string());
                assert!(
                    said.is_ok(),
                    "{}: `{line}`: {}",
                    document.display(),
                    said.unwrap_err()
                );
                count += 1;
            }
        }
    }
    assert!(count > 10, "only {count} commands were found");
}

#[test]
fn every_block_of_a_guide_is_run_or_says_why_not() {
    for document in documents()
        .iter()
        .filter(|path| path.to_string_lossy().contains("core/docs"))
    {
        for block in blocks(&fs::read_to_string(document).unwrap()) {
            let info = block.info.as_str();
            let reason = info.strip_prefix("sh not run: ");
            assert!(
                info == "sh run"
                    || info.starts_with("sh run: ends with ")
                    || reason.is_some_and(|why| why.len() > 10),
                "{}: ```{info}",
                document.display()
            );
        }
    }
}
