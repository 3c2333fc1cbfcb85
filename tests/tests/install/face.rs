//! What a person finds on the host after an install: words that complete, manual pages, schemas that hold what is printed.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::instance::Instance;
use crate::run::{call, homeport};

/// Everything that is shipped beside the programs, on a host with this instance.
pub fn shown(instance: &Instance) {
    completed(instance);
    let page = call(&["sh", "-c", "MANPAGER=cat man -P cat homeport-status"]).well();
    assert!(
        page.contains("watch") && page.contains("SYNOPSIS"),
        "{page}"
    );
    for words in [
        &["status", instance.name][..],
        &["list"],
        &["history", instance.name],
        &["doctor"],
        &["plugin", "list"],
        &["plugin", "inspect", "sqlite"],
        &["logs", instance.name, "-n", "1"],
        &["logs", instance.name, "-c", "homeport", "-n", "1"],
        &["start", instance.name],
        &["restart", instance.name, "--dry-run"],
        &["uninstall", instance.name, "--dry-run"],
        &["status", "nobody-of-this-name"],
    ] {
        printed(words);
    }
}

/// A real bash, with what the shell's own completion loads, offers the instance.
fn completed(instance: &Instance) {
    let script = r#"PATH=/usr/local/bin:$PATH
. /usr/local/share/bash-completion/completions/homeport
offered() {
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_TYPE=9
    _clap_complete_homeport homeport "${COMP_WORDS[COMP_CWORD]}"
    printf '%s\n' "${COMPREPLY[@]}"
}
offered homeport status ""; echo --; offered homeport logs -c ""; echo --; offered homeport plugin inspect ""; echo --; offered homeport unin"#;
    let said = call(&["bash", "-c", script]).well();
    let offered: Vec<Vec<&str>> = said
        .split("--\n")
        .map(|part| part.lines().map(str::trim).collect())
        .collect();
    assert!(offered[0].contains(&instance.name), "{said}");
    assert!(
        offered[1].contains(&"backend") && offered[1].contains(&"proxy"),
        "{said}"
    );
    assert!(offered[2].contains(&"db-sqlite"), "{said}");
    assert_eq!(offered[3], ["uninstall"]);
}

/// What a verb prints is as its schema says, with no field the schema does not name.
fn printed(words: &[&str]) {
    let ended = homeport(&[words, &["--json"]].concat());
    let printed: Value = serde_json::from_str(&ended.out)
        .unwrap_or_else(|_| panic!("{words:?}: {}{}", ended.out, ended.err));
    let verb = match words {
        ["plugin", what, ..] => format!("plugin-{what}"),
        [verb, ..] => (*verb).to_owned(),
        [] => unreachable!("a verb has a name"),
    };
    let dir = tempfile::TempDir::new().unwrap();
    let (schema, document) = (
        dir.path().join("schema.json"),
        dir.path().join("printed.json"),
    );
    let mut strict: Value = serde_json::from_slice(&fs::read(shipped(&verb)).unwrap()).unwrap();
    close(&mut strict);
    fs::write(&schema, strict.to_string()).unwrap();
    fs::write(&document, printed.to_string()).unwrap();
    let script = "import json, sys, jsonschema\n\
                  schema, printed = (json.load(open(path)) for path in sys.argv[1:])\n\
                  jsonschema.Draft202012Validator(schema).validate(printed)";
    let paths = [schema.display().to_string(), document.display().to_string()];
    let checked = call(&["python3", "-c", script, &paths[0], &paths[1]]);
    assert_eq!(checked.code, 0, "{words:?}: {}\n{printed:#}", checked.err);
}

fn shipped(verb: &str) -> PathBuf {
    let command = fs::canonicalize("/usr/local/bin/homeport").unwrap();
    let kept = command.ancestors().nth(2).unwrap();
    kept.join(format!("share/schemas/{verb}.json"))
}

/// A reader bears fields that are added later; this release must name all of its own.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            object.values_mut().for_each(close);
            if object.contains_key("properties") {
                object
                    .entry("additionalProperties")
                    .or_insert(Value::Bool(false));
            }
        }
        Value::Array(all) => all.iter_mut().for_each(close),
        _ => {}
    }
}
