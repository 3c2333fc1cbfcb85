//! A simulated machine with guests, to run real plans on and to have something go wrong at every record and every effect.
//!
//! Processes die, effects tear (a file half written, a guest half made), replies get lost, users ask to stop; what is on
//! the simulated disks survives. The executors here obey the same contract as the real ones: twice is once.

mod fuse;
mod ground;
mod guest;
mod host;
mod matrix;
mod platform;
mod sample;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::rc::Rc;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use fuse::{Effect, Fate, Fuse, Mode, Victim};
pub use guest::Agent;
pub use host::Sim;
pub use matrix::{Matrix, Tally, checked, command};
pub use platform::small_guest;
pub use sample::small_cut_over;

use crate::exec::Exec;
use crate::journal::{self, Journal, JournalError, Sink};
use crate::op::{Content, GuestIdentity};
use crate::require::Observation;
use crate::run::{Fault, FaultKind};

/// A file tree: path to content.
pub type Files = BTreeMap<String, Entry>;

/// What lies at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Whole.
    Whole(Content),
    /// The first half of what should be there. Never left by a step that is done.
    Torn,
    /// Whole, but not brought to disk: a power cut tears it.
    Cached(Content),
}

/// One guest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guest {
    /// Its identity; `None` while it is half made (tags come last).
    pub identity: Option<GuestIdentity>,
    /// Child process that was making it, for a half-made one.
    pub maker: Option<u32>,
    /// Whether it is powered on.
    pub running: bool,
    /// Its description.
    pub description: String,
    /// Tags it was given beside those it was made with.
    pub tags: Vec<String>,
    /// Its files.
    pub files: Files,
    /// Its units.
    pub units: BTreeMap<String, Unit>,
    /// Its gates, by their control sockets.
    pub gates: BTreeMap<String, Gate>,
}

/// A gate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gate {
    /// Whether requests wait.
    pub holding: bool,
    /// Requests let through that may have written something.
    pub writes: u64,
}

/// A systemd unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unit {
    /// Whether it starts at boot.
    pub enabled: bool,
    /// Whether it runs.
    pub running: bool,
}

/// Everything that survives the death of a process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct World {
    /// Guests by id.
    pub guests: BTreeMap<String, Guest>,
    /// Files of the host.
    pub files: Files,
    /// Templates in the host's storages.
    pub templates: BTreeSet<String>,
    /// Journals by name; a guest's are named after its id, that of a cut-over `<id>/cutover`.
    pub journals: BTreeMap<String, Vec<u8>>,
    /// What must never be and was all the same.
    pub broken: Vec<String>,
}

impl World {
    /// What counts of it when an operation has ended: everything but journals and cached templates.
    pub fn visible(&self) -> World {
        World {
            guests: self.guests.clone(),
            files: self.files.clone(),
            broken: self.broken.clone(),
            ..World::default()
        }
    }
}

/// How the simulated programs behave; the same before and after a death.
#[derive(Debug, Clone, Default)]
pub struct Script {
    /// What `Observe` steps see, by name; an unnamed one sees an empty success.
    pub observations: BTreeMap<String, Observation>,
    /// Titles of commands (their argv joined by blanks) that fail; in a cut-over also `start UNIT`, `ask UNIT`,
    /// `fall UNIT` (after it was let go) and `alone`.
    pub failing: BTreeSet<String>,
    /// Writing requests that reach the app as soon as a hold ends.
    pub writes: u64,
    /// Where that lies which a command makes: by the command's title or by the name of a handle it creates.
    pub made: BTreeMap<String, String>,
}

impl Script {
    pub(crate) fn seen(&self, name: &str) -> Observation {
        self.observations.get(name).cloned().unwrap_or_default()
    }

    pub(crate) fn fails(&self, exec: &Exec) -> Result<(), Fault> {
        let title = exec.argv.join(" ");
        if self.failing.contains(&title) {
            return Err(Fault::new(FaultKind::Failed, format!("`{title}` failed")));
        }
        Ok(())
    }
}

