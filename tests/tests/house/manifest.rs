//! Which crate may depend on which.

use std::collections::BTreeSet;
use std::fs;

use crate::source::root;

/// Crates that run code asynchronously.
const RUNTIMES: [&str; 7] = [
    "tokio",
    "async-std",
    "smol",
    "async-executor",
    "futures-executor",
    "actix-rt",
    "async-io",
];

type Edges = (
    &'static str,
    &'static [&'static str],
    Option<&'static [&'static str]>,
);

/// A crate of ours, the crates of ours it may depend on, and – for those that must stay small – all others it may.
const EDGES: &[Edges] = &[
    ("bootstrap", &[], None),
    (
        "core/engine",
        &[],
        // Archives are opened and digests read where a step is carried out: host and guest.
        Some(&[
            "ct-codecs",
            "rustix",
            "serde",
            "serde_json",
            "sha2",
            "thiserror",
            "zip",
        ]),
    ),
    (
        "core/agent",
        &["homeport-engine"],
        Some(&[
            "nix",
            "rustix",
            "serde",
            "serde_json",
            "sha2",
            "tar",
            "thiserror",
        ]),
    ),
    (
        "core",
        &[
            "homeport-bootstrap",
            "homeport-engine",
            "homeport-plugin-api",
        ],
        None,
    ),
    (
        "plugins/api",
        &[],
        Some(&["abi_stable", "serde", "serde_json"]),
    ),
    (
        "plugins/db-sqlite",
        &["homeport-plugin-api"],
        Some(&["serde", "serde_json"]),
    ),
    (
        "plugins/proxy-nginx",
        &["homeport-plugin-api"],
        Some(&["serde", "serde_json"]),
    ),
    (
        "plugins/health",
        &["homeport-plugin-api"],
        Some(&["serde", "serde_json"]),
    ),
];

/// What a crate depends on when it is built for use.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let mut counts = false;
    let mut found = BTreeSet::new();
    for line in manifest.lines() {
        if let Some(section) = line.trim().strip_prefix('[') {
            let section = section.trim_end_matches(']');
            counts = section == "dependencies"
                || section == "build-dependencies"
                || section.ends_with(".dependencies");
            found.extend(section.strip_prefix("dependencies.").map(str::to_owned));
        } else if counts && line.starts_with(|c: char| c.is_ascii_alphabetic()) {
            let name: String = line
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c))
                .collect();
            found.insert(name);
        }
    }
    found
}

fn too_many(found: &BTreeSet<String>, ours: &[&str], others: Option<&[&str]>) -> Vec<String> {
    let may = |name: &&String| match name.starts_with("homeport-") {
        true => ours.contains(&name.as_str()),
        false => others.is_none_or(|others| others.contains(&name.as_str())),
    };
    found.iter().filter(|name| !may(name)).cloned().collect()
}

#[test]
fn crates_know_whom_they_may() {
    for (directory, ours, others) in EDGES {
        let manifest = fs::read_to_string(root().join(directory).join("Cargo.toml")).unwrap();
        let found = dependencies(&manifest);
        assert!(
            !found.is_empty(),
            "{directory}: the manifest cannot be read"
        );
        assert_eq!(
            too_many(&found, ours, *others),
            [] as [String; 0],
            "{directory} depends on what it may not"
        );
    }
    let plugins = fs::read_dir(root().join("plugins")).unwrap();
    let plugins = plugins.filter_map(|entry| {
        Some(entry.unwrap().path()).filter(|path| path.join("Cargo.toml").exists())
    });
    for plugin in plugins {
        let name = format!("plugins/{}", plugin.file_name().unwrap().display());
        assert!(
            EDGES.iter().any(|(known, ..)| *known == name),
            "{name} has no rule"
        );
    }
}

#[test]
fn no_crate_brings_an_async_runtime() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    assert_eq!(runtimes(&lock), [] as [&str; 0]);
    assert!(lock.contains("name = \"serde\""));
    assert_eq!(runtimes("name = \"tokio\"\n"), ["tokio"]);
}

fn runtimes(lock: &str) -> Vec<&'static str> {
    let there = |name: &&str| lock.contains(&format!("name = \"{name}\"\n"));
    RUNTIMES.into_iter().filter(there).collect()
}

#[test]
fn a_manifest_that_says_too_much_is_found() {
    let manifest = "[package]\nname = \"x\"\n[dependencies]\nserde.workspace = true\nhomeport-core = { path = \"..\" }\n\
                    [dev-dependencies]\ninsta = \"1\"\n[target.'cfg(unix)'.dependencies]\nlibc = \"0.2\"\n\
                    [dependencies.tokio]\nversion = \"1\"\n";
    let found = dependencies(manifest);
    assert_eq!(
        found,
        ["homeport-core", "libc", "serde", "tokio"]
            .map(str::to_owned)
            .into()
    );
    assert_eq!(
        too_many(&found, &["homeport-engine"], Some(&["serde"])),
        ["homeport-core", "libc", "tokio"]
    );
}
