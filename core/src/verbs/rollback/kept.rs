//! Whether a release of the history is the one that is kept to go back to.

use crate::error::{Error, Kind};
use crate::state::State;
use crate::verbs::history::{self, Entry, Release};

/// It is, or why not and what can be done instead. `backups` is the host's directory of them.
///
/// # Errors
/// When it is another one, or there is no such operation.
pub(super) fn is_kept(number: u64, state: &State, backups: &str) -> Result<(), Error> {
    let past = history::history(&state.instance)?;
    let entry = past.iter().find(|entry| entry.number == number);
    let release =
        entry.and_then(|entry| entry.release.as_ref().filter(|_| entry.summary.committed));
    let (Some(entry), Some(release)) = (entry, release) else {
        let why = format!(
            "operation {number} of `{}` put no release in service",
            state.instance
        );
        return Err(
            Error::new(Kind::NotFound, "There is nothing to go back to.", why)
                .with_remedy(format!("homeport history {}", state.instance)),
        );
    };
    judge(entry, release, state, backups)
}

fn judge(entry: &Entry, release: &Release, state: &State, backups: &str) -> Result<(), Error> {
    let kept = state.previous.as_ref().is_some_and(|previous| {
        // A release that changed nothing was gone back from on newer data: its own generation may be another one by now.
        let same = previous.migrated.is_none() || previous.generation == release.generation;
        previous.release == release.directory && same
    });
    if kept {
        return Ok(());
    }
    let instance = &state.instance;
    if release.directory == state.release() {
        let why = format!(
            "operation {} put {} in service, which still is",
            entry.number, release.version
        );
        return Err(Error::new(Kind::Usage, "There is nothing to do.", why)
            .with_remedy(format!("homeport history {instance}")));
    }
    let why = format!(
        "{} of operation {} is no longer there; only the release before the one in service is kept, with its data",
        release.version, entry.number
    );
    let error = Error::new(Kind::NotFound, "It is too long ago to go back there.", why);
    let error = match &state.previous {
        Some(previous) => error.with_remedy(format!(
            "To the release before, {}: homeport rollback {instance}",
            previous.version
        )),
        None => error,
    };
    Err(error.with_remedy(format!(
        "Its data as it was is in the backups: ls -l {backups}/{instance}"
    )))
}
