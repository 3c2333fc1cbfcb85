//! The way to a hold with nothing under way: waits for long requests, holds, and lets go again if one is left.

use super::site::{AtGate, Site, Word};
use super::{Clock, CutOver};
use crate::fault::Fault;

/// Time between two looks at the gates while nobody is held, milliseconds.
const LOOK_MS: u64 = 50;

/// Time between two looks while requests are held, milliseconds.
const CLOSE_LOOK_MS: u64 = 2;

/// Time between a hold that was given up and the next, milliseconds: those who waited are through by then.
const AGAIN_MS: u64 = 2_000;

/// A hold, with nothing under way.
pub(super) struct Held {
    /// When it began, on the clock that never jumps.
    pub(super) since_ms: u64,
    /// The same, Unix time.
    pub(super) at_ms: u64,
    /// Milliseconds from the beginning of the draining until the hold.
    pub(super) drained_ms: u64,
    /// How things are at the gates, in their order.
    pub(super) gates: Vec<AtGate>,
}

/// Drains and holds. When it fails nobody is held.
pub(super) fn hold(cut_over: &CutOver, site: &mut dyn Site) -> Result<Held, Fault> {
    let begun = site.now_ms();
    let give_up = begun + u64::from(cut_over.drain.give_up_ms);
    loop {
        if let Some(held) = at_the_right_time(cut_over, site, begun)? {
            return Ok(held);
        }
        if site.now_ms() >= give_up {
            return Err(busy(cut_over));
        }
        site.pause(LOOK_MS);
    }
}

/// Holds if the moment is right and nothing stays under way; nobody is held otherwise.
fn at_the_right_time(
    cut_over: &CutOver,
    site: &mut dyn Site,
    begun: u64,
) -> Result<Option<Held>, Fault> {
    let seen = all(cut_over, site, Word::Status)?;
    let old = |gate: &AtGate| gate.in_flight > 0 && gate.oldest_ms > cut_over.drain.age_ms.into();
    let now = site.unix_ms();
    let closed = cut_over.clock.is_some_and(|clock| !clock.allows(now));
    if closed || seen.iter().any(old) {
        return Ok(None);
    }
    let (since_ms, at_ms) = (site.now_ms(), now);
    let held = all(cut_over, site, Word::Hold).and_then(|_| quiet(cut_over, site, since_ms));
    match held {
        Ok(Some(gates)) => Ok(Some(Held {
            since_ms,
            at_ms,
            drained_ms: since_ms.saturating_sub(begun),
            gates,
        })),
        given_up => {
            release(cut_over, site)?;
            given_up?;
            site.pause(AGAIN_MS);
            Ok(None)
        }
    }
}

/// Waits, for a moment, until nothing is under way.
fn quiet(
    cut_over: &CutOver,
    site: &mut dyn Site,
    since_ms: u64,
) -> Result<Option<Vec<AtGate>>, Fault> {
    loop {
        let seen = all(cut_over, site, Word::Status)?;
        if seen.iter().all(|gate| gate.holding && gate.in_flight == 0) {
            return Ok(Some(seen));
        }
        if site.now_ms() >= since_ms + u64::from(cut_over.drain.hold_ms) {
            return Ok(None);
        }
        site.pause(CLOSE_LOOK_MS);
    }
}

/// Says the word to every gate.
pub(super) fn all(
    cut_over: &CutOver,
    site: &mut dyn Site,
    word: Word,
) -> Result<Vec<AtGate>, Fault> {
    let gates = cut_over.gates.iter();
    gates.map(|gate| site.gate(gate, word)).collect()
}

/// Lets requests go at every gate, even if one of them cannot be told.
pub(super) fn release(cut_over: &CutOver, site: &mut dyn Site) -> Result<(), Fault> {
    let told = cut_over.gates.iter();
    let told: Vec<_> = told.map(|gate| site.gate(gate, Word::Release)).collect();
    told.into_iter().try_for_each(|told| {
        told.map(|_| ())
            .map_err(|fault| fault.with_remedy("homeport-agent release-hold"))
    })
}

fn busy(cut_over: &CutOver) -> Fault {
    let minutes = cut_over.drain.give_up_ms / 60_000;
    let seconds = cut_over.drain.age_ms / 1_000;
    let why = format!(
        "for {minutes} minutes there was no moment without a request older than {seconds} s under way"
    );
    Fault::new(crate::fault::FaultKind::NotBegun, why)
        .with_remedy("Try again when fewer large uploads or downloads are under way")
}

impl Clock {
    /// Whether a hold may begin at this Unix time, milliseconds.
    pub fn allows(self, unix_ms: u64) -> bool {
        let every = u64::from(self.every_s) * 1000;
        let past = unix_ms.checked_rem(every).unwrap_or(0);
        past >= self.after_ms.into() && every - past >= self.before_ms.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_hold_begins_around_a_full_minute() {
        let clock = Clock {
            every_s: 60,
            before_ms: 3_000,
            after_ms: 1_000,
        };
        let minute = 1_700_000_000_000 / 60_000 * 60_000;
        for (past, allowed) in [
            (0, false),
            (999, false),
            (1_000, true),
            (57_000, true),
            (57_001, false),
            (59_999, false),
        ] {
            assert_eq!(clock.allows(minute + past), allowed, "{past} ms past it");
        }
    }
}
