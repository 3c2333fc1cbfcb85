//! A simulated machine with guests, to run real plans on and to kill at every record and every effect.
//!
//! Processes die, effects tear (a file half written, a guest half made), replies get lost; what is on the simulated
//! disks survives. The executors here obey the same contract as the real ones: twice is once.

mod fuse;
mod guest;
mod host;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::rc::Rc;

pub use fuse::{Fate, Fuse, Mode, Victim};
pub use guest::Agent;
pub use host::Sim;

use crate::journal::{self, Journal, JournalError, Sink};
use crate::op::{Content, GuestIdentity, ServiceState};
use crate::require::Observation;

/// A file tree: path to content.
pub type Files = BTreeMap<String, Entry>;

/// What lies at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Whole.
    Whole(Content),
    /// The first half of what should be there. Never left by a step that is done.
    Torn,
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
    /// Its files.
    pub files: Files,
    /// States of its units.
    pub services: BTreeMap<String, ServiceState>,
}

/// Everything that survives the death of a process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct World {
    /// Guests by id.
    pub guests: BTreeMap<String, Guest>,
    /// Files of the host.
    pub files: Files,
    /// Journals by name; a guest's are named after its id.
    pub journals: BTreeMap<String, Vec<u8>>,
}

/// How the simulated programs behave; the same before and after a death.
#[derive(Debug, Clone, Default)]
pub struct Script {
    /// What `Observe` steps see, by name; an unnamed one sees an empty success.
    pub observations: BTreeMap<String, Observation>,
    /// Titles of commands (their argv joined by blanks) that fail.
    pub failing: BTreeSet<String>,
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
        let dead = || io::Error::other("the process is dead");
        let fate = self.fuse.burn(self.victim).ok_or_else(dead)?;
        let whole = bytes.len();
        let kept = match fate {
            Fate::Lives | Fate::DiesAfter => whole,
            Fate::DiesBefore => 0,
            Fate::Tears => whole / 2,
        };
        let mut world = self.world.borrow_mut();
        let disk = world.journals.entry(self.name.clone()).or_default();
        disk.extend_from_slice(bytes.get(..kept).unwrap_or_default());
        if fate == Fate::Lives {
            Ok(())
        } else {
            Err(dead())
        }
    }
}

/// Opens a journal on a simulated disk, cutting off a torn tail as [`Journal::open`] does.
pub fn open_journal(
    world: &Shared,
    fuse: &Fuse,
    victim: Victim,
    name: &str,
) -> Result<Journal, JournalError> {
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

/// Ensures a path's content, tearing as fate has it. A torn leftover of an earlier try is replaced.
pub(crate) fn put(files: &mut Files, path: &str, content: &Content, fate: Fate) {
    // The real executor writes beside and renames: what tears is the file beside, never the one with the name.
    let beside = format!("{path}.homeport-new");
    match (content, fate) {
        (_, Fate::DiesBefore) => {}
        (_, Fate::Tears) => {
            files.insert(beside, Entry::Torn);
        }
        (Content::Absent, _) => {
            files.remove(&beside);
            files.remove(path);
            files.retain(|other, _| !other.starts_with(&format!("{path}/")));
        }
        (Content::Random { .. } | Content::Directory, _) if files.contains_key(path) => {}
        (content, _) => {
            files.remove(&beside);
            files.insert(path.to_owned(), Entry::Whole(content.clone()));
        }
    }
}

/// What an op's undo must restore at a path.
pub(crate) fn before(files: &Files, path: &str) -> Content {
    match files.get(path) {
        Some(Entry::Whole(content)) => content.clone(),
        Some(Entry::Torn) | None => Content::Absent,
    }
}
