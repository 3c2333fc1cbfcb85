//! A plan: numbered steps of one stage, each with its place, its op and its undo. Plans are made by pure functions.

use serde::{Deserialize, Serialize};

use crate::op::{GuestIdentity, Op};

/// Where a step is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// On the machine the user owns, by `homeport`.
    Host,
    /// In the guest, by `homeport-agent`.
    Guest,
}

/// How a step is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Undo {
    /// The step only looks, or it comes after Commit, when nothing is taken back any more.
    Nothing,
    /// All it touches lies in the plan's candidate guest, which is thrown away whole.
    Candidate,
    /// This op.
    Op(Box<Op>),
    /// What was at the path before, read by the executor and journalled with the intent. For `PutFile` only.
    BeforeImage,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What it does, for a person: an imperative without a full stop.
    pub title: String,
    /// Where.
    pub place: Place,
    /// What.
    pub op: Op,
    /// How it is taken back.
    pub undo: Undo,
}

impl Step {
    /// A step on the host that only looks or comes after Commit.
    pub fn host(title: impl Into<String>, op: Op) -> Step {
        Step {
            title: title.into(),
            place: Place::Host,
            op,
            undo: Undo::Nothing,
        }
    }

    /// A step in the guest that only looks or comes after Commit.
    pub fn guest(title: impl Into<String>, op: Op) -> Step {
        Step {
            title: title.into(),
            place: Place::Guest,
            op,
            undo: Undo::Nothing,
        }
    }

    /// The same step, with this op as its undo.
    pub fn undone_by(mut self, op: Op) -> Step {
        self.undo = Undo::Op(Box::new(op));
        self
    }

    /// The same step of an operation that makes its guest: what it does in there needs no way back of its own. What only
    /// looks, or does something on the host, stays as it is.
    pub fn in_candidate_guest(self) -> Step {
        let inside = self.place == Place::Guest || matches!(self.op, Op::Push { .. });
        if !inside || self.op.only_reads() {
            self
        } else {
            self.in_candidate()
        }
    }

    /// The same step inside the candidate guest, which is thrown away whole.
    pub fn in_candidate(mut self) -> Step {
        self.undo = Undo::Candidate;
        self
    }
}

/// The steps of one stage of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Wire version ([`crate::WIRE`]).
    pub wire: u32,
    /// Operation id, the same in all stages.
    pub operation: String,
    /// Verb the user asked for.
    pub verb: String,
    /// Instance it is about.
    pub instance: String,
    /// Name of the stage.
    pub stage: String,
    /// Number of the first step, counted through all stages of the operation.
    pub first: u32,
    /// The guest whose agent carries out the guest steps.
    pub guest: Option<GuestIdentity>,
    /// Whether that guest is this operation's candidate: made by it, relied on by nobody, thrown away whole on the way
    /// back.
    pub candidate: bool,
    /// Paths on the host this operation may write below.
    pub owns: Vec<String>,
    /// So many steps of this stage are followed by Commit; `None`: this stage does not commit.
    pub commit_after: Option<usize>,
    /// The steps, in order.
    pub steps: Vec<Step>,
}

impl Plan {
    /// The steps with their numbers.
    pub fn numbered(&self) -> impl Iterator<Item = (u32, &Step)> {
        (self.first..).zip(&self.steps)
    }

    /// Number of the step after the last.
    pub fn end(&self) -> u32 {
        self.first
            .saturating_add(u32::try_from(self.steps.len()).unwrap_or(u32::MAX))
    }

    /// Whether the step with this number comes after Commit.
    pub fn after_commit(&self, number: u32) -> bool {
        self.commit_after
            .is_some_and(|count| number.saturating_sub(self.first) as usize >= count)
    }
}
