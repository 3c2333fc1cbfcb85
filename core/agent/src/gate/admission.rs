//! Who may pass and when: open, holding, or letting go in a measured stream – and whether the app is there at all.
//! Pure: it is told the time and does no I/O. It never ends a hold by itself; only `release` does.

use std::time::{Duration, Instant};

/// How often a release that has not emptied the queue is looked at.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(500);

/// So many looks in a row at which a release is too slow make it wider: a burst that the proxy is still passing on makes the
/// queue longer for a moment, and that is no reason.
const SLOW_LOOKS: u32 = 4;

/// The state of one gate.
pub(crate) struct Admission {
    stage: Stage,
    /// Since when the app has refused connections, while it does.
    down_since: Option<Instant>,
    /// Width of a release that names none, and of the release after an outage.
    width: u32,
    connect_wait: Duration,
    /// Counts releases, so that a straggler of an earlier one is not counted in a later one.
    round: u32,
    /// Requests of this round that are with the app.
    passed: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    Holding,
    Releasing(Release),
}

/// Letting go: at most `width` at once until nobody waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Release {
    width: u32,
    /// How many waited when last looked.
    queue: Option<u32>,
    looked: Instant,
    /// At how many looks in a row it was too slow.
    slow: u32,
}

/// The right of one request to be with the app; given back when it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pass(u32);

impl Admission {
    /// A gate that starts. It may have been killed in the middle of a release, so it lets go in a measured stream
    /// until it has found the queue empty.
    pub(crate) fn new(holding: bool, width: u32, connect_wait: Duration, now: Instant) -> Self {
        let stage = if holding {
            Stage::Holding
        } else {
            Stage::Releasing(Release::new(width, now))
        };
        Self {
            stage,
            down_since: None,
            width,
            connect_wait,
            round: 0,
            passed: 0,
        }
    }

    /// From now on nobody passes; what has passed goes on.
    pub(crate) fn hold(&mut self) {
        self.stage = Stage::Holding;
        self.down_since = None;
    }

    /// Ends a hold; without one nothing changes.
    pub(crate) fn release(&mut self, width: Option<u32>, now: Instant) {
        if self.stage == Stage::Holding {
            self.down_since = None;
            self.stage = Stage::Releasing(Release::new(width.unwrap_or(self.width), now));
            self.round = self.round.wrapping_add(1);
            self.passed = 0;
        }
    }

    /// Whether a request that waits in the kernel's queue may be taken. `parked` have been taken and could not be
    /// connected; while the app refuses, one of them is enough to find out when it is back.
    pub(crate) fn may_accept(&self, parked: usize, now: Instant) -> bool {
        match self.down_since {
            Some(_) if !self.given_up(now) && parked > 0 => false,
            _ => self.may_pass(),
        }
    }

    /// Streams wait until the requests have been let go: they last, so that no width can be counted with them.
    pub(crate) fn may_accept_stream(&self, parked: usize, now: Instant) -> bool {
        self.stage == Stage::Open && self.may_accept(parked, now)
    }

    /// Whether one more may be connected to the app.
    pub(crate) fn may_pass(&self) -> bool {
        match self.stage {
            Stage::Open => true,
            Stage::Holding => false,
            Stage::Releasing(release) => self.passed < release.width,
        }
    }

    /// One goes to the app.
    pub(crate) fn pass(&mut self) -> Pass {
        self.passed += 1;
        Pass(self.round)
    }

    /// One is done, or could not be connected.
    pub(crate) fn give_back(&mut self, pass: Option<Pass>) {
        if pass == Some(Pass(self.round)) {
            self.passed = self.passed.saturating_sub(1);
        }
    }

    /// The app refused a connection: nothing was sent, so waiting and trying again is safe. During a hold the app is
    /// expected to be away.
    pub(crate) fn refused(&mut self, now: Instant) {
        if !self.is_holding() {
            self.down_since.get_or_insert(now);
        }
    }

    /// The app took a connection. After an outage those who waited come in a measured stream, as after a hold; the
    /// one that found out is counted with them.
    pub(crate) fn connected(&mut self, now: Instant) {
        if self.down_since.take().is_some() && self.stage == Stage::Open {
            self.stage = Stage::Releasing(Release::new(self.width, now));
        }
    }

    /// Whether the app has refused for so long that nobody shall wait for it any more.
    pub(crate) fn given_up(&self, now: Instant) -> bool {
        self.down_since
            .is_some_and(|since| now.duration_since(since) >= self.connect_wait)
    }

    /// Nobody waits any more.
    pub(crate) fn queue_is_empty(&mut self) {
        if matches!(self.stage, Stage::Releasing(_)) && self.down_since.is_none() {
            self.stage = Stage::Open;
        }
    }

    /// Whether it is time to call [`Self::look`].
    pub(crate) fn look_is_due(&self, now: Instant) -> bool {
        matches!(self.stage, Stage::Releasing(release) if now.duration_since(release.looked) >= LOOK_EVERY)
    }

