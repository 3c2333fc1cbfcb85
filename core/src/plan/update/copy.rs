//! The database is dumped while it is in use; the dump is loaded into a database of its own, which is counted and copied
//! once more, the way the next generation will be made.

use homeport_engine::op::Op;
use homeport_engine::plan::Step;

use super::{
    CopySteps, HANDLE, REHEARSAL, TrialSteps, Update, Whose, making, rehearse, removal, script,
};
use crate::plan::backup;
use crate::plan::deploy::DeployError;

/// Makes the rehearsal's places `$1` for the user `$2`; `$3` are the files in service, of which a view is laid out that
/// keeps every change to itself – or a copy, where the file system cannot do that.
const LAY_OUT: &str = r#"for place in scratch database base logs upper work files; do
  install -d -m 0750 -o "$2" -g "$2" "$1/$place"
done
if mountpoint -q "$1/files"; then exit; fi
chown --reference="$3" "$1/upper"
chmod --reference="$3" "$1/upper"
layers="lowerdir=$3,upperdir=$1/upper,workdir=$1/work"
mount -t overlay -o "$layers,userxattr" homeport-rehearsal "$1/files" 2>/dev/null ||
  mount -t overlay -o "$layers" homeport-rehearsal "$1/files" 2>/dev/null ||
  cp -a --reflink=auto "$3/." "$1/files/""#;

/// A copy of all files may take long.
const LAY_OUT_S: u32 = 3600;

pub(super) fn dumped(update: &Update<'_>, steps: &CopySteps) -> Result<Vec<Step>, DeployError> {
    let recipe = &update.candidate.recipe.recipe;
    let mut laid = script(
        LAY_OUT,
        &[REHEARSAL, &recipe.user, &recipe.data.files],
        LAY_OUT_S,
    );
    laid.creates = vec![HANDLE.to_owned()];
    let away = Op::Exec(rehearse::take_down(update)?);
    let mut all =
        vec![Step::guest("Lay out a place to rehearse in", Op::Exec(laid)).undone_by(away)];
    // Before the dump: a file that users add after it has the number the candidate will give its own first one.
    all.push(rehearse::listing());
    let dump = update.database("dump").steps(&steps.dump)?;
    all.extend(backup::dumped(&recipe.user, dump));
    let load = update.database("load");
    let remove = removal(load, &steps.remove)?;
    all.extend(making(load, &steps.load, &remove)?);
    all.extend(update.looks(Whose::Dumped));
    Ok(all)
}

pub(super) fn counted(update: &Update<'_>, steps: &TrialSteps) -> Result<Vec<Step>, DeployError> {
    let mut all = update.counting(Whose::Dumped).steps(&steps.count)?;
    let trial = update.database("trial");
    let remove = removal(trial, &steps.remove)?;
    all.extend(making(trial, &steps.copy, &remove)?);
    Ok(all)
}
