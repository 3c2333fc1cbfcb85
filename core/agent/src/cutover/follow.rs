//! Begins a cut-over for `serve`, has systemd run it, and follows it to its end. Whoever follows is not needed: the
//! cut-over ends without it, and a second one that follows sees the same end.

use std::thread;
use std::time::{Duration, Instant};

use homeport_engine::cutover::{Book, CutOver, Outcome, Stage};
use homeport_engine::local::unit::{self, systemctl};
use homeport_engine::run::{Fault, FaultKind, unix_now};

use super::stage;
use crate::state::StateDir;

/// Time between two looks at the journal.
const LOOK: Duration = Duration::from_millis(20);

/// How often systemd is asked whether the unit still lives.
const CHECK: Duration = Duration::from_secs(3);

/// Time systemd has to take note that a unit is to start.
const ASK: Duration = Duration::from_secs(20);

/// What a cut-over may take beside draining, hold and watch: starting, going back, throwing away.
const MARGIN: Duration = Duration::from_secs(600);

/// Begins the cut-over if need be and follows it; `say` is told what it is at.
///
/// # Errors
/// When it cannot be begun, or does not come to an end.
pub(crate) fn follow(
    state: &StateDir,
    cut_over: &CutOver,
    say: &mut dyn FnMut(&str),
) -> Result<Outcome, Fault> {
    let operation = &cut_over.operation;
    Book::new(state.cut_over(operation)?).begin(cut_over, env!("CARGO_PKG_VERSION"), unix_now())?;
    let unit = format!("homeport-cutover@{operation}.service");
    let given = [
        cut_over.drain.give_up_ms,
        cut_over.deadline_ms,
        cut_over.watch_ms,
    ];
    let given: u64 = given.into_iter().map(u64::from).sum();
    let deadline = Instant::now() + Duration::from_millis(given) + MARGIN;
    let (mut check, mut said) = (Instant::now(), "");
    loop {
        let at = match stage(state, operation)? {
            Some(Stage::Closed(outcome)) => return Ok(outcome),
            at => words(at.as_ref(), cut_over),
        };
        if at != said {
            said = at;
            say(said);
        }
        if Instant::now() >= deadline {
            return Err(
                Fault::new(FaultKind::Locked, "the cut-over does not come to an end")
                    .with_remedy(format!("systemctl status {unit}"))
                    .with_remedy("homeport-agent status"),
            );
        }
        if Instant::now() >= check {
            started(&unit)?;
            check = Instant::now() + CHECK;
        }
        thread::sleep(LOOK);
    }
}

/// Has systemd start the unit, unless it runs or is about to.
fn started(unit: &str) -> Result<(), Fault> {
    let seen = unit::one(unit)?;
    if matches!(seen.active.as_str(), "active" | "activating") {
        return Ok(());
    }
    let end = systemctl(["start", "--no-block", "--", unit], ASK)?;
    if end.ok() {
        return Ok(());
    }
    Err(
        Fault::new(FaultKind::Failed, format!("`{unit}` cannot be started"))
            .with_lines(end.last_lines(30))
            .with_remedy(format!("systemctl status {unit}")),
    )
}

fn words(stage: Option<&Stage>, cut_over: &CutOver) -> &'static str {
    match stage {
        None | Some(Stage::Begun) => "about to begin",
        Some(Stage::Started) => "waiting for requests under way",
        Some(Stage::Held) => "requests wait; moving to the new release",
        Some(Stage::Committed) if cut_over.watch_ms > 0 => "switched; watching the new release",
        Some(Stage::Committed) => "switched",
        Some(Stage::Back(_)) => "going back to the old release",
        Some(Stage::BackInService(_)) => "back; throwing away what was made for the new release",
        Some(Stage::Closed(_)) => "ended",
    }
}
