//! Everything a journal says of its operation.

use std::collections::BTreeMap;

use homeport_engine::journal::Record;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Entry, plans};

/// An operation, step by step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Details {
    /// The operation.
    #[serde(flatten)]
    pub entry: Entry,
    /// Its steps, in order.
    pub all: Vec<Done>,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Done {
    /// Its number.
    pub number: u32,
    /// Name of its stage.
    pub stage: String,
    /// What it did.
    pub title: String,
    /// When it was done, Unix milliseconds; null: it was not, or nobody has said when.
    pub at_ms: Option<u64>,
    /// How long it took, milliseconds, where that can be said.
    pub ms: Option<u64>,
    /// Whether it was done.
    pub done: bool,
    /// Whether it was taken back.
    pub undone: bool,
}

impl Details {
    /// Reads them off the operation's records.
    pub(super) fn of(entry: Entry, records: &[Record]) -> Details {
        let mut steps = BTreeMap::new();
        for plan in plans(records) {
            for (number, step) in plan.numbered() {
                let done = Done {
                    number,
                    stage: plan.stage.clone(),
                    title: step.title.clone(),
                    at_ms: None,
                    ms: None,
                    done: false,
                    undone: false,
                };
                steps.entry(number).or_insert(done);
            }
        }
        let mut before = None;
        for record in records {
            match record {
                Record::Begin { at, .. } => before = before.max(Some(at * 1000)),
                Record::Done { number, at_ms, .. } => {
                    let at = Some(*at_ms).filter(|at| *at > 0);
                    if let Some(step) = steps.get_mut(number) {
                        step.done = true;
                        step.at_ms = at;
                        step.ms = at.zip(before).map(|(at, before)| at.saturating_sub(before));
                    }
                    before = at.or(before);
                }
                Record::Undone { number } => {
                    if let Some(step) = steps.get_mut(number) {
                        step.undone = true;
                    }
                }
                _ => {}
            }
        }
        Details {
            entry,
            all: steps.into_values().collect(),
        }
    }
}
