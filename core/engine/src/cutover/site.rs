//! What a cut-over does to a machine, and asks of it. One for a guest, in the agent; one for [`crate::sim`]. Each is
//! *ensure*: twice is once.

use super::{Colour, Gate, Marks};
use crate::fault::Fault;
use crate::journal::{Child, JournalError};
use crate::op::{Op, PutFile};
use crate::probe::Probe;

/// What a gate is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// Let nobody pass from now on.
    Hold,
    /// Let those who wait pass, as many at once as the gate thinks right.
    Release,
    /// Only say how things are.
    Status,
}

/// How things are at a gate, after the word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AtGate {
    /// Whether a hold is in force.
    pub holding: bool,
    /// Requests the app may have seen and not answered yet.
    pub in_flight: u32,
    /// Age of the oldest of them, milliseconds.
    pub oldest_ms: u64,
    /// Whether requests that waited are still being let go.
    pub releasing: bool,
    /// Requests and streams let through since the gate's program started that may have written something.
    pub writes: u64,
    /// Which run of the gate's program counts them.
    pub run: u64,
}

/// Whether a unit lives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Life {
    /// It is active.
    pub active: bool,
    /// Changes whenever its main process is another one.
    pub incarnation: u64,
}

/// Writes a command's process down before it does anything.
pub type NoteChild<'a> = &'a mut dyn FnMut(Child) -> Result<(), JournalError>;

/// The machine.
pub trait Site {
    /// Milliseconds of a clock that never jumps.
    fn now_ms(&mut self) -> u64;

    /// Milliseconds since 1970.
    fn unix_ms(&mut self) -> u64;

    /// Waits.
    fn pause(&mut self, ms: u64);

    /// Whether units wait for this very program, which therefore waits for none and asks none: the machine boots.
    fn booting(&self) -> bool;

    /// Says the word to a gate; one that has been killed is waited for, for a moment.
    fn gate(&mut self, gate: &Gate, word: Word) -> Result<AtGate, Fault>;

    /// Whether there is anything at the path.
    fn there(&mut self, path: &str) -> Result<bool, Fault>;

    /// The slot in service; none if the marks do not say.
    fn in_service(&mut self, marks: &Marks) -> Option<Colour>;

    /// Puts a slot in service, durably, in one step.
    fn switch(&mut self, marks: &Marks, to: Colour) -> Result<(), Fault>;

    /// Makes the path what it must be, durably.
    fn put(&mut self, file: &PutFile) -> Result<(), Fault>;

    /// Has the units run, in this order.
    fn start(&mut self, units: &[String], limit_ms: u64) -> Result<(), Fault>;

    /// Has the units end, in this order, each by its own signal; nothing of them is left when it returns.
    fn stop(&mut self, units: &[String], limit_ms: u64) -> Result<(), Fault>;

    /// Has the units end at once: what they were doing is thrown away. Nothing of them is left when it returns.
    fn kill(&mut self, units: &[String]) -> Result<(), Fault>;

    /// Whether the units live.
    fn lives(&mut self, units: &[String]) -> Result<Vec<Life>, Fault>;

    /// Sees that nobody has anything below these paths open.
    fn alone(&mut self, paths: &[String]) -> Result<(), Fault>;

    /// Runs a command or puts a file of the generation.
    fn make(&mut self, op: &Op, limit_ms: u64, child: NoteChild<'_>) -> Result<(), Fault>;

    /// Ends a command of an earlier run, should it be alive.
    fn end_leftover(&mut self, child: &Child) -> Result<(), Fault>;

    /// Brings these paths, and all below them, to disk.
    fn durable(&mut self, paths: &[String]) -> Result<(), Fault>;

    /// Asks, for at most so long.
    fn ask(&mut self, probe: &Probe, limit_ms: u64) -> Result<(), Fault>;
}
