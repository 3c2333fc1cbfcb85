//! What is linked into the product, or tests it: under which licences, and from where. `cargo deny` would ask the same of a
//! database that cannot be had without a network; what can be known without one is known here.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::source::root;

/// Licences whose demands Homeport meets when it is given away under Apache-2.0: permissive ones, and copyleft that ends at
/// the file it stands in, of files that are not changed here.
const FINE: [&str; 12] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MPL-2.0",
    "Unicode-3.0",
    "Zlib",
];

/// The one place dependencies come from.
const SOURCE: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Crates that may be there twice, because others have not moved on.
const TWICE: &[&str] = &[
    "block-buffer",
    "cpufeatures",
    "crypto-common",
    "digest",
    "getrandom",
    "sha2",
    "signal-hook",
    "syn",
];

/// All packages that are built on Linux, ours included.
fn packages() -> Vec<Value> {
    let words = [
        "metadata",
        "--format-version",
        "1",
        "--locked",
        "--filter-platform",
    ];
    let told = Command::new(env!("CARGO"))
        .args(words)
        .arg("x86_64-unknown-linux-gnu")
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        told.status.success(),
        "{}",
        String::from_utf8_lossy(&told.stderr)
    );
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    let nodes = told["resolve"]["nodes"].as_array().unwrap();
    let built: Vec<&Value> = nodes.iter().map(|node| &node["id"]).collect();
    let packages = told["packages"].as_array().unwrap().iter();
    packages
        .filter(|package| built.contains(&&package["id"]))
        .cloned()
        .collect()
}

/// Whether one of the choices an expression leaves is fine in all its parts. Old crates write `/` for `OR`.
fn fine(expression: &str) -> bool {
    let plain = expression.replace('/', " OR ");
    match plain
        .strip_prefix('(')
        .and_then(|rest| rest.split_once(") AND "))
    {
        Some((choice, rest)) => fine(choice) && fine(rest),
        None => plain
            .split(" OR ")
            .any(|choice| choice.split(" AND ").all(|one| FINE.contains(&one.trim()))),
    }
}

#[test]
fn everything_linked_may_be_given_away_and_comes_from_one_place() {
    let packages = packages();
    assert!(packages.len() > 100);
    let text =
        |package: &Value, field: &str| package[field].as_str().unwrap_or_default().to_owned();
    let mut versions: BTreeMap<String, usize> = BTreeMap::new();
    for package in &packages {
        let (name, licence) = (text(package, "name"), text(package, "license"));
        assert!(fine(&licence), "{name}: `{licence}`");
        let ours = package["source"].is_null() && name.starts_with("homeport-");
        assert!(
            ours || package["source"] == SOURCE,
            "{name} comes from {}",
            package["source"]
        );
        *versions.entry(name).or_default() += 1;
    }
    let twice: Vec<&str> = versions
        .iter()
        .filter(|(_, count)| **count > 1)
        .map(|(name, _)| name.as_str())
        .collect();
    assert!(
        twice.iter().all(|name| TWICE.contains(name)),
        "there twice: {twice:?}"
    );
}

#[test]
fn expressions_are_understood() {
    for licence in [
        "MIT",
        "MIT/Apache-2.0",
        "GPL-3.0 OR MIT",
        "(MIT OR Apache-2.0) AND Unicode-3.0",
        "Apache-2.0 AND ISC",
    ] {
        assert!(fine(licence), "{licence}");
    }
    for licence in [
        "",
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "(MIT OR GPL-2.0) AND AGPL-3.0",
        "Proprietary",
    ] {
        assert!(!fine(licence), "{licence}");
    }
}
