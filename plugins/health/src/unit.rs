//! What a unit's state means: stopped, crashed, on its way up again.

use homeport_plugin_api::wire::health::{Outcome, Reading, Status};

use crate::findings::Meaning;
use crate::remedy::{in_guest, log};

/// So many restarts are no accident.
const AGAIN_AND_AGAIN: u64 = 3;
/// A unit that was restarted by itself and has run for less than this may fall over again, seconds.
const YOUNG_S: u64 = 60;

/// A unit that is not active. Its outcome says how it is, in systemd's words.
pub(crate) fn down(component: &str, unit: &str, outcome: &Outcome, reading: &Reading) -> Meaning {
    let said = &outcome.said;
    let restart = in_guest(reading, &["systemctl", "restart", unit]);
    let (message, remedy) = if said.contains("auto-restart") {
        (
            falling(component, outcome),
            vec![log(reading, component), restart],
        )
    } else if said.starts_with("failed") {
        let message = format!("{component} has crashed and stays down: {said}.");
        (message, vec![log(reading, component), restart])
    } else if said.starts_with("inactive") {
        (format!("{component} is stopped: {said}."), vec![restart])
    } else {
        let message = format!("{component} is not running: {said}.");
        (message, vec![restart, log(reading, component)])
    };
    Meaning {
        status: Status::Unhealthy,
        message,
        remedy,
    }
}

fn falling(component: &str, outcome: &Outcome) -> String {
    let said = &outcome.said;
    match restarts(outcome) {
        restarts if restarts >= AGAIN_AND_AGAIN => {
            format!("{component} crashes again and again, {restarts} restarts so far: {said}.")
        }
        _ => format!("{component} has crashed and is about to be restarted: {said}."),
    }
}

/// A unit that runs, but not for long and not for the first time.
pub(crate) fn young(component: &str, outcome: &Outcome, reading: &Reading) -> Option<Meaning> {
    let uptime = outcome.figures.get("uptime_seconds").copied()?;
    let restarts = restarts(outcome);
    (restarts > 0 && uptime < YOUNG_S).then(|| Meaning {
        status: Status::Degraded,
        message: format!(
            "{component} is restarting: it has run for {uptime} s after {restarts} restarts by systemd."
        ),
        remedy: vec![log(reading, component)],
    })
}

fn restarts(outcome: &Outcome) -> u64 {
    outcome.figures.get("restarts").copied().unwrap_or(0)
}
