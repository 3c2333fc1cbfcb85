//! What a journal tells of its operation, in one line. Reads records and nothing else.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::cutover;
use crate::journal::Record;
use crate::plan::Plan;
use crate::recover::Outcome;

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Its id.
    pub operation: String,
    /// Verb the user asked for.
    pub verb: String,
    /// Instance it was about.
    pub instance: String,
    /// Version of Homeport that began it.
    pub version: String,
    /// Names of its stages, in order.
    pub stages: Vec<String>,
    /// Unix time it began, seconds.
    pub began: u64,
    /// Unix time it ended, seconds; none while it is open.
    pub ended: Option<u64>,
    /// How it ended; none while it is open.
    pub outcome: Option<Outcome>,
    /// Whether it got past its Commit.
    pub committed: bool,
    /// Steps its plans have.
    pub steps: usize,
    /// Steps that were done.
    pub done: usize,
    /// Steps that were taken back.
    pub undone: usize,
    /// How its cut-over ended, if it had one and that is known: the host knows only of a switch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut_over: Option<cutover::Outcome>,
}

impl Summary {
    /// Reads it off a journal's records; none if nothing was begun.
    pub fn of(records: &[Record]) -> Option<Summary> {
        let (first, version, began) = records.iter().find_map(|record| match record {
            Record::Begin { plan, version, at } => Some((plan, version, *at)),
            _ => None,
        })?;
        let plans = records.iter().filter_map(|record| match record {
            Record::Begin { plan, .. } => Some(plan),
            _ => None,
        });
        let (ended, outcome) = match records.last() {
            Some(Record::Closed { outcome, at }) => (Some(*at), Some(*outcome)),
            _ => (None, None),
        };
        Some(Summary {
            operation: first.operation.clone(),
            verb: first.verb.clone(),
            instance: first.instance.clone(),
            version: version.clone(),
            stages: stages(plans.clone()),
            began,
            ended,
            outcome,
            committed: records.contains(&Record::Commit),
            steps: distinct(
                plans
                    .clone()
                    .flat_map(Plan::numbered)
                    .map(|(number, _)| number),
            ),
            done: distinct(records.iter().filter_map(|record| match record {
                Record::Done { number, .. } => Some(*number),
                _ => None,
            })),
            undone: distinct(records.iter().filter_map(|record| match record {
                Record::Undone { number } => Some(*number),
                _ => None,
            })),
            cut_over: switched(records, plans),
        })
    }
}

/// A stage comes to an agent in parts, and some parts twice.
fn stages<'a>(plans: impl Iterator<Item = &'a Plan>) -> Vec<String> {
    let mut stages: Vec<String> = plans.map(|plan| plan.stage.clone()).collect();
    stages.dedup();
    stages
}

/// The outcome of a cut-over: what a step that is one has observed.
fn switched<'a>(
    records: &[Record],
    plans: impl Iterator<Item = &'a Plan>,
) -> Option<cutover::Outcome> {
    let cut_overs: BTreeSet<u32> = plans
        .flat_map(Plan::numbered)
        .filter_map(|(number, step)| step.op.takes_itself_back().then_some(number))
        .collect();
    records.iter().rev().find_map(|record| match record {
        Record::Done { number, seen, .. } if cut_overs.contains(number) => {
            cutover::Outcome::read(seen.as_ref()?).ok()
        }
        _ => None,
    })
}

fn distinct(numbers: impl Iterator<Item = u32>) -> usize {
    numbers.collect::<BTreeSet<u32>>().len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::{Content, Op, PutFile};
    use crate::plan::Step;

    fn begin(first: u32, stage: &str) -> Record {
        let op = Op::PutFile(PutFile {
            path: "/a/b".to_owned(),
            mode: 0o644,
            owner: "0:0".to_owned(),
            content: Content::Absent,
        });
        Record::Begin {
            plan: Plan {
                wire: crate::WIRE,
                operation: "op-1".to_owned(),
                verb: "update".to_owned(),
                instance: "todo".to_owned(),
                stage: stage.to_owned(),
                first,
                guest: None,
                candidate: false,
                owns: Vec::new(),
                commit_after: None,
                steps: vec![Step::guest("a", op.clone()), Step::guest("b", op)],
            },
            version: "0.1.0".to_owned(),
            at: 100 + u64::from(first),
        }
    }

    #[test]
    fn a_part_given_twice_counts_once() {
        let done = |number| Record::Done {
            number,
            seen: None,
            at_ms: 0,
        };
        let mut records = vec![begin(0, "facts"), done(0), begin(0, "facts"), done(0)];
        records.extend([done(1), begin(4, "deploy"), done(4), Record::Commit]);
        let open = Summary::of(&records).unwrap();
        assert_eq!(open.stages, ["facts", "deploy"]);
        assert_eq!((open.steps, open.done, open.undone), (4, 3, 0));
        assert_eq!((open.began, open.ended, open.committed), (100, None, true));
        records.push(Record::Closed {
            outcome: Outcome::Done,
            at: 200,
        });
        let closed = Summary::of(&records).unwrap();
        assert_eq!(
            (closed.ended, closed.outcome),
            (Some(200), Some(Outcome::Done))
        );
        assert_eq!(Summary::of(&[]), None);
    }

    #[test]
    fn only_a_cut_over_says_how_a_cut_over_ended() {
        let outcome = cutover::Outcome {
            ending: cutover::Ending::Switched { trouble: None },
            drained_ms: 1,
            held_ms: 2,
            waited_max_ms: 3,
            steps: Vec::new(),
        };
        let done = |number| Record::Done {
            number,
            seen: Some(outcome.told().unwrap()),
            at_ms: 0,
        };
        let mut records = vec![begin(0, "deploy"), done(0), done(1)];
        assert_eq!(Summary::of(&records).unwrap().cut_over, None);
        let Record::Begin { plan, .. } = &mut records[0] else {
            unreachable!("it was begun");
        };
        plan.steps[1].op = Op::CutOver(Box::new(crate::sim::small_cut_over("op-1")));
        assert_eq!(Summary::of(&records).unwrap().cut_over, Some(outcome));
    }
}
