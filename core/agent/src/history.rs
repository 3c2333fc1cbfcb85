//! `homeport-agent history`: what every operation's journal tells. Only reads.

use homeport_engine::cutover::{Outcome, Stage};
use homeport_engine::history::Summary;
use homeport_engine::run::Fault;
use serde::Serialize;

use crate::cutover;
use crate::state::StateDir;

/// One operation. A journal that cannot be read is shown as what it is, and hides no other.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Line {
    Summary(Summary),
    /// A cut-over that belongs to no operation: a rollback by hand, without the host.
    Rescue {
        operation: String,
        cut_over: Outcome,
    },
    Damaged {
        operation: String,
        damaged: String,
    },
}

/// The history: damaged journals first, then the oldest operation, rollbacks by hand last.
pub(crate) fn read(state: &StateDir) -> Result<Vec<Line>, Fault> {
    let mut lines = Vec::new();
    let known = state.operations()?;
    for operation in &known {
        match state.records(operation) {
            Ok(records) => {
                let cut_over = ended(state, operation, &mut lines);
                let told = Summary::of(&records).map(|summary| Summary {
                    cut_over,
                    ..summary
                });
                lines.extend(told.map(Line::Summary));
            }
            Err(fault) => lines.push(Line::Damaged {
                operation: operation.clone(),
                damaged: fault.why,
            }),
        }
    }
    lines.sort_by_key(|line| match line {
        Line::Summary(summary) => summary.began,
        Line::Damaged { .. } | Line::Rescue { .. } => 0,
    });
    for operation in state.cut_overs()? {
        if !known.contains(&operation)
            && let Some(cut_over) = ended(state, &operation, &mut lines)
        {
            lines.push(Line::Rescue {
                operation,
                cut_over,
            });
        }
    }
    Ok(lines)
}

/// How the cut-over of an operation ended, if it had one; a journal of it that cannot be read is told as what it is.
fn ended(state: &StateDir, operation: &str, lines: &mut Vec<Line>) -> Option<Outcome> {
    match cutover::stage(state, operation) {
        Ok(Some(Stage::Closed(outcome))) => Some(outcome),
        Ok(_) => None,
        Err(fault) => {
            lines.push(Line::Damaged {
                operation: operation.to_owned(),
                damaged: fault.why,
            });
            None
        }
    }
}
