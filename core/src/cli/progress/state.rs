//! What is known of a running operation: events folded into numbers and titles. Pure; time comes in from outside.

use std::time::Duration;

use homeport_engine::event::Event;

use super::About;

/// A running operation.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) stage: String,
    pub(super) total: u32,
    pub(super) done: u32,
    pub(super) current: Option<Current>,
    /// Title of the step that was done or failed last.
    pub(super) last: String,
    pub(super) phase: Phase,
    interrupt: String,
}

/// The step under way.
#[derive(Debug, Clone)]
pub(super) struct Current {
    pub(super) number: u32,
    pub(super) title: String,
    pub(super) since: Duration,
    pub(super) text: String,
}

/// Where the operation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Before,
    Committed,
    Undoing,
}

impl State {
    pub(super) fn new(about: &About) -> State {
        State {
            stage: String::new(),
            total: about.steps,
            done: 0,
            current: None,
            last: String::new(),
            phase: Phase::Before,
            interrupt: about.interrupt.clone(),
        }
    }

    /// Takes note of an event that came so long after the beginning.
    pub(super) fn take(&mut self, event: &Event, now: Duration) {
        let begin = |number: u32, title: &str| Current {
            number,
            title: title.to_owned(),
            since: now,
            text: String::new(),
        };
        match event {
            Event::Expected { steps } => self.total = self.total.max(*steps),
            Event::Stage { name, first, steps } => {
                self.stage.clone_from(name);
                self.total = self.total.max(first.saturating_add(*steps));
            }
            Event::Started { number, title } => self.current = Some(begin(*number, title)),
            Event::Working { text, .. } | Event::Waiting { text, .. } => {
                if let Some(current) = &mut self.current {
                    current.text.clone_from(text);
                }
            }
            Event::Done { number, .. } => {
                self.done = self.done.max(number.saturating_add(1));
                self.end(*number);
            }
            Event::Noticed { .. } => {}
            Event::Failed { number, .. } => self.end(*number),
            Event::Committed => self.phase = Phase::Committed,
            Event::Undoing { number, title } => {
                self.phase = Phase::Undoing;
                self.current = Some(begin(*number, title));
            }
        }
    }

    fn end(&mut self, number: u32) {
        let current = self
            .current
            .take()
            .filter(|current| current.number == number);
        self.last = current.map(|current| current.title).unwrap_or_default();
    }

    /// Steps done, in percent of those known.
    pub(super) fn percent(&self) -> u32 {
        self.done
            .saturating_mul(100)
            .checked_div(self.total)
            .unwrap_or(0)
            .min(100)
    }

    /// What Ctrl-C would do now, as a sentence.
    pub(super) fn interruption(&self) -> String {
        match self.phase {
            Phase::Before => format!("Ctrl-C now {}.", self.interrupt),
            Phase::Committed => "Ctrl-C changes nothing now: the change is in force.".to_owned(),
            Phase::Undoing => "Ctrl-C changes nothing now: it is being taken back.".to_owned(),
        }
    }
}
