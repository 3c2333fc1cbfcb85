//! `homeport-agent history`: what every operation's journal tells. Only reads.

use homeport_engine::history::Summary;
use homeport_engine::run::Fault;
use serde::Serialize;

use crate::state::StateDir;

/// One operation. A journal that cannot be read is shown as what it is, and hides no other.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Line {
    Summary(Summary),
    Damaged { operation: String, damaged: String },
}

/// The history, damaged journals first, then the oldest operation.
pub(crate) fn read(state: &StateDir) -> Result<Vec<Line>, Fault> {
    let mut lines = Vec::new();
    for operation in state.operations()? {
        match state.records(&operation) {
            Ok(records) => lines.extend(Summary::of(&records).map(Line::Summary)),
            Err(fault) => lines.push(Line::Damaged {
                operation,
                damaged: fault.why,
            }),
        }
    }
    lines.sort_by_key(|line| match line {
        Line::Summary(summary) => summary.began,
        Line::Damaged { .. } => 0,
    });
    Ok(lines)
}
