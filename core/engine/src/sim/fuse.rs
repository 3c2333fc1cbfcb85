//! Decides who dies when: a counter shared by the simulated processes, burnt at every record and every effect.

use std::cell::Cell;
use std::rc::Rc;

/// Who dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Victim {
    /// `homeport` on the host.
    Host,
    /// `homeport-agent` in the guest.
    Agent,
}

/// How the death falls relative to the effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mode {
    /// Just before the effect.
    Before,
    /// In the middle of it.
    Torn,
    /// After it, before the reply.
    After,
}

impl Mode {
    /// All modes.
    pub const ALL: [Mode; 3] = [Mode::Before, Mode::Torn, Mode::After];
}

/// What happens at one point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Nothing special.
    Lives,
    /// The process dies before the effect.
    DiesBefore,
    /// The process dies in the middle of the effect.
    Tears,
    /// The process dies after the effect.
    DiesAfter,
}

/// Counts the points down; at zero, whoever stands there dies. Cloned handles share the count.
#[derive(Debug, Clone, Default)]
pub struct Fuse {
    inner: Rc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    left: Cell<Option<u64>>,
    mode: Cell<Option<Mode>>,
    burnt: Cell<u64>,
    host_dead: Cell<bool>,
    agent_dead: Cell<bool>,
}

impl Fuse {
    /// Nobody dies.
    pub fn safe() -> Fuse {
        Fuse::default()
    }

    /// Whoever stands at point `at` (from 0) dies in this mode.
    pub fn at(at: u64, mode: Mode) -> Fuse {
        let fuse = Fuse::default();
        fuse.inner.left.set(Some(at));
        fuse.inner.mode.set(Some(mode));
        fuse
    }

    /// Who has died, if anybody.
    pub fn victim(&self) -> Option<Victim> {
        match (self.inner.host_dead.get(), self.inner.agent_dead.get()) {
            (true, _) => Some(Victim::Host),
            (_, true) => Some(Victim::Agent),
            _ => None,
        }
    }

    /// How many points were passed.
    pub fn burnt(&self) -> u64 {
        self.inner.burnt.get()
    }

    /// Passes a point. `None`: this process is already dead and nothing it does has an effect.
    pub(crate) fn burn(&self, who: Victim) -> Option<Fate> {
        if self.dead(who).get() {
            return None;
        }
        self.inner.burnt.set(self.inner.burnt.get() + 1);
        match self.inner.left.get() {
            Some(0) => {
                self.inner.left.set(None);
                self.dead(who).set(true);
                Some(match self.inner.mode.get() {
                    Some(Mode::Torn) => Fate::Tears,
                    Some(Mode::After) => Fate::DiesAfter,
                    _ => Fate::DiesBefore,
                })
            }
            left => {
                self.inner.left.set(left.map(|left| left - 1));
                Some(Fate::Lives)
            }
        }
    }

    fn dead(&self, who: Victim) -> &Cell<bool> {
        match who {
            Victim::Host => &self.inner.host_dead,
            Victim::Agent => &self.inner.agent_dead,
        }
    }
}