/// The world, shared by the simulated processes.
pub type Shared = Rc<RefCell<World>>;

/// The simulated disk under a journal.
pub(crate) struct Disk {
    world: Shared,
    fuse: Fuse,
    victim: Victim,
    name: String,
}

impl Sink for Disk {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let refused = || io::Error::other("the disk takes nothing more, or the process is dead");
        let fate = self.fuse.burn(self.victim).ok_or_else(refused)?;
        let kept = match fate.effect {
            Effect::None => 0,
            // Who lives on takes back the half that was written.
            _ if !fate.replies && !self.fuse.is_dead(self.victim) => 0,
            Effect::Half => bytes.len() / 2,
            Effect::Whole => bytes.len(),
        };
        let mut world = self.world.borrow_mut();
        let disk = world.journals.entry(self.name.clone()).or_default();
        disk.extend_from_slice(bytes.get(..kept).unwrap_or_default());
        if fate.replies { Ok(()) } else { Err(refused()) }
    }
}

/// Opens a journal on a simulated disk, cutting off a torn tail as [`Journal::open`] does.
pub fn open_journal<R: Serialize + DeserializeOwned + Clone>(
    world: &Shared,
    fuse: &Fuse,
    victim: Victim,
    name: &str,
) -> Result<Journal<R>, JournalError> {
    let bytes = world
        .borrow()
        .journals
        .get(name)
        .cloned()
        .unwrap_or_default();
    let (records, whole) = journal::read(name, &bytes)?;
    if let Some(disk) = world.borrow_mut().journals.get_mut(name) {
        disk.truncate(whole);
    }
    let disk = Disk {
        world: world.clone(),
        fuse: fuse.clone(),
        victim,
        name: name.to_owned(),
    };
    Ok(Journal::over(name, Box::new(disk), records))
}

/// Ensures a path's content, as much of it as happens. A torn leftover of an earlier try is replaced.
pub(crate) fn put(files: &mut Files, path: &str, content: &Content, effect: Effect) {
    // The real executor writes beside and renames: what tears is the file beside, never the one with the name.
    let beside = format!("{path}.homeport-new");
    let below = format!("{path}/");
    match (content, effect) {
        (_, Effect::None) | (Content::Directory, Effect::Half) => {}
        (Content::Absent, Effect::Half) => files.retain(|other, _| !other.starts_with(&below)),
        (_, Effect::Half) => {
            files.insert(beside, Entry::Torn);
        }
        (Content::Absent, _) => {
            files.remove(&beside);
            files.remove(path);
            files.retain(|other, _| !other.starts_with(&below));
        }
        (Content::Random { .. } | Content::Directory, _) if files.contains_key(path) => {}
        (content, _) => {
            files.remove(&beside);
            files.insert(path.to_owned(), Entry::Whole(content.clone()));
        }
    }
}

/// What a command leaves behind: the handles it creates, and what the script says it makes.
pub(crate) fn ran(files: &mut Files, exec: &Exec, script: &Script, effect: Effect) {
    let handle = |name: &String| {
        let unnamed = || format!("handle: {name}");
        script.made.get(name).cloned().unwrap_or_else(unnamed)
    };
    let made = script.made.get(&exec.argv.join(" ")).cloned();
    for path in exec.creates.iter().map(handle).chain(made) {
        match effect {
            Effect::None => None,
            Effect::Half => files.insert(path, Entry::Torn),
            Effect::Whole => files.insert(path, Entry::Whole(Content::Directory)),
        };
    }
    if effect == Effect::Whole {
        for path in exec.destroys.iter().map(handle) {
            files.remove(&path);
        }
    }
}

/// What an op's undo must restore at a path.
pub(crate) fn before(files: &Files, path: &str) -> Content {
    match files.get(path) {
        Some(Entry::Whole(content) | Entry::Cached(content)) => content.clone(),
        Some(Entry::Torn) | None => Content::Absent,
    }
}
