//! The journal of one cut-over: few records, each a decision or what a later decision rests on. Written by whoever runs
//! it and by nobody else; read by all.

use serde::{Deserialize, Serialize};

use super::{CutOver, Ending, Outcome, Stretch, Trouble};
use crate::fault::{Fault, FaultKind};
use crate::journal::{Child, Journal, JournalError};

/// One record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "note")]
pub enum Note {
    /// What is to be done, complete. Nothing is changed.
    Begun {
        /// All of it.
        cut_over: Box<CutOver>,
        /// Version of the program that writes.
        version: String,
        /// Unix time, seconds.
        at: u64,
    },
    /// Requests may be held from now on; nothing else is changed.
    Started,
    /// Requests are held and none is under way. From here on the old side may be stopped.
    Held {
        /// Milliseconds since the start.
        drained_ms: u64,
        /// Unix time of the hold, milliseconds.
        at_ms: u64,
    },
    /// A command of the generation, written before it does anything.
    Child {
        /// Its process.
        child: Child,
    },
    /// The new side has answered, and all it rests on is on disk: it is to be in service.
    Commit {
        /// What took how long.
        steps: Vec<Stretch>,
    },
    /// The old side is to be in service.
    Back {
        /// Why.
        trouble: Trouble,
    },
    /// The side decided on is in service and requests are let go.
    Settled {
        /// The end, unless the new side falls over while it is watched.
        outcome: Outcome,
    },
    /// Nothing is left to do.
    Closed {
        /// How it ended.
        outcome: Outcome,
        /// Unix time, seconds.
        at: u64,
    },
}

/// How far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// It is written down.
    Begun,
    /// Requests may be held.
    Started,
    /// The old side may be stopped.
    Held,
    /// Only forward.
    Committed,
    /// Only back.
    Back(Trouble),
    /// The old side is in service again; what was made for the new one may be left.
    BackInService(Outcome),
    /// It has ended.
    Closed(Outcome),
}

/// What a journal tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// What is to be done.
    pub cut_over: CutOver,
    /// How far it has come.
    pub stage: Stage,
    /// Whether Commit was ever written, even if it turned back after that.
    pub committed: bool,
    /// Commands that may be alive if they are not known to have ended.
    pub children: Vec<Child>,
    /// Milliseconds until the hold.
    pub drained_ms: u64,
    /// Unix time of the hold, milliseconds; none while there is none.
    pub held_at_ms: Option<u64>,
    /// What took how long.
    pub steps: Vec<Stretch>,
}

impl Standing {
    /// Reads it off the notes; none if nothing was begun.
    ///
    /// # Errors
    /// When they are in an order in which they cannot have been written.
    pub fn of(notes: &[Note]) -> Result<Option<Standing>, String> {
        let Some((first, rest)) = notes.split_first() else {
            return Ok(None);
        };
        let Note::Begun { cut_over, .. } = first else {
            return Err("it does not begin with a beginning".to_owned());
        };
        let mut standing = Standing {
            cut_over: (**cut_over).clone(),
            stage: Stage::Begun,
            committed: false,
            children: Vec::new(),
            drained_ms: 0,
            held_at_ms: None,
            steps: Vec::new(),
        };
        rest.iter().try_for_each(|note| standing.take(note))?;
        Ok(Some(standing))
    }

    fn take(&mut self, note: &Note) -> Result<(), String> {
        let odd = || Err(format!("{note:?} does not follow {:?}", self.stage));
        self.stage = match (note, &self.stage) {
            (_, Stage::Closed(_)) | (Note::Begun { .. }, _) => return odd(),
            (Note::Started, Stage::Begun) => Stage::Started,
            (Note::Held { drained_ms, at_ms }, Stage::Started) => {
                self.drained_ms = *drained_ms;
                self.held_at_ms = Some(*at_ms);
                Stage::Held
            }
            (Note::Child { child }, Stage::Held) => {
                self.children.push(child.clone());
                Stage::Held
            }
            (Note::Commit { steps }, Stage::Held) => {
                self.committed = true;
                self.steps.clone_from(steps);
                Stage::Committed
            }
            (Note::Back { trouble }, Stage::Held | Stage::Committed) => {
                Stage::Back(trouble.clone())
            }
            (Note::Settled { .. }, Stage::Committed) => Stage::Committed,
            (Note::Settled { outcome }, Stage::Back(_)) => Stage::BackInService(outcome.clone()),
            (Note::Closed { outcome, .. }, _) => Stage::Closed(outcome.clone()),
            _ => return odd(),
        };
        Ok(())
    }
}

