//! The guides, as somebody would follow them: every block that says so is run, in order, on a host with real containers. The
//! examples' addresses become the lab's, and the app's release lies on the host; nothing else is changed.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::instance::Instance;
use crate::release;
use crate::run::{apart, run};

/// Guides with blocks to run, in the order they build on each other.
const GUIDES: [&str; 2] = ["user-guide.md", "troubleshooting.md"];

/// A block that is run: where it stands, how it may end, its text.
struct Block {
    place: String,
    codes: Vec<i32>,
    script: String,
}

/// Runs the guides. Homeport's command must be on the host.
pub fn followed() {
    let instance = Instance::new("tasks", 109);
    let place = TempDir::new().unwrap();
    let mut count = 0;
    for guide in GUIDES {
        for block in blocks(guide) {
            let script = block
                .script
                .replace("192.168.1.50", &instance.address)
                .replace("192.168.1.1", &instance.gateway);
            let mut shell = apart("timeout");
            shell
                .args(["400", "bash", "-euc", &script])
                .current_dir(place.path())
                .env(
                    "PATH",
                    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                )
                .env("HOMEPORT_SOURCE_DIRECTORY", release::app())
                .env("HOMEPORT_SOURCE_SHA256", release::digest());
            let ended = run(&mut shell);
            assert!(
                block.codes.contains(&ended.code),
                "{}: {}\n{}\n{}",
                block.place,
                ended.code,
                ended.out,
                ended.err
            );
            count += 1;
        }
    }
    println!("table: documents: {count} blocks run as they are printed");
    assert_eq!(instance.id(), None, "the guide's last command removes it");
}

fn blocks(guide: &str) -> Vec<Block> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../core/docs")
        .join(guide);
    let text = fs::read_to_string(path).unwrap();
    let mut blocks = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(info) = line.strip_prefix("```sh run") else {
            continue;
        };
        let codes = info.split(':').nth(1).map_or(vec![0], |ends| {
            let words = ends.split(|c: char| !c.is_ascii_digit());
            words.filter_map(|word| word.parse().ok()).collect()
        });
        let body = lines
            .by_ref()
            .map(|(_, line)| line)
            .take_while(|line| *line != "```");
        blocks.push(Block {
            place: format!("{guide}:{}", number + 1),
            codes,
            script: body.collect::<Vec<_>>().join("\n"),
        });
    }
    assert!(!blocks.is_empty(), "{guide} has no block to run");
    blocks
}