    /// Doubles the width of a release that has been too slow at [`SLOW_LOOKS`] looks in a row, and at each one after them: at
    /// its pace the queue would not be empty within twenty seconds. A stream narrower than what arrives, or one long request in a width of one, would let
    /// the kernel's queue overflow, and then requests fail for certain. Before that it is better to wait: what is let go
    /// side by side may fail as well. A queue whose length the kernel does not tell counts as one that does not get
    /// shorter.
    pub(crate) fn look(&mut self, queue: Option<u32>, now: Instant) {
        let Stage::Releasing(release) = &mut self.stage else {
            return;
        };
        let slow = match (release.queue, queue) {
            (Some(before), Some(after)) => u64::from(after) * 40 > u64::from(before) * 39,
            (before, after) => before.is_some() || after.is_none(),
        };
        let slow = if slow { release.slow + 1 } else { 0 };
        if slow >= SLOW_LOOKS && self.down_since.is_none() {
            release.width = release.width.saturating_mul(2);
        }
        *release = Release {
            queue,
            looked: now,
            slow,
            ..*release
        };
    }

    pub(crate) fn is_holding(&self) -> bool {
        self.stage == Stage::Holding
    }

    /// The width in force, while requests are being let go.
    pub(crate) fn releasing(&self) -> Option<u32> {
        match self.stage {
            Stage::Releasing(release) => Some(release.width),
            _ => None,
        }
    }
}

impl Release {
    fn new(width: u32, now: Instant) -> Self {
        Self {
            width,
            queue: None,
            looked: now,
            slow: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_secs(5);

    fn open(now: Instant) -> Admission {
        let mut gate = Admission::new(false, 2, WAIT, now);
        gate.queue_is_empty();
        gate
    }

    #[test]
    fn a_hold_ends_by_release_alone() {
        let now = Instant::now();
        let mut gate = open(now);
        gate.hold();
        let later = now + Duration::from_secs(86_400);
        gate.queue_is_empty();
        gate.look(Some(4000), later);
        assert!(
            gate.is_holding() && !gate.may_accept(0, later) && !gate.may_accept_stream(0, later)
        );
        gate.release(None, later);
        assert!(gate.may_accept(0, later));
    }

    #[test]
    fn a_release_lets_as_many_pass_as_it_is_wide_until_the_queue_is_empty() {
        let now = Instant::now();
        let mut gate = open(now);
        gate.hold();
        gate.release(Some(1), now);
        let first = gate.pass();
        assert!(!gate.may_accept(0, now));
        gate.give_back(Some(first));
        assert!(gate.may_accept(0, now) && !gate.may_accept_stream(0, now));
        let _second = gate.pass();
        gate.queue_is_empty();
        assert!(gate.may_accept(0, now) && gate.may_accept_stream(0, now));
    }

    #[test]
    fn stragglers_of_an_earlier_round_do_not_widen_a_later_one() {
        let now = Instant::now();
        let mut gate = open(now);
        let old = gate.pass();
        gate.hold();
        gate.release(Some(1), now);
        let _new = gate.pass();
        gate.give_back(Some(old));
        assert!(!gate.may_accept(0, now));
    }

    #[test]
    fn a_release_that_is_too_slow_becomes_wider() {
        let now = Instant::now();
        let mut gate = open(now);
        gate.hold();
        gate.release(Some(1), now);
        for (queue, width) in [
            (Some(1000), 1),
            (Some(975), 1),
            (Some(960), 1),
            (Some(930), 1),
            (Some(920), 1),
            (Some(920), 1),
            (Some(990), 1),
            (Some(999), 2),
            (Some(999), 4),
            (Some(400), 4),
            (None, 4),
            (None, 4),
            (None, 4),
            (None, 8),
        ] {
            gate.look(queue, now);
            assert_eq!(gate.releasing(), Some(width), "{queue:?}");
        }
    }

    #[test]
    fn release_without_a_hold_changes_nothing() {
        let now = Instant::now();
        let mut gate = open(now);
        gate.release(Some(1), now);
        assert_eq!(gate.releasing(), None);
    }

    #[test]
    fn an_app_that_refuses_is_waited_for_and_then_not() {
        let now = Instant::now();
        let mut gate = open(now);
        gate.refused(now);
        assert!(
            gate.may_accept(0, now),
            "one finds out when the app is back"
        );
        assert!(!gate.may_accept(1, now), "the others wait in the kernel");
        assert!(!gate.given_up(now + WAIT / 2));
        let late = now + WAIT;
        assert!(
            gate.given_up(late) && gate.may_accept(1, late),
            "taken, to be closed at once"
        );
        gate.connected(late);
        assert_eq!(
            gate.releasing(),
            Some(2),
            "those who waited come in a measured stream"
        );
    }

    #[test]
    fn a_hold_forgets_the_outage_so_that_nobody_is_given_up_during_it() {
        let now = Instant::now();
        let mut gate = open(now);
        gate.refused(now);
        gate.hold();
        gate.refused(now);
        assert!(!gate.given_up(now + 2 * WAIT));
        gate.release(None, now + 2 * WAIT);
        assert!(!gate.given_up(now + 2 * WAIT));
    }

    #[test]
    fn a_gate_that_starts_is_careful_until_the_queue_is_empty() {
        let now = Instant::now();
        assert_eq!(Admission::new(false, 3, WAIT, now).releasing(), Some(3));
        assert!(Admission::new(true, 3, WAIT, now).is_holding());
    }
}
