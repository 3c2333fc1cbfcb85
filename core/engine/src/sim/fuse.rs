//! Decides what goes wrong when: a counter shared by the simulated processes, burnt at every record and every effect.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whose point it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Victim {
    /// `homeport` on the host.
    Host,
    /// `homeport-agent` in the guest.
    Agent,
    /// The unit that runs a cut-over, in the guest. Killed, it is started again.
    CutOver,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mode {
    /// The process is killed just before the effect.
    Before,
    /// It is killed in the middle of it.
    Torn,
    /// It is killed after it, before anybody is told.
    After,
    /// Half of the effect happens, then an error; the process lives on. A record is not written.
    Failed,
    /// The effect happens, but whoever waits for the reply hears of a failure and lives on. An agent's line is cut.
    Unheard,
    /// The user asks to stop: Ctrl-C, SIGTERM.
    Stopped,
}

impl Mode {
    /// The deaths: kill -9, a power cut.
    pub const DEATHS: [Mode; 3] = [Mode::Before, Mode::Torn, Mode::After];

    /// All modes.
    pub const ALL: [Mode; 6] = [
        Mode::Before,
        Mode::Torn,
        Mode::After,
        Mode::Failed,
        Mode::Unheard,
        Mode::Stopped,
    ];
}

/// How much of an effect happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// None of it.
    None,
    /// Some of it: a file half written, a guest half made.
    Half,
    /// All of it.
    Whole,
}

/// What happens at one point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fate {
    /// How much of the effect happens.
    pub effect: Effect,
    /// Whether whoever waits for it is told that it went well.
    pub replies: bool,
}

impl Fate {
    /// Nothing special.
    pub const WELL: Fate = Fate {
        effect: Effect::Whole,
        replies: true,
    };
}

/// Counts the points down; at zero, something goes wrong, once. Cloned handles share the count.
#[derive(Debug, Clone, Default)]
pub struct Fuse {
    inner: Rc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    left: Cell<Option<u64>>,
    mode: Cell<Option<Mode>>,
    burnt: Cell<u64>,
    victim: Cell<Option<Victim>>,
    /// Where the next death is, counted from the first; none: there is only one.
    second: Cell<Option<u64>>,
    /// A death is the whole machine's: power is cut.
    power: Cell<bool>,
    host_dead: Cell<bool>,
    agent_dead: Cell<bool>,
    cut_over_dead: Cell<bool>,
    cut: Cell<bool>,
    stop: Arc<AtomicBool>,
}

impl Fuse {
    /// Nothing goes wrong.
    pub fn safe() -> Fuse {
        Fuse::default()
    }

    /// This goes wrong at point `at` (from 0).
    pub fn at(at: u64, mode: Mode) -> Fuse {
        let fuse = Fuse::default();
        fuse.inner.left.set(Some(at));
        fuse.inner.mode.set(Some(mode));
        fuse
    }

    /// As [`Fuse::at`]; whatever dies, dies of a power cut, and everything else with it.
    pub fn power_cut(at: u64, mode: Mode) -> Fuse {
        let fuse = Fuse::at(at, mode);
        fuse.inner.power.set(true);
        fuse
    }

    /// As [`Fuse::at`], and so many points later – counted by whoever lives or was started again – the same once more.
    pub fn twice(at: u64, mode: Mode, later: u64) -> Fuse {
        let fuse = Fuse::at(at, mode);
        fuse.inner.second.set(Some(later));
        fuse
    }

    /// Whether all that was to go wrong went wrong.
    pub fn is_spent(&self) -> bool {
        self.inner.left.get().is_none()
    }

    /// Whose point it went wrong at, if it did.
    pub fn victim(&self) -> Option<Victim> {
        self.inner.victim.get()
    }

    /// What was to go wrong, if anything.
    pub fn mode(&self) -> Option<Mode> {
        self.inner.mode.get()
    }

    /// How many points were passed.
    pub fn burnt(&self) -> u64 {
        self.inner.burnt.get()
    }

    /// The user's wish to stop, for [`crate::run::stage`].
    pub fn stop(&self) -> &AtomicBool {
        &self.inner.stop
    }

    /// Whether the process on the host was killed. Nothing it does has an effect any more.
    pub fn host_dead(&self) -> bool {
        self.inner.host_dead.get()
    }

    /// Passes a point. `None`: this process is already dead and nothing it does has an effect.
    pub(crate) fn burn(&self, who: Victim) -> Option<Fate> {
        let inner = &self.inner;
        if self.dead(who).get() {
            return None;
        }
        inner.burnt.set(inner.burnt.get() + 1);
        let left = inner.left.get();
        inner.left.set(match left {
            Some(0) => inner.second.take(),
            left => left.map(|left| left - 1),
        });
        match inner.mode.get() {
            Some(mode) if left == Some(0) => {
                inner.victim.set(Some(who));
                Some(self.befall(who, mode))
            }
            _ => Some(Fate::WELL),
        }
    }

    fn befall(&self, who: Victim, mode: Mode) -> Fate {
        let fate = |effect| Fate {
            effect,
            replies: false,
        };
        if Mode::DEATHS.contains(&mode) {
            self.dead(who).set(true);
            if self.inner.power.get() {
                for victim in [Victim::Host, Victim::Agent, Victim::CutOver] {
                    self.dead(victim).set(true);
                }
            }
        }
        match mode {
            Mode::Before => fate(Effect::None),
            Mode::Torn | Mode::Failed => fate(Effect::Half),
            Mode::After => fate(Effect::Whole),
            Mode::Unheard if who != Victim::Agent => fate(Effect::Whole),
            Mode::Unheard => {
                self.inner.cut.set(true);
                Fate::WELL
            }
            Mode::Stopped => {
                self.inner.stop.store(true, Ordering::SeqCst);
                Fate::WELL
            }
        }
    }

    /// A new conversation over a line that is whole, with an agent that lives.
    pub(crate) fn connect(&self) {
        self.inner.agent_dead.set(false);
        self.inner.cut.set(false);
    }

    /// The killed unit of a cut-over is started again – unless there is no power.
    pub(crate) fn restart(&self) -> bool {
        let off = self.inner.power.get() && self.is_dead(Victim::CutOver);
        if !off {
            self.inner.cut_over_dead.set(false);
        }
        !off
    }

    /// Whether the line to the agent is cut: it works on, but is not heard.
    pub(crate) fn cut(&self) -> bool {
        self.inner.cut.get()
    }

    pub(crate) fn is_dead(&self, who: Victim) -> bool {
        self.dead(who).get()
    }

    fn dead(&self, who: Victim) -> &Cell<bool> {
        match who {
            Victim::Host => &self.inner.host_dead,
            Victim::Agent => &self.inner.agent_dead,
            Victim::CutOver => &self.inner.cut_over_dead,
        }
    }
}
