//! The release lies in the guest, trusted and whole, in a directory of its own beside the one in service.

use homeport_engine::exec::Exec;
use homeport_engine::op::{Op, PushFile};
use homeport_engine::plan::Step;

use super::Update;
use crate::places::guest::STAGING;
use crate::plan::deploy::{self, DeployError};
use crate::plan::{absent, directory};

/// A package may have to be fetched over a slow line, seconds.
const PACKAGES_S: u32 = 900;

/// So long the network is waited for, seconds.
const NETWORK_S: u32 = 300;

pub(super) fn steps(update: &Update<'_>) -> Result<Vec<Step>, DeployError> {
    let candidate = update.candidate;
    let (release, guest) = (candidate.release(), candidate.operation.guest.clone());
    let mut steps = deploy::fetched(candidate)?;
    let place = |path: String, mode| {
        let title = format!("Make {path}");
        Step::guest(title, directory(path.clone(), mode, "root:root")).undone_by(absent(path))
    };
    steps.extend([place(STAGING.to_owned(), 0o700), place(release, 0o755)]);
    let push = |files: Vec<PushFile>| Op::Push {
        guest: guest.clone(),
        files,
    };
    // What was copied goes with its directory.
    let title = format!("Copy {} into it", candidate.version);
    let files = deploy::pushed(candidate)?;
    steps.push(Step::host(title, push(files)).undone_by(push(Vec::new())));
    steps.extend(packages(update)?);
    // What it came as is removed with everything else that is not needed any more, after Commit.
    let unpacked = deploy::unpacked(candidate)?.into_iter();
    steps.extend(unpacked.filter(|step| !step.op.destroys()).map(|step| {
        let back = match &step.op {
            Op::Unpack(unpack) => absent(unpack.to.clone()),
            other => other.clone(),
        };
        match step.op.only_reads() {
            true => step,
            false => step.undone_by(back),
        }
    }));
    steps.extend(deploy::looks(&update.whole.recipe, &candidate.release()));
    Ok(steps)
}

/// What is needed to trust it. One that was installed stays: taking it away could take away what others need.
fn packages(update: &Update<'_>) -> Result<Option<Step>, DeployError> {
    let packages = deploy::packages(update.candidate)?;
    if packages.is_empty() {
        return Ok(None);
    }
    let words = ["apt-get", "-q", "-y", "--no-install-recommends", "install"];
    let exec = Exec::root(words, PACKAGES_S).env("DEBIAN_FRONTEND", "noninteractive");
    let mut exec = exec.over_network(NETWORK_S);
    exec.argv.extend(packages.iter().cloned());
    let (title, op) = (format!("Have {}", packages.join(", ")), Op::Exec(exec));
    Ok(Some(Step::guest(title, op.clone()).undone_by(op)))
}
