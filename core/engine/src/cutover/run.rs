//! Runs a cut-over, and brings one that was interrupted to its end. The order of things:
//!
//! 1. drain, hold – nothing new reaches the app, nothing is under way; *Held* is written;
//! 2. fence – nothing starts by itself any more, not even after a power cut; stop the old side; nobody else at the data;
//! 3. make the next generation; permit and start the new side on it; ask it;
//! 4. bring to disk what it rests on; **Commit**;
//! 5. slot in service, fence away, requests let go, watch.
//!
//! Whatever fails or dies before Commit leads to [`super::back`], whatever dies after it leads forward. There is one
//! function for a run and for its recovery: where it goes on is read off the journal.

use super::back::{back, give_up, tidy};
use super::book::{Book, Note, Stage, Standing};
use super::drain::{self, Held};
use super::forward::arrive;
use super::site::{Life, Site};
use super::{CutOver, Outcome, Stretch, Trouble};
use crate::fault::{Fault, FaultKind};
use crate::op::{Content, PutFile};
use crate::probe::Probe;

/// Time of one question to the new side, after which it is looked whether that lives, milliseconds.
const SLICE_MS: u64 = 500;

/// Time between two questions, milliseconds.
const PAUSE_MS: u64 = 20;

/// A cut-over under way.
pub(super) struct Way<'a> {
    pub(super) book: &'a mut Book,
    pub(super) site: &'a mut dyn Site,
    pub(super) cut_over: CutOver,
    /// When the hold began, on the site's clock; none if that was in an earlier run.
    pub(super) held: Option<Held>,
    pub(super) drained_ms: u64,
    /// Unix time of the hold, milliseconds.
    pub(super) held_at_ms: Option<u64>,
    pub(super) steps: Vec<Stretch>,
    /// Whether Commit is written.
    pub(super) committed: bool,
    /// Whether it is written that it goes back.
    pub(super) turned: bool,
}

/// Brings it to its end. `begin`: one that nobody has started yet is started; otherwise – its starter is gone – it is
/// left at that.
///
/// # Errors
/// When what was decided cannot be read off the disk or written there, or what must happen now cannot be done. The same
/// call, made again by a new process, goes on where this one stopped.
pub fn bring_to_end(book: &mut Book, site: &mut dyn Site, begin: bool) -> Result<Outcome, Fault> {
    let standing = book.standing()?;
    let standing =
        standing.ok_or_else(|| Fault::new(FaultKind::Failed, "there is no cut-over to run"))?;
    let stage = standing.stage.clone();
    for child in &standing.children {
        site.end_leftover(child)?;
    }
    let mut way = Way::of(book, site, standing);
    let interrupted = || Trouble {
        why: "it was interrupted".to_owned(),
        ..Trouble::default()
    };
    match stage {
        Stage::Closed(outcome) => Ok(outcome),
        Stage::Begun if begin => way.go(),
        Stage::Begun | Stage::Started => {
            give_up(&mut way, "it was interrupted before anything had begun")
        }
        Stage::Held => back(&mut way, interrupted()),
        Stage::Back(trouble) => back(&mut way, trouble),
        Stage::BackInService(outcome) => tidy(&mut way, outcome),
        Stage::Committed => arrive(&mut way),
    }
}

