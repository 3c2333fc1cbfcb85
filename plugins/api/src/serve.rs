//! What every kind of plugin is to the door: one that has a manifest and answers named methods.
//! Never knows a kind; each kind's `…Door` maps the methods to its author's trait.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::wire::{
    Call, Kind, Manifest, Refused, Reply, Request, WIRE, refusal::Refusal, schema::Schema,
};

/// Who a plugin is.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// What users type: lower-case letters, digits, hyphens; unique within its kind.
    pub name: &'static str,
    /// Usually `env!("CARGO_PKG_VERSION")`.
    pub version: &'static str,
    /// One line for lists and the wizard.
    pub summary: &'static str,
}

impl About {
    /// The manifest of a plugin of this kind.
    pub(crate) fn manifest(
        self,
        kind: Kind,
        methods: &[&str],
        purposes: &[&str],
        settings: Schema,
    ) -> Manifest {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Manifest {
            wire: WIRE,
            kind,
            name: self.name.to_owned(),
            version: self.version.to_owned(),
            summary: self.summary.to_owned(),
            methods: owned(methods),
            purposes: owned(purposes),
            settings,
        }
    }
}

/// A plugin as the door sees it.
pub trait Serve {
    /// What it is and what it can be asked.
    fn manifest(&self) -> Manifest;
    /// Answers one call; pure: the same parameters give the same answer.
    ///
    /// # Errors
    /// The author's refusal, or that the method or its parameters are not understood.
    fn answer(&self, method: &str, params: Value) -> Result<Value, Refusal>;
}

/// The whole of `call`: text in; a reply or a refusal, as text, out.
///
/// # Errors
/// A [`Refused`] as JSON.
pub fn answer_text(plugin: &impl Serve, request: &str) -> Result<String, String> {
    let answered = parse(request).and_then(|call| plugin.answer(&call.method, call.params));
    match answered.and_then(|answer| to_text(&Reply { wire: WIRE, answer })) {
        Ok(text) => Ok(text),
        Err(refusal) => Err(Refused::new(refusal).to_text()),
    }
}

fn parse(request: &str) -> Result<Call, Refusal> {
    let call: Call = serde_json::from_str(request)
        .map_err(|e| Refusal::bad_request(format!("not a call: {e}")))?;
    if call.wire != WIRE {
        return Err(Refusal::bad_request(format!(
            "wire version {} where {WIRE} is spoken",
            call.wire
        )));
    }
    Ok(call)
}

fn to_text(value: &impl Serialize) -> Result<String, Refusal> {
    serde_json::to_string(value).map_err(|e| Refusal::unreadable(e.to_string()))
}

/// Reads the parameters of `R`, asks, and writes the answer: the same for every method of every kind.
pub(crate) fn reply<R: Request + DeserializeOwned>(
    params: Value,
    ask: impl FnOnce(R) -> Result<R::Answer, Refusal>,
) -> Result<Value, Refusal> {
    let request = R::deserialize(params)
        .map_err(|e| Refusal::bad_request(format!("`{}`: {e}", R::METHOD)))?;
    serde_json::to_value(ask(request)?).map_err(|e| Refusal::unreadable(e.to_string()))
}
