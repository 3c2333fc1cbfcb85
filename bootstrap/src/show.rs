//! Everything this program prints. The talk goes to stderr: one line drawn over and over on a terminal, in a pipe only
//! what went wrong. A closed stdout or stderr is no reason to stop.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use homeport_bootstrap::fetch::Progress;
use homeport_bootstrap::release::Step;

use crate::failure::Failure;

/// Not more often than the eye follows.
const REDRAW: Duration = Duration::from_millis(100);
/// Fits every terminal.
const WIDTH: usize = 78;

/// Prints what was asked for.
pub(crate) fn result(text: &str) -> Result<u8, Failure> {
    let _ = writeln!(io::stdout(), "{text}");
    Ok(0)
}

/// What failed, why, what state the machine is in, what to do.
pub(crate) fn failure(failure: &Failure) {
    let Failure {
        what,
        why,
        state,
        remedy,
        ..
    } = failure;
    let _ = writeln!(
        io::stderr(),
        "Error: {what}\n  Why:   {why}\n  State: {state}\n  To do: {remedy}"
    );
}

/// Where the release stays.
pub(crate) fn kept(path: &Path) {
    let _ = writeln!(
        io::stderr(),
        "The unpacked release stays in {}.",
        path.display()
    );
}

/// Draws the steps of getting a release.
pub(crate) struct Line {
    terminal: bool,
    begun: Instant,
    drawn: Option<Instant>,
    /// The try last announced, so that each is announced once.
    announced: Option<u32>,
}

impl Line {
    pub(crate) fn new() -> Self {
        Self {
            terminal: io::stderr().is_terminal(),
            begun: Instant::now(),
            drawn: None,
            announced: None,
        }
    }

    /// Shows the step, unless the last one was shown a moment ago.
    pub(crate) fn step(&mut self, step: Step) {
        if let Step::Fetch(name, Progress::Waiting { next, tries, why }) = step {
            return self.announce(
                next,
                &format!("{name}: {why}; try {next} of {tries} follows."),
            );
        }
        self.announced = None;
        if self.terminal && self.drawn.is_none_or(|drawn| drawn.elapsed() >= REDRAW) {
            self.drawn = Some(Instant::now());
            let text: String = self.text(step).chars().take(WIDTH).collect();
            let _ = write!(io::stderr(), "\r\x1b[K{text}");
        }
    }

    /// Leaves the line empty.
    pub(crate) fn clear(&self) {
        if self.terminal {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }

    fn announce(&mut self, next: u32, text: &str) {
        if self.announced.replace(next) != Some(next) {
            self.clear();
            let _ = writeln!(io::stderr(), "{text}");
        }
    }

    fn text(&self, step: Step) -> String {
        let seconds = self.begun.elapsed().as_secs();
        let clock = format!(
            "{}:{:02}  Ctrl-C stops and cleans up",
            seconds / 60,
            seconds % 60
        );
        match step {
            Step::Fetch(name, Progress::Received { bytes, total }) => {
                format!("1/3 fetching {name} {} {clock}", share(bytes, total))
            }
            Step::Fetch(name, Progress::Waiting { .. }) => format!("1/3 fetching {name} {clock}"),
            Step::Verify(name) => format!("2/3 verifying {name} {clock}"),
            Step::Unpack(done, total) => {
                format!("3/3 unpacking {} {clock}", share(done, Some(total)))
            }
        }
    }
}

/// Percent and megabytes, or what is known of them.
fn share(done: u64, total: Option<u64>) -> String {
    let megabytes = |bytes: u64| format!("{}.{}", bytes / 1_000_000, bytes / 100_000 % 10);
    match total {
        Some(total) if total > 0 => {
            format!(
                "{} % of {} MB",
                u128::from(done) * 100 / u128::from(total),
                megabytes(total)
            )
        }
        _ => format!("{} MB", megabytes(done)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_short_and_total() {
        assert_eq!(share(512_345, Some(1_024_690)), "50 % of 1.0 MB");
        assert_eq!(share(512_345, None), "0.5 MB");
        assert_eq!(share(0, Some(0)), "0.0 MB");
        assert_eq!(
            share(u64::MAX, Some(u64::MAX)),
            format!("100 % of {}.5 MB", u64::MAX / 1_000_000)
        );
    }
}