impl<'a> Way<'a> {
    fn of(book: &'a mut Book, site: &'a mut dyn Site, standing: Standing) -> Way<'a> {
        Way {
            book,
            site,
            cut_over: standing.cut_over,
            held: None,
            drained_ms: standing.drained_ms,
            held_at_ms: standing.held_at_ms,
            steps: standing.steps,
            committed: standing.committed,
            turned: matches!(standing.stage, Stage::Back(_)),
        }
    }

    fn go(&mut self) -> Result<Outcome, Fault> {
        self.book.note(Note::Started)?;
        if let Err(fault) = self.ready() {
            return give_up(self, &fault.why);
        }
        let held = match drain::hold(&self.cut_over, self.site) {
            Ok(held) => held,
            Err(fault) => return give_up(self, &fault.why),
        };
        let (drained_ms, at_ms) = (held.drained_ms, held.at_ms);
        self.drained_ms = drained_ms;
        self.held_at_ms = Some(at_ms);
        self.held = Some(held);
        if let Err(fault) = self.book.note(Note::Held { drained_ms, at_ms }) {
            return give_up(self, &fault.why);
        }
        if let Err(fault) = self.cross() {
            return back(self, fault.into());
        }
        // Whether it is on disk when this fails, only the disk can tell: whoever reads it next decides.
        let steps = self.steps.clone();
        self.book.note(Note::Commit { steps })?;
        self.committed = true;
        arrive(self)
    }

    /// Looks whether what it takes for granted is so.
    fn ready(&mut self) -> Result<(), Fault> {
        let CutOver {
            from, to, marks, ..
        } = &self.cut_over;
        if self.site.in_service(marks) != Some(from.colour) {
            let why = format!("the slot in service is not {}", from.colour.name());
            return Err(Fault::new(FaultKind::NotBegun, why));
        }
        for path in &to.needs {
            if !self.site.there(path)? {
                let why = format!(
                    "`{path}` is missing, without which {} cannot work",
                    to.version
                );
                return Err(Fault::new(FaultKind::NotBegun, why));
            }
        }
        Ok(())
    }

    /// From the hold to the moment before Commit. The old side's data is read and nothing else.
    fn cross(&mut self) -> Result<(), Fault> {
        let it = self.cut_over.clone();
        let fence = mark(
            &it.marks.fence,
            Content::Text(format!("{}\n", it.operation)),
        );
        self.timed("raise the fence", |way, _| way.site.put(&fence))?;
        let stopping: Vec<String> = it.from.units.iter().rev().cloned().collect();
        let title = format!("stop {}", it.from.version);
        self.timed(&title, |way, left| way.site.stop(&stopping, left))?;
        if !it.alone.is_empty() {
            let title = "see that nobody else is at the data";
            self.timed(title, |way, _| way.site.alone(&it.alone))?;
        }
        for step in &it.generation {
            self.timed(&step.title, |way, left| {
                let book = &mut *way.book;
                way.site
                    .make(&step.op, left, &mut |child| book.child(child))
            })?;
        }
        let title = format!("start {}", it.to.version);
        let permit = mark(&it.marks.permit(it.to.colour), Content::Text(String::new()));
        self.timed(&title, |way, left| {
            way.site.put(&permit)?;
            way.site.start(&it.to.units, left)
        })?;
        let born = self.site.lives(&it.to.units)?;
        for probe in &it.to.probes {
            self.timed("ask it", |way, left| way.asked(probe, left, &born))?;
        }
        if !it.durable.is_empty() {
            self.timed("bring its data to disk", |way, _| {
                way.site.durable(&it.durable)
            })?;
        }
        self.left().map(|_| ())
    }

    /// Asks the new side until it answers. One that has ended meanwhile is not waited for: requests are.
    fn asked(&mut self, probe: &Probe, left: u64, born: &[Life]) -> Result<(), Fault> {
        let until = self.site.now_ms() + left.min(probe.deadline_ms.into());
        let once = Probe {
            unit: None,
            ..probe.clone()
        };
        loop {
            let Err(fault) = self.site.ask(&once, SLICE_MS) else {
                return Ok(());
            };
            let fell = fallen(self.site, &self.cut_over.to.units, born)?;
            let over = self.site.now_ms() >= until || fault.kind != FaultKind::Unhealthy;
            if fell.is_some() || over {
                let last = self.site.ask(probe, 1).err();
                let lines = last.map(|last| last.lines).unwrap_or_default();
                return Err(fell.unwrap_or(fault).with_lines(lines));
            }
            self.site.pause(PAUSE_MS);
        }
    }

    /// Does it in what is left of the hold, and notes how long it took.
    fn timed(
        &mut self,
        title: &str,
        work: impl FnOnce(&mut Self, u64) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let left = self.left()?;
        let begun = self.site.now_ms();
        work(self, left)?;
        let ms = self.site.now_ms().saturating_sub(begun);
        match self.steps.last_mut().filter(|last| last.title == title) {
            Some(last) => last.ms += ms,
            None => self.steps.push(Stretch {
                title: title.to_owned(),
                ms,
            }),
        }
        Ok(())
    }

    /// Milliseconds that are left of the hold.
    fn left(&mut self) -> Result<u64, Fault> {
        let deadline = u64::from(self.cut_over.deadline_ms);
        let left = deadline.saturating_sub(self.held_ms());
        if left == 0 {
            let why = format!("it was not done within {} s", deadline / 1000);
            return Err(Fault::new(FaultKind::Unhealthy, why));
        }
        Ok(left)
    }

    /// Milliseconds since the hold began. If that was in an earlier run, by the wall clock.
    pub(super) fn held_ms(&mut self) -> u64 {
        match (&self.held, self.held_at_ms) {
            (Some(held), _) => self.site.now_ms().saturating_sub(held.since_ms),
            (None, Some(at)) => self.site.unix_ms().saturating_sub(at),
            (None, None) => 0,
        }
    }
}

/// Which of the units does not live, or is not the one that was started, if any.
pub(super) fn fallen(
    site: &mut dyn Site,
    units: &[String],
    born: &[Life],
) -> Result<Option<Fault>, Fault> {
    let lives = site.lives(units)?;
    let mut seen = units.iter().zip(&lives).zip(born);
    let fell = seen.find(|((_, now), then)| !now.active || now.incarnation != then.incarnation);
    Ok(fell.map(|((unit, _), _)| Fault::new(FaultKind::Failed, format!("`{unit}` fell over"))))
}

/// A file that decides by being there, or its absence.
pub(super) fn mark(path: &str, content: Content) -> PutFile {
    PutFile {
        path: path.to_owned(),
        mode: 0o644,
        owner: "0:0".to_owned(),
        content,
    }
}
