//! What a dry run shows, in a form in which two of them can be compared: without the operation's own id and time.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::release::from_bundle;
use crate::run::{Ended, run};

/// Runs `install --dry-run --json` from the bundle with more words and variables.
pub fn install(words: &[String], environment: &BTreeMap<String, String>) -> Ended {
    let tmp = tempfile::tempdir().unwrap();
    let dry = ["install", "--dry-run", "--json"].map(str::to_owned);
    let words: Vec<String> = dry.into_iter().chain(words.iter().cloned()).collect();
    run(from_bundle(tmp.path(), &words).envs(environment))
}

/// The lines of a dry run's plans; texts that would be written count line by line, too.
pub fn lines(ended: Ended) -> Vec<String> {
    // Here the publisher's server may be out of reach: that is told beside the plans (8).
    assert!([0, 8].contains(&ended.code), "{}\n{}", ended.out, ended.err);
    let shown: Value = serde_json::from_str(&ended.out).unwrap();
    let operation = shown["plans"][0]["operation"].as_str().unwrap();
    let made = serde_json::to_string_pretty(&shown["plans"]).unwrap();
    let plain = made
        .replace(operation, "OPERATION")
        .replace(&unpacked(&shown), "BUNDLE");
    let lines = plain.replace("\\n", "\n");
    let passing = |line: &&str| !line.contains("_at: ") && !line.contains("\"at\\\": ");
    lines.lines().filter(passing).map(str::to_owned).collect()
}

/// Directory the bundle was unpacked into for this run: that of the agent it would copy.
fn unpacked(shown: &Value) -> String {
    let text = shown.to_string();
    let agent = text.split("/bin/homeport-agent\"").next().unwrap();
    let path = agent.rsplit('"').next().unwrap();
    assert!(Path::new(path).is_absolute(), "{path}");
    path.to_owned()
}

/// The lines that only one of both has.
pub fn differ(one: &[String], other: &[String]) -> Vec<String> {
    let only = |a: &[String], b: &[String]| {
        let lines = a.iter().filter(|line| !b.contains(line));
        lines.cloned().collect::<Vec<_>>()
    };
    [only(one, other), only(other, one)].concat()
}
