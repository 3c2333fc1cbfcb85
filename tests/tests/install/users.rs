//! A few users at work while something happens: they are refused nothing.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use homeport_tests::app::{App, Session};
use homeport_tests::load::{Load, Report, open_loop};

use crate::run::Ended;

/// Reads, and every fifth time writes, while something goes on.
pub struct Users<'a> {
    app: &'a App,
    tokens: homeport_tests::app::Tokens,
    project: u64,
    /// How many writes were begun: each has a title of its own.
    begun: AtomicU64,
}

impl<'a> Users<'a> {
    /// Of this person's session, in a project of its own.
    pub fn new(app: &'a App, session: &Session<'_>) -> Users<'a> {
        Users {
            app,
            tokens: session.tokens().clone(),
            project: session.create_project("Load").unwrap(),
            begun: AtomicU64::new(0),
        }
    }

    fn shoot(&self, number: u64) -> Result<(), String> {
        let session = self.app.session(self.tokens.clone());
        if !number.is_multiple_of(5) {
            return match self.app.page("/") {
                Ok((200, _)) => Ok(()),
                other => Err(format!("{other:?}")),
            };
        }
        let title = format!("load {}", self.begun.fetch_add(1, Ordering::SeqCst));
        match session.create_task(self.project, &title) {
            Ok(_) => Ok(()),
            // Two writers at once: refused by SQLite with or without an update.
            Err(error) if error.is_locked() => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Carries `change` out under load; the load's report and what the change said.
pub fn at_work(
    users: &Users<'_>,
    seconds: u64,
    change: impl FnOnce() -> Ended + Send,
) -> (Report, Ended) {
    std::thread::scope(|scope| {
        let changed = scope.spawn(change);
        let load = Load {
            per_second: 20,
            lasting: Duration::from_secs(seconds),
        };
        let report = open_loop(load, |number| users.shoot(number));
        (report, changed.join().unwrap())
    })
}

#[track_caller]
pub fn none_failed(report: &Report) {
    let failed: BTreeSet<String> = report
        .failed()
        .iter()
        .filter_map(|shot| shot.outcome.clone().err())
        .collect();
    assert_eq!(failed, BTreeSet::new());
}
