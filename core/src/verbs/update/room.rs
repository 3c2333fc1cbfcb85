//! Whether there is room for an update: for the release, and for every copy of the database there is at one time.

use super::report::Checked;
use crate::error::{Error, Kind};
use crate::plugin::Registry;
use crate::verbs::living::Told;

/// Room a release takes beside the others, MiB: what Vikunja's does, and half as much again.
const RELEASE_MB: u64 = 150;

/// Room a build takes while it goes on, with what its tools keep, MiB. Vikunja's frontend alone brings 612 MB of modules;
/// Go's modules and cache, the tools and the source are estimated at three times as much again.
const BUILD_MB: u64 = 3_000;

/// Copies of the database at one time: the dump, the database it is loaded into, the rehearsal's copy of that; later the
/// next generation takes their place. And as much for what migrations write.
const COPIES: u64 = 4;

/// What must stay free all the same, MiB: a full disk stops the release in service, too.
const RESERVE_MB: u64 = 200;

/// Looks how much room there is, and how much is needed.
pub(super) fn fill(
    checked: &mut Checked,
    told: &Told,
    plugins: &mut Registry,
) -> Result<(), Error> {
    let seen = match &told.database {
        Some(asked) => asked.read(plugins, &told.report, &[])?,
        None => None,
    };
    let database = seen.and_then(|seen| seen.size_bytes).unwrap_or(0);
    let building = if checked.built { BUILD_MB } else { 0 };
    checked.needs_mb = building + RELEASE_MB + RESERVE_MB + COPIES * database.div_ceil(1 << 20);
    checked.free_mb = told.report.disks.get("/").map_or(0, |room| room.free >> 20);
    Ok(())
}

/// What may be used, MiB; an error if that is not enough.
pub(super) fn enough(checked: &Checked) -> Result<u64, Error> {
    let (needs, free) = (checked.needs_mb, checked.free_mb);
    if free >= needs {
        return Ok(free.saturating_sub(RESERVE_MB));
    }
    let why = format!("the update needs {needs} MiB in the container, and {free} MiB are free");
    Err(Error::new(
        Kind::Resources,
        "There is not enough room for an update.",
        why,
    )
    .with_remedy(format!(
        "See where it went: homeport status {}",
        checked.instance
    )))
}
