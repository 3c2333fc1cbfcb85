//! `homeport recipe check` as it is typed: what it prints and how it exits.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const TEMPLATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../templates");

fn check(recipe: &Path, more: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_homeport"));
    let Output { status, stdout, .. } = command
        .args(["recipe", "check"])
        .arg(recipe)
        .args(more)
        .output()
        .unwrap();
    (status.code(), String::from_utf8(stdout).unwrap())
}

#[test]
fn what_is_wrong_is_printed_and_the_exit_code_says_so() {
    let shipped = Path::new(TEMPLATES).join("vikunja");
    let (code, said) = check(&shipped, &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("nothing is wrong"), "{said}");

    let root = tempfile::tempdir().unwrap();
    let recipe = root.path().join("recipe.yaml");
    let text = fs::read_to_string(shipped.join("recipe.yaml")).unwrap();
    fs::write(&recipe, text.replace("titl", "tilt")).unwrap();
    let (code, said) = check(&recipe, &[]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("recipe.yaml, line 4: `tilte`"), "{said}");

    let (code, said) = check(&recipe, &["--json"]);
    assert_eq!(code, Some(3), "{said}");
    let found: Value = serde_json::from_str(&said).unwrap();
    let findings = found["findings"].as_array().unwrap();
    let tilte = findings.iter().find(|finding| finding["key"] == "tilte");
    assert_eq!(tilte.unwrap()["line"], 4);
    assert_eq!(tilte.unwrap()["nearest"], "title");

    let (code, _) = check(&root.path().join("nothing"), &[]);
    assert_eq!(code, Some(4));
}
