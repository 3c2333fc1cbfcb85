//! Tries again what failed over the network, while the network may come back: a name server that answers late, a line
//! that is down for a minute. Never tries again what was asked to stop, and never waits in silence.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::run::{Fault, FaultKind};

/// The first pause; each is twice the one before, up to [`LONGEST`].
const FIRST: Duration = Duration::from_secs(2);

/// The longest pause.
const LONGEST: Duration = Duration::from_secs(30);

/// How often a pause looks whether it is to end.
const LOOK: Duration = Duration::from_millis(100);

/// How long to go on, and who may end it.
pub(super) struct Patience<'a> {
    /// Counted from the first failure. There is a second try in any case.
    pub(super) time: Duration,
    /// Set, it ends the waiting.
    pub(super) stop: &'a AtomicBool,
    /// What kind of failure it is in the end; `None`: the network's.
    pub(super) kind: Option<FaultKind>,
    /// Told before every pause: what went wrong, and when it is tried again.
    pub(super) say: &'a mut dyn FnMut(String),
}

impl Patience<'_> {
    /// Tries until it succeeds or the time is over; then the network is at fault, and the last try's lines are shown.
    pub(super) fn until_done<T>(
        self,
        attempt: &mut dyn FnMut() -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let (mut pause, mut failed_since) = (FIRST, None);
        loop {
            let fault = match attempt() {
                Err(fault) if fault.kind == FaultKind::Failed => fault,
                Err(fault) if Some(fault.kind) == self.kind && fault.remedy.is_empty() => fault,
                end => return end,
            };
            let first = failed_since.is_none();
            let since: Instant = *failed_since.get_or_insert_with(Instant::now);
            if !first && since.elapsed() + pause > self.time {
                let kind = self.kind.unwrap_or(FaultKind::Network);
                return Err(gave_up(fault, kind, since.elapsed()));
            }
            (self.say)(format!(
                "{}; tried again in {} s",
                reason(&fault),
                pause.as_secs()
            ));
            sleep(pause, self.stop)?;
            pause = (pause * 2).min(LONGEST);
        }
    }
}

/// What went wrong, with the first line that speaks of a failure: those that follow are its consequences.
fn reason(fault: &Fault) -> String {
    let speaks = |line: &&String| {
        let line = line.to_lowercase();
        line.contains("fail") || line.contains("error")
    };
    match fault.lines.iter().find(speaks).or(fault.lines.last()) {
        Some(line) => format!("{}: {}", fault.why, line.trim()),
        None => fault.why.clone(),
    }
}

fn gave_up(fault: Fault, kind: FaultKind, waited: Duration) -> Fault {
    let why = format!(
        "{}, also when tried again for {} s",
        reason(&fault),
        waited.as_secs()
    );
    Fault { kind, why, ..fault }
        .with_remedy("See that the container's network has its way out and resolves names, then run the same command again: it begins anew with what the host already has")
}

fn sleep(pause: Duration, stop: &AtomicBool) -> Result<(), Fault> {
    let until = Instant::now() + pause;
    while Instant::now() < until {
        if stop.load(Ordering::SeqCst) {
            return Err(Fault::new(FaultKind::Cancelled, "you asked to stop"));
        }
        thread::sleep(LOOK);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The end, how often it was tried, what was said.
    fn tried(
        seconds: u64,
        stop: bool,
        attempt: &dyn Fn(u32) -> Result<u32, Fault>,
    ) -> (Result<u32, Fault>, u32, Vec<String>) {
        let (mut said, mut count) = (Vec::new(), 0);
        let patience = Patience {
            time: Duration::from_secs(seconds),
            stop: &AtomicBool::new(stop),
            kind: None,
            say: &mut |text| said.push(text),
        };
        let end = patience.until_done(&mut || {
            count += 1;
            attempt(count)
        });
        (end, count, said)
    }

    fn down() -> Fault {
        let lines = [
            "Ign:1 http://deb.example InRelease",
            "  Temporary failure resolving 'deb.example'",
            "E: Some index files failed",
        ];
        Fault::new(FaultKind::Failed, "`apt-get` ended with status 100")
            .with_lines(lines.map(str::to_owned).into())
    }

    #[test]
    fn what_works_at_the_second_try_has_worked_and_was_told() {
        let late = |count| if count < 2 { Err(down()) } else { Ok(count) };
        let (end, _, said) = tried(60, false, &late);
        assert_eq!(end.unwrap(), 2);
        assert_eq!(
            said,
            [
                "`apt-get` ended with status 100: Temporary failure resolving 'deb.example'; tried again in 2 s"
            ]
        );
    }

    #[test]
    fn when_the_time_is_over_the_network_is_at_fault_and_there_were_two_tries_at_least() {
        let (end, count, _) = tried(0, false, &|_| Err(down()));
        let fault = end.unwrap_err();
        assert_eq!((fault.kind, count), (FaultKind::Network, 2));
        assert!(fault.why.contains("Temporary failure"), "{fault}");
        assert_eq!((fault.lines.len(), fault.remedy.len()), (3, 1));
    }

    #[test]
    fn a_wish_to_stop_ends_the_waiting_and_other_failures_are_not_tried_again() {
        let (end, count, _) = tried(60, true, &|_| Err(down()));
        assert_eq!((end.unwrap_err().kind, count), (FaultKind::Cancelled, 1));
        let missing = |_| Err(Fault::new(FaultKind::Resources, "no such program"));
        let (end, count, said) = tried(60, false, &missing);
        assert_eq!((end.unwrap_err().kind, count), (FaultKind::Resources, 1));
        assert!(said.is_empty());
    }
}
