//! The contract every plugin keeps, as a suite: an author's test calls [`check`], Homeport's own tests run it against
//! every plugin it ships, through the very door. Never needs the programs a plugin plans to run.

mod questions;
mod rules;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};

use crate::wire::{Kind, Manifest, WIRE};

/// A way to a plugin: its manifest, and one message in and a reply (`Ok`) or refusal (`Err`) out.
pub trait Door {
    /// The manifest's text.
    fn manifest(&mut self) -> String;
    /// One call.
    ///
    /// # Errors
    /// The refusal's text.
    fn call(&mut self, message: &str) -> Result<String, String>;
}

/// A plugin in the same process, without the FFI.
impl<S: crate::Serve> Door for S {
    fn manifest(&mut self) -> String {
        serde_json::to_string(&crate::Serve::manifest(self)).unwrap_or_default()
    }

    fn call(&mut self, message: &str) -> Result<String, String> {
        crate::serve::answer_text(self, message)
    }
}

/// Everything in which the plugin behind `door` breaks the contract, as sentences. Empty means it conforms.
pub fn check(door: &mut impl Door) -> Vec<String> {
    let text = door.manifest();
    let manifest: Manifest = match serde_json::from_str(&text) {
        Ok(manifest) => manifest,
        Err(e) => return vec![format!("the manifest is not one: {e}")],
    };
    let mut broken = rules::of_manifest(&manifest);
    broken.extend(of_nonsense(door));
    for (method, params) in questions::all(manifest.kind) {
        if !manifest.methods.iter().any(|known| known == method) {
            broken.push(format!("the manifest does not list `{method}`"));
        }
        broken.extend(of_question(door, manifest.kind, method, &params));
    }
    broken
}

/// Panics with everything [`check`] has found: one line for an author's test.
///
/// # Panics
/// If the plugin breaks the contract.
pub fn assert_conforms(door: &mut impl Door) {
    let broken = check(door);
    assert!(
        broken.is_empty(),
        "the plugin breaks its contract:\n{}",
        broken.join("\n")
    );
}

/// What is not a question is refused in the agreed form, whatever it is.
fn of_nonsense(door: &mut impl Door) -> Vec<String> {
    let messages = [
        String::new(),
        "not json".to_owned(),
        "[]".to_owned(),
        "{\"wire\":1}".to_owned(),
        json!({"wire": WIRE + 1, "method": "packages", "params": {}}).to_string(),
        json!({"wire": WIRE, "method": "no such method", "params": {}}).to_string(),
        json!({"wire": WIRE, "method": "plan", "params": {"purpose": {"kind": "no such purpose"}}})
            .to_string(),
        "[".repeat(5000),
    ];
    let answers = messages.iter().map(|message| (message, door.call(message)));
    let wrong = answers.filter_map(|(message, answer)| {
        let start: String = message.chars().take(60).collect();
        match answer {
            Ok(reply) => Some(format!("`{start}` is answered with a reply: {reply}")),
            Err(refusal) => rules::of_refusal(&refusal).map(|why| format!("`{start}`: {why}")),
        }
    });
    wrong.collect()
}

/// A question is answered as agreed, twice the same, and with a field from the future just as without.
fn of_question(door: &mut impl Door, kind: Kind, method: &str, params: &Value) -> Vec<String> {
    let purpose = params["purpose"]["kind"].as_str().unwrap_or_default();
    let about = format!("{method} {purpose}");
    let ask =
        |params: &Value| json!({"wire": WIRE, "method": method, "params": params}).to_string();
    let answer = door.call(&ask(params));
    let mut broken = Vec::new();
    if door.call(&ask(params)) != answer {
        broken.push(format!("{about}: the same question has two answers"));
    }
    let mut future = params.clone();
    future["from_the_future"] = json!({"a": 1});
    if door.call(&ask(&future)) != answer {
        broken.push(format!(
            "{about}: a field it cannot know changes its answer"
        ));
    }
    let wrong = match &answer {
        Ok(reply) => rules::of_reply(method, params, reply),
        Err(refusal) => rules::of_refused_question(kind, method, purpose, refusal),
    };
    broken.extend(wrong.into_iter().map(|why| format!("{about}: {why}")));
    broken
}
