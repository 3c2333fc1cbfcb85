//! A cut-over as data: everything needed to move an instance from the slot in service to the other one – or, without
//! another word from outside, to stay where it was. Also how it ended. Nothing here touches a machine.
//!
//! The promise:
//! *requests wait, none fails; before Commit the old side is untouched and is what remains; after it the new one is.*

mod back;
mod book;
mod drain;
mod forward;
mod outcome;
mod rules;
mod run;
mod site;

use serde::{Deserialize, Serialize};

use crate::op::PutFile;
use crate::plan::Step;
use crate::probe::Probe;

pub use book::{Book, Note, Stage, Standing};
pub use outcome::{Ending, Outcome, Stretch, Trouble};
pub use rules::sound;
pub use run::bring_to_end;
pub use site::{AtGate, Life, NoteChild, Site, Word};

/// Name of the observation that a plan's cut-over leaves: an [`Outcome`] as JSON, and exit status 0. There is one only
/// when the new side is in service; every other end is a fault (see [`Outcome::told`]).
pub const OBSERVED: &str = "cut-over";

/// One of the two places a release can run in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    /// The first.
    Blue,
    /// The second.
    Green,
}

impl Colour {
    /// As files and units name it.
    pub fn name(self) -> &'static str {
        match self {
            Colour::Blue => "blue",
            Colour::Green => "green",
        }
    }

    /// The other one.
    pub fn other(self) -> Colour {
        match self {
            Colour::Blue => Colour::Green,
            Colour::Green => Colour::Blue,
        }
    }
}

/// One cut-over. A guest op, the last step before its plan's Commit, its undo [`crate::plan::Undo::Nothing`]: it takes
/// itself back. The agent runs it as a unit of its own, with a journal of its own, so that it ends on one of the two
/// sides whatever becomes of the host, of the conversation or of the agent that began it.
///
/// Before it begins, ordinary steps have put the new side in place: its release and its slot's link, its environment
/// file (which names the generation it works on), its units, enabled like the old side's. Units start only if their
/// slot is in service or has a permit, and never past a fence; so both may be enabled.
///
/// A rollback is the same with the sides exchanged and no generation to make ([`CutOver::reversed`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutOver {
    /// Id of the operation it belongs to; names its journal and its unit.
    pub operation: String,
    /// The side in service.
    pub from: Side,
    /// The side to be in service.
    pub to: Side,
    /// The gates before the components, all of them: components of one release move together.
    pub gates: Vec<Gate>,
    /// Files that decide which side may start and which one requests go to.
    pub marks: Marks,
    /// When to hold.
    pub drain: Drain,
    /// Milliseconds from the hold after which, without Commit, everything is taken back. 20,000 is usual.
    pub deadline_ms: u32,
    /// When not to hold; none: any time is right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<Clock>,
    /// Files and directories of which nobody may have anything open once the old side has stopped: a file-based
    /// database. Servers are asked by [`CutOver::generation`]'s own steps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alone: Vec<String>,
    /// Copies the database – and what else belongs to a generation – to the one the new side works on, while nobody
    /// writes. Guest steps, each an `Exec` or a `PutFile` with an [`crate::plan::Undo::Op`] that throws away what it
    /// made and nothing else. Empty: both sides work on the same data (no schema change), or the generation is there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub generation: Vec<Step>,
    /// Files and directories – with all that is in them – brought to disk before Commit rests on them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub durable: Vec<String>,
    /// Milliseconds for which the new side is watched after requests were let go to it. 30,000 is usual.
    pub watch_ms: u32,
}

/// One side of a cut-over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// Its slot.
    pub colour: Colour,
    /// Version of its release, for messages.
    pub version: String,
    /// Its units in the order they are started; they are stopped in the opposite one, each with its own signal.
    pub units: Vec<String>,
    /// Read-only questions to the units directly, in order. All must be answered before Commit, and, on the way back,
    /// before the old side counts as serving.
    pub probes: Vec<Probe>,
    /// Read-only questions through the proxy's internal listener, asked while the new side is watched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub through: Vec<Probe>,
    /// Paths without which this side cannot work: its release, its generation. Looked for before anything is begun.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// What the guest writes down once this side is in service: the instance's state, the deployment's configuration.
    /// Texts, complete, for both sides: either may be the end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<PutFile>,
}

/// A gate before a component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// The component, for messages.
    pub component: String,
    /// Path of the gate's control socket.
    pub control: String,
}

/// The files that decide. Paths are the guest's; only tests name others than those of [`Marks::usual`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// While this file exists no unit of either side starts without a permit. Durable.
    pub fence: String,
    /// Directory of the permits `permit-blue` and `permit-green`: such a file lets that slot start in spite of the
    /// fence, and though it is not in service. A reboot takes it away.
    pub permits: String,
    /// Directory of the one file `blue` or `green` that names the slot in service. Durable.
    pub colour: String,
}

impl Marks {
    /// Where they are in every guest.
    pub fn usual() -> Marks {
        Marks {
            fence: "/var/lib/homeport/fence".to_owned(),
            permits: "/run/homeport".to_owned(),
            colour: "/var/lib/homeport/colour".to_owned(),
        }
    }

    /// The permit of a slot.
    pub fn permit(&self, colour: Colour) -> String {
        format!("{}/permit-{}", self.permits, colour.name())
    }

    /// The file that says that a slot is in service.
    pub fn in_service(&self, colour: Colour) -> String {
        format!("{}/{}", self.colour, colour.name())
    }
}

/// When to hold: requests under way are let finish first. WebSockets and streams are not waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drain {
    /// No hold while a request is older than this, milliseconds.
    pub age_ms: u32,
    /// If one is still under way this long after the hold began, requests are let go and it is tried again later,
    /// milliseconds.
    pub hold_ms: u32,
    /// After this long the cut-over is not begun at all, milliseconds.
    pub give_up_ms: u32,
}

impl Drain {
    /// The usual one: 5 s, 1 s, 5 min.
    pub fn usual() -> Drain {
        Drain {
            age_ms: 5_000,
            hold_ms: 1_000,
            give_up_ms: 300_000,
        }
    }
}

/// When not to hold: apps do things at round times of the clock, and one that starts across such a moment leaves them
/// out or does them twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// What a round time is: a whole multiple of so many seconds since 1970. 60: every full minute.
    pub every_s: u32,
    /// No hold begins within so many milliseconds before a round time: as long as it may last.
    pub before_ms: u32,
    /// No hold begins within so many milliseconds after a round time: the app is at work then.
    pub after_ms: u32,
}

impl CutOver {
    /// Whether both sides work on the same data: what one has written the other sees.
    pub fn shares_data(&self) -> bool {
        self.generation.is_empty() && self.alone.iter().all(|path| self.to.needs.contains(path))
    }

    /// The way back once it is done, as an operation of its own. The generation left behind is not touched: it is what
    /// `from` works on then, and what remains if going back fails.
    pub fn reversed(&self, operation: &str) -> CutOver {
        let theirs = match self.durable.is_empty() {
            true => &self.alone,
            false => &self.durable,
        };
        CutOver {
            operation: operation.to_owned(),
            from: self.to.clone(),
            to: self.from.clone(),
            alone: theirs.clone(),
            generation: Vec::new(),
            durable: Vec::new(),
            ..self.clone()
        }
    }
}
