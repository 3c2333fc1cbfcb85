//! What a plugin's code can do on the machine: nothing. Found out by a plugin that tries.

use serde_json::{Value, json};

use crate::place::{bad, misbehave};

fn confession() -> Value {
    let answer = misbehave(&mut bad(), "confess").unwrap();
    serde_json::from_str(&answer[0]).unwrap()
}

#[test]
fn it_can_do_nothing() {
    let found = confession();
    assert_eq!(found["environment"], json!([]));
    assert_eq!(found["directory"], "/");
    assert_eq!(found["interfaces"], json!(["lo"]));
    for deed in [
        "reads_passwd",
        "writes_a_file",
        "starts_a_program",
        "starts_a_thread",
    ] {
        assert_eq!(found[deed], false, "{deed}");
    }
    let root: Vec<String> = serde_json::from_value(found["sees_in_root"].clone()).unwrap();
    assert!(
        root.iter().any(|name| name == "status") && !root.iter().any(|name| name == "etc"),
        "{root:?}"
    );
    let network = found["reaches_the_network"].as_str().unwrap();
    assert!(
        network.contains("unreachable") || network.contains("refused"),
        "{network}"
    );
}

#[test]
fn the_kernel_says_so_too() {
    let found = confession();
    let status = found["status"].as_str().unwrap();
    let field = |name: &str| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap()
            .trim()
            .to_owned()
    };
    for ids in ["Uid:", "Gid:"] {
        let ids = field(ids);
        let ids: Vec<u32> = ids
            .split_whitespace()
            .map(|id| id.parse().unwrap())
            .collect();
        assert!(
            ids.iter().all(|id| *id > 65_000 && *id == ids[0]),
            "{ids:?}"
        );
    }
    assert_eq!(field("Groups:"), "");
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
        assert_eq!(field(set), "0000000000000000", "{set}");
    }
    assert_eq!(field("NoNewPrivs:"), "1");
    let limits = found["limits"].as_str().unwrap();
    let limit = |name: &str| {
        limits
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap()
            .to_owned()
    };
    for name in ["Max core file size", "Max file size", "Max processes"] {
        let words = limit(name);
        let words: Vec<&str> = words.trim_start_matches(name).split_whitespace().collect();
        assert_eq!(words[..2], ["0", "0"], "{name}");
    }
}

#[test]
fn it_has_no_file_of_core_s() {
    let found = confession();
    let files: Vec<String> = serde_json::from_value(found["open_files"].clone()).unwrap();
    let known = |file: &String| {
        let own = ["/dev/null", "socket:", "pipe:", "/fd"];
        own.iter().any(|start| file.starts_with(start)) || file.contains("memfd:homeport-plugin")
    };
    assert!(files.iter().all(known), "{files:?}");
}

#[test]
fn two_plugins_are_two_users() {
    let (first, second) = (bad(), bad());
    assert_ne!(first.confinement().uid, second.confinement().uid);
}
