//! What was done to an instance: the operations of its journals on this host, newest first.

use homeport_engine::journal::{self, Record};
use serde::Serialize;

use crate::error::Error;
use crate::verbs::operation;

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Past {
    /// Its id.
    pub operation: String,
    /// The verb.
    pub verb: String,
    /// Version of Homeport.
    pub homeport: String,
    /// Unix time it began, seconds.
    pub began: u64,
    /// Unix time it ended; `None` if it is open.
    pub ended: Option<u64>,
    /// `done`, `rolled back`, `open`.
    pub outcome: &'static str,
    /// Steps done.
    pub steps: usize,
}

/// Reads them.
pub fn history(instance: &str) -> Result<Vec<Past>, Error> {
    let mut past = Vec::new();
    for path in operation::journals(&instance.to_lowercase())?.iter().rev() {
        past.extend(journal::load(path)?.and_then(|records| summary(&records)));
    }
    Ok(past)
}

fn summary(records: &[Record]) -> Option<Past> {
    let Some(Record::Begin { plan, version, at }) = records.first() else { return None };
    let end = records.iter().find_map(|record| match record {
        Record::Closed { outcome, at } => Some((*outcome, *at)),
        _ => None,
    });
    Some(Past {
        operation: plan.operation.clone(),
        verb: plan.verb.clone(),
        homeport: version.clone(),
        began: *at,
        ended: end.map(|(_, at)| at),
        outcome: match end {
            Some((homeport_engine::recover::Outcome::Done, _)) => "done",
            Some((homeport_engine::recover::Outcome::RolledBack, _)) => "rolled back",
            None => "open",
        },
        steps: records.iter().filter(|record| matches!(record, Record::Done { .. })).count(),
    })
}