/// The journal, open for writing.
pub struct Book {
    journal: Journal<Note>,
}

impl Book {
    /// The notes of this journal.
    pub fn new(journal: Journal<Note>) -> Book {
        Book { journal }
    }

    /// Begins it, unless it was begun before: the same again is no second one.
    ///
    /// # Errors
    /// When it cannot be written, or is about something else.
    pub fn begin(&mut self, cut_over: &CutOver, version: &str, at: u64) -> Result<(), Fault> {
        match self.standing()? {
            Some(standing) if standing.cut_over == *cut_over => Ok(()),
            Some(_) => Err(Fault::new(
                FaultKind::Failed,
                format!("`{}` is about another cut-over", self.journal.path()),
            )),
            None => self.note(Note::Begun {
                cut_over: Box::new(cut_over.clone()),
                version: version.to_owned(),
                at,
            }),
        }
    }

    /// How far it has come.
    ///
    /// # Errors
    /// When the journal is damaged: nothing is guessed then.
    pub fn standing(&self) -> Result<Option<Standing>, Fault> {
        let damaged = |why: String| {
            let why = format!("the journal `{}` is damaged: {why}", self.journal.path());
            Fault::new(FaultKind::Failed, why)
        };
        Standing::of(self.journal.records()).map_err(damaged)
    }

    /// Writes; it is on disk when this returns.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn note(&mut self, note: Note) -> Result<(), Fault> {
        self.journal.append([note]).map_err(unwritten)
    }

    /// Writes a child down, as [`crate::cmd`] wants it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn child(&mut self, child: Child) -> Result<(), JournalError> {
        self.journal.append([Note::Child { child }])
    }
}

fn unwritten(error: JournalError) -> Fault {
    Fault::new(FaultKind::Resources, error.to_string())
}

impl Outcome {
    /// An end at which nothing was begun.
    pub(crate) fn not_begun(why: impl Into<String>, drained_ms: u64) -> Outcome {
        Outcome {
            ending: Ending::NotBegun { why: why.into() },
            drained_ms,
            held_ms: 0,
            waited_max_ms: 0,
            steps: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::small_cut_over;

    fn begun() -> Note {
        Note::Begun {
            cut_over: Box::new(small_cut_over("op-1")),
            version: "0".to_owned(),
            at: 1,
        }
    }

    fn held() -> Note {
        Note::Held {
            drained_ms: 3,
            at_ms: 4_000,
        }
    }

    fn stage(notes: &[Note]) -> Result<Option<Stage>, String> {
        Ok(Standing::of(notes)?.map(|standing| standing.stage))
    }

    #[test]
    fn the_last_decision_counts() {
        let commit = Note::Commit { steps: Vec::new() };
        let trouble = Trouble::default();
        let back = Note::Back {
            trouble: trouble.clone(),
        };
        assert_eq!(stage(&[]), Ok(None));
        let mut notes = vec![begun()];
        for (note, then) in [
            (Note::Started, Stage::Started),
            (held(), Stage::Held),
            (commit, Stage::Committed),
            (back, Stage::Back(trouble)),
        ] {
            notes.push(note);
            assert_eq!(stage(&notes), Ok(Some(then)));
        }
        let standing = Standing::of(&notes).unwrap().unwrap();
        assert!(standing.committed, "it turned back after Commit");
        assert_eq!((standing.drained_ms, standing.held_at_ms), (3, Some(4_000)));
    }

    #[test]
    fn an_order_that_cannot_have_been_written_is_damage() {
        let commit = || Note::Commit { steps: Vec::new() };
        for notes in [
            vec![Note::Started],
            vec![begun(), begun()],
            vec![begun(), held()],
            vec![begun(), Note::Started, commit()],
            vec![begun(), Note::Started, held(), commit(), commit()],
        ] {
            assert!(stage(&notes).is_err(), "{notes:?}");
        }
    }
}
